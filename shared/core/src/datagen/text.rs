//! Rendering: prepared pieces of JSON, and the buffer that they are copied into.

use std::ops::Range;

/// Blocks in which pieces are copied: a copy of a known length is two moves, one of an unknown length is a call.
const BLOCK: usize = 32;

/// Pieces of text prepared when a specification is compiled, one after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Pieces {
    /// All pieces; always ends in a block of nothing, so that a whole block can be read from any place.
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Pieces {
    /// Adds a piece and answers its number. Numbers ascend by one.
    pub(super) fn add(&mut self, piece: &[u8]) -> u32 {
        let number = u32::try_from(self.ends.len()).expect("limits bound the number of pieces");
        self.bytes.truncate(self.end());
        self.bytes.extend_from_slice(piece);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        self.bytes.extend_from_slice(&[0; BLOCK]);
        number
    }

    fn end(&self) -> usize {
        self.ends.last().map_or(0, |end| *end as usize)
    }

    #[inline]
    fn range(&self, number: u32) -> Range<usize> {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] as usize };
        start..self.ends[number] as usize
    }

    pub(super) fn get(&self, number: u32) -> &[u8] {
        &self.bytes[self.range(number)]
    }
}

/// Where records are rendered: grows as needed, and keeps at least a block of room behind what is written.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    length: usize,
}

impl Output {
    /// Goes on with a buffer that was used before.
    pub(super) fn reusing(bytes: Vec<u8>) -> Self {
        Self { bytes, length: 0 }
    }

    /// Begins anew in the same memory.
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// What was written.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.truncate(self.length);
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn since(&self, start: usize) -> &[u8] {
        &self.bytes[start..self.length]
    }

    #[inline]
    fn make_room(&mut self, wanted: usize) {
        if self.bytes.len() - self.length < wanted + BLOCK {
            self.grow(wanted);
        }
    }

    #[cold]
    fn grow(&mut self, wanted: usize) {
        let least = (self.length + wanted + BLOCK).max(self.bytes.capacity()).max(4096);
        self.bytes.resize(if least > self.bytes.capacity() { least * 2 } else { least }, 0);
    }

    /// Copies a prepared piece.
    #[inline]
    pub(super) fn piece(&mut self, pieces: &Pieces, number: u32) {
        let range = pieces.range(number);
        self.blocks(&pieces.bytes[range.start..], range.len());
    }

    /// Copies `length` bytes in whole blocks; `source` reaches at least to the end of the last block.
    #[inline]
    pub(super) fn blocks(&mut self, source: &[u8], length: usize) {
        self.make_room(length);
        let mut at = 0;
        while at < length {
            let into: &mut [u8; BLOCK] = (&mut self.bytes[self.length + at..self.length + at + BLOCK]).try_into().expect("a block long");
            *into = source[at..at + BLOCK].try_into().expect("a block long");
            at += BLOCK;
        }
        self.length += length;
    }

    #[inline]
    pub(super) fn push(&mut self, text: &[u8]) {
        self.make_room(text.len());
        self.bytes[self.length..self.length + text.len()].copy_from_slice(text);
        self.length += text.len();
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.make_room(1);
        self.bytes[self.length] = byte;
        self.length += 1;
    }
}

/// A text as a JSON string, quotes included.
pub(super) fn json_string(text: &str) -> Vec<u8> {
    serde_json::to_vec(text).expect("a text is always JSON")
}

/// A float as the original writes it: the shortest text that reads back to the same double, always with a fraction or an
/// exponent (`3.0`, `1e+20`, `1e-07`, `123456789012345.0`).
pub(super) fn push_float(output: &mut Output, value: f64) {
    let size = value.abs();
    if size == 0.0 || (1e-4..1e16).contains(&size) {
        output.push(zmij::Buffer::new().format_finite(value).as_bytes());
        return;
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').expect("the exponent form has one");
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    output.push(format!("{digits}e{sign}{exponent:0>2}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_read_as_in_the_original() {
        for (value, wanted) in [
            (3.0, "3.0"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e20, "1e+20"),
            (1e-7, "1e-07"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
            (123_456_789_012_345.0, "123456789012345.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (-2.5e-300, "-2.5e-300"),
            (-0.0, "-0.0"),
            (0.0, "0.0"),
        ] {
            let mut output = Output::default();
            push_float(&mut output, value);
            assert_eq!(String::from_utf8(output.into_bytes()).unwrap(), wanted);
        }
    }

    #[test]
    fn pieces_and_texts_of_any_length_come_out_as_they_went_in() {
        let texts: Vec<Vec<u8>> = (0..200u8).map(|n| vec![n; usize::from(n)]).collect();
        let mut pieces = Pieces::default();
        let numbers: Vec<u32> = texts.iter().map(|text| pieces.add(text)).collect();
        let mut output = Output::default();
        for (number, text) in numbers.iter().zip(&texts) {
            assert_eq!(pieces.get(*number), text.as_slice());
            output.piece(&pieces, *number);
            output.push(text);
            output.byte(b'.');
        }
        let wanted: Vec<u8> = texts.iter().flat_map(|text| [text.as_slice(), text, b"."].concat()).collect();
        assert_eq!(output.into_bytes(), wanted);
    }
}
