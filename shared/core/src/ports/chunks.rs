use std::fmt::Debug;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Key, PortError, Timestamp};

/// A line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedChunk {
    /// Its key.
    pub key: Key,
    /// When it was written, by the store's clock.
    pub written: Timestamp,
}

/// Byte objects that are written whole, once, and read in ranges: the bulk of what a document refers to. Nobody sees a chunk
/// before a document names it, so what was written for a document that never came is harmless, and is swept.
#[async_trait]
pub trait Chunks: Send + Sync + Debug {
    /// Writes chunks under keys that were never used before. When this has returned, all of them are durable and whole; when it
    /// has failed, any of them may be there.
    async fn put(&self, chunks: Vec<(Key, Bytes)>) -> Result<(), PortError>;

    /// The bytes of `range`, which must lie within the chunk.
    ///
    /// # Errors
    /// [`PortError::NotFound`] when there is no such chunk, [`PortError::Corrupt`] when it ends before the range does.
    async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, PortError>;

    /// Removes a chunk; one that is not there is fine.
    async fn delete(&self, key: &Key) -> Result<(), PortError>;

    /// The chunks below `prefix/` in order of key, starting after `after`, `limit` at most.
    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<ListedChunk>, PortError>;
}
