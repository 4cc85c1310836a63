//! Runs that beat, first in silence, then while each is updated every period; and the end of them all.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use headwater_benches::table::{grouped, megabytes, part, print};

use crate::clients::{self, Took, Updates};
use crate::database::now;
use crate::window::{self, HEAD, SECOND};
use crate::{Recorder, Size};

/// How long results may take to reach the database.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) fn run(size: Size) {
    let Size { runs, period, ticks, .. } = size;
    let recorder = Recorder::start(period);
    let address = recorder.server.address;
    let empty = recorder.server.memory();
    let (ids, mut registered) = clients::register(address, runs);
    let ids = Arc::new(ids);
    let pause = Duration::from_secs(period);

    thread::sleep(pause); // The first tick, at which each run is read, is behind us.
    let silent = window::measure(&recorder, period, ticks);
    let memory = recorder.server.memory().saturating_sub(empty);

    let updates = Updates::start(address, &ids, period);
    thread::sleep(pause);
    let from = Instant::now();
    let updated = window::measure(&recorder, period, ticks);
    let to = Instant::now();
    let mut took = updates.stop(from, to);
    thread::sleep(Duration::from_secs(2));

    let rows = {
        let kept = recorder.database.kept();
        [silent.row("nothing else", &kept, runs), updated.row("each run is updated every period", &kept, runs)]
    };
    print(&format!("{} runs that beat every {period} s", grouped(runs as f64)), &HEAD, &rows);
    println!("\n{} bytes a run beside the {:.0} MB of an empty server", memory / runs as u64, megabytes(empty));

    let began = now();
    let mut committed = clients::commit(address, &ids);
    let in_database = until_in_database(&recorder, runs, began);
    let row = |name: &str, each: &mut [f64], a_second: f64, then: String| {
        let (count, half, most) = (each.len() as f64, part(each, 0.5), part(each, 0.99));
        vec![name.to_owned(), grouped(count), grouped(a_second), format!("{half:.1}"), format!("{most:.1}"), then]
    };
    let a_second = |took: &Took| took.each.len() as f64 / took.all;
    let (registrations, commits) = (a_second(&registered), a_second(&committed));
    let sent = took.len() as f64 / (to - from).as_secs_f64();
    let rows = [
        row("register", &mut registered.each, registrations, String::new()),
        row("update, spread evenly", &mut took, sent, String::new()),
        row("commit", &mut committed.each, commits, in_database),
    ];
    print("Requests", &["", "requests", "a second", "p50, ms", "p99, ms", "all in the database after, s"], &rows);
}

/// Waits until the results of all runs are there; says how many seconds that took. Each run must have exactly one.
fn until_in_database(recorder: &Recorder, runs: usize, began: i64) -> String {
    let waited = Instant::now();
    loop {
        let (count, last) = {
            let kept = recorder.database.kept();
            (kept.results.len(), kept.results.iter().map(|result| result.at).max().unwrap_or(began))
        };
        if count >= runs {
            thread::sleep(Duration::from_secs(2)); // Whether there is any more.
            let kept = recorder.database.kept();
            let distinct: HashSet<u32> = kept.results.iter().map(|result| result.run).collect();
            assert_eq!((kept.results.len(), distinct.len()), (runs, runs), "each run has one result");
            return format!("{:.1}", (last - began) as f64 / SECOND as f64);
        }
        assert!(waited.elapsed() < PATIENCE, "{count} of {runs} results are in the database; {}", clients::states(recorder.server.address));
        thread::sleep(Duration::from_millis(50));
    }
}
