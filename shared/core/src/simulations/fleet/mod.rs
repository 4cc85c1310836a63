//! The fleet: devices with their state, on a schedule.
//!
//! A [`Fleet`] is a kernel like datagen's generator: it knows no clock, no hub and no store. It is told up to which moment to go on, and
//! answers what its devices have sent by then, in the order of the moments at which it was due. What it does depends on its plan and on
//! what it was told alone, so a fleet that is restored from a snapshot sends again exactly what it sent before.
//!
//! Every device has a grid of its own. Ticks run its model's scripts; messages show its state. A device has no task and no timer, only
//! entries in the one queue of the fleet.

mod device;
mod internal;
mod plan;
mod protobuf;
mod replay;
mod runs;
mod schedule;
mod scripts;
mod snapshot;
mod template;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::limits;
use crate::ports::{DeviceMessage, HubDevice, ScriptEngine, Timestamp, TwinReport};
use crate::simulations::RateLimiter;
use crate::simulations::model::{MessageFormat, MessageSchema};

use device::{CALCULATE, Device, ONLINE};
pub use plan::{FleetDefinition, FleetPlan, GroupDefinition, Part, Source};
use plan::{Group, Message};
pub use replay::Replay;
use schedule::{Entry, Schedule, What};
use scripts::Calls;
pub use snapshot::{Change, Unreadable};

/// How devices speak to the hub of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// Whether a device is connected as soon as it asks for it. Otherwise [`Fleet::connected`] says so.
    pub at_once: bool,
    /// Whether the hub takes reported properties.
    pub twins: bool,
}

/// What a fleet has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Messages that were tried to be sent.
    pub messages: u64,
    /// Those that could not be made.
    pub unmade: u64,
    /// Scripts that failed.
    pub failed_scripts: u64,
    /// Ticks that were run.
    pub ticks: u64,
    /// Messages that were not sent, because they were due while nothing ran.
    pub passed_over: u64,
}

/// What the devices did up to a moment.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Messages, by the moments at which they were due.
    pub messages: Vec<DeviceMessage>,
    /// Devices that want to be connected.
    pub connects: Vec<HubDevice>,
    /// Properties that changed.
    pub reports: Vec<TwinReport>,
    /// What the first few scripts that failed said.
    pub failures: Vec<String>,
}

/// Devices with their state, on a schedule.
#[derive(Debug, PartialEq)]
pub struct Fleet {
    plan: Arc<FleetPlan>,
    ways: Ways,
    devices: Vec<Device>,
    schedule: Schedule,
    /// Up to which moment all is done.
    now: i64,
    /// Messages that were sent.
    sent: u64,
    /// Turns to send, where there is a bound.
    turns: Option<RateLimiter>,
    tally: Tally,
}

/// The first ticks of a fleet are spread over this time, and over a longer one from so many devices on; over no longer than their
/// interval.
const SPREAD: i64 = SECOND;
const LARGE: usize = 50;
const LARGE_SPREAD: i64 = 10 * SECOND;

const SECOND: i64 = 1_000_000;

impl Fleet {
    /// A fleet whose devices begin at a moment.
    #[must_use]
    pub fn new(plan: Arc<FleetPlan>, ways: Ways, began: Timestamp) -> Self {
        let turns = plan.messages_per_second.map(RateLimiter::per_second);
        let (devices, schedule) = (Vec::new(), Schedule::default());
        let mut fleet = Self { plan, ways, devices, schedule, now: began.as_micros(), sent: 0, turns, tally: Tally::default() };
        let devices: Vec<_> = fleet.plan.places().collect();
        for (nth, &(place, number)) in devices.iter().enumerate() {
            fleet.begin(place, number, began.as_micros(), (nth, devices.len()));
        }
        fleet
    }

