//! Runs a compiled state machine: a discrete-event simulation over virtual time.
//!
//! Entities are plain data in a few vectors; those that wait stand in a priority queue ordered by time and then by who
//! went to sleep first. The spawner is one more thing that waits. Nothing else happens between two wake-ups, so the state
//! between any two records is complete and can be saved.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::calendar::RunningTime;
use super::plan::{Count, Machine, Member, Setter};
use super::render::{Fragment, Scope, is_missing, is_null};
use super::run::{Advance, Halt, Records, Run, Window};
use super::text::Output;
use crate::limits;
use crate::random::{SeedKey, StepKey};

/// How often the spawner looks for a free slot once the limit is reached.
const LOOK_AGAIN: u64 = 5_000_000_000;

/// When something wakes: nanoseconds of job time, then the order of going to sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wake {
    at: u64,
    order: u64,
    entity: u32,
}

/// What the spawner is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Spawner {
    /// It looks at this time.
    Looks { at: u64 },
    /// The limit was reached when it looked at this time. It would look again every five seconds; it is woken at the first
    /// such moment after an entity has ended.
    Waits { since: u64 },
}

#[derive(Debug, Clone, Copy)]
struct Entity {
    id: u64,
    visit: u64,
    /// The state it is in; `FRESH` before its first.
    state: u32,
}

const FRESH: u32 = u32::MAX;

/// A running machine.
#[derive(Debug)]
pub(super) struct MachineRun {
    plan: Arc<Machine>,
    seed: SeedKey,
    run: Run,
    now: u64,
    emitted: u64,
    /// Records at the present instant, to notice a job that stands still.
    at_instant: u64,
    order: u64,
    next_entity: u64,
    spawner: Spawner,
    counters: Vec<Count>,
    entities: Vec<Entity>,
    prepared: Vec<u32>,
    rendered: Vec<Fragment>,
    free: Vec<u32>,
    queue: BinaryHeap<Reverse<Wake>>,
    time: RunningTime,
    /// Where variables are rendered.
    scratch: Output,
}

/// The state of a run between two records. Slots are not kept: they do not show.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MachineState {
    now: u64,
    emitted: u64,
    at_instant: u64,
    order: u64,
    next_entity: u64,
    spawner: Spawner,
    counters: Vec<Count>,
    entities: Vec<EntityState>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EntityState {
    id: u64,
    visit: u64,
    state: u32,
    at: u64,
    order: u64,
    prepared: Vec<u32>,
    rendered: Vec<Vec<u8>>,
}

