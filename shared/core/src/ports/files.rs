use std::fmt::Debug;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::{PortError, Timestamp};
use crate::ids::FileName;

/// Who may append to a file: the task that writes it. A file that another owner has created anew can no longer be
/// written by the former one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(pub String);

/// What is known of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Length in bytes.
    pub length: u64,
    /// Last write.
    pub modified: Timestamp,
    /// Changes whenever the bytes may have changed; without quotes.
    pub etag: String,
}

/// The headers that a reader of a shared address is to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// `Content-Type`.
    pub content_type: String,
    /// `Content-Disposition`.
    pub disposition: String,
}

/// The bytes of a file in pieces of bounded size.
pub type ByteStream = BoxStream<'static, Result<Bytes, PortError>>;

/// Named byte objects. Written by one owner at a time in appends from a known offset, read by anybody at any time.
#[async_trait]
pub trait Files: Send + Sync + Debug {
    /// Makes the file anew: empty, and `owner` is its only writer from now on. Durable.
    async fn create(&self, name: &FileName, owner: &Owner) -> Result<(), PortError>;

    /// Opens the file for appending at `offset`. Whatever lies beyond is cut off: it was written after the last committed
    /// position. A writer opened before for the same file can no longer write.
    ///
    /// # Errors
    /// [`PortError::Conflict`] when another owner has created the file since, [`PortError::NotFound`] when it is gone,
    /// [`PortError::Corrupt`] when it is shorter than `offset`.
    async fn append_at(&self, name: &FileName, owner: &Owner, offset: u64) -> Result<Box<dyn FileWriter>, PortError>;

    /// What is known of the file, or `None`.
    async fn info(&self, name: &FileName) -> Result<Option<FileInfo>, PortError>;

    /// The bytes of `range`, which must lie within the file.
    async fn read(&self, name: &FileName, range: Range<u64>) -> Result<ByteStream, PortError>;

    /// An address at which anybody who has it may fetch the file as it is now, until `valid_for` is over. `None` when this
    /// store has no such addresses, or not for this file.
    async fn share(&self, _name: &FileName, _valid_for: Duration, _shown: &Shown) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    /// All files, sorted by name.
    async fn list(&self) -> Result<Vec<FileName>, PortError>;

    /// Removes the file; one that is not there is fine.
    async fn delete(&self, name: &FileName) -> Result<(), PortError>;
}

/// A file being appended to.
#[async_trait]
pub trait FileWriter: Send + Debug {
    /// Appends. The bytes are durable and readable after the next [`FileWriter::sync`]; readers may see them before.
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError>;

    /// Makes everything written durable and readable, and answers the length of the file up to which it is.
    async fn sync(&mut self) -> Result<u64, PortError>;

    /// Like [`FileWriter::sync`], where nothing is expected to follow: a store that keeps a growing file in pieces puts them
    /// together.
    async fn finish(&mut self) -> Result<u64, PortError> {
        self.sync().await
    }
}
