use std::ops::Range;

use aws_sdk_s3::primitives::ByteStream as Body;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::try_unfold;
use headwater_core::ids::FileName;
use headwater_core::ports::{ByteStream, PortError};

use super::{Manifest, S3Files, not_found, too_short};
use crate::aws::{is_missing, unavailable};

/// How often the reading of one stretch may break off.
const ATTEMPTS: u32 = 5;

/// A file being read.
struct Reading {
    files: S3Files,
    name: FileName,
    manifest: Manifest,
    /// What is still to be read.
    range: Range<u64>,
    /// The object being read, if one is.
    body: Option<Body>,
    broken: u32,
}

/// The bytes of a range that lies within the manifest's length.
pub(super) fn stream(files: S3Files, name: FileName, manifest: Manifest, range: Range<u64>) -> ByteStream {
    let reading = Reading { files, name, manifest, range, body: None, broken: 0 };
    try_unfold(reading, |mut reading| async move { Ok(reading.next().await?.map(|bytes| (bytes, reading))) }).boxed()
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, PortError> {
        while self.range.start < self.range.end {
            let Some(body) = &mut self.body else {
                self.open().await?;
                continue;
            };
            match body.next().await {
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => {
                    self.range.start += bytes.len() as u64;
                    self.broken = 0;
                    return Ok(Some(bytes));
                }
                None => self.body = None, // The next piece.
                Some(Err(error)) => {
                    self.body = None;
                    self.broken += 1;
                    if self.broken >= ATTEMPTS {
                        return Err(PortError::unavailable("reading a file", error));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Opens the piece where the range now begins. A piece may have been joined with others since: what a writer has made durable
    /// stays the same bytes, whatever the pieces, unless the file was cut or made anew.
    async fn open(&mut self) -> Result<(), PortError> {
        for _ in 0..ATTEMPTS {
            let (key, range) = self.stretch().ok_or_else(|| too_short(&self.name))?;
            let request = self.files.s3.get_object().bucket(&*self.files.bucket).key(key);
            match request.range(format!("bytes={}-{}", range.start, range.end - 1)).send().await {
                Ok(answer) => {
                    self.body = Some(answer.body);
                    return Ok(());
                }
                Err(error) if is_missing(&error) => {
                    let (manifest, _) = self.files.manifest(&self.name).await?.ok_or_else(|| not_found(&self.name))?;
                    if manifest.id != self.manifest.id {
                        return Err(not_found(&self.name));
                    }
                    self.manifest = manifest;
                }
                Err(error) => return Err(unavailable("reading a file", error)),
            }
        }
        Err(PortError::unavailable("reading a file", "its pieces are replaced too quickly"))
    }

    /// The object that holds the next bytes, and where in it they lie.
    fn stretch(&self) -> Option<(String, Range<u64>)> {
        let mut start = 0;
        for piece in &self.manifest.pieces {
            let end = start + piece.length;
            if self.range.start < end {
                return Some((self.manifest.object_key(piece), self.range.start - start..self.range.end.min(end) - start));
            }
            start = end;
        }
        None
    }
}
