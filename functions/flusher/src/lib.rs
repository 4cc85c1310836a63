//! Writes events into the bucket on Lambda.
//!
//! The function stands behind the stream that events go ahead into, and is handed the records of one shard in batches, in their
//! order. It makes segments of them. Records whose log could not be flushed are reported; Lambda then comes again with all from the
//! first of them on. What had been flushed nevertheless is found in the manifests, and left out. Whoever wants to know that a stream
//! has grown is told from here: nobody else sees all that comes into it.

use aws_lambda_events::kinesis::{KinesisEvent, KinesisEventRecord};
use aws_lambda_events::streams::KinesisEventResponse;
use headwater_adapters::aws::{Deployment, Flusher, WalRecord};
use headwater_core::streams::StreamService;
use lambda_runtime::LambdaEvent;
use tracing::{info, warn};

/// The function, composed once when it starts.
#[derive(Debug)]
pub struct Function {
    flusher: Flusher,
    streams: StreamService,
}

impl Function {
    /// The function over a deployment.
    #[must_use]
    pub fn new(deployment: &Deployment) -> Self {
        Self { flusher: deployment.flusher.clone(), streams: deployment.streams.clone() }
    }

    /// Answers one invocation.
    ///
    /// # Errors
    /// When a record does not say which shard it is from. All of the batch then comes again.
    pub async fn answer(&self, event: LambdaEvent<KinesisEvent>) -> Result<KinesisEventResponse, lambda_runtime::Error> {
        let records: Vec<WalRecord> = event.payload.records.into_iter().map(record).collect::<Result<_, _>>()?;
        let flushed = self.flusher.flush(&records).await;
        info!(records = records.len(), grown = flushed.grown.len(), failed = flushed.failed.len(), "flushed");
        for (log, size) in &flushed.grown {
            // The events are safe. A notice that could not be written is so with the next flush.
            if let Err(error) = self.streams.notice_growth(log, *size).await {
                warn!(error = &error as &dyn std::error::Error, %log, "it could not be noted how large a stream is");
            }
        }
        self.streams.announce().await;
        let mut response = KinesisEventResponse::default();
        response.set_failures(flushed.failed);
        Ok(response)
    }
}

/// A record as the flusher wants it.
fn record(record: KinesisEventRecord) -> Result<WalRecord, lambda_runtime::Error> {
    // Such as `shardId-000000000006:49590338271490256608559692538361571095921575989136588898`.
    let shard = record.event_id.as_deref().and_then(|id| id.split_once(':')).map(|(shard, _)| shard.to_owned());
    let shard = shard.ok_or("a record does not say which shard it is from")?;
    let kinesis = record.kinesis;
    Ok(WalRecord { shard, sequence: kinesis.sequence_number, partition_key: kinesis.partition_key, data: kinesis.data.0.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_its_shard_in_its_id() {
        let event = |id: &str| {
            let text = r#"{"Records": [{"kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "1", "sequenceNumber": "4959",
                "data": "SGk=", "approximateArrivalTimestamp": 1545084650.987}, "eventSource": "aws:kinesis", "eventVersion": "1.0",
                "eventID": "ID", "eventName": "aws:kinesis:record", "awsRegion": "us-east-2"}]}"#;
            serde_json::from_str::<KinesisEvent>(&text.replace("\"ID\"", &format!("{id:?}"))).unwrap().records.remove(0)
        };
        let expected = WalRecord {
            shard: "shardId-000000000006".to_owned(),
            sequence: "4959".to_owned(),
            partition_key: "1".to_owned(),
            data: (&b"Hi"[..]).into(),
        };
        assert_eq!(record(event("shardId-000000000006:4959")).unwrap(), expected);
        assert!(record(event("4959")).is_err());
    }
}
