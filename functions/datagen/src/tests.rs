//! The router without a socket, over stores in memory and without a worker: what a request is answered, whatever the host.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_adapters::{OsEntropy, Stores, SystemClock};
use headwater_core::datagen::Stock;
use headwater_core::ids::FileName;
use headwater_core::limits;
use headwater_core::ports::{Clock, Entropy, Owner};
use headwater_core::secret::Secret;
use headwater_web::{House, Token, with_house_layers};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::router;

struct Host {
    routes: Router,
    stores: Stores,
}

fn host_with(token: Option<Token>) -> Host {
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    let stores = Stores::in_memory(&clock);
    let targets = Arc::new(TargetSet::new(Arc::clone(&stores.files), OutboundHosts::default()));
    let service = stores.datagen(Arc::new(Stock), targets, &clock, &entropy);
    Host { routes: with_house_layers(router(service), House { token, clock, entropy, largest_reply: None, dialects: &[] }), stores }
}

fn host() -> Host {
    host_with(None)
}

struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Host {
    async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, usize::MAX).await.unwrap().to_vec() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Request::post(path).body(Body::from(body.to_string())).unwrap()).await
    }

    async fn file(&self, name: &str, text: &'static str) {
        let (name, owner) = (FileName::try_from(name).unwrap(), Owner("test".to_owned()));
        self.stores.files.create(&name, &owner).await.unwrap();
        let mut writer = self.stores.files.append_at(&name, &owner, 0).await.unwrap();
        writer.write(text.into()).await.unwrap();
        writer.sync().await.unwrap();
    }
}

fn job(name: &str) -> Value {
    json!({"name": name, "target": {"type": "file", "path": format!("{name}.json")}, "config_file": "examples/langmap.json", "total_events": 3})
}

