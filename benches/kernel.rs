//! How fast is the generator?
//!
//! On one core, in one run, over the stock clickstream specification: the kernel into a sink that throws everything away,
//! beside `serde_json` writing the same records from ready-made structs, and beside copying the same bytes. The three take
//! turns, several rounds; the table shows medians and the ratios of the same round.
//!
//! `cargo bench -p headwater-benches --bench kernel [-- ENTITIES]`
#![allow(clippy::disallowed_methods, reason = "a bench takes the time")]
#![allow(missing_docs, reason = "a program")]

use std::hint::black_box;
use std::time::Instant;

use headwater_core::datagen::{Advance, Generator, Plan, Records, Run, Window};
use headwater_core::ports::{Batch, Timestamp};
use serde::{Deserialize, Serialize};

const RECORDS: u64 = 2_000_000;
const ROUNDS: usize = 7;

/// A record of the clickstream, as a program would hold it.
#[derive(Serialize, Deserialize)]
struct Click {
    time: String,
    user_id: String,
    event_type: String,
    client_ip: String,
    client_device: String,
    client_lang: String,
    client_country: String,
    referrer: String,
    keyword: Option<String>,
    product: Option<String>,
}

fn main() {
    let entities = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100);
    let specification: serde_json::Value = serde_json::from_str(include_str!("../specs/clickstream/clickstream.json")).expect("stock");
    let plan = Plan::compile(&specification, 1, None).expect("stock");
    let run = Run {
        seed: 1,
        start: Timestamp::from_millis(1_577_836_800_000),
        concurrency: entities,
        total_events: Some(RECORDS),
        time_limit: None,
    };

    // Few enough records to stay in the cache: the struct's side is not to wait for memory.
    let sample = generate(&plan, Run { total_events: Some(10_000), ..run });
    let clicks: Vec<Click> = sample.records().map(|record| serde_json::from_slice(record).expect("a click")).collect();

    let mut rounds: Vec<[f64; 3]> = Vec::new();
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let (kernel, written) = timed(|| discard(&plan, run));
        bytes = written;
        let (structs, _) = timed(|| serialise(&clicks));
        let (copying, _) = timed(|| copy(&sample, written));
        rounds.push([kernel, structs, copying]);
    }
    let median = |of: &dyn Fn(&[f64; 3]) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "{RECORDS} records of the clickstream, {entities} entities, {:.1} bytes a record, {ROUNDS} rounds",
        bytes as f64 / RECORDS as f64
    );
    println!("{:<44}{:>14}{:>12}{:>12}{:>10}", "", "records/s", "MB/s", "ns/record", "ratio");
    for (i, what) in
        ["kernel into a discarding sink", "(a) serde_json from ready-made structs", "(b) copying the same bytes"].iter().enumerate()
    {
        let seconds = median(&|round| round[i]);
        let ratio = median(&|round| round[i] / round[0]);
        let (rate, megabytes) = (RECORDS as f64 / seconds, bytes as f64 / seconds / 1e6);
        println!("{what:<44}{rate:>14.0}{megabytes:>12.0}{:>12.1}{ratio:>10.2}", seconds * 1e9 / RECORDS as f64);
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let answer = work();
    (started.elapsed().as_secs_f64(), answer)
}

fn discard(plan: &Plan, run: Run) -> usize {
    let mut generator = Generator::new(plan, run);
    let (mut batch, mut bytes) = (Batch::default(), 0);
    loop {
        let mut records = Records::reusing(batch);
        let advance =
            generator.advance(Window { records: u64::MAX, bytes: 256 * 1024, horizon: u64::MAX }, &mut records).expect("it goes on");
        batch = black_box(records.into_batch());
        bytes += batch.text.len();
        if advance == Advance::Done {
            return bytes;
        }
    }
}

fn generate(plan: &Plan, run: Run) -> Batch {
    let mut records = Records::default();
    Generator::new(plan, run)
        .advance(Window { records: u64::MAX, bytes: usize::MAX, horizon: u64::MAX }, &mut records)
        .expect("it goes on");
    records.into_batch()
}

fn serialise(clicks: &[Click]) -> usize {
    let mut buffer = Vec::with_capacity(512 * 1024);
    let mut bytes = 0;
    for click in clicks.iter().cycle().take(usize::try_from(RECORDS).expect("a count")) {
        serde_json::to_writer(&mut buffer, click).expect("memory");
        buffer.push(b'\n');
        if buffer.len() > 256 * 1024 {
            bytes += black_box(&buffer).len();
            buffer.clear();
        }
    }
    bytes + buffer.len()
}

fn copy(sample: &Batch, total: usize) -> usize {
    let mut buffer = vec![0u8; 256 * 1024];
    let mut copied = 0;
    for chunk in sample.text.chunks(256 * 1024).cycle() {
        buffer[..chunk.len()].copy_from_slice(chunk);
        black_box(&buffer);
        copied += chunk.len();
        if copied >= total {
            return copied;
        }
    }
    copied
}
