//! Hosts the Lambda functions on this machine, to be tried by hand: an HTTP API with the template's routes before `datagen`, `streams`,
//! `simulations`, `tables` and `load-tests`, a queue before `worker`, and a stream before `flusher`.
//!
//! `cargo run -p headwater-tests --example functions -- FOLDER ENDPOINT BUCKET QUEUE_URL EVENT_STREAM`
//!
//! FOLDER holds the binaries (`target/release`), ENDPOINT is LocalStack's, where bucket, queue and stream are (`headwater serve
//! --store aws --endpoint-url ENDPOINT` makes them). Ends with the end of its standard input.
#![allow(missing_docs, reason = "a program")]

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use headwater_tests::lambda::{Deployment, Gateway, Queue, Routes, Stream};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, endpoint, bucket, queue_url, event_stream] = arguments.as_slice() else {
        eprintln!("functions FOLDER ENDPOINT BUCKET QUEUE_URL EVENT_STREAM");
        std::process::exit(2);
    };
    let deployed = |name: &str| {
        Deployment::new(name, Path::new(folder).join(name))
            .variable("HEADWATER_BUCKET", bucket)
            .variable("HEADWATER_QUEUE_URL", queue_url)
            .variable("HEADWATER_EVENT_STREAM", event_stream)
            .variable("HEADWATER_STEP_SECONDS", "1")
            .variable("AWS_ENDPOINT_URL", endpoint)
            .variable("AWS_ACCESS_KEY_ID", "test")
            .variable("AWS_SECRET_ACCESS_KEY", "test")
    };
    let datagen = deployed("datagen").timeout(Duration::from_secs(29)).start();
    let worker = deployed("worker").timeout(Duration::from_secs(120)).concurrency(16).start();
    let [streams, simulations, tables, load_tests] =
        ["streams", "simulations", "tables", "load-tests"].map(|name| deployed(name).timeout(Duration::from_secs(29)).start());
    let flusher = deployed("flusher").timeout(Duration::from_secs(120)).start();
    let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).expect("the template is there");
    let keys = template.lines().filter_map(|line| line.trim().strip_prefix("RouteKey: \"")?.strip_suffix('"')?.split_once(' '));
    let routes = keys.fold(Routes::new(), |routes, (method, path)| {
        let function = match path.split('/').nth(1).unwrap_or_default() {
            "v1" | "V1" => &simulations,
            "v3" => &streams,
            "table" | "audio" => &tables,
            "apiv0.1" => &load_tests,
            _ => &datagen,
        };
        routes.route(method, path, function)
    });
    let gateway = Gateway::start(routes);
    let polling = Queue::new(endpoint, queue_url).batch(5).concurrency(16).feed(&worker);
    let _following = Stream::new(endpoint, event_stream).feed(&flusher);
    println!("http://{}", gateway.address());
    let _ = std::io::stdin().read(&mut [0]);
    for trouble in polling.trouble().iter().chain(&gateway.trouble()) {
        eprintln!("{trouble}");
    }
}
