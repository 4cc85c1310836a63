//! Records as functions see them, and what functions say of them.

use serde_json::{Value, json};

use crate::lambda::ACCOUNT;

/// The event of a batch.
pub(super) fn event(batch: &[Value], shard: &str, stream: &str, region: &str) -> Value {
    let arn = format!("arn:aws:kinesis:{region}:{ACCOUNT}:stream/{stream}");
    json!({"Records": batch.iter().map(|record| self::record(record, shard, &arn, region)).collect::<Vec<_>>()})
}

fn record(record: &Value, shard: &str, arn: &str, region: &str) -> Value {
    json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": record["Data"],
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": format!("{shard}:{}", record["SequenceNumber"].as_str().unwrap_or_default()),
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": format!("arn:aws:iam::{ACCOUNT}:role/function"),
        "awsRegion": region,
        "eventSourceARN": arn,
    })
}

/// How many of a batch's first records a function has handled. As the service has it, all from the lowest sequence number on that
/// the answer names come again; an answer that says nothing of failures means success, and one that says something that cannot be
/// understood means that all has failed.
pub(super) fn handled(batch: &[Value], answer: &[u8]) -> usize {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return 0 };
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return batch.len(),
        Some(Value::Array(failures)) => failures,
        Some(_) => return 0,
    };
    let place = |failure: &Value| {
        let id = failure["itemIdentifier"].as_str()?;
        batch.iter().position(|record| record["SequenceNumber"] == *id)
    };
    let failed: Option<Vec<usize>> = failures.iter().map(place).collect();
    failed.map_or(0, |failed| failed.into_iter().min().unwrap_or(batch.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_what_kinesis_says_under_the_names_of_lambda() {
        let record =
            json!({"SequenceNumber": "4959", "PartitionKey": "k", "Data": "SGk=", "ApproximateArrivalTimestamp": 1_545_084_650.987});
        assert_eq!(
            event(&[record], "shardId-000000000006", "events", "eu-west-1"),
            json!({"Records": [{"kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "k", "sequenceNumber": "4959", "data": "SGk=",
                "approximateArrivalTimestamp": 1_545_084_650.987}, "eventSource": "aws:kinesis", "eventVersion": "1.0",
                "eventID": "shardId-000000000006:4959", "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::000000000000:role/function", "awsRegion": "eu-west-1",
                "eventSourceARN": "arn:aws:kinesis:eu-west-1:000000000000:stream/events"}]})
        );
    }

    #[test]
    fn what_failed_comes_again_with_all_behind_it() {
        let batch = [json!({"SequenceNumber": "1"}), json!({"SequenceNumber": "2"}), json!({"SequenceNumber": "3"})];
        for (answer, expected) in [
            ("null", 3),
            ("{}", 3),
            (r#"{"batchItemFailures": null}"#, 3),
            (r#"{"batchItemFailures": []}"#, 3),
            (r#"{"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "2"}]}"#, 1),
            (r#"{"batchItemFailures": [{"itemIdentifier": "1"}]}"#, 0),
            (r#"{"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "9"}]}"#, 0),
            (r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#, 0),
            (r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#, 0),
            (r#"{"batchItemFailures": "1"}"#, 0),
            ("", 0),
        ] {
            assert_eq!(handled(&batch, answer.as_bytes()), expected, "{answer}");
        }
    }
}
