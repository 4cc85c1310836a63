//! The one queue of a fleet.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

/// What is to happen, by its moments.
#[derive(Debug, Default)]
pub(super) struct Schedule(pub(super) BinaryHeap<Reverse<Entry>>);

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }
}

impl Schedule {
    pub(super) fn sorted(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self.0.iter().map(|Reverse(entry)| *entry).collect();
        entries.sort_unstable();
        entries
    }

    pub(super) fn put(&mut self, due: i64, what: What, device: u32) {
        self.0.push(Reverse(Entry { due, what, device }));
    }
}

/// Something that a device does at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Microseconds since 1970.
    pub(super) due: i64,
    pub(super) what: What,
    pub(super) device: u32,
}

/// What a device does. At one moment this is the order: a message shows the state after the tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum What {
    /// A script wakes.
    Wake(u16),
    /// Its state moves.
    Tick,
    /// It connects.
    Connect,
    /// A message of its model, by place.
    Message(u16),
    /// A message whose turn was booked for this moment.
    Held(u16),
    /// The next message of the replay.
    Replay,
}
