//! Files in a folder of the local disk, and chunks in another.
//!
//! * This file is the port of files: who may write which file, and the blocking calls moved off the async threads.
//! * [`disk`] is the disk: paths, symbolic links, durability and pieces.
//! * [`chunks`] is the port of chunks, which needs little of that.
//!
//! Who owns a file is kept in memory only: the first `append_at` of a process that has not created the file itself is
//! believed. A [`FileName`] cannot lead out of the folder, and symbolic links are no part of it: they are neither listed
//! nor followed, whatever they point to.

mod chunks;
mod disk;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use headwater_core::ids::FileName;
use headwater_core::ports::{ByteStream, FileInfo, FileWriter, Files, Owner, PortError};

use crate::blocking::{blocking, held};
use disk::{Disk, Tail};

pub use chunks::ChunkFolder;

/// Files in a folder of the local disk.
#[derive(Debug)]
pub struct Folder {
    disk: Arc<Disk>,
    /// One entry for each name that was written or asked for in this process. Entries stay, so that whoever waits for one
    /// and whoever comes later always mean the same.
    entries: Mutex<HashMap<FileName, Arc<Entry>>>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Whoever changes the file holds this meanwhile; only blocking threads wait for it.
    rights: Mutex<Rights>,
    /// How often the file was made anew or cut: tells apart two states of the same length within one tick of the disk's
    /// clock.
    cuts: AtomicU64,
}

/// Who may write.
#[derive(Debug, Default)]
struct Rights {
    owner: Option<Owner>,
    /// Number of the last opening; the writers of former ones can no longer write.
    opening: u64,
}

impl Folder {
    /// The folder at `path`, made if it is not there.
    ///
    /// # Errors
    /// When it can be neither found nor made.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self { disk: Arc::new(Disk::open(path.as_ref())?), entries: Mutex::default() })
    }

    fn entry(&self, name: &FileName) -> Arc<Entry> {
        Arc::clone(held(&self.entries).entry(name.clone()).or_default())
    }

    /// How often the file was cut in this process, without making an entry for a name that is merely asked for.
    fn cuts(&self, name: &FileName) -> u64 {
        held(&self.entries).get(name).map_or(0, |entry| entry.cuts.load(Ordering::Acquire))
    }
}

impl Rights {
    fn check(&self, name: &FileName, opening: u64) -> Result<(), PortError> {
        if self.opening == opening { Ok(()) } else { Err(PortError::Conflict { what: name.to_string() }) }
    }
}

#[async_trait]
impl Files for Folder {
    async fn create(&self, name: &FileName, owner: &Owner) -> Result<(), PortError> {
        let (disk, entry, name, owner) = (Arc::clone(&self.disk), self.entry(name), name.clone(), owner.clone());
        blocking("creating a file", move || {
            let mut rights = held(&entry.rights);
            rights.opening += 1;
            rights.owner = None;
            entry.cuts.fetch_add(1, Ordering::AcqRel);
            disk.create(&name)?;
            rights.owner = Some(owner);
            Ok(())
        })
        .await
    }

    async fn append_at(&self, name: &FileName, owner: &Owner, offset: u64) -> Result<Box<dyn FileWriter>, PortError> {
        let (disk, entry, name, owner) = (Arc::clone(&self.disk), self.entry(name), name.clone(), owner.clone());
        blocking("opening a file", move || {
            let mut rights = held(&entry.rights);
            if rights.owner.as_ref().is_some_and(|former| *former != owner) {
                return Err(PortError::Conflict { what: name.to_string() });
            }
            let tail = disk.append_at(&name, offset)?;
            entry.cuts.fetch_add(1, Ordering::AcqRel);
            rights.opening += 1;
            rights.owner = Some(owner);
            let opening = rights.opening;
            drop(rights);
            Ok(Box::new(Writer { name, entry, opening, tail: Arc::new(Mutex::new(tail)) }) as Box<dyn FileWriter>)
        })
        .await
    }

    async fn info(&self, name: &FileName) -> Result<Option<FileInfo>, PortError> {
        let (disk, cuts, name) = (Arc::clone(&self.disk), self.cuts(name), name.clone());
        blocking("looking at a file", move || disk.info(&name, cuts)).await
    }

    async fn read(&self, name: &FileName, range: Range<u64>) -> Result<ByteStream, PortError> {
        let (disk, name) = (Arc::clone(&self.disk), name.clone());
        let reader = blocking("opening a file", move || disk.read(&name, range)).await?;
        let pieces = stream::try_unfold(reader, |mut reader| async {
            blocking("reading a file", move || Ok(reader.piece()?.map(|piece| (piece, reader)))).await
        });
        Ok(pieces.boxed())
    }

    async fn list(&self) -> Result<Vec<FileName>, PortError> {
        let disk = Arc::clone(&self.disk);
        blocking("listing files", move || disk.list()).await
    }

    async fn delete(&self, name: &FileName) -> Result<(), PortError> {
        let (disk, entry, name) = (Arc::clone(&self.disk), self.entry(name), name.clone());
        blocking("removing a file", move || {
            let mut rights = held(&entry.rights);
            rights.opening += 1;
            rights.owner = None;
            disk.delete(&name)
        })
        .await
    }
}

/// A file being appended to. Its blocking calls go on to their end even if nobody waits for them any more, so both locks
/// are held throughout each.
#[derive(Debug)]
struct Writer {
    name: FileName,
    entry: Arc<Entry>,
    opening: u64,
    tail: Arc<Mutex<Tail>>,
}

impl Writer {
    async fn with_tail<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Tail) -> Result<T, PortError> + Send + 'static,
    ) -> Result<T, PortError> {
        let (name, entry, opening, tail) = (self.name.clone(), Arc::clone(&self.entry), self.opening, Arc::clone(&self.tail));
        blocking(doing, move || {
            let rights = held(&entry.rights);
            rights.check(&name, opening)?;
            work(&mut held(&tail))
        })
        .await
    }
}

#[async_trait]
impl FileWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        self.with_tail("writing a file", move |tail| tail.write(&bytes)).await
    }

    async fn sync(&mut self) -> Result<u64, PortError> {
        self.with_tail("making a file durable", Tail::sync).await
    }
}
