//! Structured logs on standard error, so that standard output stays free for records.

use std::io::IsTerminal as _;

use headwater_console::Troubles;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::LogFormat;

/// Installs the log. `RUST_LOG` filters it by level and module (`warn,headwater_core=debug`); without it: from `info` up.
/// What goes wrong is noted in `troubles` besides.
pub(crate) fn install(format: LogFormat, troubles: Troubles) {
    let asked = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => log.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(log.with_filter(filter)).with(troubles.with_filter(LevelFilter::WARN)).init();
}
