//! What a `kill -9` may not do to load tests, whenever it comes and whatever the database does meanwhile.
//!
//! InfluxDB is one of the test's own, since it is killed, too: `tests/run` has installed it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api_client::Api;
use crate::component::Own;
use crate::crash::Moments;
use crate::load_tests_client::{Influx, event, now, registration, result};
use crate::load_tests_fake::{Fake, Reply, status};
use crate::server::{Home, Server};
use crate::waiting::seconds;

const KILLS: u32 = 10;
const RUNS: usize = 200;
const CLIENTS: usize = 10;

/// A second in microseconds: the period of these tests.
const PERIOD: i64 = 1_000_000;

/// A run that a client has ended. Moments are in microseconds since 1970.
#[derive(Debug)]
struct Told {
    uuid: String,
    host: String,
    /// When the registration was answered.
    registered: i64,
    /// When the result was sent first, and when it was answered.
    sent: i64,
    answered: i64,
    stats: Value,
}

/// What happened.
#[derive(Debug)]
struct Story {
    told: Vec<Told>,
    /// Between which moments there was no server, or the machine stood still.
    outages: Vec<(i64, i64)>,
    /// Requests that got no answer.
    unanswered: u32,
}

impl Story {
    /// Whether a moment lies in an outage, or within a period behind one, or before: what was due then may not be done yet.
    fn is_excused(&self, at: i64) -> bool {
        self.outages.iter().any(|(from, to)| (from - PERIOD..=to + PERIOD).contains(&at))
    }

    /// How many ticks of all runs were due, and how many of those that nothing excuses are missing among `beats`: ticks by run.
    #[track_caller]
    fn check_beats(&self, beats: &BTreeMap<String, Vec<i64>>) -> (usize, usize) {
        let (mut due, mut excused, mut missing) = (0, 0, Vec::new());
        for run in &self.told {
            let mut nanos = beats.get(&run.uuid).cloned().unwrap_or_default();
            nanos.sort_unstable();
            assert!(nanos.first().is_some_and(|first| first / 1000 <= run.registered), "{run:?}: no first point among {nanos:?}");
            let ticks: Vec<i64> = nanos.iter().skip(1).map(|nanos| nanos / 1000 / PERIOD).collect();
            assert!(nanos.iter().skip(1).all(|nanos| nanos % (PERIOD * 1000) < 1_000_000), "{run:?}: a beat between ticks: {nanos:?}");
            let once: BTreeSet<i64> = ticks.iter().copied().collect();
            assert_eq!(once.len(), ticks.len(), "{run:?}: two beats at one tick: {nanos:?}");
            assert!(nanos.iter().all(|nanos| nanos / 1000 <= run.answered), "{run:?}: a beat after its end: {nanos:?}");
            // A beat is written a moment behind its tick. A run that ends before that needs none any more.
            for tick in run.registered / PERIOD + 1..=(run.sent - PERIOD / 2) / PERIOD {
                due += 1;
                match (once.contains(&tick), self.is_excused(tick * PERIOD)) {
                    (true, _) => {}
                    (false, true) => excused += 1,
                    (false, false) => missing.push((run.uuid.as_str(), tick, tick * PERIOD - run.registered, run.sent - tick * PERIOD)),
                }
            }
        }
        assert!(excused * 2 < due, "{excused} of {due} beats are missing, within {:?}", self.outages);
        assert!(missing.is_empty(), "{} of {due} beats are missing outside of {:?}: {missing:?}", missing.len(), self.outages);
        (due, excused)
    }

    /// Checks that there is each result once, as it was sent, and no other.
    #[track_caller]
    fn check_results(&self, results: &[(String, String)]) {
        let mut left: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (run, stats) in results {
            left.entry(run).or_default().push(stats);
        }
        for run in &self.told {
            let found = left.remove(run.uuid.as_str()).unwrap_or_default();
            assert_eq!(found, [run.stats.to_string()], "{run:?}");
        }
        assert!(left.is_empty(), "results that nobody has committed: {left:?}");
    }
}

