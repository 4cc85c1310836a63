//! The few requests of Kinesis that an event source makes.

use std::time::Duration;

use serde_json::{Value, json};

/// A client of one stream. What it sends is not signed: stand-ins for Kinesis ask for the form only.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    endpoint: String,
    stream: String,
    authorization: String,
}

/// A shard, and what it came from.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) id: String,
    pub(super) parents: Vec<String>,
}

impl Client {
    pub(super) fn new(endpoint: &str, stream: &str, region: &str) -> Self {
        // The HTTP client wants to know about TLS, although nothing here uses it. Others may have told it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().expect("a client of constant settings");
        let scope = format!("test/20260101/{region}/kinesis/aws4_request");
        let authorization = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={:064}", 0);
        Self { http, endpoint: endpoint.to_owned(), stream: stream.to_owned(), authorization }
    }

    /// All shards; parents only as far as the stream still has them.
    pub(super) async fn shards(&self) -> Result<Vec<Shard>, String> {
        let answer = self.call("ListShards", &json!({"StreamName": self.stream})).await?;
        let listed = answer["Shards"].as_array().cloned().unwrap_or_default();
        let known = |id: &Value| listed.iter().any(|shard| shard["ShardId"] == *id);
        let shard = |shard: &Value| {
            let parents = [&shard["ParentShardId"], &shard["AdjacentParentShardId"]].into_iter().filter(|parent| known(parent));
            Shard { id: text(&shard["ShardId"]), parents: parents.map(text).collect() }
        };
        Ok(listed.iter().map(shard).collect())
    }

    /// Where the oldest record of a shard is.
    pub(super) async fn oldest(&self, shard: &str) -> Result<String, String> {
        let request = json!({"StreamName": self.stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        Ok(text(&self.call("GetShardIterator", &request).await?["ShardIterator"]))
    }

    /// Some records, and where the next ones are; nowhere at the end of the shard.
    pub(super) async fn records(&self, iterator: &str, most: usize) -> Result<(Vec<Value>, Option<String>), String> {
        let mut page = self.call("GetRecords", &json!({"ShardIterator": iterator, "Limit": most})).await?;
        let next = page["NextShardIterator"].as_str().map(str::to_owned);
        Ok((page["Records"].as_array_mut().map(std::mem::take).unwrap_or_default(), next))
    }

    async fn call(&self, action: &str, body: &Value) -> Result<Value, String> {
        let request = self.http.post(&self.endpoint).header("X-Amz-Target", format!("Kinesis_20131202.{action}"));
        let request = request.header("Content-Type", "application/x-amz-json-1.1").header("Authorization", &self.authorization);
        let request = request.header("X-Amz-Date", "20260101T000000Z").body(body.to_string());
        let answer = request.send().await.map_err(|error| format!("{action}: {error}"))?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| format!("{action}: {error}"))?;
        if !status.is_success() {
            return Err(format!("{action}: {status}: {}", String::from_utf8_lossy(&bytes)));
        }
        serde_json::from_slice(&bytes).map_err(|error| format!("{action}: {error}"))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
