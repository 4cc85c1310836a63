//! The blocks of a file, and the datums in them.

use bytes::Bytes;

use super::datum::DatumError;
use super::error::{AvroError, AvroProblem};
use super::header::{Header, SYNC};
use super::schema::Layout;
use super::tokens::Tokens;
use crate::limits;

/// Reads the blocks behind a header.
#[derive(Debug)]
pub(super) struct Blocks {
    header: Header,
    longest_datum: usize,
    next: Next,
    /// Where the block begins that is being read.
    at: u64,
    /// Datums without bytes so far.
    empty_datums: u64,
}

/// The part of a block that comes next.
#[derive(Debug)]
enum Next {
    Count,
    Size { count: u64 },
    Data { count: u64, size: usize },
    Datums(Datums),
}

impl Blocks {
    pub(super) fn new(header: Header, longest_datum: usize) -> Self {
        Self { header, longest_datum, next: Next::Count, at: 0, empty_datums: 0 }
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Whether a block may begin here, and so the file end.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.next, Next::Count)
    }

    /// Takes blocks off the pieces until there are datums to give, and gives some. `false` when there are none in this piece.
    pub(super) fn pull(&mut self, tokens: &mut Tokens, piece: &mut Bytes, out: &mut Vec<Bytes>) -> Result<bool, AvroError> {
        loop {
            if let Next::Datums(datums) = &mut self.next {
                datums.cut(&self.header.layout, self.longest_datum, out).map_err(|problem| AvroError { at: self.at, problem })?;
                if datums.given == datums.announced {
                    self.next = Next::Count;
                }
                return Ok(true);
            }
            let Some(next) = self.part(tokens, piece)? else {
                return Ok(false);
            };
            self.next = next;
        }
    }

    /// Takes the next part, and says which one follows. `None` when it is not complete.
    fn part(&mut self, tokens: &mut Tokens, piece: &mut Bytes) -> Result<Option<Next>, AvroError> {
        match self.next {
            Next::Count => {
                self.at = tokens.start();
                Ok(tokens.unsigned(piece, "the count of a block's datums")?.map(|count| Next::Size { count }))
            }
            Next::Size { count } => {
                let Some(size) = tokens.unsigned(piece, "the size of a block")? else {
                    return Ok(None);
                };
                match usize::try_from(size) {
                    Ok(size) if size <= limits::AVRO_BLOCK => Ok(Some(Next::Data { count, size })),
                    _ => Err(AvroError { at: self.at, problem: AvroProblem::BlockSize }),
                }
            }
            Next::Data { count, size } => {
                let Some(data) = tokens.bytes(piece, size + SYNC) else {
                    return Ok(None);
                };
                self.open(data, size, count).map(Some).map_err(|problem| AvroError { at: self.at, problem })
            }
            Next::Datums(_) => Ok(None),
        }
    }

    /// Makes a complete block ready to be cut; `data` is its `size` bytes and the marker.
    fn open(&mut self, mut data: Bytes, size: usize, announced: u64) -> Result<Next, AvroProblem> {
        if data.split_off(size) != self.header.sync {
            return Err(AvroProblem::Sync);
        }
        if announced == 0 && size == 0 {
            return Ok(Next::Count); // Nothing at all, which to some codecs is not even an empty block.
        }
        let bytes = self.header.codec.decompress(data)?;
        if self.header.layout.is_empty() {
            self.empty_datums = self.empty_datums.saturating_add(announced);
            if self.empty_datums > limits::AVRO_EMPTY {
                return Err(AvroProblem::EmptyDatums);
            }
        }
        let datums = Datums { bytes, announced, given: 0 };
        if announced == 0 {
            datums.check_end()?;
            return Ok(Next::Count);
        }
        Ok(Next::Datums(datums))
    }
}

/// The datums of a block that are still to be given.
#[derive(Debug)]
struct Datums {
    bytes: Bytes,
    announced: u64,
    given: u64,
}

impl Datums {
    /// Gives as many datums as are taken at once, or all that are left.
    fn cut(&mut self, layout: &Layout, longest: usize, out: &mut Vec<Bytes>) -> Result<(), AvroProblem> {
        for _ in 0..limits::AVRO_DATUMS_AT_ONCE {
            if self.given == self.announced {
                break;
            }
            let number = self.given + 1;
            let length = layout.datum_length(&self.bytes[..self.bytes.len().min(longest)]).map_err(|error| match error {
                DatumError::CutOff if self.bytes.len() > longest => AvroProblem::DatumSize { number, longest },
                DatumError::CutOff => AvroProblem::TooFewBytes { announced: self.announced, reached: number },
                error => AvroProblem::Datum { number, error },
            })?;
            out.push(self.bytes.split_to(length));
            self.given = number;
        }
        if self.given == self.announced { self.check_end() } else { Ok(()) }
    }

    fn check_end(&self) -> Result<(), AvroProblem> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(AvroProblem::TooManyBytes { announced: self.announced, left }),
        }
    }
}