#[tokio::test]
async fn every_error_is_json_with_a_message() {
    let host = host();
    let large = "x".repeat(limits::REQUEST_BODY + 1);
    let requests = [
        (Request::get("/nowhere").body(Body::empty()), StatusCode::NOT_FOUND),
        (Request::get("/list/").body(Body::empty()), StatusCode::NOT_FOUND),
        (Request::get("/start").body(Body::empty()), StatusCode::METHOD_NOT_ALLOWED),
        (Request::post("/start").body(Body::empty()), StatusCode::BAD_REQUEST),
        (Request::post("/start").body(Body::from("{bad")), StatusCode::BAD_REQUEST),
        (Request::post("/start").body(Body::from("[1]")), StatusCode::BAD_REQUEST),
        (Request::post("/start").body(Body::from(large)), StatusCode::PAYLOAD_TOO_LARGE),
        (Request::get("/status/%FF").body(Body::empty()), StatusCode::BAD_REQUEST),
        (Request::get("/status/nobody").body(Body::empty()), StatusCode::BAD_REQUEST),
        (Request::post("/stop/nobody").body(Body::empty()), StatusCode::BAD_REQUEST),
        (Request::get("/file/none.json").body(Body::empty()), StatusCode::NOT_FOUND),
        (Request::get("/file/..%2f..%2fetc%2fpasswd").body(Body::empty()), StatusCode::BAD_REQUEST),
        (Request::get("/file/a%00b").body(Body::empty()), StatusCode::BAD_REQUEST),
    ];
    for (request, wanted) in requests {
        let request = request.unwrap();
        let what = format!("{} {}", request.method(), request.uri());
        let answer = host.ask(request).await;
        assert_eq!(answer.status, wanted, "{what}");
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        assert!(answer.json()["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}");
    }
}

#[tokio::test]
async fn methods_are_told_with_405_and_with_options() {
    let host = host();
    let refused = host.ask(Request::delete("/list").body(Body::empty()).unwrap()).await;
    assert_eq!((refused.status, refused.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD"));
    let options = host.ask(Request::options("/start").body(Body::empty()).unwrap()).await;
    assert_eq!((options.status, options.header("allow")), (StatusCode::NO_CONTENT, "POST"));
}

#[tokio::test]
async fn a_started_job_is_reported_before_any_step() {
    let host = host();
    let answer = host.post("/start", &job("j")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["message"], "Starting generator for request.");
    assert_eq!(answer.json()["request"]["target"]["path"], "/files/j.json");
    let report = host.get("/status/j").await.json();
    assert_eq!((&report["status"], &report["config_file"]), (&json!("RUNNING"), &json!("examples/langmap.json")));
    assert_eq!(host.get("/jobs").await.json(), json!([report]));
    assert_eq!(host.get("/files").await.json(), json!(["j.json"]));
}

#[tokio::test]
async fn names_and_files_of_running_jobs_are_taken() {
    let host = host();
    host.post("/start", &job("a")).await;
    let again = host.post("/start", &job("a")).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert_eq!(again.json()["message"], "A Job with name [a] is already running. Use /stop/a to cancel it and try again.");
    let mut other = job("b");
    other["target"]["path"] = json!("x/../a.json");
    let same_file = host.post("/start", &other).await;
    assert_eq!(same_file.json()["message"], "target.path: the running job [a] writes the file a.json");
    assert_eq!(host.get("/status/b").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_stopped_job_leaves_at_once_and_frees_its_name_and_file() {
    let host = host();
    host.post("/start", &job("a")).await;
    assert_eq!(host.post("/stop/a", &json!({})).await.json(), json!({"message": "Job [a] stopped successfully."}));
    assert_eq!(host.get("/jobs").await.json(), json!({"message": "Data generation is NOT running."}));
    assert_eq!(host.post("/stop/a", &json!({})).await.json(), json!({"message": "Job [a] not found."}));
    assert_eq!(host.post("/start", &job("a")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_refused_start_changes_nothing() {
    let host = host();
    let mut wrong = job("a");
    wrong["config_file"] = json!("nope.json");
    let answer = host.post("/start", &wrong).await;
    assert_eq!(answer.json()["mistakes"], json!(["config_file: there is no specification \"nope.json\"; /list names them"]));
    assert_eq!(host.get("/files").await.json(), json!([]));
    assert_eq!(host.get("/jobs").await.json(), json!({"message": "Data generation is NOT running."}));
}

#[tokio::test]
async fn mistakes_of_the_request_and_of_its_specification_come_together() {
    let host = host();
    let answer = host.post("/start", &json!({"name": 5, "target": {"type": "kafka"}, "config": {"states": []}})).await;
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    for part in ["name: must be a text", "target.endpoint", "states: must hold", "emitters: is required"] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
}

#[tokio::test]
async fn a_job_that_stands_still_needs_a_number_of_records() {
    let host = host();
    let config = json!({
        "states": [{"name": "s", "emitter": "e", "delay": {"type": "constant", "value": 0}, "transitions": [{"next": "s", "probability": 1}]}],
        "emitters": [{"name": "e", "dimensions": []}],
        "interarrival": {"type": "constant", "value": 0}});
    let request = json!({"name": "a", "target": {"type": "file", "path": "a.json"}, "config": config, "time": "5s"});
    let answer = host.post("/start", &request).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.json()["message"].as_str().unwrap().starts_with("total_events: is required"));
}

#[tokio::test]
async fn secrets_are_shown_nowhere() {
    let host = host();
    let mut request = job("a");
    request["target"] = json!({"type": "http", "url": "http://me:pa55word@127.0.0.1:1/", "headers": {"Authorization": "Bearer pa55word"}});
    let started = host.post("/start", &request).await;
    assert_eq!(started.status, StatusCode::OK);
    for answer in [started, host.get("/status/a").await, host.get("/jobs").await] {
        assert!(!String::from_utf8_lossy(&answer.body).contains("pa55word"));
    }
}

#[tokio::test]
async fn a_token_is_wanted_of_every_request_when_there_is_one() {
    let host = host_with(Some(Token::new(Secret::new("open sesame"))));
    let refused = host.get("/list").await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer"));
    for (header, status) in [
        ("Bearer open sesame", StatusCode::OK),
        ("bearer open sesame", StatusCode::OK),
        ("Bearer open sesam", StatusCode::UNAUTHORIZED),
        ("Basic open sesame", StatusCode::UNAUTHORIZED),
        ("Bearer", StatusCode::UNAUTHORIZED),
    ] {
        let request = Request::get("/list").header("authorization", header).body(Body::empty()).unwrap();
        assert_eq!(host.ask(request).await.status, status, "{header}");
    }
}

#[tokio::test]
async fn a_file_is_served_whole_in_part_and_not_at_all() {
    let host = host();
    host.file("a.json", "0123456789").await;
    let whole = host.get("/file/a.json").await;
    assert_eq!((whole.status, whole.body.as_slice(), whole.header("content-length")), (StatusCode::OK, &b"0123456789"[..], "10"));
    assert_eq!(whole.header("content-disposition"), "inline; filename=\"a.json\"");
    assert!(whole.header("last-modified").ends_with(" GMT"));
    let etag = whole.header("etag").to_owned();
    let with = |name: &'static str, value: &str| Request::get("/file/a.json").header(name, value).body(Body::empty()).unwrap();
    let part = host.ask(with("range", "bytes=2-4")).await;
    assert_eq!(
        (part.status, part.body.as_slice(), part.header("content-range")),
        (StatusCode::PARTIAL_CONTENT, &b"234"[..], "bytes 2-4/10")
    );
    let beyond = host.ask(with("range", "bytes=10-")).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */10"));
    let unchanged = host.ask(with("if-none-match", &etag)).await;
    assert_eq!((unchanged.status, unchanged.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let stale = Request::get("/file/a.json").header("range", "bytes=2-4").header("if-range", "\"other\"").body(Body::empty()).unwrap();
    assert_eq!(host.ask(stale).await.body, b"0123456789");
    let head = host.ask(Request::head("/file/a.json").body(Body::empty()).unwrap()).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (StatusCode::OK, "10", 0));
}

#[tokio::test]
async fn a_file_with_an_odd_name_is_served_under_it() {
    let host = host();
    host.file("é \"x\".json", "1\n").await;
    let answer = host.get("/file/%C3%A9%20%22x%22.json").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-disposition"), "inline; filename=\"_ _x_.json\"; filename*=UTF-8''%C3%A9%20%22x%22.json");
}

#[tokio::test]
async fn a_preview_answers_records_and_leaves_nothing() {
    let host = host();
    let answer = host.post("/preview", &json!({"config_file": "clickstream/clickstream.json", "seed": 4})).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/x-ndjson"));
    assert_eq!(answer.body.iter().filter(|byte| **byte == b'\n').count(), 10);
    assert_eq!(host.get("/files").await.json(), json!([]));
    assert_eq!(host.get("/jobs").await.json(), json!({"message": "Data generation is NOT running."}));
}
