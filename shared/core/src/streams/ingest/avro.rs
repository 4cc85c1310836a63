//! Avro object container files, cut into the raw encodings of their datums.
//!
//! A file is a header, with the schema of its writer, and blocks of datums, perhaps compressed. Nothing in it says where a datum
//! ends: the schema is made into a `Layout`, along which datums are passed without being decoded.
//!
//! Files come from strangers. Memory stays within a small multiple of [`limits::AVRO_BLOCK`] and time linear in what arrives and
//! what it decompresses to, whatever the file says.

mod blocks;
mod codec;
mod datum;
mod error;
mod header;
mod schema;
#[cfg(test)]
mod tests;
mod tokens;

use blocks::Blocks;
use bytes::Bytes;
pub use codec::CodecError;
pub use datum::DatumError;
pub use error::{AvroError, AvroProblem};
use header::{Header, HeaderReader};
pub use schema::SchemaError;
use tokens::Tokens;

#[cfg(doc)]
use crate::limits;

/// Reads an Avro object container file as it arrives, and gives each datum's raw binary encoding.
///
/// The result does not depend on how the file was cut into pieces. The datums of a block are given once the block is complete and
/// ends in the file's marker.
#[derive(Debug)]
pub struct AvroFile {
    longest_datum: usize,
    tokens: Tokens,
    part: Part,
    failed: Option<AvroError>,
}

#[derive(Debug)]
enum Part {
    Header(HeaderReader),
    Blocks(Box<Blocks>),
}

impl AvroFile {
    /// Takes datums of up to `longest_datum` bytes.
    #[must_use]
    pub fn new(longest_datum: usize) -> Self {
        Self { longest_datum, tokens: Tokens::default(), part: Part::Header(HeaderReader::default()), failed: None }
    }

    /// Adds to `out` the datums of all blocks that end within `piece`. They are slices: of the piece, where a block that is not
    /// compressed lies within it, and otherwise of the block. So each keeps the whole of it in memory.
    ///
    /// A small piece can hold very many datums, of which [`AvroFile::pull`] gives some at a time.
    ///
    /// # Errors
    /// When the file cannot be read; the datums before the error are in `out`. All later calls answer the same error.
    pub fn push(&mut self, piece: &Bytes, out: &mut Vec<Bytes>) -> Result<(), AvroError> {
        let mut piece = piece.clone();
        while self.pull(&mut piece, out)? {}
        Ok(())
    }

    /// Takes bytes off `piece`, and adds to `out` at most [`limits::AVRO_DATUMS_AT_ONCE`] datums, all of one block. `true` when there
    /// may be more: then the call is to be repeated with what is left of the piece. When `false`, the piece is used up.
    ///
    /// # Errors
    /// As [`AvroFile::push`].
    pub fn pull(&mut self, piece: &mut Bytes, out: &mut Vec<Bytes>) -> Result<bool, AvroError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.advance(piece, out).inspect_err(|error| self.failed = Some(error.clone()))
    }

    /// The writer's schema as it stands in the header, once the header is there.
    #[must_use]
    pub fn schema(&self) -> Option<&str> {
        self.header().map(|header| header.schema.as_str())
    }

    /// The MD5 of the schema's text, in lower-case hexadecimal digits.
    #[must_use]
    pub fn schema_hash(&self) -> Option<&str> {
        self.header().map(|header| header.schema_hash.as_str())
    }

    /// Says that there are no more pieces.
    ///
    /// # Errors
    /// When the file does not end here, which a file without bytes does not; or the earlier error, if there was one.
    pub fn finish(self) -> Result<(), AvroError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let within = match &self.part {
            Part::Header(_) => "its header",
            Part::Blocks(blocks) if blocks.is_between() && self.tokens.held().is_empty() => return Ok(()),
            Part::Blocks(_) => "a block",
        };
        Err(AvroError { at: self.tokens.taken(), problem: AvroProblem::CutOff { within } })
    }

    fn header(&self) -> Option<&Header> {
        match &self.part {
            Part::Header(_) => None,
            Part::Blocks(blocks) => Some(blocks.header()),
        }
    }

    fn advance(&mut self, piece: &mut Bytes, out: &mut Vec<Bytes>) -> Result<bool, AvroError> {
        loop {
            match &mut self.part {
                Part::Header(reader) => match reader.read(&mut self.tokens, piece)? {
                    None => return Ok(false),
                    Some(header) => self.part = Part::Blocks(Box::new(Blocks::new(header, self.longest_datum))),
                },
                Part::Blocks(blocks) => return blocks.pull(&mut self.tokens, piece, out),
            }
        }
    }
}
