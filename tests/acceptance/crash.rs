//! What a `kill -9` may not do, whenever it comes.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::Home;
use crate::specs::{LATER, assert_numbered, job, to_file, wide, with};
use crate::waiting::seconds;

/// Random moments from a fixed seed (SplitMix64), so that a failure can be repeated as far as a machine's timing allows.
pub(crate) struct Moments(pub(crate) u64);

impl Moments {
    pub(crate) fn millis(&mut self, from: u64, to: u64) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Duration::from_micros(1000 * from + (z ^ (z >> 31)) % (1000 * (to - from)))
    }
}

fn clickstream(records: u64) -> Value {
    json!({"name": "clicks", "target": to_file("clicks.json"), "config_file": "clickstream/clickstream.json", "concurrency": 100,
        "time_type": LATER, "total_events": records, "seed": 20_260_101})
}

/// Where a home keeps a file, for those too large to be fetched into memory.
fn on_disk(home: &Home, name: &str) -> PathBuf {
    let folders =
        std::fs::read_dir(home.data()).expect("there is a data folder").map(|entry| entry.expect("it can be read").path().join(name));
    folders.into_iter().find(|path| path.exists()).expect("one folder of the data folder has the files")
}

/// Compares two files of any length; the offset of the first difference.
fn first_difference(left: &PathBuf, right: &PathBuf) -> Option<u64> {
    let open = |path: &PathBuf| BufReader::with_capacity(1 << 20, File::open(path).expect("the file is there"));
    let (mut left, mut right) = (open(left), open(right));
    let (mut a, mut b) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut offset = 0;
    loop {
        let (read, other) = (read_full(&mut left, &mut a), read_full(&mut right, &mut b));
        if a[..read] != b[..other] {
            let same = a[..read].iter().zip(&b[..other]).take_while(|(a, b)| a == b).count();
            return Some(offset + same as u64);
        }
        if read == 0 {
            return None;
        }
        offset += read as u64;
    }
}

fn read_full(from: &mut impl Read, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]).expect("the file can be read") {
            0 => break,
            read => filled += read,
        }
    }
    filled
}

#[test]
fn fifty_kills_at_random_moments_leave_the_file_of_an_undisturbed_run() {
    const ROUNDS: u64 = 50;
    const RECORDS: u64 = 2_000_000;
    let calm = Home::new();
    let server = calm.serve();
    let began = Instant::now();
    server.start_job(&clickstream(RECORDS));
    let undisturbed = server.wait_complete("clicks");
    // Some thirty steps. A step that is killed is done again, so the job gets on only where there is time for a whole one.
    let step = u64::try_from(began.elapsed().as_millis()).expect("not that long") / 30;
    drop(server);

    let home = Home::new();
    let mut moments = Moments(50);
    let mut server = home.serve();
    server.start_job(&clickstream(RECORDS));
    let (mut while_running, mut went_back) = (0, 0);
    let mut last = 0;
    for round in 0..ROUNDS {
        // Most moments are short enough to hit everything that happens at a start; long ones let the job get on, at a pace at
        // which it lasts for all rounds.
        let reached = server.status("clicks")["total_records"].as_u64().expect("a count");
        went_back += u64::from(reached < last);
        last = reached;
        let behind = reached * (ROUNDS + 10) <= RECORDS * round;
        let moment = if behind { moments.millis(5, 250.max(3 * step)) } else { moments.millis(0, 25) };
        std::thread::sleep(moment);
        let report = server.status("clicks");
        while_running += u64::from(report["status"] == "RUNNING");
        server.kill();
        server = home.serve();
    }
    let report = server.wait_complete("clicks");
    println!("{while_running} of {ROUNDS} kills hit the running job, which stood at {last} records before the last");
    assert_eq!(while_running, ROUNDS, "the job was over before the last kill");
    assert_eq!(went_back, 0, "a report went back behind what it had shown");
    assert!(last > RECORDS / 10, "the kills never let the job get on: {last} records before the last");
    assert_eq!((&report["total_records"], &report["run_time"]), (&json!(RECORDS), &undisturbed["run_time"]));
    assert_eq!(first_difference(&on_disk(&calm, "clicks.json"), &on_disk(&home, "clicks.json")), None);
}

#[test]
fn a_job_that_was_acknowledged_runs_even_if_the_server_dies_at_once() {
    let home = Home::new();
    let mut expected = None;
    for round in 0..8 {
        let name = format!("job{round}");
        let file = format!("{name}.json");
        let server = home.serve();
        server.start_job(&with(clickstream(30_000), json!({"name": name, "target": to_file(&file)})));
        server.kill();
        let server = home.serve();
        assert_eq!(server.wait_complete(&name)["total_records"], 30_000);
        let bytes = server.file(&file);
        assert!(expected.get_or_insert_with(|| bytes.clone()) == &bytes, "round {round}: another file");
        server.kill();
    }
    let server = home.serve();
    assert_eq!(server.get("/jobs").json().as_array().map(Vec::len), Some(8));
}

