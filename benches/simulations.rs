//! How many devices keep their grid?
//!
//! A release build of `headwater serve` on the embedded store and a real disk, with fleets whose devices send every ten seconds to
//! the local hub. Measured is what the server says itself: messages that were sent, and how late they were durable, of those that were
//! due; and what the system says: memory and processor time.
//!
//! ```sh
//! cargo build --release
//! cargo bench -p headwater-benches --bench simulations                     # everything, for five minutes each
//! cargo bench -p headwater-benches --bench simulations -- internal 60      # devices with internal scripts, for a minute
//! cargo bench -p headwater-benches --bench simulations -- javascript 60    # devices with the chiller's script
//! ```
//!
//! `HEADWATER_BIN` names another binary, `STREAMS_BENCH_DIR` a folder on another disk.
#![allow(clippy::disallowed_methods, reason = "a bench takes the time")]
#![allow(missing_docs, reason = "a program")]

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use headwater_benches::http::Client;
use headwater_benches::processes::{self, Server};
use headwater_benches::table::{grouped, megabytes, print};
use serde_json::{Value, json};

/// Seconds between two messages of a device, and between two ticks.
const INTERVAL: f64 = 10.0;

/// A fleet has found its rhythm after this: its devices begin within ten seconds, and the quantiles of lateness look back a minute.
const WARM_UP: Duration = Duration::from_secs(75);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let seconds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(300);
    let asked =
        |name: &str| arguments.iter().all(|argument| argument.parse::<u64>().is_ok()) || arguments.iter().any(|argument| argument == name);
    let mut rows = Vec::new();
    if asked("internal") {
        for devices in [100_000, 500_000] {
            rows.push(measure("internal", &internal(devices), devices, seconds));
        }
    }
    if asked("javascript") {
        for devices in [100_000, 300_000] {
            rows.push(measure("JavaScript", &javascript(devices), devices, seconds));
        }
    }
    let head = ["scripts", "devices", "due", "sent", "late p50, ms", "p99, ms", "processors busy", "memory, MB", "bytes a device"];
    print("Fleets that tick and send every ten seconds", &head, &rows);
}

fn internal(devices: u64) -> Value {
    let sensors = json!({"temperature": {"Min": 60, "Max": 90}, "pressure": {"Min": 100, "Max": 200}});
    let template = "{\"temperature\":${temperature},\"pressure\":${pressure},\"unit\":\"${unit}\"}";
    let fields = json!({"temperature": "double", "pressure": "double", "unit": "text"});
    json!({"Id": "custom", "Count": devices, "Override": {
        "Simulation": {
            "InitialState": {"temperature": 70, "pressure": 150, "unit": "F"},
            "Interval": "00:00:10",
            "Scripts": [{"Type": "internal", "Path": "Math.Random.WithinRange", "Params": sensors}],
        },
        "Telemetry": [{"Interval": "00:00:10", "MessageTemplate": template,
            "MessageSchema": {"Name": "bench;v1", "Format": "JSON", "Fields": fields}}],
    }})
}

fn javascript(devices: u64) -> Value {
    json!({"Id": "chiller-01", "Count": devices})
}

fn measure(kind: &str, model: &Value, devices: u64, seconds: u64) -> Vec<String> {
    let folder: PathBuf = std::env::var_os("STREAMS_BENCH_DIR").map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from);
    std::fs::create_dir_all(&folder).expect("the bench's folder can be made");
    let folder = tempfile::tempdir_in(folder).expect("the bench's folder can be written to");
    let server = processes::headwater(folder.path());
    let mut client = Client::connect(server.address).with_json();
    let before = server.memory();
    client.ask("POST", "/v1/simulations", json!({"DeviceModels": [model]}).to_string().as_bytes());
    thread::sleep(WARM_UP);
    let (began, processor, sent) = (Instant::now(), server.processor(), messages(&mut client));
    thread::sleep(Duration::from_secs(seconds));
    let took = began.elapsed().as_secs_f64();
    let (processor, sent) = ((server.processor() - processor) / took, messages(&mut client) - sent);
    let memory = server.memory() - before;
    let due = devices as f64 * took / INTERVAL;
    println!("{kind}, {devices} devices: {sent} of {due:.0} in {took:.0} s");
    vec![
        kind.to_owned(),
        grouped(devices as f64),
        grouped(due),
        grouped(sent),
        format!("{:.0}", lateness(&server, "0.5")),
        format!("{:.0}", lateness(&server, "0.99")),
        format!("{processor:.2}"),
        format!("{:.0}", megabytes(memory)),
        grouped(memory as f64 / devices as f64),
    ]
}

/// Messages that were handed to the hub until now.
fn messages(client: &mut Client) -> f64 {
    metric(&text(client), "headwater_simulations_messages_total").expect("the server counts")
}

/// Milliseconds by which so many of the last minute's messages were late at most.
fn lateness(server: &Server, quantile: &str) -> f64 {
    let text = text(&mut Client::connect(server.address));
    let name = format!("headwater_simulations_lateness_seconds{{quantile=\"{quantile}\"}}");
    metric(&text, &name).expect("the server measures") * 1000.0
}

fn text(client: &mut Client) -> String {
    String::from_utf8(client.ask("GET", "/metrics", b"")).expect("metrics are text")
}

fn metric(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}
