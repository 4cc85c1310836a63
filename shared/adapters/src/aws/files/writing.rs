use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use headwater_core::ids::FileName;
use headwater_core::ports::{Condition, DocumentsExt as _, Etag, FileWriter, PortError};

use super::compose::LEAST_PART;
use super::{Manifest, S3Files, key_of};

/// Bytes held in memory before they are stored without being asked to.
const BUFFER: usize = 32 << 20;

/// A piece below this length is joined with what follows, so that a file that grows slowly has few pieces, and all but the last few
/// can be parts of a multipart upload.
const SMALL: u64 = 2 * LEAST_PART;

/// Pieces a multipart upload takes, with room to spare: beyond, a small piece is a larger one.
const PIECES: u64 = 8000;

/// Appends to a file. Nothing of it is seen before the manifest is written.
#[derive(Debug)]
pub(super) struct Writer {
    files: S3Files,
    name: FileName,
    manifest: Manifest,
    /// Of the manifest as it is stored.
    etag: Etag,
    buffer: BytesMut,
    /// Whether pieces are stored that the stored manifest does not name.
    ahead: bool,
    /// Objects that the stored manifest still names and the next one does not.
    replaced: Vec<String>,
}

impl Writer {
    pub(super) fn new(files: S3Files, name: FileName, manifest: Manifest, etag: Etag) -> Self {
        Self { files, name, manifest, etag, buffer: BytesMut::new(), ahead: false, replaced: Vec::new() }
    }

    /// Stores the buffer as a piece, joined with the small pieces before it that are not much larger: each byte is stored again as
    /// often as the file's tail has doubled.
    async fn store_buffer(&mut self) -> Result<(), PortError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut bytes = self.buffer.split().freeze();
        let small = SMALL.max(self.manifest.length() / PIECES);
        let mut kept = self.manifest.pieces.len();
        while let Some(last) = self.manifest.pieces[..kept].last() {
            if last.length >= small || last.length > 2 * bytes.len() as u64 {
                break;
            }
            let Some(before) = self.files.fetch(&self.manifest, last).await? else { return Err(self.superseded()) };
            bytes = [before, bytes].concat().into();
            kept -= 1;
        }
        let piece = self.files.store(&self.manifest, bytes).await?;
        let joined = self.manifest.pieces.split_off(kept);
        self.replaced.extend(joined.iter().map(|piece| self.manifest.object_key(piece)));
        self.manifest.pieces.push(piece);
        self.ahead = true;
        Ok(())
    }

    fn superseded(&self) -> PortError {
        PortError::Conflict { what: self.name.to_string() }
    }

    /// Makes the manifest the file's, and then removes what it replaces.
    async fn commit(&mut self) -> Result<(), PortError> {
        self.manifest.modified = self.files.clock.now();
        let condition = Condition::Match(self.etag.clone());
        let written = self.files.documents.put_json(&key_of(&self.name)?, &self.manifest, condition).await;
        self.etag = written.map_err(|error| if error.is_conflict() { self.superseded() } else { error })?;
        self.ahead = false;
        self.files.discard(std::mem::take(&mut self.replaced)).await;
        Ok(())
    }
}

#[async_trait]
impl FileWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        self.buffer.extend_from_slice(&bytes);
        if self.buffer.len() >= BUFFER { self.store_buffer().await } else { Ok(()) }
    }

    async fn sync(&mut self) -> Result<u64, PortError> {
        self.store_buffer().await?;
        if self.ahead {
            self.manifest.finished = false;
            self.commit().await?;
        }
        Ok(self.manifest.length())
    }

    async fn finish(&mut self) -> Result<u64, PortError> {
        let length = self.sync().await?;
        if self.manifest.whole().is_none() && length > 0 {
            let whole = self.files.compose(&self.manifest).await?;
            self.replaced = self.manifest.pieces.iter().map(|piece| self.manifest.object_key(piece)).collect();
            self.manifest.pieces = vec![whole];
        }
        self.manifest.finished = true;
        self.commit().await?;
        Ok(length)
    }
}
