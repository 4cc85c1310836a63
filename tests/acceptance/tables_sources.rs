//! Tables that get their elements by themselves.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::Home;
use crate::simulations_client::counting;
use crate::specs::{LATER, every_second, job, with};
use crate::streams_client::at as stream_at;
use crate::tables_client::{LINES, at, count_samples, marker, samples_at, sine};
use crate::waiting::{seconds, wait_for};

/// Windows and their spectra.
fn spectrum(size: u32) -> Value {
    json!([{"window": {"size": size}}, {"windowFunction": "hamming"}, {"fft": {"binCount": size}}])
}

fn from(source: Value, rate: u32) -> Value {
    json!({"element": "sample", "sampleRate": rate, "source": source})
}

#[test]
fn a_sine_of_a_length_is_made_at_once_and_finished() {
    let home = Home::new();
    let server = home.serve();
    server.define("sine", from(json!({"signal": {"sine": {"frequency": 440}, "length": "100s"}}), 44_100));
    let made = server.wait_table("sine", "its end", seconds(120), |shown| shown["finished"] == true);
    assert_eq!(
        (&made["rows"], &made["firstMarker"], &made["lastMarker"]),
        (&json!(4_410_000), &json!(0), &json!(marker(4_409_999, 44_100)))
    );
    assert_eq!(count_samples(server.all_samples("sine"), 44_100, |index| sine(440.0, 44_100, index)), 4_410_000);
    let late = server.append("sine", LINES, b"1");
    assert_eq!(late.status, 409, "{}", late.text());
    // One that is too short for a sample is finished, too.
    server.define("short", from(json!({"signal": {"sine": {"frequency": 1}, "length": "999ms"}}), 1));
    server.wait_table("short", "its end", seconds(60), |shown| shown["finished"] == true && shown["rows"] == 0);
    drop(server);
    let server = home.serve();
    assert_eq!(server.table("sine"), made, "a restart changed the table");
}

#[test]
fn an_endless_signal_comes_in_real_time_until_it_is_finished() {
    let home = Home::new();
    let server = home.serve();
    let definition = from(json!({"signal": {"sine": {"frequency": 50}}}), 8000);
    server.define("sine", definition.clone());
    let first = server.wait_rows("sine", 1)["rows"].as_u64().expect("a count");
    let began = Instant::now();
    for _ in 0..14 {
        std::thread::sleep(Duration::from_millis(500));
        let least = began.elapsed();
        let rows = (server.row_count("sine") - first) as f64;
        let most = began.elapsed();
        // It comes in pieces, and the queue of a cloud takes its time between them.
        assert!(rows >= 8000.0 * (least.as_secs_f64() - 4.0), "{rows} samples in {least:?}");
        assert!(rows <= 8000.0 * (most.as_secs_f64() + 4.0), "{rows} samples in {most:?}");
    }
    assert_eq!(server.put(&at("sine"), &definition).status, 200);
    let late = server.append("sine", LINES, b"1");
    assert_eq!(late.status, 409, "{}", late.text());
    assert!(late.text().contains("a signal"), "{}", late.text());
    server.ask_table("POST", "sine", "/finish", 200);
    let rows = server.row_count("sine");
    std::thread::sleep(seconds(1));
    assert_eq!(server.row_count("sine"), rows, "it goes on after its end");
    assert_eq!(count_samples(server.all_samples("sine"), 8000, |index| sine(50.0, 8000, index)), rows);
    // One that is deleted makes room for another of its name.
    server.ask_table("DELETE", "sine", "", 200);
    server.define("sine", samples_at(10));
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(server.row_count("sine"), 0);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let home = Home::new();
    let server = home.serve();
    let noise = |seed: i64| {
        let parts = json!([{"sine": {"frequency": 440, "amplitude": 0.5}}, {"noise": {"seed": seed, "amplitude": 0.25}},
            {"sum": [{"square": {"frequency": 3}}, {"saw": {"frequency": 7}}, {"sweep": {"from": 20, "to": 2000, "duration": "3s"}}]}]);
        from(json!({"signal": {"sum": parts, "length": "20s"}}), 44_100)
    };
    for (table, seed) in [("one", 7), ("two", 7), ("three", 8)] {
        server.define(table, noise(seed));
    }
    let [one, two, three] = ["one", "two", "three"].map(|table| {
        server.wait_table(table, "its end", seconds(120), |shown| shown["finished"] == true);
        server.ask_table("GET", table, "/last?interval=1d", 200).body
    });
    assert_eq!(one.iter().filter(|byte| **byte == b'\n').count(), 882_000);
    assert!(one == two, "the same seed gives something else");
    assert!(one != three, "another seed gives the same");
}

