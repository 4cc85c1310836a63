//! The datagen endpoints as a client sees them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use headwater_core::limits;
use serde_json::{Value, json};

use crate::server::{Home, Server};
use crate::specs::{LATER, assert_numbered, job, numbered, to_file, with};
use crate::waiting::{seconds, wait_for};

fn ten_numbered(server: &Server) {
    server.start_job(&with(job("ten", to_file("ten.json")), json!({"total_events": 10})));
    server.wait_complete("ten");
}

/// A job that runs until it is stopped.
fn endless(name: &str) -> Value {
    with(job(name, to_file(&format!("{name}.json"))), json!({"time_type": "REAL", "concurrency": 10, "config": every_tenth()}))
}

fn every_tenth() -> Value {
    let mut specification = numbered();
    specification["states"][0]["delay"]["value"] = json!(0.1);
    specification["interarrival"]["value"] = json!(0.1);
    specification
}

#[test]
fn a_program_that_asks_for_the_root_is_greeted_in_json() {
    let home = Home::new();
    let answer = home.serve().get("/");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.message(), "Data Generator server. POST to /start to initiate an data generator.");
}

#[test]
fn a_fresh_server_runs_nothing_and_has_no_files() {
    let home = Home::new();
    let server = home.serve();
    assert_eq!(server.get("/jobs").json(), json!({"message": "Data generation is NOT running."}));
    assert_eq!(server.get("/files").json(), json!([]));
    assert_eq!(server.get("/healthz").json()["status"], "ok");
}

#[test]
fn the_list_is_sorted_and_every_name_on_it_can_be_started() {
    let home = Home::new();
    let server = home.serve();
    let names: Vec<String> = serde_json::from_value(server.get("/list").json()).unwrap();
    assert!(names.is_sorted(), "{names:?}");
    for needed in ["clickstream/clickstream.json", "clickstream/users_init.json", "clickstream/users_changes.json", "iot/iot_twin.json"] {
        assert!(names.iter().any(|name| name == needed), "{needed} is not in {names:?}");
    }
    for (number, name) in names.iter().enumerate() {
        let target = to_file(&format!("{number}.json"));
        let request = json!({"name": name, "target": target, "config_file": name, "total_events": 300, "time_type": LATER});
        server.start_job(&request);
    }
    for (number, name) in names.iter().enumerate() {
        let report = server.wait_complete(&name.replace('/', "%2F"));
        assert_eq!((&report["config_file"], &report["total_records"]), (&json!(name), &json!(300)));
        assert_eq!(server.records(&format!("{number}.json")).len(), 300, "{name}");
    }
}

