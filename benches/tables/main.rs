//! What do tables cost, and what do long ones?
//!
//! The tables service, without HTTP, beside what bounds it or does the same, in alternating rounds of one process. Ratios are those of
//! medians.
//!
//! ```sh
//! cargo bench -p headwater-benches --bench tables                    # everything; takes a few minutes and 2 GB
//! cargo bench -p headwater-benches --bench tables -- lines spectra   # some of it: lines, spectra, append, long
//! ```
//!
//! With `quick` among the arguments everything is done once and in small: that says whether it works, and nothing else.
//! `TABLES_BENCH_DIR` names a folder on another disk.
#![allow(clippy::disallowed_methods, reason = "a bench takes the time")]
#![allow(missing_docs, reason = "a program")]

mod append;
mod lines;
mod long;
mod samples;
mod spectra;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater_adapters::{OsEntropy, Stores, SystemClock};
use headwater_core::ids::TableName;
use headwater_core::ports::{Clock, Entropy};
use headwater_core::tables::{Definition, Rows, TableService};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Where and how much is measured.
struct Ground {
    /// A folder on a real disk.
    folder: PathBuf,
    quick: bool,
    runtime: Runtime,
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

    /// A number of samples or the like.
    fn scaled(&self, number: usize) -> usize {
        if self.quick { number / 100 } else { number }
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Makes a table that keeps an hour.
    fn define(&self, service: &TableService, table: &TableName, mut definition: Value) {
        definition["element"] = "sample".into();
        definition["retention"] = "3600s".into();
        let definition = Definition::parse(definition.to_string().as_bytes()).expect("a definition");
        self.wait(service.define(table, definition)).expect("a new table");
    }

    /// Appends samples, as they come from a connection: in pieces.
    fn append(&self, service: &TableService, table: &TableName, samples: &[f64]) {
        self.wait(async {
            let mut append = service.append(table).await.expect("a table");
            for piece in samples.chunks(32 * 1024) {
                append.push(Rows::of_samples(piece.to_vec())).await.expect("the store works");
            }
            append.commit().await.expect("the store works");
        });
    }
}

/// Tables in memory.
fn in_memory() -> TableService {
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    service(&Stores::in_memory(&clock), &clock, &entropy)
}

/// Tables in the embedded store.
fn embedded(folder: &Path) -> TableService {
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    service(&Stores::embedded(folder, &clock).expect("the folder is a store's"), &clock, &entropy)
}

fn service(stores: &Stores, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> TableService {
    stores.tables(&stores.streams(clock, entropy), clock, entropy)
}

/// Counts lines by their ends, in so small portions that the count of one fits into a byte: it is to take no time to speak of.
fn lines_in(piece: &[u8]) -> usize {
    piece.chunks(255).map(|part| usize::from(part.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>())).sum()
}

fn name(table: &str) -> TableName {
    table.try_into().expect("a name")
}

type Bench = (&'static str, fn(&Ground));

const BENCHES: [Bench; 4] = [("lines", lines::run), ("spectra", spectra::run), ("append", append::run), ("long", long::run)];

fn main() {
    // Cargo adds options of its own.
    let mut asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let quick = asked.iter().any(|name| name == "quick");
    asked.retain(|name| name != "quick");
    if let Some(unknown) = asked.iter().find(|name| BENCHES.iter().all(|(known, _)| known != name)) {
        panic!("{unknown:?} is not measured here; known are {:?} and quick", BENCHES.map(|(name, _)| name));
    }
    let folder = std::env::var_os("TABLES_BENCH_DIR").map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from);
    let ground = Ground { folder, quick, runtime: Runtime::new().expect("threads") };
    for (name, run) in BENCHES {
        if asked.is_empty() || asked.iter().any(|wanted| wanted == name) {
            run(&ground);
        }
    }
}
