//! A part of a fleet in memory: devices and their hub.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tracing::debug;

use super::fleet::Fleet;
use super::launch::{Progress, StoredFleet};
use crate::ports::{Clock, DeviceMessage, Hub, HubDevice, MethodCall, ScriptEngine, Timestamp};
use crate::tasks::Obstacle;

/// Messages handed over at once.
const AT_ONCE: usize = 4096;

/// Devices registered, or removed, by one call.
const REGISTERED_AT_ONCE: usize = 1000;

/// A report that did not arrive is due again after this, unless its device is connected anew before.
const REPORT_AGAIN: Duration = Duration::from_secs(60);

/// A part in memory.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) fleet: Fleet,
    pub(super) hub: Box<dyn Hub>,
    pub(super) stored: StoredFleet,
    /// See [`Progress::ahead`].
    pub(super) ahead: i64,
    /// How long taking the last snapshot took.
    pub(super) snapshot_cost: Duration,
    pub(super) failures: Failures,
    pub(super) reporting: Reporting,
}

/// When devices may report properties.
#[derive(Debug, Default)]
pub(super) struct Reporting {
    /// Up to when turns have been given, and how many of them are left.
    since: Option<Timestamp>,
    turns: f64,
    /// Devices whose report did not arrive, and when they are to report all again.
    failed: VecDeque<(Timestamp, Arc<str>)>,
}

impl Reporting {
    /// How many reports may go now. More would only wait at the hub, and what else their devices send with them.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no more than a second's turns, which are few")]
    fn turns(&mut self, now: Timestamp, per_second: u32) -> usize {
        let since = self.since.replace(now);
        let more = since.map_or(1.0, |since| now.since(since).as_secs_f64()) * f64::from(per_second);
        self.turns = (self.turns + more).min(f64::from(per_second));
        self.turns as usize
    }

    #[expect(clippy::cast_precision_loss, reason = "few")]
    fn taken(&mut self, reports: usize) {
        self.turns -= reports as f64;
    }
}

/// What a hub could not do.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failures {
    pub(super) messages: u64,
    pub(super) connections: u64,
    pub(super) reports: u64,
}

