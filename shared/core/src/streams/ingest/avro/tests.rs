//! What the tests of Avro files share: a reader, and a writer that writes whatever it is told to.

mod another_writer;
mod hostile;
mod schemas;

use bytes::Bytes;

use super::{AvroError, AvroFile, AvroProblem};
use crate::limits;

pub(super) const SYNC: [u8; 16] = *b"sixteen bytes...";

pub(super) type Outcome = (Vec<Bytes>, Result<(), AvroError>);

/// What is in a file that arrives in pieces.
pub(super) fn read_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut file = AvroFile::new(limits::EVENT_BODY);
    let mut datums = Vec::new();
    for piece in pieces {
        if let Err(error) = file.push(&Bytes::copy_from_slice(piece), &mut datums) {
            return (datums, Err(error));
        }
    }
    (datums, file.finish())
}

pub(super) fn read(file: &[u8]) -> Outcome {
    read_pieces([file])
}

/// Reads a file that must be whole.
pub(super) fn datums(file: &[u8]) -> Vec<Bytes> {
    let (datums, result) = read(file);
    result.unwrap();
    datums
}

/// What is wrong with a file that must not be read.
pub(super) fn problem(file: &[u8]) -> AvroProblem {
    let (_, result) = read(file);
    let error = result.unwrap_err();
    let message = error.to_string();
    assert!(!message.contains('\n') && message.len() < 400, "{message}");
    assert!(error.at <= file.len() as u64, "{message}");
    error.problem
}

/// A number in Avro's encoding.
pub(super) fn long(value: i64) -> Vec<u8> {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// Bytes behind their length.
pub(super) fn sized(bytes: &[u8]) -> Vec<u8> {
    [long(bytes.len() as i64), bytes.to_vec()].concat()
}

/// A header with these entries.
pub(super) fn header(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = [b"Obj\x01".to_vec(), long(entries.len() as i64)].concat();
    for (key, value) in entries {
        file.extend([sized(key.as_bytes()), sized(value)].concat());
    }
    file.push(0);
    file.extend(SYNC);
    file
}

/// A block that announces so many datums.
pub(super) fn block(count: i64, bytes: &[u8]) -> Vec<u8> {
    [long(count), sized(bytes), SYNC.to_vec()].concat()
}

/// A file of one block, which is not compressed.
pub(super) fn file(schema: &str, count: i64, bytes: &[u8]) -> Vec<u8> {
    coded_file(schema, "null", count, bytes)
}

/// A file of one block, which a codec has made.
pub(super) fn coded_file(schema: &str, codec: &str, count: i64, bytes: &[u8]) -> Vec<u8> {
    [header(&[("avro.codec", codec.as_bytes()), ("avro.schema", schema.as_bytes())]), block(count, bytes)].concat()
}