#[test]
fn a_spectrum_follows_a_table_and_ends_with_it() {
    let home = Home::new();
    let server = home.serve();
    server.define("sound", samples_at(1000));
    server.push("sound", (0..100).map(|index| sine(125.0, 1000, index)));
    server.define("spectrum", json!({"element": "sample", "source": {"table": "sound"}, "operations": spectrum(64)}));
    assert_eq!(server.table("spectrum")["sampleRate"], 1000);
    server.wait_rows("spectrum", 1);
    server.push("sound", (100..300).map(|index| sine(125.0, 1000, index)));
    server.wait_rows("spectrum", 4);
    assert_eq!(server.row_count("spectrum"), 4);
    // Of windows that are full so far; the last one comes with what is there once the source is finished.
    server.ask_table("POST", "sound", "/finish", 200);
    server.wait_table("spectrum", "its end", seconds(60), |shown| shown["finished"] == true);
    let rows = server.all_rows("spectrum");
    let counts: Vec<(i64, &Value)> = rows.iter().map(|(offset, row)| (*offset, &row["samplesCount"])).collect();
    let wanted = [(0, json!(64)), (64, json!(64)), (128, json!(64)), (192, json!(64)), (256, json!(44))];
    assert_eq!(counts, wanted.iter().map(|(index, count)| (index * 1_000_000, count)).collect::<Vec<_>>());
    for (_, row) in &rows[..4] {
        let magnitude: Vec<f64> = row["magnitude"].as_array().expect("bins").iter().map(|bin| bin.as_f64().unwrap_or(f64::MIN)).collect();
        let loudest = (0..32).max_by(|a, b| magnitude[*a].total_cmp(&magnitude[*b])).expect("bins");
        assert_eq!((loudest, &row["frequency"][loudest]), (8, &json!(125.0)));
    }
    // What is derived stays when its source goes.
    server.ask_table("DELETE", "sound", "", 200);
    assert_eq!(server.all_rows("spectrum"), rows);
    let wrong = server.put("/table/w", &json!({"element": "sample", "sampleRate": 7, "source": {"table": "spectrum"}}));
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    assert!(wrong.text().contains("sampleRate"), "{}", wrong.text());
}

#[test]
fn a_table_of_a_table_of_a_signal_has_all_of_it() {
    let home = Home::new();
    let server = home.serve();
    server.define("first", from(json!({"signal": {"sine": {"frequency": 100}, "length": "200s"}}), 8000));
    server.define("second", json!({"element": "sample", "source": {"table": "first"}}));
    server.define("third", json!({"element": "sample", "source": {"table": "second"}, "operations": [{"window": {"size": 100}}]}));
    server.wait_table("third", "its end", seconds(120), |shown| shown["finished"] == true);
    assert_eq!(server.row_count("third"), 16_000);
    assert_eq!(count_samples(server.all_samples("second"), 8000, |index| sine(100.0, 8000, index)), 1_600_000);
    // One whose source goes away is finished with what it has.
    server.define("endless", from(json!({"signal": {"sine": {"frequency": 100}}}), 8000));
    server.define("left", json!({"element": "sample", "source": {"table": "endless"}}));
    server.wait_rows("left", 1000);
    server.ask_table("DELETE", "endless", "", 200);
    server.wait_table("left", "its end", seconds(60), |shown| shown["finished"] == true);
    let rows = server.row_count("left");
    assert_eq!(count_samples(server.all_samples("left"), 8000, |index| sine(100.0, 8000, index)), rows);
}

