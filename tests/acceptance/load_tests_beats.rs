//! When a run beats: at whole multiples of the period, once at each, and never after its end.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::load_tests_client::{Point, now, registration};
use crate::server::{Home, Server};
use crate::waiting::{seconds, wait_for};

/// The period of these tests, in nanoseconds. A run that is late by as much leaves a tick out.
const PERIOD: i64 = 2_000_000_000;

/// Heartbeats of a tick stand behind it by no more than this, in nanoseconds.
const PLACES: i64 = 1_000_000;

fn serve(home: &Home) -> Server {
    home.serve_with(&["--loadtest-period", "2s"])
}

/// The ticks, as multiples of the period, at which a run has beaten; its first point, which tells of the registration, is none of them.
/// Panics where one lies beside the clock's grid, or where two have the same tick.
#[track_caller]
fn ticks(points: &[Point]) -> BTreeSet<i64> {
    let mut points = points.to_vec();
    points.sort_by_key(|point| point.nanos);
    let ticks: Vec<i64> = points.iter().skip(1).map(|point| point.nanos / PERIOD).collect();
    assert!(points.iter().skip(1).all(|point| point.nanos % PERIOD < PLACES), "{points:?}");
    let once: BTreeSet<i64> = ticks.iter().copied().collect();
    assert_eq!(once.len(), ticks.len(), "two beats at one tick: {points:?}");
    once
}

fn signal(server: &Server, name: &str) {
    assert!(Command::new("kill").args([name, &server.id().to_string()]).status().expect("there is a kill command").success());
}

#[test]
fn runs_beat_at_each_tick_of_the_wall_clock() {
    let home = Home::new();
    let server = serve(&home);
    let runs: Vec<String> = (0..20).map(|number| server.begin(&registration(&format!("h{number}")))).collect();
    let began = now() * 1000;
    std::thread::sleep(seconds(12));
    let over = now() * 1000;
    for (number, uuid) in runs.iter().enumerate() {
        server.end(&format!("h{number}"), uuid, json!({}));
    }
    server.wait_drained(seconds(30));
    let points = server.file_points();
    let mut stamps = BTreeSet::new();
    for uuid in &runs {
        let beats: Vec<Point> = points.iter().filter(|point| point.is_of("load_testing", uuid)).cloned().collect();
        let ticks = ticks(&beats);
        let wanted: Vec<i64> = (began / PERIOD + 1..over / PERIOD).collect();
        let missing: Vec<_> = wanted.iter().filter(|tick| !ticks.contains(tick)).collect();
        assert!(missing.is_empty() && wanted.len() >= 5, "{uuid}: no beats at {missing:?}");
        stamps.extend(beats.iter().map(|beat| beat.nanos));
    }
    // Runs with the same tags are told apart by the time alone.
    let beats = points.iter().filter(|point| point.measurement == "load_testing").count();
    assert_eq!(stamps.len(), beats, "two points have the same time");
}

#[test]
fn a_pause_of_the_process_is_no_burst() {
    let home = Home::new();
    let server = serve(&home);
    let uuid = server.begin(&registration("h"));
    server.wait_file_points("load_testing", &uuid, 3);
    signal(&server, "-STOP");
    let stopped = now() * 1000;
    std::thread::sleep(seconds(7));
    let resumed = now() * 1000;
    signal(&server, "-CONT");
    let until = resumed / PERIOD + 3;
    let beats = wait_for("beats after the pause", seconds(30), || {
        let beats = server.file_points_of("load_testing", &uuid);
        ticks(&beats).last().is_some_and(|last| *last >= until).then_some(beats)
    });
    let ticks = ticks(&beats);
    // What was due in the pause is left out, but for the one that is due when the process goes on.
    let within: Vec<_> = ticks.iter().filter(|tick| (stopped / PERIOD + 1..resumed / PERIOD).contains(tick)).collect();
    assert!(within.is_empty(), "stopped at {}, resumed at {}, beats at {ticks:?}", stopped / PERIOD, resumed / PERIOD);
    let after: Vec<_> = (resumed / PERIOD + 2..=until).filter(|tick| !ticks.contains(tick)).collect();
    assert!(after.is_empty(), "no beats at {after:?} of {ticks:?}");
    let record = server.record(&uuid);
    assert_eq!(record["state"], "running");
}

#[test]
fn no_run_beats_after_its_commit_was_answered() {
    let home = Home::new();
    let server = home.serve_with(&["--loadtest-period", "500ms"]);
    let mut ended = Vec::new();
    for number in 0..12 {
        let host = format!("h{number}");
        let uuid = server.begin(&registration(&host));
        std::thread::sleep(Duration::from_millis(130)); // Some end right at a tick.
        server.end(&host, &uuid, json!({}));
        ended.push((uuid, now() * 1000));
    }
    for (uuid, _) in &ended {
        server.wait_written(uuid);
    }
    // What was due before may still come behind the results.
    std::thread::sleep(seconds(2));
    let points = server.file_points();
    for (uuid, answered) in &ended {
        let late: Vec<_> = points.iter().filter(|point| point.is_of("load_testing", uuid) && point.nanos > *answered).collect();
        assert!(late.is_empty(), "{late:?} after {answered}");
        let result = points.iter().filter(|point| point.is_of("load_testing_result", uuid)).count();
        assert_eq!(result, 1);
    }
}
