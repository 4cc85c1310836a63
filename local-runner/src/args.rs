//! What a user can say, on the command line or in the environment. The doc comments are the manual.

mod load_tests;
mod server;
mod services;
mod streams;
mod top;
mod validate;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use headwater_adapters::targets::OutboundHosts;
use headwater_core::datagen::{TimeType, parse_span, parse_time_type};
use headwater_core::limits;
use headwater_core::simulations::ConnectionString;

pub(crate) use load_tests::{Compare, Form, LoadTestOptions, LoadTests, LoadTestsCommand};
pub(crate) use server::ServerOptions;
pub(crate) use services::ServiceOptions;
pub(crate) use streams::{Cat, ContentType, List, Put, Streams, StreamsCommand, Tail};
pub(crate) use top::Top;
pub(crate) use validate::{Kind, Validate};

/// Where event streams begin.
#[derive(Debug, Parser)]
#[command(name = "headwater", version, about, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Host every endpoint group on one port.
    Serve(Box<Serve>),
    /// Make an event stream from a specification, on standard output or to a target.
    Generate(Generate),
    /// Check specifications, requests to start jobs, and device models.
    ///
    /// Says `ok` of each, or all that is wrong with it, with the paths of the members. Ends with 0 when nothing is wrong, with 1 when
    /// something is, and with 2 when something cannot be read.
    Validate(Validate),
    /// Write and read the streams of a running server.
    Streams(Streams),
    /// Watch what runs on a server, in the terminal.
    ///
    /// Keys: Tab and the left and right arrows choose a list, up and down scroll it, q ends. While the server is away this says so, and
    /// waits until it is back.
    Top(Top),
    /// Print the description of the API, in OpenAPI 3.1.
    Openapi,
    /// Look into the load tests that a running server has recorded.
    LoadTests(LoadTests),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address to listen on. [default: 127.0.0.1:9999, or the port that PORT names]
    #[arg(long, env = "HEADWATER_ADDRESS", value_name = "HOST:PORT")]
    address: Option<SocketAddr>,

    /// Port to listen on when no address is given.
    #[arg(long, env = "PORT", hide = true)]
    port: Option<u16>,

    /// Where everything is kept.
    #[arg(long, env = "HEADWATER_STORE", value_enum, default_value_t = Store::Embedded)]
    pub(crate) store: Store,

    /// Folder of the embedded store and of the files that jobs write.
    #[arg(long, env = "HEADWATER_DATA_DIR", value_name = "FOLDER", default_value = "headwater-data")]
    pub(crate) data_dir: PathBuf,

    /// With `--store aws`: the bucket. [default: headwater, where an endpoint is given]
    #[arg(long, env = "HEADWATER_BUCKET", value_name = "NAME")]
    pub(crate) bucket: Option<String>,

    /// With `--store aws`: URL of the queue. [default: that of the queue headwater-steps, where an endpoint is given]
    #[arg(long, env = "HEADWATER_QUEUE_URL", value_name = "URL")]
    pub(crate) queue_url: Option<String>,

    /// With `--store aws`: the Kinesis stream that events go ahead into. [default: headwater-events, where an endpoint is given]
    #[arg(long, env = "HEADWATER_EVENT_STREAM", value_name = "NAME")]
    pub(crate) event_stream: Option<String>,

    /// Endpoint of LocalStack or another service that speaks S3, SQS and Kinesis; what is missing is made there.
    #[arg(long, env = "HEADWATER_ENDPOINT_URL", value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,

    /// Folder of your own specifications; they add to the stock ones and hide those of the same name.
    #[arg(long, env = "HEADWATER_SPECS_DIR", value_name = "FOLDER")]
    pub(crate) specs_dir: Option<PathBuf>,

    /// Token that every request must carry as `Authorization: Bearer TOKEN`.
    #[arg(long, env = "HEADWATER_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = token)]
    pub(crate) token: Option<TokenText>,

    /// Listen beyond loopback without a token.
    #[arg(long, env = "HEADWATER_INSECURE", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub(crate) insecure: bool,

    /// Hosts that `http`, `mqtt` and `iothub` targets may call, comma-separated: host, host:port or *.domain. [default: any]
    #[arg(long, env = "HEADWATER_ALLOW_OUTBOUND", value_name = "HOSTS")]
    pub(crate) allow_outbound: Option<OutboundHosts>,

    /// Address to which it is posted that a stream has grown by its notification threshold.
    #[arg(long, env = "HEADWATER_NOTIFY_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) notify_url: Option<String>,

    /// URL of an SQS queue to which the same is sent.
    #[arg(long, env = "HEADWATER_NOTIFY_QUEUE_URL", value_name = "URL")]
    pub(crate) notify_queue_url: Option<String>,

    /// Connection string of the Azure IoT Hub that simulations use unless they say otherwise. [default: the local hub]
    #[arg(long = "iothub-connection-string", env = "HEADWATER_IOTHUB_CONNECTION_STRING", value_name = "STRING", hide_env_values = true, value_parser = hub)]
    pub(crate) hub: Option<ConnectionString>,

    #[command(flatten)]
    pub(crate) services: ServiceOptions,

    #[command(flatten)]
    pub(crate) load_tests: LoadTestOptions,

    /// Form of the log on standard error.
    #[arg(long, env = "HEADWATER_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,

    /// Start, in small, what a newcomer should see.
    #[arg(long, env = "HEADWATER_DEMO", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub(crate) demo: bool,
}