#[test]
fn a_job_is_echoed_reported_and_written() {
    let home = Home::new();
    let server = home.serve();
    let request = with(job("count", to_file("sub/folder/count.json")), json!({"total_events": 5, "seed": 42, "note": [1]}));
    let echo = server.start_job(&request);
    assert_eq!(echo["target"]["path"], "/files/count.json");
    assert_eq!((&echo["config"]["config_file"], &echo["note"], &echo["total_events"]), (&json!("__custom__"), &json!([1]), &json!(5)));

    let report = server.wait_complete("count");
    assert_eq!(report["name"], "count");
    assert_eq!(report["config_file"], "__custom__");
    assert_eq!(report["target"], json!({"type": "file", "path": "/files/count.json"}));
    assert_eq!((&report["total_records"], &report["active_sessions"]), (&json!(5), &json!(0)));
    assert_eq!((&report["start_time"], &report["seed"]), (&json!("2100-01-01 00:00:00"), &json!(42)));
    assert!(report["run_time"].as_f64().unwrap() >= 4.0, "{report}");
    assert_eq!(server.get("/jobs").json(), json!([report]));
    assert_eq!(server.get("/files").json(), json!(["count.json"]));

    let answer = server.get("/file/count.json");
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson; charset=utf-8"));
    assert!(answer.text().ends_with("\"}\n"));
    assert_eq!(answer.text().lines().next(), Some(r#"{"time":"2100-01-01T00:00:00.001","n":"0"}"#));
    assert_numbered(&server.records("count.json"), 5);
}

#[test]
fn the_same_seed_gives_the_same_file_and_a_drawn_one_is_reported() {
    let home = Home::new();
    let server = home.serve();
    let request = |name: &str, seed: Value| {
        json!({"name": name, "target": to_file(name), "config_file": "clickstream/clickstream.json", "time_type": LATER,
            "total_events": 2000, "seed": seed})
    };
    server.start_job(&request("first", Value::Null));
    let seed = server.wait_complete("first")["seed"].clone();
    assert!(seed.is_i64(), "{seed}");
    server.start_job(&request("again", seed));
    server.start_job(&request("other", json!(1)));
    server.wait_complete("again");
    server.wait_complete("other");
    assert_eq!(server.file("first"), server.file("again"));
    assert_ne!(server.file("first"), server.file("other"));
}

#[test]
fn every_method_that_a_path_does_not_take_is_told_the_ones_it_does() {
    let home = Home::new();
    let server = home.serve();
    let reads = "GET,HEAD";
    for (path, allowed) in [
        ("/list", reads),
        ("/jobs", reads),
        ("/status/x", reads),
        ("/files", reads),
        ("/file/x", reads),
        ("/start", "POST"),
        ("/preview", "POST"),
        ("/stop/x", "POST"),
    ] {
        let wrong = server.send(if allowed == reads { "POST" } else { "GET" }, path, &[], b"");
        assert_eq!((wrong.status, wrong.header("allow")), (405, Some(allowed)), "{path}");
        assert_eq!(wrong.header("content-type"), Some("application/json"), "{path}");
        assert!(!wrong.message().is_empty());
        let options = server.send("OPTIONS", path, &[], b"");
        assert_eq!((options.status, options.header("allow"), options.body.len()), (204, Some(allowed), 0), "{path}");
    }
    let deleted = server.send("DELETE", "/list", &[], b"");
    assert_eq!((deleted.status, deleted.header("allow")), (405, Some(reads)));
}

#[test]
fn head_answers_like_get_without_the_body() {
    let home = Home::new();
    let server = home.serve();
    ten_numbered(&server);
    for path in ["/", "/list", "/jobs", "/status/ten", "/files", "/file/ten.json"] {
        let (head, get) = (server.send("HEAD", path, &[], b""), server.get(path));
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for header in ["content-type", "content-length", "etag", "last-modified"] {
            assert_eq!(head.header(header), get.header(header), "{header} of {path}");
        }
    }
}

#[test]
fn what_is_not_there_is_a_404_in_json() {
    let home = Home::new();
    let server = home.serve();
    for path in ["/nothing", "/list/", "/status", "/file", "/v2/streams", "//list"] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/json")), "{path}");
        assert!(!answer.message().is_empty());
    }
    assert_eq!(server.get("/list?recursive=no").status, 200);
}

#[test]
fn a_file_is_served_in_parts() {
    let home = Home::new();
    let server = home.serve();
    ten_numbered(&server);
    let whole = server.file("ten.json");
    let part = |range: &str| server.send("GET", "/file/ten.json", &[("range", range)], b"");
    let end = whole.len();
    for (range, from, to) in [("bytes=0-9", 0, 10), ("bytes=7-", 7, end), ("bytes=-5", end - 5, end), ("bytes=3-99999999", 3, end)] {
        let answer = part(range);
        assert_eq!((answer.status, answer.body.as_slice()), (206, &whole[from..to]), "{range}");
        assert_eq!(answer.header("content-range"), Some(format!("bytes {from}-{}/{end}", to - 1).as_str()), "{range}");
    }
    let beyond = part(&format!("bytes={end}-"));
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some(format!("bytes */{end}").as_str())));
    assert_eq!(beyond.message(), "ERROR retrieving file [ten.json].");
    assert_eq!(part("lines=1-2").body, whole);
}