#[test]
fn a_kill_while_jobs_are_started_and_stopped_leaves_no_half_job() {
    let home = Home::new();
    let mut moments = Moments(7);
    for round in 0..10 {
        let server = home.serve();
        let address = server.address;
        // Requests go on until the connection breaks; what was answered with 200 must hold.
        let requests = std::thread::spawn(move || {
            let mut started = Vec::new();
            for number in 0.. {
                let name = format!("r{round}n{number}");
                let body = with(job(&name, to_file(&format!("{name}.json"))), json!({"total_events": 20, "seed": 1})).to_string();
                match crate::http::try_send(address, "POST", "/start", &[("content-type", "application/json")], body.as_bytes()) {
                    Some(answer) if answer.status == 200 => started.push(name),
                    Some(answer) => panic!("{}: {}", answer.status, answer.text()),
                    None => break,
                }
            }
            started
        });
        std::thread::sleep(moments.millis(5, 150));
        server.kill();
        let started = requests.join().expect("every answer was a good one");
        let server = home.serve();
        for name in started {
            server.wait_complete(&name);
            assert_numbered(&server.records(&format!("{name}.json")), 20);
        }
        let jobs = server.get("/jobs");
        assert_eq!(jobs.status, 200, "{}", jobs.text());
        for report in jobs.json().as_array().into_iter().flatten() {
            server.wait_complete(report["name"].as_str().expect("a name"));
        }
    }
}

#[test]
fn a_server_that_is_told_to_end_saves_and_the_next_goes_on_to_the_same_bytes() {
    const RECORDS: u64 = 2_000_000;
    let (calm, home) = (Home::new(), Home::new());
    let server = calm.serve();
    server.start_job(&clickstream(RECORDS));
    server.wait_complete("clicks");
    drop(server);

    let mut server = home.serve();
    server.start_job(&clickstream(RECORDS));
    let mut ends = 0;
    let mut before = 0;
    while server.status("clicks")["status"] == "RUNNING" && ends < 4 {
        let report = server.wait_status("clicks", "progress", seconds(30), |report| {
            report["total_records"].as_u64() > Some(before) || report["status"] == "COMPLETE"
        });
        before = report["total_records"].as_u64().expect("a count");
        let (status, log) = server.terminate();
        assert_eq!(status.code(), Some(0), "{log}");
        ends += 1;
        server = home.serve();
        let after = server.status("clicks")["total_records"].as_u64();
        assert!(after >= Some(before), "{after:?} after the restart, {before} before");
    }
    println!("ended {ends} times");
    assert!(ends > 1, "the job was over too soon to be ended in the middle");
    server.wait_complete("clicks");
    assert_eq!(first_difference(&on_disk(&calm, "clicks.json"), &on_disk(&home, "clicks.json")), None);
}

#[test]
fn a_server_ends_in_order_while_a_job_waits_in_real_time() {
    let home = Home::new();
    let server = home.serve();
    let request = with(job("slow", to_file("slow.json")), json!({"time_type": "REAL", "config": wide(10), "seed": 1}));
    server.start_job(&request);
    server.wait_status("slow", "two records", seconds(20), |report| report["total_records"].as_u64() >= Some(2));
    let began = Instant::now();
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    // What cannot be ended in order is broken off after ten seconds.
    assert!(began.elapsed() < seconds(9), "it took {:?} to end", began.elapsed());
    let server = home.serve();
    server.wait_status("slow", "more records", seconds(20), |report| report["total_records"].as_u64() >= Some(5));
    let records = server.records("slow.json");
    assert_numbered(&records, records.len());
}

#[test]
fn a_stop_that_was_acknowledged_holds_after_a_kill() {
    let home = Home::new();
    for round in 0..5 {
        let server = home.serve();
        let name = format!("endless{round}");
        server.start_job(&job(&name, to_file(&format!("{name}.json"))));
        assert_eq!(server.post(&format!("/stop/{name}"), &Value::Null).status, 200);
        server.kill();
        let server = home.serve();
        assert_eq!(server.get("/jobs").json()["message"], "Data generation is NOT running.", "round {round}");
        std::thread::sleep(seconds(1) / 2);
        let length = server.file(&format!("{name}.json")).len();
        std::thread::sleep(seconds(1));
        assert_eq!(server.file(&format!("{name}.json")).len(), length, "round {round}: the stopped job writes");
    }
}
