//! A device and what waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use headwater_core::ports::DeviceMessage;
use tokio::sync::Notify;

use super::traffic::{Traffic, Turn};

/// Something that a device is to send.
#[derive(Debug)]
pub(super) enum Order {
    Message(DeviceMessage),
    Report { request: u64, body: Bytes },
}

impl Order {
    pub(super) fn turn(&self) -> Turn {
        match self {
            Self::Message(_) => Turn::Message,
            Self::Report { .. } => Turn::TwinWrite,
        }
    }
}

/// A device that is to be connected. Thousands of them are in memory.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) id: Arc<str>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    orders: VecDeque<Order>,
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

    /// Hands over something to send; given back while the device cannot.
    pub(super) fn offer(&self, order: Order) -> Result<(), Order> {
        let mut state = self.state();
        if !state.able {
            return Err(order);
        }
        state.orders.push_back(order);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// The next thing to send.
    pub(super) fn next(&self) -> Option<Order> {
        let mut state = self.state();
        let order = state.orders.pop_front();
        if state.orders.is_empty() {
            state.orders = VecDeque::new(); // A quiet device keeps no room for more.
        }
        order
    }

    /// From now on the device can send.
    pub(super) fn enable(&self) {
        self.state().able = true;
    }

    /// From now on the device cannot send, and nothing arrives of what waits.
    pub(super) fn disable(&self, traffic: &Traffic) {
        let orders = {
            let mut state = self.state();
            state.able = false;
            std::mem::take(&mut state.orders)
        };
        orders.iter().for_each(|order| self.lose(order, traffic));
    }

    /// Notes that something cannot be sent.
    pub(super) fn lose(&self, order: &Order, traffic: &Traffic) {
        match order {
            Order::Message(_) => traffic.settle_message(false),
            Order::Report { .. } => traffic.settle_report(&self.id, false),
        }
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
