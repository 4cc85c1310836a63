//! What is written ahead: one entry of one log as a record of the Kinesis stream.

use std::cmp::Ordering;
use std::fmt;
use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use headwater_core::ports::{AppendKey, Event, LogName, PortError};
use serde::{Deserialize, Serialize};

use crate::event_block::{Block, BlockBuilder};

/// The form of a record; its first byte.
const VERSION: u8 = 1;

/// Where a record stands in its shard: a decimal number of up to 129 digits. Records of one partition key get ascending numbers,
/// also when their shard is split or merged meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Sequence(String);

impl Sequence {
    pub(super) fn new(text: &str) -> Self {
        Self(text.trim_start_matches('0').to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for Sequence {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Sequence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Whose it is.
    pub(super) log: LogName,
    pub(super) entry: Entry,
}

/// What happens to a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    /// Nothing: whoever reads up to here has seen all that was acknowledged before.
    Mark,
    /// A batch is appended.
    Append(Append),
    /// All that came before is removed.
    Truncate,
}

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Append {
    /// Drawn for the batch. A client that got no answer sends the record again, and it may then stand in the stream twice.
    pub(super) id: u64,
    /// The time on the clock of whoever appends.
    pub(super) millis: i64,
    pub(super) key: Option<AppendKey>,
    /// Events.
    pub(super) count: u64,
    /// Bytes of their bodies.
    pub(super) bytes: u64,
    pub(super) content: Content,
}

/// Where a batch's events are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Content {
    /// Here: a packed block.
    Inline(Bytes),
    /// In an object of the log that has the form of a segment.
    Staged {
        /// Its key, less what the keys of all objects of the log begin with.
        object: String,
        /// Its length.
        length: u64,
    },
}

impl Record {
    /// The record's bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("plain data serialises")
    }

    /// # Errors
    /// When it is none of ours.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, PortError> {
        match bytes {
            [VERSION, rest @ ..] => postcard::from_bytes(rest).map_err(corrupt),
            _ => Err(corrupt("it has another form")),
        }
    }

    /// Whether bytes have the form that this program writes.
    pub(super) fn is_of_this_version(bytes: &[u8]) -> bool {
        bytes.first() == Some(&VERSION)
    }
}

impl Append {
    /// The events of an inline batch.
    ///
    /// # Errors
    /// When it is damaged.
    pub(super) fn open(packed: &Bytes) -> Result<Block, PortError> {
        Block::open(unpack(packed)?).map_err(corrupt)
    }
}

/// Events with what they count for.
pub(super) struct Batch {
    pub(super) count: u64,
    pub(super) bytes: u64,
    block: Vec<u8>,
}

impl Batch {
    pub(super) fn of(events: &[Event]) -> Self {
        let mut builder = BlockBuilder::default();
        events.iter().for_each(|event| builder.push(event));
        let bytes = events.iter().map(|event| event.body.len() as u64).sum();
        Self { count: builder.count(), bytes, block: builder.finish() }
    }

    /// The packed block, if it has no more than so many bytes.
    pub(super) fn inline(&self, most: usize) -> Option<Bytes> {
        Some(pack(&self.block)).filter(|packed| packed.len() <= most).map(Bytes::from)
    }
}

/// Bytes below which compression is not tried: little is won, and a lone event should not wait for it.
const WORTH_PACKING: usize = 512;

/// How bytes are packed: the first byte says it.
const STORED: u8 = 0;
const ZLIB: u8 = 1;

/// Compresses where that helps. Zlib, because it is pure Rust, in the house already, brings a checksum, and makes JSON three to ten
/// times smaller even at its fastest level: what is packed here crosses a network, which is slower than any codec.
pub(super) fn pack(raw: &[u8]) -> Vec<u8> {
    if raw.len() >= WORTH_PACKING {
        let mut packed = vec![ZLIB];
        packed.extend_from_slice(&u32::try_from(raw.len()).unwrap_or(u32::MAX).to_le_bytes());
        let mut encoder = ZlibEncoder::new(packed, Compression::fast());
        let packed = encoder.write_all(raw).and_then(|()| encoder.finish()).expect("writing to memory does not fail");
        if packed.len() < raw.len() {
            return packed;
        }
    }
    [&[STORED], raw].concat()
}

