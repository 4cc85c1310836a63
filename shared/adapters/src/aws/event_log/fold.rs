//! What the records of a log come to, one after the other. Readers and flushers all fold alike, so an event has the same position
//! whoever looks at it, and however the records were cut into flushes.

use std::collections::{BTreeMap, VecDeque};

use headwater_core::ports::{LogSize, Position};
use serde::{Deserialize, Serialize};

use super::record::{Append, Entry};

/// For how long a record may come a second time. A client gives up on an append after 40 s.
const AGAIN_MILLIS: i64 = 60_000;

/// Most records that are remembered for that. It takes a lost answer to write a record twice, and the second comes soon.
const REMEMBERED: usize = 4096;

/// A log up to some record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The sequence of the next event. The first has 1, since 0 stands before all events of a millisecond.
    pub(super) next: u64,
    /// The time of the last event.
    pub(super) millis: i64,
    /// What the log has taken since it was truncated.
    pub(super) size: LogSize,
    /// The highest number of each writer that numbers its events.
    writers: BTreeMap<String, u64>,
    /// Batches without numbers of the last minute: when, and their ids.
    recent: VecDeque<(i64, u64)>,
}

/// What a record came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folded {
    /// To nothing.
    Nothing,
    /// To nothing, because all of its events are there already from another batch.
    Repeated,
    /// To events.
    Kept(Kept),
    /// To the end of all that came before.
    Truncated,
}

/// The events of a record that are new: all but the first few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) skip: u64,
    pub(super) first: Position,
    pub(super) last: Position,
}

impl Default for State {
    fn default() -> Self {
        Self { next: 1, millis: i64::MIN, size: LogSize::default(), writers: BTreeMap::new(), recent: VecDeque::new() }
    }
}

impl State {
    /// How many of a batch's first events are there already.
    pub(super) fn repeated(&self, append: &Append) -> u64 {
        let Some(key) = &append.key else { return 0 };
        let highest = self.writers.get(&key.writer).filter(|highest| **highest >= key.first);
        highest.map_or(0, |highest| (highest - key.first).saturating_add(1).min(append.count))
    }

    /// Takes the next record. `repeated_bytes` are those of the bodies of the events that are [repeated](Self::repeated).
    pub(super) fn fold(&mut self, entry: &Entry, repeated_bytes: u64) -> Folded {
        match entry {
            Entry::Mark => Folded::Nothing,
            Entry::Truncate => {
                self.size = LogSize::default();
                Folded::Truncated
            }
            Entry::Append(append) => self.append(append, repeated_bytes),
        }
    }

    fn append(&mut self, append: &Append, repeated_bytes: u64) -> Folded {
        let skip = self.repeated(append);
        let count = append.count - skip;
        let millis = self.millis.max(append.millis);
        match &append.key {
            Some(_) if count == 0 => return Folded::Repeated,
            Some(key) => {
                let last = key.first.saturating_add(append.count - 1);
                self.writers.insert(key.writer.clone(), last);
            }
            None if count == 0 || self.recent.iter().any(|(_, id)| *id == append.id) => return Folded::Nothing,
            None => self.remember(millis, append.id),
        }
        let first = Position { millis, sequence: self.next };
        let last = Position { millis, sequence: self.next + count - 1 };
        self.millis = millis;
        self.next += count;
        self.size.events += count;
        self.size.bytes += append.bytes.saturating_sub(repeated_bytes);
        Folded::Kept(Kept { skip, first, last })
    }

