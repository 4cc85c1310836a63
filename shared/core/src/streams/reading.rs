//! Reads events as JSON: piece by piece, with bounded memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};

use super::formats::FormatReader;
use super::registry::Stream;
use super::render::{self, HeaderText};
use super::service::{StreamError, StreamService};
use super::times::Window;
use crate::ids::StreamName;
use crate::ports::{Clock, EventStream, Headers, LogSize, PortError, Position, StoredEvent, TimeRange};

/// Bytes of JSON after which a piece ends.
const PIECE: usize = 256 << 10;

/// How long a piece is worked on at most, an event more or less, where a format reads the events: others get their turn in between.
const FORMATTING: Duration = Duration::from_millis(20);

/// Events as one JSON array, in pieces. There is at least one event.
pub type JsonEvents = BoxStream<'static, Result<Bytes, PortError>>;

/// What is left of a read.
struct Reading {
    stored: EventStream,
    events: std::vec::IntoIter<StoredEvent>,
    /// Events that may still be given.
    left: u64,
    format: Option<FormatReader>,
    clock: Arc<dyn Clock>,
    begun: bool,
    /// The headers that were rendered last, and as what.
    headers: (Headers, HeaderText),
    /// The record that was read last.
    record: Vec<u8>,
}

impl StreamService {
    /// The events of a window, oldest first, as a JSON array; `None` when there is none. With a format, each event has a member
    /// `record` besides, or `error` where it does not fit.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(&self, stream: &Stream, window: Window, format: Option<FormatReader>) -> Result<Option<JsonEvents>, PortError> {
        let Some(alive) = stream.properties.ttl.first_alive(self.now()) else { return Ok(None) };
        let range = TimeRange { from: window.start.max(alive), until: window.end };
        if range.from >= range.until {
            return Ok(None);
        }
        let mut stored = self.log.read(&stream.log, range, None).await?;
        let Some(events) = skip(&mut stored, window.skip).await? else { return Ok(None) };
        let reading = Reading {
            stored,
            events,
            left: window.limit,
            format,
            clock: Arc::clone(&self.clock),
            begun: false,
            headers: (Headers::default(), HeaderText::new(std::iter::empty())),
            record: Vec::new(),
        };
        Ok(Some(stream::try_unfold(Some(reading), next_piece).boxed()))
    }
}

impl StreamService {
    /// What a stream has taken since it was made, or truncated last. This may take as long as a read.
    ///
    /// # Errors
    /// When there is no such stream or namespace, or the store fails.
    pub async fn size(&self, name: &StreamName) -> Result<LogSize, StreamError> {
        let stream = self.get(name).await?;
        Ok(self.log.size(&stream.log).await?)
    }

    /// The events behind a position that are still alive, or all of them, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn events_after(&self, stream: &Stream, after: Option<Position>) -> Result<EventStream, PortError> {
        self.events(stream, TimeRange::ALL, after).await
    }

    /// The events of a time range that are still alive, oldest first, as they are stored; with `after` only those behind it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn events(&self, stream: &Stream, range: TimeRange, after: Option<Position>) -> Result<EventStream, PortError> {
        let Some(alive) = stream.properties.ttl.first_alive(self.now()) else { return Ok(stream::empty().boxed()) };
        let range = TimeRange { from: range.from.max(alive), ..range };
        if range.from >= range.until {
            return Ok(stream::empty().boxed());
        }
        self.log.read(&stream.log, range, after).await
    }
}

/// The first events behind so many others, if there are any.
async fn skip(stored: &mut EventStream, mut skip: u64) -> Result<Option<std::vec::IntoIter<StoredEvent>>, PortError> {
    while let Some(piece) = stored.next().await.transpose()? {
        if skip < piece.len() as u64 {
            let mut events = piece.into_iter();
            events.by_ref().take(skip as usize).for_each(drop);
            return Ok(Some(events));
        }
        skip -= piece.len() as u64;
    }
    Ok(None)
}

async fn next_piece(reading: Option<Reading>) -> Result<Option<(Bytes, Option<Reading>)>, PortError> {
    let Some(mut reading) = reading else { return Ok(None) };
    // A first piece may be all there is, and short.
    let mut out = Vec::with_capacity(if reading.begun { PIECE + PIECE / 16 } else { 0 });
    loop {
        if reading.render_events(&mut out) {
            return Ok(Some((out.into(), Some(reading))));
        }
        match if reading.left == 0 { None } else { reading.stored.next().await.transpose()? } {
            Some(events) => reading.events = events.into_iter(),
            None => {
                out.push(b']');
                return Ok(Some((out.into(), None)));
            }
        }
    }
}

impl Reading {
    /// Renders the events at hand. Answers whether a piece is full before all of them are.
    fn render_events(&mut self, out: &mut Vec<u8>) -> bool {
        let began = self.clock.now();
        while self.left > 0 {
            let Some(event) = self.events.next() else { return false };
            self.left -= 1;
            out.push(if self.begun { b',' } else { b'[' });
            self.begun = true;
            self.render(&event, out);
            if out.len() >= PIECE || (self.format.is_some() && self.clock.now().since(began) >= FORMATTING) {
                return true;
            }
        }
        false
    }

    fn render(&mut self, stored: &StoredEvent, out: &mut Vec<u8>) {
        let StoredEvent { position, event } = stored;
        if !self.headers.0.is_same(&event.headers) {
            let pairs = event.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            self.headers = (event.headers.clone(), HeaderText::new(pairs));
        }
        self.headers.1.open_event(out, position.millis, &event.body);
        if let Some(format) = &mut self.format {
            self.record.clear();
            match format.read(&event.body, &|name| event.headers.value(name), &mut self.record) {
                Ok(()) => {
                    out.extend_from_slice(b",\"record\":");
                    render::json(out, &self.record);
                }
                Err(misfit) => {
                    out.extend_from_slice(b",\"error\":");
                    render::text(out, &misfit.to_string());
                }
            }
        }
        out.push(b'}');
    }
}
