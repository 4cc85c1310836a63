//! Standard output, written in large pieces.

use std::io::{ErrorKind, Write as _};

use anyhow::Context as _;

/// The reader of standard output has closed it.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads standard output any more")]
pub(crate) struct ReaderGone;

/// Writes all of it to standard output, and empties it.
///
/// # Errors
/// [`ReaderGone`] when nobody reads it any more; another error when it cannot be written.
pub(crate) fn write_out(text: &mut Vec<u8>) -> anyhow::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text).and_then(|()| stdout.flush());
    text.clear();
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        written => written.context("standard output cannot be written"),
    }
}
