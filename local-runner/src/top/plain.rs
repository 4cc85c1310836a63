//! What runs, printed once: for scripts, and for whoever has no terminal.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use headwater_console::live::Now;
use tokio::time::{Instant, timeout_at};

use super::feed::{Feed, FeedError};
use super::lists::{List, Side, lists};
use super::text::{bytes, rate, span};

/// How long is waited for a rate: a server that nobody watched has none yet.
const SETTLES_WITHIN: Duration = Duration::from_secs(4);

pub(super) async fn run(feed: &Feed, server: &str) -> anyhow::Result<ExitCode> {
    let now = settled(feed).await?;
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(render(&now, server).as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever closes a pipe has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        written => written.context("standard output cannot be written")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The first moment whose rates are known.
async fn settled(feed: &Feed) -> Result<Now, FeedError> {
    let mut moments = feed.listen().await?;
    let mut now = moments.next().await?;
    let end = Instant::now() + SETTLES_WITHIN;
    while !has_rates(&now) {
        match timeout_at(end, moments.next()).await {
            Ok(next) => now = next?,
            Err(_) => break,
        }
    }
    Ok(now)
}

/// Whether everything that has a rate has been seen often enough to have one.
fn has_rates(now: &Now) -> bool {
    let jobs = now.jobs.iter().map(|job| &job.rates);
    let fleets = now.fleets.iter().map(|fleet| &fleet.rates);
    let streams = now.streams.iter().map(|stream| &stream.rates);
    jobs.chain(fleets).chain(streams).all(|rates| rates.len() >= 2)
}

/// The whole text: a line of the server, and a block for each list that has something.
fn render(now: &Now, server: &str) -> String {
    let mut text = format!(
        "headwater {} at {server}, up {}, {} events/s, {} stored\n",
        super::text::clean(&now.version),
        span(Duration::from_secs(now.uptime)),
        rate(now.per_second),
        bytes(now.stored_bytes)
    );
    for list in lists(now).iter().filter(|list| !list.rows.is_empty()) {
        text.push_str(&format!("\n{}\n", list.title));
        for line in lines(list) {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// Headings and rows, in columns.
fn lines(list: &List) -> Vec<String> {
    let headings: Vec<String> = list.columns.iter().map(|column| column.heading.to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&headings).chain(list.rows.iter().map(|row| &row.cells)).collect();
    let width = |column: usize| all.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..list.columns.len()).map(width).collect();
    let line = |cells: &&Vec<String>| {
        let cells = cells.iter().zip(list.columns).zip(&widths).map(|((cell, column), width)| match column.side {
            Side::Left => format!("{cell:<width$}"),
            Side::Right => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    all.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use headwater_console::live::{Job, StreamNow, Trouble};

    use super::*;

    fn job(name: &str) -> Job {
        Job { name: name.to_owned(), status: "RUNNING".to_owned(), records: 1234, per_second: 12.34, run_time: 65.0, ..Job::default() }
    }

    #[test]
    fn a_moment_is_columns_of_text() {
        let stream = StreamNow { namespace: "shop".to_owned(), name: "clicks".to_owned(), events: 7, bytes: 2048, ..StreamNow::default() };
        let now = Now {
            at: 10_000,
            version: "0.1.0".to_owned(),
            uptime: 5,
            per_second: 12.34,
            stored_bytes: 2048,
            jobs: vec![job("clicks"), job("x")],
            streams: vec![stream],
            ..Now::default()
        };
        let wanted = "\
headwater 0.1.0 at http://h:1/, up 5s, 12.3 events/s, 2.0KiB stored

Jobs
NAME    STATUS   RECORDS  PER S  ALIVE  TIME  TARGET
clicks  RUNNING    1,234   12.3      0  1m5s
x       RUNNING    1,234   12.3      0  1m5s

Streams
NAME         EVENTS  PER S    SIZE
shop/clicks       7    0.0  2.0KiB
";
        assert_eq!(render(&now, "http://h:1/"), wanted);
    }

    #[test]
    fn no_text_of_the_server_moves_the_terminal() {
        let trouble =
            Trouble { message: "\u{1b}[31mred\nnext".to_owned(), place: "\u{9b}2J".to_owned(), level: "\u{7}".to_owned(), at: i64::MIN };
        let stream = StreamNow { namespace: "\u{1b}c".to_owned(), name: "\r".to_owned(), ..StreamNow::default() };
        let version = "\u{1b}]0;\u{7}".to_owned();
        let now = Now {
            at: i64::MAX,
            version,
            jobs: vec![job("\u{1b}[2J\u{202e}")],
            streams: vec![stream],
            troubles: vec![trouble],
            ..Now::default()
        };
        let text = render(&now, "s");
        assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'), "{text:?}");
        assert_eq!(text.lines().count(), 13, "{text}");
    }
}
