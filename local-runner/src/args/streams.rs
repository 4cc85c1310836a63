//! Options of `streams` and what is below it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use headwater_core::datagen::{TimeType, parse_time_type};
use headwater_core::ids::{NamespaceId, StreamId};
use headwater_core::streams::BatchKind;
use headwater_core::streams::times::Window;
use reqwest::header::{HeaderName, HeaderValue};

use super::ServerOptions;

/// Options of `streams`.
#[derive(Debug, Args)]
pub(crate) struct Streams {
    #[command(flatten)]
    pub(crate) server: ServerOptions,

    /// Namespace of the streams.
    #[arg(short = 'N', long, global = true, value_name = "NAME", default_value = "default", value_parser = namespace)]
    pub(crate) namespace: NamespaceId,

    #[command(subcommand)]
    pub(crate) command: StreamsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StreamsCommand {
    /// Write lines, or Avro files, to a stream.
    ///
    /// Each line becomes an event; blank lines become none. Lines are sent in batches, as soon as 4 MiB are there or a second has
    /// passed. A batch is written as a whole or not at all, and never sent twice: when the connection breaks before the answer, the
    /// command ends and names the lines that are in doubt. An Avro file is one batch, whatever its size.
    ///
    /// Ctrl-C sends the whole lines that were read, and ends; a second one ends at once.
    Put(Put),
    /// Print events of a stream.
    ///
    /// Without --json, --format or --view these are the bodies, byte by byte, with a newline behind each. A body with a backslash
    /// before an x cannot be told from an escaped byte, and comes back changed.
    Cat(Cat),
    /// Print the last events of a stream, and those that follow.
    ///
    /// While the server is away, this waits until it is back, and goes on where it was.
    Tail(Tail),
    /// List streams, one name a line.
    Ls(List),
}

/// Options of `streams put`.
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// The stream.
    #[arg(value_name = "STREAM", value_parser = stream)]
    pub(crate) stream: StreamId,

    /// Files to send one after the other; `-` is standard input. [default: -]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Make the stream if it is missing.
    #[arg(long)]
    pub(crate) create: bool,

    /// What is sent: text/… for lines, avro/binary for an Avro file. [default: by a file's extension (avro, csv, tsv, txt, log), else text/plain]
    #[arg(long, value_name = "TYPE", value_parser = content_type)]
    pub(crate) content_type: Option<ContentType>,

    /// Header of every event; may be repeated. The server keeps keys in lower case.
    #[arg(short = 'H', long = "header", value_name = "KEY=VALUE", value_parser = event_header)]
    pub(crate) headers: Vec<EventHeader>,

    /// Show no progress, and no count at the end.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Options of `streams cat`.
#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// The stream.
    #[arg(value_name = "STREAM", value_parser = stream)]
    pub(crate) stream: StreamId,

    /// First moment: milliseconds since 1970, now-1h and the like (units s, m, h, d), or 2024-05-01T10:00:00 (UTC). [default: the first event]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) start: Option<Moment>,

    /// First moment that is not wanted any more, in the same forms. [default: the last event]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) end: Option<Moment>,

    /// Most events.
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=Window::MOST))]
    pub(crate) limit: Option<u64>,

    /// Print whole events as JSON, one a line; with --format or --view, they have the record besides.
    #[arg(long)]
    pub(crate) json: bool,

    /// Print each event as a record of the stream's format, as JSON.
    #[arg(long, conflicts_with = "view")]
    pub(crate) format: bool,

    /// Print each event as a record of this view's format, as JSON.
    #[arg(long, value_name = "VIEW", value_parser = stream)]
    pub(crate) view: Option<StreamId>,
}

/// Options of `streams tail`.
#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// The stream.
    #[arg(value_name = "STREAM", value_parser = stream)]
    pub(crate) stream: StreamId,

    /// How many of the last events are printed first.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub(crate) lines: usize,

    /// Print whole events as JSON, one a line.
    #[arg(long)]
    pub(crate) json: bool,

    /// End after the last events.
    #[arg(long)]
    pub(crate) no_follow: bool,
}

