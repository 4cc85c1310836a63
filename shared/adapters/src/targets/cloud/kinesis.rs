use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use headwater_core::ports::{Batch, Committed, Sink, SinkError};
use headwater_core::targets::KinesisTarget;

use super::{ATTEMPTS, verdict};
use crate::aws::pause;

/// Records that one request takes.
const RECORDS: usize = 500;

/// Bytes of records with their keys that one request takes.
const BYTES: usize = 5 << 20;

/// Bytes that one record with its key may have.
const RECORD_BYTES: usize = 1 << 20;

/// Characters that a partition key may have.
const KEY_CHARACTERS: usize = 256;

/// Puts records into a stream, one request after the other. Of a request, each record is taken or refused for itself; the refused
/// ones are sent again. Over a crash the records since the last commit arrive again.
#[derive(Debug)]
pub(in crate::targets) struct KinesisSink {
    kinesis: Client,
    target: KinesisTarget,
    durable: Committed,
}

impl KinesisSink {
    pub(in crate::targets) fn open(kinesis: Client, target: &KinesisTarget, committed: Committed) -> Self {
        Self { kinesis, target: target.clone(), durable: committed }
    }

    fn place(&self) -> String {
        format!("the Kinesis stream {}", self.target.stream)
    }

    /// The partition key of the record with this number. One without a key of its own gets its number, which spreads evenly.
    fn key(&self, record: &[u8], number: u64) -> String {
        let key = self.target.partition_key.of(record).map(|key| String::from_utf8_lossy(&key).into_owned());
        match key.filter(|key| !key.is_empty()) {
            Some(key) => key.chars().take(KEY_CHARACTERS).collect(),
            None => number.to_string(),
        }
    }

    fn entry(&self, record: &[u8], number: u64) -> Result<PutRecordsRequestEntry, SinkError> {
        let key = self.key(record, number);
        if record.len() + key.len() > RECORD_BYTES {
            return Err(SinkError::Fatal(format!("the record {number} has more than {RECORD_BYTES} bytes, which Kinesis does not take")));
        }
        let entry = PutRecordsRequestEntry::builder().data(Blob::new(record)).partition_key(key).build();
        entry.map_err(|error| SinkError::Fatal(error.to_string()))
    }

    /// Puts all entries, or fails.
    async fn put(&self, mut entries: Vec<PutRecordsRequestEntry>) -> Result<(), SinkError> {
        let mut refusal = None;
        for attempt in 1..=ATTEMPTS {
            let answer = self.kinesis.put_records().stream_name(&self.target.stream).set_records(Some(entries.clone())).send().await;
            let answer = answer.map_err(|error| verdict(&self.place(), &error))?;
            let results = answer.records.iter();
            let refused = |(entry, result): (PutRecordsRequestEntry, &aws_sdk_kinesis::types::PutRecordsResultEntry)| {
                result.error_code.as_ref().map(|code| (entry, code.clone()))
            };
            let left: Vec<_> = entries.into_iter().zip(results).filter_map(refused).collect();
            if left.is_empty() {
                return Ok(());
            }
            tracing::debug!(records = left.len(), code = left[0].1, "Kinesis refused records for now");
            refusal = Some(left[0].1.clone());
            entries = left.into_iter().map(|(entry, _)| entry).collect();
            tokio::time::sleep(pause(attempt)).await;
        }
        Err(SinkError::Retry(format!("{} does not take the records for now: {}", self.place(), refusal.unwrap_or_default())))
    }
}

#[async_trait]
impl Sink for KinesisSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let mut entries = Vec::new();
        let (mut size, mut text) = (0, 0);
        for (number, record) in (self.durable.records..).zip(batch.records()) {
            let entry = self.entry(record, number)?;
            let length = record.len() + entry.partition_key.as_deref().map_or(0, str::len);
            if entries.len() == RECORDS || size + length > BYTES {
                let count = entries.len() as u64;
                self.put(std::mem::take(&mut entries)).await?;
                self.durable.records += count;
                self.durable.bytes += std::mem::take(&mut text);
                size = 0;
            }
            size += length;
            text += record.len() as u64 + 1;
            entries.push(entry);
        }
        if !entries.is_empty() {
            let count = entries.len() as u64;
            self.put(entries).await?;
            self.durable.records += count;
            self.durable.bytes += text;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn committed(&self) -> Committed {
        self.durable
    }
}