impl MachineRun {
    pub(super) fn new(plan: Arc<Machine>, run: Run) -> Self {
        let counters = plan.counters.iter().map(|counter| counter.start).collect();
        Self {
            plan,
            seed: SeedKey::new(run.seed),
            run,
            now: 0,
            emitted: 0,
            at_instant: 0,
            order: 0,
            next_entity: 0,
            spawner: Spawner::Looks { at: 0 },
            counters,
            entities: Vec::new(),
            prepared: Vec::new(),
            rendered: Vec::new(),
            free: Vec::new(),
            queue: BinaryHeap::new(),
            time: RunningTime::new(),
            scratch: Output::default(),
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    pub(super) fn emitted(&self) -> u64 {
        self.emitted
    }

    pub(super) fn active(&self) -> u64 {
        self.queue.len() as u64
    }

    /// When the next thing happens, and whether it is the spawner.
    #[inline]
    fn next_wake(&self) -> (u64, bool) {
        let entity = self.queue.peek().map_or(u64::MAX, |Reverse(wake)| wake.at);
        match self.spawner {
            Spawner::Looks { at } if at < entity => (at, true),
            Spawner::Looks { at } if self.queue.is_empty() => (at, true),
            _ => (entity, false),
        }
    }

    pub(super) fn advance(&mut self, window: Window, records: &mut Records) -> Result<Advance, Halt> {
        let plan = Arc::clone(&self.plan);
        let last = self.run.time_limit.unwrap_or(u64::MAX - 1);
        let most = window.records.min(self.run.total_events.map_or(u64::MAX, |total| total - self.emitted.min(total)));
        let until = self.emitted.saturating_add(most);
        loop {
            if self.emitted >= until {
                return Ok(if self.run.total_events.is_some_and(|total| self.emitted >= total) { Advance::Done } else { Advance::More });
            }
            if records.len() >= window.bytes {
                return Ok(Advance::More);
            }
            let (at, spawning) = self.next_wake();
            if at > last {
                // Paced against the wall, the job lives until its time is really over.
                return Ok(if window.horizon < last && self.run.time_limit.is_some() {
                    Advance::Idle { until: last }
                } else {
                    self.end_at(last)
                });
            }
            if at > window.horizon {
                return Ok(Advance::Idle { until: at });
            }
            if at > self.now {
                self.now = at;
                self.at_instant = 0;
            }
            if spawning {
                self.look(&plan);
                continue;
            }
            self.step(&plan, records)?;
        }
    }

    fn end_at(&mut self, last: u64) -> Advance {
        if self.run.time_limit.is_some() {
            self.now = last;
        }
        Advance::Done
    }

    /// The spawner looks: starts an entity if there is room, and settles when to look again.
    fn look(&mut self, plan: &Machine) {
        if self.active() >= self.run.concurrency {
            self.spawner = Spawner::Waits { since: self.now };
            return;
        }
        let id = self.next_entity;
        self.next_entity += 1;
        let entity = Entity { id, visit: 0, state: FRESH };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entities[slot as usize] = entity;
                slot
            }
            None => {
                self.entities.push(entity);
                self.prepared.resize(self.entities.len() * plan.prepared_slots, 0);
                self.rendered.resize(self.entities.len() * plan.rendered_slots, Fragment::null());
                u32::try_from(self.entities.len() - 1).expect("limits bound the number of entities")
            }
        };
        let index = slot as usize;
        self.prepared[index * plan.prepared_slots..][..plan.prepared_slots].fill(0);
        self.rendered[index * plan.rendered_slots..][..plan.rendered_slots].fill(Fragment::null());
        self.order += 1;
        self.queue.push(Reverse(Wake { at: self.now, order: self.order, entity: slot }));
        let wait = plan.interarrival.seconds.draw_nanos(&mut self.seed.entity(id).step(0).draw(plan.interarrival.id));
        self.spawner = Spawner::Looks { at: self.now.saturating_add(wait) };
    }

    /// An entity has ended: if the spawner waits for that, it looks at the next moment of its five-second grid.
    fn wake_spawner(&mut self) {
        if let Spawner::Waits { since } = self.spawner {
            let looks = (self.now - since).div_ceil(LOOK_AGAIN).max(1);
            self.spawner = Spawner::Looks { at: since.saturating_add(looks * LOOK_AGAIN) };
        }
    }

    /// The entity at the head of the queue wakes, moves on, writes its record and sleeps again; or it ends.
    #[inline]
    fn step(&mut self, plan: &Machine, records: &mut Records) -> Result<(), Halt> {
        let Some(mut head) = self.queue.peek_mut() else { return Ok(()) };
        let slot = head.0.entity;
        let entity = &mut self.entities[slot as usize];
        let entity_key = self.seed.entity(entity.id);
        let next = match plan.states.get(entity.state as usize) {
            None => Some(0),
            Some(state) => {
                let taken = state.transition.draw(&mut entity_key.step(entity.visit).draw(state.transition_id));
                entity.visit += 1;
                state.next[taken as usize]
            }
        };
        let Some(next) = next else {
            std::collections::binary_heap::PeekMut::pop(head);
            self.free.push(slot);
            self.wake_spawner();
            return Ok(());
        };
        entity.state = next;
        let state = &plan.states[next as usize];
        let key = entity_key.step(entity.visit);

        self.order += 1;
        let wait = state.delay.seconds.draw_nanos(&mut key.draw(state.delay.id));
        *head = Reverse(Wake { at: self.now.saturating_add(wait), order: self.order, entity: slot });
        drop(head);

        self.at_instant += 1;
        if self.at_instant > limits::RECORDS_PER_INSTANT && self.run.total_events.is_none() {
            return Err(Halt::StandsStill);
        }
        let micros = self.run.moment(self.now).ok_or(Halt::EndOfTime)?;
        let index = slot as usize;
        let prepared = &mut self.prepared[index * plan.prepared_slots..][..plan.prepared_slots];
        let rendered = &mut self.rendered[index * plan.rendered_slots..][..plan.rendered_slots];
        set_variables(plan, &state.setters, key, &mut self.counters, prepared, rendered, &mut self.scratch);
        let mut scope = Scope { pieces: &plan.pieces, plans: &plan.counters, counters: &mut self.counters, prepared, rendered };
        let output = records.output();
        output.blocks(self.time.at(micros), RunningTime::LENGTH);
        for member in &plan.emitters[state.emitter].members {
            write_member(member, &mut scope, key, output);
        }
        output.push(b"}\n");
        records.end_record();
        self.emitted += 1;
        Ok(())
    }

