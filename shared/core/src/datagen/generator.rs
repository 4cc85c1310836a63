//! The generator as its users see it: a plan, a run of it that advances in slices, and snapshots between slices.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::compile;
use super::machine::{MachineRun, MachineState};
use super::plan::Machine;
use super::replay::{self, Replay, ReplayRun, ReplayState};
use super::text::Output;
use crate::ids::SourceName;
use crate::mistakes::{Findings, Mistakes, Node};
use crate::ports::{Batch, Timestamp};
use crate::random::SeedKey;

/// The form of a snapshot; another number cannot be restored.
const SNAPSHOT_VERSION: u16 = 1;

/// A compiled specification: checked in full, ready to run, shared by its runs.
#[derive(Debug, Clone)]
pub struct Plan(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Machine(Arc<Machine>),
    Replay(Arc<Replay>),
}

/// How a plan is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The seed that all draws descend from.
    pub seed: i64,
    /// The moment at which job time begins.
    pub start: Timestamp,
    /// Most entities alive at once, at least 1.
    pub concurrency: u64,
    /// The job is done after this many records.
    pub total_events: Option<u64>,
    /// The job is done after this much job time, in nanoseconds; a record at exactly this time is still written.
    pub time_limit: Option<u64>,
}

/// How far one call may advance.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Most records.
    pub records: u64,
    /// Bytes after which no further record is begun.
    pub bytes: usize,
    /// Job time in nanoseconds that has come; nothing later happens. `u64::MAX` simulates.
    pub horizon: u64,
}

/// Where an advance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// The window is full.
    More,
    /// Nothing happens before this job time in nanoseconds.
    Idle {
        /// When the next thing happens.
        until: u64,
    },
    /// The limit is reached; there are no more records.
    Done,
}

/// Why a run cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Millions of records at one instant without a limit on their number.
    #[error(
        "job time stands still: more than {} records at one instant; give a delay, or a limit with total_events",
        crate::limits::RECORDS_PER_INSTANT
    )]
    StandsStill,
    /// The job clock has left what records can hold.
    #[error("the job clock has left the years 1 to 9999")]
    EndOfTime,
}

/// A snapshot that cannot be gone on from.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It has another form.
    #[error("the snapshot has version {found}, this program reads version {SNAPSHOT_VERSION}")]
    Version {
        /// Its version.
        found: u16,
    },
    /// It belongs to another plan, or is damaged.
    #[error("the snapshot does not belong to this specification")]
    Mismatch,
}

/// Rendered records on their way out: the buffer of one or more advances.
#[derive(Debug, Default)]
pub struct Records {
    output: Output,
    ends: Vec<u32>,
}

impl Records {
    /// Goes on with the memory of a batch that nobody holds any more.
    #[must_use]
    pub fn reusing(batch: Batch) -> Self {
        let Batch { text, mut ends } = batch;
        ends.clear();
        let bytes = text.try_into_mut().map(BytesMut::into).unwrap_or_default();
        Self { output: Output::reusing(bytes), ends }
    }

    /// Bytes rendered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.output.len()
    }

    /// Whether nothing is rendered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The records as a batch.
    #[must_use]
    pub fn into_batch(self) -> Batch {
        Batch { text: Bytes::from(self.output.into_bytes()), ends: self.ends }
    }

    #[inline]
    pub(super) fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    #[inline]
    pub(super) fn end_record(&mut self) {
        self.ends.push(u32::try_from(self.output.len()).expect("a window is far below 4 GiB"));
    }
}

/// What a specification needs from outside before it can be compiled: the name of the data file of a replay.
///
/// `None` when it needs nothing, or when it is so wrong that compiling will say so.
#[must_use]
pub fn source_of(specification: &Json) -> Option<SourceName> {
    replay::is_replay(specification).then(|| specification.get("source_file")?.as_str()?.try_into().ok()).flatten()
}

impl Plan {
    /// Compiles a specification. `source` is the data file that [`source_of`] names, if it was found.
    ///
    /// # Errors
    /// All mistakes, with their paths below `path` (empty for the specification itself).
    pub fn compile(specification: &Json, seed: i64, source: Option<&[u8]>) -> Result<Self, Mistakes> {
        let findings = Findings::default();
        let node = Node::top(specification, "", &findings);
        let kind = if replay::is_replay(specification) {
            replay::compile(&node, source).map(|replay| Kind::Replay(Arc::new(replay)))
        } else {
            check_type(&node).and_then(|()| compile::machine(&node, SeedKey::new(seed))).map(|machine| Kind::Machine(Arc::new(machine)))
        };
        findings.conclude(kind.map(Plan))
    }

