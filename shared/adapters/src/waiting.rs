//! Waiting for a message that is due: what the queues of this crate have in common.

use std::pin::pin;
use std::time::Duration;

use futures::future::select;
use headwater_core::ports::{Clock, Delivery, PortError, Timestamp};
use tokio::sync::Notify;

/// What an attempt to take a message met.
pub(crate) enum Taken {
    /// A message that was due.
    Delivery(Delivery),
    /// No message is due before this moment.
    NotBefore(Timestamp),
    /// There is no message.
    Nothing,
}

/// Workers that wait for a message.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    added: Notify,
}

impl Waiting {
    /// A message has been added; whoever waits looks anew.
    pub(crate) fn wake(&self) {
        self.added.notify_waiters();
    }

    /// Takes a message as soon as one is due, or gives up after `patience`.
    pub(crate) async fn receive<T>(
        &self,
        clock: &dyn Clock,
        patience: Duration,
        mut take: impl FnMut(Timestamp) -> T,
    ) -> Result<Option<Delivery>, PortError>
    where
        T: Future<Output = Result<Taken, PortError>>,
    {
        let until = clock.now().plus(patience);
        loop {
            // Listening begins before looking, so that a message that is added in between is not slept over.
            let mut added = pin!(self.added.notified());
            added.as_mut().enable();
            let now = clock.now();
            let next = match take(now).await? {
                Taken::Delivery(delivery) => return Ok(Some(delivery)),
                Taken::NotBefore(due) => due.min(until),
                Taken::Nothing => until,
            };
            if now >= until {
                return Ok(None);
            }
            select(added, clock.sleep(next.since(now))).await;
        }
    }
}
