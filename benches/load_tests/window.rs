//! What is measured from one moment between two ticks to another one.

use std::thread;
use std::time::{Duration, Instant};

use headwater_benches::table::{grouped, megabytes, part};

use crate::Recorder;
use crate::database::{Kept, now};

/// A second, in nanoseconds.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// A span of time and what the server needed in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// In nanoseconds since 1970, as all here.
    from: i64,
    to: i64,
    period: i64,
    /// Processor time in a second.
    pub(crate) processors: f64,
    /// Bytes to the disk in a period.
    written: f64,
    /// Requests to the database in a period, and their bytes.
    requests: f64,
    bytes: f64,
    memory: u64,
}

/// Waits until the middle between two ticks.
pub(crate) fn wait_for_middle(period: i64) {
    let now = now();
    let mut middle = now - now.rem_euclid(period) + period / 2;
    if middle <= now {
        middle += period;
    }
    thread::sleep(Duration::from_nanos((middle - now).unsigned_abs()));
}

/// Measures so many whole periods, from the next middle on.
pub(crate) fn measure(recorder: &Recorder, period: u64, ticks: u64) -> Window {
    let period = i64::try_from(period).expect("a few seconds") * SECOND;
    let state = || (now(), Instant::now(), recorder.server.processor(), recorder.server.written(), recorder.database.traffic());
    wait_for_middle(period);
    let before = state();
    thread::sleep(Duration::from_nanos(period.unsigned_abs()) * u32::try_from(ticks).expect("few ticks"));
    let after = state();
    let took = (after.1 - before.1).as_secs_f64();
    Window {
        from: before.0,
        to: after.0,
        period,
        processors: (after.2 - before.2) / took,
        written: (after.3 - before.3) as f64 / ticks as f64,
        requests: (after.4.0 - before.4.0) as f64 / ticks as f64,
        bytes: (after.4.1 - before.4.1) as f64 / ticks as f64,
        memory: recorder.server.memory(),
    }
}

/// A headline for each figure of [`Window::row`].
pub(crate) const HEAD: [&str; 14] = [
    "",
    "heartbeats",
    "missing",
    "doubled",
    "off the grid, max, ns",
    "late p50, ms",
    "p99, ms",
    "max, ms",
    "between arrivals, off by p99, ms",
    "% of a core",
    "memory, MB",
    "to disk a tick, MB",
    "writes a tick",
    "KB sent a tick",
];

impl Window {
    /// Seconds after the last tick in it when all of its heartbeats were there.
    pub(crate) fn latest(&self, kept: &Kept) -> f64 {
        let tick = self.to - self.to.rem_euclid(self.period);
        let last = kept.beats.iter().filter(|beat| beat.stamp >= tick).map(|beat| beat.at).max().expect("it had come by its middle");
        (last - tick) as f64 / SECOND as f64
    }

    /// What came of the ticks in it. Heartbeats may have come later than it ended.
    pub(crate) fn row(&self, name: &str, kept: &Kept, runs: usize) -> Vec<String> {
        let tick = |stamp: i64| stamp - stamp.rem_euclid(self.period);
        let mut beats: Vec<_> = kept
            .beats
            .iter()
            .filter(|beat| (self.from..self.to).contains(&tick(beat.stamp)))
            .map(|beat| (beat.run, beat.stamp, beat.at))
            .collect();
        beats.sort_unstable();
        let mut late: Vec<f64> = beats.iter().map(|(_, stamp, at)| (at - tick(*stamp)) as f64 / 1e6).collect();
        let (mut doubled, mut off, mut gaps) = (0_usize, 0, Vec::new());
        for pair in beats.windows(2) {
            let [(run, stamp, at), (next_run, next_stamp, next_at)] = [pair[0], pair[1]];
            if run != next_run {
                continue;
            }
            if tick(stamp) == tick(next_stamp) {
                doubled += 1;
            } else if tick(next_stamp) == tick(stamp) + self.period {
                off = off.max((next_stamp - stamp - self.period).abs());
                gaps.push((next_at - at - self.period).abs() as f64 / 1e6);
            }
        }
        let ticks = usize::try_from((self.to - self.from + self.period / 2) / self.period).expect("few ticks");
        let missing = runs * ticks - (beats.len() - doubled);
        let gap = if gaps.is_empty() { 0.0 } else { part(&mut gaps, 0.99) };
        vec![
            name.to_owned(),
            grouped(beats.len() as f64),
            missing.to_string(),
            doubled.to_string(),
            off.to_string(),
            format!("{:.0}", part(&mut late, 0.5)),
            format!("{:.0}", part(&mut late, 0.99)),
            format!("{:.0}", part(&mut late, 1.0)),
            format!("{gap:.0}"),
            format!("{:.1}", self.processors * 100.0),
            format!("{:.0}", megabytes(self.memory)),
            format!("{:.1}", self.written / 1e6),
            format!("{:.1}", self.requests),
            format!("{:.0}", self.bytes / 1e3),
        ]
    }
}
