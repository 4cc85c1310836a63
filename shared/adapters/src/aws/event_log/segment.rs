//! A run of a log's events as an object.
//!
//! ```text
//! segment = packed block × n, index, length of the index (8 bytes), form (8 bytes)
//! block   = times, block of events
//! ```
//!
//! A block has about 256 KB before it is packed, so that a range of time is found without reading all, and is the unit of
//! compression. Times are runs of milliseconds with the number of events that have them. An object that was written before its
//! batch was given a time has none that count: all of its events have the one that the manifest knows.

use bytes::{BufMut as _, Bytes, BytesMut};
use headwater_core::ports::{Event, PortError, Position};
use serde::{Deserialize, Serialize};

use super::record::{corrupt, pack, unpack};
use crate::event_block::{Block, BlockBuilder};

/// Bytes of events of a block before it is packed. A larger event has a block of its own.
const BLOCK: usize = 256 << 10;

/// What the last bytes of a segment are.
const FORM: &[u8; 8] = b"hw-seg-1";

/// Bytes behind the index.
pub(super) const FOOTER: u64 = 16;

/// Where events are, and where they stand in their log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    /// The object's key, less what the keys of all objects of the log begin with.
    pub(super) object: String,
    /// Its length.
    pub(super) length: u64,
    /// How many events at its beginning are no part of the log, because they are in it already.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) skip: u64,
    /// Its first event.
    pub(super) first: Position,
    /// Its last event.
    pub(super) last: Position,
    /// How often it has been merged.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) level: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it like this")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Segment {
    /// Events.
    pub(super) fn count(&self) -> u64 {
        self.last.sequence - self.first.sequence + 1
    }

    /// The time of all its events, if they have only one.
    fn one_time(&self) -> Option<i64> {
        (self.first.millis == self.last.millis).then_some(self.first.millis)
    }

    /// Where the event with this number in the object stands, if it is part of the log.
    fn sequence(&self, number: u64) -> Option<u64> {
        let number = number.checked_sub(self.skip)?;
        (number < self.count()).then_some(self.first.sequence + number)
    }
}

/// What the index says of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) length: u64,
    count: u64,
    first_millis: i64,
    last_millis: i64,
}

/// Makes segments.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    block: BlockBuilder,
    times: Vec<(i64, u64)>,
    index: Vec<Entry>,
    out: BytesMut,
    offset: u64,
}

impl Encoder {
    /// Adds an event.
    pub(super) fn push(&mut self, millis: i64, event: &Event) {
        if self.block.count() > 0 && self.block.size() + event.body.len() > BLOCK {
            self.seal();
        }
        self.block.push(event);
        match self.times.last_mut() {
            Some((last, count)) if *last == millis => *count += 1,
            _ => self.times.push((millis, 1)),
        }
    }

    fn seal(&mut self) {
        let (Some(&(first_millis, _)), Some(&(last_millis, _))) = (self.times.first(), self.times.last()) else { return };
        let count = self.block.count();
        let mut raw = postcard::to_allocvec(&self.times).expect("plain data serialises");
        raw.append(&mut self.block.finish());
        let packed = pack(&raw);
        self.times.clear();
        let length = packed.len() as u64;
        self.index.push(Entry { offset: self.offset, length, count, first_millis, last_millis });
        self.offset += length;
        self.out.extend_from_slice(&packed);
    }

    /// The bytes that are ready to be written, to be taken at times when a segment is long.
    pub(super) fn take(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    /// The rest of the segment.
    pub(super) fn finish(mut self) -> Bytes {
        self.seal();
        let index = postcard::to_allocvec(&self.index).expect("plain data serialises");
        self.out.extend_from_slice(&index);
        self.out.put_u64_le(index.len() as u64);
        self.out.extend_from_slice(FORM);
        self.out.freeze()
    }
}

/// How long the index is that the last bytes of a segment belong to.
///
/// # Errors
/// When they do not belong to one.
pub(super) fn index_length(end: &[u8]) -> Result<u64, PortError> {
    let footer = end.last_chunk::<{ FOOTER as usize }>().ok_or_else(|| corrupt("it has no end"))?;
    let (length, form) = footer.split_at(8);
    if form != FORM {
        return Err(corrupt("it has another form"));
    }
    let length = u64::from_le_bytes(length.try_into().map_err(corrupt)?);
    Ok(length)
}

/// The index that stands before the footer at the end of some bytes.
///
/// # Errors
/// When there is none.
pub(super) fn index(end: &[u8]) -> Result<Vec<Entry>, PortError> {
    let length = usize::try_from(index_length(end)?).ok();
    let until = end.len() - FOOTER as usize;
    let index = length.and_then(|length| end.get(until.checked_sub(length)?..until));
    postcard::from_bytes(index.ok_or_else(|| corrupt("its index breaks off"))?).map_err(corrupt)
}

/// A block, with the number of its first event in the object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbered {
    pub(super) entry: Entry,
    number: u64,
}

