//! Elements in.

use axum::body::Body;
use serde_json::{Value, json};

use super::{Host, host, numbers};

async fn host_with_table() -> Host {
    let host = host();
    host.put("/table/t", json!({"element": "sample", "sampleRate": 1000})).await.is(201);
    host
}

impl Host {
    async fn everything(&self) -> Vec<f64> {
        numbers(&self.rows("/table/t/timeRange?from=0s&to=1d").await)
    }
}

/// A WAV file of 16 bits.
fn wav(samples: &[i16], rate: u32) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend(rate.to_le_bytes().into_iter().chain((2 * rate).to_le_bytes()));
    file.extend(b"\x02\0\x10\0data".iter().copied().chain((2 * samples.len() as u32).to_le_bytes()));
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    let length = (file.len() as u32 - 8).to_le_bytes();
    file[4..8].copy_from_slice(&length);
    file
}

#[tokio::test]
async fn elements_are_taken_in_every_form() {
    let host = host_with_table().await;
    for (kind, body, count) in [
        ("application/x-ndjson", b"0.5\n-0.25\n3".to_vec(), 3),
        ("application/json; charset=utf-8", b" [0.125, 1e-3,\n-2] ".to_vec(), 3),
        ("application/octet-stream", [0.1_f64, -1.5].iter().flat_map(|sample| sample.to_le_bytes()).collect(), 2),
        ("audio/x-wav", wav(&[0, 32767], 1000), 2),
        ("application/x-ndjson", Vec::new(), 0),
        ("application/json", b"[]".to_vec(), 0),
        ("application/octet-stream", Vec::new(), 0),
    ] {
        let answer = host.post("/table/t", kind, body).await.is(200);
        assert_eq!((answer.json(), answer.header("content-type")), (json!({"appended": count}), "application/json"), "{kind}");
    }
    assert_eq!(host.everything().await, [0.5, -0.25, 3.0, 0.125, 0.001, -2.0, 0.1, -1.5, 0.0, 1.0]);
}

#[tokio::test]
async fn how_a_body_was_cut_on_its_way_does_not_matter() {
    let host = host_with_table().await;
    let text: String = (0..5000).map(|number| format!("{}\r\n", f64::from(number) / 8.0)).collect();
    for size in [1, 10, 4096, 1 << 20] {
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> = text.as_bytes().chunks(size).map(|piece| Ok(piece.to_vec())).collect();
        host.lines("t", Body::from_stream(futures::stream::iter(pieces))).await.is(200);
    }
    let all = host.everything().await;
    assert_eq!(all.len(), 20_000);
    assert!(all.iter().enumerate().all(|(i, number)| *number == (i % 5000) as f64 / 8.0));
}

#[tokio::test]
async fn a_mistake_anywhere_leaves_nothing_of_a_body() {
    let host = host_with_table().await;
    host.lines("t", "7\n").await.is(200);
    let long: String = (0..300_000).map(|number| format!("{number}\n")).collect();
    let long = long + "three\n";
    let octets = [0; 19];
    for (kind, body, part) in [
        ("application/x-ndjson", b"1\n2\nthree\n4\n".as_slice(), "line 3: "),
        ("application/x-ndjson", b"1\n\"2\"\n3\n", "line 2: "),
        ("application/x-ndjson", b"1\n[2]\n3\n", "line 2: "),
        ("application/x-ndjson", b"1\n{}\n", "line 2: "),
        ("application/x-ndjson", b"1 2\n", "line 1: "),
        ("application/x-ndjson", b"true\n", "line 1: "),
        ("application/x-ndjson", b"1\n\xff\n", "line 2: "),
        ("application/x-ndjson", long.as_bytes(), "line 300001: "),
        ("application/json", b"[1,2", "array"),
        ("application/json", b"{\"a\":1}", "array"),
        ("application/json", b"[1,[2]]", "element 2 "),
        ("application/json", b"[\"x\"]", "element 1 "),
        ("application/json", b"", "empty"),
        ("application/octet-stream", &octets, "3 bytes"),
        ("audio/wav", &wav(&[1, 2, 3], 8000), "the WAV file has 8000 samples a second, and the table 1000"),
        ("audio/wav", b"not a wav file at all, and yet longer than a header has to be", "WAV"),
        ("audio/wav", &wav(&[1, 2, 3], 1000)[..48], "WAV"),
    ] {
        let answer = host.post("/table/t", kind, body.to_vec()).await;
        answer.refuses(400, part);
        assert!(answer.text().contains("nothing of the body is kept"), "{}", answer.text());
        assert_eq!(host.everything().await, [7.0], "{part}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    let host = host_with_table().await;
    let pieces = [Ok("1\n2\n"), Err(std::io::Error::other("gone"))];
    host.lines("t", Body::from_stream(futures::stream::iter(pieces))).await.refuses(400, "to its end");
    assert!(host.everything().await.is_empty());
}

#[tokio::test]
async fn what_elements_cannot_be_is_refused_before_the_body_is_read() {
    let host = host_with_table().await;
    let unread = || Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>());
    for kind in ["application/x-tar", "text/plain", "application/x-www-form-urlencoded", "audio/mpeg", ""] {
        let answer = host.post("/table/t", kind, unread()).await;
        answer.refuses(415, "application/x-ndjson");
        assert!(answer.header("accept").contains("audio/wav"), "{:?}", answer.headers);
    }
    host.send("POST", "/table/t", &[], unread()).await.refuses(415, "Content-Type");
    let gzip = [("content-type", "application/octet-stream"), ("content-encoding", "gzip")];
    host.send("POST", "/table/t", &gzip, unread()).await.refuses(415, "gzip");
    host.lines("nope", unread()).await.says(404, "nope is not found");
    host.post("/table/nope", "audio/mpeg", unread()).await.refuses(415, "audio/mpeg");
    for kind in ["application/octet-stream", "audio/wav"] {
        host.put("/table/v", json!({"element": "vector"})).await;
        host.post("/table/v", kind, unread()).await.refuses(400, kind);
    }
    host.put("/table/fed", json!({"element": "sample", "sampleRate": 1000, "source": {"table": "t"}})).await.is(201);
    host.lines("fed", unread()).await.refuses(409, "fed takes its elements from the table t");
}

#[tokio::test]
async fn elements_must_be_what_the_table_holds() {
    let host = host();
    for (element, good, bad) in [
        ("vector", "[1,2]\n[]\n", "[1]\n1\n"),
        ("vector", "[0.5]\n", "[1]\n[\"a\"]\n"),
        ("list", "[1,[2,3]]\n", "[1]\n{\"a\":1}\n"),
        ("json", "{\"a\": [1, {}]}\n", "{}\n[]\n"),
    ] {
        host.put(&format!("/table/{element}"), json!({"element": element})).await;
        host.lines(element, good).await.is(200);
        let before = host.describe(element).await;
        host.lines(element, bad).await.refuses(400, "line 2: ");
        assert_eq!(host.describe(element).await, before);
    }
}

#[tokio::test]
async fn a_line_that_is_too_long_is_refused() {
    let host = host();
    host.put("/table/t", json!({"element": "json"})).await.is(201);
    let line = format!("{{\"a\":\"{}\"}}\n", "x".repeat(headwater_core::limits::ELEMENT_TEXT));
    host.lines("t", format!("{{}}\n{line}")).await.refuses(413, "line 2 ");
    assert_eq!(host.describe("t").await["rows"], Value::from(0));
}
