//! Requests side by side, over a store that lets others go first with every call.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use axum::http::StatusCode;
use bytes::Bytes;
use futures::future::join_all;
use headwater_core::ports::{Condition, Document, Documents, Etag, Key, Listed, PortError};
use serde_json::{Value, json};

use super::{ALL, ONE, host, simulation, with_etag};

/// A store that takes its time.
#[derive(Debug)]
pub(super) struct Slow(pub(super) Arc<dyn Documents>);

#[async_trait]
impl Documents for Slow {
    async fn get(&self, key: &Key) -> Result<Option<Document>, PortError> {
        tokio::task::yield_now().await;
        self.0.get(key).await
    }

    async fn put(&self, key: &Key, body: Bytes, condition: Condition) -> Result<Etag, PortError> {
        tokio::task::yield_now().await;
        self.0.put(key, body, condition).await
    }

    async fn delete(&self, key: &Key, condition: Condition) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        self.0.delete(key, condition).await
    }

    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, PortError> {
        tokio::task::yield_now().await;
        self.0.list(prefix, after, limit).await
    }
}

fn hub(host: &str) -> Value {
    json!({"IoTHub": {"ConnectionString": format!("HostName={host}.example.net;SharedAccessKeyName=p;SharedAccessKey=MTIz")}})
}

#[tokio::test]
async fn of_many_at_once_one_is_made_and_keeps_its_key() {
    let host = host();
    let answers = join_all((0..8).map(|_| host.post(ALL, simulation(&hub("h"))))).await;
    let made = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let refused = answers.iter().filter(|answer| answer.status == StatusCode::CONFLICT).count();
    assert_eq!((made, refused), (1, 7));
    assert!(host.records.connection_string("h.example.net", "p").await.unwrap().is_some(), "a loser has taken the key with it");
}

#[tokio::test]
async fn of_many_writes_with_one_etag_one_is_done() {
    let host = host();
    let made = host.create(&json!({})).await;
    let answers = join_all((0..8).map(|n| {
        let body = with_etag(&made["ETag"], &json!({"Name": n.to_string()}));
        let host = &host;
        async move { host.put(ONE, body).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::OK).count(), 1);
    let made = host.get(ONE).await.json();
    assert_eq!(made["$metadata"]["$version"], "2");
    let change = json!({"ETag": made["ETag"], "Enabled": true});
    let answers = join_all((0..8).map(|_| host.patch(ONE, &change))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::OK).count(), 1);
    assert_eq!(host.get(ONE).await.json()["$metadata"]["$version"], "3");
}

#[tokio::test]
async fn many_that_overwrite_whatever_is_there_all_do_so_one_after_the_other() {
    let host = host();
    let answers = join_all((0..12).map(|n| {
        let (body, host) = (with_etag(&json!("*"), &hub(["a", "b", "c"][n % 3])), &host);
        async move { host.put(ONE, body).await.json() }
    }))
    .await;
    let versions: BTreeSet<&str> = answers.iter().map(|made| made["$metadata"]["$version"].as_str().unwrap()).collect();
    assert_eq!(versions.len(), 12);
    let last = host.get(ONE).await.json();
    assert_eq!(last["$metadata"]["$version"], "12");
    let string = last["IoTHub"]["ConnectionString"].as_str().unwrap();
    let name = string.strip_prefix("HostName=").unwrap().split(';').next().unwrap();
    assert!(host.records.connection_string(name, "p").await.unwrap().is_some(), "the hub that is in use has lost its key");
}

#[tokio::test]
async fn a_model_that_many_replace_at_once_is_replaced_once() {
    let host = host();
    let document = json!({
        "Protocol": "MQTT", "Simulation": {"Interval": "00:01", "Scripts": [{"Type": "javascript", "Path": "a.js"}]},
        "Telemetry": [{"Interval": "00:01", "MessageTemplate": "x", "MessageSchema": {"Name": "c", "Fields": {"n": "double"}}}],
    });
    let mut answers = join_all((0..8).map(|_| host.put("/v1/devicemodels/mine", &document))).await;
    answers.retain(|answer| answer.status == StatusCode::OK);
    assert_eq!(answers.len(), 1);
    let stored = host.get("/v1/devicemodels/mine").await.json();
    assert_eq!(stored["ETag"], answers[0].json()["ETag"]);
}
