//! Pages of jobs.

use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use headwater_core::ids::{FileName, StreamName, TableName};
use headwater_core::ports::Owner;
use headwater_core::streams::BatchKind;
use headwater_core::tables::Definition;
use serde_json::{Value, json};

use super::{Host, host};

const HOSTILE: &str = "<script>alert('x')</script>";
const ESCAPED: &str = "&#60;script&#62;";

async fn start(host: &Host, name: &str, target: Value) {
    let body = json!({"name": name, "target": target, "config_file": "examples/langmap.json", "total_events": 3, "seed": 7});
    host.services.datagen.start(&body).await.unwrap();
}

/// The form as it is sent for a file of a stock specification, with some fields otherwise.
fn form<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("do", "start"),
        ("name", "mine"),
        ("specification", "examples/langmap.json"),
        ("target", "file"),
        ("path", "mine.json"),
        ("clock", "SIM"),
        ("total_events", "5"),
        ("concurrency", "10"),
    ];
    fields.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
    fields.extend(changed);
    fields
}

#[tokio::test]
async fn the_list_says_what_to_do_where_nothing_is() {
    let host = host();
    let page = host.page("/console/jobs").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("No job yet") && page.text.contains("No file yet"));
    assert!(page.text.contains("/console/jobs/new?specification=clickstream/clickstream.json"), "{}", page.text);
}

#[tokio::test]
async fn jobs_and_files_are_listed_and_names_are_no_markup() {
    let host = host();
    start(&host, HOSTILE, json!({"type": "file", "path": "a.json"})).await;
    write(&host, "a.json", "{\"n\":1}\n").await;
    let page = host.page("/console/jobs").await;
    assert!(page.text.contains(ESCAPED) && !page.text.contains(HOSTILE), "{}", page.text);
    assert!(page.text.contains("href=\"/file/a.json\"") && page.text.contains("8 B"), "{}", page.text);
    let path = "/console/jobs/%3Cscript%3Ealert%28%27x%27%29%3C%2Fscript%3E";
    assert!(page.text.contains(path), "{}", page.text);
    assert_eq!(host.page(path).await.status, StatusCode::OK);
}

async fn write(host: &Host, name: &str, text: &'static str) {
    let (name, owner) = (FileName::try_from(name).unwrap(), Owner("test".to_owned()));
    host.stores.files.create(&name, &owner).await.unwrap();
    let mut writer = host.stores.files.append_at(&name, &owner, 0).await.unwrap();
    writer.write(Bytes::from_static(text.as_bytes())).await.unwrap();
    writer.sync().await.unwrap();
}

#[tokio::test]
async fn a_specification_is_put_into_the_editor() {
    let host = host();
    let page = host.page("/console/jobs/new?specification=shop/orders.json").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("name=\"shown\" value=\"shop/orders.json\"") && page.text.contains("value=\"orders\""), "{}", page.text);
    assert!(page.text.contains("emitters"));
    let text = host.page("/console/jobs/new/specification?specification=shop/orders.json").await;
    assert!(serde_json::from_str::<Value>(&text.text).unwrap().get("emitters").is_some());
    let wrong = host.page("/console/jobs/new?specification=../passwd").await;
    assert!(wrong.text.contains("there is no specification"), "{}", wrong.text);
}

#[tokio::test]
async fn a_form_starts_a_job() {
    let host = host();
    let answer = host.fill("/console/jobs/new", &form(&[])).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/console/jobs/mine"), "{}", answer.text);
    let detail = host.services.datagen.detail("mine").await.unwrap().unwrap();
    assert_eq!((detail.report.config_file.as_str(), detail.total_events, detail.concurrency), ("examples/langmap.json", Some(5), 10));
    let page = host.page("/console/jobs/mine").await;
    assert!(page.text.contains("max=\"5\"") && page.text.contains("running") && page.text.contains("None so far."), "{}", page.text);
    let again = host.fill("/console/jobs/new", &form(&[])).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text.contains("a job of the name mine is running"), "{}", again.text);
}

