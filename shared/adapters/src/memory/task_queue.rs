use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::ready;
use headwater_core::ports::{Clock, Delivery, PortError, Receipt, StepMessage, TaskQueue, Timestamp};

use super::held;
use crate::waiting::{Taken, Waiting};

/// A task queue in memory.
#[derive(Debug)]
pub struct MemoryTaskQueue {
    clock: Arc<dyn Clock>,
    waiting: Waiting,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    messages: BTreeMap<Slot, Message>,
    slots: u64,
}

/// When a message is due, and a number that no other message or delivery ever had. A delivery moves its message to a new
/// slot, so a receipt, which names the slot, is worthless once the message was delivered again.
type Slot = (Timestamp, u64);

#[derive(Debug)]
struct Message {
    message: StepMessage,
    attempts: u32,
}

impl MemoryTaskQueue {
    /// An empty queue that goes by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, waiting: Waiting::default(), inner: Mutex::default() }
    }
}

impl Inner {
    fn add(&mut self, due: Timestamp, message: Message) -> Slot {
        self.slots += 1;
        self.messages.insert((due, self.slots), message);
        (due, self.slots)
    }

    fn take(&mut self, now: Timestamp, hidden: Duration) -> Taken {
        let Some(entry) = self.messages.first_entry() else { return Taken::Nothing };
        let due = entry.key().0;
        if due > now {
            return Taken::NotBefore(due);
        }
        let Message { message, attempts } = entry.remove();
        let attempt = attempts.saturating_add(1);
        let (until, number) = self.add(now.plus(hidden), Message { message: message.clone(), attempts: attempt });
        Taken::Delivery(Delivery { message, receipt: Receipt(format!("{}/{number}", until.as_micros())), attempt })
    }
}

fn slot_of(receipt: &Receipt) -> Option<Slot> {
    let (due, number) = receipt.0.split_once('/')?;
    Some((Timestamp::from_micros(due.parse().ok()?), number.parse().ok()?))
}

#[async_trait]
impl TaskQueue for MemoryTaskQueue {
    async fn enqueue(&self, message: StepMessage, not_before: Timestamp) -> Result<(), PortError> {
        held(&self.inner).add(not_before, Message { message, attempts: 0 });
        self.waiting.wake();
        Ok(())
    }

    async fn receive(&self, hidden: Duration, patience: Duration) -> Result<Option<Delivery>, PortError> {
        self.waiting.receive(&*self.clock, patience, |now| ready(Ok(held(&self.inner).take(now, hidden)))).await
    }

    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), PortError> {
        if let Some(slot) = slot_of(receipt) {
            held(&self.inner).messages.remove(&slot);
        }
        Ok(())
    }
}
