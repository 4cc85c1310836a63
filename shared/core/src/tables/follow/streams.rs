//! Tables that take a number from each event of a stream.

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::Value;

use super::{AT_ONCE, Outcome};
use crate::ports::{Position, StoredEvent};
use crate::streams::formats::FormatReader;
use crate::streams::{Stream, StreamError};
use crate::tables::SampleRate;
use crate::tables::definition::{EventTime, StreamSource};
use crate::tables::record::{Followed, Held, Place};
use crate::tables::rows::Rows;
use crate::tables::service::{TableError, TableService};
use crate::tables::store::Table;

/// How often a stream is looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Events that are looked at before it is committed how far that is.
const EVENTS: usize = 64 * 1024;

/// Nanoseconds of a millisecond.
const MILLI: i64 = 1_000_000;

impl TableService {
    pub(super) async fn follow_stream(&self, table: &Table, source: &StreamSource) -> Result<Outcome, TableError> {
        let stream = match self.streams.get(&source.stream).await {
            Ok(stream) => stream,
            Err(StreamError::Store(error)) => return Err(error.into()),
            Err(other) => {
                // It may be made anew.
                self.trouble(table, other.to_string()).await?;
                return Ok(Outcome::Wait(PERIOD * 5));
            }
        };
        let (after, held) = match &table.record.followed {
            Some(Followed::Stream { log, position, held }) if *log == stream.log.0 => (*position, *held),
            Some(Followed::Stream { held, .. }) => (None, *held),
            _ => (None, None),
        };
        let mut taking = Taking::new(table, source, &stream, held);
        let position = after.map(|(millis, sequence)| Position { millis, sequence });
        let mut events = self.streams.events_after(&stream, position).await?;
        let (mut met, mut seen) = (None, 0);
        // How far it has come is committed now and then, also where nothing counts.
        while taking.has_room() && seen < EVENTS {
            let Some(piece) = events.next().await.transpose()? else { break };
            seen += piece.len();
            for event in &piece {
                if !taking.take(event) {
                    break;
                }
                met = Some((event.position.millis, event.position.sequence));
            }
        }
        let (gap, more, held) = (taking.gap, !taking.has_room() || seen >= EVENTS, taking.held);
        if met.is_none() && taking.samples.is_empty() && gap.is_none() && table.record.trouble.is_none() {
            return Ok(Outcome::Wait(PERIOD));
        }
        let followed = Some(Followed::Stream { log: stream.log.0.clone(), position: met.or(after), held });
        match gap {
            Some(sample) => self.begin_at(table, Place { element: sample, sample }, |record| record.followed = followed).await?,
            None => self.take(table, Rows::of_samples(taking.samples), |record| record.followed = followed).await?,
        }
        Ok(if more || gap.is_some() { Outcome::More } else { Outcome::Took(PERIOD) })
    }
}

/// Events becoming samples.
struct Taking<'a> {
    source: &'a StreamSource,
    format: FormatReader,
    /// Whether the body is JSON, because the stream's format says no more than that it is text.
    plain: bool,
    rate: SampleRate,
    /// The number of the next sample.
    next: u64,
    /// Samples that the retention keeps.
    kept: u64,
    held: Option<Held>,
    samples: Vec<f64>,
    /// Where to go on if nothing that comes before is to be kept.
    gap: Option<u64>,
    /// Whether an event was put off.
    full: bool,
    record: Vec<u8>,
}

impl<'a> Taking<'a> {
    fn new(table: &Table, source: &'a StreamSource, stream: &Stream, held: Option<Held>) -> Self {
        let rate = table.rate();
        Self {
            source,
            format: stream.properties.format.reader(),
            plain: stream.properties.format.is_plain_text(),
            rate,
            next: table.record.end.element,
            kept: rate.samples_in(table.definition.retention.measure.nanos()).max(1),
            held,
            samples: Vec::new(),
            gap: None,
            full: false,
            record: Vec::new(),
        }
    }

    fn has_room(&self) -> bool {
        self.samples.len() < AT_ONCE && self.gap.is_none() && !self.full
    }

    /// Takes an event. `false` when it must come again, because there is no more room.
    fn take(&mut self, event: &StoredEvent) -> bool {
        if !self.has_room() {
            return false;
        }
        let Some(value) = self.number_of(event) else { return true };
        if self.source.time == EventTime::Rate {
            self.samples.push(value);
            return true;
        }
        let millis = event.position.millis;
        let held = *self.held.get_or_insert(Held { origin: millis, value: value.to_bits() });
        let until = self.rate.first_at(millis.saturating_sub(held.origin).saturating_mul(MILLI));
        let at = self.next + self.samples.len() as u64;
        let missing = until.saturating_sub(at);
        // After a long silence only what would be kept is filled.
        if missing > self.kept.max(AT_ONCE as u64) {
            if self.samples.is_empty() {
                self.gap = Some(until - self.kept);
            }
            self.full = true;
            return false;
        }
        let room = (AT_ONCE - self.samples.len()) as u64;
        self.samples.resize(self.samples.len() + missing.min(room) as usize, f64::from_bits(held.value));
        if missing > room {
            self.full = true;
            return false;
        }
        self.held = Some(Held { value: value.to_bits(), ..held });
        true
    }

    /// The number that an event holds. Events without one are passed over: a stream may carry many kinds.
    fn number_of(&mut self, stored: &StoredEvent) -> Option<f64> {
        let event = &stored.event;
        // Those of requests are kept in lower case, those of devices as the hub writes them.
        let has = |name: &str, value: &str| event.headers.iter().any(|(other, had)| other.eq_ignore_ascii_case(name) && had == value);
        if self.source.headers.iter().any(|(name, value)| !has(name, value)) {
            return None;
        }
        let record: Value = if self.plain {
            serde_json::from_slice(&event.body).ok()?
        } else {
            self.record.clear();
            self.format.read(&event.body, &|name| event.headers.value(name), &mut self.record).ok()?;
            serde_json::from_slice(&self.record).ok()?
        };
        member(&record, &self.source.field)?.as_f64()
    }
}

/// The member of this name, or the one that it leads to through objects.
pub(crate) fn member<'a>(record: &'a Value, field: &str) -> Option<&'a Value> {
    if let Some(value) = record.get(field) {
        return Some(value);
    }
    let (head, rest) = field.split_once('.')?;
    member(record.get(head)?, rest)
}