#[test]
fn a_file_that_a_client_has_is_not_sent_again() {
    let home = Home::new();
    let server = home.serve();
    ten_numbered(&server);
    let first = server.get("/file/ten.json");
    let etag = first.header("etag").expect("a file has an etag").to_owned();
    assert!(first.header("last-modified").is_some_and(|date| date.ends_with(" GMT")), "{first:?}");
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    assert_eq!(first.header("content-disposition"), Some("inline; filename=\"ten.json\""));
    for listed in [etag.clone(), format!("\"other\", W/{etag}"), "*".to_owned()] {
        let again = server.send("GET", "/file/ten.json", &[("if-none-match", &listed)], b"");
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(etag.as_str())), "{listed}");
    }
    assert_eq!(server.send("GET", "/file/ten.json", &[("if-none-match", "\"other\"")], b"").status, 200);
    // The second part of a file that has changed since the first must not be put behind it.
    let changed = server.send("GET", "/file/ten.json", &[("if-range", "\"other\""), ("range", "bytes=5-")], b"");
    assert_eq!((changed.status, changed.body), (200, first.body.clone()));

    server.start_job(&with(job("ten", to_file("ten.json")), json!({"total_events": 11})));
    server.wait_complete("ten");
    let new = server.send("GET", "/file/ten.json", &[("if-none-match", &etag)], b"");
    assert_eq!(new.status, 200);
    assert_ne!(new.header("etag"), Some(etag.as_str()));
}

#[test]
fn no_path_leads_out_of_the_files_folder() {
    let home = Home::new();
    let server = home.serve();
    ten_numbered(&server);
    std::fs::write(home.path().join("secret.txt"), "secret").unwrap();
    for path in [
        "../secret.txt",
        "../../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "%2e%2e%2f%2e%2e%2fsecret.txt",
        "..%5csecret.txt",
        "sub/../../secret.txt",
        "./../secret.txt",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "ten.json%00.txt",
        "ten.json/",
        "ten.json/../ten.json",
        "..",
        ".",
        "%ff%fe",
        "store.redb",
        "../store.redb",
    ] {
        let answer = server.get(&format!("/file/{path}"));
        assert!(answer.status == 400 || answer.status == 404, "{path}: {}", answer.status);
        assert!(!answer.message().is_empty(), "{path}");
        assert!(!answer.text().contains("secret\""), "{path}");
    }
}

#[test]
fn file_targets_stay_in_the_files_folder() {
    let home = Home::new();
    let server = home.serve();
    for (number, path) in ["../../out.json", "/out.json", "/tmp/deep/out.json", "a/b/../out.json"].iter().enumerate() {
        let name = format!("j{number}");
        let echo = server.start_job(&with(job(&name, to_file(path)), json!({"total_events": 1})));
        assert_eq!(echo["target"]["path"], "/files/out.json", "{path}");
        server.wait_complete(&name);
    }
    assert_eq!(server.get("/files").json(), json!(["out.json"]));
    for path in ["", "..", "a/", "/", ".", "a/..", "nul\u{0}.json"] {
        let answer = server.post("/start", &with(job("bad", to_file(path)), json!({"total_events": 1})));
        assert_eq!(answer.status, 400, "{path:?}");
        assert!(answer.message().contains("target.path"), "{path:?}: {}", answer.message());
    }
}

#[test]
fn mistakes_come_all_at_once_with_their_paths_and_nothing_starts() {
    let home = Home::new();
    let server = home.serve();
    let mut request = with(job("bad", to_file("bad.json")), json!({"total_events": "many", "concurrency": 0}));
    request["config"]["emitters"][0]["dimensions"] = json!([
        {"type": "counter", "name": "a"},
        {"type": "int", "name": "b", "distribution": {"type": "uniform", "min": 0, "max": "ten"}, "cardinality": 0},
    ]);
    let answer = server.post("/start", &request);
    assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/json")));
    for part in ["total_events", "concurrency"] {
        assert!(answer.message().contains(part), "{part} is not in {}", answer.message());
    }
    assert!(answer.json()["mistakes"].as_array().is_some_and(|all| all.len() >= 2), "{}", answer.text());

    request = with(request, json!({"total_events": 5, "concurrency": 1}));
    request["config"]["states"][0]["transitions"] = json!([{"next": "elsewhere", "probability": 1}]);
    let answer = server.post("/start", &request);
    assert_eq!(answer.status, 400);
    for part in ["emitters[0].dimensions[1].distribution.max", "states[0].transitions[0].next"] {
        assert!(answer.message().contains(part), "{part} is not in {}", answer.message());
    }
    assert_eq!(server.get("/jobs").json()["message"], "Data generation is NOT running.");
    assert_eq!(server.get("/files").json(), json!([]));
}

