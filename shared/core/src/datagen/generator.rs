//! The generator as its users see it: a plan, a run of it that advances in slices, and snapshots between slices.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::compile;
use super::machine::{MachineRun, MachineState};
use super::plan::Machine;
use super::replay::{self, Replay, ReplayRun, ReplayState};
use super::run::{Advance, Halt, Records, Run, Window};
use crate::ids::SourceName;
use crate::mistakes::{Findings, Mistakes, Node};
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
