//! Documents, event log and task queue in one folder on disk: what `serve` keeps its state in unless told otherwise.
//!
//! * [`engine`] is the database file: opening, the lock, short reads, and opening anew after a failure.
//! * [`writer`] is the one thread that writes: whatever waits is decided and committed together, with one commit.
//! * [`tables`] says what is stored where.
//! * `documents`, `event_log` and `task_queue` are the ports over these; [`appending`] and [`uploading`] are how events come in.
//!
//! Why this database: `docs/adr/0001-embedded-store.md`.

mod appending;
mod document_cache;
mod documents;
mod engine;
mod event_log;
#[cfg(test)]
mod event_log_tests;
mod sweeping;
mod tables;
mod task_queue;
#[cfg(test)]
mod tests;
mod uploading;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_core::ports::{Clock, PortError};
use redb::ReadTransaction;

use crate::blocking::{blocking, sync_folder};
use crate::waiting::Waiting;
use document_cache::DocumentCache;
use engine::{Disk, Engine, Place};
use tables::Tables;
use writer::Writer;

pub use documents::EmbeddedDocuments;
pub use event_log::EmbeddedEventLog;
pub use task_queue::EmbeddedTaskQueue;

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store in this one, has it open.
    #[error("the data folder {} is in use by another process", .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// It was written by a version with another layout.
    #[error("the data folder {} has the format {found}; this version knows the format {}", .folder.display(), tables::FORMAT)]
    Format {
        /// The folder.
        folder: PathBuf,
        /// What it says of itself.
        found: u64,
    },
    /// The disk or the database refused.
    #[error("the data folder {} cannot be opened", .folder.display())]
    Failed {
        /// The folder.
        folder: PathBuf,
        /// What it met.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A store in a folder on disk. Clones are the same store; it is closed when the last of them, and of the ports that it gave,
/// is dropped.
#[derive(Debug, Clone)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
}

/// What the ports have in common.
#[derive(Debug)]
struct Shared {
    clock: Arc<dyn Clock>,
    engine: Arc<Engine>,
    writer: Writer,
    cache: Arc<DocumentCache>,
    waiting: Waiting,
}

impl EmbeddedStore {
    /// Opens the store in `folder`, which is made if it is not there, and holds it against other processes.
    ///
    /// # Errors
    /// When another process has it, or it cannot be read or made.
    pub fn open(folder: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let folder = folder.as_ref();
        let failed = |error: std::io::Error| OpenError::Failed { folder: folder.to_owned(), source: error.into() };
        let path = make_folder(folder).map_err(failed)?;
        let file = path.clone();
        let disk = Box::new(move || {
            let disk = fs4::statvfs(&file)?;
            Ok(Disk { free: disk.available_space(), total: disk.total_space(), held: held_by(&file)? })
        });
        let open = Box::new(move |builder: &mut redb::Builder| Ok(builder.create(&path)?));
        let store = Self::open_place(folder, Place { open, disk }, clock)?;
        sync_folder(folder).map_err(failed)?;
        Ok(store)
    }

    fn open_place(folder: &Path, place: Place, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let folder = folder.to_owned();
        let engine = match Engine::open(place).and_then(|engine| Ok((engine.read(tables::format)?, engine))) {
            Ok((tables::FORMAT, engine)) => Arc::new(engine),
            Ok((found, _)) => return Err(OpenError::Format { folder, found }),
            Err(redb::Error::DatabaseAlreadyOpen) => return Err(OpenError::InUse { folder }),
            Err(other) => return Err(OpenError::Failed { folder, source: other.into() }),
        };
        let cache = Arc::new(DocumentCache::default());
        let writer = Writer::start(Arc::clone(&engine), Arc::clone(&clock), Arc::clone(&cache));
        writer.submit(uploading::give_up_all); // Whoever was uploading is gone.
        Ok(Self { shared: Arc::new(Shared { clock, engine, writer, cache, waiting: Waiting::default() }) })
    }

    /// The document store.
    #[must_use]
    pub fn documents(&self) -> EmbeddedDocuments {
        EmbeddedDocuments::new(Arc::clone(&self.shared))
    }

    /// The event log.
    #[must_use]
    pub fn event_log(&self) -> EmbeddedEventLog {
        EmbeddedEventLog::new(Arc::clone(&self.shared))
    }

    /// The task queue.
    #[must_use]
    pub fn task_queue(&self) -> EmbeddedTaskQueue {
        EmbeddedTaskQueue::new(Arc::clone(&self.shared))
    }
}

impl Shared {
    /// Reads in a short transaction, off the async threads.
    async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, PortError> {
        let engine = Arc::clone(&self.engine);
        blocking(doing, move || engine.read(work).map_err(|error| engine::port_error(doing, &Arc::new(error)))).await
    }

    /// Decides and writes within the next commit, and answers once that is durable. `size` is how many bytes that adds;
    /// what adds nothing is done even on a full disk, because it may be what makes room.
    async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        size: usize,
        work: impl FnOnce(&mut Tables<'_>) -> Result<Result<T, PortError>, redb::Error> + Send + 'static,
    ) -> Result<T, PortError> {
        self.writer.write(doing, size, work).await
    }
}

/// Makes the folder, durably, and answers where the database belongs in it.
fn make_folder(folder: &Path) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    if let Some(parent) = folder.canonicalize()?.parent() {
        sync_folder(parent)?;
    }
    Ok(folder.join("store.redb"))
}

/// Bytes of the disk that a file holds: less than its length when it has holes.
#[cfg(unix)]
fn held_by(file: &Path) -> std::io::Result<u64> {
    Ok(std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(file)?) * 512)
}

#[cfg(not(unix))]
fn held_by(_: &Path) -> std::io::Result<u64> {
    Ok(0)
}