#[test]
fn a_request_that_fails_leaves_the_file_and_the_job_of_before() {
    let home = Home::new();
    let server = home.serve();
    ten_numbered(&server);
    let before = server.file("ten.json");
    let mut broken = job("ten", to_file("ten.json"));
    broken["config"]["emitters"] = json!([]);
    assert_eq!(server.post("/start", &broken).status, 400);
    assert_eq!(server.post("/start", &with(broken, json!({"config": null, "config_file": "no/such.json"}))).status, 400);
    assert_eq!(server.file("ten.json"), before);
    assert_eq!(server.status("ten")["status"], "COMPLETE");
}

#[test]
fn bodies_that_are_no_json_object_are_refused() {
    let home = Home::new();
    let server = home.serve();
    let json = [("content-type", "application/json")];
    for body in [&b"{\"name\""[..], b"[]", b"null", b"7", b"", b"\xff\xfe", b"{} {}"] {
        let answer = server.send("POST", "/start", &json, body);
        assert!((400..500).contains(&answer.status), "{body:?}: {}", answer.status);
        assert!(!answer.message().is_empty());
    }
    let deep = "[".repeat(100_000);
    assert!((400..500).contains(&server.send("POST", "/start", &json, deep.as_bytes()).status));
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let home = Home::new();
    let server = home.serve();
    for path in ["/start", "/preview"] {
        // Twelve times the limit is announced; the answer comes as soon as the limit has been passed.
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(seconds(10))).unwrap();
        let length = 12 * limits::REQUEST_BODY;
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b' '; limits::REQUEST_BODY + 1]).unwrap();
        let mut answer = [0; 2048];
        let read = stream.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("application/json") && answer.contains("\"message\""), "{answer}");
    }
    // Just below the limit a body is read: white space before the request.
    let request = with(job("padded", to_file("padded.json")), json!({"total_events": 1})).to_string();
    let body = format!("{}{request}", " ".repeat(limits::REQUEST_BODY - request.len()));
    assert_eq!(server.send("POST", "/start", &[("content-type", "application/json")], body.as_bytes()).status, 200);
}

#[test]
fn the_name_of_a_running_job_is_taken() {
    let home = Home::new();
    let server = home.serve();
    server.start_job(&endless("busy"));
    let again = server.post("/start", &with(endless("busy"), json!({"target": to_file("other.json")})));
    assert_eq!(again.status, 400);
    assert_eq!(again.message(), "A Job with name [busy] is already running. Use /stop/busy to cancel it and try again.");
    let same_file = server.post("/start", &with(endless("second"), json!({"target": to_file("busy.json")})));
    assert_eq!(same_file.status, 400);
    assert!(same_file.message().contains("busy.json"), "{}", same_file.message());
    assert_eq!(server.status("busy")["status"], "RUNNING");
    assert_eq!(server.get("/jobs").json().as_array().map(Vec::len), Some(1));
}

#[test]
fn a_complete_job_may_be_started_again() {
    let home = Home::new();
    let server = home.serve();
    ten_numbered(&server);
    server.start_job(&with(job("ten", to_file("ten.json")), json!({"total_events": 4})));
    server.wait_complete("ten");
    assert_numbered(&server.records("ten.json"), 4);
    assert_eq!(server.get("/jobs").json().as_array().map(Vec::len), Some(1));
}

#[test]
fn a_stopped_job_writes_no_more_and_keeps_its_file() {
    let home = Home::new();
    let server = home.serve();
    server.start_job(&endless("flow"));
    wait_for("some records", seconds(60), || (server.file("flow.json").len() > 100).then_some(()));
    let answer = server.post("/stop/flow", &Value::Null);
    assert_eq!((answer.status, answer.message().as_str()), (200, "Job [flow] stopped successfully."));
    assert_eq!(server.get("/jobs").json()["message"], "Data generation is NOT running.");
    std::thread::sleep(seconds(1) + seconds(1) / 2);
    let after = server.file("flow.json");
    assert!(after.ends_with(b"}\n"), "the last record is whole");
    std::thread::sleep(seconds(1));
    assert_eq!(server.file("flow.json"), after, "the writer went on");

    let again = server.post("/stop/flow", &Value::Null);
    assert_eq!((again.status, again.message().as_str()), (400, "Job [flow] not found."));
    server.start_job(&with(endless("flow"), json!({"time_type": LATER, "total_events": 3})));
    assert_eq!(server.wait_complete("flow")["total_records"], 3);
}

