//! Tables on functions under an emulated Lambda: the API behind a gateway, sources followed by workers behind the queue.

use std::fmt::Write as _;
use std::time::Duration;

use headwater_tests::lambda::{Function, Gateway, Polling, Queue, Routes};
use serde_json::{Value, json};

use crate::api_client::Api;
use crate::functions::{deployed, routes_of_the_template};
use crate::http::Answer;
use crate::localstack::Account;
use crate::specs::{every_second, job, with};
use crate::waiting::{seconds, wait_for};

/// How long an invocation of the worker may last here. Leases last five seconds longer.
const WORKER_TIME: Duration = Duration::from_secs(6);

/// How long the queue hides what it has delivered: longer than a lease.
const HIDDEN: u32 = 12;

const LINES: &str = "application/x-ndjson";
const DOUBLES: &str = "application/octet-stream";

/// The groups of tables, streams and jobs behind a gateway with the routes of the template, and a worker.
struct Cloud {
    account: Account,
    api: Api,
    tables: Function,
    streams: Function,
    datagen: Function,
    worker: Function,
    gateway: Gateway,
}

impl Cloud {
    fn new() -> Self {
        let account = Account::new(HIDDEN);
        let [tables, streams, datagen] = ["tables", "streams", "datagen"].map(|name| deployed(name, &account).timeout(seconds(29)).start());
        let worker = deployed("worker", &account).variable("HEADWATER_STEP_SECONDS", "2").variable("HEADWATER_STEP_MEGABYTES", "1");
        let worker = worker.timeout(WORKER_TIME).concurrency(4).start();
        let integrations = [("TablesIntegration", &tables), ("StreamsIntegration", &streams), ("DatagenIntegration", &datagen)];
        let routes = integrations.iter().fold(Routes::new(), |routes, (integration, function)| {
            let keys = routes_of_the_template(integration);
            keys.iter().fold(routes, |routes, (method, path)| routes.route(method, path, function))
        });
        let gateway = Gateway::start(routes);
        let api = Api::at(gateway.address());
        Self { account, api, tables, streams, datagen, worker, gateway }
    }

    fn feed(&self) -> Polling {
        Queue::new(&self.account.endpoint, &self.account.queue_url).batch(5).concurrency(3).feed(&self.worker)
    }

    /// Asks something of a table, which must be answered with this status.
    #[track_caller]
    fn asked(&self, status: u16, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        let answer = self.api.send(method, path, &[("content-type", kind)], body);
        let said = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{method} {path}: {said}{}", self.tables.log());
        answer
    }

    #[track_caller]
    fn define(&self, table: &str, definition: &Value) {
        self.asked(201, "PUT", &format!("/table/{table}"), "application/json", definition.to_string().as_bytes());
    }

    #[track_caller]
    fn described(&self, table: &str) -> Value {
        self.asked(200, "GET", &format!("/table/{table}"), LINES, b"").json()
    }

    /// The rows of a span of time: offsets, and values.
    #[track_caller]
    fn rows(&self, table: &str, from: &str, to: &str) -> Vec<(i64, Value)> {
        let answer = self.asked(200, "GET", &format!("/table/{table}/timeRange?from={from}&to={to}"), LINES, b"");
        let row = |line: &str| {
            let row: Value = serde_json::from_str(line).expect("a row");
            (row["offset"].as_i64().expect("an offset"), row["value"].clone())
        };
        answer.text().lines().map(row).collect()
    }

    /// All samples of a table whose rate is a whole number, after a check that they lie where they should.
    #[track_caller]
    fn samples(&self, table: &str, rate: i64) -> Vec<f64> {
        let rows = self.rows(table, "0s", "100000d");
        let placed = rows.iter().enumerate().all(|(index, (offset, _))| *offset == index as i64 * 1_000_000_000 / rate);
        assert!(placed, "{table} has a gap");
        rows.into_iter().map(|(_, value)| value.as_f64().expect("a number")).collect()
    }

    #[track_caller]
    fn wait_rows(&self, table: &str, enough: impl Fn(u64, bool) -> bool) -> u64 {
        wait_for(&format!("the rows of {table}"), seconds(90), || {
            std::thread::sleep(Duration::from_millis(100));
            let described = self.described(table);
            let rows = described["rows"].as_u64().expect("a count");
            enough(rows, described["finished"] == true).then_some(rows)
        })
    }

    /// Kills workers that are in the middle of a step, which is a short one where a source is looked at.
    fn kill_workers(&self, after: u64) -> usize {
        std::thread::sleep(Duration::from_millis(after));
        wait_for("a step", seconds(60), || {
            std::thread::sleep(Duration::from_millis(37));
            Some(self.worker.kill_running()).filter(|&killed| killed > 0)
        })
    }

