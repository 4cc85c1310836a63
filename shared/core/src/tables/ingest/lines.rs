//! One element on each line.

use memchr::memchr_iter;

use super::{IngestError, Packer, Place, is_blank};
use crate::limits;

/// Cuts a body at LF. A line of blanks is none, but counts as one, so that a mistake has the number that an editor shows.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// What the pieces before have of a line that has not ended: at most [`limits::ELEMENT_TEXT`] bytes.
    begun: Vec<u8>,
    /// Lines that have ended.
    ended: u64,
}

impl Lines {
    pub(super) fn push(&mut self, piece: &[u8], out: &mut Packer) -> Result<(), IngestError> {
        let mut start = 0;
        for end in memchr_iter(b'\n', piece) {
            self.check(end - start)?;
            if self.begun.is_empty() {
                self.line(&piece[start..end], out)?;
            } else {
                self.begun.extend_from_slice(&piece[start..end]);
                let mut begun = std::mem::take(&mut self.begun);
                self.line(&begun, out)?;
                begun.clear();
                self.begun = begun; // Its room may be of use again.
            }
            self.ended += 1;
            start = end + 1;
        }
        self.check(piece.len() - start)?;
        self.begun.extend_from_slice(&piece[start..]);
        Ok(())
    }

    pub(super) fn finish(self, out: &mut Packer) -> Result<(), IngestError> {
        self.line(&self.begun, out)
    }

    fn line(&self, text: &[u8], out: &mut Packer) -> Result<(), IngestError> {
        if is_blank(text) {
            return Ok(());
        }
        out.element(text, || self.place())
    }

    fn check(&self, more: usize) -> Result<(), IngestError> {
        if more > limits::ELEMENT_TEXT - self.begun.len() { Err(IngestError::TooLong(self.place())) } else { Ok(()) }
    }

    fn place(&self) -> Place {
        Place::Line(self.ended + 1)
    }
}