#[test]
fn a_complete_job_is_stopped_out_of_the_list() {
    let home = Home::new();
    let server = home.serve();
    ten_numbered(&server);
    server.start_job(&endless("other"));
    assert_eq!(server.post("/stop/ten", &Value::Null).status, 200);
    let gone = server.get("/status/ten");
    assert_eq!((gone.status, gone.message().as_str()), (400, "Job [ten] not found"));
    assert_numbered(&server.records("ten.json"), 10);
}

#[test]
fn two_endless_jobs_run_side_by_side() {
    let home = Home::new();
    let server = home.serve();
    let simulated = |name: &str| with(endless(name), json!({"time_type": LATER, "config": numbered()}));
    for name in ["left", "right"] {
        server.start_job(&simulated(name));
    }
    for more in [1, 50_000] {
        for name in ["left", "right"] {
            server.wait_status(name, "progress", seconds(30), |report| report["total_records"].as_u64() >= Some(more));
        }
    }
    let names: Vec<Value> = server.get("/jobs").json().as_array().unwrap().iter().map(|report| report["name"].clone()).collect();
    assert_eq!(names, ["left", "right"]);
    for name in ["left", "right"] {
        assert_eq!(server.post(&format!("/stop/{name}"), &Value::Null).status, 200);
    }
}

#[test]
fn a_job_in_real_time_follows_the_clock() {
    let home = Home::new();
    let server = home.serve();
    let request = with(job("real", to_file("real.json")), json!({"time_type": "REAL", "time": "2s", "config": every_tenth()}));
    let began = std::time::Instant::now();
    server.start_job(&request);
    let report = server.wait_complete("real");
    let took = began.elapsed();
    assert!(took > seconds(2) && took < seconds(20), "{took:?}");
    let count = server.records("real.json").len();
    assert!((19..=22).contains(&count), "{count} records");
    assert_eq!(report["total_records"], count);
}

#[test]
fn records_for_standard_output_come_out_there_and_the_log_does_not() {
    let home = Home::new();
    let server = home.serve();
    server.start_job(&with(job("out", json!({"type": "stdout"})), json!({"total_events": 100})));
    server.wait_complete("out");
    let out = String::from_utf8(server.stdout()).unwrap();
    let records: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_numbered(&records, 100);
}

