//! The parts of a file, put together from the pieces in which it arrives.

use std::mem;

use bytes::{Buf, Bytes};

use super::error::{AvroError, AvroProblem};

/// Most bytes of a variable-length number.
const LONG_BYTES: usize = 10;

/// Takes one part after the other off the pieces. A part that lies in one piece is a slice of it; of others, the begun part is held.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    held: Vec<u8>,
    taken: u64,
}

impl Tokens {
    /// Bytes taken off the pieces so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Where the next part begins, or the begun one began.
    pub(super) fn start(&self) -> u64 {
        self.taken - self.held.len() as u64
    }

    /// What is there of a begun part.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    pub(super) fn error(&self, problem: impl Into<AvroProblem>) -> AvroError {
        AvroError { at: self.start(), problem: problem.into() }
    }

    /// The next `length` bytes, or `None` when the piece has no more.
    pub(super) fn bytes(&mut self, piece: &mut Bytes, length: usize) -> Option<Bytes> {
        let missing = length - self.held.len();
        let part = piece.split_to(missing.min(piece.len()));
        self.taken += part.len() as u64;
        if self.held.is_empty() && part.len() == length {
            return Some(part);
        }
        // Memory grows with what arrives, not with what is announced.
        self.held.extend_from_slice(&part);
        (part.len() == missing).then(|| mem::take(&mut self.held).into())
    }

    /// The next number, or `None` when the piece has no more.
    pub(super) fn long(&mut self, piece: &mut Bytes) -> Result<Option<i64>, AvroError> {
        while piece.has_remaining() {
            let byte = piece.get_u8();
            self.taken += 1;
            self.held.push(byte);
            if byte < 0x80 || self.held.len() == LONG_BYTES {
                let Some((value, _)) = decode_long(&self.held) else {
                    return Err(self.error(AvroProblem::Number));
                };
                self.held.clear();
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The next number, which must not be negative.
    pub(super) fn unsigned(&mut self, piece: &mut Bytes, what: &'static str) -> Result<Option<u64>, AvroError> {
        let start = self.start();
        let Some(value) = self.long(piece)? else {
            return Ok(None);
        };
        let value = u64::try_from(value).map_err(|_| AvroError { at: start, problem: AvroProblem::Negative { what } })?;
        Ok(Some(value))
    }
}

/// The number at the beginning of `bytes`, and its length. `None` when it does not end there, or has more than 64 bits.
#[inline]
pub(super) fn decode_long(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut value = 0;
    for (place, &byte) in bytes.iter().take(LONG_BYTES).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            // The tenth byte holds the sixty-fourth bit alone. Small numbers of either sign are small without their sign's bit.
            let fits = place < LONG_BYTES - 1 || byte <= 1;
            return fits.then(|| ((value >> 1).cast_signed() ^ -(value & 1).cast_signed(), place + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_up_to_64_bits() {
        for (bytes, wanted) in [
            (&[0x00][..], Some((0, 1))),
            (&[0x01, 0xff], Some((-1, 1))),
            (&[0x80, 0x01], Some((64, 2))),
            (&[0x80, 0x80, 0x00], Some((0, 3))),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Some((i64::MIN, 10))),
            (&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Some((i64::MAX, 10))),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], None),
            (&[0x80; 11], None),
            (&[0x80], None),
            (&[], None),
        ] {
            assert_eq!(decode_long(bytes), wanted, "{bytes:x?}");
        }
    }
}
