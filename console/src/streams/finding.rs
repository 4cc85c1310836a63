//! Finds events at one end of a range, as many as a page has room for.

use std::collections::VecDeque;

use futures::StreamExt as _;
use headwater_core::ports::{EventStream, PortError, Position, StoredEvent, TimeRange};
use headwater_core::streams::{Stream, StreamService};

/// How far the first window reaches back in milliseconds, and how much further each next one does.
const REACH: i64 = 2_000;
const FURTHER: i64 = 8;

/// Events of a window, and bytes of them, after which a nearer one is tried instead.
const CROWDED: usize = 20_000;
const CROWDED_BYTES: usize = 4 * PAGE_BYTES;

/// Bytes of the events of a page: of each only the beginning is shown, but formats read the whole.
pub(crate) const PAGE_BYTES: usize = 16 << 20;

/// How many events are wanted, and how many bytes they may take together. The first one that is found is taken however large it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    pub(crate) events: usize,
    /// At most [`PAGE_BYTES`].
    pub(crate) bytes: usize,
}

/// Events that were found, one behind the other, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) events: VecDeque<StoredEvent>,
    /// What they take.
    bytes: usize,
    /// Whether the next one did not fit into the bytes.
    pub(crate) is_cut: bool,
}

impl Found {
    /// Takes an event behind the others, unless there is no room for it, or was none for an earlier one.
    fn push(&mut self, event: StoredEvent, most: Most) {
        let bytes = self.bytes + bytes_of(&event);
        self.is_cut |= bytes > most.bytes && !self.events.is_empty();
        if !self.is_cut {
            self.bytes = bytes;
            self.events.push_back(event);
        }
    }

    /// Takes an event behind the others, which make room for it: the oldest go. With `keep_one` the newest one stays in any case.
    pub(super) fn roll(&mut self, event: StoredEvent, most: Most, keep_one: bool) {
        self.bytes += bytes_of(&event);
        self.events.push_back(event);
        loop {
            let is_large = self.bytes > most.bytes && (self.events.len() > 1 || !keep_one);
            if self.events.len() <= most.events && !is_large {
                return;
            }
            let Some(gone) = self.events.pop_front() else { return };
            self.bytes -= bytes_of(&gone);
            self.is_cut |= is_large;
        }
    }
}

/// Bytes of an event: its body and its headers.
pub(super) fn bytes_of(StoredEvent { event, .. }: &StoredEvent) -> usize {
    event.body.len() + event.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
}

/// The first events of a range.
pub(super) async fn first(
    streams: &StreamService,
    stream: &Stream,
    range: TimeRange,
    after: Option<Position>,
    most: Most,
) -> Result<Found, PortError> {
    let mut found = Found::default();
    let mut pieces = streams.events(stream, range, after).await?;
    while !found.is_cut
        && found.events.len() < most.events
        && let Some(piece) = pieces.next().await.transpose()?
    {
        let room = most.events - found.events.len();
        piece.into_iter().take(room).for_each(|event| found.push(event, most));
    }
    Ok(found)
}

/// The last events before a time, and before a place. Logs are read forwards only, so they are looked for in windows that
/// reach further and further back; of one that has very many events the later half is tried instead.
pub(crate) async fn last(
    streams: &StreamService,
    stream: &Stream,
    end: i64,
    before: Option<Position>,
    most: Most,
    now: i64,
) -> Result<Found, PortError> {
    let mut found = Found::default();
    // What lies ahead of the clock, if anything does, is a window of its own.
    let (mut from, mut until, mut reach) = (end.min(now).max(0), end, REACH);
    // More than enough lies behind this.
    let mut floor = 0;
    loop {
        let left = Most { events: most.events - found.events.len(), bytes: most.bytes.saturating_sub(found.bytes) };
        let events = streams.events(stream, TimeRange { from, until }, None).await?;
        // Within a millisecond there is no later half.
        let can_be_halved = until - from > 1;
        match last_of(events, before, left, found.events.is_empty(), can_be_halved).await? {
            None => {
                floor = from;
                from += (until - from) / 2;
                continue;
            }
            Some(mut older) => {
                older.events.append(&mut found.events);
                older.bytes += found.bytes;
                found = older;
            }
        }
        if found.is_cut || found.events.len() >= most.events || from <= floor {
            return Ok(found);
        }
        (from, until) = (from.saturating_sub(reach).max(floor), from);
        reach = reach.saturating_mul(FURTHER);
    }
}

/// The last events before a place; nothing where it can be halved and there are very many of them to choose from.
async fn last_of(
    mut pieces: EventStream,
    before: Option<Position>,
    most: Most,
    keep_one: bool,
    can_be_halved: bool,
) -> Result<Option<Found>, PortError> {
    let (mut seen, mut bytes, mut found) = (0, 0, Found::default());
    while let Some(piece) = pieces.next().await.transpose()? {
        for event in piece.into_iter().filter(|event| before.is_none_or(|before| event.position < before)) {
            seen += 1;
            bytes += bytes_of(&event);
            found.roll(event, most, keep_one);
        }
        if can_be_halved && (seen > CROWDED || bytes > CROWDED_BYTES) {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use headwater_core::ports::Event;
    use proptest::prelude::*;

    use super::*;

    fn events(sizes: &[usize]) -> Vec<StoredEvent> {
        let event = |(sequence, size): (usize, &usize)| StoredEvent {
            position: Position { millis: 1, sequence: sequence as u64 },
            event: Event { headers: Vec::new().into(), body: Bytes::from(vec![b'x'; *size]) },
        };
        sizes.iter().enumerate().map(event).collect()
    }

    proptest! {
        #[test]
        fn as_many_are_found_as_there_is_room_for(sizes in prop::collection::vec(0..50_usize, 1..20), count in 1..12_usize, bytes in 0..200) {
            let bytes = bytes as usize;
            let most = Most { events: count, bytes };
            // How many fit, one by one, and one in any case.
            let room = |sizes: &mut dyn Iterator<Item = usize>| {
                let mut sum = 0;
                let fits = |size: &usize| { sum += size; sum <= bytes };
                sizes.take(count).take_while(fits).count().max(1)
            };
            let (mut front, mut back) = (Found::default(), Found::default());
            for event in events(&sizes) {
                back.roll(event.clone(), most, true);
                if front.events.len() < count {
                    front.push(event, most);
                }
            }
            let all = events(&sizes);
            let (first, last) = (room(&mut sizes.iter().copied()), room(&mut sizes.iter().rev().copied()));
            prop_assert!(front.events.iter().eq(&all[..first]));
            prop_assert!(back.events.iter().eq(&all[all.len() - last..]));
            prop_assert_eq!(front.is_cut, first < count.min(all.len()));
            prop_assert!(back.is_cut || last == count.min(all.len()));
            prop_assert!(!back.is_cut || last < all.len());
        }
    }
}