#[tokio::test]
async fn jobs_of_any_name_have_a_page() {
    let host = host();
    for (name, path) in [("new", "~new"), (".", "~."), ("..", "~.."), ("~new", "~~new"), ("a/b", "a%2Fb")] {
        let path = format!("/console/jobs/{path}");
        let answer = host.fill("/console/jobs/new", &form(&[("name", name), ("target", "stdout")])).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, path.as_str()), "{}", answer.text);
        assert!(host.page("/console/jobs").await.text.contains(&format!("href=\"{path}\"")), "{name}");
        let page = host.page(&path).await;
        assert!(page.status == StatusCode::OK && page.text.contains(&format!("action=\"{path}/stop\"")), "{name}: {}", page.text);
        assert_eq!(host.fill(&format!("{path}/stop"), &[]).await.status, StatusCode::SEE_OTHER, "{name}");
        assert!(host.services.datagen.detail(name).await.unwrap().is_none(), "{name}");
    }
}

#[tokio::test]
async fn a_text_of_ones_own_is_a_specification_of_its_own() {
    let host = host();
    let own = r#"{"interarrival": {"type": "constant", "value": 1}, "emitters": [{"name": "e", "dimensions": []}],
        "states": [{"name": "s", "emitter": "e", "delay": {"type": "constant", "value": 1}, "transitions": [{"next": "stop", "probability": 1}]}]}"#;
    let fields =
        form(&[("config", own), ("clock", "FROM"), ("start", "2026-01-01"), ("time", "48h"), ("target", "stream"), ("stream", "mine")]);
    let answer = host.fill("/console/jobs/new", &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let detail = host.services.datagen.detail("mine").await.unwrap().unwrap();
    assert_eq!((detail.report.config_file.as_str(), detail.report.start_time.as_str()), ("__custom__", "2026-01-01 00:00:00"));
    assert!(host.page("/console/jobs/mine").await.text.contains("/console/streams/default/mine"));
}

#[tokio::test]
async fn mistakes_are_told_where_they_are_and_fields_stay() {
    let host = host();
    let config = r#"{"emitters": [{"name": "<b>"}], "states": []}"#;
    let fields =
        form(&[("name", ""), ("total_events", "many"), ("config", config), ("target", "kafka"), ("topic", "kept"), ("endpoint", "")]);
    let page = host.fill("/console/jobs/new", &fields).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    for text in
        ["must not be empty", "must be an integer, not a text", "emitters[0].dimensions", "value=\"kept\"", "value=\"many\"", "&#60;b&#62;"]
    {
        assert!(page.text.contains(text), "{text} is not in {}", page.text);
    }
    assert!(host.services.datagen.jobs().await.unwrap().is_empty());
    let broken = host.fill("/console/jobs/new", &form(&[("config", "{\"emitters\": [")])).await;
    assert!(broken.text.contains("is not JSON"), "{}", broken.text);
}

