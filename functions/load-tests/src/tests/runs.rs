//! Runs from their registration to their records.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{FORM, host, host_carrying, registration, result};

#[tokio::test]
async fn a_run_is_registered_updated_annotated_and_committed() {
    let host = host();
    assert_eq!(host.get("/apiv0.1/events/isrunning").await.is(200).json(), json!({}));
    let uuid = host.registered("h1").await;
    let key = format!("h1-{uuid}");
    assert_eq!(host.get("/apiv0.1/events/isrunning/").await.is(200).json(), json!({(&key): true}));
    let ids = json!({"uuid": uuid, "data": {"uuid": uuid}});
    let update = json!({"hostname": "h1", "uuid": uuid, "measurement": {"fields": {"users": 20, "p95": 120.5}}});
    assert_eq!(host.json("update", &update).await.is(200).json(), ids);
    let note = json!({"host": "h1", "uuid": uuid, "text": "all users are up"});
    assert_eq!(host.json("annotate", &note).await.is(200).json(), ids);
    let committed = json!({"data": {"description": "The work of load testing of host http://t has been committed."}});
    assert_eq!(host.json("commit", &result("h1", &uuid)).await.is(200).json(), committed);
    assert_eq!(host.json("commit/", &result("h1", &uuid)).await.is(200).json(), committed);
    assert_ne!(host.get("/apiv0.1/events/isrunning").await.json()[&key], json!(true));
    host.json("update", &update).await.refuses(409, "over", None);
    host.json("annotate", &note).await.refuses(409, "over", None);
}

#[tokio::test]
async fn a_run_is_known_by_id_and_host() {
    let host = host();
    let uuid = host.registered("h1").await;
    host.json("commit", &result("h2", &uuid)).await.refuses(404, "not_found", None);
    host.json("commit", &result("h1", "nobody")).await.refuses(404, "not_found", None);
    host.json("commit", &json!({"hostname": "h1"})).await.is(400);
    host.get("/apiv0.1/events/runs/nobody").await.refuses(404, "not_found", None);
    host.get("/apiv0.1/events/runs/nobody?format=csv").await.refuses(404, "not_found", None);
    host.get("/apiv0.1/events/runs/%2e%2e%2fx").await.refuses(404, "not_found", None);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let host = host();
    let mut wrong = registration("h1");
    wrong["measurement"]["fields"]["hatchRate"] = json!("x");
    let message = host.json("register", &wrong).await.refuses(400, "invalid", Some("measurement.fields.hatchRate"));
    assert!(message.contains("hatchRate"), "{message}");
    host.json("register", &json!({})).await.is(400);
    let form = "hostname=h1&measurement[fields][foo]=1";
    host.post("register", FORM, form).await.refuses(400, "invalid", Some("measurement.fields.foo"));
    assert_eq!(host.get("/apiv0.1/events/isrunning").await.json(), json!({}));
}

#[tokio::test]
async fn a_form_registers_as_well_as_json() {
    let host = host();
    let form = "hostname=f1&measurement[fields][clients]=3&measurement%5Btags%5D%5Bmode%5D=single&startedAt=1479000000";
    let uuid = host.post("register", "application/x-www-form-urlencoded; charset=UTF-8", form).await.is(200).json()["uuid"].clone();
    let key = format!("f1-{}", uuid.as_str().unwrap());
    assert_eq!(host.get("/apiv0.1/events/isrunning").await.json(), json!({key: true}));
    // `curl -d` with JSON.
    host.post("register", FORM, registration("f2").to_string()).await.is(200);
}

#[tokio::test]
async fn runs_are_listed_in_pages_newest_first() {
    let host = host();
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(host.registered(&format!("h{n}")).await);
        host.later(Duration::from_secs(1));
    }
    ids.reverse();
    let (mut seen, mut path) = (Vec::new(), "/apiv0.1/events/runs?limit=2".to_owned());
    loop {
        let page = host.get(&path).await.is(200).json();
        let runs = page["runs"].as_array().unwrap();
        assert!(runs.len() <= 2, "{page}");
        seen.extend(runs.iter().map(|run| run["uuid"].as_str().unwrap().to_owned()));
        match &page["next"] {
            Value::String(next) => path = format!("/apiv0.1/events/runs?limit=2&after={next}"),
            next => {
                assert_eq!(*next, Value::Null);
                break;
            }
        }
    }
    assert_eq!(seen, ids);
    assert_eq!(host.get("/apiv0.1/events/runs").await.is(200).json()["runs"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_record_is_json_or_csv() {
    let host = host();
    let uuid = host.registered("h1").await;
    host.json("update", &json!({"hostname": "h1", "uuid": uuid, "measurement": {"fields": {"clients": 20}}})).await.is(200);
    host.json("commit", &result("h1", &uuid)).await.is(200);
    let path = format!("/apiv0.1/events/runs/{uuid}");
    let record = host.get(&path).await.is(200);
    assert_eq!((record.header("content-type"), record.header("vary")), ("application/json", "accept"));
    assert_eq!(record.json()["uuid"], json!(uuid));
    for (query, accept, part) in
        [("?format=csv", "*/*", "endpoints"), ("", "text/csv", "endpoints"), ("?format=csv&part=history", "application/json", "history")]
    {
        let answer = host.send("GET", &format!("{path}{query}"), &[("accept", accept)], "").await.is(200);
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"load-test-{uuid}-{part}.csv\""));
        assert!(answer.text().lines().next().is_some_and(|names| names.contains(',')), "{}", answer.text());
    }
    let json = host.send("GET", &format!("{path}?format=json"), &[("accept", "text/csv")], "").await.is(200);
    assert_eq!(json.header("content-type"), "application/json");
}

#[tokio::test]
async fn states_say_how_long_and_how_large() {
    let host = host();
    host.registered("h1").await;
    host.later(Duration::from_secs(77));
    let states = host.get("/apiv0.1/states").await.is(200).json();
    assert_eq!((&states["uptimeSeconds"], &states["runs"]["running"]), (&json!(77), &json!(1)), "{states}");
    assert!(states["residentBytes"].is_null() || states["residentBytes"].as_u64().is_some_and(|bytes| bytes > 0), "{states}");
    for part in ["runs", "points", "database"] {
        assert!(states[part].is_object(), "{part}: {states}");
    }
}

#[tokio::test]
async fn an_answer_that_the_host_cannot_carry_is_a_problem_that_says_what_to_ask_for() {
    let host = host_carrying(None, Some(3000));
    let registered = json!({"hostname": "h", "measurement": {"fields": {"clients": 1}}}).to_string();
    let kind = [("content-type", "application/json")];
    let uuid = host.send("POST", "/apiv0.1/events/register", &kind, registered).await.json()["uuid"].as_str().unwrap().to_owned();
    let stats = "x".repeat(3000);
    let result = json!({"hostname": "h", "uuid": uuid, "measurement": {"fields": {"requestStats": stats}}}).to_string();
    assert_eq!(host.send("POST", "/apiv0.1/events/commit", &kind, result).await.status, StatusCode::OK);
    let path = format!("/apiv0.1/events/runs/{uuid}");
    let answer = host.send("GET", &path, &[], "").await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["error"]["code"], "too_large");
    assert_eq!(host.send("GET", &format!("{path}?format=csv"), &[], "").await.status, StatusCode::OK);
}
