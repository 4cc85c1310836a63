//! Rows by time: what `last` and `timeRange` answer.

use serde_json::{Value, json};

use super::{host, numbers, offsets};

const MS: i64 = 1_000_000;

fn ramp(range: std::ops::Range<i32>) -> Vec<f64> {
    range.map(|i| f64::from(i) / 1000.0).collect()
}

#[tokio::test]
async fn the_newest_rows_are_those_within_the_interval() {
    let host = host().with_fixtures().await;
    let rows = host.rows("/table/ramp/last?interval=100ms").await;
    assert_eq!(numbers(&rows), ramp(900..1000));
    assert_eq!(offsets(&rows), (900..1000).map(|i| i * MS).collect::<Vec<_>>());
    for (interval, wanted) in [
        ("1ms", 999..1000),
        ("999999ns", 999..1000),
        ("1000001ns", 998..1000),
        ("1d", 0..1000),
        ("0s", 0..0),
        ("-5s", 0..0),
        ("1e2ms", 900..1000),
        ("1.E2Ms", 900..1000),
        ("1e300d", 0..1000),
    ] {
        assert_eq!(numbers(&host.rows(&format!("/table/ramp/last?interval={interval}")).await), ramp(wanted), "{interval}");
    }
    assert_eq!(host.get("/table/ramp/last?interval=0s").await.body, b"");
}

#[tokio::test]
async fn a_range_has_its_first_moment_and_not_its_last() {
    let host = host().with_fixtures().await;
    for (bounds, wanted) in [
        ("from=800ms&to=900ms", 800..900),
        ("from=0s&to=1ns", 0..1),
        ("from=999ms&to=1h", 999..1000),
        ("from=1s&to=2s", 0..0),
        ("from=500ms&to=500ms", 0..0),
        ("from=900ms&to=800ms", 0..0),
        ("from=-1s&to=3ms", 0..3),
        ("from=500us&to=1500us", 1..2),
        ("from=0.5s&to=1.9s", 0..1000),
        ("to=3ms&from=0s&from=2ms&to=1s&other=", 0..3),
    ] {
        let rows = host.rows(&format!("/table/ramp/timeRange?{bounds}")).await;
        assert_eq!(numbers(&rows), ramp(wanted.clone()), "{bounds}");
        assert_eq!(offsets(&rows), wanted.map(|i| i64::from(i) * MS).collect::<Vec<_>>(), "{bounds}");
    }
}