/// Options of `streams ls`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only names like this; * stands for any letters, ? for one.
    #[arg(value_name = "PATTERN")]
    pub(crate) pattern: Option<String>,

    /// Say how long events live, the format and the description too.
    #[arg(short, long)]
    pub(crate) long: bool,
}

/// A type of content that makes a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContentType {
    pub(crate) value: HeaderValue,
    pub(crate) kind: BatchKind,
}

/// A header of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventHeader {
    pub(crate) key: String,
    pub(crate) value: HeaderValue,
}

/// A moment of a window, as the server reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) String);

fn namespace(text: &str) -> Result<NamespaceId, String> {
    NamespaceId::try_from(text).map_err(|error| error.to_string())
}

fn stream(text: &str) -> Result<StreamId, String> {
    StreamId::try_from(text).map_err(|error| error.to_string())
}

fn content_type(text: &str) -> Result<ContentType, String> {
    let kind = BatchKind::of(text).ok_or("text/… or avro/binary is wanted")?;
    let value = HeaderValue::from_str(text).map_err(|_| "it cannot be sent as a header")?;
    Ok(ContentType { value, kind })
}

fn event_header(text: &str) -> Result<EventHeader, String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE is wanted")?;
    // The name that is sent begins with the stream's, which any name may follow.
    HeaderName::try_from(key).map_err(|_| format!("{key:?} cannot be the name of a header"))?;
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| "the value has bytes that no header may have")?;
    Ok(EventHeader { key: key.to_owned(), value })
}

fn moment(text: &str) -> Result<Moment, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number || text.starts_with("now") {
        return Ok(Moment(text.to_owned())); // The server knows when now is, and says what is wrong with the rest.
    }
    match parse_time_type(text) {
        Some(TimeType::From(moment)) => Ok(Moment(moment.as_millis().to_string())),
        _ => Err("milliseconds since 1970, now, now-1h and the like, or an ISO 8601 date or date and time is wanted".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Arguments, Command};

    fn parsed(words: &[&str]) -> Result<Streams, clap::Error> {
        match Arguments::try_parse_from([&["headwater", "streams"][..], words].concat())?.command {
            Command::Streams(streams) => Ok(streams),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_server_may_be_named_before_and_behind_the_verb() {
        for words in [&["--url", "http://h:1", "-N", "shop", "ls"][..], &["ls", "--url", "http://h:1", "-N", "shop"]] {
            let streams = parsed(words).unwrap();
            assert_eq!(streams.server.url.as_str(), "http://h:1/");
            assert_eq!(streams.namespace.as_str(), "shop");
        }
    }

    #[test]
    fn moments_are_what_the_server_reads_or_dates() {
        for (text, sent) in [("17", "17"), ("now-1h", "now-1h"), ("2024-05-01T10:00:00", "1714557600000"), ("1970-01-02", "86400000")] {
            assert_eq!(moment(text), Ok(Moment(sent.to_owned())), "{text}");
        }
        for text in ["", "yesterday", "-5", "SIM"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn headers_have_a_key_that_can_be_sent() {
        let header = event_header("level=a=b").unwrap();
        assert_eq!((header.key.as_str(), header.value.as_bytes()), ("level", &b"a=b"[..]));
        assert_eq!(event_header("city=Zürich").unwrap().value.as_bytes(), "Zürich".as_bytes());
        for text in ["level", "=x", "a b=x", "a=x\ny"] {
            assert!(event_header(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (words, named) in [
            (&["ls", "--url", "ftp://x"][..], "--url"),
            (&["ls", "-N", "a-b"], "--namespace"),
            (&["put", "a.b"], "STREAM"),
            (&["put", "s", "--content-type", "application/json"], "--content-type"),
            (&["put", "s", "-H", "x"], "--header"),
            (&["cat", "s", "-n", "0"], "--limit"),
            (&["cat", "s", "--start", "soon"], "--start"),
            (&["cat", "s", "--format", "--view", "v"], "--view"),
            (&["tail", "s", "-n", "-1"], "-1"),
        ] {
            let error = parsed(words).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(named), "{error}");
        }
    }
}
