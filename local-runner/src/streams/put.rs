//! `streams put`: lines in batches, Avro files as a whole.
//!
//! A batch is sent once. The server writes it as a whole or not at all; when it is not known which, this ends and says so.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use headwater_core::ids::StreamId;
use headwater_core::limits;
use headwater_core::streams::BatchKind;
use headwater_core::streams::ingest::AvroFile;
use headwater_core::streams::ingest::avro::AvroError;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::batches::{Batches, LineBatch};
use super::client::{Client, Failure};
use super::input::{Input, look_at};
use super::progress::Progress;
use super::upload;
use crate::args::{ContentType, Put};
use crate::remote::RequestError;

pub(super) async fn run(client: &Client, options: &Put) -> anyhow::Result<ExitCode> {
    let files = if options.files.is_empty() { vec![PathBuf::from("-")] } else { options.files.clone() };
    let mut total = Some(0);
    for file in &files {
        total = look_at(file)?.zip(total).map(|(length, total)| length + total);
    }
    let headers = event_headers(&options.stream, options)?;
    find_stream(client, options).await?;
    let progress = if options.quiet { Progress::hidden() } else { Progress::new(total) };
    let interrupt = Interrupt::new()?;
    let mut put = Putting { client, stream: &options.stream, headers, progress, interrupt, interrupted: None, events: 0, bytes: 0 };
    let outcome = put.send_all(&files, options.content_type.as_ref()).await;
    put.progress.end();
    outcome?;
    if !options.quiet {
        eprintln!("{} events, {} bytes", put.events, put.bytes);
    }
    Ok(put.interrupted.map_or(ExitCode::SUCCESS, ExitCode::from))
}

/// The headers of a request that become headers of its events.
fn event_headers(stream: &StreamId, options: &Put) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for header in &options.headers {
        let name =
            HeaderName::try_from(format!("{stream}.{}", header.key)).with_context(|| format!("the header {} is too long", header.key))?;
        headers.insert(name, header.value.clone());
    }
    Ok(headers)
}

/// Sees that the stream is there before anything is read, so that a mistake in its name shows at once.
async fn find_stream(client: &Client, options: &Put) -> anyhow::Result<()> {
    if options.create {
        return client.create(&options.stream).await.context("the stream could not be made");
    }
    match client.properties(options.stream.as_str()).await {
        Ok(_) => Ok(()),
        Err(error) => match error.downcast_ref() {
            Some(RequestError::Refused { status: StatusCode::NOT_FOUND, message }) if message.starts_with("stream:") => {
                Err(anyhow!("{message}; --create makes it"))
            }
            _ => Err(error.context("nothing was written")),
        },
    }
}

/// What a file has, by its extension.
fn content_type_of(path: &Path) -> ContentType {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let (value, kind) = match extension.as_deref() {
        Some("avro") => ("avro/binary", BatchKind::Avro),
        Some("csv") => ("text/csv", BatchKind::Lines),
        Some("tsv") => ("text/tsv", BatchKind::Lines),
        _ => ("text/plain", BatchKind::Lines),
    };
    ContentType { value: HeaderValue::from_static(value), kind }
}

/// A put under way.
struct Putting<'a> {
    client: &'a Client,
    stream: &'a StreamId,
    headers: HeaderMap,
    progress: Progress,
    interrupt: Interrupt,
    /// How this will end, once it was told to.
    interrupted: Option<u8>,
    /// Events that are written, and bytes of them.
    events: u64,
    bytes: u64,
}

