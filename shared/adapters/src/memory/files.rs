use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use futures::stream;
use headwater_core::ids::FileName;
use headwater_core::ports::{ByteStream, Clock, FileInfo, FileWriter, Files, Owner, PortError, Timestamp};

use super::held;

/// Most bytes in one piece of a read.
const PIECE: usize = 128 << 10;

/// Files in memory.
#[derive(Debug, Clone)]
pub struct MemoryFiles {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<FileName, File>,
    /// Counts creations, openings and writes, so that no two states of a file have the same number.
    changes: u64,
}

struct File {
    owner: Owner,
    /// The opening whose writer may write.
    opening: u64,
    bytes: BytesMut,
    modified: Timestamp,
    change: u64,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("owner", &self.owner).field("length", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl MemoryFiles {
    /// No files. `clock` tells when each was last written.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { inner: Arc::new(Inner { clock, state: Mutex::default() }) }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        held(&self.state)
    }
}

impl State {
    fn change(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }
}

fn not_found(name: &FileName) -> PortError {
    PortError::NotFound { what: name.to_string() }
}

fn conflict(name: &FileName) -> PortError {
    PortError::Conflict { what: name.to_string() }
}

fn too_short(name: &FileName) -> PortError {
    PortError::Corrupt { what: name.to_string(), source: "the file is shorter than what was asked for".into() }
}

#[async_trait]
impl Files for MemoryFiles {
    async fn create(&self, name: &FileName, owner: &Owner) -> Result<(), PortError> {
        let modified = self.inner.clock.now();
        let mut state = self.inner.state();
        let change = state.change();
        let file = File { owner: owner.clone(), opening: change, bytes: BytesMut::new(), modified, change };
        state.files.insert(name.clone(), file);
        Ok(())
    }

    async fn append_at(&self, name: &FileName, owner: &Owner, offset: u64) -> Result<Box<dyn FileWriter>, PortError> {
        let modified = self.inner.clock.now();
        let mut state = self.inner.state();
        let change = state.change();
        let file = state.files.get_mut(name).ok_or_else(|| not_found(name))?;
        if file.owner != *owner {
            return Err(conflict(name));
        }
        let length = usize::try_from(offset).ok().filter(|&offset| offset <= file.bytes.len()).ok_or_else(|| too_short(name))?;
        if length < file.bytes.len() {
            file.bytes.truncate(length);
            (file.modified, file.change) = (modified, change);
        }
        file.opening = change;
        Ok(Box::new(Writer { inner: Arc::clone(&self.inner), name: name.clone(), opening: change }))
    }

    async fn info(&self, name: &FileName) -> Result<Option<FileInfo>, PortError> {
        let state = self.inner.state();
        Ok(state.files.get(name).map(|file| FileInfo {
            length: file.bytes.len() as u64,
            modified: file.modified,
            etag: file.change.to_string(),
        }))
    }

    async fn read(&self, name: &FileName, range: Range<u64>) -> Result<ByteStream, PortError> {
        let state = self.inner.state();
        let file = state.files.get(name).ok_or_else(|| not_found(name))?;
        let bounds = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        let bytes = bounds.and_then(|(start, end)| file.bytes.get(start..end)).ok_or_else(|| too_short(name))?;
        let mut rest = Bytes::copy_from_slice(bytes);
        let pieces = std::iter::from_fn(move || {
            let piece = rest.split_to(rest.len().min(PIECE));
            (!piece.is_empty()).then_some(Ok(piece))
        });
        Ok(stream::iter(pieces).boxed())
    }

    async fn list(&self) -> Result<Vec<FileName>, PortError> {
        Ok(self.inner.state().files.keys().cloned().collect())
    }

    async fn delete(&self, name: &FileName) -> Result<(), PortError> {
        self.inner.state().files.remove(name);
        Ok(())
    }
}

#[derive(Debug)]
struct Writer {
    inner: Arc<Inner>,
    name: FileName,
    opening: u64,
}

#[async_trait]
impl FileWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        let modified = self.inner.clock.now();
        let mut state = self.inner.state();
        let change = state.change();
        let file = state.files.get_mut(&self.name).ok_or_else(|| not_found(&self.name))?;
        if file.opening != self.opening {
            return Err(conflict(&self.name));
        }
        if !bytes.is_empty() {
            file.bytes.extend_from_slice(&bytes);
            (file.modified, file.change) = (modified, change);
        }
        Ok(())
    }

    async fn sync(&mut self) -> Result<u64, PortError> {
        let state = self.inner.state();
        let file = state.files.get(&self.name).ok_or_else(|| not_found(&self.name))?;
        if file.opening == self.opening { Ok(file.bytes.len() as u64) } else { Err(conflict(&self.name)) }
    }
}