/// The blocks of a segment that have to do with it.
pub(super) fn blocks(segment: &Segment, index: Vec<Entry>, mut wanted: impl FnMut(Position, Position) -> bool) -> Vec<Numbered> {
    let mut number = 0;
    let mut blocks = Vec::new();
    for entry in index {
        let (begin, end) = (number, number + entry.count);
        number = end;
        let first = if begin < segment.skip { Some(segment.first.sequence) } else { segment.sequence(begin) };
        let Some(first) = first.filter(|_| end > segment.skip) else { continue };
        let last = end.checked_sub(1).and_then(|last| segment.sequence(last)).unwrap_or(segment.last.sequence);
        let one = segment.one_time();
        let position = |millis, sequence| Position { millis: one.unwrap_or(millis), sequence };
        if wanted(position(entry.first_millis, first), position(entry.last_millis, last)) {
            blocks.push(Numbered { entry, number: begin });
        }
    }
    blocks
}

/// The events of a block with their positions.
#[derive(Debug)]
pub(super) struct Opened {
    segment: Segment,
    events: Block,
    times: std::vec::IntoIter<(i64, u64)>,
    time: (i64, u64),
    number: u64,
}

impl Opened {
    /// # Errors
    /// When the block is damaged.
    pub(super) fn open(segment: &Segment, block: Numbered, packed: &Bytes) -> Result<Self, PortError> {
        let raw = unpack(packed)?;
        let (times, events) = postcard::take_from_bytes::<Vec<(i64, u64)>>(&raw).map_err(corrupt)?;
        let events = Block::open(raw.slice(raw.len() - events.len()..)).map_err(corrupt)?;
        Ok(Self { segment: segment.clone(), events, times: times.into_iter(), time: (0, 0), number: block.number })
    }

    /// The time of the next event.
    fn millis(&mut self) -> Result<i64, PortError> {
        while self.time.1 == 0 {
            self.time = self.times.next().ok_or_else(|| corrupt("events have no time"))?;
        }
        self.time.1 -= 1;
        Ok(self.segment.one_time().unwrap_or(self.time.0))
    }

    /// The next event that is part of the log, and where it stands.
    pub(super) fn next(&mut self) -> Result<Option<(Position, Event)>, PortError> {
        loop {
            let Some(event) = self.events.next() else { return Ok(None) };
            let (event, millis) = (event.map_err(corrupt)?, self.millis()?);
            let sequence = self.segment.sequence(self.number);
            self.number += 1;
            if let Some(sequence) = sequence {
                return Ok(Some((Position { millis, sequence }, event)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 5000 events, four to a millisecond.
    fn segment() -> (Segment, Bytes) {
        let mut encoder = Encoder::default();
        for number in 0..5000_i64 {
            let body = vec![u8::try_from(number % 251).unwrap(); 300];
            encoder.push(number / 4, &Event { body: body.into(), ..Event::default() });
        }
        let bytes = encoder.finish();
        let first = Position { millis: 0, sequence: 100 };
        let last = Position { millis: 1249, sequence: 5099 };
        (Segment { object: "x".to_owned(), length: bytes.len() as u64, skip: 0, first, last, level: 0 }, bytes)
    }

    fn events(segment: &Segment, bytes: &Bytes, blocks: Vec<Numbered>) -> Vec<(Position, Event)> {
        let mut events = Vec::new();
        for block in blocks {
            let from = usize::try_from(block.entry.offset).unwrap();
            let packed = bytes.slice(from..from + usize::try_from(block.entry.length).unwrap());
            let mut opened = Opened::open(segment, block, &packed).unwrap();
            events.extend(std::iter::from_fn(|| opened.next().unwrap()));
        }
        events
    }

    #[test]
    fn a_segment_gives_back_its_events_with_their_positions() {
        let (segment, bytes) = segment();
        let index = index(&bytes).unwrap();
        assert!((5..10).contains(&index.len()), "{} blocks", index.len());
        let all = events(&segment, &bytes, blocks(&segment, index.clone(), |_, _| true));
        assert_eq!(all.len(), 5000);
        for (number, (position, event)) in all.iter().enumerate() {
            assert_eq!((position.sequence, position.millis), (100 + number as u64, number as i64 / 4));
            assert_eq!(event.body[0] as usize, number % 251);
        }
        let some = blocks(&segment, index, |first, last| first.millis <= 600 && last.millis >= 600);
        assert!(some.len() <= 2);
        assert!(events(&segment, &bytes, some).iter().filter(|(position, _)| position.millis == 600).count() == 4);
    }

    #[test]
    fn part_of_an_object_may_be_the_segment() {
        let (whole, bytes) = segment();
        for (skip, count) in [(0, 1), (3, 4997), (1000, 10), (4999, 1), (1, 4998)] {
            let position = |sequence| Position { millis: 77, sequence };
            let segment = Segment { skip, first: position(7), last: position(6 + count), ..whole.clone() };
            let found = events(&segment, &bytes, blocks(&segment, index(&bytes).unwrap(), |_, _| true));
            assert_eq!(found.len() as u64, count, "{count} events from {skip}");
            for (number, (found, event)) in found.iter().enumerate() {
                assert_eq!(*found, position(7 + number as u64), "the one time counts");
                assert_eq!(u64::from(event.body[0]), (skip + number as u64) % 251);
            }
        }
    }

    #[test]
    fn a_damaged_segment_is_no_reason_to_panic() {
        let (segment, bytes) = segment();
        for cut in (0..bytes.len()).rev().take(500) {
            assert!(index(&bytes[..cut]).is_err(), "cut after {cut}");
        }
        for place in bytes.len() - 300..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[place] ^= 0xff;
            let _ = index(&changed).map(|index| blocks(&segment, index.into_iter().take(20).collect(), |_, _| true));
        }
    }
}
