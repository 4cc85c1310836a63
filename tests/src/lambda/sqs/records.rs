//! Messages as functions see them, and what functions say of them.

use serde_json::{Map, Value, json};

use crate::lambda::ACCOUNT;

/// The event of a batch.
pub(super) fn event(batch: &[Value], queue_url: &str, region: &str) -> Value {
    let arn = arn(queue_url, region);
    json!({"Records": batch.iter().map(|message| record(message, &arn, region)).collect::<Vec<_>>()})
}

fn record(message: &Value, arn: &str, region: &str) -> Value {
    let mut record = json!({
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes").cloned().unwrap_or_else(|| json!({})),
        "messageAttributes": attributes(message),
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    });
    if let Some(digest) = message.get("MD5OfMessageAttributes") {
        record["md5OfMessageAttributes"] = digest.clone();
    }
    record
}

fn attributes(message: &Value) -> Map<String, Value> {
    let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
    let renamed = attributes.map(|(name, value)| {
        let mut attribute = json!({"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]});
        for (from, to) in [("StringValue", "stringValue"), ("BinaryValue", "binaryValue")] {
            if let Some(value) = value.get(from) {
                attribute[to] = value.clone();
            }
        }
        (name.clone(), attribute)
    });
    renamed.collect()
}

/// The last two parts of a queue's URL are the account and the name.
fn arn(queue_url: &str, region: &str) -> String {
    let mut parts = queue_url.trim_end_matches('/').rsplit('/');
    let name = parts.next().unwrap_or_default();
    let account = parts.next().filter(|part| part.len() == ACCOUNT.len() && part.bytes().all(|byte| byte.is_ascii_digit()));
    format!("arn:aws:sqs:{region}:{}:{name}", account.unwrap_or(ACCOUNT))
}

/// Which messages of a batch a function has handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Succeeded {
    All,
    None,
    /// All but those of these ids.
    AllBut(Vec<String>),
}

impl Succeeded {
    pub(super) fn holds(&self, message: &Value) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::AllBut(failed) => !failed.iter().any(|id| message["MessageId"] == **id),
        }
    }

    /// What succeeded in this or in another delivery of the batch.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::None, one) | (one, Self::None) => one,
            (Self::AllBut(left), Self::AllBut(right)) => Self::AllBut(left.into_iter().filter(|id| right.contains(id)).collect()),
        }
    }
}

/// What a function's answer says of a batch. As the service has it, an answer that says nothing of failures means success, and
/// one that says something that cannot be understood means that all has failed.
pub(super) fn succeeded(batch: &[Value], answer: &[u8]) -> Succeeded {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return Succeeded::None };
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Succeeded::All,
        Some(Value::Array(failures)) => failures,
        Some(_) => return Succeeded::None,
    };
    let known = |failure: &Value| {
        let id = failure["itemIdentifier"].as_str()?;
        batch.iter().any(|message| message["MessageId"] == *id).then(|| id.to_owned())
    };
    match failures.iter().map(known).collect::<Option<Vec<_>>>() {
        Some(failed) if failed.is_empty() => Succeeded::All,
        Some(failed) => Succeeded::AllBut(failed),
        None => Succeeded::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_what_sqs_says_under_the_names_of_lambda() {
        let message = json!({"MessageId": "m", "ReceiptHandle": "r", "Body": "{}", "MD5OfBody": "d", "MD5OfMessageAttributes": "e",
            "Attributes": {"ApproximateReceiveCount": "1"},
            "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "step"}}});
        let event = event(&[message], "http://sqs.eu-west-1.localhost:4566/000000000001/steps", "eu-west-1");
        assert_eq!(
            event,
            json!({"Records": [{"messageId": "m", "receiptHandle": "r", "body": "{}", "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {"kind":
                    {"stringListValues": [], "binaryListValues": [], "dataType": "String", "stringValue": "step"}},
                "md5OfBody": "d", "md5OfMessageAttributes": "e", "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000001:steps", "awsRegion": "eu-west-1"}]})
        );
        assert_eq!(arn("steps", "r"), "arn:aws:sqs:r:000000000000:steps");
    }

    #[test]
    fn an_answer_tells_what_failed() {
        let batch = [json!({"MessageId": "a"}), json!({"MessageId": "b"})];
        for (answer, expected) in [
            ("null", Succeeded::All),
            ("{}", Succeeded::All),
            ("\"done\"", Succeeded::All),
            (r#"{"batchItemFailures": null}"#, Succeeded::All),
            (r#"{"batchItemFailures": []}"#, Succeeded::All),
            (r#"{"batchItemFailures": [{"itemIdentifier": "b"}]}"#, Succeeded::AllBut(vec!["b".to_owned()])),
            (r#"{"batchItemFailures": [{"itemIdentifier": "c"}]}"#, Succeeded::None),
            (r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#, Succeeded::None),
            (r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#, Succeeded::None),
            (r#"{"batchItemFailures": [{"id": "a"}]}"#, Succeeded::None),
            (r#"{"batchItemFailures": "a"}"#, Succeeded::None),
            ("", Succeeded::None),
        ] {
            assert_eq!(succeeded(&batch, answer.as_bytes()), expected, "{answer}");
        }
        let but = |ids: &[&str]| Succeeded::AllBut(ids.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(but(&["a", "b"]).or(but(&["b"])), but(&["b"]));
        assert_eq!(Succeeded::None.or(but(&["b"])), but(&["b"]));
        assert!(but(&["b"]).holds(&batch[0]) && !but(&["b"]).holds(&batch[1]));
    }
}
