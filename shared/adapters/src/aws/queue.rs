use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use headwater_core::ports::{Clock, Delivery, PortError, Receipt, StepMessage, TaskQueue, Timestamp};
use serde::{Deserialize, Serialize};

use super::{code, unavailable};

/// The longest that SQS holds a new message back.
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// The longest that SQS lets a receiver wait.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The longest that SQS hides a message.
const LONGEST_HIDING: u64 = 12 * 60 * 60;

/// A message that is due within this time is waited for instead of being put back: SQS counts in whole seconds.
const SOON: Duration = Duration::from_secs(1);

/// How often a receiver whose patience is shorter than SQS's shortest wait looks.
const LOOK: Duration = Duration::from_millis(50);

/// The task queue as a standard queue of SQS.
///
/// A message carries the moment it is due, because SQS can hold one back for a quarter of an hour at most, and for whole seconds
/// only: one that comes early is waited for, or put back for as long as is left.
#[derive(Debug, Clone)]
pub struct SqsTaskQueue {
    sqs: Client,
    url: Arc<str>,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    #[serde(flatten)]
    message: StepMessage,
    /// Microseconds since 1970.
    due: Timestamp,
}

impl SqsTaskQueue {
    /// The queue with this URL.
    #[must_use]
    pub fn new(sqs: Client, url: &str, clock: Arc<dyn Clock>) -> Self {
        Self { sqs, url: url.into(), clock }
    }

    /// What a message that SQS has delivered asks for, now that it is due. `None` when that is not soon; the message has then a
    /// successor in the queue, and may be acknowledged.
    ///
    /// # Errors
    /// [`PortError::Corrupt`] when it is none of ours, or what the queue says.
    pub async fn due(&self, body: &str) -> Result<Option<StepMessage>, PortError> {
        let Body { message, due } = serde_json::from_str(body)
            .map_err(|source| PortError::Corrupt { what: "a message of the task queue".to_owned(), source: source.into() })?;
        let left = due.since(self.clock.now());
        if left > SOON {
            self.enqueue(message, due).await?;
            return Ok(None);
        }
        self.clock.sleep(left).await;
        Ok(Some(message))
    }

    async fn delete(&self, handle: &str) -> Result<(), PortError> {
        match self.sqs.delete_message().queue_url(&*self.url).receipt_handle(handle).send().await {
            Ok(_) => Ok(()),
            Err(error) if matches!(code(&error), "ReceiptHandleIsInvalid" | "InvalidParameterValue" | "InvalidParameterValueException") => {
                Ok(())
            }
            Err(error) => Err(unavailable("acknowledging a message", error)),
        }
    }

    /// One look at the queue.
    async fn poll(&self, hidden: Duration, wait: Duration) -> Result<Option<Delivery>, PortError> {
        let seconds = hidden.as_secs() + u64::from(hidden.subsec_nanos() > 0);
        let answer = self
            .sqs
            .receive_message()
            .queue_url(&*self.url)
            .max_number_of_messages(1)
            .wait_time_seconds(whole_seconds(wait))
            .visibility_timeout(i32::try_from(seconds.min(LONGEST_HIDING)).expect("half a day in seconds"))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await
            .map_err(|error| unavailable("receiving a message", error))?;
        let hidden_until = self.clock.now().plus(Duration::from_secs(seconds));
        let Some(received) = answer.messages.unwrap_or_default().pop() else { return Ok(None) };
        let handle = received.receipt_handle.unwrap_or_default();
        let Some(message) = self.due(received.body.as_deref().unwrap_or_default()).await? else {
            self.delete(&handle).await?;
            return Ok(None);
        };
        let counts = received.attributes.unwrap_or_default();
        let attempt = counts.get(&MessageSystemAttributeName::ApproximateReceiveCount).and_then(|count| count.parse().ok()).unwrap_or(1);
        Ok(Some(Delivery { message, receipt: Receipt(format!("{}/{handle}", hidden_until.as_micros())), attempt }))
    }
}

fn whole_seconds(span: Duration) -> i32 {
    i32::try_from(span.as_secs()).unwrap_or(i32::MAX)
}

#[async_trait]
impl TaskQueue for SqsTaskQueue {
    async fn enqueue(&self, message: StepMessage, not_before: Timestamp) -> Result<(), PortError> {
        let body = serde_json::to_string(&Body { message, due: not_before }).expect("plain data serialises");
        let delay = not_before.since(self.clock.now()).min(LONGEST_DELAY);
        let sent = self.sqs.send_message().queue_url(&*self.url).message_body(body).delay_seconds(whole_seconds(delay)).send().await;
        sent.map(drop).map_err(|error| unavailable("adding a message", error))
    }

    async fn receive(&self, hidden: Duration, patience: Duration) -> Result<Option<Delivery>, PortError> {
        let until = self.clock.now().plus(patience);
        loop {
            let left = until.since(self.clock.now());
            // SQS waits for whole seconds; half a one more or less is as good.
            if let Some(delivery) = self.poll(hidden, (left + Duration::from_millis(500)).min(LONGEST_WAIT)).await? {
                return Ok(Some(delivery));
            }
            let left = until.since(self.clock.now());
            if left.is_zero() {
                return Ok(None);
            }
            if left < Duration::from_millis(500) {
                self.clock.sleep(left.min(LOOK)).await;
            }
        }
    }

    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), PortError> {
        // SQS may remove a message by an outdated handle, too; what it then removed may be in another worker's hands.
        let Some((until, handle)) = receipt.0.split_once('/') else { return Ok(()) };
        let outdated = until.parse().map_or(true, |until| self.clock.now() >= Timestamp::from_micros(until));
        if outdated { Ok(()) } else { self.delete(handle).await }
    }
}