    /// Whether job time can never pass: such a plan ends by `total_events` only.
    #[must_use]
    pub fn stands_still(&self) -> bool {
        match &self.0 {
            Kind::Machine(machine) => machine.stands_still(),
            Kind::Replay(replay) => replay.stands_still(),
        }
    }

    /// Whether the specification replays a file.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        matches!(self.0, Kind::Replay(_))
    }
}

fn check_type(node: &Node<'_>) -> Option<()> {
    let Some(kind) = node.optional("type") else { return Some(()) };
    let word = kind.text()?;
    if word.eq_ignore_ascii_case("generator") {
        Some(())
    } else {
        kind.wrong(format!("unknown type {word:?}; known are generator and replay"))
    }
}

/// A run of a plan.
#[derive(Debug)]
pub struct Generator(Running);

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a job, and it does not move")]
enum Running {
    Machine(MachineRun),
    Replay(ReplayRun),
}

#[derive(Serialize, Deserialize)]
enum State {
    Machine(MachineState),
    Replay(ReplayState),
}

impl Generator {
    /// A run from its beginning.
    #[must_use]
    pub fn new(plan: &Plan, run: Run) -> Self {
        Self(match &plan.0 {
            Kind::Machine(machine) => Running::Machine(MachineRun::new(Arc::clone(machine), run)),
            Kind::Replay(replay) => Running::Replay(ReplayRun::new(Arc::clone(replay), run)),
        })
    }

    /// Advances within a window and appends what is written to `records`.
    ///
    /// # Errors
    /// When the run can never go on; it stays where it is.
    pub fn advance(&mut self, window: Window, records: &mut Records) -> Result<Advance, Halt> {
        match &mut self.0 {
            Running::Machine(run) => run.advance(window, records),
            Running::Replay(run) => run.advance(window, records),
        }
    }

    /// Records written since the beginning.
    #[must_use]
    pub fn emitted(&self) -> u64 {
        match &self.0 {
            Running::Machine(run) => run.emitted(),
            Running::Replay(run) => run.emitted(),
        }
    }

    /// Entities alive now; a replay counts as one.
    #[must_use]
    pub fn active(&self) -> u64 {
        match &self.0 {
            Running::Machine(run) => run.active(),
            Running::Replay(_) => 1,
        }
    }

    /// Job time that has passed, in nanoseconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        match &self.0 {
            Running::Machine(run) => run.now(),
            Running::Replay(run) => run.now(),
        }
    }

    /// The state between two records: a version, and all that the rest of the run depends on besides plan and run.
    ///
    /// # Panics
    /// Never: plain data always serialises into memory.
    #[must_use]
    pub fn snapshot(&self) -> Bytes {
        let state = match &self.0 {
            Running::Machine(run) => State::Machine(run.save()),
            Running::Replay(run) => State::Replay(run.save()),
        };
        let bytes = postcard::to_extend(&state, SNAPSHOT_VERSION.to_le_bytes().to_vec()).expect("plain data serialises");
        bytes.into()
    }

    /// The run that a snapshot was taken of: it goes on with the same bytes.
    ///
    /// # Errors
    /// When the snapshot has another version or does not fit the plan.
    pub fn restore(plan: &Plan, run: Run, snapshot: &[u8]) -> Result<Self, RestoreError> {
        let (version, state) = snapshot.split_first_chunk::<2>().ok_or(RestoreError::Mismatch)?;
        let found = u16::from_le_bytes(*version);
        if found != SNAPSHOT_VERSION {
            return Err(RestoreError::Version { found });
        }
        let state = postcard::from_bytes(state).map_err(|_| RestoreError::Mismatch)?;
        let running = match (&plan.0, state) {
            (Kind::Machine(machine), State::Machine(state)) => MachineRun::restore(Arc::clone(machine), run, state).map(Running::Machine),
            (Kind::Replay(replay), State::Replay(state)) => ReplayRun::restore(Arc::clone(replay), run, state).map(Running::Replay),
            _ => None,
        };
        running.map(Self).ok_or(RestoreError::Mismatch)
    }
}

#[cfg(test)]
mod tests;
