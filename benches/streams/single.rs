//! One durable event a request, from many clients at once, beside servers that do nothing or the same.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Ground;
use crate::events;
use crate::nats;
use headwater_benches::http::Client;
use headwater_benches::processes::{self, Server, is_installed};
use headwater_benches::table::{self, grouped, median, timed};

const CLIENTS: usize = 64;

const STREAM: &str = "/v3/namespaces/default/streams/s";

/// How long a server is loaded in a round.
const LOAD: Duration = Duration::from_secs(10);

/// A server that is measured, how a load is put on it, and the requests a second of each round.
struct Contender {
    name: &'static str,
    server: Server,
    load: fn(&Server, Duration) -> f64,
    rates: Vec<f64>,
}

impl Contender {
    fn new(name: &'static str, server: Server, load: fn(&Server, Duration) -> f64) -> Self {
        Self { name, server, load, rates: Vec::new() }
    }
}

pub(crate) fn run(ground: &Ground) {
    assert!(is_installed("wrk"), "wrk is missing: benches/components installs it");
    let load = if ground.quick { LOAD / 10 } else { LOAD };
    let folder = ground.folder();
    let headwater = processes::headwater(folder.path());
    Client::connect(headwater.address).ask("PUT", STREAM, b"");
    let mut contenders = vec![
        Contender::new("axum, a handler that does nothing", processes::empty(crate::EMPTY), |server, load| wrk(server, "/", load)),
        Contender::new("Headwater", headwater, |server, load| wrk(server, STREAM, load)),
    ];
    if is_installed("redis-server") && is_installed("redis-benchmark") {
        let server = processes::redis(&sub_folder(folder.path(), "redis"));
        contenders.push(Contender::new("Redis stream, `appendfsync always`", server, redis_benchmark));
    } else {
        println!("Redis is missing: benches/components installs it");
    }
    if is_installed("nats-server") {
        let server = processes::nats(&sub_folder(folder.path(), "nats"));
        nats::make_stream(server.address);
        let load = |server: &Server, load| nats::publish(server.address, CLIENTS, load);
        contenders.push(Contender::new("NATS JetStream 2.9 in files; it answers before it syncs", server, load));
    } else {
        println!("NATS is missing: benches/components installs it");
    }

    let mut syncs = Vec::new();
    for _ in 0..ground.rounds(5) {
        syncs.push(sync(folder.path()));
        for contender in &mut contenders {
            contender.rates.push((contender.load)(&contender.server, load));
        }
    }
    let bound = median(contenders[0].rates.clone());
    let rows = contenders.into_iter().map(|Contender { name, rates, .. }| {
        let rate = median(rates);
        vec![name.to_owned(), grouped(rate), format!("{:.2}", rate / bound)]
    });
    table::print(
        &format!("One event a request, {CLIENTS} connections"),
        &["", "requests/s", "doing nothing = 1"],
        &rows.collect::<Vec<_>>(),
    );
    println!("\nOne sync of this disk takes {:.1} ms; a commit of Headwater takes two of them, one after the other", median(syncs));
}

/// Milliseconds that it takes to append a page to a file and sync it.
fn sync(folder: &Path) -> f64 {
    let mut file = File::create(folder.join("page")).expect("the folder can be written to");
    let once = |_| {
        let (_, took) = timed(|| {
            file.write_all(&[b'x'; 4096]).expect("the disk has room");
            file.sync_data().expect("the disk works");
        });
        took.as_secs_f64() * 1e3
    };
    median((0..200).map(once).collect())
}

fn sub_folder(folder: &Path, name: &str) -> PathBuf {
    let folder = folder.join(name);
    std::fs::create_dir(&folder).expect("the folder can be written to");
    folder
}

fn wrk(server: &Server, path: &str, load: Duration) -> f64 {
    let url = format!("http://{}{path}", server.address);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/streams/post.lua");
    let (clients, duration) = (format!("-c{CLIENTS}"), format!("-d{}", load.as_secs()));
    let said = said_by(Command::new("wrk").args(["-t2", &clients, &duration, "-s", script, &url]));
    assert!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "{said}");
    let rate = said.lines().find_map(|line| line.strip_prefix("Requests/sec:")).and_then(|rate| rate.trim().parse().ok());
    rate.unwrap_or_else(|| panic!("wrk says no rate: {said}"))
}

fn redis_benchmark(server: &Server, load: Duration) -> f64 {
    let rate = |requests: usize| -> f64 {
        let (port, clients, requests) = (server.address.port().to_string(), CLIENTS.to_string(), requests.to_string());
        let mut command = Command::new("redis-benchmark");
        command.args(["-p", &port, "-c", &clients, "-P", "1", "-n", &requests, "--csv", "XADD", "s", "*", "body", &events::body()]);
        let said = said_by(&mut command);
        let rate = said.lines().last().and_then(|line| line.split("\",\"").nth(1)?.parse().ok());
        rate.unwrap_or_else(|| panic!("redis-benchmark says no rate: {said}"))
    };
    // It takes a number of requests instead of a time.
    rate((rate(5000) * load.as_secs_f64()) as usize)
}

fn said_by(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
