//! The database file.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use headwater_core::ports::PortError;
use redb::{Builder, Database, ReadTransaction, ReadableDatabase as _, WriteTransaction};
use tracing::{info, warn};

use super::tables;
use crate::blocking::is_full;

/// Memory for pages of the database. Its own default is a gigabyte.
const CACHE: usize = 64 << 20;

/// Room that writes leave free on the disk. A database that has met a full disk must be opened anew, and it can neither do
/// that nor remove anything without room to write.
const RESERVE: u64 = 32 << 20;

/// On a small disk the room left free is this part of it.
const RESERVE_PART: u64 = 16;

type Open = dyn Fn(&mut Builder) -> Result<Database, redb::Error> + Send + Sync;

/// Where the database lives.
pub(super) struct Place {
    /// Opens it there.
    pub(super) open: Box<Open>,
    /// Looks at the disk there.
    pub(super) disk: Box<dyn Fn() -> io::Result<Disk> + Send + Sync>,
}

/// What is known of the disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disk {
    /// Bytes that are free.
    pub(super) free: u64,
    /// Bytes that the disk has in all.
    pub(super) total: u64,
    /// Bytes that the database's file holds, used or not; zero when that cannot be told.
    pub(super) held: u64,
}

/// The database, which may be opened anew while it is used.
pub(super) struct Engine {
    place: Place,
    /// `None` after a failure, until it could be opened anew. All transactions live under a read lock, so that whoever has
    /// the write lock knows that there are none.
    database: RwLock<Option<Database>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    pub(super) fn open(place: Place) -> Result<Self, redb::Error> {
        let database = open_database(&place)?;
        Ok(Self { place, database: RwLock::new(Some(database)) })
    }

    fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads in a transaction of its own. Short ones only: pages that it sees are not reused meanwhile.
    pub(super) fn read<T>(&self, work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>) -> Result<T, redb::Error> {
        let database = self.database();
        work(&database.as_ref().ok_or(redb::Error::PreviousIo)?.begin_read()?)
    }

    /// Writes in a transaction of its own; the writer's thread is the only caller. `work` says whether there is anything to
    /// commit; the commit is durable when this returns.
    pub(super) fn write<T>(&self, work: impl FnOnce(&WriteTransaction) -> Result<(T, bool), redb::Error>) -> Result<T, redb::Error> {
        let database = self.database();
        let mut transaction = database.as_ref().ok_or(redb::Error::PreviousIo)?.begin_write()?;
        // Every commit also says which pages are free. One that did not would cost a scan of everything after a crash.
        transaction.set_quick_repair(true);
        let (answer, changed) = work(&transaction)?;
        if changed {
            transaction.commit()?;
        } else {
            transaction.abort()?;
        }
        Ok(answer)
    }

    /// Opens the database anew after a failure: it refuses all work from then on, because it cannot know what the disk holds.
    pub(super) fn reopen(&self) -> Result<(), redb::Error> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *database = None; // Closed first: the file is locked as long as it is open.
        match open_database(&self.place) {
            Ok(opened) => {
                info!("the store was opened anew after a failure");
                *database = Some(opened);
                Ok(())
            }
            Err(error) => {
                warn!(%error, "the store could not be opened anew");
                Err(error)
            }
        }
    }

    /// Bytes that writes may still add to the disk.
    pub(super) fn room(&self) -> u64 {
        (self.place.disk)().map_or(u64::MAX, |disk| disk.free.saturating_sub(RESERVE.min(disk.total / RESERVE_PART)))
    }

    /// Bytes of the file that hold nothing any more, so that writes may use them without taking more of the disk. This walks
    /// the whole database.
    pub(super) fn reusable(&self, transaction: &WriteTransaction) -> Result<u64, redb::Error> {
        let Ok(disk) = (self.place.disk)() else { return Ok(0) };
        let stats = transaction.stats()?;
        Ok(disk.held.saturating_sub(stats.allocated_pages() * stats.page_size() as u64))
    }

    /// Whether a failure has left it closed.
    pub(super) fn is_closed(&self) -> bool {
        self.database().is_none()
    }
}

fn open_database(place: &Place) -> Result<Database, redb::Error> {
    let database = (place.open)(Database::builder().set_cache_size(CACHE))?;
    tables::make(&database)?;
    Ok(database)
}

/// The port's error when there is no room.
pub(super) fn full() -> PortError {
    PortError::Full { what: "the data folder".to_owned() }
}

/// The port's error for a failure of the database that one or many callers share.
pub(super) fn port_error(doing: &'static str, error: &Arc<redb::Error>) -> PortError {
    match &**error {
        redb::Error::Io(cause) if is_full(cause) => full(),
        redb::Error::Corrupted(_) => PortError::Corrupt { what: "the data folder".to_owned(), source: Arc::clone(error).into() },
        _ => PortError::unavailable(doing, Arc::clone(error)),
    }
}
