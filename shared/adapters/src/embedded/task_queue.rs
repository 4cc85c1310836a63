use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use headwater_core::ids::TaskId;
use headwater_core::ports::{Delivery, PortError, Receipt, StepMessage, TaskQueue, Timestamp};
use redb::{ReadTransaction, ReadableTable as _};

use super::Shared;
use super::tables::{Counter, MESSAGES, Tables};
use crate::waiting::Taken;

/// The embedded store's task queue.
#[derive(Debug, Clone)]
pub struct EmbeddedTaskQueue {
    shared: Arc<Shared>,
}

/// When a message is due, and a number that no other message or delivery ever had. A delivery moves its message to a new
/// slot, so a receipt, which names the slot, is worthless once the message was delivered again.
type Slot = (i64, u64);

fn receipt_of((due, number): Slot) -> Receipt {
    Receipt(format!("{due}/{number}"))
}

fn slot_of(receipt: &Receipt) -> Option<Slot> {
    let (due, number) = receipt.0.split_once('/')?;
    Some((due.parse().ok()?, number.parse().ok()?))
}

/// A message as it is stored: `TASK/STEP`.
fn text_of(message: &StepMessage) -> String {
    format!("{}/{}", message.task, message.step)
}

fn message_of(text: &str) -> Option<StepMessage> {
    let (task, step) = text.split_once('/')?;
    Some(StepMessage { task: TaskId::try_from(task).ok()?, step: step.parse().ok()? })
}

fn add(tables: &mut Tables<'_>, due: Timestamp, attempts: u32, message: &str) -> Result<Slot, redb::Error> {
    let slot = (due.as_micros(), tables.next(Counter::Messages)?);
    tables.messages.insert(slot, (attempts, message))?;
    Ok(slot)
}

fn take(tables: &mut Tables<'_>, now: Timestamp, hidden: Duration) -> Result<Result<Taken, PortError>, redb::Error> {
    let Some((slot, attempts, text)) = tables.messages.first()?.map(|(slot, message)| {
        let (attempts, text) = message.value();
        (slot.value(), attempts, text.to_owned())
    }) else {
        return Ok(Ok(Taken::Nothing));
    };
    if slot.0 > now.as_micros() {
        return Ok(Ok(Taken::NotBefore(Timestamp::from_micros(slot.0))));
    }
    tables.messages.remove(slot)?;
    tables.changed = true;
    let Some(message) = message_of(&text) else {
        // Left out of the queue, so that it does not stand in the way of others for ever.
        return Ok(Err(PortError::Corrupt { what: "a message of the task queue".to_owned(), source: text.into() }));
    };
    let attempt = attempts.saturating_add(1);
    let hidden = add(tables, now.plus(hidden), attempt, &text)?;
    Ok(Ok(Taken::Delivery(Delivery { message, receipt: receipt_of(hidden), attempt })))
}

impl EmbeddedTaskQueue {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn take(&self, now: Timestamp, hidden: Duration) -> Result<Taken, PortError> {
        // Looking first keeps a worker that merely waits out of the writer's line.
        let work = |transaction: &ReadTransaction| Ok(transaction.open_table(MESSAGES)?.first()?.map(|(slot, _)| slot.value().0));
        match self.shared.read("looking for a message", work).await?.map(Timestamp::from_micros) {
            None => Ok(Taken::Nothing),
            Some(due) if due > now => Ok(Taken::NotBefore(due)),
            Some(_) => self.shared.write("taking a message", 0, move |tables| take(tables, now, hidden)).await,
        }
    }
}

#[async_trait]
impl TaskQueue for EmbeddedTaskQueue {
    async fn enqueue(&self, message: StepMessage, not_before: Timestamp) -> Result<(), PortError> {
        let text = text_of(&message);
        let size = size_of::<Slot>() + text.len();
        let work = move |tables: &mut Tables<'_>| Ok(Ok(add(tables, not_before, 0, &text).map(drop)?));
        self.shared.write("adding a message", size, work).await?;
        self.shared.waiting.wake();
        Ok(())
    }

    async fn receive(&self, hidden: Duration, patience: Duration) -> Result<Option<Delivery>, PortError> {
        self.shared.waiting.receive(&*self.shared.clock, patience, |now| self.take(now, hidden)).await
    }

    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), PortError> {
        let Some(slot) = slot_of(receipt) else { return Ok(()) };
        let work = move |tables: &mut Tables<'_>| {
            tables.changed |= tables.messages.remove(slot)?.is_some();
            Ok(Ok(()))
        };
        self.shared.write("acknowledging a message", 0, work).await
    }
}