/// Sends an event until it is answered, wherever the server is just then.
fn insist(address: &RwLock<SocketAddr>, name: &str, body: &Value, unanswered: &AtomicU32) -> Value {
    loop {
        let api = Api::at(*address.read().expect("nobody panics"));
        let sent = api.try_send("POST", &event(name), &[("content-type", "application/json")], body.to_string().as_bytes());
        match sent {
            Some(answer) if answer.status == 200 => return answer.json(),
            Some(answer) => panic!("{name} {body}: {} {}", answer.status, answer.text()),
            None => _ = unanswered.fetch_add(1, Ordering::Relaxed),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A client that registers and commits runs one after the other until there were enough.
fn test_loads(client: usize, address: &RwLock<SocketAddr>, begun: &AtomicUsize, told: &Mutex<Vec<Told>>, unanswered: &AtomicU32) {
    let (host, mut moments) = (format!("generator {client}"), Moments(client as u64));
    loop {
        let number = begun.fetch_add(1, Ordering::Relaxed);
        if number >= RUNS {
            return;
        }
        let answer = insist(address, "register", &registration(&host), unanswered);
        let (uuid, registered) = (answer["uuid"].as_str().expect("an id").to_owned(), now());
        std::thread::sleep(moments.millis(500, 4500));
        let stats = json!({"number": number, "said": format!("run {number}: \"a\\b\"\n, é=1")});
        let sent = now();
        insist(address, "commit", &result(&host, &uuid, stats.clone()), unanswered);
        let run = Told { uuid, host: host.clone(), registered, sent, answered: now(), stats };
        told.lock().expect("nobody panics").push(run);
    }
}

/// When a disk did not keep a byte for a quarter of a second, until this is over: nobody gets anything done in time then.
fn watch_disk(folder: &Path, over: &AtomicBool) -> Vec<(i64, i64)> {
    let file = File::create(folder.join("byte")).expect("the folder can be written");
    let mut stalls = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let from = now();
        std::thread::sleep(Duration::from_millis(50));
        file.write_all_at(b"x", 0).and_then(|()| file.sync_all()).expect("the file can be written");
        stalls.extend(Some((from, now())).filter(|(from, to)| to - from > PERIOD / 4));
    }
    stalls
}

/// Kills the server again and again while clients go on; in the end there is one more.
fn torment(home: &Home, arguments: &[&str]) -> (Server, Story) {
    let mut server = home.serve_with(arguments);
    let (address, begun, told, unanswered) = (RwLock::new(server.address), AtomicUsize::new(0), Mutex::default(), AtomicU32::new(0));
    let mut outages = Vec::new();
    let mut moments = Moments(99);
    let over = AtomicBool::new(false);
    let (server, stalls) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (address, begun, told, unanswered) = (&address, &begun, &told, &unanswered);
                scope.spawn(move || test_loads(client, address, begun, told, unanswered))
            })
            .collect();
        let watching = scope.spawn(|| watch_disk(home.path(), &over));
        for _ in 0..KILLS {
            std::thread::sleep(moments.millis(2000, 6000));
            let from = now();
            server.kill();
            std::thread::sleep(moments.millis(0, 1500)); // A start alone is too short for anybody to notice.
            server = home.serve_with(arguments);
            outages.push((from, now()));
            *address.write().expect("nobody panics") = server.address;
        }
        let ended: Vec<_> = clients.into_iter().map(ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok), "a client panicked");
        (server, watching.join().expect("the disk can be watched"))
    });
    outages.extend(stalls);
    let told: Vec<Told> = told.into_inner().expect("nobody panics");
    assert_eq!(told.len(), RUNS);
    (server, Story { told, outages, unanswered: unanswered.into_inner() })
}

/// What the door before the database does, in turn, each time after it has worked for a while; `Stopped` refuses connections.
const UPSETS: [Upset; 7] = [
    Upset::Stopped,
    Upset::CutsBehind,
    Upset::Failing(500),
    Upset::Slow(Duration::from_millis(700)),
    Upset::CutsBefore,
    Upset::Failing(503),
    Upset::Slow(Duration::from_secs(11)), // Longer than anybody waits.
];

#[derive(Debug, Clone, Copy)]
enum Upset {
    Working,
    Stopped,
    Failing(u16),
    /// Nothing is passed on.
    CutsBefore,
    /// The points are kept, but nobody is told.
    CutsBehind,
    Slow(Duration),
}

