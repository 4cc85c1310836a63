//! The few requests of SQS that an event source makes.

use std::time::Duration;

use serde_json::{Value, json};

/// A client of one queue. What it sends is not signed: stand-ins for SQS ask for the form only.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    endpoint: String,
    url: String,
    authorization: String,
}

impl Client {
    pub(super) fn new(endpoint: &str, url: &str, region: &str) -> Self {
        // The HTTP client wants to know about TLS, although nothing here uses it. Others may have told it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().expect("a client of constant settings");
        let scope = format!("test/20260101/{region}/sqs/aws4_request");
        let authorization = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={:064}", 0);
        Self { http, endpoint: endpoint.to_owned(), url: url.to_owned(), authorization }
    }

    /// Up to so many messages, with all that SQS knows of them.
    pub(super) async fn receive(&self, messages: usize, wait_seconds: u64) -> Result<Vec<Value>, String> {
        let mut answer = self
            .call(
                "ReceiveMessage",
                &json!({
                    "QueueUrl": self.url,
                    "MaxNumberOfMessages": messages,
                    "WaitTimeSeconds": wait_seconds,
                    "MessageSystemAttributeNames": ["All"],
                    "MessageAttributeNames": ["All"],
                }),
            )
            .await?;
        Ok(match answer["Messages"].take() {
            Value::Array(messages) => messages,
            _ => Vec::new(),
        })
    }

    /// Deletes messages.
    pub(super) async fn delete(&self, messages: &[Value]) -> Result<(), String> {
        self.batch("DeleteMessageBatch", messages, &json!({})).await
    }

    /// Makes messages visible for others.
    pub(super) async fn show(&self, messages: &[Value]) -> Result<(), String> {
        self.batch("ChangeMessageVisibilityBatch", messages, &json!({"VisibilityTimeout": 0})).await
    }

    async fn batch(&self, action: &str, messages: &[Value], members: &Value) -> Result<(), String> {
        // SQS takes no more at a time.
        for messages in messages.chunks(10) {
            let entry = |(number, message): (usize, &Value)| {
                let mut entry = members.clone();
                entry["Id"] = number.to_string().into();
                entry["ReceiptHandle"] = message["ReceiptHandle"].clone();
                entry
            };
            let entries: Vec<Value> = messages.iter().enumerate().map(entry).collect();
            let answer = self.call(action, &json!({"QueueUrl": self.url, "Entries": entries})).await?;
            if answer["Failed"].as_array().is_some_and(|failed| !failed.is_empty()) {
                return Err(format!("{action}: {}", answer["Failed"]));
            }
        }
        Ok(())
    }

    async fn call(&self, action: &str, body: &Value) -> Result<Value, String> {
        let request = self.http.post(&self.endpoint).header("X-Amz-Target", format!("AmazonSQS.{action}"));
        let request = request.header("Content-Type", "application/x-amz-json-1.0").header("Authorization", &self.authorization);
        let request = request.header("X-Amz-Date", "20260101T000000Z").body(body.to_string());
        let answer = request.send().await.map_err(|error| format!("{action}: {error}"))?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| format!("{action}: {error}"))?;
        if !status.is_success() {
            return Err(format!("{action}: {status}: {}", String::from_utf8_lossy(&bytes)));
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|error| format!("{action}: {error}"))
    }
}
