use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use headwater_core::ids::StreamName;
use headwater_core::ports::{Condition, Key};
use serde_json::Value;

use super::{Host, START, host};

async fn make_stream(host: &Host, name: &str) {
    let name = StreamName { namespace: "default".try_into().unwrap(), stream: name.try_into().unwrap() };
    host.console.services.streams.create(&name, b"").await.unwrap();
}

async fn json(host: &Host) -> Value {
    let answer = host.send("GET", "/live", &[("accept", "application/json")], "").await;
    serde_json::from_str(&answer.text).unwrap()
}

#[tokio::test]
async fn what_runs_is_one_object() {
    let host = host();
    make_stream(&host, "clicks").await;
    host.troubles.note("error", "tasks", "the broker <b>is away</b>");
    let now = json(&host).await;
    assert_eq!((&now["at"], &now["streams"][0]["name"], &now["streams"][0]["events"]), (&START.into(), &"clicks".into(), &0.into()));
    assert_eq!((&now["jobs"], &now["troubles"][0]["message"]), (&Value::Array(Vec::new()), &"the broker <b>is away</b>".into()));
    let page = host.page("/").await;
    assert!(page.text.contains("&#60;b&#62;is away") && !page.text.contains("<b>is away"), "{}", page.text);
}

#[tokio::test]
async fn what_is_not_known_yet_is_no_number() {
    let host = host();
    assert!(host.page("/").await.text.contains("data-as=\"rate\">0.0</dd>"), "where nothing runs, nothing comes");
    let job = serde_json::json!({"name": "a", "target": {"type": "stdout"}, "config_file": "examples/langmap.json", "total_events": 3});
    host.services.datagen.start(&job).await.unwrap();
    host.clock.advance(Duration::from_secs(2));
    let page = host.page("/").await;
    assert!(page.text.contains("data-as=\"rate\">–</dd>") && page.text.contains("data-as=\"rate\">–</td>"), "{}", page.text);
    host.clock.advance(Duration::from_secs(2));
    assert!(host.page("/").await.text.contains("data-as=\"rate\">0.0</td>"));
}

#[tokio::test]
async fn what_is_not_listed_is_counted() {
    let host = host();
    for number in 0..103 {
        make_stream(&host, &format!("s{number}")).await;
    }
    let now = json(&host).await;
    assert_eq!((now["streams"].as_array().unwrap().len(), &now["moreStreams"]), (100, &3.into()));
    assert!(host.page("/").await.text.contains("3 more are <a href=\"/console/streams\">"));
}

#[tokio::test]
async fn troubles_of_one_moment_are_told_apart() {
    let host = host();
    for _ in 0..3 {
        host.troubles.note("warning", "tasks", "the same");
    }
    let now = json(&host).await;
    let at: Vec<_> = now["troubles"].as_array().unwrap().iter().map(|trouble| trouble["at"].as_i64().unwrap()).collect();
    assert_eq!(at, [START + 2, START + 1, START]);
}

#[tokio::test]
async fn troubles_are_forgotten_after_a_while() {
    let host = host();
    host.troubles.note("warning", "tasks", "once");
    host.clock.advance(Duration::from_secs(16 * 60));
    host.troubles.note("warning", "tasks", "lately");
    let now = json(&host).await;
    let told: Vec<_> = now["troubles"].as_array().unwrap().iter().map(|trouble| trouble["message"].as_str().unwrap()).collect();
    assert_eq!(told, ["lately"]);
}

#[tokio::test]
async fn watchers_share_samples_and_are_let_go_at_the_end() {
    let host = host();
    let live = host.console.live().clone();
    let running = tokio::spawn(live.clone().run());
    let mut watchers: Vec<_> = (0..3).map(|_| Box::pin(live.follow())).collect();
    assert_eq!(live.followers(), 3);
    for watcher in &mut watchers {
        assert_eq!(watcher.next().await.unwrap().unwrap(), "retry: 2000\n\n");
    }
    let mut told = Vec::new();
    for watcher in &mut watchers {
        told.push(watcher.next().await.unwrap().unwrap());
    }
    assert!(told[0].starts_with(b"event: now\ndata: {\"at\":") && told[0].ends_with(b"}\n\n"));
    assert!(told.iter().all(|event| event.as_ptr() == told[0].as_ptr()), "they are one in memory");
    make_stream(&host, "new").await;
    host.clock.advance(Duration::from_secs(1));
    let next = watchers[0].next().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&next).contains("\"new\""));
    live.end();
    for watcher in &mut watchers {
        while watcher.next().await.is_some() {}
    }
    running.await.unwrap();
}

#[tokio::test]
async fn watchers_are_told_when_the_store_fails_and_when_it_is_back() {
    let host = host();
    let broken = Key::root("simulations/simulation").child("1").unwrap();
    host.stores.documents.put(&broken, Bytes::from_static(b"{"), Condition::Any).await.unwrap();
    let live = host.console.live().clone();
    let running = tokio::spawn(live.clone().run());
    let mut watcher = Box::pin(live.follow());
    assert_eq!(watcher.next().await.unwrap().unwrap(), "retry: 2000\n\n");
    assert_eq!(watcher.next().await.unwrap().unwrap(), "event: failed\ndata: {}\n\n");
    assert_eq!(host.page("/").await.status.as_u16(), 503);
    host.stores.documents.delete(&broken, Condition::Any).await.unwrap();
    while !watcher.next().await.unwrap().unwrap().starts_with(b"event: now\n") {}
    assert_eq!(host.page("/").await.status.as_u16(), 200);
    live.end();
    running.await.unwrap();
}