    pub(super) fn save(&self) -> MachineState {
        let state = |Reverse(wake): &Reverse<Wake>| {
            let index = wake.entity as usize;
            let entity = self.entities[index];
            EntityState {
                id: entity.id,
                visit: entity.visit,
                state: entity.state,
                at: wake.at,
                order: wake.order,
                prepared: self.prepared[index * self.plan.prepared_slots..][..self.plan.prepared_slots].to_vec(),
                rendered: self.rendered[index * self.plan.rendered_slots..][..self.plan.rendered_slots]
                    .iter()
                    .map(|text| text.as_bytes().to_vec())
                    .collect(),
            }
        };
        MachineState {
            now: self.now,
            emitted: self.emitted,
            at_instant: self.at_instant,
            order: self.order,
            next_entity: self.next_entity,
            spawner: self.spawner,
            counters: self.counters.clone(),
            entities: self.queue.iter().map(state).collect(),
        }
    }

    /// The run that was saved, or `None` when the state does not fit the plan.
    pub(super) fn restore(plan: Arc<Machine>, run: Run, state: MachineState) -> Option<Self> {
        let mut restored = Self::new(plan, run);
        if state.counters.len() != restored.counters.len() {
            return None;
        }
        for (slot, entity) in state.entities.into_iter().enumerate() {
            let fits = entity.prepared.len() == restored.plan.prepared_slots
                && entity.rendered.len() == restored.plan.rendered_slots
                && (entity.state == FRESH || (entity.state as usize) < restored.plan.states.len());
            if !fits {
                return None;
            }
            restored.entities.push(Entity { id: entity.id, visit: entity.visit, state: entity.state });
            restored.prepared.extend(entity.prepared);
            restored.rendered.extend(entity.rendered.iter().map(|text| Fragment::new(text)));
            restored.queue.push(Reverse(Wake { at: entity.at, order: entity.order, entity: u32::try_from(slot).ok()? }));
        }
        let MachineState { now, emitted, at_instant, order, next_entity, spawner, counters, .. } = state;
        Some(Self { now, emitted, at_instant, order, next_entity, spawner, counters, ..restored })
    }
}

fn set_variables(
    plan: &Machine,
    setters: &[Setter],
    key: StepKey,
    counters: &mut [Count],
    prepared: &mut [u32],
    rendered: &mut [Fragment],
    scratch: &mut Output,
) {
    for setter in setters {
        match setter {
            Setter::Prepared { slot, id, null, index, base } => {
                let value = if is_null(key, *id, *null) { 0 } else { base + index.draw(&mut key.draw(*id)) };
                prepared[*slot] = value;
            }
            Setter::Rendered { slot, field } => {
                scratch.clear();
                Scope { pieces: &plan.pieces, plans: &plan.counters, counters, prepared, rendered }.write(field, key, scratch);
                rendered[*slot] = Fragment::new(scratch.since(0));
            }
        }
    }
}

#[inline]
fn write_member(member: &Member, scope: &mut Scope<'_>, key: StepKey, output: &mut Output) {
    match member {
        Member::PreparedVariable { slot, joined } => output.piece(scope.pieces, joined + scope.prepared[*slot]),
        Member::RenderedVariable { slot, prefix } => {
            output.piece(scope.pieces, *prefix);
            output.push(scope.rendered[*slot].as_bytes());
        }
        Member::Choice { id, missing, null, null_piece, index, joined } => {
            if is_missing(key, *id, *missing) {
                return;
            }
            let piece = if is_null(key, *id, *null) { *null_piece } else { joined + index.draw(&mut key.draw(*id)) };
            output.piece(scope.pieces, piece);
        }
        Member::Field { prefix, field } => {
            if is_missing(key, field.id, field.missing) {
                return;
            }
            output.piece(scope.pieces, *prefix);
            scope.write(field, key, output);
        }
    }
}
