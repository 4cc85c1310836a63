//! What do those who watch cost whatever runs?
//!
//! A release build of `headwater serve --demo` on the embedded store and a real disk runs a job in virtual time, as fast as it goes, into
//! a file: again and again, by turns with nobody watching and with clients on `GET /live`, each of which is told once a second what
//! runs. The clients are threads of this program and take their part of the same processors, so what is measured is more than the
//! server's own share.
//!
//! ```sh
//! cargo build --release
//! cargo bench -p headwater-benches --bench live [-- WATCHERS ROUNDS RECORDS]    # 200 watchers, 7 rounds, 3 million records
//! ```
//!
//! `HEADWATER_BIN` names another binary, `STREAMS_BENCH_DIR` a folder on another disk.
#![allow(clippy::disallowed_methods, reason = "a bench takes the time")]
#![allow(missing_docs, reason = "a program")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use headwater_benches::http::Client;
use headwater_benches::processes::{self, Server};
use headwater_benches::table::{self, grouped, median};
use serde_json::{Value, json};

/// How long watchers watch before the job is started: connecting is not what is measured.
const SETTLE: Duration = Duration::from_secs(2);

/// The most that watchers may cost, in parts of the job's rate.
const BOUND: f64 = 0.05;

/// Clients that are told what runs.
struct Watchers {
    sockets: Vec<TcpStream>,
    /// Each counts the events that it was sent.
    readers: Vec<JoinHandle<usize>>,
}

impl Watchers {
    fn start(address: SocketAddr, count: usize) -> Self {
        let mut watchers = Self { sockets: Vec::new(), readers: Vec::new() };
        for _ in 0..count {
            let mut socket = TcpStream::connect(address).expect("the server listens");
            write!(socket, "GET /live HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n").expect("the server reads");
            watchers.sockets.push(socket.try_clone().expect("a socket"));
            watchers.readers.push(thread::spawn(move || events(socket)));
        }
        watchers
    }

    /// Lets all go. Answers how many events the one with the fewest was sent.
    fn end(self) -> usize {
        self.sockets.iter().for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
        let counts = self.readers.into_iter().map(|reader| reader.join().expect("a reader"));
        counts.min().unwrap_or_default()
    }
}

/// Reads events until the connection ends.
fn events(mut socket: TcpStream) -> usize {
    const NAME: &[u8] = b"event: now";
    let (mut buffer, mut count) = (vec![0; 64 << 10], 0);
    while let Ok(read) = socket.read(&mut buffer) {
        if read == 0 {
            break;
        }
        // An event begins a piece of the answer, as the server sends it.
        count += buffer[..read].windows(NAME.len()).filter(|window| *window == NAME).count();
    }
    count
}

/// Runs the job to its end. Answers records per second.
fn run(server: &Server, records: u64) -> f64 {
    let mut client = Client::connect(server.address).with_json();
    let job = json!({
        "name": "bench",
        "config_file": "clickstream/clickstream.json",
        "target": {"type": "file", "path": "bench.json"},
        "time_type": "SIM",
        "total_events": records,
        "seed": 1,
    });
    let began = Instant::now();
    client.ask("POST", "/start", job.to_string().as_bytes());
    loop {
        thread::sleep(Duration::from_millis(20));
        let report: Value = serde_json::from_slice(&client.ask("GET", "/status/bench", b"")).expect("a report");
        match report["status"].as_str() {
            Some("COMPLETE") => return records as f64 / began.elapsed().as_secs_f64(),
            Some("RUNNING") => {}
            other => panic!("the job is {other:?}: {report}"),
        }
    }
}

fn main() {
    let asked: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let number = |place: usize, default: u64| asked.get(place).copied().unwrap_or(default);
    let (count, rounds, records) = (number(0, 200) as usize, number(1, 7) as usize, number(2, 3_000_000));
    let folder: PathBuf = std::env::var_os("STREAMS_BENCH_DIR").map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from);
    std::fs::create_dir_all(&folder).expect("the bench's folder can be made");
    let folder = tempfile::tempdir_in(folder).expect("the bench's folder can be written to");
    let server = processes::headwater_with(folder.path(), &["--demo"]);
    run(&server, records); // The first one makes pages and files that the others find.
    let (mut alone, mut watched, mut ratios, mut fewest) = (Vec::new(), Vec::new(), Vec::new(), usize::MAX);
    for round in 0..rounds {
        let with_watchers = |fewest: &mut usize| {
            let watchers = Watchers::start(server.address, count);
            thread::sleep(SETTLE);
            let rate = run(&server, records);
            *fewest = watchers.end().min(*fewest);
            rate
        };
        // Whoever comes first in a round has neither the better nor the worse of it.
        let (without, with) = if round % 2 == 0 {
            let without = run(&server, records);
            (without, with_watchers(&mut fewest))
        } else {
            let with = with_watchers(&mut fewest);
            (run(&server, records), with)
        };
        println!("round {}: {} records/s alone, {} with {count} watchers", round + 1, grouped(without), grouped(with));
        ratios.push(with / without);
        alone.push(without);
        watched.push(with);
    }
    assert!(fewest > 0, "a watcher was told nothing");
    let kept = median(ratios);
    let rows = [
        vec!["nobody watches".to_owned(), grouped(median(alone)), "1.00".to_owned()],
        vec![format!("{count} watch"), grouped(median(watched)), format!("{kept:.3}")],
    ];
    table::print("A job in virtual time into a file, and those who watch", &["", "records/s", "nobody = 1"], &rows);
    println!("\nWatchers cost {:.1} % of the job's rate; the bound is {:.0} %", (1.0 - kept) * 100.0, BOUND * 100.0);
}
