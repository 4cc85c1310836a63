//! The scripts of a fleet's devices: run in order at a tick, called by a method, woken from a sleep.

use std::sync::Arc;

use serde_json::Value;

use super::plan::{CompiledScript, Group};
use super::runs::{Pending, Place, Run, bounded, context, first_call, payload};
use super::{Entry, Fleet, Outbox, What, fail};
use crate::limits;
use crate::ports::{Effect, ScriptEnd, ScriptEngine, ScriptOutcome, Timestamp};
use crate::random::{SeedKey, StepKey};

/// Calls that are made at once: enough for every processor to be busy, few enough that their states take little memory.
const AT_ONCE: usize = 256;

/// Calls that wait to be made.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Pending>);

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= AT_ONCE
    }
}

impl Fleet {
    /// Runs a device's state scripts from a place on, up to the first one that has to be called.
    pub(super) fn run_scripts(&mut self, entry: Entry, from: usize, calls: &mut Calls, outbox: &mut Outbox) {
        let group = self.group(entry.device);
        for (place, script) in group.scripts.iter().enumerate().skip(from) {
            let device = &mut self.devices[entry.device as usize];
            let ran = match script {
                CompiledScript::Internal(internal) => internal.run(device, draws(self.plan.seed, device.number, device.ticks)),
                CompiledScript::Broken(why) => Err(why.clone()),
                CompiledScript::JavaScript { .. } => {
                    let place = Place::State(u16::try_from(place).expect("scripts are few"));
                    return self.call_script(&group, entry, place, Vec::new(), calls);
                }
            };
            if let Err(why) = ran {
                self.tally.failed_scripts += 1;
                return fail(outbox, &group, &why);
            }
        }
    }

    fn call_script(&mut self, group: &Group, entry: Entry, place: Place, payload: Vec<(Arc<str>, Arc<str>)>, calls: &mut Calls) {
        let Some(CompiledScript::JavaScript { script, params, key }) = place.script(group) else { return };
        let device = &mut self.devices[entry.device as usize];
        device.called = true;
        let now = Timestamp::from_micros(entry.due);
        let context = context(group, device.number, now, &payload, place);
        let seed = draws(self.plan.seed, device.number, device.ticks).draw(*key).word();
        let state = device.whole_state(&group.layout);
        let call = first_call((script, params.as_ref()), context, state, device.properties(group), now, seed);
        calls.0.push(Pending { device: entry.device, place, due: entry.due, call, run: None, payload, done: 0 });
    }

    /// A script of a device wakes.
    pub(super) fn wake(&mut self, entry: Entry, run: u16, calls: &mut Calls) {
        let group = self.group(entry.device);
        let device = &mut self.devices[entry.device as usize];
        let Some(run) = device.runs.iter_mut().find(|other| other.id == run) else { return };
        run.waited = Some(run.waited.map_or(0, |waited| waited + 1));
        let run = run.clone();
        let Some(call) = run.call(&group, device.number) else { return self.forget(entry.device, run.id) };
        device.called = true;
        let pending = Pending {
            device: entry.device,
            place: run.place,
            due: entry.due,
            call,
            run: Some(run.id),
            payload: Vec::new(),
            done: run.done,
        };
        calls.0.push(pending);
    }

    /// A method of a device has been called at the hub. Its script runs from `now` on; what the call asks for that is not there, or in
    /// a form that scripts do not take, counts as a script that failed.
    pub fn call_method(&mut self, id: &str, method: &str, given: &Value, now: Timestamp) -> bool {
        let Some(device) = self.find(id) else { return false };
        let group = self.group(device);
        let place = group.method_names.iter().position(|name| name == method);
        let script = place.and_then(|place| Some((place, group.methods.get(place)?)));
        let (Some((place, CompiledScript::JavaScript { script, params, key })), Some(payload)) = (script, payload(given)) else {
            self.tally.failed_scripts += 1;
            return false;
        };
        let place = Place::Method(u16::try_from(place).expect("methods are few"));
        let due = now.as_micros().max(self.now);
        let now = Timestamp::from_micros(due);
        let at = &self.devices[device as usize];
        let context = context(&group, at.number, now, &payload, place);
        let seed = draws(self.plan.seed, at.number, at.ticks).draw(key.child(&due.to_string())).word();
        let state = at.whole_state(&group.layout);
        let call = first_call((script, params.as_ref()), context, state, at.properties(&group), now, seed);
        // It begins as a sleep that is over at once: so it is in the next snapshot before it does anything.
        self.sleep(device, due, place, &call, payload).is_some()
    }