    #[track_caller]
    fn fine(&self, polling: Polling) {
        let trouble = polling.trouble();
        drop(polling);
        assert_eq!((trouble, self.gateway.trouble()), (Vec::<String>::new(), Vec::new()), "{}{}", self.worker.log(), self.tables.log());
    }
}

fn doubles(samples: impl IntoIterator<Item = f64>) -> Vec<u8> {
    samples.into_iter().flat_map(f64::to_le_bytes).collect()
}

#[test]
fn every_path_of_the_group_arrives() {
    let cloud = Cloud::new();
    let description = cloud.api.get(headwater_tables::paths::OPENAPI);
    assert_eq!((description.status, description.json()["openapi"].clone()), (200, json!("3.1.0")), "{}", description.text());
    for path in headwater_tables::paths::ALL.into_iter().filter(|path| *path != headwater_tables::paths::OPENAPI) {
        let path = path.replace("{tableName}", "no%20such%20table").replace("{format}", "wav");
        let query = "?interval=1s&from=0s&to=1s";
        for (path, expected) in [(format!("{path}{query}"), [200, 404, 405]), (format!("{path}/{query}"), [200, 404, 405])] {
            if path.starts_with("/table/?") {
                continue; // A gateway tells this one from /table.
            }
            let answer = cloud.api.get(&path);
            assert!(expected.contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
            let is_ours = answer.status == 200 || answer.text().starts_with("no such table") || answer.header("allow").is_some();
            assert!(is_ours, "{path}: {} {}", answer.status, answer.text());
        }
    }
    let answer = cloud.api.send("PATCH", "/table/x", &[], b"");
    assert_eq!((answer.status, answer.header("allow").is_some()), (405, true), "{}", answer.text());
    assert_eq!(cloud.gateway.trouble(), Vec::<String>::new());
}

#[test]
fn a_table_is_defined_filled_looked_into_and_deleted_behind_the_gateway() {
    let cloud = Cloud::new();
    let definition = json!({"element": "sample", "sampleRate": 4, "operations": [{"window": {"size": 2}}]});
    cloud.define("my%20t%C3%A4ble", &definition);
    let again = |definition: &Value, status| {
        cloud.asked(status, "PUT", "/table/my%20t%C3%A4ble", "application/json", definition.to_string().as_bytes());
    };
    again(&definition, 200);
    again(&with(definition, json!({"sampleRate": 5})), 409);
    let appended = cloud.asked(200, "POST", "/table/my%20t%C3%A4ble", LINES, b"1\n2\n3\n").json();
    assert_eq!(appended, json!({"appended": 3}));
    let values = |rows: Vec<(i64, Value)>| rows.into_iter().map(|(offset, row)| (offset, row["elements"].clone())).collect::<Vec<_>>();
    let first = (0, json!([1.0, 2.0]));
    assert_eq!(values(cloud.rows("my%20t%C3%A4ble", "0s", "1d")), std::slice::from_ref(&first));
    cloud.asked(200, "POST", "/table/my%20t%C3%A4ble/finish", LINES, b"");
    assert_eq!(values(cloud.rows("my%20t%C3%A4ble", "0s", "1d")), [first, (500_000_000, json!([3.0]))]);
    cloud.asked(409, "POST", "/table/my%20t%C3%A4ble", LINES, b"4\n");
    let listed = cloud.asked(200, "GET", "/table", LINES, b"").json();
    assert_eq!((listed[0]["name"].clone(), listed[0]["rows"].clone()), (json!("my täble"), json!(2)));
    cloud.asked(200, "DELETE", "/table/my%20t%C3%A4ble", LINES, b"");
    cloud.asked(404, "GET", "/table/my%20t%C3%A4ble", LINES, b"");
    assert_eq!(cloud.gateway.trouble(), Vec::<String>::new());
}

#[test]
fn what_is_pushed_is_in_the_bucket_and_goes_with_its_table() {
    let cloud = Cloud::new();
    cloud.define("t", &json!({"element": "sample", "sampleRate": 1000}));
    let value = |index: usize| (index as f64).sqrt();
    // As much as a function takes, several times.
    let part = 500_000;
    for round in 0..3 {
        let body = doubles((round * part..(round + 1) * part).map(value));
        assert_eq!(cloud.asked(200, "POST", "/table/t", DOUBLES, &body).json(), json!({"appended": part}));
    }
    assert_eq!(cloud.described("t")["rows"], 3 * part);
    assert!(cloud.account.joined("chunks/").len() >= 2 * part * 8, "the samples are in chunks");
    for index in [0, 1, part - 1, part, 2 * part + 77, 3 * part - 1] {
        let rows = cloud.rows("t", &format!("{index}ms"), &format!("{}ms", index + 1));
        assert_eq!(rows, [(index as i64 * 1_000_000, json!(value(index)))]);
    }
    let all = cloud.asked(413, "GET", "/table/t/last?interval=1d", LINES, b"");
    assert!(all.text().contains("ask for a shorter time"), "{}", all.text());
    // Of what is heard there is an end, whether or not the table has one.
    let sound = cloud.asked(200, "GET", "/audio/t/stream/wav?bitDepth=8&offset=2s", LINES, b"");
    assert_eq!((sound.header("content-type"), sound.body.len()), (Some("audio/wav"), 44 + 2001));
    let picture = cloud.asked(200, "GET", "/table/t/plot.svg?interval=100s", LINES, b"");
    assert!(picture.text().contains("<svg"), "{}", picture.text());
    let many = doubles(vec![0.0; 600_000]);
    assert_eq!(cloud.api.send("POST", "/table/t", &[("content-type", DOUBLES)], &many).status, 413);
    assert_eq!(cloud.described("t")["rows"], 3 * part);
    cloud.asked(200, "DELETE", "/table/t", LINES, b"");
    assert_eq!(cloud.account.keys("chunks/"), Vec::<String>::new());
    assert_eq!(cloud.asked(200, "GET", "/table", LINES, b"").json(), json!([]));
}

#[test]
fn a_signal_and_a_table_of_its_spectra_are_made_by_workers() {
    let cloud = Cloud::new();
    let polling = cloud.feed();
    cloud.define(
        "tone",
        &json!({"element": "sample", "sampleRate": 8000, "source": {"signal": {"sine": {"frequency": 1000}, "length": "10s"}}}),
    );
    let operations = json!([{"window": {"size": 64}}, {"fft": {"binCount": 64}}]);
    cloud.define("spectra", &json!({"element": "sample", "source": {"table": "tone"}, "operations": operations}));
    assert_eq!(cloud.wait_rows("tone", |_, finished| finished), 80_000);
    assert_eq!(cloud.wait_rows("spectra", |_, finished| finished), 80_000 / 64);
    for (index, (offset, value)) in cloud.rows("tone", "0s", "1s").into_iter().enumerate() {
        let expected = (std::f64::consts::TAU * index as f64 / 8.0).cos();
        assert_eq!(offset, index as i64 * 125_000);
        assert!((value.as_f64().expect("a number") - expected).abs() < 1e-12, "sample {index} is {value} and not {expected}");
    }
    let spectrum = cloud.rows("spectra", "0s", "1ms").remove(0).1;
    let magnitudes = spectrum["magnitude"].as_array().expect("magnitudes");
    let loudest = (0..32).max_by(|&one, &other| {
        let of = |bin: usize| magnitudes[bin].as_f64().unwrap_or(f64::NEG_INFINITY);
        of(one).total_cmp(&of(other))
    });
    assert_eq!(loudest, Some(8), "{spectrum}");
    wait_for("the end of the tasks", seconds(30), || cloud.account.keys("documents/tasks/").is_empty().then_some(()));
    cloud.fine(polling);
}

#[test]
fn a_signal_in_real_time_has_no_gap_although_workers_are_killed() {
    let cloud = Cloud::new();
    let polling = cloud.feed();
    let saw = json!({"saw": {"frequency": 0.001}});
    cloud.define("t", &json!({"element": "sample", "sampleRate": 1000, "source": {"signal": saw}}));
    cloud.wait_rows("t", |rows, _| rows > 1000);
    let mut killed = 0;
    for moment in [310, 730] {
        killed += cloud.kill_workers(moment);
        let known = cloud.described("t")["rows"].as_u64().expect("a count");
        // What was due while nobody was there is made up for.
        cloud.wait_rows("t", |rows, _| rows >= known + 1000 * u64::from(HIDDEN));
    }
    println!("{killed} workers killed in a step");
    cloud.asked(200, "POST", "/table/t/finish", LINES, b"");
    let samples = cloud.samples("t", 1000);
    assert!(samples.len() > 2 * 1000 * HIDDEN as usize, "{} samples", samples.len());
    // It rises steadily: nothing is there twice, and nothing is missing.
    let wrong = samples.windows(2).position(|pair| (pair[1] - pair[0] - 2e-6).abs() > 1e-9);
    assert_eq!(wrong.map(|at| &samples[at..at + 2]), None);
    cloud.asked(200, "DELETE", "/table/t", LINES, b"");
    wait_for("the end of the task", seconds(60), || cloud.account.keys("documents/tasks/").is_empty().then_some(()));
    drop(polling);
    assert_eq!(cloud.account.keys("chunks/"), Vec::<String>::new(), "a worker that was stopped has left something");
}

#[test]
fn every_event_of_a_stream_becomes_a_sample_once_although_workers_are_killed() {
    let cloud = Cloud::new();
    let stream = "/v3/namespaces/default/streams/readings";
    let made = cloud.api.send("PUT", stream, &[], b"");
    assert_eq!(made.status, 200, "{}{:?}{}", made.text(), cloud.gateway.trouble(), cloud.streams.log());
    let source = json!({"stream": {"stream": "readings", "field": "n"}});
    cloud.define("t", &json!({"element": "sample", "sampleRate": 1000, "source": source}));
    let users = cloud.api.get(&format!("{stream}/programs"));
    assert!(users.status == 200 && users.text().contains("tables"), "{}", users.text());
    let polling = cloud.feed();
    let (mut sent, mut killed) = (0, 0);
    for moment in [250, 600, 0] {
        for _ in 0..20 {
            let batch = (sent..sent + 100).fold(String::new(), |mut batch, n| {
                // Others are passed over.
                writeln!(batch, "{{\"n\":{n}}}\n{{\"m\":{n}}}\nno record").expect("a text can be written to");
                batch
            });
            let answer = cloud.api.send("POST", &format!("{stream}/batch"), &[("content-type", "text/plain")], batch.as_bytes());
            assert_eq!(answer.status, 200, "{}", answer.text());
            sent += 100;
        }
        if moment > 0 {
            killed += cloud.kill_workers(moment);
        }
    }
    println!("{killed} workers killed in a step");
    cloud.wait_rows("t", |rows, _| rows >= sent);
    std::thread::sleep(seconds(2));
    let wanted: Vec<f64> = (0..sent).map(|n| n as f64).collect();
    assert_eq!(cloud.samples("t", 1000), wanted);
    drop(polling);
}

#[test]
fn a_job_fills_a_table_with_each_record_once_although_workers_are_killed() {
    let cloud = Cloud::new();
    let polling = cloud.feed();
    let number = json!({"type": "int", "name": "v", "distribution": {"type": "uniform", "min": 0, "max": 1_000_000}});
    let pad = json!({"type": "string", "name": "pad", "length_distribution": {"type": "constant", "value": 300}, "chars": "ab", "cardinality": 0});
    let spec = every_second(json!([number, pad]));
    let records = 60_000;
    let members = |total: u64| json!({"config": spec, "seed": 11, "total_events": total});
    cloud.define("t", &json!({"element": "sample", "sampleRate": 1}));
    let target = json!({"type": "table", "table": "t", "field": "v"});
    let refused = cloud.api.post("/start", &with(job("x", json!({"type": "table", "table": "u", "field": "v"})), members(5)));
    let log = (cloud.gateway.trouble(), cloud.datagen.log());
    assert!(refused.status == 400 && refused.message().contains("u is not found"), "{} {}{log:?}", refused.status, refused.text());
    cloud.api.start_job(&with(job("into-the-table", target), members(records)));
    let mut killed = 0;
    for moment in [500, 900] {
        killed += cloud.kill_workers(moment);
    }
    println!("{killed} workers killed in a step");
    let done = cloud.api.wait_status("into-the-table", "the end of the job", seconds(120), |status| status["status"] != "RUNNING");
    assert_eq!(done["status"], "COMPLETE", "{done}");
    cloud.api.start_job(&with(job("to-compare", json!({"type": "file", "path": "v.json"})), members(records)));
    cloud.api.wait_status("to-compare", "the end of the job", seconds(120), |status| status["status"] == "COMPLETE");
    let file = cloud.account.joined("files/");
    let wanted: Vec<f64> = String::from_utf8(file)
        .expect("a text")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a record")["v"].as_f64().expect("a number"))
        .collect();
    assert_eq!(wanted.len() as u64, records);
    let samples: Vec<f64> = ["0s", "20000s", "40000s"]
        .iter()
        .zip(["20000s", "40000s", "100000s"])
        .flat_map(|(from, to)| cloud.rows("t", from, to))
        .map(|(_, value)| value.as_f64().expect("a number"))
        .collect();
    assert!(samples == wanted, "{} samples of {} records", samples.len(), wanted.len());
    drop(polling);
}
