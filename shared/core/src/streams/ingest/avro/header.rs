//! The header of a file: its schema, its codec, and the marker behind every block.

use bytes::Bytes;
use md5::{Digest, Md5};

use super::codec::Codec;
use super::error::{AvroError, AvroProblem};
use super::schema::Layout;
use super::tokens::Tokens;
use crate::limits;
use crate::streams::quoted::Quoted;

const MAGIC: &[u8] = b"Obj\x01";

/// Length of a sync marker in bytes.
pub(super) const SYNC: usize = 16;

/// What the header of a file says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) schema: String,
    pub(super) schema_hash: String,
    pub(super) layout: Layout,
    pub(super) codec: Codec,
    pub(super) sync: Bytes,
}

/// Reads a header as it arrives.
#[derive(Debug, Default)]
pub(super) struct HeaderReader {
    next: Next,
    schema: Option<Entry>,
    codec: Option<Entry>,
}

/// A value of the header's metadata, and where it stands.
#[derive(Debug)]
struct Entry {
    at: u64,
    value: Bytes,
}

/// The part of the header that comes next; `left` entries of metadata are to come before the next count of them.
#[derive(Debug, Default)]
enum Next {
    #[default]
    Magic,
    Count,
    Size {
        left: u64,
    },
    KeyLength {
        left: u64,
    },
    Key {
        left: u64,
        length: usize,
    },
    ValueLength {
        left: u64,
        key: Key,
    },
    Value {
        left: u64,
        key: Key,
        length: usize,
    },
    Sync,
    Nothing {
        sync: Bytes,
    },
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Schema,
    Codec,
    Other,
}

impl HeaderReader {
    /// Takes the header off the pieces; `None` while it is not complete.
    pub(super) fn read(&mut self, tokens: &mut Tokens, piece: &mut Bytes) -> Result<Option<Header>, AvroError> {
        while let Some(next) = self.part(tokens, piece)? {
            if tokens.taken() > limits::AVRO_HEADER as u64 {
                return Err(tokens.error(AvroProblem::HeaderSize));
            }
            self.next = next;
            if let Next::Nothing { sync } = &self.next {
                let (sync, at) = (sync.clone(), tokens.start());
                return self.finish(sync, at).map(Some);
            }
        }
        Ok(None)
    }

    /// Takes the next part, and says which one follows. `None` when it is not complete.
    fn part(&mut self, tokens: &mut Tokens, piece: &mut Bytes) -> Result<Option<Next>, AvroError> {
        let at = tokens.start();
        Ok(match self.next {
            Next::Magic => {
                let magic = tokens.bytes(piece, MAGIC.len());
                // Another kind of file is refused however little of it is there.
                if !MAGIC.starts_with(magic.as_deref().unwrap_or(tokens.held())) {
                    return Err(AvroError { at, problem: AvroProblem::Magic });
                }
                magic.map(|_| Next::Count)
            }
            Next::Count => tokens.long(piece)?.map(|count| match count {
                0 => Next::Sync,
                1.. => Next::KeyLength { left: count.unsigned_abs() },
                _ => Next::Size { left: count.unsigned_abs() },
            }),
            // The size in bytes of the entries, which are read one by one all the same.
            Next::Size { left } => tokens.long(piece)?.map(|_| Next::KeyLength { left }),
            Next::KeyLength { left } => length(tokens, piece)?.map(|length| Next::Key { left, length }),
            Next::Key { left, length } => tokens.bytes(piece, length).map(|key| Next::ValueLength { left, key: Key::of(&key) }),
            Next::ValueLength { left, key } => length(tokens, piece)?.map(|length| Next::Value { left, key, length }),
            Next::Value { left, key, length } => tokens.bytes(piece, length).map(|value| {
                match key {
                    Key::Schema => self.schema = Some(Entry { at, value }),
                    Key::Codec => self.codec = Some(Entry { at, value }),
                    Key::Other => {}
                }
                if left > 1 { Next::KeyLength { left: left - 1 } } else { Next::Count }
            }),
            Next::Sync => tokens.bytes(piece, SYNC).map(|sync| Next::Nothing { sync }),
            Next::Nothing { .. } => None,
        })
    }

    fn finish(&mut self, sync: Bytes, end: u64) -> Result<Header, AvroError> {
        let Some(Entry { at, value }) = self.schema.take() else {
            return Err(AvroError { at: end, problem: AvroProblem::NoSchema });
        };
        let (schema, layout) = Layout::parse(&value).map_err(|error| AvroError { at, problem: error.into() })?;
        let codec = match self.codec.take() {
            None => Codec::Null,
            Some(Entry { at, value }) => Codec::named(&value).ok_or_else(|| {
                let name = Quoted::new(&String::from_utf8_lossy(&value));
                AvroError { at, problem: AvroProblem::Codec(name) }
            })?,
        };
        let schema_hash = Md5::digest(schema).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Header { schema: schema.to_owned(), schema_hash, layout, codec, sync })
    }
}

impl Key {
    fn of(name: &[u8]) -> Self {
        match name {
            b"avro.schema" => Self::Schema,
            b"avro.codec" => Self::Codec,
            _ => Self::Other,
        }
    }
}

/// The length of a key or value, which must lie within the largest header.
fn length(tokens: &mut Tokens, piece: &mut Bytes) -> Result<Option<usize>, AvroError> {
    let at = tokens.start();
    let Some(length) = tokens.unsigned(piece, "the length of an entry of the header")? else {
        return Ok(None);
    };
    match usize::try_from(length) {
        Ok(length) if length <= limits::AVRO_HEADER => Ok(Some(length)),
        _ => Err(AvroError { at, problem: AvroProblem::HeaderSize }),
    }
}