impl Serve {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], self.port.unwrap_or(9999))))
    }
}

/// A token, kept from being printed.
#[derive(Clone)]
pub(crate) struct TokenText(pub(crate) headwater_core::secret::Secret);

impl std::fmt::Debug for TokenText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(headwater_core::secret::MASK)
    }
}

fn token(text: &str) -> Result<TokenText, String> {
    let fits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        Ok(TokenText(headwater_core::secret::Secret::new(text)))
    } else {
        Err("a token is printable ASCII without spaces".to_owned())
    }
}

fn hub(text: &str) -> Result<ConnectionString, String> {
    let read = ConnectionString::parse(text).map_err(|error| error.to_string())?;
    if read.key.expose().is_empty() { Err("the connection string has no key".to_owned()) } else { Ok(read) }
}

/// Where everything is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    /// On this machine's disk.
    Embedded,
    /// In memory: gone when the server ends.
    Memory,
    /// In an AWS account, which several servers and the Lambda functions may share.
    Aws,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Options of `generate`.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// A stock specification's name, a path, or `-` for standard input.
    #[arg(value_name = "SPEC")]
    pub(crate) specification: String,

    /// Records to write.
    #[arg(short = 'n', long = "total-events", value_name = "N")]
    pub(crate) total_events: Option<u64>,

    /// Job time to run for: an integer followed by s, m, h or d.
    #[arg(short = 't', long = "time", value_name = "TIME", value_parser = span)]
    pub(crate) time: Option<Nanos>,

    /// Most entities alive at once.
    #[arg(short = 'm', long = "concurrency", value_name = "MAX", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=limits::CONCURRENCY))]
    pub(crate) concurrency: u64,

    /// Simulate, from now (alone or SIM) or from a start such as 2023-01-01T00:00:00. Without it: real time.
    #[arg(short = 's', long = "simulate", value_name = "START", num_args = 0..=1, default_missing_value = "SIM", value_parser = time_type)]
    pub(crate) simulate: Option<TimeType>,

    /// File holding a target object. [default: standard output]
    #[arg(short = 'o', long = "output", value_name = "TARGET.json")]
    pub(crate) output: Option<PathBuf>,

    /// Seed of all draws: the same seed gives the same records.
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) seed: Option<i64>,

    #[command(flatten)]
    pub(crate) services: ServiceOptions,
}

/// A span of job time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nanos(pub(crate) u64);

fn span(text: &str) -> Result<Nanos, String> {
    parse_span(text).map(Nanos).ok_or_else(|| "an integer followed by s, m, h or d is wanted, such as 90s or 48h".to_owned())
}

fn time_type(text: &str) -> Result<TimeType, String> {
    parse_time_type(text).ok_or_else(|| "SIM, REAL or an ISO 8601 date or date and time is wanted".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_bare_s_simulates_from_now() {
        let parsed = |words: &[&str]| match Arguments::try_parse_from(words).unwrap().command {
            Command::Generate(options) => options.simulate,
            other => panic!("{other:?}"),
        };
        assert_eq!(parsed(&["headwater", "generate", "x", "-s"]), Some(TimeType::Simulated));
        assert_eq!(parsed(&["headwater", "generate", "-s", "SIM", "x"]), Some(TimeType::Simulated));
        assert_eq!(parsed(&["headwater", "generate", "x", "-s", "REAL"]), Some(TimeType::Real));
        assert_eq!(parsed(&["headwater", "generate", "x"]), None);
        assert!(matches!(parsed(&["headwater", "generate", "x", "-s", "2023-01-01T00:00:00"]), Some(TimeType::From(_))));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (words, named) in [
            (&["headwater", "generate", "x", "-n", "abc"][..], "--total-events"),
            (&["headwater", "generate", "x", "-t", "5"], "--time"),
            (&["headwater", "generate", "x", "-m", "0"], "--concurrency"),
            (&["headwater", "generate", "x", "--nope"], "--nope"),
            (&["headwater", "serve", "--address", "nowhere"], "--address"),
            (&["headwater", "serve", "--store", "s4"], "--store"),
        ] {
            let error = Arguments::try_parse_from(words).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(named), "{error}");
        }
    }
}
