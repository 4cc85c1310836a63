//! What can be wrong with an Avro file.

use super::codec::CodecError;
use super::datum::DatumError;
use super::schema::SchemaError;
use crate::limits;
use crate::streams::quoted::Quoted;

/// An Avro file that cannot be read: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Avro file cannot be read at byte {at}: {problem}")]
pub struct AvroError {
    /// Where the wrong part begins, in bytes from the beginning of the file; for what is wrong in a block, where the block begins.
    pub at: u64,
    /// What is wrong.
    pub problem: AvroProblem,
}

/// What is wrong with an Avro file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AvroProblem {
    /// It is something else.
    #[error("an object container file begins with Obj and the byte 1")]
    Magic,
    /// A variable-length number does not end.
    #[error("a number has more than 64 bits")]
    Number,
    /// A count, a length or a size is less than zero.
    #[error("{what} is negative")]
    Negative {
        /// Of what.
        what: &'static str,
    },
    /// The header does not end.
    #[error("the header is larger than {} bytes", limits::AVRO_HEADER)]
    HeaderSize,
    /// The header has no `avro.schema`.
    #[error("the header has no avro.schema")]
    NoSchema,
    /// The schema is none.
    #[error("avro.schema: {0}")]
    Schema(#[from] SchemaError),
    /// The codec is unknown.
    #[error("the codec {0} is not among those read: null, deflate, snappy, zstandard and bzip2")]
    Codec(Quoted),
    /// A block is larger than one may be, as it arrives.
    #[error("the block is larger than {} bytes", limits::AVRO_BLOCK)]
    BlockSize,
    /// A block does not decompress.
    #[error(transparent)]
    Decompress(#[from] CodecError),
    /// A block does not end in the marker that the header gave.
    #[error("the block does not end in the file's sync marker")]
    Sync,
    /// A block has fewer bytes than its datums need.
    #[error("the block announces {announced} datums and ends in number {reached}")]
    TooFewBytes {
        /// The datums it announces.
        announced: u64,
        /// The one that is cut off; the first is 1.
        reached: u64,
    },
    /// A block has more bytes than its datums need.
    #[error("{left} bytes are left over in the block after its {announced} datums")]
    TooManyBytes {
        /// The datums it announces.
        announced: u64,
        /// Bytes behind the last.
        left: usize,
    },
    /// A datum is longer than an event may be.
    #[error("datum {number} of the block is longer than {longest} bytes")]
    DatumSize {
        /// The first of the block is 1.
        number: u64,
        /// Most bytes of a datum.
        longest: usize,
    },
    /// A datum is none of the schema.
    #[error("datum {number} of the block: {error}")]
    Datum {
        /// The first of the block is 1.
        number: u64,
        /// What is wrong with it.
        error: DatumError,
    },
    /// The file has datums without bytes beyond measure.
    #[error("the file has more than {} datums without bytes", limits::AVRO_EMPTY)]
    EmptyDatums,
    /// The file ends inside its header or a block.
    #[error("the file ends in {within}")]
    CutOff {
        /// Where.
        within: &'static str,
    },
}
