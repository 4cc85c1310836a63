//! Load tests whose points go to a database: to InfluxDB and VictoriaMetrics themselves, and to one that misbehaves.
//!
//! `tests/run` starts the databases and names their folders in `INFLUXDB_DIR` and `VICTORIA_METRICS_DIR`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::component::Component;
use crate::load_tests_client::{Influx, now, registration, sample};
use crate::load_tests_fake::{Asked, Fake, Reply, status};
use crate::server::{Home, Server};
use crate::waiting::{seconds, wait_for};

fn influx<'a>(component: &'a Component, test: &str) -> Influx<'a> {
    Influx {
        url: component.setting("INFLUXDB_URL"),
        user: component.setting("INFLUXDB_USERNAME"),
        password: component.setting("INFLUXDB_PASSWORD"),
        database: format!("acceptance_load_{test}_{}", std::process::id()),
    }
}

/// A server whose points go to a fake.
fn serve(home: &Home, fake: &Fake) -> Server {
    serve_each(home, fake, "1s")
}

/// The same, with a period.
fn serve_each(home: &Home, fake: &Fake, period: &str) -> Server {
    home.serve_with(&["--loadtest-period", period, "--influxdb-url", &fake.url(), "--influxdb-database", "d"])
}

/// Waits until all points have left, and so many of them are counted as written; what is said of them.
#[track_caller]
fn wait_counted(server: &Server, points: impl Fn() -> usize) -> Value {
    wait_for("the count of points", seconds(60), || {
        Some(server.wait_drained(seconds(60))).filter(|states| states["points"]["written"] == points())
    })
}

#[test]
fn points_are_in_influxdb_with_their_types_and_times() {
    let (home, component) = (Home::new(), Component::named("influxdb", "INFLUXDB_DIR"));
    // It is not there; whoever writes makes it.
    let database = influx(&component, "types");
    let server = home.serve_with(&database.flags(database.url));
    let before = now() * 1000;
    let mut body = registration("g");
    body["runTags"] = json!({"team": "web"});
    let uuid = server.begin(&body);
    let beats = wait_for("heartbeats", seconds(60), || Some(database.rows("SELECT * FROM load_testing")).filter(|rows| rows.len() >= 4));
    let after = now() * 1000;
    for (number, beat) in beats.iter().enumerate() {
        let wanted = json!({"clients": 10, "hatchRate": 0.1, "requests": 100, "run": uuid, "generator": "g", "team": "web",
            "mode": "single", "targetHost": "shop.example", "time": beat["time"]});
        assert_eq!(json!(beat), wanted);
        let time = beat["time"].as_i64().expect("a time");
        assert!((before - 1_000_000_000..=after).contains(&time) && (number == 0 || time % 1_000_000_000 < 1_000_000), "{beats:?}");
    }
    let text = "version \"7\"\nof c:\\shop\\, é=1";
    server.take("annotate", &json!({"hostname": "g", "uuid": uuid, "text": text}));
    let stats = sample("locust-json.json");
    server.end("g", &uuid, stats.clone());
    server.wait_written(&uuid);
    let all = |measurement: &str| database.rows(&format!("SELECT * FROM {measurement}"));
    let results = all("load_testing_result");
    assert_eq!(results.len(), 1, "{results:?}");
    let kept: Value = serde_json::from_str(results[0]["requestStats"].as_str().expect("a text")).expect("it is JSON");
    assert_eq!((kept, &results[0]["requests"], &results[0]["failures"]), (stats.clone(), &json!(167), &json!(23)));
    assert_eq!(all("load_testing_event")[0]["text"], text);
    let endpoints = all("load_testing_endpoint");
    let mut requests: Vec<(&str, i64)> =
        endpoints.iter().map(|row| (row["name"].as_str().expect("a name"), row["requests"].as_i64().expect("a count"))).collect();
    let entries = stats.as_array().expect("a list");
    let mut wanted: Vec<(&str, i64)> =
        entries.iter().map(|entry| (entry["name"].as_str().unwrap(), entry["num_requests"].as_i64().unwrap())).collect();
    requests.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(requests, wanted);
    let types: BTreeMap<String, String> = ["load_testing", "load_testing_result", "load_testing_endpoint", "load_testing_event"]
        .iter()
        .flat_map(|measurement| database.rows(&format!("SHOW FIELD KEYS FROM {measurement}")))
        .map(|row| (row["fieldKey"].as_str().unwrap().to_owned(), row["fieldType"].as_str().unwrap().to_owned()))
        .collect();
    for (field, kind) in types {
        let wanted = match field.as_str() {
            "clients" | "requests" | "failures" | "exitCode" => "integer",
            "run" | "generator" | "requestStats" | "text" | "title" | "tags" => "string",
            _ => "float",
        };
        assert_eq!(kind, wanted, "{field}");
    }
    let states =
        wait_counted(&server, || ["", "_result", "_endpoint", "_event"].iter().map(|kind| all(&format!("load_testing{kind}")).len()).sum());
    let shown = &states["database"];
    assert_eq!((&shown["kind"], &shown["reachable"], &shown["lastError"]), (&json!("influxdb"), &json!(true), &Value::Null), "{states}");
    assert!(shown["place"].as_str().is_some_and(|place| place.contains(&database.database)), "{states}");
    assert!(!states.to_string().contains(database.password), "{states}");
}

