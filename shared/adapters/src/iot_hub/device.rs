//! A device and what waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater_core::ports::DeviceMessage;
use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::traffic::Traffic;

/// A device that is to be connected. Thousands of them are in memory.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) id: Arc<str>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<DeviceMessage>,
    /// What is to be reported. Reports that wait become one: only the newest value of a property is of use to anybody.
    report: Option<Box<Map<String, Value>>>,
    able: bool,
    closing: bool,
}

impl Device {
    pub(super) fn new(id: Arc<str>) -> Self {
        Self { id, state: Mutex::default(), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // Plain data: whole after any panic.
    }

    /// Hands over a message; answers whether the device can send.
    pub(super) fn offer(&self, message: DeviceMessage) -> bool {
        let mut state = self.state();
        if !state.able {
            return false;
        }
        state.messages.push_back(message);
        drop(state);
        self.changed.notify_one();
        true
    }

    /// The next message to send.
    pub(super) fn next(&self) -> Option<DeviceMessage> {
        let mut state = self.state();
        let message = state.messages.pop_front();
        if state.messages.is_empty() {
            state.messages = VecDeque::new(); // A quiet device keeps no room for more.
        }
        message
    }

    /// Hands over properties to report, which wait while the device cannot.
    pub(super) fn offer_report(&self, reported: Map<String, Value>) {
        self.state().report.get_or_insert_default().extend(reported);
        self.changed.notify_one();
    }

    /// Whether there is something to report.
    pub(super) fn has_report(&self) -> bool {
        self.state().report.is_some()
    }

    /// What there is to report.
    pub(super) fn take_report(&self) -> Option<Box<Map<String, Value>>> {
        self.state().report.take()
    }

    /// From now on the device can send.
    pub(super) fn enable(&self) {
        self.state().able = true;
    }

    /// From now on the device cannot send, and no message arrives of those that wait.
    pub(super) fn disable(&self, traffic: &Traffic) {
        let messages = {
            let mut state = self.state();
            state.able = false;
            std::mem::take(&mut state.messages)
        };
        messages.iter().for_each(|_| traffic.settle_message(false));
    }

    /// Asks the device to end.
    pub(super) fn close(&self) {
        self.state().closing = true;
        self.changed.notify_one();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.state().closing
    }

    /// Returns when something may have changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Returns when the device is asked to end.
    pub(super) async fn closed(&self) {
        while !self.is_closing() {
            self.changed.notified().await;
        }
    }
}
