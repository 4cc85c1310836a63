//! Those whose runs are recorded.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use headwater_benches::http::Client;
use serde_json::{Value, json};

/// Connections at once.
const CONNECTIONS: usize = 32;

const BASE: &str = "/apiv0.1/events";

/// Milliseconds that each request took, and seconds that all did.
pub(crate) struct Took {
    pub(crate) each: Vec<f64>,
    pub(crate) all: f64,
}

fn fields(at: usize) -> Value {
    json!({
        "clients": 100 + at % 50, "spawnRate": 10.0, "requests": 12_345 + at, "failures": at % 7,
        "requestsPerSecond": 123.4, "failuresPerSecond": 0.1, "averageResponseTime": 87.6, "p50": 80.0, "p95": 140.0, "p99": 210.0,
    })
}

/// The generator of the run with this number.
fn host(run: usize) -> String {
    format!("generator-{run}")
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// Asks for each run, one request after the other on each connection. Answers what was answered, by run.
fn ask_all(address: SocketAddr, path: &str, runs: usize, body: impl Fn(usize) -> Value + Sync) -> (Vec<Vec<u8>>, Took) {
    let (next, answers) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(runs)));
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut client = Client::connect(address).with_json();
                loop {
                    let run = next.fetch_add(1, Ordering::Relaxed);
                    if run >= runs {
                        return;
                    }
                    let body = body(run).to_string();
                    let asked = Instant::now();
                    let answer = client.ask("POST", path, body.as_bytes());
                    answers.lock().expect("no thread panics").push((run, answer, milliseconds(asked)));
                }
            });
        }
    });
    let all = began.elapsed().as_secs_f64();
    let mut answers = answers.into_inner().expect("no thread panics");
    answers.sort_unstable_by_key(|(run, _, _)| *run);
    let each = answers.iter().map(|(_, _, took)| *took).collect();
    (answers.into_iter().map(|(_, answer, _)| answer).collect(), Took { each, all })
}

/// What the recorder says of itself.
pub(crate) fn states(address: SocketAddr) -> String {
    String::from_utf8_lossy(&Client::connect(address).ask("GET", "/apiv0.1/states", b"")).into_owned()
}

/// Registers runs; answers their ids.
pub(crate) fn register(address: SocketAddr, runs: usize) -> (Vec<String>, Took) {
    let (answers, took) = ask_all(address, &format!("{BASE}/register"), runs, |run| {
        let tags = json!({"targetHost": "https://shop.example.com", "hostname": host(run), "mode": "distributed", "method": "POST"});
        json!({"hostname": host(run), "testPlan": "shop.py", "measurement": {"fields": fields(run), "tags": tags}})
    });
    let uuid = |answer: &Vec<u8>| {
        let answer: Value = serde_json::from_slice(answer).expect("answers are JSON");
        answer["uuid"].as_str().expect("a run has an id").to_owned()
    };
    (answers.iter().map(uuid).collect(), took)
}

/// Commits runs with the statistics of two endpoints, as Locust prints them.
pub(crate) fn commit(address: SocketAddr, runs: &[String]) -> Took {
    let endpoint = |name: &str| {
        json!({"name": name, "method": "GET", "last_request_timestamp": 1_700_000_060.0, "start_time": 1_700_000_000.0,
            "num_requests": 600, "num_none_requests": 0, "num_failures": 3, "total_response_time": 61_000.0, "max_response_time": 512.0,
            "min_response_time": 11.0, "total_content_length": 600_000, "response_times": {"80": 300, "100": 200, "210": 90, "510": 10},
            "num_reqs_per_sec": {}, "num_fail_per_sec": {}})
    };
    let stats = json!([endpoint("/"), endpoint("/cart")]);
    ask_all(
        address,
        &format!("{BASE}/commit"),
        runs.len(),
        |run| json!({"uuid": runs[run], "hostname": host(run), "exitCode": 0, "measurement": {"fields": {"requestStats": stats}}}),
    )
    .1
}

/// Sends an update of each run every period, spread evenly, until it is told to stop.
pub(crate) struct Updates {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<(Instant, f64)>>>,
}

impl Updates {
    pub(crate) fn start(address: SocketAddr, runs: &Arc<Vec<String>>, period: u64) -> Self {
        let (stop, began) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let step = Duration::from_secs(period) / u32::try_from(runs.len()).expect("few runs");
        let one = |first: usize| {
            let (stop, runs) = (Arc::clone(&stop), Arc::clone(runs));
            move || {
                let (mut client, mut took) = (Client::connect(address).with_json(), Vec::new());
                for number in (first..).step_by(CONNECTIONS) {
                    let due = began + step * u32::try_from(number).expect("few updates");
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let run = number % runs.len();
                    let body = json!({"uuid": runs[run], "hostname": host(run), "measurement": {"fields": fields(number)}}).to_string();
                    client.ask("POST", &format!("{BASE}/update"), body.as_bytes());
                    // From when it was due, so that a server that is slow does not get fewer of them.
                    took.push((due, milliseconds(due)));
                }
                took
            }
        };
        let threads = (0..CONNECTIONS).map(|first| thread::spawn(one(first))).collect();
        Self { stop, threads }
    }

    /// Milliseconds that each update took that was due in a span of time.
    pub(crate) fn stop(self, from: Instant, to: Instant) -> Vec<f64> {
        self.stop.store(true, Ordering::Relaxed);
        let all = self.threads.into_iter().flat_map(|thread| thread.join().expect("all updates were taken"));
        all.filter(|(due, _)| (from..to).contains(due)).map(|(_, took)| took).collect()
    }
}
