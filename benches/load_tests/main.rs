//! How punctual are the heartbeats of ten thousand runs, and what do they cost?
//!
//! A release build of `headwater serve` on the embedded store and a real disk records load tests into a database that this program
//! plays: it takes writes as InfluxDB 1 does, unpacks them and notes when each point came. Lateness is the time from the tick that a
//! heartbeat stands at until the database has it.
//!
//! ```sh
//! cargo build --release
//! cargo bench -p headwater-benches --bench load-tests                            # everything; takes ten minutes
//! cargo bench -p headwater-benches --bench load-tests -- beats runs=1000 ticks=2 # some of it: beats, naive, outage
//! ```
//!
//! `runs`, `period` (seconds), `ticks` (that are measured) and `outage` (seconds) may be set. With `quick` among the arguments
//! everything is done in small: that says whether it works, and nothing else. `HEADWATER_BIN` names another binary,
//! `STREAMS_BENCH_DIR` a folder on another disk.
#![allow(clippy::disallowed_methods, reason = "a bench takes the time")]
#![allow(missing_docs, reason = "a program")]

mod beats;
mod clients;
mod database;
mod naive;
mod outage;
mod window;

use std::path::PathBuf;

use headwater_benches::processes::{self, Server};
use tempfile::TempDir;

use database::Database;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Size {
    runs: usize,
    /// Seconds between two heartbeats of a run.
    period: u64,
    /// Heartbeats of a run that are measured.
    ticks: u64,
    /// Seconds for which the database is away.
    outage: u64,
}

const FULL: Size = Size { runs: 10_000, period: 15, ticks: 5, outage: 60 };
const QUICK: Size = Size { runs: 200, period: 1, ticks: 3, outage: 5 };

/// A server that records into a database, and its folder, which goes with it.
struct Recorder {
    server: Server,
    database: Database,
    _folder: TempDir,
}

impl Recorder {
    /// A new one whose runs beat every `period` seconds.
    fn start(period: u64) -> Self {
        let folder: PathBuf = std::env::var_os("STREAMS_BENCH_DIR").map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from);
        std::fs::create_dir_all(&folder).expect("the bench's folder can be made");
        let folder = tempfile::tempdir_in(folder).expect("the bench's folder can be written to");
        let database = Database::start();
        let (url, period) = (format!("http://{}", database.address), format!("{period}s"));
        let arguments = ["--loadtest-period", &period, "--influxdb-url", &url, "--influxdb-database", "bench"];
        let server = processes::headwater_with(folder.path(), &arguments);
        Self { server, database, _folder: folder }
    }
}

type Bench = (&'static str, fn(Size));

const BENCHES: [Bench; 3] = [("beats", beats::run), ("naive", naive::run), ("outage", outage::run)];

fn main() {
    // Cargo adds options of its own.
    let mut asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if asked.first().is_some_and(|name| name == naive::PROGRAM) {
        return naive::record(&asked[1], asked[2].parse().expect("a number of runs"));
    }
    let mut size = if asked.iter().any(|name| name == "quick") { QUICK } else { FULL };
    asked.retain(|argument| match argument.split_once('=') {
        Some((name, value)) => {
            let value: u64 = value.parse().unwrap_or_else(|_| panic!("{argument:?} is no number"));
            match name {
                "runs" => size.runs = usize::try_from(value).expect("a number of runs"),
                "period" => size.period = value,
                "ticks" => size.ticks = value,
                "outage" => size.outage = value,
                _ => panic!("{name:?} cannot be set; known are runs, period, ticks and outage"),
            }
            false
        }
        None => argument != "quick",
    });
    if let Some(unknown) = asked.iter().find(|name| BENCHES.iter().all(|(known, _)| known != name)) {
        panic!("{unknown:?} is not measured here; known are {:?} and quick", BENCHES.map(|(name, _)| name));
    }
    for (name, run) in BENCHES {
        if asked.is_empty() || asked.iter().any(|wanted| wanted == name) {
            run(size);
        }
    }
}
