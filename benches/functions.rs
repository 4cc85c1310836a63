//! What do the Lambda functions cost before they do anything?
//!
//! Under the emulated Lambda of the tests: the time from the start of a process to its first poll of the runtime API, and that of
//! a warm call, each beside a function with an empty handler, in alternating rounds. The zipped size of a function is printed by
//! `.ci/run`, which builds them for arm64.
//!
//! ```sh
//! cargo build --release -p headwater-datagen -p headwater-worker -p headwater-benches
//! cargo bench -p headwater-benches --bench functions
//! ```
#![allow(clippy::disallowed_methods, reason = "a bench takes the time")]
#![allow(missing_docs, reason = "a program")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use headwater_tests::lambda::{Deployment, Function};
use serde_json::{Value, json};

const COLD_STARTS: usize = 20;
const ROUNDS: usize = 10;
const CALLS: usize = 200;

/// A function's binary, built beside this bench.
fn deployed(name: &str) -> Deployment {
    let folder = std::env::var_os("HEADWATER_FUNCTIONS").map(PathBuf::from).unwrap_or_else(|| {
        let this = std::env::current_exe().expect("a program knows its path");
        this.parent().and_then(|deps| deps.parent()).expect("benches are built into a folder").to_owned()
    });
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: build it as the head of this file says", path.display());
    Deployment::new(name, path)
        .variable("HEADWATER_BUCKET", "bucket")
        .variable("HEADWATER_QUEUE_URL", "http://127.0.0.1:9/queue")
        .variable("HEADWATER_EVENT_STREAM", "events")
        .variable("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .variable("AWS_ACCESS_KEY_ID", "test")
        .variable("AWS_SECRET_ACCESS_KEY", "test")
        .timeout(Duration::from_secs(30))
        .concurrency(1)
}

/// What an HTTP API sends for `GET /list`.
fn request() -> Value {
    json!({"version": "2.0", "routeKey": "GET /list", "rawPath": "/list", "rawQueryString": "", "headers": {"host": "localhost"},
        "requestContext": {"accountId": "0", "apiId": "a", "domainName": "localhost", "domainPrefix": "a", "requestId": "r", "routeKey": "GET /list",
            "stage": "$default", "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 0,
            "http": {"method": "GET", "path": "/list", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench"}},
        "isBase64Encoded": false})
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn cold(name: &str, event: &Value) -> Duration {
    let function = deployed(name).start();
    for _ in 0..COLD_STARTS {
        let _ = function.invoke(event.clone());
        function.drop_warm();
    }
    median(function.cold_starts())
}

fn warm(function: &Function, event: &Value) -> Duration {
    let calls = (0..CALLS).map(|_| {
        let began = Instant::now();
        function.invoke(event.clone()).expect("an answer");
        began.elapsed()
    });
    median(calls.collect())
}

fn main() {
    println!("{:<28}{:>20}", "process start to first poll", "median of 20, ms");
    for (name, event) in [("empty-function", request()), ("datagen", request()), ("worker", json!({"sweep": false}))] {
        println!("{name:<28}{:>20.1}", cold(name, &event).as_secs_f64() * 1e3);
    }
    let (empty, datagen) = (deployed("empty-function").start(), deployed("datagen").start());
    let rounds: Vec<_> = (0..ROUNDS).map(|_| (warm(&empty, &request()), warm(&datagen, &request()))).collect();
    let (empty, datagen): (Vec<_>, Vec<_>) = rounds.into_iter().unzip();
    println!("\n{:<28}{:>20}", "warm call", "median, ms");
    println!("{:<28}{:>20.3}", "empty handler", median(empty).as_secs_f64() * 1e3);
    println!("{:<28}{:>20.3}", "GET /list", median(datagen).as_secs_f64() * 1e3);
}
