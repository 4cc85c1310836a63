use axum::body::Body;
use headwater_core::limits;
use serde_json::{Value, json};

use super::{Answer, Host, N, S, START, host_with_stream};

impl Host {
    async fn batch(&self, content_type: &str, body: impl Into<Body>) -> Answer {
        self.send("POST", &format!("{S}/batch"), &[("content-type", content_type)], body).await
    }
}

#[tokio::test]
async fn each_line_of_a_text_is_an_event() {
    for (body, wanted) in [
        ("1,Sam,Smith,18\n2,Max,Johnson,28\n3,Bill,Jones,20", &["1,Sam,Smith,18", "2,Max,Johnson,28", "3,Bill,Jones,20"][..]),
        ("a\nb\n", &["a", "b"]),
        ("a\n\n\nb", &["a", "b"]),
        ("\n\r\na", &["a"]),
        ("a\r\nb\rc", &["a", "b", "c"]),
        (" a \t\n \n", &[r" a \x09", " "]),
        ("one line", &["one line"]),
        ("a\u{85}b\u{2028}c\u{c}d", &[r"a\xC2\x85b\xE2\x80\xA8c\x0Cd"]),
        ("", &[]),
        ("\n\n", &[]),
    ] {
        let host = host_with_stream().await;
        host.batch("text/csv", body).await.is_empty(200);
        assert_eq!(host.bodies().await, wanted, "{body:?}");
        for event in host.events(&format!("{S}/events")).await {
            assert_eq!((&event["headers"], &event["timestamp"]), (&json!({"content.type": "text/csv"}), &json!(START)));
        }
    }
}

#[tokio::test]
async fn every_event_of_a_batch_has_the_headers_of_the_request_and_its_type() {
    let host = host_with_stream().await;
    let headers = [("content-type", "Text/X-Log; charset=utf-16"), ("s.k", "v"), ("s.content.type", "mine"), ("other.k", "w")];
    host.send("POST", &format!("{S}/batch"), &headers, "a\nb").await.is_empty(200);
    let events = host.events(&format!("{S}/events")).await;
    assert_eq!(events.len(), 2);
    for event in events {
        assert_eq!(event["headers"], json!({"k": "v", "content.type": "Text/X-Log; charset=utf-16"}));
    }
}

#[tokio::test]
async fn what_a_batch_cannot_be_is_refused_by_its_type() {
    let host = host_with_stream().await;
    for content_type in ["application/json", "application/octet-stream", "avro/json", "text", "text/", "", "x-text/plain", "avro/binary2"] {
        host.batch(content_type, "x").await.refuses(406, content_type);
    }
    host.post(&format!("{S}/batch"), "x").await.refuses(406, "Content-Type");
    let unread = Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>());
    host.batch("application/json", unread).await.refuses(406, "application/json"); // Before any of the body came.
    let unread = Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>());
    host.send("POST", &format!("{N}/streams/nope/batch"), &[("content-type", "application/json")], unread).await.refuses(404, "nope");
    host.send("POST", &format!("{N}/streams/a.b/batch"), &[], "x").await.refuses(400, "stream id");
    assert_eq!(host.bodies().await, [""; 0]);
}

#[tokio::test]
async fn how_a_batch_was_cut_on_its_way_does_not_matter() {
    let host = host_with_stream().await;
    let text: String = (0..1000).map(|number| format!("Message number {number}\r\n\n")).collect();
    for size in [1, 10, 4096] {
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> = text.as_bytes().chunks(size).map(|piece| Ok(piece.to_vec())).collect();
        host.batch("text/plain", Body::from_stream(futures::stream::iter(pieces))).await.is_empty(200);
        let bodies = host.bodies().await;
        assert!(bodies.iter().enumerate().all(|(number, body)| *body == format!("Message number {number}")), "pieces of {size} bytes");
        assert_eq!(bodies.len(), 1000, "pieces of {size} bytes");
        host.post(&format!("{S}/truncate"), "").await.is_empty(200);
    }
}

#[tokio::test]
async fn a_batch_may_be_longer_than_a_body_of_one_event_but_its_lines_may_not() {
    let host = host_with_stream().await;
    let line = "x".repeat(limits::EVENT_BODY);
    host.batch("text/plain", format!("{line}\n{line}\nlast")).await.is_empty(200);
    let lengths: Vec<usize> = host.bodies().await.iter().map(String::len).collect();
    assert_eq!(lengths, [limits::EVENT_BODY, limits::EVENT_BODY, 4]);
    host.post(&format!("{S}/truncate"), "").await.is_empty(200);
    // Two lines are in the store by then, and do not stay.
    host.batch("text/plain", format!("{line}\n{line}\n{line}x\nlast")).await.refuses(413, "line 3");
    assert_eq!(host.bodies().await, [""; 0]);
}

