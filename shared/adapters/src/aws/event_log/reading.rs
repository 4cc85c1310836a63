//! A read: the segments of the manifest, and then what stands in the stream up to the mark, as one stream of events.

use std::collections::VecDeque;

use futures::StreamExt as _;
use futures::stream;
use headwater_core::ports::{EventStream, PortError, StoredEvent};

use super::Logs;
use super::fold::{Folded, State};
use super::manifest::Manifest;
use super::place::Place;
use super::record::{Append, Content, Entry, Record, Sequence};
use super::scan::{Piece, Scan, Wanted};
use super::segment::Segment;
use super::tail::Tail;
use crate::event_block::Block;

/// How often in a row a segment may be gone before it counts as lost. Each time the manifest is read anew.
const GONE: u32 = 5;

/// A read under way.
#[derive(Debug)]
pub(super) struct Reading {
    logs: Logs,
    place: Place,
    wanted: Wanted,
    /// The log up to where this read has come, or will have when the segments are done.
    state: State,
    segments: VecDeque<Segment>,
    scan: Option<Scan>,
    /// What is left of a batch of the stream.
    batch: Option<(Block, headwater_core::ports::Position)>,
    tail: Option<Tail>,
    /// Records up to here have been removed.
    truncated: Option<Sequence>,
    gone: u32,
}

impl Reading {
    /// The wanted events of a log, up to the end of `tail`.
    pub(super) fn new(logs: &Logs, place: Place, manifest: Manifest, mut wanted: Wanted, tail: Option<Tail>) -> Self {
        wanted.from = wanted.from.max(manifest.kept_from);
        let Manifest { state, segments, truncated, .. } = manifest;
        let segments = if truncated.is_some() { VecDeque::new() } else { segments.into() };
        Self { logs: logs.clone(), place, wanted, state, segments, scan: None, batch: None, tail, truncated, gone: 0 }
    }

    pub(super) fn stream(self) -> EventStream {
        stream::try_unfold(self, |mut reading| async move { Ok(reading.piece().await?.map(|piece| (piece, reading))) }).boxed()
    }

    /// The next piece, which has events; `None` at the end.
    async fn piece(&mut self) -> Result<Option<Vec<StoredEvent>>, PortError> {
        let mut piece = Piece::default();
        while !piece.is_full() {
            if !self.more(&mut piece).await? {
                break;
            }
        }
        if let Some(last) = piece.events.last() {
            self.wanted.after = Some(last.position);
            self.gone = 0;
        }
        Ok(Some(piece.events).filter(|events| !events.is_empty()))
    }

    /// Brings some events, or comes closer to them. Answers whether there may be more.
    async fn more(&mut self, piece: &mut Piece) -> Result<bool, PortError> {
        if let Some((block, next)) = &mut self.batch {
            while !piece.is_full() {
                let Some(event) = block.next() else {
                    self.batch = None;
                    break;
                };
                let event = event.map_err(super::record::corrupt)?;
                if self.wanted.takes(*next) {
                    piece.push(StoredEvent { position: *next, event });
                }
                next.sequence += 1;
            }
            return Ok(true);
        }
        if self.scan.is_some() || !self.segments.is_empty() {
            let outcome = self.scan(piece).await;
            return match outcome {
                Err(PortError::NotFound { what }) => self.look_again(what, piece).await,
                outcome => outcome.map(|()| true),
            };
        }
        if self.wanted.until <= self.state.millis {
            return Ok(false); // What comes later has no earlier time.
        }
        let Some(tail) = &mut self.tail else { return Ok(false) };
        let Some((sequence, record)) = tail.next().await? else { return Ok(false) };
        self.take(&sequence, record).await?;
        Ok(true)
    }

    async fn scan(&mut self, piece: &mut Piece) -> Result<(), PortError> {
        if let Some(scan) = &mut self.scan {
            if !scan.fill(piece, &self.wanted).await? {
                self.scan = None;
            }
            return Ok(());
        }
        let Some(segment) = self.segments.front() else { return Ok(()) };
        if self.wanted.overlaps(segment.first, segment.last) {
            let key = self.logs.key(&self.place, &segment.object);
            self.scan = Some(Scan::open(&self.logs.objects, key, segment.clone(), &self.wanted).await?);
        }
        self.segments.pop_front();
        Ok(())
    }

    /// A segment has been merged with others and removed meanwhile, or the log has been truncated or removed. What is still there
    /// of the events up to here is read from the segments of now.
    async fn look_again(&mut self, what: String, piece: &Piece) -> Result<bool, PortError> {
        self.gone += 1;
        if self.gone > GONE {
            return Err(PortError::Corrupt { what, source: "it is not where the manifest says".into() });
        }
        let loaded = self.logs.manifests.load(&self.place.manifest).await?;
        // Of a log that was removed or truncated no more is shown, rather than what came after a gap.
        let Some((manifest, _)) = loaded.filter(|(manifest, _)| manifest.truncated.is_none()) else {
            (self.scan, self.tail) = (None, None);
            self.segments.clear();
            return Ok(false);
        };
        if let Some(last) = piece.events.last() {
            self.wanted.after = Some(last.position);
        }
        // Not what came after this read had begun.
        self.wanted.below = self.state.next;
        self.wanted.from = self.wanted.from.max(manifest.kept_from);
        self.scan = None;
        self.segments = manifest.segments.into();
        Ok(true)
    }

    /// Takes a record of the tail.
    async fn take(&mut self, sequence: &Sequence, record: Record) -> Result<(), PortError> {
        let folded = self.logs.fold(&self.place, &mut self.state, &record.entry).await?;
        self.wanted.below = u64::MAX;
        let gone = self.truncated.as_ref().is_some_and(|truncated| sequence <= truncated);
        let (Folded::Kept(kept), Entry::Append(append), false) = (folded, record.entry, gone) else { return Ok(()) };
        if !self.wanted.overlaps(kept.first, kept.last) {
            return Ok(());
        }
        match append.content {
            Content::Inline(packed) => {
                let mut block = Append::open(&packed)?;
                for _ in 0..kept.skip {
                    block.next();
                }
                self.batch = Some((block, kept.first));
            }
            Content::Staged { object, length } => {
                self.segments.push_back(Segment { object, length, skip: kept.skip, first: kept.first, last: kept.last, level: 0 });
            }
        }
        Ok(())
    }
}