    /// A device begins to live, as the nth of so many that begin at the same time.
    #[expect(clippy::cast_possible_wrap, reason = "a fleet is bounded")]
    fn begin(&mut self, place: u16, number: u32, now: i64, (nth, of): (usize, usize)) {
        let group = &self.plan.groups[usize::from(place)];
        let device = u32::try_from(self.devices.len()).expect("a fleet is bounded");
        let spread = if of < LARGE { SPREAD } else { LARGE_SPREAD };
        let (nth, of) = (nth as i64, of as i64);
        if let Some(interval) = group.interval.filter(|_| self.plan.replay.is_none()) {
            let first = spread.min(interval) * (nth + 1) / of;
            self.schedule.put(now + first, What::Tick, device);
        }
        let wait = nth * SECOND / i64::from(self.plan.connections_per_second);
        self.schedule.put(now + wait, What::Connect, device);
        self.devices.push(Device::new(place, number, group.initial.clone()));
    }

    /// The moment of the next thing that a device does.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.schedule.0.peek().map(|Reverse(entry)| Timestamp::from_micros(entry.due))
    }

    /// Messages that were sent since the fleet began.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// What was counted since the fleet began.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The devices.
    #[must_use]
    pub fn plan(&self) -> &Arc<FleetPlan> {
        &self.plan
    }

    /// Goes on until every moment up to `until` has been seen to, or `most` messages have been sent.
    pub async fn advance(&mut self, engine: &dyn ScriptEngine, until: Timestamp, most: usize) -> Outbox {
        let (mut outbox, mut calls, mut work) = (Outbox::default(), Calls::default(), 0);
        // What a device does costs about as much as a message, whether it shows or not.
        while work < 4 * most && outbox.messages.len() < most {
            let Some(&Reverse(entry)) = self.schedule.0.peek().filter(|Reverse(entry)| entry.due <= until.as_micros()) else { break };
            // Scripts are called many at once. Whoever waits for an answer does nothing before.
            if calls.is_full() || (self.devices[entry.device as usize].called && !calls.is_empty()) {
                self.answer(&mut calls, engine, &mut outbox).await;
                continue;
            }
            self.devices[entry.device as usize].called = false; // Otherwise its call went with an advance that was broken off.
            self.schedule.0.pop();
            self.now = self.now.max(entry.due);
            work += 1;
            match entry.what {
                What::Tick => self.tick(entry, &mut calls, &mut outbox),
                What::Wake(run) => self.wake(entry, run, &mut calls),
                What::Connect => self.connect(entry, &mut outbox),
                What::Message(place) => self.message(entry, place, &mut outbox),
                What::Held(place) => self.speak(entry, place, &mut outbox),
                What::Replay => self.replay(entry, &mut outbox),
            }
        }
        self.answer(&mut calls, engine, &mut outbox).await;
        if self.next_due().is_none_or(|due| due > until) {
            self.now = self.now.max(until.as_micros());
        }
        outbox
    }

    fn tick(&mut self, entry: Entry, calls: &mut Calls, outbox: &mut Outbox) {
        let group = self.group(entry.device);
        let Some(interval) = group.interval else { return };
        self.schedule.put(entry.due + interval, What::Tick, entry.device);
        let device = &mut self.devices[entry.device as usize];
        device.ticks += 1;
        let asleep = device.runs.iter().any(|run| matches!(run.place, runs::Place::State(_)));
        if !asleep && device.is(&group.layout, CALCULATE) {
            self.tally.ticks += 1;
            self.run_scripts(entry, 0, calls, outbox);
        }
    }

    fn connect(&mut self, entry: Entry, outbox: &mut Outbox) {
        if self.ways.at_once {
            self.begin_to_send(entry.device, entry.due);
        } else {
            let number = self.devices[entry.device as usize].number;
            outbox.connects.push(self.group(entry.device).hub_device(number));
        }
    }

    /// A device has been connected, for the first time or again.
    pub fn connected(&mut self, id: &str, now: Timestamp) {
        let Some(device) = self.find(id) else { return };
        if self.ways.twins {
            self.report_again(id);
        }
        if !self.devices[device as usize].connected {
            self.begin_to_send(device, now.as_micros().max(self.now));
        }
    }

    fn begin_to_send(&mut self, device: u32, now: i64) {
        self.devices[device as usize].connected = true;
        if self.plan.replay.is_some() {
            self.schedule_replay(device, now);
            return;
        }
        let group = self.group(device);
        for (place, _) in group.messages.iter().enumerate().filter(|(_, message)| message.interval > 0) {
            self.schedule.put(now, What::Message(u16::try_from(place).expect("messages are few")), device);
        }
    }

    fn message(&mut self, entry: Entry, place: u16, outbox: &mut Outbox) {
        let group = self.group(entry.device);
        let Some(message) = group.messages.get(usize::from(place)) else { return };
        let next = entry.due + message.interval();
        let wait = self.turns.as_mut().map_or(Duration::ZERO, |turns| turns.book(Timestamp::from_micros(entry.due)));
        if wait.is_zero() {
            self.schedule.put(next, What::Message(place), entry.device);
            return self.speak(entry, place, outbox);
        }
        let turn = Timestamp::from_micros(entry.due).plus(wait).as_micros();
        self.schedule.put(turn, What::Held(place), entry.device);
        self.schedule.put(next.max(turn), What::Message(place), entry.device);
    }

    fn speak(&mut self, entry: Entry, place: u16, outbox: &mut Outbox) {
        let group = self.group(entry.device);
        let Some(message) = group.messages.get(usize::from(place)) else { return };
        let device = &self.devices[entry.device as usize];
        if device.is(&group.layout, ONLINE) {
            self.tally.messages += 1;
            match body(message, device) {
                Ok(body) => self.send(&group, entry, &message.schema, body, outbox),
                Err(why) => {
                    self.tally.unmade += 1;
                    fail(outbox, &group, &why);
                }
            }
        }
    }

    fn schedule_replay(&mut self, device: u32, now: i64) {
        let line = self.devices[device as usize].ticks;
        if let Some((wait, _)) = self.plan.replay.as_ref().and_then(|replay| replay.message(line)) {
            self.schedule.put(now + wait, What::Replay, device);
        }
    }

    fn replay(&mut self, entry: Entry, outbox: &mut Outbox) {
        let group = self.group(entry.device);
        let line = self.devices[entry.device as usize].ticks;
        let body = self.plan.replay.as_ref().and_then(|replay| replay.message(line)).map(|(_, body)| body.clone());
        let Some(body) = body else { return };
        self.devices[entry.device as usize].ticks += 1;
        self.tally.messages += 1;
        let schema = group.messages.first().map_or_else(|| Arc::new(MessageSchema::default()), |message| Arc::clone(&message.schema));
        self.send(&group, entry, &schema, body, outbox);
        self.schedule_replay(entry.device, entry.due);
    }

    fn send(&mut self, group: &Group, entry: Entry, schema: &Arc<MessageSchema>, body: Bytes, outbox: &mut Outbox) {
        self.sent += 1;
        outbox.messages.push(DeviceMessage {
            device: group.device_id(self.devices[entry.device as usize].number),
            model: Arc::clone(&group.id),
            schema: Arc::clone(schema),
            created: Timestamp::from_micros(entry.due),
            body,
        });
    }

    /// Passes over what is due before a moment: the devices were off. Their grids and their state stay, and scripts that slept wake.
    pub fn pass_over(&mut self, until: Timestamp) {
        let until = until.as_micros();
        for mut entry in std::mem::take(&mut self.schedule).sorted() {
            let group = &self.plan.groups[usize::from(self.devices[entry.device as usize].group)];
            let interval = match entry.what {
                What::Tick => group.interval.unwrap_or(SECOND),
                What::Message(place) => group.messages.get(usize::from(place)).map_or(SECOND, Message::interval),
                What::Wake(_) | What::Connect | What::Held(_) | What::Replay => 0,
            };
            if entry.due < until {
                let intervals =
                    (until - entry.due).checked_div(interval).map_or(0, |whole| whole + i64::from((until - entry.due) % interval > 0));
                if let What::Message(_) = entry.what {
                    self.tally.passed_over += intervals.unsigned_abs();
                }
                entry.due = if interval > 0 { entry.due + intervals * interval } else { until };
            }
            self.schedule.0.push(Reverse(entry));
        }
        self.now = self.now.max(until);
    }

    /// Whether a device waits for its hub to connect it.
    #[must_use]
    pub fn awaits_connections(&self) -> bool {
        !self.ways.at_once && self.devices.iter().any(|device| !device.connected)
    }

    /// The process that held the connections is gone: all devices ask to be connected again. Their grids stay.
    pub fn connect_again(&mut self, now: Timestamp) {
        self.schedule.0.retain(|Reverse(entry)| entry.what != What::Connect);
        self.schedule_connections(now);
    }

    fn schedule_connections(&mut self, now: Timestamp) {
        let now = now.as_micros().max(self.now);
        for index in 0..u32::try_from(self.devices.len()).expect("a fleet is bounded") {
            let wait = i64::from(index) * SECOND / i64::from(self.plan.connections_per_second);
            self.schedule.put(now + wait, What::Connect, index);
        }
    }

    /// Whether what comes again in the same order is known by its numbers.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.ways.at_once
    }

    /// The devices speak to another hub from now on, and have to be connected there. Where there is nothing to connect to, neither here
    /// nor there, they do not notice.
    pub fn reconnect(&mut self, ways: Ways, now: Timestamp) {
        let nothing = self.ways.at_once && ways.at_once;
        self.ways = ways;
        if nothing {
            return;
        }
        let sends = |what| matches!(what, What::Connect | What::Message(_) | What::Held(_) | What::Replay);
        self.schedule.0.retain(|Reverse(entry)| !sends(entry.what));
        self.devices.iter_mut().for_each(|device| device.connected = false);
        self.schedule_connections(now);
    }

    /// Properties that devices which may send have not reported yet, of so many devices; they count as reported from now on.
    pub fn take_reports(&mut self, most: usize) -> Vec<TwinReport> {
        let mut reports = Vec::new();
        if !self.ways.twins {
            return reports;
        }
        for device in self.devices.iter_mut().filter(|device| device.connected && device.unreported.is_some()) {
            if reports.len() >= most {
                break;
            }
            let group = &self.plan.groups[usize::from(device.group)];
            if device.is(&group.layout, ONLINE) {
                let reported = device.unreported.take().map(|reported| *reported).unwrap_or_default();
                reports.push(TwinReport { device: group.device_id(device.number), reported });
            }
        }
        reports
    }

    /// What a device reported has not arrived: all that it reports is due again.
    pub fn report_again(&mut self, id: &str) {
        let Some(device) = self.find(id) else { return };
        let whole = Map::clone(self.devices[device as usize].properties(&self.group(device)));
        self.devices[device as usize].unreported = Some(Box::new(whole));
    }

    /// Desired properties have come; what differs is reported back.
    pub fn desire(&mut self, id: &str, desired: Map<String, Value>) {
        let Some(device) = self.find(id) else { return };
        let group = self.group(device);
        for (key, value) in desired.into_iter().filter(|(key, _)| !key.starts_with('$')) {
            self.devices[device as usize].report(&group, key, value);
        }
    }

    fn group(&self, device: u32) -> Arc<Group> {
        Arc::clone(&self.plan.groups[usize::from(self.devices[device as usize].group)])
    }

    fn find(&self, id: &str) -> Option<u32> {
        let (model, number) = id.rsplit_once('.')?;
        let number: u32 = number.parse().ok()?;
        let place = self.plan.groups.iter().position(|group| &*group.id == model)?;
        let at = self.devices.partition_point(|device| (usize::from(device.group), device.number) < (place, number));
        let found = self.devices.get(at).filter(|device| usize::from(device.group) == place && device.number == number);
        found.map(|_| u32::try_from(at).expect("a fleet is bounded"))
    }
}

impl Message {
    /// Microseconds between two of them.
    fn interval(&self) -> i64 {
        self.interval.max(limits::SHORTEST_INTERVAL)
    }
}

/// The bytes of a message.
fn body(message: &Message, device: &Device) -> Result<Bytes, String> {
    let mut text = Vec::with_capacity(128);
    message.template.render(device, &mut text);
    match message.schema.format {
        MessageFormat::Json => Ok(text.into()),
        MessageFormat::Protobuf => protobuf::encode(&message.schema, &text).map(Bytes::from),
        MessageFormat::Binary | MessageFormat::Text => Err(format!("{} has a format that no device can send", message.schema.name)),
    }
}

/// Keeps what failed for the log, if there is not much already.
fn fail(outbox: &mut Outbox, group: &Group, why: &str) {
    if outbox.failures.len() < limits::MISTAKES {
        outbox.failures.push(format!("{}: {why}", group.id));
    }
}

#[cfg(test)]
mod tests;
