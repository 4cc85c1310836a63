//! The log and the metrics.

use serde_json::{Value, json};

use crate::server::Home;
use crate::specs::{job, to_file, with};

#[test]
fn every_line_of_the_log_is_a_json_object_with_level_and_message() {
    let home = Home::new();
    let server = home.serve();
    server.get("/jobs");
    server.get("/none");
    server.post("/start", &json!({"name": "line\nbreak \"quoted\""}));
    let (status, log) = server.terminate();
    assert!(status.success());
    let entries: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    for entry in &entries {
        for member in ["timestamp", "level", "message"] {
            assert!(entry[member].is_string(), "{member} of {entry}");
        }
    }
    let answered: Vec<&Value> = entries.iter().filter(|entry| entry["message"] == "answered").collect();
    assert_eq!(answered.iter().map(|entry| entry["status"].clone()).collect::<Vec<_>>(), [404, 400]);
    assert_eq!(entries.last().unwrap()["message"], "ended");
}

#[test]
fn an_answer_has_the_request_id_of_its_line_in_the_log() {
    let home = Home::new();
    let server = home.serve();
    let id = server.get("/none").header("x-request-id").expect("an answer has an id").to_owned();
    let (_, log) = server.terminate();
    assert!(log.lines().any(|line| line.contains("answered") && line.contains(&id)), "{id} is not in {log}");
}

#[test]
fn the_metrics_count_requests_jobs_records_and_steps() {
    let home = Home::new();
    let server = home.serve();
    server.start_job(&with(job("j", to_file("j.json")), json!({"total_events": 1234})));
    server.wait_complete("j");
    server.get("/status/nobody");
    let answer = server.get("/metrics");
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")), "{:?}", answer.header("content-type"));
    let value = |series: &str| -> f64 {
        let line = answer.text().lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("{series} is not in\n{}", answer.text()))
    };
    assert_eq!(value("headwater_datagen_records_total"), 1234.0);
    assert_eq!(value("headwater_datagen_bytes_total"), server.file("j.json").len() as f64);
    assert_eq!(value("headwater_datagen_jobs_started_total{target=\"file\"}"), 1.0);
    assert!(value("headwater_task_steps_total{kind=\"datagen\"}") >= 1.0);
    assert_eq!(value("headwater_http_requests_total{method=\"GET\",path=\"/status/{name}\",status=\"400\"}"), 1.0);
    assert!(answer.text().contains("# TYPE headwater_http_requests_total counter"), "{}", answer.text());
    // What a caller writes into a path must not become a series of its own.
    assert!(!answer.text().contains("nobody"), "{}", answer.text());
}

#[test]
fn successes_are_in_the_log_when_they_are_asked_for() {
    let home = Home::new();
    let mut command = home.command(&[]);
    command.env("RUST_LOG", "info,headwater_web=debug");
    let server = crate::server::Server::spawn(command, home.path());
    let id = server.get("/jobs").header("x-request-id").expect("an answer has an id").to_owned();
    let (_, log) = server.terminate();
    assert!(log.lines().any(|line| line.contains("answered") && line.contains(&id)), "{id} is not in {log}");
}

#[test]
fn the_filter_of_the_environment_quietens_the_log() {
    let home = Home::new();
    let mut command = home.command(&[]);
    command.env("RUST_LOG", "warn,headwater::serve=info");
    let server = crate::server::Server::spawn(command, home.path());
    server.get("/none");
    let (_, log) = server.terminate();
    assert!(!log.contains("answered") && log.contains("listening"), "{log}");
}