#[tokio::test]
async fn all_events_of_a_long_batch_have_one_time() {
    let host = host_with_stream().await;
    let lines: Vec<String> = (0..40).map(|number| format!("{number}{}", "x".repeat(100_000))).collect();
    host.batch("text/plain", lines.join("\n")).await.is_empty(200);
    let events = host.events(&format!("{S}/events")).await;
    assert_eq!(events.len(), 40);
    assert!(events.iter().zip(&lines).all(|(event, line)| event["body"] == *line && event["timestamp"] == START));
}

/// An Avro object container file with these datums in one block.
fn avro_file(schema: &Value, datums: &[&[u8]]) -> Vec<u8> {
    fn long(out: &mut Vec<u8>, value: usize) {
        let mut left = value << 1;
        while left >= 0x80 {
            out.push((left & 0x7f) as u8 | 0x80);
            left >>= 7;
        }
        out.push(left as u8);
    }
    fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
        long(out, bytes.len());
        out.extend_from_slice(bytes);
    }
    let mut file = b"Obj\x01".to_vec();
    long(&mut file, 1);
    bytes(&mut file, b"avro.schema");
    bytes(&mut file, schema.to_string().as_bytes());
    long(&mut file, 0);
    file.extend_from_slice(&[7; 16]);
    if !datums.is_empty() {
        long(&mut file, datums.len());
        bytes(&mut file, &datums.concat());
        file.extend_from_slice(&[7; 16]);
    }
    file
}

#[tokio::test]
async fn each_datum_of_an_avro_file_is_an_event_with_its_schema() {
    let host = host_with_stream().await;
    let schema = json!({"type": "record", "name": "r", "fields": [{"name": "n", "type": "int"}, {"name": "t", "type": "string"}]});
    let datums: [&[u8]; 3] = [b"\x02\x02a", b"\x04\x00", b"\x06\x06xyz"];
    let headers = [("content-type", "avro/binary"), ("s.k", "v"), ("s.schema", "mine"), ("s.schema.hash", "mine")];
    host.send("POST", &format!("{S}/batch"), &headers, avro_file(&schema, &datums)).await.is_empty(200);
    let events = host.events(&format!("{S}/events")).await;
    assert_eq!(host.bodies().await, [r"\x02\x02a", r"\x04\x00", r"\x06\x06xyz"]);
    for event in events {
        let headers = event["headers"].as_object().unwrap();
        assert_eq!(headers.len(), 4, "{headers:?}");
        assert_eq!((&headers["k"], &headers["content.type"]), (&json!("v"), &json!("avro/binary")));
        assert_eq!(serde_json::from_str::<Value>(headers["schema"].as_str().unwrap()).unwrap(), schema);
        let hash = headers["schema.hash"].as_str().unwrap();
        assert!(hash.len() == 32 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{hash}");
    }
    host.batch("avro/binary", avro_file(&schema, &[])).await.is_empty(200);
    assert_eq!(host.bodies().await.len(), 3);
}

#[tokio::test]
async fn an_avro_file_that_is_damaged_anywhere_leaves_nothing() {
    let host = host_with_stream().await;
    let file = avro_file(&json!("string"), &[b"\x06abc", b"\x02d"]);
    for length in 1..file.len() {
        let answer = host.batch("avro/binary", file[..length].to_vec()).await;
        // A file may end behind its header: it then has no datums.
        if answer.status != 200 {
            answer.refuses(400, "Avro");
        }
        assert_eq!(host.bodies().await, [""; 0], "{length} bytes");
    }
    let mut other_marker = file.clone();
    *other_marker.last_mut().unwrap() ^= 1;
    for body in [b"not avro".to_vec(), other_marker, [&file[..], b"more"].concat()] {
        host.batch("avro/binary", body).await.refuses(400, "Avro");
        assert_eq!(host.bodies().await, [""; 0]);
    }
    host.batch("avro/binary", file).await.is_empty(200);
    assert_eq!(host.bodies().await, [r"\x06abc", r"\x02d"]);
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_a_long_batch_leaves_nothing() {
    let host = host_with_stream().await;
    let piece = format!("{}\n", "x".repeat(99_999)).repeat(10);
    let (sender, body) = futures::channel::mpsc::unbounded::<Result<String, std::io::Error>>();
    for _ in 0..5 {
        sender.unbounded_send(Ok(piece.clone())).unwrap();
    }
    let answer = host.batch("text/plain", Body::from_stream(body));
    let left = tokio::time::timeout(std::time::Duration::from_millis(300), answer).await;
    assert!(left.is_err(), "an unfinished batch was answered");
    drop(sender);
    assert_eq!(host.bodies().await, [""; 0]);
    host.post(S, "next").await.is_empty(200);
    assert_eq!(host.bodies().await, ["next"]);
}
