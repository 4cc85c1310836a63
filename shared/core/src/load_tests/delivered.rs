//! What the delivery has done, and where it stands.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::outbox;
use super::points_file::FilePlace;
use super::run::moment;
use crate::ports::{Key, PointsRefused, Timestamp};

/// The first pause after trouble; it doubles up to the longest. Between half and all of it is waited, by chance, so that many recorders
/// do not come back at once.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How long a batch is left alone that cannot be read, or that the database does not take while it takes others.
pub(super) const ASIDE: Duration = Duration::from_secs(900);

/// Ticks of each shard that are remembered: a step is repeated before the next one is due.
const TICKS: usize = 4;

/// The most of a refused line, and of why it was, that is remembered; and how many of them.
const REMEMBERED: (usize, usize) = (300, 10);

/// What the delivery has done, and where it stands. Stored with its task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Delivered {
    /// Points that are kept.
    pub(super) written: u64,
    /// Points that had to be sent again, each time.
    pub(super) retried: u64,
    /// Points that were refused for what they are, or had to make room.
    pub(super) dropped: u64,
    /// Some of the former.
    pub(super) refused: Vec<Value>,
    /// What the database said last that was no success.
    pub(super) last_error: Option<(String, Timestamp)>,
    pub(super) last_write: Option<Timestamp>,
    /// Whether it took the last points.
    pub(super) reachable: Option<bool>,
    /// How often in a row it did not.
    pub(super) failures: u32,
    /// Until when it is left alone.
    pub(super) quiet: Option<Timestamp>,
    /// The oldest batch that waits.
    #[serde(skip)]
    pub(super) head: Option<Key>,
    /// The one that was the oldest when the database took another one after it had refused.
    pub(super) suspected: Option<Key>,
    /// Batches that are left alone, and until when.
    pub(super) aside: BTreeMap<Key, Timestamp>,
    /// By shard, the last ticks whose heartbeats are kept. A step of heartbeats that is repeated may put them into the outbox once more.
    pub(super) ticks: BTreeMap<u64, VecDeque<i64>>,
    /// Of which kind the place is that points went to last, and what it is called.
    pub(super) kind: String,
    pub(super) place: String,
    /// The file, and up to where it counts.
    pub(super) file: Option<FilePlace>,
    /// Batches that are in the file up to there. They are removed when this is stored, so that a step that is repeated finds them again.
    pub(super) done: Vec<Key>,
}

impl Delivered {
    /// Grows with everything that it counts.
    pub(super) fn handled(&self) -> u64 {
        self.written + self.retried + self.dropped
    }

    /// Notes that a batch is kept.
    pub(super) fn keep(&mut self, key: &Key) {
        if let Some((tick, shard)) = outbox::tick_of(key) {
            let ticks = self.ticks.entry(shard).or_default();
            ticks.push_back(tick);
            if ticks.len() > TICKS {
                ticks.pop_front();
            }
        }
    }

    /// Whether the batch holds heartbeats that are kept already.
    pub(super) fn has(&self, key: &Key) -> bool {
        outbox::tick_of(key).is_some_and(|(tick, shard)| self.ticks.get(&shard).is_some_and(|kept| kept.contains(&tick)))
    }

    /// The database took something after it had refused for a while. It may have come back just then; but if it was the same when the same
    /// batch was the oldest one before, it is that batch which it cannot take.
    pub(super) fn suspect(&mut self, now: Timestamp, is_kept: impl Fn(&Key) -> bool) {
        let Some(head) = self.head.take().filter(|head| !is_kept(head)) else { return };
        if self.suspected.as_ref() == Some(&head) {
            tracing::warn!(batch = %head, "the database takes other points, but not these; they are left alone for a while");
            self.aside.insert(head, now.plus(ASIDE));
            self.suspected = None;
        } else {
            self.suspected = Some(head);
        }
    }

    /// Notes a refusal, and answers until when the database is left alone.
    pub(super) fn pause(&mut self, why: &PointsRefused, now: Timestamp, chance: u64) -> Timestamp {
        self.failures = self.failures.saturating_add(1);
        let (first, longest) = PAUSE;
        let pause = match why {
            PointsRefused::Denied(_) => longest,
            _ => (first * 2_u32.saturating_pow(self.failures.saturating_sub(1).min(10))).min(longest),
        };
        let pause = pause.mul_f64(0.5 + (chance % 1024) as f64 / 2048.0);
        let asked = if let PointsRefused::Later { after: Some(after), .. } = why { *after } else { Duration::ZERO };
        let quiet = now.plus(pause.max(asked));
        (self.reachable, self.quiet, self.last_error) = (Some(false), Some(quiet), Some((why.to_string(), now)));
        quiet
    }

    /// Counts a point that will never be kept, and remembers it for a while.
    pub(super) fn refuse(&mut self, line: &str, why: &str, now: Timestamp) {
        let cut = |text: &str| text.chars().take(REMEMBERED.0).collect::<String>();
        self.dropped += 1;
        self.last_error = Some((cut(why), now));
        self.refused.push(json!({"line": cut(line), "why": cut(why), "at": moment(now)}));
        let surplus = self.refused.len().saturating_sub(REMEMBERED.1);
        self.refused.drain(..surplus);
    }
}
