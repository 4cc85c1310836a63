//! What is in LocalStack, through its plain HTTP interface: it does not look at signatures.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::http::{Answer, try_send};
use crate::waiting::{seconds, wait_for};

/// Region of all that tests make.
pub(crate) const REGION: &str = "us-east-1";

/// A bucket, a queue and a stream of events of a test's own.
pub(crate) struct Account {
    pub(crate) endpoint: String,
    address: SocketAddr,
    pub(crate) bucket: String,
    pub(crate) queue_url: String,
    pub(crate) event_stream: String,
}

/// A name that no other test of this run has.
fn unique(word: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{word}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Account {
    /// Makes a bucket, a stream, and a queue that hides what it has delivered for so many seconds.
    pub(crate) fn new(hidden: u32) -> Self {
        let folder = std::env::var("LOCALSTACK_DIR").expect("LOCALSTACK_DIR names where LocalStack runs: `tests/run` starts it");
        let endpoint = std::fs::read_to_string(Path::new(&folder).join("endpoint")).expect("LocalStack is running");
        let endpoint = endpoint.trim().to_owned();
        let address = endpoint.trim_start_matches("http://").parse().expect("LocalStack listens on an address");
        let mut account = Self { endpoint, address, bucket: unique("bucket"), queue_url: String::new(), event_stream: String::new() };
        assert_eq!(account.send("PUT", &format!("/{}", account.bucket), &[], b"").status, 200);
        account.queue_url = account.make_queue(&unique("queue"), &json!({"VisibilityTimeout": hidden.to_string()}));
        account.event_stream = account.make_stream(1);
        account
    }

    /// What a server is told that keeps everything here.
    pub(crate) fn arguments(&self) -> Vec<&str> {
        let Self { endpoint, bucket, queue_url, event_stream, .. } = self;
        vec!["--store", "aws", "--endpoint-url", endpoint, "--bucket", bucket, "--queue-url", queue_url, "--event-stream", event_stream]
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let authorization = |service: &str| {
            let scope = format!("test/20260101/{REGION}/{service}/aws4_request");
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={:064}", 0)
        };
        let target = headers.iter().find(|(name, _)| *name == "x-amz-target").map_or("", |(_, target)| *target);
        let service = if target.starts_with("AmazonSQS") {
            "sqs"
        } else if target.is_empty() {
            "s3"
        } else {
            "kinesis"
        };
        let authorization = authorization(service);
        let mut all = headers.to_vec();
        all.extend([("authorization", authorization.as_str()), ("x-amz-date", "20260101T000000Z")]);
        try_send(self.address, method, path, &all, body).expect("LocalStack answers")
    }

    fn call(&self, target: &str, version: &str, body: &Value) -> Value {
        let content_type = format!("application/x-amz-json-{version}");
        let headers = [("x-amz-target", target), ("content-type", content_type.as_str())];
        let answer = self.send("POST", "/", &headers, body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{target}: {}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// Keys of the objects whose key begins with a prefix, in order.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        let answer = self.send("GET", &format!("/{}?list-type=2&prefix={prefix}", self.bucket), &[], b"");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("<IsTruncated>false"), "more objects than a page");
        let keys = answer.text().split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().expect("a closed element").to_owned());
        keys.collect()
    }

    /// An object's bytes; nothing, if it is gone.
    fn find_object(&self, key: &str) -> Option<Vec<u8>> {
        let path = key.replace('%', "%25");
        let answer = self.send("GET", &format!("/{}/{path}", self.bucket), &[], b"");
        assert!(matches!(answer.status, 200 | 404), "{key}: {}", answer.text());
        (answer.status == 200).then_some(answer.body)
    }

    /// An object's bytes.
    #[track_caller]
    pub(crate) fn object(&self, key: &str) -> Vec<u8> {
        self.find_object(key).unwrap_or_else(|| panic!("{key} is not there"))
    }

    /// All objects below a prefix, one after the other. Whoever writes a file joins its small pieces, so one that is listed may be gone a
    /// moment later; then all are listed again.
    pub(crate) fn joined(&self, prefix: &str) -> Vec<u8> {
        wait_for("objects that stay", seconds(60), || {
            let objects: Option<Vec<_>> = self.keys(prefix).iter().map(|key| self.find_object(key)).collect();
            objects.map(|objects| objects.concat())
        })
    }

    /// Makes a queue; its URL.
    pub(crate) fn make_queue(&self, name: &str, attributes: &Value) -> String {
        let made = self.call("AmazonSQS.CreateQueue", "1.0", &json!({"QueueName": name, "Attributes": attributes}));
        made["QueueUrl"].as_str().expect("a queue has a URL").to_owned()
    }

    /// Takes all messages out of a queue; their bodies.
    pub(crate) fn drain(&self, queue_url: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let request = json!({"QueueUrl": queue_url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1});
            let answer = self.call("AmazonSQS.ReceiveMessage", "1.0", &request);
            let Some(messages) = answer["Messages"].as_array().filter(|messages| !messages.is_empty()) else { return bodies };
            for message in messages {
                bodies.push(message["Body"].as_str().expect("a body").to_owned());
                let handle = json!({"QueueUrl": queue_url, "ReceiptHandle": message["ReceiptHandle"]});
                self.call("AmazonSQS.DeleteMessage", "1.0", &handle);
            }
        }
    }

    /// Makes a stream of Kinesis with so many shards; its name.
    pub(crate) fn make_stream(&self, shards: u32) -> String {
        let name = unique("stream");
        self.call("Kinesis_20131202.CreateStream", "1.1", &json!({"StreamName": name, "ShardCount": shards}));
        wait_for("the stream", seconds(30), || {
            let summary = self.call("Kinesis_20131202.DescribeStreamSummary", "1.1", &json!({"StreamName": name}));
            (summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE").then_some(())
        });
        name
    }

    /// Puts a record into a stream.
    pub(crate) fn put_record(&self, request: &Value) {
        self.call("Kinesis_20131202.PutRecord", "1.1", request);
    }

    /// The partition keys and bytes of all records of a stream, shard by shard.
    pub(crate) fn stream_records(&self, name: &str) -> Vec<Vec<(String, Vec<u8>)>> {
        let shards = self.call("Kinesis_20131202.ListShards", "1.1", &json!({"StreamName": name}));
        let shards = shards["Shards"].as_array().expect("a stream has shards").clone();
        shards.iter().map(|shard| self.shard_records(name, &shard["ShardId"])).collect()
    }

    fn shard_records(&self, name: &str, shard: &Value) -> Vec<(String, Vec<u8>)> {
        let start = json!({"StreamName": name, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        let mut iterator = self.call("Kinesis_20131202.GetShardIterator", "1.1", &start)["ShardIterator"].clone();
        let mut records = Vec::new();
        loop {
            let page = self.call("Kinesis_20131202.GetRecords", "1.1", &json!({"ShardIterator": iterator, "Limit": 5000}));
            for record in page["Records"].as_array().expect("an answer has records") {
                let text = |member: &str| record[member].as_str().expect("a text").to_owned();
                records.push((text("PartitionKey"), BASE64_STANDARD.decode(text("Data")).expect("base64")));
            }
            if page["Records"].as_array().is_some_and(Vec::is_empty) && page["MillisBehindLatest"] == 0 {
                return records;
            }
            iterator = page["NextShardIterator"].clone();
        }
    }
}
