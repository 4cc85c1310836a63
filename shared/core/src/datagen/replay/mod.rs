//! Replays the rows of a CSV file on the job's clock.
//!
//! Rows are rendered when the file is read; a record is a row with its time put in. After the last row it begins again
//! with the first, at once: the last row of a cycle and the first of the next share a time, as in the original.

mod compile;
mod times;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::calendar;
use super::draws::{Chance, Real};
use super::run::{Advance, Halt, Records, Run, Window};
use super::text::Pieces;
use crate::limits;
use crate::random::{FieldId, SeedKey};

pub(super) use compile::compile;

/// Whether a specification replays a file instead of running states.
pub(super) fn is_replay(specification: &Json) -> bool {
    specification.get("type").and_then(Json::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("replay"))
}

/// A file ready to be replayed.
#[derive(Debug)]
pub(super) struct Replay {
    rows: Vec<Row>,
    columns: Vec<Column>,
    time_column: usize,
    skipping: Option<Skipping>,
    pieces: Pieces,
}

#[derive(Debug)]
struct Row {
    /// Nanoseconds since some fixed moment: only differences matter.
    time: i128,
    /// The piece of the first column's value; the others follow.
    cells: u32,
}

#[derive(Debug)]
struct Column {
    /// `"name":` with what stands before it.
    name: u32,
    id: FieldId,
    null: Chance,
}

/// Jumps ahead in the file now and then.
#[derive(Debug)]
struct Skipping {
    chance: Chance,
    seconds: Real,
}

const SKIP: FieldId = FieldId::ROOT.child("time_skipping");
const SKIP_LENGTH: FieldId = SKIP.child("length");

/// A running replay.
#[derive(Debug)]
pub(super) struct ReplayRun {
    replay: Arc<Replay>,
    seed: SeedKey,
    run: Run,
    state: ReplayState,
}

/// The state of a replay between two records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ReplayState {
    now: u64,
    emitted: u64,
    at_instant: u64,
    /// The row that is written next, and when.
    row: u64,
    due: u64,
}

impl Replay {
    /// Whether a cycle through the file takes no time.
    pub(super) fn stands_still(&self) -> bool {
        !self.rows.windows(2).any(|pair| pair[1].time > pair[0].time)
    }

    /// The row after `row` and the wait until then, in nanoseconds.
    fn next(&self, row: usize, key: crate::random::StepKey) -> (usize, u64) {
        if row + 1 >= self.rows.len() {
            return (0, 0);
        }
        let mut next = row + 1;
        if let Some(skipping) = self.skipping.as_ref().filter(|skipping| skipping.chance.happens(key.draw(SKIP).word())) {
            let until = self.rows[row].time + i128::from(skipping.seconds.draw_nanos(&mut key.draw(SKIP_LENGTH)));
            while next + 1 < self.rows.len() && self.rows[next].time < until {
                next += 1;
            }
        }
        let wait = self.rows[next].time - self.rows[row].time;
        (next, u64::try_from(wait.max(0)).unwrap_or(u64::MAX))
    }
}

impl ReplayRun {
    pub(super) fn new(replay: Arc<Replay>, run: Run) -> Self {
        let state = ReplayState { now: 0, emitted: 0, at_instant: 0, row: 0, due: 0 };
        Self { replay, seed: SeedKey::new(run.seed), run, state }
    }

    pub(super) fn now(&self) -> u64 {
        self.state.now
    }

    pub(super) fn emitted(&self) -> u64 {
        self.state.emitted
    }

    pub(super) fn save(&self) -> ReplayState {
        self.state.clone()
    }

    pub(super) fn restore(replay: Arc<Replay>, run: Run, state: ReplayState) -> Option<Self> {
        let fits = usize::try_from(state.row).is_ok_and(|row| row < replay.rows.len());
        fits.then(|| Self { replay, seed: SeedKey::new(run.seed), run, state })
    }

    pub(super) fn advance(&mut self, window: Window, records: &mut Records) -> Result<Advance, Halt> {
        let last = self.run.time_limit.unwrap_or(u64::MAX - 1);
        let until = self.state.emitted.saturating_add(window.records);
        loop {
            if self.run.total_events.is_some_and(|total| self.state.emitted >= total) {
                return Ok(Advance::Done);
            }
            if self.state.emitted >= until || records.len() >= window.bytes {
                return Ok(Advance::More);
            }
            let at = self.state.due;
            if at > last {
                if self.run.time_limit.is_none() {
                    return Ok(Advance::Done);
                }
                if window.horizon < last {
                    return Ok(Advance::Idle { until: last });
                }
                self.state.now = last;
                return Ok(Advance::Done);
            }
            if at > window.horizon {
                return Ok(Advance::Idle { until: at });
            }
            self.write(at, records)?;
        }
    }

    fn write(&mut self, at: u64, records: &mut Records) -> Result<(), Halt> {
        let state = &mut self.state;
        if at > state.now {
            state.now = at;
            state.at_instant = 0;
        }
        state.at_instant += 1;
        if state.at_instant > limits::RECORDS_PER_INSTANT && self.run.total_events.is_none() {
            return Err(Halt::StandsStill);
        }
        let micros = self.run.moment(at).ok_or(Halt::EndOfTime)?;
        let key = self.seed.entity(0).step(state.emitted);
        let row = usize::try_from(state.row).expect("a row of the file");
        let replay = &self.replay;
        let output = records.output();
        for (column, cell) in replay.columns.iter().zip(replay.rows[row].cells..) {
            output.piece(&replay.pieces, column.name);
            if !column.null.is_never() && column.null.happens(key.draw(column.id).word()) {
                output.push(b"null");
            } else if cell == replay.rows[row].cells + u32::try_from(replay.time_column).expect("a column") {
                output.byte(b'"');
                output.push(&calendar::with_micros(micros));
                output.byte(b'"');
            } else {
                output.piece(&replay.pieces, cell);
            }
        }
        output.push(b"}\n");
        records.end_record();
        state.emitted += 1;
        let (next, wait) = replay.next(row, key);
        state.row = next as u64;
        state.due = at.saturating_add(wait);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
