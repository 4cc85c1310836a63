//! Runs that beat every second, and a database that is away for some time.

use std::thread;
use std::time::{Duration, Instant};

use headwater_benches::table::{grouped, megabytes, print};

use crate::database::now;
use crate::window::{self, HEAD, SECOND};
use crate::{Recorder, Size, clients};

/// Seconds between heartbeats.
const PERIOD: u64 = 1;

/// How long the recorder may need for what has queued, and for noticing that the database is back.
const PATIENCE: Duration = Duration::from_secs(240);

pub(crate) fn run(size: Size) {
    let runs = size.runs;
    let recorder = Recorder::start(PERIOD);
    let server = &recorder.server;
    clients::register(server.address, runs);
    thread::sleep(Duration::from_secs(3));
    let before = window::measure(&recorder, PERIOD, 4 * size.ticks);

    recorder.database.refuse(true);
    server.forget_peak();
    let away = now();
    let meanwhile = window::measure(&recorder, PERIOD, size.outage);
    let held = server.peak();
    server.forget_peak();
    recorder.database.refuse(false);
    let back = now();

    // It is through once a heartbeat comes in time again.
    let waited = Instant::now();
    let came = loop {
        thread::sleep(Duration::from_millis(200));
        let kept = recorder.database.kept();
        let mut came: Vec<_> = kept.beats.iter().filter(|beat| beat.at >= back).map(|beat| (beat.at, beat.stamp)).collect();
        came.sort_unstable();
        if let Some(end) = came.iter().position(|(at, stamp)| at - stamp < SECOND) {
            came.truncate(end.max(1));
            break came;
        }
        assert!(waited.elapsed() < PATIENCE, "{} points came since the database is back", came.len());
    };
    let peak = server.peak();
    let after = window::measure(&recorder, PERIOD, 4 * size.ticks);
    thread::sleep(Duration::from_secs(2));
    let (first, last) = (came[0].0, came[came.len() - 1].0);
    let drained = (last - first) as f64 / SECOND as f64;

    let rows = {
        let kept = recorder.database.kept();
        [before.row("before", &kept, runs), meanwhile.row("database away", &kept, runs), after.row("after", &kept, runs)]
    };
    print(&format!("{} runs that beat every second", grouped(runs as f64)), &HEAD, &rows);
    let row = [
        format!("{:.0}", (back - away) as f64 / SECOND as f64),
        format!("{:.1}", (first - back) as f64 / SECOND as f64),
        grouped(came.len() as f64),
        format!("{drained:.1}"),
        grouped(came.len() as f64 / drained),
        format!("{:.0}", megabytes(held)),
        format!("{:.0}", megabytes(peak)),
    ];
    let head = [
        "database away, s",
        "noticed after, s",
        "points until it was level again",
        "sent in, s",
        "points/s",
        "memory while away, at most, MB",
        "while sending, at most, MB",
    ];
    print("An outage", &head, &[row.to_vec()]);
}
