//! Where datums end.

use super::schema::{Layout, Node, NodeId};
use super::tokens::decode_long;
use crate::limits;

/// Bytes that are no datum of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DatumError {
    /// They end before the datum does.
    #[error("its bytes are cut off")]
    CutOff,
    /// A number has more bits than its type.
    #[error("a number has too many bits for its type")]
    Number,
    /// A length is negative.
    #[error("a length is negative")]
    NegativeLength,
    /// A union has fewer branches.
    #[error("a union of {branches} branches has none of number {number}")]
    Branch {
        /// The branch that the datum has.
        number: i64,
        /// The branches that the schema has; the first is 0.
        branches: usize,
    },
    /// It is nested too deeply.
    #[error("it is nested deeper than {} levels", limits::AVRO_NESTING)]
    Nesting,
    /// It has too many items that take no bytes.
    #[error("it has more than {} items without bytes", limits::AVRO_EMPTY)]
    EmptyItems,
}

impl Layout {
    /// The length in bytes of the datum at the beginning of `bytes`.
    ///
    /// Only what lengths depend on is looked at: a boolean may be 2, the symbol of an enum one that is not there, and a string is
    /// any bytes. That a block of items is as long as it says is taken for granted.
    pub(super) fn datum_length(&self, bytes: &[u8]) -> Result<usize, DatumError> {
        let mut walk = Walk { layout: self, rest: bytes, empty_items: 0 };
        walk.pass(self.top(), 0)?;
        Ok(bytes.len() - walk.rest.len())
    }
}

struct Walk<'a> {
    layout: &'a Layout,
    rest: &'a [u8],
    /// Items that take no bytes, so far.
    empty_items: u64,
}

impl Walk<'_> {
    /// Passes a value of the type `id`.
    fn pass(&mut self, id: NodeId, depth: usize) -> Result<(), DatumError> {
        if depth > limits::AVRO_NESTING {
            return Err(DatumError::Nesting);
        }
        match self.layout.node(id) {
            Node::Fixed(size) => self.skip(size),
            Node::Int => self.number(5),
            Node::Long => self.number(10),
            Node::Bytes => self.sized(),
            Node::Record(fields) => {
                for &field in self.layout.children(fields) {
                    self.pass(field, depth + 1)?;
                }
                Ok(())
            }
            Node::Union(branches) => {
                let branches = self.layout.children(branches);
                let number = self.long()?;
                let branch = usize::try_from(number).ok().and_then(|number| branches.get(number));
                let branch = branch.ok_or(DatumError::Branch { number, branches: branches.len() })?;
                self.pass(*branch, depth + 1)
            }
            Node::Array(items) => self.pass_array(items, depth + 1),
            Node::Map(values) => self.pass_map(values, depth + 1),
            // No bytes can be a datum of a type that contains itself without an end.
            Node::Endless | Node::Same(_) => Err(DatumError::Nesting),
        }
    }

    fn pass_array(&mut self, items: NodeId, depth: usize) -> Result<(), DatumError> {
        let item = self.layout.node(items);
        loop {
            let count = self.block(item == Node::Fixed(0))?;
            match (count, item) {
                (0, _) => return Ok(()),
                // As many as there are take no more time than one; those without bytes would else take any time at all.
                (_, Node::Fixed(size)) => self.skip(size.saturating_mul(count))?,
                _ => {
                    for _ in 0..count {
                        self.pass(items, depth)?;
                    }
                }
            }
        }
    }

    fn pass_map(&mut self, values: NodeId, depth: usize) -> Result<(), DatumError> {
        loop {
            let count = self.block(false)?;
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                self.sized()?;
                self.pass(values, depth)?;
            }
        }
    }

    /// The count of the next block of items that does not say its length; those that do are passed. 0 is the end of all blocks.
    fn block(&mut self, items_are_empty: bool) -> Result<u64, DatumError> {
        loop {
            let count = self.long()?;
            if items_are_empty {
                self.empty_items = self.empty_items.saturating_add(count.unsigned_abs());
                if self.empty_items > limits::AVRO_EMPTY {
                    return Err(DatumError::EmptyItems);
                }
            }
            match u64::try_from(count) {
                Ok(count) => return Ok(count),
                Err(_) => self.sized()?,
            }
        }
    }

    /// Passes a length and as many bytes.
    #[inline]
    fn sized(&mut self) -> Result<(), DatumError> {
        let length = self.long()?;
        self.skip(u64::try_from(length).map_err(|_| DatumError::NegativeLength)?)
    }

    #[inline]
    fn skip(&mut self, length: u64) -> Result<(), DatumError> {
        let length = usize::try_from(length).map_err(|_| DatumError::CutOff)?;
        self.rest = self.rest.get(length..).ok_or(DatumError::CutOff)?;
        Ok(())
    }

    /// Passes a number of at most `most` bytes.
    #[inline]
    fn number(&mut self, most: usize) -> Result<(), DatumError> {
        let start = &self.rest[..self.rest.len().min(most)];
        match start.iter().position(|byte| *byte < 0x80) {
            Some(last) => self.rest = &self.rest[last + 1..],
            None if start.len() < most => return Err(DatumError::CutOff),
            None => return Err(DatumError::Number),
        }
        Ok(())
    }

    #[inline]
    fn long(&mut self) -> Result<i64, DatumError> {
        let Some((value, length)) = decode_long(self.rest) else {
            self.number(10)?;
            return Err(DatumError::Number);
        };
        self.rest = &self.rest[length..];
        Ok(value)
    }
}