#[tokio::test]
async fn a_preview_shows_records_or_mistakes_and_starts_nothing() {
    let host = host();
    let page = host.fill("/console/jobs/new", &form(&[("do", "preview"), ("name", ""), ("total_events", "2")])).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.text.matches("&#34;time&#34;:").count(), 2, "{}", page.text);
    let told = host.fill("/console/jobs/new/preview", &form(&[("name", ""), ("total_events", "100000")])).await;
    let told: Value = serde_json::from_str(&told.text).unwrap();
    assert_eq!((told["records"].as_str().unwrap().lines().count(), &told["mistakes"]), (10, &json!([])));
    let wrong = host.fill("/console/jobs/new/preview", &form(&[("seed", "x"), ("config", r#"{"states": 5}"#)])).await;
    let wrong: Value = serde_json::from_str(&wrong.text).unwrap();
    assert_eq!((&wrong["records"], &wrong["mistakes"][0]["field"]), (&Value::Null, &json!("seed")), "{wrong}");
    assert!(host.services.datagen.jobs().await.unwrap().is_empty());
}

#[tokio::test]
async fn no_secret_of_a_target_reaches_a_page() {
    let host = host();
    let target = json!({"type": "http", "url": "https://me:hush@example.com/in?key=hush", "headers": {"authorization": "hush"}});
    start(&host, "secret", target).await;
    let page = host.page("/console/jobs/secret").await;
    assert!(page.text.contains("example.com") && !page.text.contains("hush"), "{}", page.text);
    assert!(page.text.contains("cannot be shown here"));
}

#[tokio::test]
async fn the_last_records_are_shown_newest_first() {
    let host = host();
    start(&host, "tail", json!({"type": "file", "path": "tail.json"})).await;
    // Where a line is not whole yet, it is not shown.
    let owner_is_another = FileName::try_from("tail.json").unwrap();
    host.stores.files.delete(&owner_is_another).await.unwrap();
    write(&host, "tail.json", "{\"n\":\"first\"}\n{\"n\":\"<i>\"}\n{\"n\":").await;
    let told: Value = serde_json::from_str(&host.page("/console/jobs/tail/records").await.text).unwrap();
    assert_eq!(told["records"], json!(["{\"n\":\"<i>\"}", "{\"n\":\"first\"}"]));
    let page = host.page("/console/jobs/tail").await;
    assert!(page.text.contains("&#60;i&#62;") && !page.text.contains("<i>"), "{}", page.text);
}

#[tokio::test]
async fn the_last_records_of_a_stream_are_the_newest_though_many_came_at_once() {
    let host = host();
    start(&host, "burst", json!({"type": "stream", "stream": "burst"})).await;
    let name = StreamName { namespace: "default".try_into().unwrap(), stream: "burst".try_into().unwrap() };
    let streams = &host.services.streams;
    for moment in 0..3 {
        let stream = streams.get(&name).await.unwrap();
        let lines: String = (0..25_000).map(|number| format!("{moment}-{number}\n")).collect();
        let batch = streams.batch(stream, BatchKind::Lines, Vec::new().into());
        batch.take(Bytes::from(lines)).await.unwrap().finish().await.unwrap();
        host.clock.advance(Duration::from_millis(1));
    }
    let told: Value = serde_json::from_str(&host.page("/console/jobs/burst/records").await.text).unwrap();
    let newest: Vec<String> = (24_990..25_000).rev().map(|number| format!("2-{number}")).collect();
    assert_eq!(told["records"], json!(newest));
}

#[tokio::test]
async fn a_job_is_stopped_and_started_again_by_forms_of_ours_only() {
    let host = host();
    start(&host, "a/b", json!({"type": "file", "path": "ab.json"})).await;
    let refused = host.post_anyhow("/console/jobs/a%2Fb/stop", &[("form", "0000")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(host.services.datagen.jobs().await.unwrap().len(), 1);

    let before = host.services.datagen.detail("a/b").await.unwrap().unwrap();
    let again = host.fill("/console/jobs/a%2Fb/again", &[]).await;
    assert_eq!((again.status, again.header("location")), (StatusCode::SEE_OTHER, "/console/jobs/a%2Fb"), "{}", again.text);
    let after = host.services.datagen.detail("a/b").await.unwrap().unwrap();
    assert_eq!((after.report.seed, after.total_events, after.file), (before.report.seed, before.total_events, before.file));

    let stopped = host.fill("/console/jobs/a%2Fb/stop", &[]).await;
    assert_eq!((stopped.status, stopped.header("location")), (StatusCode::SEE_OTHER, "/console/jobs"));
    assert!(host.services.datagen.jobs().await.unwrap().is_empty());
    for answer in [host.page("/console/jobs/a%2Fb").await, host.fill("/console/jobs/a%2Fb/stop", &[]).await] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.text.contains("There is no such job"));
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_started_again_goes_on() {
    let host = host();
    let table = TableName::try_from("kept").unwrap();
    host.services.tables.define(&table, Definition::parse(br#"{"element": "json"}"#).unwrap()).await.unwrap();
    let own = json!({
        "interarrival": {"type": "constant", "value": 1}, "emitters": [{"name": "e", "dimensions": []}],
        "states": [{"name": "s", "emitter": "e", "delay": {"type": "constant", "value": 1}, "transitions": [{"next": "stop", "probability": 1}]}]
    });
    let body = json!({"name": "slow", "target": {"type": "table", "table": "kept"}, "config": own, "time_type": "REAL", "seed": 7});
    host.services.datagen.start(&body).await.unwrap();
    host.services.tables.remove(&table).await.unwrap();

    let answer = host.fill("/console/jobs/slow/again", &[]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text);
    assert!(answer.text.contains("The job was not started again: target: "), "{}", answer.text);
    let detail = host.services.datagen.detail("slow").await.unwrap().expect("the job is lost");
    assert_eq!((detail.report.status, &detail.specification), ("RUNNING", &own));
    let unfinished = host.services.datagen.tasks.all().await.unwrap();
    assert_eq!(unfinished.len(), 1, "the task of the start that was refused is left over");
    assert!(!host.services.datagen.tasks.stop_requested(&unfinished[0].id).await.unwrap(), "the job is about to end");
}