#[test]
fn ten_kills_and_a_moody_database_lose_and_double_no_result_of_two_hundred_runs() {
    let (home, influxdb) = (Home::new(), Own::start("influxdb"));
    let setting = |name| influxdb.setting(name);
    let database = Influx {
        url: setting("INFLUXDB_URL"),
        user: setting("INFLUXDB_USERNAME"),
        password: setting("INFLUXDB_PASSWORD"),
        database: "chaos".to_owned(),
    };
    let (mood, over, refusals) = (Arc::new(Mutex::new(Upset::Working)), AtomicBool::new(false), Arc::new(AtomicU32::new(0)));
    let door = {
        let (mood, refusals) = (Arc::clone(&mood), Arc::clone(&refusals));
        Fake::before(setting("INFLUXDB_URL"), move |_, _| {
            let mood = *mood.lock().expect("nobody panics with it");
            refusals.fetch_add(u32::from(!matches!(mood, Upset::Working)), Ordering::Relaxed);
            match mood {
                Upset::Working => Reply::Passed(Duration::ZERO),
                Upset::Stopped | Upset::CutsBefore => Reply::Cut,
                Upset::Failing(code) => status(code),
                Upset::CutsBehind => Reply::PassedAndCut,
                Upset::Slow(by) => Reply::Passed(by),
            }
        })
    };
    let url = door.url();
    let flags = database.flags(&url);
    let (server, story) = std::thread::scope(|scope| {
        let (mood, over, door, influxdb) = (&mood, &over, &door, &influxdb);
        scope.spawn(move || {
            let mut moments = Moments(5);
            for round in 0.. {
                for upset in UPSETS.iter().flat_map(|upset| [Upset::Working, *upset]) {
                    *mood.lock().expect("nobody panics with it") = upset;
                    door.shut(matches!(upset, Upset::Stopped));
                    if round == 0 && matches!(upset, Upset::CutsBehind) {
                        influxdb.run("kill");
                        influxdb.run("start");
                    }
                    std::thread::sleep(moments.millis(800, 2000));
                    if over.load(Ordering::Relaxed) {
                        *mood.lock().expect("nobody panics with it") = Upset::Working;
                        door.shut(false);
                        return;
                    }
                }
            }
        });
        let tormented = torment(&home, &flags);
        over.store(true, Ordering::Relaxed);
        tormented
    });
    let states = server.wait_drained(seconds(120));
    let text = |row: &BTreeMap<String, Value>, name: &str| row[name].as_str().expect("a text").to_owned();
    let results: Vec<_> = database.rows("SELECT run, requestStats FROM load_testing_result");
    let results: Vec<_> = results.iter().map(|row| (text(row, "run"), text(row, "requestStats"))).collect();
    story.check_results(&results);
    let mut beats: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for row in database.rows("SELECT run, clients FROM load_testing") {
        assert_eq!(row["clients"], 10);
        beats.entry(text(&row, "run")).or_default().push(row["time"].as_i64().expect("a time"));
    }
    let (due, excused) = story.check_beats(&beats);
    println!(
        "{KILLS} kills, {} requests without an answer, {} writes met trouble; {RUNS} results each once, {} heartbeats of {} runs; of {due} \
         due {excused} fell into outages; {}",
        story.unanswered,
        refusals.load(Ordering::Relaxed),
        beats.values().map(Vec::len).sum::<usize>(),
        beats.len(),
        states["points"],
    );
    assert_eq!(states["points"]["dropped"], 0, "{states}");
    for run in &story.told {
        assert_eq!((&server.record(&run.uuid)["state"], &server.record(&run.uuid)["recorded"]), (&json!("finished"), &json!("written")));
        assert_eq!(server.goes_on(&run.host, &run.uuid), Some(false));
    }
    assert!(refusals.load(Ordering::Relaxed) > 5 && story.unanswered > 0, "nothing was amiss");
}

#[test]
fn ten_kills_leave_each_line_in_the_file_once() {
    let home = Home::new();
    let (server, story) = torment(&home, &["--loadtest-period", "1s"]);
    server.wait_drained(seconds(60));
    let points = server.file_points();
    let mut seen = BTreeSet::new();
    for point in &points {
        assert!(seen.insert((&point.measurement, point.field("run").as_str(), point.nanos)), "twice: {point:?}");
    }
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let results = points.iter().filter(|point| point.measurement == "load_testing_result");
    let results: Vec<_> = results.map(|point| (text(point.field("run")), text(point.field("requestStats")))).collect();
    story.check_results(&results);
    let mut beats: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for beat in points.iter().filter(|point| point.measurement == "load_testing") {
        beats.entry(text(beat.field("run"))).or_default().push(beat.nanos);
    }
    let (due, excused) = story.check_beats(&beats);
    println!(
        "{KILLS} kills, {} requests without an answer; {} lines, each once; of {due} beats due {excused} fell into outages",
        story.unanswered,
        points.len()
    );
}

#[test]
fn what_was_answered_holds_after_a_kill() {
    let home = Home::new();
    let arguments = ["--loadtest-period", "1s"];
    let mut server = home.serve_with(&arguments);
    for round in 0..4 {
        let host = format!("h{round}");
        let uuid = server.begin(&registration(&host));
        server.kill();
        server = home.serve_with(&arguments);
        assert_eq!(server.goes_on(&host, &uuid), Some(true));
        server.wait_file_points("load_testing", &uuid, 2);
        server.take("update", &json!({"hostname": host, "uuid": uuid, "measurement": {"fields": {"clients": 50 + round}}}));
        server.kill();
        server = home.serve_with(&arguments);
        assert_eq!(server.record(&uuid)["fields"]["clients"], 50 + round);
        server.take("annotate", &json!({"hostname": host, "uuid": uuid, "text": "t"}));
        server.kill();
        server = home.serve_with(&arguments);
        assert_eq!(server.record(&uuid)["annotations"][0]["text"], "t");
        server.wait_file_points("load_testing_event", &uuid, 1);
        server.end(&host, &uuid, json!({"round": round}));
        let answered = now();
        server.kill();
        server = home.serve_with(&arguments);
        assert_eq!(server.goes_on(&host, &uuid), Some(false));
        server.end(&host, &uuid, json!({"round": "another"}));
        assert_eq!(server.wait_written(&uuid)["requestStats"], json!({"round": round}));
        // What was due before may still come behind the result.
        std::thread::sleep(seconds(2));
        let beats = server.file_points_of("load_testing", &uuid);
        assert!(beats.iter().all(|beat| beat.nanos <= answered * 1000), "{beats:?} after {answered}");
        assert_eq!(
            (server.file_points_of("load_testing_event", &uuid).len(), server.file_points_of("load_testing_result", &uuid).len()),
            (1, 1)
        );
    }
}