#[test]
fn the_vibration_of_elevators_becomes_a_spectrum() {
    let home = Home::new();
    let server = home.serve();
    let often = |model: &str| json!({"Id": model, "Count": 8, "Override": {"Simulation": {"Interval": "00:00:01"}, "Telemetry": [{"Interval": "00:00:01"}]}});
    server.simulate(json!({"DeviceModels": [often("elevator-01"), often("elevator-02"), counting("truck-01", 2)]}));
    wait_for("the stream of devices", seconds(60), || (server.get(&stream_at("devices")).status == 200).then_some(()));
    let source = |field: &str, headers: Value| json!({"stream": {"stream": "devices", "field": field, "headers": headers}});
    server.define("vibration", from(source("vibration", json!({})), 10));
    server.define("first", from(source("vibration", json!({"deviceModel": "elevator-01"})), 10));
    server.define("none", from(source("vibration", json!({"deviceModel": "nobody"})), 10));
    server.define("counts", from(source("n", json!({"deviceid": "truck-01.1"})), 1));
    server.define("spectrum", json!({"element": "sample", "source": {"table": "vibration"}, "operations": spectrum(16)}));
    server.wait_rows("spectrum", 3);
    let programs = server.ask_stream("GET", "devices", "/programs", 200).json();
    let names: Vec<&str> = programs
        .as_array()
        .expect("a list")
        .iter()
        .filter(|program| program["application"] == "tables")
        .map(|program| {
            assert_eq!(program["type"], "Flow", "{program}");
            program["program"].as_str().expect("a name")
        })
        .collect();
    assert_eq!(names.len(), 4, "{programs}");
    let used = server.get("/v3/namespaces/default/apps/tables/flows/vibration/streams").json();
    assert_eq!(used, json!([{"namespace": "default", "stream": "devices", "entity": "STREAM"}]));

    server.enable(false);
    server.wait_simulation("the devices' end", seconds(60), |shown| shown["Statistics"]["ActiveDevicesCount"] == 0);
    let numbers = |wanted: &dyn Fn(&Value) -> bool, field: &str| -> Vec<f64> {
        let events = server.events("devices").into_iter().filter(|event| wanted(&event.headers));
        events.filter_map(|event| serde_json::from_str::<Value>(&event.body).expect("JSON")[field].as_f64()).collect()
    };
    for (table, wanted) in [
        ("vibration", numbers(&|_| true, "vibration")),
        ("first", numbers(&|headers| headers["deviceModel"] == "elevator-01", "vibration")),
        ("none", Vec::new()),
        ("counts", numbers(&|headers| headers["deviceId"] == "truck-01.1", "n")),
    ] {
        server.wait_rows(table, wanted.len() as u64);
        let found: Vec<f64> = server.all_samples(table).map(|(_, value)| value).collect();
        assert_eq!(found, wanted, "{table}");
        assert!(table == "none" || wanted.len() > 1, "{table}: {wanted:?}");
    }
    server.ask_table("POST", "vibration", "/finish", 200);
    let programs = server.ask_stream("GET", "devices", "/programs", 200).json();
    assert_eq!(programs.as_array().expect("a list").iter().filter(|program| program["application"] == "tables").count(), 3);
    assert!(!server.complaints().contains("\"ERROR\""), "{}", server.complaints());
}

#[test]
fn a_jobs_stream_fills_a_table_and_one_that_is_made_anew_goes_on() {
    let home = Home::new();
    let server = home.serve();
    let missing = server.put("/table/t", &from(json!({"stream": {"stream": "rows", "field": "a.b"}}), 10));
    assert_eq!(missing.status, 400, "{}", missing.text());
    server.make_stream("rows", json!({}));
    // The job's numbers are texts, and no numbers; those that are pass.
    server.define("t", from(json!({"stream": {"stream": "rows", "field": "a.b"}}), 10));
    server.start_job(&with(job("rows", json!({"type": "stream", "stream": "rows"})), json!({"total_events": 1000})));
    assert_eq!(server.wait_complete("rows")["total_records"], 1000);
    let lines: String = (0..100_000).map(|number| format!("{{\"a\":{{\"b\":{number}}}}}\n")).collect();
    server.batch("rows", "text/plain", lines.as_bytes());
    server.wait_rows("t", 100_000);
    server.ask_stream("DELETE", "rows", "", 200);
    let shown = server.wait_table("t", "the trouble", seconds(60), |shown| shown["trouble"] != Value::Null);
    assert!(shown["trouble"].as_str().is_some_and(|text| text.contains("stream:default.rows")), "{shown}");
    server.make_stream(
        "rows",
        json!({"format": {"name": "csv", "schema": {"type": "record", "name": "r", "fields": [
        {"name": "a", "type": "string"}, {"name": "b", "type": "double"}]}}}),
    );
    server.batch("rows", "text/csv", b"x,1.5\n");
    server.define("csv", from(json!({"stream": {"stream": "rows", "field": "b"}}), 10));
    server.wait_rows("csv", 1);
    assert_eq!(server.all_rows("csv"), [(0, json!(1.5))]);
    let shown = server.wait_table("t", "the end of the trouble", seconds(60), |shown| shown["trouble"] == Value::Null);
    assert_eq!(shown["rows"], 100_000);
    assert_eq!(count_samples(server.all_samples("t"), 10, |index| index as f64), 100_000);
}

