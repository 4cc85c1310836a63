use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use headwater_core::ports::{Batch, Committed, Owner, Sink, SinkError};

use super::{ATTEMPTS, verdict};
use crate::aws::pause;

/// Messages that one request takes.
const MESSAGES: usize = 10;

/// Bytes of messages that one request takes: what every SQS takes, though Amazon's own has come to take more.
const BYTES: usize = 256 << 10;

/// Requests under way side by side to a queue that keeps no order.
const AT_ONCE: usize = 16;

/// Sends each record as a message. To a queue that keeps order (`.fifo`), one request after the other, under numbers by which the
/// queue itself drops repetitions within five minutes. Otherwise the records since the last commit arrive again over a crash.
#[derive(Debug)]
pub(in crate::targets) struct SqsSink {
    sqs: Client,
    queue_url: String,
    task: String,
    durable: Committed,
}

impl SqsSink {
    pub(in crate::targets) fn open(sqs: Client, queue_url: &str, owner: &Owner, committed: Committed) -> Self {
        Self { sqs, queue_url: queue_url.to_owned(), task: owner.0.clone(), durable: committed }
    }

    fn keeps_order(&self) -> bool {
        std::path::Path::new(&self.queue_url).extension().is_some_and(|extension| extension == "fifo")
    }

    fn place(&self) -> String {
        format!("the queue {}", self.queue_url.rsplit('/').next().unwrap_or_default())
    }

    fn entry(&self, record: &[u8], number: u64, place: usize) -> Result<SendMessageBatchRequestEntry, SinkError> {
        if record.len() > BYTES {
            return Err(SinkError::Fatal(format!("the record {number} has more than {BYTES} bytes, which SQS may not take")));
        }
        let text = String::from_utf8_lossy(record).into_owned();
        let entry = SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(text);
        let entry = if self.keeps_order() {
            entry.message_group_id(&self.task).message_deduplication_id(format!("{}-{number}", self.task))
        } else {
            entry
        };
        entry.build().map_err(|error| SinkError::Fatal(error.to_string()))
    }

    /// The batch as requests.
    fn requests(&self, batch: &Batch) -> Result<Vec<Vec<SendMessageBatchRequestEntry>>, SinkError> {
        let mut requests = vec![Vec::new()];
        let mut size = 0;
        for (number, record) in (self.durable.records..).zip(batch.records()) {
            if requests.last().is_some_and(|request| request.len() == MESSAGES) || size + record.len() > BYTES {
                requests.push(Vec::new());
                size = 0;
            }
            size += record.len();
            if let Some(request) = requests.last_mut() {
                request.push(self.entry(record, number, request.len())?);
            }
        }
        Ok(requests)
    }

    /// Sends all messages of a request, or fails.
    async fn send(&self, mut entries: Vec<SendMessageBatchRequestEntry>) -> Result<(), SinkError> {
        let mut refusal = None;
        for attempt in 1..=ATTEMPTS {
            let answer = self.sqs.send_message_batch().queue_url(&self.queue_url).set_entries(Some(entries.clone())).send().await;
            let failed = answer.map_err(|error| verdict(&self.place(), &error))?.failed;
            if failed.is_empty() {
                return Ok(());
            }
            if let Some(ours) = failed.iter().find(|failed| failed.sender_fault) {
                return Err(SinkError::Fatal(format!("{} refuses a record: {}", self.place(), ours.code)));
            }
            refusal = Some(failed[0].code.clone());
            // Whatever follows the first refused message is sent again, too. The queue drops what it has already, so only what it
            // took out of turn stands before it.
            let first = entries.iter().position(|entry| failed.iter().any(|failed| failed.id == entry.id)).unwrap_or_default();
            if self.keeps_order() {
                entries.drain(..first);
            } else {
                entries.retain(|entry| failed.iter().any(|failed| failed.id == entry.id));
            }
            tokio::time::sleep(pause(attempt)).await;
        }
        Err(SinkError::Retry(format!("{} does not take the records for now: {}", self.place(), refusal.unwrap_or_default())))
    }
}

#[async_trait]
impl Sink for SqsSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        let at_once = if self.keeps_order() { 1 } else { AT_ONCE };
        let sends: Vec<_> = self
            .requests(batch)?
            .into_iter()
            .map(|request| {
                let records = request.len();
                self.send(request).map(move |sent| sent.map(|()| records)).boxed()
            })
            .collect();
        let mut sent = 0;
        let mut sends = stream::iter(sends).buffered(at_once);
        let outcome = loop {
            match sends.try_next().await {
                Ok(Some(records)) => sent += records,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        drop(sends);
        if sent > 0 {
            self.durable.records += sent as u64;
            self.durable.bytes += u64::from(batch.ends[sent - 1]);
        }
        outcome
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn committed(&self) -> Committed {
        self.durable
    }
}