/// What devices run on.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) engine: Arc<dyn ScriptEngine>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Live {
    pub(super) fn new(fleet: Fleet, hub: Box<dyn Hub>, stored: StoredFleet, ahead: i64, failures: Failures) -> Self {
        Self { fleet, hub, stored, ahead, snapshot_cost: Duration::ZERO, failures, reporting: Reporting::default() }
    }

    /// Goes on towards a moment, until what was sent is durable. Answers whether the moment was reached, which may take more than one
    /// step: this ends at `enough`.
    pub(super) async fn go_on(&mut self, host: &Host, until: Timestamp, enough: Timestamp) -> Result<bool, Obstacle> {
        let (mut calls, mut reached) = (Vec::new(), false);
        while !reached && host.clock.now() < enough {
            reached = self.go_on_once(host, until, &mut calls).await?;
        }
        self.hub.flush().await?;
        self.answer(&calls, host.clock.now());
        Ok(reached)
    }

    /// Has devices do what they were told to.
    pub(super) fn answer(&mut self, calls: &[MethodCall], now: Timestamp) {
        for MethodCall { device, method, payload } in calls {
            let runs = self.fleet.call_method(device, method, payload, now);
            debug!(%device, method, runs, "a method was called");
        }
    }

    /// Goes on towards a moment; answers whether it was reached.
    pub(super) async fn go_on_once(&mut self, host: &Host, until: Timestamp, calls: &mut Vec<MethodCall>) -> Result<bool, Obstacle> {
        let outbox = self.fleet.advance(&*host.engine, until, AT_ONCE).await;
        for failure in &outbox.failures {
            debug!(failure, "a device could not do what its model asks for");
        }
        if !outbox.connects.is_empty() {
            self.hub.connect(outbox.connects).await?;
        }
        self.send(&*host.clock, outbox.messages).await?;
        let now = host.clock.now();
        calls.extend(self.hear(now));
        let reports = self.fleet.take_reports(self.reporting.turns(now, self.stored.limits.twin_writes_per_second));
        if !reports.is_empty() {
            self.reporting.taken(reports.len());
            self.hub.report(reports).await?;
        }
        Ok(self.fleet.next_due().is_none_or(|due| due > until))
    }

    async fn send(&mut self, clock: &dyn Clock, mut messages: Vec<DeviceMessage>) -> Result<(), Obstacle> {
        // After trouble, or a crash, the hub may already have what comes first.
        let before = (self.fleet.sent() - messages.len() as u64).saturating_add_signed(self.ahead);
        let had = if self.fleet.is_repeatable() { self.hub.committed().records.saturating_sub(before) } else { 0 };
        messages.drain(..usize::try_from(had).unwrap_or(usize::MAX).min(messages.len()));
        if messages.is_empty() {
            return Ok(());
        }
        let due: Vec<Timestamp> = messages.iter().map(|message| message.created).collect();
        self.hub.send(messages).await?;
        let now = clock.now();
        metrics::counter!("headwater_simulations_messages_total").increment(due.len() as u64);
        let lateness = metrics::histogram!("headwater_simulations_lateness_seconds");
        due.iter().for_each(|due| lateness.record(now.since(*due).as_secs_f64()));
        Ok(())
    }

    /// Takes in what has happened at the hub; answers the methods that were called.
    fn hear(&mut self, now: Timestamp) -> Vec<MethodCall> {
        let news = self.hub.news();
        news.connected.iter().for_each(|device| self.fleet.connected(device, now));
        self.reporting.failed.extend(news.failed_reports.iter().map(|device| (now.plus(REPORT_AGAIN), Arc::clone(device))));
        while self.reporting.failed.front().is_some_and(|(due, _)| *due <= now) {
            let again = self.reporting.failed.pop_front();
            again.iter().for_each(|(_, device)| self.fleet.report_again(device));
        }
        for (device, desired) in news.desired {
            self.fleet.desire(&device, desired);
        }
        self.failures.messages += news.failed_messages;
        self.failures.connections += news.failed_connections;
        self.failures.reports += news.failed_reports.len() as u64;
        news.calls
    }

    /// What there is to say about this part.
    pub(super) fn progress(&self, former: &Progress) -> Progress {
        let Failures { messages, connections, reports } = self.failures;
        Progress {
            tally: self.fleet.tally(),
            devices: self.fleet.plan().devices(),
            committed: self.hub.committed(),
            failed_messages: messages,
            failed_connections: connections,
            failed_reports: reports,
            ..former.clone()
        }
    }
}

impl Failures {
    pub(super) fn of(progress: &Progress) -> Self {
        let Progress { failed_messages: messages, failed_connections: connections, failed_reports: reports, .. } = *progress;
        Self { messages, connections, reports }
    }
}

/// Registers devices behind those that are registered, until a moment at which it is enough for one step.
pub(super) async fn register(
    hub: &mut dyn Hub,
    devices: &[HubDevice],
    registered: &mut usize,
    (clock, ends): (&dyn Clock, Timestamp),
) -> Result<(), Obstacle> {
    for chunk in devices.get(*registered..).unwrap_or_default().chunks(REGISTERED_AT_ONCE) {
        hub.register(chunk).await?;
        *registered += chunk.len();
        if clock.now() >= ends {
            break;
        }
    }
    Ok(())
}

/// Removes devices that are registered, from the last to the first, until a moment at which it is enough for one step.
pub(super) async fn unregister(
    hub: &mut dyn Hub,
    devices: &[HubDevice],
    registered: &mut usize,
    (clock, ends): (&dyn Clock, Timestamp),
) -> Result<(), Obstacle> {
    for chunk in devices[..(*registered).min(devices.len())].rchunks(REGISTERED_AT_ONCE) {
        hub.unregister(chunk).await?;
        *registered -= chunk.len();
        if clock.now() >= ends {
            break;
        }
    }
    Ok(())
}
