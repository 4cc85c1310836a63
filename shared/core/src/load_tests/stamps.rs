//! The times of points. Two runs may have the same tags, so points of theirs must never have the same time: the later one would take the
//! place of the other.
//!
//! Heartbeats of a tick stand at even nanoseconds behind it, each run at its own place; all other points stand at odd ones, each later than the one
//! before.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};

use super::id::RunId;
use super::store::SHARDS;
use crate::ports::{Clock, Entropy, Timestamp};

/// Gives points their times.
#[derive(Debug, Default)]
pub(super) struct Stamps(AtomicI64);

impl Stamps {
    /// A time for a point of now, in nanoseconds. No other point of this process has it. Below the microsecond it is drawn, so that those
    /// of other processes hardly ever have it either.
    pub(super) fn now(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> i64 {
        let now = clock.now().as_micros().saturating_mul(1000).saturating_add((entropy.draw() % 500) as i64 * 2 + 1);
        let next = |last: i64| Some(now.max(last + 2));
        let last = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_default();
        now.max(last + 2)
    }
}

/// Places of the heartbeats of a shard behind a tick: far more than it may have runs, and all of them within half a millisecond.
const PLACES: u64 = 1 << 14;

/// Gives the heartbeats of a shard at a tick their times. A run has the same place at every tick, and when a tick is repeated, whatever other
/// runs there are; unless two have the same one, and the later one moves on.
#[derive(Debug)]
pub(super) struct Places {
    tick: i64,
    shard: u64,
    taken: HashSet<u64>,
}

impl Places {
    pub(super) fn at(tick: Timestamp, shard: u64) -> Self {
        Self { tick: tick.as_micros().saturating_mul(1000), shard, taken: HashSet::new() }
    }

    /// The time of this run's heartbeat in nanoseconds.
    pub(super) fn of(&mut self, uuid: &RunId) -> i64 {
        let mut place = uuid.shard(PLACES);
        while !self.taken.insert(place) {
            place = (place + 1) % PLACES;
        }
        self.tick.saturating_add(i64::try_from((place * SHARDS + self.shard) * 2).unwrap_or(i64::MAX))
    }
}

/// The digits below the microsecond for a point whose moment a client gives: the same for the same words, and odd, as those of no heartbeat.
pub(super) fn digits(words: &[&str]) -> i64 {
    // FNV-1a.
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    ((hash >> 20) % 500) as i64 * 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_do_not_depend_on_other_runs_and_are_never_shared() {
        let ids: Vec<RunId> = (0..2000)
            .map(|n| RunId::parse(&format!("2345{:0>13}", n.to_string().replace('0', "z").replace('1', "y")).replace('0', "z")).unwrap())
            .collect();
        let tick = Timestamp::from_millis(15_000);
        let mut places = Places::at(tick, 3);
        let all: Vec<i64> = ids.iter().map(|uuid| places.of(uuid)).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 2000);
        assert!(all.iter().all(|at| (15_000_000_000..15_000_600_000).contains(at) && at % 2 == 0));
        let mut places = Places::at(tick, 3);
        let alone: Vec<i64> = ids.iter().skip(1000).map(|uuid| places.of(uuid)).collect();
        let moved = alone.iter().zip(&all[1000..]).filter(|(alone, all)| alone != all).count();
        assert!(moved <= 200, "{moved} of a thousand have moved");
    }
}
