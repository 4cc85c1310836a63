//! Tables, as a user of the API sees them.

use serde_json::{Value, json};

use crate::server::Home;
use crate::streams_client::Upload;
use crate::tables_client::{LINES, OCTETS, at, count_samples, octets, samples_at};
use crate::waiting::seconds;

const PLAIN: Option<&str> = Some("text/plain; charset=utf-8");

/// A WAV file of 16 bits.
fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
    let bytes = u32::try_from(2 * samples.len()).expect("few");
    let mut file = Vec::from(*b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(rate.to_le_bytes());
    file.extend((2 * rate).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(bytes.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

#[test]
fn a_day_with_a_table() {
    let home = Home::new();
    let server = home.serve();
    assert_eq!(server.get("/table").json(), json!([]));
    let definition = json!({"element": "sample", "sampleRate": 1000, "retention": "2h"});
    let made = server.define("ramp", definition.clone());
    let shown = json!({"name": "ramp", "element": "sample", "sampleRate": 1000, "retention": "2h", "measure": 1, "operations": [],
        "rows": 0, "firstMarker": null, "lastMarker": null, "finished": false});
    assert_eq!(made, shown);
    let again = server.put(&at("ramp"), &definition);
    assert_eq!((again.status, again.json()), (200, shown.clone()));
    let other = server.put(&at("ramp"), &samples_at(2000));
    assert_eq!((other.status, other.header("content-type")), (409, PLAIN));
    assert!(other.text().contains("ramp"), "{}", other.text());

    for (content_type, body, count) in [
        (LINES, b"0\n0.001\n\n2e-3".to_vec(), 3),
        ("application/json", b" [0.003, 4e-3] ".to_vec(), 2),
        (OCTETS, octets((5..10).map(|number| f64::from(number) / 1000.0)), 5),
        ("audio/wav", wav(1000, &[0, 16384, -32767]), 3),
        (LINES, Vec::new(), 0),
    ] {
        let answer = server.append("ramp", content_type, &body);
        assert_eq!((answer.status, answer.json()), (200, json!({"appended": count})), "{content_type}");
    }
    let rows = server.all_rows("ramp");
    assert_eq!(rows.len(), 13);
    for (number, (offset, value)) in (0..10).zip(&rows) {
        assert_eq!((*offset, value.as_f64()), (number * 1_000_000, Some(f64::from(u32::try_from(number).expect("small")) / 1000.0)));
    }
    assert!((rows[11].1.as_f64().expect("a number") - 0.5).abs() < 1e-4 && rows[12].1 == json!(-1.0), "{rows:?}");
    assert_eq!(server.rows("ramp", "last?interval=2ms"), rows[11..]);
    assert_eq!(server.rows("ramp", "timeRange?from=2ms&to=4ms"), rows[2..4]);
    let slow = server.rows("ramp", "timeRange?from=2ms&to=5ms&sampleRate=500");
    assert_eq!(slow.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [2_000_000, 4_000_000, 6_000_000]);
    let lines = server.ask_table("GET", "ramp", "/last?interval=1ms", 200);
    assert_eq!((lines.header("content-type"), lines.text()), (Some("application/x-ndjson"), "{\"offset\":12000000,\"value\":-1.0}\n"));

    server.define("other", json!({"element": "json", "sampleRate": 100}));
    assert_eq!(server.append("other", LINES, b"{\"v\":1}\n{\"v\":\"\xc3\xa4\"}\n").status, 200);
    let names: Vec<Value> = server.get("/table").json().as_array().expect("a list").iter().map(|table| table["name"].clone()).collect();
    assert_eq!(names, ["other", "ramp"]);
    server.ask_table("POST", "ramp", "/finish", 200);
    server.ask_table("POST", "ramp", "/finish", 200);
    let late = server.append("ramp", LINES, b"1");
    assert_eq!(late.status, 409);
    assert!(late.text().contains("ramp is finished"), "{}", late.text());
    drop(server);

    let server = home.serve();
    assert_eq!(server.all_rows("ramp"), rows, "a restart changed rows");
    assert_eq!(server.all_rows("other"), [(0, json!({"v": 1})), (10_000_000, json!({"v": "ä"}))]);
    let described = server.table("ramp");
    assert_eq!((&described["rows"], &described["lastMarker"], &described["finished"]), (&json!(13), &json!(12_000_000), &json!(true)));
    server.ask_table("DELETE", "ramp", "", 200);
    for (method, behind) in [("GET", ""), ("GET", "/last?interval=1s"), ("POST", "/finish"), ("DELETE", "")] {
        let gone = server.ask_table(method, "ramp", behind, 404);
        assert_eq!(gone.header("content-type"), PLAIN);
        assert!(gone.text().contains("ramp"), "{}", gone.text());
    }
    server.define("ramp", samples_at(10));
    assert_eq!(server.all_rows("ramp"), []);
}

#[test]
fn windows_and_spectra_come_as_samples_do_and_the_rest_at_the_end() {
    let home = Home::new();
    let server = home.serve();
    let operations = json!([{"window": {"size": 4}}, {"fft": {"binCount": 8}}]);
    server.define("spectrum", json!({"element": "sample", "sampleRate": 1000, "operations": operations}));
    server.push("spectrum", [1.0, 2.0, 3.0]);
    assert_eq!(server.row_count("spectrum"), 0);
    server.push("spectrum", [4.0, 1.0, 1.0]);
    assert_eq!(server.row_count("spectrum"), 1);
    server.ask_table("POST", "spectrum", "/finish", 200);
    let rows = server.all_rows("spectrum");
    let counts: Vec<(i64, &Value, usize)> =
        rows.iter().map(|(offset, row)| (*offset, &row["samplesCount"], row["magnitude"].as_array().expect("bins").len())).collect();
    assert_eq!(counts, [(0, &json!(4), 4), (4_000_000, &json!(2), 4)]);
    assert!((rows[0].1["magnitude"][0].as_f64().expect("a number") - 20.0).abs() < 1e-9, "{}", rows[0].1);
    assert_eq!(rows[1].1["frequency"], json!([0.0, 125.0, 250.0, 375.0]));
}

#[test]
fn what_is_wrong_is_said_in_plain_text_and_changes_nothing() {
    let home = Home::new();
    let server = home.serve();
    server.define("t", samples_at(1000));
    server.push("t", [7.0]);
    server.define("j", json!({"element": "json"}));
    server.define("w", json!({"element": "sample", "operations": [{"window": {"size": 2}}]}));
    let endless = json!({"signal": {"sine": {"frequency": 1}, "length": "1s"}});
    server.define("fed", json!({"element": "sample", "sampleRate": 100, "source": endless}));
    let large = format!("[\"{}\"]", "x".repeat(5 << 20));
    let definition = |body: Value| body.to_string();
    let source = |source: Value| definition(json!({"element": "sample", "source": source}));
    for (request, kind, body, status, says) in [
        ("GET /table/nope/last?interval=1s", "", "", 404, "nope"),
        ("GET /table/nope/last?interval=1", "", "", 400, "Query parameter interval `1` is not recognized"),
        ("GET /table/t/last", "", "", 400, "Query parameter interval `null` is not recognized"),
        ("GET /table/t/timeRange?from=0s", "", "", 400, "Query parameter to `null` is not recognized"),
        ("GET /table/t/last?interval=1es", "", "", 400, "interval"),
        ("GET /table/t/last?interval=1s&sampleRate=0", "", "", 400, "sampleRate"),
        ("GET /table/t/first?interval=1s", "", "", 404, "/table/t/first"),
        ("GET /table/%ff", "", "", 400, "UTF-8"),
        ("GET /audio/t/stream/mp3", "", "", 400, "Path parameter format `mp3` is not recognized"),
        ("GET /audio/t/stream/wav?bitDepth=42", "", "", 400, "bitDepth"),
        ("GET /audio/nope/stream/wav", "", "", 404, "nope"),
        ("GET /audio/j/stream/wav", "", "", 400, "j"),
        ("GET /audio/w/stream/wav", "", "", 400, "w"),
        ("GET /table/t/plot.svg?width=1", "", "", 400, "width"),
        ("GET /table/j/plot.svg", "", "", 400, "j"),
        ("POST /table/t", LINES, "1\n2\n\nthree\n", 400, "line 4"),
        ("POST /table/t", "application/json", "[1, 2, \"3\"]", 400, "element 3"),
        ("POST /table/t", "application/json", "[1, 2", 400, "array"),
        ("POST /table/t", OCTETS, "123456789", 400, "8 bytes"),
        ("POST /table/t", "audio/wav", "RIFFxxxxWAVX", 400, "WAV"),
        ("POST /table/j", OCTETS, "12345678", 400, "application/x-ndjson"),
        ("POST /table/j", "application/json", &large, 413, "element 1"),
        ("POST /table/t", "application/xml", "<a/>", 415, "application/octet-stream"),
        ("POST /table/nope", LINES, "1", 404, "nope"),
        ("POST /table/fed", LINES, "1", 409, "a signal"),
        ("PUT /table/n", "application/json", "{", 400, "JSON"),
        ("PUT /table/n", "application/json", &large, 413, "4194304"),
        ("PUT /table/n", "application/json", &definition(json!({"element": "tree", "sampleRate": -1})), 400, "sampleRate"),
        ("PUT /table/n", "application/json", &definition(json!({"element": "sample", "retention": "soon"})), 400, "retention"),
        (
            "PUT /table/n",
            "application/json",
            &definition(json!({"element": "sample", "operations": [{"fft": {"binCount": 8}}]})),
            400,
            "window",
        ),
        ("PUT /table/n", "application/json", &source(json!({"table": "nope"})), 400, "source.table"),
        ("PUT /table/n", "application/json", &source(json!({"stream": {"stream": "nope", "field": "x"}})), 400, "source.stream"),
        ("PUT /table/n", "application/json", &source(json!({"signal": {"noise": {}}})), 400, "source.signal.noise.seed"),
        ("PUT /table/a%2Fb", "application/json", &definition(samples_at(1)), 400, "/"),
        (&format!("PUT /table/{}", "x".repeat(1000)), "application/json", &definition(samples_at(1)), 400, "bytes"),
    ] {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let headers = [("content-type", kind)];
        let answer = server.send(method, path, if kind.is_empty() { &[] } else { &headers }, body.as_bytes());
        let told = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{request}: {told}");
        assert_eq!(answer.header("content-type"), PLAIN, "{request}");
        assert!(told.contains(says) && told.lines().count() == 1, "{request}: {told:?} does not say {says:?}");
    }
    for (method, path, allowed) in [
        ("PATCH", "/table/t", "GET,HEAD,PUT,POST,DELETE"),
        ("POST", "/table", "GET,HEAD"),
        ("POST", "/table/t/last?interval=1s", "GET,HEAD"),
        ("GET", "/table/t/finish", "POST"),
        ("PUT", "/audio/t/stream/wav", "GET,HEAD"),
    ] {
        let answer = server.send(method, path, &[], b"");
        assert_eq!((answer.status, answer.header("content-type")), (405, PLAIN), "{method} {path}");
        let mut told: Vec<&str> = answer.header("allow").unwrap_or_default().split(',').map(str::trim).collect();
        let mut allowed: Vec<&str> = allowed.split(',').collect();
        told.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(told, allowed, "{method} {path}");
    }
    assert_eq!(server.all_rows("t"), [(0, json!(7.0))]);
    assert_eq!(server.row_count("j"), 0);
    assert_eq!(server.get("/table").json().as_array().map(Vec::len), Some(4));
    assert!(!server.complaints().contains("\"ERROR\""), "{}", server.complaints());
}

#[test]
fn a_bad_line_in_the_middle_of_a_large_body_keeps_nothing() {
    let home = Home::new();
    let server = home.serve();
    server.define("t", samples_at(1000));
    server.push("t", [0.0]);
    let lines = |from: u32| (from..from + 100_000).map(|number| format!("0.{number}\n")).collect::<String>();
    // What was sent is enough for many chunks, and they lie in the store before the bad line comes.
    let mut upload = Upload::to(server.address, &at("t"), LINES);
    assert!((0..8).all(|part| upload.send(lines(part * 100_000).as_bytes())));
    assert_eq!(server.row_count("t"), 1, "an append shows before its end");
    // The answer may come before the rest is sent, and take the connection with it.
    let taken = upload.send(b"three\n") && (0..8).all(|part| upload.send(lines(part * 100_000).as_bytes()));
    let status = upload.finish();
    assert!(status == Some(400) || (status.is_none() && !taken), "the bad line was answered {status:?}");
    assert_eq!(server.all_rows("t"), [(0, json!(0.0))]);
    server.push("t", [1.0]);
    assert_eq!(server.all_rows("t"), [(0, json!(0.0)), (1_000_000, json!(1.0))]);
}

#[test]
fn a_client_that_breaks_off_leaves_nothing() {
    let home = Home::new();
    let server = home.serve();
    server.define("t", samples_at(1000));
    let megabyte = octets((0..131_072).map(f64::from));
    for megabytes in [0, 1, 12] {
        let mut upload = Upload::to(server.address, &at("t"), OCTETS);
        assert!(upload.send(&[0; 24]));
        assert!((0..megabytes).all(|_| upload.send(&megabyte)));
        drop(upload);
    }
    std::thread::sleep(seconds(1) / 2);
    assert_eq!(server.row_count("t"), 0);
    server.push("t", [1.0]);
    assert_eq!(server.all_rows("t"), [(0, json!(1.0))]);
}

#[test]
fn names_may_be_any_text_without_a_slash() {
    let home = Home::new();
    let names = [
        "two words",
        "100%",
        "%2F",
        "a%20b",
        "Ångström 🎻",
        ".",
        "..",
        "...",
        "a.b",
        "+chunk",
        "+new",
        "a+b",
        "?x=1",
        "#",
        "a&b=c",
        "\\",
        ":",
        "con",
        "A",
        "a",
        "finish",
        "plot.svg",
        "~",
        "'\"<>",
        "日本語",
    ];
    let long = "ä".repeat(120);
    let server = home.serve();
    for (number, name) in (0u32..).zip(names.into_iter().chain([long.as_str()])) {
        let made = server.define(name, samples_at(1000));
        assert_eq!(made["name"], name);
        // Enough for a chunk, whose key has the name in it.
        server.push(name, (0..2000).map(|_| f64::from(number) + 0.1));
    }
    drop(server);
    let server = home.serve();
    let listed = server.get("/table").json();
    let listed: Vec<&str> = listed.as_array().expect("a list").iter().map(|table| table["name"].as_str().expect("a name")).collect();
    let mut wanted: Vec<&str> = names.into_iter().chain([long.as_str()]).collect();
    wanted.sort_unstable();
    assert_eq!(listed, wanted);
    for (number, name) in (0u32..).zip(names.into_iter().chain([long.as_str()])) {
        assert_eq!(count_samples(server.all_samples(name), 1000, |_| f64::from(number) + 0.1), 2000, "{name}");
        server.ask_table("GET", name, "/plot.svg", 200);
        let sound = server.get(&format!("{}/stream/wav?limit=1s&offset=1s", at(name).replacen("/table", "/audio", 1)));
        assert_eq!((sound.status, sound.header("content-type"), sound.body.len()), (200, Some("audio/wav"), 44 + 2000), "{name}");
        server.ask_table("DELETE", name, "", 200);
    }
    assert_eq!(server.get("/table").json(), json!([]));
}

#[test]
fn lines_are_packed_for_those_who_ask_and_nobody_is_let_in_without_the_token() {
    let home = Home::new();
    let mut server = home.serve_with(&["--token", "a-secret"]);
    for path in ["/table", "/table/t/last?interval=1s", "/audio/t/stream/wav", "/table/t/plot.svg"] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (401, PLAIN), "{path}");
    }
    server.token = Some("a-secret".to_owned());
    server.define("t", samples_at(1000));
    server.push("t", (0..10_000).map(|_| 0.5));
    let packed = server.send("GET", &format!("{}/last?interval=1d", at("t")), &[("accept-encoding", "gzip")], b"");
    assert_eq!((packed.status, packed.header("content-encoding")), (200, Some("gzip")));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(packed.body.as_slice()), &mut text).expect("gzip");
    assert!(text.lines().count() == 10_000 && packed.body.len() * 5 < text.len(), "{} of {} bytes", packed.body.len(), text.len());
}
