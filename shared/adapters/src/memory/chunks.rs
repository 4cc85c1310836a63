use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use headwater_core::ports::{Chunks, Clock, Key, ListedChunk, PortError, Timestamp};

use super::held;

/// Chunks in memory.
#[derive(Debug)]
pub struct MemoryChunks {
    clock: Arc<dyn Clock>,
    chunks: Mutex<BTreeMap<String, Chunk>>,
}

struct Chunk {
    bytes: Bytes,
    written: Timestamp,
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunk").field("length", &self.bytes.len()).field("written", &self.written).finish()
    }
}

impl MemoryChunks {
    /// No chunks. `clock` tells when each is written.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, chunks: Mutex::default() }
    }
}

#[async_trait]
impl Chunks for MemoryChunks {
    async fn put(&self, chunks: Vec<(Key, Bytes)>) -> Result<(), PortError> {
        let written = self.clock.now();
        // A slice may be a small part of something large that would stay with it.
        let chunks = chunks.into_iter().map(|(key, bytes)| (key.as_str().to_owned(), Chunk { bytes: bytes.to_vec().into(), written }));
        held(&self.chunks).extend(chunks);
        Ok(())
    }

    async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, PortError> {
        let chunks = held(&self.chunks);
        let chunk = chunks.get(key.as_str()).ok_or_else(|| PortError::NotFound { what: key.to_string() })?;
        let bounds = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        let bounds = bounds.filter(|&(start, end)| start <= end && end <= chunk.bytes.len());
        let (start, end) = bounds.ok_or_else(|| PortError::too_short(key))?;
        Ok(chunk.bytes.slice(start..end))
    }

    async fn delete(&self, key: &Key) -> Result<(), PortError> {
        held(&self.chunks).remove(key.as_str());
        Ok(())
    }

    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<ListedChunk>, PortError> {
        let chunks = held(&self.chunks);
        let below = format!("{prefix}/");
        let start = after.map_or(below.as_str(), |after| after.as_str().max(&below));
        let range = chunks.range::<str, _>((Bound::Excluded(start), Bound::Unbounded));
        let lines = range.take_while(|(key, _)| key.starts_with(&below)).take(limit);
        Ok(lines.map(|(key, chunk)| ListedChunk { key: Key::from_stored(key.clone()), written: chunk.written }).collect())
    }
}
