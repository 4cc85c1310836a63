//! One durable event a request, from many clients at once, beside servers that do nothing or the same.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::Ground;
use crate::events;
use crate::nats;
use crate::processes::{self, Server, is_installed};
use crate::table::{self, grouped, median};

const CLIENTS: usize = 64;

/// How long a server is loaded in a round.
const LOAD: Duration = Duration::from_secs(10);

/// Something that is measured: its name, how a load is put on it, and the requests a second of each round.
struct Contender {
    name: &'static str,
    load: Box<dyn Fn(Duration) -> f64>,
    rates: Vec<f64>,
}

impl Contender {
    fn new(name: &'static str, load: impl Fn(Duration) -> f64 + 'static) -> Self {
        Self { name, load: Box::new(load), rates: Vec::new() }
    }
}

pub(crate) fn run(ground: &Ground) {
    assert!(is_installed("wrk"), "wrk is missing: benches/components installs it");
    let load = if ground.quick { LOAD / 10 } else { LOAD };
    let folder = ground.folder();
    let mut contenders = vec![
        Contender::new("axum, a handler that does nothing", over_http(processes::empty(), "/")),
        Contender::new("Headwater", {
            let server = processes::headwater(folder.path());
            let path = "/v3/namespaces/default/streams/s";
            crate::http::Client::connect(server.address).ask("PUT", path, b"");
            over_http(server, path)
        }),
    ];
    contenders.extend(redis(&sub_folder(folder.path(), "redis")));
    contenders.extend(nats(&sub_folder(folder.path(), "nats")));

    for _ in 0..ground.rounds(5) {
        for contender in &mut contenders {
            contender.rates.push((contender.load)(load));
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
}

fn sub_folder(folder: &Path, name: &str) -> std::path::PathBuf {
    let folder = folder.join(name);
    std::fs::create_dir(&folder).expect("the folder can be written to");
    folder
}

fn over_http(server: Server, path: &str) -> impl Fn(Duration) -> f64 + 'static {
    let url = format!("http://{}{path}", server.address);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/streams/post.lua");
    move |load| {
        let _running = &server;
        let duration = format!("-d{}", load.as_secs());
        let said = said_by(Command::new("wrk").args(["-t2", &format!("-c{CLIENTS}"), &duration, "-s", script, &url]));
        assert!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "{said}");
        let rate = said.lines().find_map(|line| line.strip_prefix("Requests/sec:")).and_then(|rate| rate.trim().parse().ok());
        rate.unwrap_or_else(|| panic!("wrk says no rate: {said}"))
    }
}

fn redis(folder: &Path) -> Option<Contender> {
    if !(is_installed("redis-server") && is_installed("redis-benchmark")) {
        println!("Redis is missing: benches/components installs it");
        return None;
    }
    let server = processes::redis(folder);
    let port = server.address.port().to_string();
    let rate = move |requests: usize| -> f64 {
        let _running = &server;
        let (clients, requests, body) = (CLIENTS.to_string(), requests.to_string(), events::body());
        let mut command = Command::new("redis-benchmark");
        command.args(["-p", &port, "-c", &clients, "-P", "1", "-n", &requests, "--csv", "XADD", "s", "*", "body", &body]);
        let said = said_by(&mut command);
        let rate = said.lines().last().and_then(|line| line.split("\",\"").nth(1)?.parse().ok());
        rate.unwrap_or_else(|| panic!("redis-benchmark says no rate: {said}"))
    };
    // It takes a number of requests instead of a time.
    let load = move |load: Duration| rate((rate(5000) * load.as_secs_f64()) as usize);
    Some(Contender::new("Redis stream, `appendfsync always`", load))
}

fn nats(folder: &Path) -> Option<Contender> {
    if !is_installed("nats-server") {
        println!("NATS is missing: benches/components installs it");
        return None;
    }
    let server = processes::nats(folder);
    nats::make_stream(server.address);
    let load = move |load| nats::publish(server.address, CLIENTS, load);
    Some(Contender::new("NATS JetStream 2.9, file store, no fsync before the answer", load))
}

fn said_by(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