#[tokio::test]
async fn offsets_are_exact_markers() {
    let host = host().with_fixtures().await;
    let rows = host.rows("/table/sine/timeRange?from=0s&to=100us").await;
    assert_eq!(offsets(&rows), [0, 22_675, 45_351, 68_027, 90_702]);
    let rows = host.rows("/table/sine/last?interval=1ms").await;
    assert_eq!(rows.len(), 45);
    assert!((rows[0].1.as_f64().unwrap() + 0.949_055_747).abs() < 1e-6, "{}", rows[0].1);
    assert_eq!(offsets(&rows), (4365..4410).map(|i| i * 1_000_000_000 / 44_100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_sample_rate_changes_the_offsets_alone() {
    let host = host().with_fixtures().await;
    for (query, wanted) in [
        ("timeRange?from=0s&to=3ms&sampleRate=500", [0, 2 * MS, 4 * MS]),
        ("timeRange?from=0s&to=3ms&sampleRate=44100", [0, 22_675, 45_351]),
        ("timeRange?from=0s&to=3ms&sampleRate=2000.0", [0, MS / 2, MS]),
    ] {
        let rows = host.rows(&format!("/table/ramp/{query}")).await;
        assert_eq!((numbers(&rows), offsets(&rows)), (ramp(0..3), wanted.to_vec()), "{query}");
    }
    assert_eq!(offsets(&host.rows("/table/ramp/last?interval=3ms&sampleRate=500").await), [997 * MS, 999 * MS, 1001 * MS]);
}

#[tokio::test]
async fn what_is_wrong_with_a_parameter_is_said_in_the_words_of_the_original() {
    let host = host().with_fixtures().await;
    for (path, name, value) in [
        ("ramp/last?interval=100", "interval", "100"),
        ("ramp/last", "interval", "null"),
        ("ramp/last?Interval=1s", "interval", "null"),
        ("ramp/last?interval=", "interval", ""),
        ("ramp/last?interval=&interval=1s", "interval", ""),
        ("ramp/last?interval=1e%2B2ms", "interval", "1e+2ms"),
        ("ramp/last?interval=1es", "interval", "1es"),
        ("ramp/last?interval=.5s", "interval", ".5s"),
        ("ramp/last?interval=1%20s", "interval", "1 s"),
        ("ramp/last?interval=1+s", "interval", "1 s"),
        ("ramp/last?interval=1min", "interval", "1min"),
        ("ramp/last?interval=1s%0A", "interval", "1s\n"),
        ("ramp/timeRange?from=0s", "to", "null"),
        ("ramp/timeRange?to=0s", "from", "null"),
        ("ramp/timeRange", "from", "null"),
        ("ramp/timeRange?from=0s&to=soon", "to", "soon"),
        ("ramp/last?interval=1ms&sampleRate=abc", "sampleRate", "abc"),
        ("ramp/last?interval=1ms&sampleRate=", "sampleRate", ""),
        ("ramp/timeRange?from=0s&to=1s&sampleRate=0", "sampleRate", "0"),
        ("ramp/timeRange?from=0s&to=1s&sampleRate=NaN", "sampleRate", "NaN"),
        // What is wrong with the request counts before that there is no such table.
        ("nope/last?interval=100", "interval", "100"),
        ("nope/timeRange?from=0s", "to", "null"),
        ("nope/last?interval=1s&sampleRate=-1", "sampleRate", "-1"),
    ] {
        host.get(&format!("/table/{path}")).await.says(400, &format!("Query parameter {name} `{value}` is not recognized"));
    }
}

#[tokio::test]
async fn a_table_that_is_not_there_is_named() {
    let host = host();
    for path in ["last?interval=1s", "timeRange?from=0s&to=1s", "plot.svg", ""] {
        host.get(&format!("/table/no%20pe/{path}")).await.says(404, "no pe is not found");
    }
    host.get("/audio/nope/stream/wav").await.says(404, "nope is not found");
}

#[tokio::test]
async fn a_name_that_no_table_can_have_is_no_name() {
    let host = host();
    for (name, part) in [("a%2Fb", "a/b"), ("a%00b", "control"), (&*"x".repeat(256), "256 bytes")] {
        host.get(&format!("/table/{name}")).await.refuses(400, part);
        host.get(&format!("/table/{name}/last?interval=1s")).await.refuses(400, "Path parameter tableName");
        host.get(&format!("/table/{name}/last?interval=1")).await.refuses(400, "Query parameter interval");
    }
    host.get("/table/%FF").await.refuses(400, "UTF-8");
}

#[tokio::test]
async fn an_empty_table_has_no_rows() {
    let host = host().with_fixtures().await;
    for path in ["/table/empty/last?interval=1h", "/table/empty/timeRange?from=0s&to=1d"] {
        let answer = host.get(path).await.is(200);
        assert_eq!((answer.text(), answer.header("content-type")), ("", "application/x-ndjson"));
    }
}

#[tokio::test]
async fn elements_of_several_samples_are_taken_by_their_own_markers() {
    let host = host().with_fixtures().await;
    let values = |rows: &[(i64, Value)]| rows.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>();

    let rows = host.rows("/table/vec/last?interval=150ms").await;
    assert_eq!((rows.len(), rows[0].1.as_array().unwrap().len(), &rows[0].1[0]), (2, 100, &json!(0.8)));
    assert_eq!(offsets(&host.rows("/table/vec/timeRange?from=150ms&to=350ms").await), [200 * MS, 300 * MS]);

    let rows = host.rows("/table/list/timeRange?from=0s&to=1s").await;
    assert_eq!((values(&rows), offsets(&rows)), (vec![json!([1, 2, 3]), json!([4, 5]), json!([6])], vec![0, 3 * MS, 5 * MS]));
    assert_eq!(values(&host.rows("/table/list/last?interval=2ms").await), [json!([6])]);

    let rows = host.rows("/table/obj/last?interval=30ms").await;
    assert_eq!((values(&rows), offsets(&rows)), ([7, 8, 9].map(|v| json!({"v": v})).to_vec(), vec![70 * MS, 80 * MS, 90 * MS]));
}

#[tokio::test]
async fn what_is_older_than_the_retention_is_gone() {
    let host = host().with_fixtures().await;
    let rows = host.rows("/table/ret/timeRange?from=0s&to=1s").await;
    assert_eq!((numbers(&rows), rows[0].0), ((25..50).map(f64::from).collect(), 25 * MS));
}

#[tokio::test]
async fn a_slash_at_the_end_does_not_matter_and_nothing_else_is_there() {
    let host = host().with_fixtures().await;
    for path in [
        "/table/",
        "/table/ramp/",
        "/table/ramp/last/?interval=1ms",
        "/table/ramp/timeRange/?from=0s&to=1ns",
        "/table/ramp/plot.svg/",
        "/audio/ramp/stream/wav/",
    ] {
        host.get(path).await.is(200);
    }
    for path in [
        "/table/ramp/first?interval=1s",
        "/table/ramp/LAST?interval=1s",
        "/table/ramp/last/x?interval=1s",
        "/table/ramp//last?interval=1s",
        "/audio/ramp/stream",
        "/audio",
    ] {
        host.get(path).await.refuses(404, "nothing at");
    }
    host.get("/Table/ramp/last?interval=1s").await.is(404);
}

#[tokio::test]
async fn another_method_is_refused_with_those_that_are_taken() {
    let host = host().with_fixtures().await;
    let before = host.describe("ramp").await;
    for (method, path, allowed) in [
        ("POST", "/table/ramp/last?interval=1s", "GET,HEAD"),
        ("DELETE", "/table/ramp/timeRange?from=0s&to=1s", "GET,HEAD"),
        ("PATCH", "/table/ramp", "GET,HEAD,PUT,POST,DELETE"),
        ("GET", "/table/ramp/finish", "POST"),
        ("PUT", "/table", "GET,HEAD"),
        ("POST", "/audio/ramp/stream/wav", "GET,HEAD"),
        ("POST", "/table/ramp/plot.svg", "GET,HEAD"),
    ] {
        let answer = host.send(method, path, &[], "").await;
        answer.refuses(405, method);
        let sorted = |list: &str| {
            let mut list: Vec<String> = list.split(',').map(|method| method.trim().to_owned()).collect();
            list.sort();
            list
        };
        assert_eq!(sorted(answer.header("allow")), sorted(allowed), "{method} {path}");
    }
    assert_eq!(host.describe("ramp").await, before);
}

#[tokio::test]
async fn a_head_has_no_body() {
    let host = host().with_fixtures().await;
    let answer = host.send("HEAD", "/table/ramp/last?interval=1s", &[], "").await.is(200);
    assert_eq!((answer.body.len(), answer.header("content-type")), (0, "application/x-ndjson"));
}

#[tokio::test]
async fn lines_come_compressed_where_that_is_accepted() {
    let host = host().with_fixtures().await;
    let gzip = [("accept-encoding", "gzip")];
    let answer = host.send("GET", "/table/ramp/last?interval=1s", &gzip, "").await.is(200);
    assert_eq!((answer.header("content-encoding"), &answer.body[..2]), ("gzip", &b"\x1f\x8b"[..]));
    // Nobody waits for sound to fill a block.
    let answer = host.send("GET", "/audio/ramp/stream/wav?offset=1s", &gzip, "").await.is(200);
    assert_eq!((answer.header("content-encoding"), &answer.body[..4]), ("", &b"RIFF"[..]));
}