#[test]
fn a_number_holds_until_the_next_one_where_the_time_of_events_counts() {
    let home = Home::new();
    let server = home.serve();
    server.make_stream("s", json!({}));
    server.define("held", from(json!({"stream": {"stream": "s", "field": "v", "time": "event"}}), 1000));
    let mut times = Vec::new();
    for value in 0..5 {
        assert_eq!(server.send("POST", &stream_at("s"), &[], json!({"v": value}).to_string().as_bytes()).status, 200);
        times.push(server.wait_events("s", value + 1)[value].timestamp);
        std::thread::sleep(Duration::from_millis(150));
    }
    let millis = u64::try_from(times[4] - times[0]).expect("time goes on");
    server.wait_rows("held", millis);
    let rows = server.all_rows("held");
    assert_eq!(rows.len() as u64, millis);
    for (offset, value) in rows {
        let now = times[0] + offset / 1_000_000;
        let holds = times.iter().rposition(|time| *time <= now).expect("the first one is at the beginning");
        assert_eq!(value.as_f64(), Some(holds as f64), "at {offset}");
    }
}

#[test]
fn a_job_and_a_simulation_write_into_tables() {
    const RECORDS: u32 = 3000;
    let home = Home::new();
    let server = home.serve();
    let seven = json!([{"type": "counter", "name": "n"}, {"type": "float", "name": "x", "cardinality": 0,
        "distribution": {"type": "uniform", "min": 0, "max": 7}}]);
    let request = |name: &str, target: Value| {
        let config = every_second(seven.clone());
        json!({"name": name, "target": target, "config": config, "concurrency": 1, "time_type": LATER, "total_events": RECORDS, "seed": 3})
    };
    let refused = server.post("/start", &request("x", json!({"type": "table", "table": "nope", "field": "x"})));
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.message().contains("nope"), "{}", refused.text());
    server.define("samples", samples_at(1));
    server.define("records", json!({"element": "json", "sampleRate": 1}));
    server.start_job(&request("file", json!({"type": "file", "path": "f.json"})));
    server.start_job(&request("samples", json!({"type": "table", "table": "samples", "field": "x"})));
    server.start_job(&request("records", json!({"type": "table", "table": "records"})));
    for name in ["file", "samples", "records"] {
        assert_eq!(server.wait_complete(name)["total_records"], RECORDS, "{name}");
    }
    let wanted = server.records("f.json");
    assert_eq!(wanted.len(), RECORDS as usize);
    let records: Vec<Value> = server.all_rows("records").into_iter().map(|(_, value)| value).collect();
    assert_eq!(records, wanted);
    let samples: Vec<Value> = server.all_rows("samples").into_iter().map(|(_, value)| value).collect();
    assert_eq!(samples, wanted.iter().map(|record| record["x"].clone()).collect::<Vec<_>>());

    server.define("fleet", samples_at(2));
    server.simulate(json!({"DeviceModels": [counting("custom", 2)], "Target": {"type": "table", "table": "fleet", "field": "body.n"}}));
    server.wait_rows("fleet", 6);
    server.enable(false);
    let fleet: Vec<f64> = server.all_samples("fleet").map(|(_, value)| value).collect();
    assert_eq!(fleet[..6], [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
}

#[test]
fn the_demo_has_a_sound_and_its_spectrum() {
    let home = Home::new();
    let server = home.serve_with(&["--demo"]);
    server.wait_rows("sine", 8000);
    server.wait_rows("sine-spectrum", 10);
    let rows = server.rows("sine-spectrum", "last?interval=1ns");
    assert_eq!(rows.len(), 1);
    let magnitude: Vec<f64> = rows[0].1["magnitude"].as_array().expect("bins").iter().map(|bin| bin.as_f64().unwrap_or(f64::MIN)).collect();
    let loudest = (0..magnitude.len()).max_by(|a, b| magnitude[*a].total_cmp(&magnitude[*b])).expect("bins");
    let frequency = rows[0].1["frequency"][loudest].as_f64().expect("a frequency");
    assert!((frequency - 440.0).abs() < 8.0, "the loudest tone has {frequency} Hz");
    server.ask_table("GET", "sine-spectrum", "/plot.svg", 200);
    let told = server.complaints();
    assert!(told.contains("/table/sine-spectrum/plot.svg"), "{told}");
    let before = server.table("sine");
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    let server = home.serve_with(&["--demo"]);
    let again = server.wait_table("sine", "more of it", seconds(60), |shown| shown["rows"].as_u64() > before["rows"].as_u64());
    assert_eq!(again["source"], before["source"]);
    // The demo finds what it would make, and that finds what it needs. Others may warn: where the store is slow, steps are repeated.
    let warns = |line: &str| {
        let entry: Value = serde_json::from_str(line).unwrap_or_default();
        let target = entry["target"].as_str().unwrap_or_default();
        entry["level"] == "WARN" && ["demo", "tables", "simulations"].into_iter().any(|part| target.contains(part))
    };
    assert!(!server.complaints().lines().any(warns), "{}", server.complaints());
}
