//! What do durable events cost, and what do long streams?
//!
//! A release build of `headwater serve` on a real disk, beside what bounds it or does the same, in alternating rounds. Ratios are
//! those of medians.
//!
//! ```sh
//! benches/components
//! cargo build --release
//! cargo bench -p headwater-benches --bench streams                  # everything; takes ten minutes and 15 GB
//! cargo bench -p headwater-benches --bench streams -- single read   # some of it: ingest, single, read, many
//! ```
//!
//! With `quick` among the arguments everything is done once and in small: that says whether it works, and nothing else.
//! `HEADWATER_BIN` names another binary, `STREAMS_BENCH_DIR` a folder on another disk.
#![allow(clippy::disallowed_methods, reason = "a bench takes the time")]
#![allow(missing_docs, reason = "a program")]

mod events;
mod ingest;
mod many;
mod nats;
mod read;
mod single;

use std::path::PathBuf;

use tempfile::TempDir;

/// Where and how much is measured.
struct Ground {
    /// A folder on a real disk.
    folder: PathBuf,
    quick: bool,
}

impl Ground {
    /// An empty folder, removed in the end.
    fn folder(&self) -> TempDir {
        std::fs::create_dir_all(&self.folder).expect("the bench's folder can be made");
        tempfile::tempdir_in(&self.folder).expect("the bench's folder can be written to")
    }

    fn rounds(&self, rounds: usize) -> usize {
        if self.quick { 1 } else { rounds }
    }

    /// A number of events or the like.
    fn scaled(&self, number: usize) -> usize {
        if self.quick { number / 100 } else { number }
    }
}

/// The server that does nothing.
const EMPTY: &str = env!("CARGO_BIN_EXE_empty-server");

type Bench = (&'static str, fn(&Ground));

const BENCHES: [Bench; 4] = [("ingest", ingest::run), ("single", single::run), ("read", read::run), ("many", many::run)];

fn main() {
    // Cargo adds options of its own.
    let mut asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let quick = asked.iter().any(|name| name == "quick");
    asked.retain(|name| name != "quick");
    if let Some(unknown) = asked.iter().find(|name| BENCHES.iter().all(|(known, _)| known != name)) {
        panic!("{unknown:?} is not measured here; known are {:?} and quick", BENCHES.map(|(name, _)| name));
    }
    let folder = std::env::var_os("STREAMS_BENCH_DIR").map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from);
    let ground = Ground { folder, quick };
    for (name, run) in BENCHES {
        if asked.is_empty() || asked.iter().any(|wanted| wanted == name) {
            run(&ground);
        }
    }
}
