use std::io::Write as _;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use flate2::Compression;
use flate2::write::GzEncoder;
use headwater_core::ports::{Batch, Committed, Owner, Sink, SinkError};
use headwater_core::targets::S3Target;

use super::verdict;
use crate::aws::{code, is_missing};

/// Writes an object for each step: `PREFIX TASK-FIRST.ndjson`, where FIRST is the number of the object's first record.
///
/// What a step wrote that was not committed lies under the very name that its repetition writes, and is overwritten by it. So the
/// objects of a task together always hold its records once. For that to be true even when a worker goes on whose lease has lapsed,
/// an object is only written over what was there when the sink was opened: whoever comes second is refused.
#[derive(Debug)]
pub(in crate::targets) struct S3Sink {
    s3: Client,
    target: S3Target,
    task: String,
    /// What lies under the name of the next object.
    found: Found,
    body: Body,
    written: Committed,
    durable: Committed,
}

#[derive(Debug)]
enum Found {
    Nothing,
    /// S3 does not say whether there is anything: the right to list the bucket is missing.
    Hidden,
    Object {
        etag: String,
    },
}

#[derive(Debug)]
enum Body {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl Body {
    fn new(gzip: bool) -> Self {
        if gzip { Self::Gzip(GzEncoder::new(Vec::new(), Compression::fast())) } else { Self::Plain(Vec::new()) }
    }

    fn add(&mut self, text: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(bytes) => bytes.write_all(text),
            Self::Gzip(encoder) => encoder.write_all(text),
        }
    }

    fn finish(self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Plain(bytes) => Ok(bytes),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}

impl S3Sink {
    pub(in crate::targets) async fn open(s3: Client, target: &S3Target, owner: &Owner, committed: Committed) -> Result<Self, SinkError> {
        let mut sink = Self {
            s3,
            target: target.clone(),
            task: owner.0.clone(),
            found: Found::Nothing,
            body: Body::new(target.gzip),
            written: committed,
            durable: committed,
        };
        match sink.s3.head_object().bucket(&target.bucket).key(sink.key()).send().await {
            Ok(object) => sink.found = Found::Object { etag: object.e_tag.unwrap_or_default() },
            // Without the right to list the bucket, S3 does not say whether an object is there. Writing will tell.
            Err(error) if error.raw_response().is_some_and(|answer| answer.status().as_u16() == 403) => sink.found = Found::Hidden,
            Err(error) if is_missing(&error) || error.raw_response().is_some_and(|answer| answer.status().as_u16() == 404) => {}
            Err(error) => return Err(verdict(&sink.place(), &error)),
        }
        Ok(sink)
    }

    fn key(&self) -> String {
        let ending = if self.target.gzip { ".ndjson.gz" } else { ".ndjson" };
        format!("{}{}-{:012}{ending}", self.target.prefix, self.task, self.durable.records)
    }

    fn place(&self) -> String {
        format!("s3://{}/{}", self.target.bucket, self.target.prefix)
    }
}

fn broken(error: &std::io::Error) -> SinkError {
    SinkError::Retry(format!("the records cannot be compressed: {error}"))
}

#[async_trait]
impl Sink for S3Sink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.body.add(&batch.text).map_err(|error| broken(&error))?;
        self.written.records += batch.len() as u64;
        self.written.bytes += batch.text.len() as u64;
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        if self.written == self.durable {
            return Ok(());
        }
        let body = std::mem::replace(&mut self.body, Body::new(self.target.gzip)).finish().map_err(|error| broken(&error))?;
        let request = self.s3.put_object().bucket(&self.target.bucket).key(self.key()).content_type("application/x-ndjson");
        let request = if self.target.gzip { request.content_encoding("gzip") } else { request };
        let request = match &self.found {
            Found::Nothing | Found::Hidden => request.if_none_match("*"),
            Found::Object { etag } => request.if_match(etag),
        };
        match request.body(body.into()).send().await {
            Ok(_) => {
                self.durable = self.written;
                self.found = Found::Nothing;
                Ok(())
            }
            Err(error) if code(&error) == "PreconditionFailed" && matches!(self.found, Found::Hidden) => {
                let place = self.place();
                Err(SinkError::Retry(format!(
                    "{place} holds what a former try wrote; to see it takes the rights s3:GetObject and s3:ListBucket"
                )))
            }
            // It may also be this very request, sent again after its answer was lost; the repetition finds out.
            Err(error) if matches!(code(&error), "PreconditionFailed" | "ConditionalRequestConflict" | "NoSuchKey") => {
                Err(SinkError::Retry(format!("{} has been written meanwhile", self.key())))
            }
            Err(error) => Err(verdict(&self.place(), &error)),
        }
    }

    fn committed(&self) -> Committed {
        self.durable
    }
}
