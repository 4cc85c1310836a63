//! Files and standard input, read piece by piece.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use tokio::sync::mpsc;

/// Bytes read at once.
const PIECE: usize = 64 * 1024;

/// Pieces that may wait to be sent: with the batch under way, and the one that is being cut, they are all that is held in memory.
const WAITING: usize = 32;

/// An input that is being read.
#[derive(Debug)]
pub(super) struct Input {
    /// What messages call it.
    pub(super) name: String,
    pieces: mpsc::Receiver<std::io::Result<Bytes>>,
}

/// Checks that there is a file to read, and answers its length where that is known. A pipe must not be opened twice, so this only looks.
pub(super) fn look_at(path: &Path) -> anyhow::Result<Option<u64>> {
    if is_stdin(path) {
        return Ok(None);
    }
    let about = std::fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    if about.is_dir() {
        bail!("{} is a folder", path.display());
    }
    Ok(about.is_file().then_some(about.len()))
}

impl Input {
    /// Opens a file, or standard input, and begins to read it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        if is_stdin(path) {
            return Ok(Self::of("standard input".to_owned(), std::io::stdin()));
        }
        let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(Self::of(path.display().to_string(), file))
    }

    /// Begins to read what can be read.
    pub(super) fn of(name: String, source: impl Read + Send + 'static) -> Self {
        let (sender, pieces) = mpsc::channel(WAITING);
        // A thread of its own, and none of the runtime's: nobody waits for its end when it hangs in a read.
        std::thread::spawn(move || read(source, &sender));
        Self { name, pieces }
    }

    /// The next piece; `None` at the end. Nothing is lost when this is not waited for.
    pub(super) async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        self.pieces.recv().await
    }

    /// What was read and not asked for; no more is read.
    pub(super) fn stop(&mut self) -> Vec<Bytes> {
        self.pieces.close();
        std::iter::from_fn(|| self.pieces.try_recv().ok()).map_while(Result::ok).collect()
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == OsStr::new("-")
}

fn read(mut source: impl Read, sender: &mpsc::Sender<std::io::Result<Bytes>>) {
    loop {
        let mut piece = vec![0; PIECE];
        let read = match source.read(&mut piece) {
            Ok(0) => return,
            Ok(length) => {
                piece.truncate(length);
                Ok(piece.into())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = read.is_err();
        if sender.blocking_send(read).is_err() || failed {
            return;
        }
    }
}
