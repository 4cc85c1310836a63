//! Reading one segment, a few megabytes at a time.

use std::collections::VecDeque;

use bytes::Bytes;
use headwater_core::ports::{PortError, Position, StoredEvent, TimeRange};

use super::objects::{Objects, Part};
use super::record::corrupt;
use super::segment::{FOOTER, Numbered, Opened, Segment, blocks, index, index_length};

/// A segment up to this length is fetched whole.
const WHOLE: u64 = 1 << 20;

/// Bytes at the end of a longer one that hold its index, most times.
const END: u64 = 64 << 10;

/// Most bytes of blocks that are fetched at once.
const FETCHED: u64 = 4 << 20;

/// Most events and most bytes of bodies of a piece, but for one large event.
const PIECE_EVENTS: usize = 1000;
const PIECE_BYTES: usize = 1 << 20;

/// Which events are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Not before this millisecond.
    pub(super) from: i64,
    /// Before this millisecond.
    pub(super) until: i64,
    /// Behind this position.
    pub(super) after: Option<Position>,
    /// Below this sequence.
    pub(super) below: u64,
}

impl Wanted {
    pub(super) fn new(range: TimeRange, after: Option<Position>) -> Self {
        Self { from: range.from, until: range.until, after, below: u64::MAX }
    }

    /// Whether an event is wanted.
    pub(super) fn takes(&self, position: Position) -> bool {
        self.overlaps(position, position)
    }

    /// Whether some event may be wanted of those from one to another.
    pub(super) fn overlaps(&self, first: Position, last: Position) -> bool {
        let in_time = first.millis < self.until && last.millis >= self.from;
        in_time && first.sequence < self.below && self.after.is_none_or(|after| last > after)
    }
}

/// Collects events into a piece.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) events: Vec<StoredEvent>,
    bytes: usize,
}

impl Piece {
    pub(super) fn push(&mut self, event: StoredEvent) {
        self.bytes += event.event.body.len();
        self.events.push(event);
    }

    pub(super) fn is_full(&self) -> bool {
        self.events.len() >= PIECE_EVENTS || self.bytes >= PIECE_BYTES
    }
}

/// A segment being read.
#[derive(Debug)]
pub(super) struct Scan {
    objects: Objects,
    key: String,
    segment: Segment,
    /// The version of the object that all is read from.
    etag: String,
    blocks: VecDeque<Numbered>,
    /// Bytes of the object, and where they begin.
    fetched: (u64, Bytes),
    open: Option<Opened>,
}

impl Scan {
    /// Opens a segment, whose object has this key.
    ///
    /// # Errors
    /// [`PortError::NotFound`] when its object is no longer there.
    pub(super) async fn open(objects: &Objects, key: String, segment: Segment, wanted: &Wanted) -> Result<Self, PortError> {
        let part = if segment.length <= WHOLE { Part::All } else { Part::End(END) };
        let end = objects.get(&key, part, None).await?;
        let length = index_length(&end.bytes)?.saturating_add(FOOTER);
        let (index, fetched) = if length <= end.bytes.len() as u64 {
            let whole = matches!(part, Part::All);
            (index(&end.bytes)?, if whole { (0, end.bytes) } else { (0, Bytes::new()) })
        } else if matches!(part, Part::End(_)) && length <= segment.length {
            (index(&objects.get(&key, Part::End(length), Some(&end.etag)).await?.bytes)?, (0, Bytes::new()))
        } else {
            return Err(corrupt("its index is longer than itself"));
        };
        let blocks = blocks(&segment, index, |first, last| wanted.overlaps(first, last)).into();
        Ok(Self { objects: objects.clone(), key, segment, etag: end.etag, blocks, fetched, open: None })
    }

    /// Adds wanted events to a piece until it is full. Answers whether there may be more.
    pub(super) async fn fill(&mut self, piece: &mut Piece, wanted: &Wanted) -> Result<bool, PortError> {
        loop {
            if self.open.is_none() {
                let Some(block) = self.blocks.pop_front() else { return Ok(false) };
                let packed = self.bytes_of(block).await?;
                self.open = Some(Opened::open(&self.segment, block, &packed)?);
            }
            let Some(open) = &mut self.open else { continue };
            loop {
                if piece.is_full() {
                    return Ok(true);
                }
                match open.next()? {
                    Some((position, event)) if wanted.takes(position) => piece.push(StoredEvent { position, event }),
                    Some((position, _)) if position.millis >= wanted.until || position.sequence >= wanted.below => {
                        (self.open, self.blocks) = (None, VecDeque::new());
                        break;
                    }
                    Some(_) => {}
                    None => {
                        self.open = None;
                        break;
                    }
                }
            }
        }
    }

    /// A block's bytes, which are fetched with those of the next ones.
    async fn bytes_of(&mut self, block: Numbered) -> Result<Bytes, PortError> {
        let (offset, length) = (block.entry.offset, block.entry.length);
        let here = |(from, bytes): &(u64, Bytes)| {
            let begin = usize::try_from(offset.checked_sub(*from)?).ok()?;
            let end = begin.checked_add(usize::try_from(length).ok()?)?;
            (end <= bytes.len()).then(|| bytes.slice(begin..end))
        };
        if let Some(bytes) = here(&self.fetched) {
            return Ok(bytes);
        }
        let mut end = offset.saturating_add(length);
        for next in &self.blocks {
            let until = next.entry.offset.saturating_add(next.entry.length);
            // Blocks in between that are not wanted are not worth a request of their own either.
            if until.saturating_sub(offset) > FETCHED {
                break;
            }
            end = end.max(until);
        }
        let part = self.objects.get(&self.key, Part::Range(offset, end - offset), Some(&self.etag)).await?;
        self.fetched = (offset, part.bytes);
        here(&self.fetched).ok_or_else(|| corrupt("a block breaks off"))
    }
}
