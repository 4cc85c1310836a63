//! Tells the delivery that points wait, without a message for each.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::ports::Timestamp;

/// Rung by whoever has put points into the outbox. Within this process only: elsewhere the queue tells.
#[derive(Debug, Default)]
pub(super) struct Bell {
    state: Mutex<State>,
    rung: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Whether a step listens, and will look into the outbox again.
    open: bool,
    /// Whether it was rung since the step looked last.
    rung: bool,
    /// Until when nobody need be told: the database is left alone.
    quiet: Option<Timestamp>,
}

impl Bell {
    /// Whether a message is needed for what was just put into the outbox to be delivered soon.
    pub(super) fn ring(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        if !state.open {
            return state.quiet.is_none_or(|quiet| quiet <= now);
        }
        state.rung = true;
        self.rung.notify_one();
        false
    }

    /// A step begins to listen.
    pub(super) fn open(&self) {
        *self.state() = State { open: true, rung: false, quiet: None };
    }

    /// The step is about to look: what was rung so far it will find.
    pub(super) fn hear(&self) {
        self.state().rung = false;
    }

    /// Returns when it was rung since the step looked last.
    pub(super) async fn wait(&self) {
        while !self.state().rung {
            self.rung.notified().await;
        }
    }

    /// The step stops listening, unless it was rung since it looked last. Nobody need tell of more before `quiet`.
    pub(super) fn close(&self, quiet: Option<Timestamp>) -> bool {
        let mut state = self.state();
        if state.rung && quiet.is_none() {
            return false;
        }
        *state = State { open: false, rung: false, quiet };
        true
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // It is whole after any panic.
    }
}

/// How long nobody need be told of points when a step has ended before it could say: there is another one by then.
const BROKEN_OFF: Duration = Duration::from_secs(1);

/// Listens to the bell until it is told to stop, or the step ends in any other way.
pub(super) struct Listening<'a> {
    bell: Option<&'a Bell>,
    /// Until when nobody need be told in that case.
    quiet: Timestamp,
}

impl<'a> Listening<'a> {
    pub(super) fn begin(bell: &'a Bell, now: Timestamp) -> Self {
        bell.open();
        Self { bell: Some(bell), quiet: now.plus(BROKEN_OFF) }
    }

    /// See [`Bell::close`].
    pub(super) fn stop(&mut self, quiet: Option<Timestamp>) -> bool {
        let stopped = self.bell.is_none_or(|bell| bell.close(quiet));
        if stopped {
            self.bell = None;
        }
        stopped
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.stop(Some(self.quiet));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1000);

    #[test]
    fn what_is_rung_while_a_step_listens_needs_no_message() {
        let bell = Bell::default();
        assert!(bell.ring(NOW), "nobody listens");
        bell.open();
        assert!(!bell.ring(NOW));
        assert!(!bell.close(None), "it was rung, so the step has to look again");
        bell.hear();
        assert!(bell.close(None));
        assert!(bell.ring(NOW));
    }

    #[test]
    fn while_the_database_is_left_alone_nobody_is_told() {
        let bell = Bell::default();
        bell.open();
        assert!(bell.close(Some(NOW.plus(std::time::Duration::from_secs(1)))));
        assert!(!bell.ring(NOW));
        assert!(bell.ring(NOW.plus(std::time::Duration::from_secs(1))));
    }
}