#[test]
fn a_preview_shows_the_first_records_and_leaves_nothing() {
    let home = Home::new();
    let server = home.serve();
    let body = json!({"config": numbered(), "time_type": LATER, "concurrency": 1});
    let answer = server.post("/preview", &body);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-ndjson")));
    assert_eq!(answer.text().lines().count(), 10);
    assert_eq!(answer.text().lines().next(), Some(r#"{"time":"2100-01-01T00:00:00.001","n":"0"}"#));
    let many = server.post("/preview", &with(body.clone(), json!({"total_events": 1000, "name": "p", "target": to_file("p.json")})));
    assert_eq!(many.text().lines().count(), 1000);
    let too_many = server.post("/preview", &with(body, json!({"total_events": 1001})));
    assert_eq!(too_many.status, 400);
    assert!(too_many.message().starts_with("total_events"), "{}", too_many.message());
    let stock = server.post("/preview", &json!({"config_file": "iot/iot_twin.json"}));
    assert_eq!((stock.status, stock.text().lines().count()), (200, 10));
    assert_eq!(server.get("/jobs").json()["message"], "Data generation is NOT running.");
    assert_eq!(server.get("/files").json(), json!([]));
}

#[test]
fn own_specifications_add_to_the_stock_and_hide_those_of_the_same_name() {
    let home = Home::new();
    let own = home.path().join("own");
    std::fs::create_dir_all(own.join("team")).unwrap();
    std::fs::create_dir_all(own.join("examples")).unwrap();
    std::fs::write(own.join("team/numbers.json"), numbered().to_string()).unwrap();
    std::fs::write(own.join("examples/langmap.json"), numbered().to_string()).unwrap();
    std::fs::write(own.join("team/notes.txt"), "no specification").unwrap();
    let server = home.serve_with(&["--specs-dir", own.to_str().unwrap()]);
    let names: Vec<String> = serde_json::from_value(server.get("/list").json()).unwrap();
    assert!(names.is_sorted() && names.contains(&"team/numbers.json".to_owned()), "{names:?}");
    assert!(names.contains(&"clickstream/clickstream.json".to_owned()) && !names.iter().any(|name| name.contains("notes")), "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "examples/langmap.json").count(), 1);
    for name in ["team/numbers.json", "examples/langmap.json"] {
        let answer = server.post("/preview", &json!({"config_file": name, "concurrency": 1}));
        assert!(answer.text().lines().next().is_some_and(|line| line.ends_with("\"n\":\"0\"}")), "{name}: {}", answer.text());
    }
    for name in ["../secret.json", "/etc/passwd", "team/../../x.json", "team/nothing.json", "team/notes.txt"] {
        let answer = server.post("/preview", &json!({"config_file": name}));
        assert_eq!(answer.status, 400, "{name}");
        assert!(answer.message().starts_with("config_file"), "{name}: {}", answer.message());
    }
}

#[test]
fn secrets_are_shown_to_nobody() {
    const SECRET: &str = "hunter2-and-a-half";
    let home = Home::new();
    let server = home.serve();
    // Port 9 discards: nothing answers there, so the jobs wait.
    let targets = json!({
        "kafka": {"type": "kafka", "endpoint": "127.0.0.1:9", "topic": "t", "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN", "username": "u", "password": SECRET},
        "confluent": {"type": "confluent", "servers": "127.0.0.1:9", "topic": "t", "username": "u", "password": SECRET},
        "http": {"type": "http", "url": format!("http://u:{SECRET}@127.0.0.1:9/in"), "headers": {"authorization": format!("Bearer {SECRET}")}},
    });
    for (name, target) in targets.as_object().unwrap() {
        let request = with(job(name, target.clone()), json!({"total_events": 5}));
        let answer = server.post("/start", &request);
        assert!(!answer.text().contains(SECRET), "/start: {}", answer.text());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // A wrong request with a secret: neither may its message carry it.
    let wrong = server.post("/start", &with(job("wrong", targets["confluent"].clone()), json!({"total_events": SECRET})));
    assert_eq!(wrong.status, 400);
    let no_address = json!({"type": "http", "url": format!("http://u:{SECRET}@[x/")});
    let answer = server.post("/start", &with(job("nowhere", no_address), json!({"total_events": 5})));
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(!answer.text().contains(SECRET), "{}", answer.text());
    server.wait_status("http", "a first attempt", seconds(20), |report| report["status_msg"].as_str().unwrap().contains("attempt"));
    server.wait_status("kafka", "a first attempt", seconds(30), |report| report["status_msg"].as_str().unwrap().contains("attempt"));
    let jobs = server.get("/jobs");
    assert_eq!(jobs.json().as_array().map(Vec::len), Some(3));
    for shown in [jobs.text(), server.status("http").to_string().as_str(), server.log().as_str(), server.get("/metrics").text()] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn a_target_that_came_along_in_a_specification_is_not_shown_with_its_secrets() {
    const SECRET: &str = "hunter2-and-a-half";
    let home = Home::new();
    let server = home.serve();
    let own = json!({"type": "kafka", "endpoint": "x", "topic": "t", "username": "u", "password": SECRET});
    let request = with(job("j", to_file("j.json")), json!({"config": with(numbered(), json!({"target": own})), "total_events": 5}));
    let answer = server.post("/start", &request);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!answer.text().contains(SECRET), "{}", answer.text());
}

#[test]
fn jobs_survive_a_restart_with_their_reports() {
    let home = Home::new();
    let server = home.serve();
    ten_numbered(&server);
    server.start_job(&endless("live"));
    let before = server.status("ten");
    let (status, _) = server.terminate();
    assert_eq!(status.code(), Some(0));
    let server = home.serve();
    assert_eq!(server.status("ten"), before);
    assert_numbered(&server.records("ten.json"), 10);
    assert_eq!(server.status("live")["status"], "RUNNING");
    let had = server.status("live")["total_records"].as_u64().unwrap();
    server.wait_status("live", "more records", seconds(60), |report| report["total_records"].as_u64() > Some(had + 20));
}