    /// Makes all calls that wait, and carries out what came of them.
    pub(super) async fn answer(&mut self, calls: &mut Calls, engine: &dyn ScriptEngine, outbox: &mut Outbox) {
        while !calls.0.is_empty() {
            let waiting = std::mem::take(&mut calls.0);
            let outcomes = engine.run(waiting.iter().map(|pending| pending.call.clone()).collect()).await;
            for (pending, outcome) in waiting.into_iter().zip(outcomes) {
                self.devices[pending.device as usize].called = false;
                self.carry_out(pending, outcome, calls, outbox);
            }
        }
    }

    fn carry_out(&mut self, pending: Pending, outcome: ScriptOutcome, calls: &mut Calls, outbox: &mut Outbox) {
        let group = self.group(pending.device);
        let device = &mut self.devices[pending.device as usize];
        let effects = outcome.effects.len();
        let mut refused = false;
        for effect in outcome.effects.into_iter().skip(pending.done) {
            match effect {
                Effect::State(members) => {
                    for (key, value) in members {
                        refused |= !device.set(&group.layout, &key, value);
                    }
                }
                Effect::Property(key, value) => refused |= !device.report(&group, key, value),
                Effect::Log(text) => tracing::debug!(device = %group.device_id(device.number), text, "a script says"),
            }
        }
        if refused {
            self.tally.failed_scripts += 1;
            fail(outbox, &group, &format!("a device may have no more than {} members beyond its model's", limits::DEVICE_MEMBERS));
        }
        match outcome.end {
            ScriptEnd::Asleep(span) => {
                let due = pending.due + bounded(span).max(1);
                match pending.run {
                    Some(id) => {
                        let runs = self.devices[pending.device as usize].runs.iter_mut();
                        runs.filter(|run| run.id == id).for_each(|run| run.done = effects);
                        self.schedule.put(due, What::Wake(id), pending.device);
                    }
                    None => match self.sleep(pending.device, due, pending.place, &pending.call, pending.payload) {
                        Some(run) => (run.waited, run.done) = (Some(0), effects),
                        None => fail(outbox, &group, "too many of a device's scripts sleep"),
                    },
                }
                return;
            }
            ScriptEnd::Failed(why) => {
                self.tally.failed_scripts += 1;
                fail(outbox, &group, &format!("{}: {why}", pending.call.script.name));
            }
            ScriptEnd::Done => {}
        }
        if let Some(id) = pending.run {
            self.forget(pending.device, id);
        }
        // A script that failed does not keep those behind it from running.
        if let Place::State(place) = pending.place {
            let entry = Entry { due: pending.due, what: What::Tick, device: pending.device };
            self.run_scripts(entry, usize::from(place) + 1, calls, outbox);
        }
    }

    /// Keeps a call until its sleep is over. `None` when too many sleep already.
    fn sleep(
        &mut self,
        device: u32,
        due: i64,
        place: Place,
        call: &crate::ports::ScriptCall,
        payload: Vec<(Arc<str>, Arc<str>)>,
    ) -> Option<&mut Run> {
        let runs = &mut self.devices[device as usize].runs;
        if runs.len() >= limits::DEVICE_RUNS {
            self.tally.failed_scripts += 1;
            return None;
        }
        let id = runs.iter().map(|run| run.id).max().map_or(0, |id| id.wrapping_add(1));
        runs.push(Run::new(id, place, call, payload));
        self.schedule.put(due, What::Wake(id), device);
        runs.last_mut()
    }

    fn forget(&mut self, device: u32, run: u16) {
        self.devices[device as usize].runs.retain(|other| other.id != run);
    }
}

/// The draws of one tick of a device.
fn draws(seed: i64, number: u32, tick: u64) -> StepKey {
    SeedKey::new(seed).entity(u64::from(number)).step(tick)
}