    fn remember(&mut self, millis: i64, id: u64) {
        self.recent.push_back((millis, id));
        while self.recent.len() > REMEMBERED || self.recent.front().is_some_and(|(then, _)| millis.saturating_sub(*then) > AGAIN_MILLIS) {
            self.recent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use headwater_core::ports::AppendKey;

    use super::super::record::Content;
    use super::*;

    fn append(id: u64, millis: i64, key: Option<(&str, u64)>, count: u64) -> Entry {
        let key = key.map(|(writer, first)| AppendKey { writer: writer.to_owned(), first });
        Entry::Append(Append { id, millis, key, count, bytes: count * 10, content: Content::Inline(Bytes::new()) })
    }

    /// Folds an entry whose events have ten bytes each.
    fn fold(state: &mut State, entry: &Entry) -> Folded {
        let repeated = if let Entry::Append(append) = entry { state.repeated(append) } else { 0 };
        state.fold(entry, repeated * 10)
    }

    fn kept(skip: u64, millis: i64, sequences: std::ops::RangeInclusive<u64>) -> Folded {
        let position = |sequence| Position { millis, sequence };
        Folded::Kept(Kept { skip, first: position(*sequences.start()), last: position(*sequences.end()) })
    }

    #[test]
    fn positions_ascend_and_time_does_not_run_backwards() {
        let mut state = State::default();
        assert_eq!(fold(&mut state, &append(1, 500, None, 3)), kept(0, 500, 1..=3));
        assert_eq!(fold(&mut state, &append(2, 400, None, 1)), kept(0, 500, 4..=4));
        assert_eq!(fold(&mut state, &Entry::Mark), Folded::Nothing);
        assert_eq!(fold(&mut state, &append(3, 501, None, 1)), kept(0, 501, 5..=5));
        assert_eq!(state.size, LogSize { events: 5, bytes: 50 });
    }

    #[test]
    fn a_record_that_was_sent_twice_counts_once() {
        let mut state = State::default();
        for id in 1..=3 {
            fold(&mut state, &append(id, 1000, None, 1));
        }
        for id in 1..=3 {
            assert_eq!(fold(&mut state, &append(id, 1000, None, 1)), Folded::Nothing);
        }
        assert_eq!(fold(&mut state, &append(4, 1000 + AGAIN_MILLIS + 1, None, 1)), kept(0, 1000 + AGAIN_MILLIS + 1, 4..=4));
        assert_eq!(state.recent.len(), 1, "what cannot come again is forgotten");
        for id in 0..10_000 {
            fold(&mut state, &append(id + 10, 0, None, 1));
        }
        assert_eq!(state.recent.len(), REMEMBERED);
    }

    #[test]
    fn of_a_numbered_batch_only_what_is_new_counts() {
        let mut state = State::default();
        assert_eq!(fold(&mut state, &append(1, 1, Some(("w", 1)), 3)), kept(0, 1, 1..=3));
        assert_eq!(fold(&mut state, &append(2, 1, Some(("w", 1)), 3)), Folded::Repeated);
        assert_eq!(fold(&mut state, &append(3, 1, Some(("w", 3)), 2)), kept(1, 1, 4..=4));
        assert_eq!(fold(&mut state, &append(4, 1, Some(("v", 1)), 1)), kept(0, 1, 5..=5));
        assert_eq!(fold(&mut state, &append(5, 1, Some(("w", 1)), 9)), kept(4, 1, 6..=10));
        assert_eq!(fold(&mut state, &append(6, 1, Some(("w", 20)), 1)), kept(0, 1, 11..=11));
        assert_eq!(state.size, LogSize { events: 11, bytes: 110 });
        assert_eq!(fold(&mut state, &append(7, 1, Some(("w", u64::MAX)), 1)), kept(0, 1, 12..=12));
        assert_eq!(fold(&mut state, &append(8, 1, Some(("w", u64::MAX)), 1)), Folded::Repeated);
    }

    #[test]
    fn a_truncation_forgets_the_size_and_nothing_else() {
        let mut state = State::default();
        fold(&mut state, &append(1, 9, Some(("w", 1)), 3));
        assert_eq!(fold(&mut state, &Entry::Truncate), Folded::Truncated);
        assert_eq!(state.size, LogSize::default());
        assert_eq!(fold(&mut state, &append(2, 1, Some(("w", 2)), 3)), kept(2, 9, 4..=4));
        assert_eq!(state.size, LogSize { events: 1, bytes: 10 });
    }
}
