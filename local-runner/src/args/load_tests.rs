//! How load tests are recorded, and options of `load-tests`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use headwater_core::load_tests::{BadRule, Rule, Settings, parse_idle, parse_period};

use super::ServerOptions;

/// Options of `load-tests`.
#[derive(Debug, Args)]
pub(crate) struct LoadTests {
    #[command(flatten)]
    pub(crate) server: ServerOptions,

    #[command(subcommand)]
    pub(crate) command: LoadTestsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LoadTestsCommand {
    /// Hold a run against an earlier one.
    ///
    /// Ends with 0 when no rule applies, with 1 when one does, and with 2 when the runs cannot be compared, or a rule that was given cannot be
    /// judged because a value is missing.
    Compare(Compare),
}

/// Options of `load-tests compare`.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The run to hold against: its id, or a file with the record of a run or with Locust's statistics as JSON.
    #[arg(value_name = "BASE")]
    pub(crate) base: String,

    /// The run to judge, likewise.
    #[arg(value_name = "CANDIDATE")]
    pub(crate) candidate: String,

    /// Fail where this applies; may be repeated. p95>10% is a change, failureRatio>1pp percentage points, p99>250 a value; p95 of total>10%
    /// leaves single endpoints out. [default: p95 of total>10% and failureRatio of total>1pp]
    #[arg(long, value_name = "RULE", value_parser = rule)]
    pub(crate) fail_on: Vec<Rule>,

    /// How the comparison is printed.
    #[arg(long, value_enum, default_value_t = Form::Table)]
    pub(crate) format: Form,
}

/// How something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A table to read.
    Table,
    /// One JSON object.
    Json,
}

fn rule(text: &str) -> Result<Rule, String> {
    text.parse().map_err(|wrong: BadRule| wrong.to_string())
}

/// How load tests are recorded.
#[derive(Debug, Args)]
pub(crate) struct LoadTestOptions {
    /// Time between two heartbeats of a load test, such as 500ms, 15s or 1m; from 100ms to 1h.
    #[arg(long = "loadtest-period", env = "HEADWATER_LOADTEST_PERIOD", value_name = "TIME", default_value = "15s", value_parser = parse_period, help_heading = "Load tests")]
    period: Duration,

    /// A load test of which nothing is heard for so long counts as lost, unless it says otherwise: 60s, 5m, 1d.
    #[arg(long = "loadtest-idle", env = "HEADWATER_LOADTEST_IDLE", value_name = "TIME", default_value = "1d", value_parser = parse_idle, help_heading = "Load tests")]
    idle: Duration,
}

impl LoadTestOptions {
    /// What the recorder is told.
    pub(crate) fn settings(&self) -> Settings {
        Settings { period: self.period, idle: self.idle }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Arguments, Command};

    fn parsed(words: &[&str]) -> Result<LoadTests, clap::Error> {
        match Arguments::try_parse_from([&["headwater", "load-tests"][..], words].concat())?.command {
            Command::LoadTests(options) => Ok(options),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rules_are_read_with_the_arguments() {
        let options = parsed(&["compare", "a", "b", "--fail-on", "p95>10%", "--fail-on=requestsPerSecond<-5%", "--server", "http://h:1"]);
        let LoadTests { server, command: LoadTestsCommand::Compare(compare) } = options.unwrap();
        assert_eq!(server.url.as_str(), "http://h:1/");
        assert_eq!(compare.fail_on.iter().map(ToString::to_string).collect::<Vec<_>>(), ["p95>10%", "requestsPerSecond<-5%"]);
        for (words, named) in [
            (&["compare", "a"][..], "CANDIDATE"),
            (&["compare", "a", "b", "--fail-on", "p96>1"], "--fail-on"),
            (&["compare", "a", "b", "--format", "csv"], "--format"),
        ] {
            let error = parsed(words).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(named), "{error}");
        }
    }
}
