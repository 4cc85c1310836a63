//! `streams cat`: the events of a window.

use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::client::Client;
use super::events::{Event, Reading, push_readable};
use crate::args::Cat;
use crate::output::write_out;

/// What is printed of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Body,
    Json,
    Record,
}

pub(super) async fn run(client: &Client, options: &Cat) -> anyhow::Result<ExitCode> {
    let limit = options.limit.map(|limit| limit.to_string());
    let mut window = Vec::new();
    window.extend(options.start.as_ref().map(|start| ("start", start.0.as_str())));
    window.extend(options.end.as_ref().map(|end| ("end", end.0.as_str())));
    window.extend(limit.as_deref().map(|limit| ("limit", limit)));
    window.extend(options.view.as_ref().map(|view| ("view", view.as_str())));
    window.extend(options.format.then_some(("format", "true")));
    let form = match options {
        Cat { json: true, .. } => Form::Json,
        Cat { format: true, .. } | Cat { view: Some(_), .. } => Form::Record,
        Cat { .. } => Form::Body,
    };
    let mut reading = Reading::begin(client, &options.stream, &window).await?;
    let (mut out, mut count, mut misfits) = (Vec::new(), 0, Misfits::default());
    loop {
        let read = reading.next(|event| {
            count += 1;
            print(event, form, &mut out, &mut misfits);
        });
        let read = read.await;
        write_out(&mut out)?; // What came before a failure is printed all the same.
        if !read.with_context(|| format!("{count} events were printed"))? {
            return misfits.outcome();
        }
    }
}

fn print(event: &Event<'_>, form: Form, out: &mut Vec<u8>, misfits: &mut Misfits) {
    match (form, &event.record) {
        (Form::Body, _) => event.push_body(out),
        (Form::Json, _) => event.push_json(out),
        (Form::Record, Ok(record)) => {
            push_readable(out, record.unwrap_or("null").as_bytes());
            out.push(b'\n');
        }
        (Form::Record, Err(error)) => misfits.note(event.timestamp, error),
    }
}

/// Events that are no records of the format.
#[derive(Debug, Default)]
struct Misfits {
    count: u64,
    /// Of the first: its timestamp, and why.
    first: Option<(i64, String)>,
}

impl Misfits {
    fn note(&mut self, timestamp: i64, error: &str) {
        self.count += 1;
        self.first.get_or_insert_with(|| (timestamp, error.to_owned()));
    }

    fn outcome(self) -> anyhow::Result<ExitCode> {
        let Some((timestamp, error)) = self.first else { return Ok(ExitCode::SUCCESS) };
        bail!("{} events do not fit the format and are left out (--json shows them); the first, of {timestamp}: {error}", self.count);
    }
}
