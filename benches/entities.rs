//! What do many entities cost?
//!
//! The stock clickstream with all its entities started at once: records per second, memory, and what a snapshot of them
//! takes. Each number of entities runs in a process of its own, so that memory is that run's alone.
//!
//! `cargo bench -p headwater-benches --bench entities`
#![allow(clippy::disallowed_methods, reason = "a bench takes the time")]
#![allow(missing_docs, reason = "a program")]

use std::process::Command;
use std::time::Instant;

use headwater_core::datagen::{Advance, Generator, Plan, Records, Run, Window};
use headwater_core::ports::{Batch, Timestamp};

const COUNTS: [u64; 3] = [100, 10_000, 1_000_000];

fn main() {
    let one = std::env::args().skip_while(|argument| argument != "--entities").nth(1).and_then(|count| count.parse().ok());
    if let Some(entities) = one {
        return measure(entities);
    }
    println!(
        "{:>10}{:>14}{:>14}{:>14}{:>16}{:>14}{:>14}",
        "entities", "records/s", "memory MB", "B/entity", "snapshot MB", "save ms", "restore ms"
    );
    let this = std::env::current_exe().expect("a program knows itself");
    for entities in COUNTS {
        let done = Command::new(&this).args(["--entities", &entities.to_string()]).status().expect("the same program");
        assert!(done.success(), "the run with {entities} entities failed");
    }
}

fn measure(entities: u64) {
    let mut specification: serde_json::Value = serde_json::from_str(include_str!("../specs/clickstream/clickstream.json")).expect("stock");
    specification["interarrival"] = serde_json::json!({"type": "constant", "value": 0});
    let plan = Plan::compile(&specification, 1, None).expect("stock");
    let run =
        Run { seed: 1, start: Timestamp::from_millis(1_577_836_800_000), concurrency: entities, total_events: None, time_limit: None };
    let before = resident();
    let mut generator = Generator::new(&plan, run);
    let mut batch = advance(&mut generator, entities, Batch::default()); // All are alive now.
    let records = (entities * 3).max(3_000_000);
    let started = Instant::now();
    batch = advance(&mut generator, records, batch);
    let rate = records as f64 / started.elapsed().as_secs_f64();
    drop(batch);
    let memory = resident();

    let started = Instant::now();
    let snapshot = generator.snapshot();
    let save = started.elapsed();
    let alive = generator.active();
    drop(generator);
    let started = Instant::now();
    let restored = Generator::restore(&plan, run, &snapshot).expect("its own snapshot");
    let restore = started.elapsed();
    assert_eq!(restored.active(), alive);
    let per_entity =
        if entities >= 1_000_000 { format!("{:.0}", memory.saturating_sub(before) as f64 / entities as f64) } else { "-".to_owned() };
    println!(
        "{entities:>10}{rate:>14.0}{:>14.1}{per_entity:>14}{:>16.2}{:>14.1}{:>14.1}",
        memory as f64 / 1e6,
        snapshot.len() as f64 / 1e6,
        save.as_secs_f64() * 1e3,
        restore.as_secs_f64() * 1e3
    );
}

fn advance(generator: &mut Generator, records: u64, mut batch: Batch) -> Batch {
    let until = generator.emitted() + records;
    while generator.emitted() < until {
        let mut rendered = Records::reusing(batch);
        let window = Window { records: until - generator.emitted(), bytes: 256 * 1024, horizon: u64::MAX };
        assert_ne!(generator.advance(window, &mut rendered), Ok(Advance::Done), "it has no limit");
        batch = rendered.into_batch();
    }
    batch
}

/// Memory of this process that is in RAM, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number of pages") * 4096
}
