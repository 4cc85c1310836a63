//! Text, cut into lines.

use std::mem;

use bytes::Bytes;
use memchr::memchr2_iter;

/// A line, blank ones aside, that is longer than an event may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} (blank ones are not counted) is longer than {longest} bytes")]
pub struct TooLong {
    /// Its number among the lines that are not blank; the first is 1.
    pub line: u64,
    /// Most bytes that a line may have.
    pub longest: usize,
}

/// Cuts text into lines as it arrives; the result does not depend on how the body was cut into pieces.
///
/// A line ends at LF, at CR, or at the end of the body. Blank lines are no lines, so a run of separators counts once. The bytes
/// of a line are kept as they came, whatever their encoding.
#[derive(Debug)]
pub struct Lines {
    longest: usize,
    /// What the pieces before have of a line that has not ended: at most `longest` bytes.
    begun: Vec<u8>,
    /// Lines that have ended.
    ended: u64,
}

impl Lines {
    /// Takes lines of up to `longest` bytes.
    #[must_use]
    pub fn new(longest: usize) -> Self {
        Self { longest, begun: Vec::new(), ended: 0 }
    }

    /// Adds to `out` the lines that end within `piece`: slices of it where they lie within it, so that they keep all of it in
    /// memory. Takes time linear in the piece, however many pieces a line comes in.
    ///
    /// # Errors
    /// As soon as a line has more than the longest line's bytes. The lines before it are in `out`; nothing is to follow.
    pub fn push(&mut self, piece: &Bytes, out: &mut Vec<Bytes>) -> Result<(), TooLong> {
        let mut start = 0;
        for end in memchr2_iter(b'\n', b'\r', piece) {
            self.check(end - start)?;
            if !self.begun.is_empty() {
                self.begun.extend_from_slice(&piece[start..end]);
                out.push(mem::take(&mut self.begun).into());
                self.ended += 1;
            } else if end > start {
                out.push(piece.slice(start..end));
                self.ended += 1;
            }
            start = end + 1;
        }
        self.check(piece.len() - start)?;
        self.begun.extend_from_slice(&piece[start..]);
        Ok(())
    }

    /// Adds the last line to `out`, if the body ended without a separator.
    pub fn finish(self, out: &mut Vec<Bytes>) {
        if !self.begun.is_empty() {
            out.push(self.begun.into());
        }
    }

    fn check(&self, more: usize) -> Result<(), TooLong> {
        if more > self.longest - self.begun.len() {
            return Err(TooLong { line: self.ended + 1, longest: self.longest });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes out of a body that arrives in pieces.
    fn cut<'a>(longest: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Bytes>, Result<(), TooLong>) {
        let mut lines = Lines::new(longest);
        let mut out = Vec::new();
        for piece in pieces {
            if let Err(error) = lines.push(&Bytes::copy_from_slice(piece), &mut out) {
                return (out, Err(error));
            }
        }
        lines.finish(&mut out);
        (out, Ok(()))
    }

    fn lines_of(body: &[u8]) -> Vec<Bytes> {
        let (lines, result) = cut(usize::MAX, [body]);
        result.unwrap();
        lines
    }

    #[test]
    fn separators_end_lines_and_blank_lines_are_none() {
        for (body, wanted) in [
            ("", &[][..]),
            ("\n", &[]),
            ("\r\n\n\r", &[]),
            ("a", &["a"]),
            ("a\nb\n", &["a", "b"]),
            ("a\n\n\nb", &["a", "b"]),
            ("a\r\nb\rc", &["a", "b", "c"]),
            ("\n\na", &["a"]),
            (" a \t\n \n", &[" a \t", " "]),
            ("a\u{85}b\u{2028}c\x0bd\x0ce", &["a\u{85}b\u{2028}c\x0bd\x0ce"]),
        ] {
            assert_eq!(lines_of(body.as_bytes()), wanted, "{body:?}");
        }
    }

    #[test]
    fn bytes_are_kept_whatever_their_encoding() {
        assert_eq!(lines_of(b"\xff\xfe\0a\n\xc3\n"), [&b"\xff\xfe\0a"[..], b"\xc3"]);
    }

    #[test]
    fn a_line_within_a_piece_is_a_slice_of_it() {
        let piece = Bytes::from_static(b"one\ntwo\nthr");
        let mut out = Vec::new();
        Lines::new(10).push(&piece, &mut out).unwrap();
        assert_eq!(out[1].as_ptr(), piece[4..].as_ptr());
    }

    #[test]
    fn a_line_may_come_in_a_million_pieces() {
        let mut lines = Lines::new(1 << 20);
        let mut out = Vec::new();
        let letter = Bytes::from_static(b"x");
        for _ in 0..1 << 20 {
            lines.push(&letter, &mut out).unwrap();
        }
        assert_eq!(lines.push(&letter, &mut out), Err(TooLong { line: 1, longest: 1 << 20 }));
        lines.push(&Bytes::from_static(b"\n"), &mut out).unwrap();
        assert_eq!(out[0].len(), 1 << 20);
    }

    #[test]
    fn a_long_line_is_refused_with_its_number() {
        let (lines, result) = cut(3, [&b"\n\nabc\r\nabcd\nx"[..]]);
        assert_eq!(lines, ["abc"]);
        assert_eq!(result.unwrap_err().to_string(), "line 2 (blank ones are not counted) is longer than 3 bytes");
    }

    proptest! {
        #[test]
        fn the_cuts_of_a_body_do_not_matter(
            body in prop::collection::vec(prop::sample::select(&b"\r\n\nab\0"[..]), 0..200),
            mut cuts in prop::collection::vec(0usize..200, 0..20),
            longest in 1usize..12,
        ) {
            let plain: Vec<&[u8]> = body.split(|byte| b"\r\n".contains(byte)).filter(|line| !line.is_empty()).collect();
            let whole = cut(longest, [&body[..]]);
            match plain.iter().position(|line| line.len() > longest) {
                None => prop_assert_eq!(&whole, &(plain.iter().map(|line| Bytes::copy_from_slice(line)).collect(), Ok(()))),
                Some(long) => prop_assert_eq!(&whole.1, &Err(TooLong { line: long as u64 + 1, longest })),
            }

            cuts.iter_mut().for_each(|cut| *cut %= body.len() + 1);
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            prop_assert_eq!(cut(longest, cuts.windows(2).map(|ends| &body[ends[0]..ends[1]])), whole);
        }
    }
}