impl Putting<'_> {
    async fn send_all(&mut self, files: &[PathBuf], given: Option<&ContentType>) -> anyhow::Result<()> {
        for (number, file) in files.iter().enumerate() {
            let ContentType { value, kind } = given.cloned().unwrap_or_else(|| content_type_of(file));
            let sent = match (Input::open(file), kind) {
                (Err(error), _) => Err(error),
                (Ok(input), BatchKind::Lines) => self.send_lines(input, &value).await,
                (Ok(input), BatchKind::Avro) => self.send_file(input, &value).await,
            };
            match sent {
                Err(error) if number > 0 => return Err(error.context(format!("{number} of {} files were written", files.len()))),
                sent => sent?,
            }
            if self.interrupted.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn send_lines(&mut self, input: Input, content_type: &HeaderValue) -> anyhow::Result<()> {
        let name = input.name.clone();
        let (mut batches, mut written) = (Batches::of(input), 0);
        loop {
            let batch = tokio::select! {
                batch = batches.next() => batch.with_context(|| format!("{name}: {written} lines were written"))?,
                code = self.interrupt.wait() => {
                    self.interrupted = Some(code);
                    batches.stop();
                    continue;
                }
            };
            let Some(batch) = batch else { return Ok(()) };
            let length = batch.text.len() as u64;
            // Blank lines are nothing to the server.
            if batch.events > 0 {
                let (client, stream, headers) = (self.client, self.stream, self.headers.clone());
                let sent = self.answer(client.send_batch(stream, content_type, &headers, batch.text.clone())).await;
                sent.map_err(|failure| what_is_written(&name, written, &batch, failure, stream))?;
            }
            // It may have been told to end while it waited for the answer.
            if self.interrupted.is_some() {
                batches.stop();
            }
            written += batch.lines;
            self.events += batch.events;
            self.bytes += batch.bytes;
            self.progress.moved(length, self.events);
        }
    }

    /// Sends an Avro file while it is read. It is counted on the way; one that is damaged is broken off before its end.
    async fn send_file(&mut self, mut input: Input, content_type: &HeaderValue) -> anyhow::Result<()> {
        let name = input.name.clone();
        let nothing = || format!("{name}: nothing of it was written");
        let (upload, body) = upload::begin();
        let (client, stream, headers) = (self.client, self.stream, self.headers.clone());
        let mut sending = pin!(client.send_batch(stream, content_type, &headers, body));
        let (progress, before) = (&self.progress, self.events);
        let feeding = async {
            let mut count = DatumCount::new();
            while let Some(piece) = input.next().await {
                let piece = piece.context("it cannot be read to its end")?;
                let length = piece.len() as u64;
                count.push(piece.clone())?;
                if !upload.push(piece).await {
                    return Ok(None);
                }
                progress.moved(length, before + count.events);
            }
            let (events, bytes) = count.finish()?;
            anyhow::Ok(upload.end().await.then_some((events, bytes)))
        };
        let fed = tokio::select! {
            biased;
            // An answer before the end is a refusal.
            sent = &mut sending => return sent.with_context(nothing),
            fed = feeding => fed.with_context(nothing)?,
            _ = self.interrupt.wait() => bail!("{}: it was interrupted", nothing()),
        };
        let Some((events, bytes)) = fed else { return sending.await.with_context(nothing) };
        self.answer(sending).await.map_err(|failure| {
            let outcome = if failure.changed_nothing() { nothing() } else { format!("{name} is in doubt ({})", how_to_look(stream)) };
            anyhow::Error::new(failure).context(outcome)
        })?;
        self.events += events;
        self.bytes += bytes;
        Ok(())
    }

    /// Waits for an answer. Being told to end does not hurry it, being told so twice does.
    async fn answer(&mut self, sending: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
        let mut sending = pin!(sending);
        loop {
            tokio::select! {
                sent = &mut sending => return sent,
                code = self.interrupt.wait() => if self.interrupted.replace(code).is_some() {
                    return Err(RequestError::Broke("it was interrupted".to_owned()).into());
                }
            }
        }
    }
}

/// An error that says what of the lines is written, what is not, and what is in doubt.
fn what_is_written(name: &str, written: u64, batch: &LineBatch, failure: Failure, stream: &StreamId) -> anyhow::Error {
    let (first, last) = (written + 1, written + batch.lines);
    let outcome = if failure.changed_nothing() {
        format!("{name}: {written} lines were written, none from line {first} on")
    } else {
        let look = how_to_look(stream);
        format!("{name}: {written} lines were written; lines {first} to {last} are in doubt ({look}), those behind them were not written")
    };
    anyhow::Error::new(failure).context(outcome)
}

fn how_to_look(stream: &StreamId) -> String {
    format!("see how the stream ends: headwater streams tail --no-follow {stream}")
}

/// Counts the datums of an Avro file, as the server will.
struct DatumCount {
    file: AvroFile,
    events: u64,
    bytes: u64,
}

impl DatumCount {
    fn new() -> Self {
        Self { file: AvroFile::new(limits::EVENT_BODY), events: 0, bytes: 0 }
    }

    fn push(&mut self, mut piece: Bytes) -> Result<(), AvroError> {
        loop {
            let mut datums = Vec::new();
            let more = self.file.pull(&mut piece, &mut datums)?;
            self.events += datums.len() as u64;
            self.bytes += datums.iter().map(|datum| datum.len() as u64).sum::<u64>();
            if !more {
                return Ok(());
            }
        }
    }

    fn finish(self) -> Result<(u64, u64), AvroError> {
        self.file.finish().map(|()| (self.events, self.bytes))
    }
}

/// Ctrl-C, and being told to terminate.
struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened for");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for either; the exit code that a shell expects then.
    async fn wait(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_is_guessed_from_the_extension() {
        for (path, wanted) in [
            ("a.avro", "avro/binary"),
            ("a.CSV", "text/csv"),
            ("b/a.tsv", "text/tsv"),
            ("a.txt", "text/plain"),
            ("a.log", "text/plain"),
            ("a.jsonl", "text/plain"),
            ("avro", "text/plain"),
            ("-", "text/plain"),
        ] {
            let ContentType { value, kind } = content_type_of(Path::new(path));
            assert_eq!(value, wanted, "{path}");
            assert_eq!(Some(kind), BatchKind::of(wanted), "{path}");
        }
    }

    #[test]
    fn an_error_says_what_is_written_and_what_is_in_doubt() {
        let stream = StreamId::try_from("s").unwrap();
        let batch = LineBatch { text: Bytes::new(), lines: 10, events: 9, bytes: 90 };
        let told = |failure| format!("{:#}", what_is_written("a.log", 30, &batch, failure, &stream));
        let refused = told(RequestError::Refused { status: StatusCode::NOT_FOUND, message: "gone".to_owned() }.into());
        assert!(refused.starts_with("a.log: 30 lines were written, none from line 31 on: "), "{refused}");
        assert!(refused.ends_with("404 Not Found: gone") && !refused.contains("doubt"), "{refused}");
        let broke = told(RequestError::Broke("reset".to_owned()).into());
        assert!(broke.starts_with("a.log: 30 lines were written; lines 31 to 40 are in doubt"), "{broke}");
    }
}
