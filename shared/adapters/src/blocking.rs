//! What adapters over blocking calls have in common: threads to block on, locks, and what the disk's errors mean.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use headwater_core::ports::PortError;

/// Runs work that may block on a thread for such work. It runs to its end even if nobody waits for it any more.
pub(crate) async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, PortError> + Send + 'static,
) -> Result<T, PortError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(lost) => Err(PortError::unavailable(doing, lost)),
    }
}

/// The content of a lock, even when a panic elsewhere has left it: all changes under these locks are whole or not begun.
pub(crate) fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the disk has no room, or this user's share of it.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The port's error for one of the disk.
pub(crate) fn disk_error(doing: &'static str, what: &impl ToString, error: io::Error) -> PortError {
    if is_full(&error) { PortError::Full { what: what.to_string() } } else { PortError::unavailable(doing, error) }
}

/// Makes the names in a folder durable.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// Other systems keep names durable themselves and cannot open a folder.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
