//! What the devices of a hub share: turns, and what has happened.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_core::ports::{Clock, Committed, Entropy, MethodCall, News, SinkError, Timestamp};
use headwater_core::secret::Secret;
use headwater_core::simulations::{RateLimiter, RateLimits};
use reqwest::Client;
use serde_json::{Map, Value};
use tokio::sync::{Notify, Semaphore};

use super::registry::Registry;
use super::sas::SigningKey;
use super::topics;
use crate::mqtt::Port;

/// How long all messages but one a minute stay back once the hub's quota is used up.
const QUOTA_PAUSE: Duration = Duration::from_secs(60);

/// Devices that are registered anew at once.
const UNKNOWN_AT_ONCE: usize = 100;

/// What the devices of a hub share.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) host: String,
    pub(super) key: SigningKey,
    pub(super) port: Port,
    /// Base of addresses over HTTPS.
    pub(super) base: String,
    pub(super) client: Client,
    /// Requests over HTTPS at the same time.
    pub(super) requests: Semaphore,
    pub(super) registry: Registry,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) token_life: Duration,
    pub(super) first_pause: Duration,
    /// Held by whoever registers devices that the hub did not know.
    registering: Semaphore,
    state: Mutex<State>,
    /// Told whenever something has settled.
    settled: Notify,
}

#[derive(Debug)]
struct State {
    news: News,
    connections: RateLimiter,
    messages: RateLimiter,
    twin_writes: RateLimiter,
    /// Messages that are neither kept nor lost yet.
    open: usize,
    /// What was given to the hub.
    handed: Committed,
    /// Of it, what had been settled when nothing was open last.
    committed: Committed,
    quota: Option<QuotaPause>,
    unknown: Vec<Arc<str>>,
    next_report: u64,
}

/// The hub takes no messages any more today. One a minute is tried.
#[derive(Debug)]
struct QuotaPause {
    next_try: Timestamp,
}

/// What is asked for turns of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Connection,
    Message,
    TwinWrite,
}

/// Of what a [`Traffic`] is made.
pub(super) struct Parts {
    pub(super) host: String,
    pub(super) key: SigningKey,
    pub(super) port: Port,
    pub(super) base: String,
    pub(super) client: Client,
    pub(super) requests: usize,
    pub(super) registry: Registry,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) token_life: Duration,
    pub(super) first_pause: Duration,
    pub(super) limits: RateLimits,
    pub(super) committed: Committed,
}

impl Traffic {
    pub(super) fn new(parts: Parts) -> Self {
        let limits = parts.limits;
        let state = State {
            news: News::default(),
            connections: RateLimiter::per_second(limits.connections_per_second),
            messages: RateLimiter::per_second(limits.messages_per_second),
            twin_writes: RateLimiter::per_second(limits.twin_writes_per_second),
            open: 0,
            handed: parts.committed,
            committed: parts.committed,
            quota: None,
            unknown: Vec::new(),
            // Answers that come late, for the same device of a process before this one, must not be taken for others.
            next_report: parts.entropy.draw() >> 16,
        };
        Self {
            host: parts.host,
            key: parts.key,
            port: parts.port,
            base: parts.base,
            client: parts.client,
            requests: Semaphore::new(parts.requests),
            registry: parts.registry,
            clock: parts.clock,
            entropy: parts.entropy,
            token_life: parts.token_life,
            first_pause: parts.first_pause,
            registering: Semaphore::new(1),
            state: Mutex::new(state),
            settled: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // Plain data: whole after any panic.
    }

    /// A token for a device that ends at a moment.
    pub(super) fn token(&self, device: &str, expiry: Timestamp) -> Secret {
        self.key.token(&topics::resource(&self.host, device), None, expiry)
    }

    /// Books a turn; answers how long it is until then.
    pub(super) fn book(&self, turn: Turn) -> Duration {
        let now = self.clock.now();
        let mut state = self.state();
        match turn {
            Turn::Connection => state.connections.book(now),
            Turn::Message => state.messages.book(now),
            Turn::TwinWrite => state.twin_writes.book(now),
        }
    }

    /// Notes that a message is on its way. Whether it may go: not while the quota is used up, but for one a minute.
    pub(super) fn take_message(&self, bytes: usize) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        state.open += 1;
        state.handed.records += 1;
        state.handed.bytes += bytes as u64;
        match &mut state.quota {
            None => true,
            Some(pause) if pause.next_try <= now => {
                pause.next_try = now.plus(QUOTA_PAUSE);
                true
            }
            Some(_) => false,
        }
    }

    /// The number of a report.
    pub(super) fn number_report(&self) -> u64 {
        let mut state = self.state();
        state.next_report += 1;
        state.next_report
    }

    /// Notes what became of a message.
    pub(super) fn settle_message(&self, arrived: bool) {
        let mut state = self.state();
        if arrived {
            state.quota = None;
        } else {
            state.news.failed_messages += 1;
        }
        state.open = state.open.saturating_sub(1);
        if state.open == 0 {
            state.committed = state.handed;
        }
        drop(state);
        self.settled.notify_waiters();
    }

    /// Notes that the hub's quota is used up.
    pub(super) fn quota_is_used_up(&self) {
        let next_try = self.clock.now().plus(QUOTA_PAUSE);
        let mut state = self.state();
        if state.quota.replace(QuotaPause { next_try }).is_none() {
            tracing::warn!(host = self.host, "the hub's quota of messages is used up; one message a minute is tried");
        }
    }

    pub(super) fn connected(&self, device: &Arc<str>) {
        self.state().news.connected.push(Arc::clone(device));
    }

    pub(super) fn connection_failed(&self) {
        self.state().news.failed_connections += 1;
    }

    pub(super) fn report_failed(&self, device: &Arc<str>) {
        self.state().news.failed_reports.push(Arc::clone(device));
    }

    pub(super) fn called(&self, call: MethodCall) {
        self.state().news.calls.push(call);
    }

    pub(super) fn desired(&self, device: &Arc<str>, desired: Map<String, Value>) {
        self.state().news.desired.push((Arc::clone(device), desired));
    }

    pub(super) fn news(&self) -> News {
        std::mem::take(&mut self.state().news)
    }

    pub(super) fn committed(&self) -> Committed {
        self.state().committed
    }

    /// Returns once no more than so many messages are open.
    pub(super) async fn wait_open(&self, most: usize) {
        loop {
            let settled = self.settled.notified();
            if self.state().open <= most {
                return;
            }
            // Every message settles within its own time; the bound only guards against losing a wake-up.
            let _ = tokio::time::timeout(Duration::from_millis(100), settled).await;
        }
    }

    /// Registers a device that the hub refused, with others that it refused meanwhile. Somebody may have removed them.
    pub(super) async fn register_unknown(&self, device: &Arc<str>) -> Result<(), SinkError> {
        {
            let mut state = self.state();
            if !state.unknown.contains(device) {
                state.unknown.push(Arc::clone(device));
            }
        }
        let Ok(_permit) = self.registering.try_acquire() else { return Ok(()) };
        let unknown: Vec<Arc<str>> = {
            let mut state = self.state();
            let most = state.unknown.len().min(UNKNOWN_AT_ONCE);
            state.unknown.drain(..most).collect()
        };
        let unknown: Vec<&str> = unknown.iter().map(AsRef::as_ref).collect();
        self.registry.create(&unknown).await
    }
}
