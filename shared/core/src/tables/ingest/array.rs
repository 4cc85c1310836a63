//! One JSON array, element by element.

use super::{IngestError, Packer, Place, is_blank};
use crate::limits;

/// Splits an array at the commas of its own level. It knows only strings and how deep it is; whether what lies between two commas is
/// an element, its reader says.
#[derive(Debug, Default)]
pub(super) struct Array {
    at: At,
    /// Brackets that are open within the element.
    depth: usize,
    text: Text,
    /// What the pieces before have of an element that has not ended: at most [`limits::ELEMENT_TEXT`] bytes.
    begun: Vec<u8>,
    /// Elements that have ended.
    ended: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum At {
    #[default]
    Start,
    /// Behind the bracket that begins the array, but for blanks: it may end here.
    First,
    Element,
    End,
}

/// Where in a string it is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Text {
    #[default]
    Outside,
    Inside,
    /// Behind a backslash.
    Escaped,
}

impl Array {
    pub(super) fn push(&mut self, piece: &[u8], out: &mut Packer) -> Result<(), IngestError> {
        let mut start = 0; // Of the element, or of what this piece has of it.
        for (i, &byte) in piece.iter().enumerate() {
            match self.at {
                At::Element => {
                    if self.is_within(byte)? {
                        continue;
                    }
                    self.end_element(&piece[start..i], out)?;
                    start = i + 1;
                    if byte == b']' {
                        self.at = At::End;
                    }
                }
                _ if is_blank(&[byte]) => start = i + 1,
                At::Start if byte == b'[' => {
                    self.at = At::First;
                    start = i + 1;
                }
                At::First if byte == b']' => self.at = At::End,
                At::First => {
                    (self.at, start) = (At::Element, i);
                    if !self.is_within(byte)? {
                        return Err(IngestError::Array("it begins with a comma"));
                    }
                }
                At::Start => return Err(IngestError::Array("it does not begin with a [")),
                At::End => return Err(IngestError::Array("something follows its end")),
            }
        }
        if self.at == At::Element {
            self.check(piece.len() - start)?;
            self.begun.extend_from_slice(&piece[start..]);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), IngestError> {
        match self.at {
            At::End => Ok(()),
            At::Start => Err(IngestError::Array("it is empty")),
            At::First | At::Element => Err(IngestError::Array("it ends before its last ]")),
        }
    }

    /// Whether this byte belongs to the element, and does not end it.
    fn is_within(&mut self, byte: u8) -> Result<bool, IngestError> {
        match (self.text, byte) {
            (Text::Inside, b'\\') => self.text = Text::Escaped,
            (Text::Inside, b'"') => self.text = Text::Outside,
            (Text::Inside, _) => {}
            (Text::Escaped, _) => self.text = Text::Inside,
            (Text::Outside, b'"') => self.text = Text::Inside,
            (Text::Outside, b'[' | b'{') => self.depth += 1,
            (Text::Outside, b',' | b']') if self.depth == 0 => return Ok(false),
            (Text::Outside, b']' | b'}') => {
                self.depth = self.depth.checked_sub(1).ok_or(IngestError::Array("a } closes nothing"))?;
            }
            (Text::Outside, _) => {}
        }
        Ok(true)
    }

    fn end_element(&mut self, rest: &[u8], out: &mut Packer) -> Result<(), IngestError> {
        self.check(rest.len())?;
        let place = Place::Element(self.ended + 1);
        let taken = if self.begun.is_empty() {
            out.element(rest, || place)
        } else {
            self.begun.extend_from_slice(rest);
            let taken = out.element(&self.begun, || place);
            self.begun.clear();
            taken
        };
        self.ended += 1;
        taken
    }

    fn check(&self, more: usize) -> Result<(), IngestError> {
        let most = limits::ELEMENT_TEXT - self.begun.len();
        if more > most { Err(IngestError::TooLong(Place::Element(self.ended + 1))) } else { Ok(()) }
    }
}