/// What was packed.
///
/// # Errors
/// When it is damaged.
pub(super) fn unpack(packed: &Bytes) -> Result<Bytes, PortError> {
    match packed.first() {
        Some(&STORED) => Ok(packed.slice(1..)),
        Some(&ZLIB) if packed.len() > 5 => {
            let length = u32::from_le_bytes([packed[1], packed[2], packed[3], packed[4]]) as usize;
            // No more is taken for granted than zlib can make of so few bytes.
            let mut raw = Vec::with_capacity(length.min(packed.len().saturating_mul(1100)));
            ZlibDecoder::new(&packed[5..]).take(length as u64 + 1).read_to_end(&mut raw).map_err(corrupt)?;
            if raw.len() == length { Ok(raw.into()) } else { Err(corrupt("it has another length than it says")) }
        }
        _ => Err(corrupt("it is packed in another way")),
    }
}

/// A record or a segment that cannot be read.
pub(super) fn corrupt(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
    PortError::Corrupt { what: "a piece of an event log".to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: Content) -> Record {
        let key = Some(AppendKey { writer: "w".to_owned(), first: 1 });
        let append = Append { id: u64::MAX, millis: -1, key, count: 2, bytes: 3, content };
        Record { log: LogName("a / é\0".to_owned()), entry: Entry::Append(append) }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let staged = Content::Staged { object: "x".to_owned(), length: 1 << 40 };
        let mark = Record { log: LogName(String::new()), entry: Entry::Mark };
        for record in [record(Content::Inline(Bytes::from_static(b"\0abc"))), record(staged), mark] {
            let bytes = record.encode();
            assert_eq!(Record::decode(&bytes).unwrap(), record);
            for cut in 0..bytes.len() {
                assert!(Record::decode(&bytes[..cut]).is_err());
            }
        }
        assert!(Record::decode(b"something else").is_err());
    }

    #[test]
    fn a_batch_is_small_when_it_can_be() {
        let events = |body: &[u8]| vec![Event { body: Bytes::copy_from_slice(body), ..Event::default() }; 100];
        let batch = Batch::of(&events(b"{\"a\": \"some text that is repeated\"}"));
        assert_eq!((batch.count, batch.bytes), (100, 3500));
        let packed = batch.inline(1000).unwrap();
        assert_eq!(Append::open(&packed).unwrap().count(), 100);
        assert!(batch.inline(packed.len() - 1).is_none());
        let lone = Batch::of(&events(b"x")[..1]).inline(1000).unwrap();
        assert!(lone.len() < 10, "{} bytes", lone.len());
    }

    #[test]
    fn what_is_damaged_is_refused_and_no_reason_to_panic() {
        let raw: Vec<u8> = (0..2000_u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        let packed = pack(&raw);
        assert_eq!(unpack(&packed.clone().into()).unwrap(), raw);
        for index in 0..packed.len() {
            let mut changed = packed.clone();
            changed[index] ^= 0x55;
            assert!(unpack(&changed.into()).is_ok_and(|unpacked| unpacked == raw) || index < packed.len());
            let _ = unpack(&Bytes::copy_from_slice(&packed[..index]));
        }
        let mut longer = packed;
        longer[1] ^= 1;
        assert!(unpack(&longer.into()).is_err());
        assert!(unpack(&Bytes::new()).is_err() && unpack(&Bytes::from_static(&[9])).is_err());
    }

    #[test]
    fn sequence_numbers_are_ordered_as_numbers() {
        let sequence = Sequence::new;
        assert!(sequence("9") < sequence("10") && sequence("0010") > sequence("9") && sequence("21") > sequence("20"));
    }
}