#[test]
fn awkward_texts_come_back_from_influxdb() {
    let (home, component) = (Home::new(), Component::named("influxdb", "INFLUXDB_DIR"));
    let database = influx(&component, "texts");
    let server = home.serve_with(&database.flags(database.url));
    // What is sent, and what a tag has of it: see the top of line_protocol.rs.
    let texts = [
        ("plain", "plain"),
        ("a b,c=d", "a b,c=d"),
        ("say \"é\"", "say \"é\""),
        (r"c:\shop\new", r"c:\shop\new"),
        ("\\", ""),
        (r"ends with \", "ends with "),
        (r"two \\, three \\\=", "two , three ="),
        ("line\nfeed\r\ttab", "line feed  tab"),
        ("日本 \u{1f600}\u{301}", "日本 \u{1f600}\u{301}"),
        ("'; DROP DATABASE x --", "'; DROP DATABASE x --"),
        ("#comment", "#comment"),
        (" spaces ", " spaces "),
        ("x,y=1 z=2i 3\nm f=1", "x,y=1 z=2i 3 m f=1"),
        ("null", "null"),
        ("12i", "12i"),
        (r#"\""#, "\""),
    ];
    let mut runs = Vec::new();
    for (number, (text, tag)) in texts.iter().enumerate() {
        let mut body = registration(&format!("{text} {number}"));
        body["runTags"] = json!({"odd": text, "number": number});
        // A name, too; one that is nothing but backslashes is none.
        body["runTags"][format!("n {text}")] = "named".into();
        body["measurement"]["tags"]["targetHost"] = (*text).into();
        let (host, uuid) = (format!("{text} {number}"), server.begin(&body));
        server.take("annotate", &json!({"hostname": host, "uuid": uuid, "text": text, "title": text, "tags": [text, "b"]}));
        server.end(&host, &uuid, json!({*text: [text]}));
        runs.push((host, uuid, *text, *tag));
    }
    for (_, uuid, ..) in &runs {
        server.wait_written(uuid);
    }
    let states = server.wait_drained(seconds(30));
    assert_eq!(states["points"]["dropped"], 0, "{states}");
    let find = |measurement: &str, uuid: &str| {
        let all = database.rows(&format!("SELECT * FROM {measurement} GROUP BY *"));
        let mut found: Vec<_> = all.into_iter().filter(|row| row.get("run").is_some_and(|run| run == uuid)).collect();
        assert!(!found.is_empty(), "{measurement} has nothing of {uuid}");
        found.swap_remove(0)
    };
    for (number, (host, uuid, text, tag)) in runs.iter().enumerate() {
        for measurement in ["load_testing", "load_testing_event", "load_testing_result"] {
            let row = find(measurement, uuid);
            assert_eq!((&row["generator"], &row["number"]), (&json!(host), &json!(number.to_string())), "{measurement} of {text:?}");
            let odd = (row["odd"].as_str().unwrap_or_default(), row[&format!("n {tag}")].as_str());
            assert_eq!(odd, (*tag, Some("named")), "{measurement} of {text:?}: {row:?}");
            if measurement != "load_testing_result" {
                assert_eq!(row["targetHost"].as_str().unwrap_or_default(), *tag, "{measurement} of {text:?}");
            }
        }
        let event = find("load_testing_event", uuid);
        assert_eq!((&event["text"], &event["title"], &event["tags"]), (&json!(text), &json!(text), &json!(format!("{text},b"))));
        let stats = find("load_testing_result", uuid)["requestStats"].clone();
        let kept: Value = serde_json::from_str(stats.as_str().expect("a text")).expect("it is JSON");
        assert_eq!(kept, json!({*text: [text]}));
    }
}

#[test]
fn numbers_are_in_victoria_metrics() {
    let (home, database) = (Home::new(), Component::named("victoria-metrics", "VICTORIA_METRICS_DIR"));
    let url = database.setting("VICTORIA_METRICS_URL");
    let mut flags = vec!["--loadtest-period", "1s", "--influxdb-url", url, "--influxdb-version", "2"];
    flags.extend(["--influxdb-org", "o", "--influxdb-bucket", "b", "--influxdb-token", "any"]);
    let server = home.serve_with(&flags);
    let team = format!("web, é=1 {}", std::process::id());
    let mut body = registration("g");
    body["runTags"] = json!({"team": team});
    let before = now() / 1000;
    let uuid = server.begin(&body);
    let exported = |series: &str| -> Vec<Value> {
        let curl = |arguments: &[&str]| std::process::Command::new("curl").arg("-s").args(arguments).output().expect("curl is installed");
        curl(&[&format!("{url}/internal/force_flush")]);
        let wanted = format!("match[]={{__name__=\"{series}\",team=\"{team}\"}}");
        let output = curl(&["-G", "--data-urlencode", &wanted, &format!("{url}/api/v1/export")]);
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("a series is JSON")).collect()
    };
    // What is new becomes visible some time after it was taken.
    let values = || exported("load_testing_clients").first().and_then(|series| Some(series["values"].as_array()?.len())).unwrap_or(0);
    wait_for("heartbeats", seconds(60), || (values() >= 4).then_some(()));
    server.end("g", &uuid, sample("locust-json.json"));
    server.wait_written(&uuid);
    server.wait_drained(seconds(30));
    for (series, value) in [("load_testing_clients", 10.0), ("load_testing_hatchRate", 0.1), ("load_testing_requests", 100.0)] {
        let all = exported(series);
        assert_eq!(all.len(), 1, "{series}: {all:?}");
        assert_eq!((&all[0]["metric"]["targetHost"], &all[0]["metric"]["mode"]), (&json!("shop.example"), &json!("single")));
        let (values, times) = (all[0]["values"].as_array().expect("a list"), all[0]["timestamps"].as_array().expect("a list"));
        assert!(values.len() >= 4 && values.iter().all(|found| found.as_f64() == Some(value)), "{series}: {values:?}");
        assert!(times.iter().skip(1).all(|time| time.as_i64().is_some_and(|time| time % 1000 == 0 && time > before)), "{times:?}");
    }
    let seen = |series: &str, count: usize| wait_for(series, seconds(30), || Some(exported(series)).filter(|all| all.len() == count));
    assert_eq!(seen("load_testing_result_requests", 1)[0]["values"], json!([167]));
    let endpoints = seen("load_testing_endpoint_requests", 4);
    let sum: f64 = endpoints.iter().filter_map(|series| series["values"][0].as_f64()).sum();
    assert_eq!((endpoints.len(), sum), (4, 167.0), "{endpoints:?}");
}

#[test]
fn a_write_that_met_503_is_sent_again_as_it_was() {
    let fake = Fake::new(|_, number| if number < 2 { status(503) } else { Reply::Kept });
    let home = Home::new();
    let server = serve(&home, &fake);
    let uuid = server.begin(&registration("h"));
    let troubled = wait_for("the trouble", seconds(30), || {
        let states = server.states();
        (states["database"]["reachable"] == false).then_some(states)
    });
    assert!(troubled["database"]["lastError"]["message"].as_str().is_some_and(|said| said.contains("503")), "{troubled}");
    assert!(troubled["points"]["queued"].as_u64() > Some(0) && troubled["points"]["written"] == 0, "{troubled}");
    server.end("h", &uuid, json!({"a": 1}));
    assert_eq!(server.record(&uuid)["recorded"], "queued");
    server.wait_written(&uuid);
    let states = wait_counted(&server, || fake.points().len());
    assert!(states["points"]["retried"].as_u64() > Some(1), "{states}");
    assert_eq!((&states["points"]["dropped"], &states["database"]["reachable"]), (&json!(0), &json!(true)), "{states}");
    let (asked, first) = (fake.asked(), fake.asked()[0].points()[0].clone());
    // The result overtakes it, as soon as it is there.
    let same = asked.iter().filter(|asked| asked.points().contains(&first)).count();
    assert!((2..=3).contains(&same) && fake.points().contains(&first), "{first:?} was sent {same} times");
    assert_eq!(fake.points_of("load_testing_result", &uuid).len(), 1);
    // The first pause is half a second at least, and the second longer.
    let gaps: Vec<i64> = asked.windows(2).map(|pair| pair[1].at - pair[0].at).take(2).collect();
    assert!(gaps[0] >= 480_000 && gaps[1] >= 980_000, "{gaps:?}");
}

#[test]
fn one_bad_line_takes_no_other_point_with_it() {
    let is_bad = |asked: &Asked| asked.points().iter().any(|point| point.tags.get("team").is_some_and(|team| team == "bad"));
    let fake = Fake::new(move |asked, number| match (number, is_bad(asked)) {
        (0, _) => status(503), // So that there is a batch.
        (_, true) => Reply::Status(400, "", "{\"error\":\"partial write: field type conflict dropped=1\"}".to_owned()),
        (_, false) => Reply::Kept,
    });
    let home = Home::new();
    let server = serve(&home, &fake);
    let mut runs = Vec::new();
    for number in 0..40 {
        let mut body = registration(&format!("h{number}"));
        body["runTags"] = json!({"team": if number == 17 { "bad" } else { "good" }});
        runs.push(server.begin(&body));
    }
    for (number, uuid) in runs.iter().enumerate() {
        server.end(&format!("h{number}"), uuid, json!({"number": number}));
    }
    for (number, uuid) in runs.iter().enumerate() {
        let record = server.wait_record(uuid, "the end of the wait", seconds(60), |record| record["recorded"] != "queued");
        let (recorded, kept) = if number == 17 { ("refused", 0) } else { ("written", 1) };
        assert_eq!((record["recorded"].as_str(), fake.points_of("load_testing_result", uuid).len()), (Some(recorded), kept), "{number}");
        assert_eq!(record["refused"].as_str().is_some_and(|why| why.contains("field type conflict")), number == 17, "{record}");
    }
    // Results do not wait for heartbeats.
    let states = wait_counted(&server, || fake.points().len());
    for (number, uuid) in runs.iter().enumerate() {
        assert_eq!(fake.points_of("load_testing", uuid).is_empty(), number == 17, "{number}");
    }
    let bad: usize = {
        let mut lines: Vec<String> = fake
            .asked()
            .iter()
            .flat_map(Asked::points)
            .filter(|point| point.tags["team"] == "bad")
            .map(|point| format!("{point:?}"))
            .collect();
        lines.sort_unstable();
        lines.dedup();
        lines.len()
    };
    assert_eq!(states["points"]["dropped"], bad, "{states}");
    assert!(states["database"]["lastError"]["message"].as_str().is_some_and(|said| said.contains("field type conflict")), "{states}");
    assert_eq!(states["database"]["reachable"], true, "{states}");
}

#[test]
fn a_database_that_asks_to_be_left_alone_is_left_alone() {
    let fake = Fake::new(|_, number| if number == 0 { Reply::Status(429, "retry-after: 5\r\n", String::new()) } else { Reply::Kept });
    let home = Home::new();
    let server = serve(&home, &fake);
    let uuid = server.begin(&registration("h"));
    wait_for("the first write", seconds(30), || (!fake.asked().is_empty()).then_some(()));
    server.end("h", &uuid, json!({}));
    server.wait_written(&uuid);
    let asked = fake.asked();
    let gap = asked[1].at - asked[0].at;
    assert!((4_900_000..9_000_000).contains(&gap), "it came back after {gap} µs");
    assert_eq!(fake.points_of("load_testing_result", &uuid).len(), 1);
}

#[test]
fn trouble_of_the_database_is_shown_and_slows_nobody() {
    // Nothing, for as long as anybody waits; then connections that are cut; then all is well. Each until it was told of.
    let told = Arc::new(AtomicUsize::new(0));
    let fake = {
        let told = Arc::clone(&told);
        Fake::new(move |_, _| match told.load(Ordering::Relaxed) {
            0 => {
                std::thread::sleep(seconds(12));
                Reply::Cut
            }
            1 => Reply::Cut,
            _ => Reply::Kept,
        })
    };
    let troubles = ["did not answer in time", "broke off the connection"];
    let home = Home::new();
    let server = serve_each(&home, &fake, "2s");
    let uuid = server.begin(&registration("h"));
    let (mut slowest, began) = (Duration::ZERO, Instant::now());
    let states = loop {
        for path in ["ping", "states", "events/isrunning"] {
            let sent = Instant::now();
            server.recorded(path);
            slowest = slowest.max(sent.elapsed());
        }
        let states = server.states();
        let message = states["database"]["lastError"]["message"].as_str().unwrap_or_default();
        let stage = told.load(Ordering::Relaxed);
        if troubles.get(stage).is_some_and(|trouble| message.contains(trouble)) {
            told.store(stage + 1, Ordering::Relaxed);
        }
        if states["database"]["reachable"] == true {
            break states;
        }
        assert!(began.elapsed() < seconds(120), "{states}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(slowest < seconds(5), "an answer took {slowest:?}");
    assert_eq!(told.load(Ordering::Relaxed), troubles.len(), "only so many of {troubles:?} were told");
    assert!(states["database"]["lastWriteAt"].is_string(), "{states}");
    server.end("h", &uuid, json!({}));
    server.wait_written(&uuid);
    // Nothing of the time in which the database was away is missing.
    server.wait_drained(seconds(60));
    let mut beats: Vec<i64> = fake.points_of("load_testing", &uuid).iter().map(|point| point.nanos / 2_000_000_000).skip(1).collect();
    beats.sort_unstable();
    assert!(beats.len() > 5 && beats.windows(2).all(|pair| pair[1] == pair[0] + 1), "{beats:?}");
}

#[test]
fn points_wait_until_the_password_is_right() {
    let fake = Fake::new(
        |_, number| {
            if number == 0 { Reply::Status(401, "", "{\"error\":\"authorization failed\"}".to_owned()) } else { Reply::Kept }
        },
    );
    let home = Home::new();
    let server = serve(&home, &fake);
    let uuid = server.begin(&registration("h"));
    server.end("h", &uuid, json!({}));
    let states = wait_for("the refusal", seconds(30), || Some(server.states()).filter(|states| states["database"]["reachable"] == false));
    assert!(states["database"]["lastError"]["message"].as_str().is_some_and(|said| said.contains("authorization failed")), "{states}");
    assert_eq!(states["points"]["dropped"], 0);
    let record = server.wait_written(&uuid);
    assert_eq!(record["state"], "finished");
    assert_eq!((fake.points_of("load_testing_result", &uuid).len(), &server.states()["points"]["dropped"]), (1, &json!(0)));
    let asked = fake.asked();
    assert!(asked.iter().all(Asked::is_write) && asked[1].at - asked[0].at > 10_000_000, "a password is not tried again and again");
}

#[test]
fn a_server_starts_and_takes_runs_before_its_database_is_there() {
    let fake = Fake::new(|_, _| Reply::Kept);
    fake.shut(true);
    std::thread::sleep(Duration::from_millis(50));
    let home = Home::new();
    let server = serve(&home, &fake);
    let before = now();
    let uuid = server.begin(&registration("h"));
    server.end("h", &uuid, json!({"a": 1}));
    wait_for("the trouble", seconds(30), || (server.states()["database"]["reachable"] == false).then_some(()));
    server.kill();
    fake.shut(false);
    let server = serve(&home, &fake);
    server.wait_written(&uuid);
    server.wait_drained(seconds(30));
    let (first, results) = (fake.points_of("load_testing", &uuid), fake.points_of("load_testing_result", &uuid));
    assert_eq!(results.len(), 1);
    assert!(first.iter().all(|point| (point.nanos / 1000 - before).abs() < 2_000_000) && !first.is_empty(), "{first:?}");
}

#[test]
fn a_restart_keeps_to_the_time_for_which_the_database_wants_to_be_left_alone() {
    let fake = Fake::new(|_, number| if number == 0 { Reply::Status(429, "retry-after: 12\r\n", String::new()) } else { Reply::Kept });
    let home = Home::new();
    let server = serve(&home, &fake);
    let uuid = server.begin(&registration("h"));
    wait_for("the trouble", seconds(30), || (server.states()["database"]["reachable"] == false).then_some(()));
    server.kill();
    let server = serve(&home, &fake);
    let steps = || -> u64 {
        let metrics = server.get("/metrics");
        let counts = metrics.text().lines().filter(|line| line.starts_with("headwater_task_steps_total{kind=\"load-tests\"}"));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    };
    let (began, before) = (Instant::now(), steps());
    for number in 0..60 {
        server.take("annotate", &json!({"hostname": "h", "uuid": uuid, "text": number.to_string()}));
    }
    std::thread::sleep(Duration::from_millis(300));
    // Besides the heartbeats of each second and the first look, nothing is done for points that have to wait anyway.
    let taken = steps() - before;
    assert!(taken < 30, "{taken} steps in {:?}", began.elapsed());
    server.end("h", &uuid, json!({}));
    server.wait_written(&uuid);
    let asked = fake.asked();
    assert!(asked[1].at - asked[0].at > 11_900_000, "it came back after {} µs", asked[1].at - asked[0].at);
    server.wait_drained(seconds(30));
    assert_eq!(fake.points_of("load_testing_event", &uuid).len(), 60);
}
