use std::time::Duration;

use axum::body::Body;
use headwater_core::limits;
use serde_json::{Value, json};

use super::{N, S, START, host, host_over, host_with_stream};

#[tokio::test]
async fn an_event_comes_back_as_it_was_sent() {
    let host = host_with_stream().await;
    host.send("POST", S, &[("content-type", "application/json; charset=utf-8")], "Hello World").await.is_empty(200);
    let answer = host.get(&format!("{S}/events")).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json; charset=utf-8"));
    assert_eq!(answer.text(), format!(r#"[{{"timestamp":{START},"headers":{{}},"body":"Hello World"}}]"#));
}

#[tokio::test]
async fn bodies_are_bytes_and_shown_escaped() {
    let host = host_with_stream().await;
    let printable: String = (' '..='~').collect();
    let cases: [(&[u8], &str); 6] = [
        (b"", ""),
        (b"\x00\x05\x0a\x7f\xff", r"\x00\x05\x0A\x7F\xFF"),
        ("é".as_bytes(), r"\xC3\xA9"),
        (printable.as_bytes(), &printable),
        (br"\x05", r"\x05"),
        (b"a\nb\r\n", r"a\x0Ab\x0D\x0A"),
    ];
    for (body, _) in cases {
        host.post(S, Body::from(body.to_vec())).await.is_empty(200);
    }
    assert_eq!(host.bodies().await, cases.map(|(_, shown)| shown));
    let answer = host.get(&format!("{S}/events")).await;
    assert!(!answer.text().contains(['<', '>', '&', '\'']), "what HTML takes for its own is not escaped: {}", answer.text());
}

#[tokio::test]
async fn headers_that_begin_with_the_stream_and_a_dot_are_the_events() {
    let host = host();
    let path = format!("{N}/streams/MyStream");
    host.put(&path, "").await.is_empty(200);
    let headers = [
        ("mystream.a", "1"),
        ("MyStream.X-Trace", " AbC  "),
        ("MYSTREAM.a.b", ""),
        ("mystream.mystream.c", "w"),
        ("mystream.twice", "first"),
        ("mystream.twice", "last"),
        ("mystream.", "no name"),
        ("other.b", "2"),
        ("xmystream.d", "4"),
        ("mystreamx.e", "5"),
        ("x-c", "3"),
        ("authorization", "Bearer x"),
        ("content-type", "text/plain"),
    ];
    for behind in ["", "/async"] {
        assert!(host.send("POST", &format!("{path}{behind}"), &headers, "x").await.status.is_success());
    }
    let events = host.events(&format!("{path}/events")).await;
    assert_eq!(events.len(), 2);
    for event in events {
        let mut wanted = json!({"a": "1", "x-trace": "AbC", "a.b": "", "mystream.c": "w", "twice": "last"});
        // A socket's parser trims values; here they come as they are.
        wanted["x-trace"] = json!(event["headers"]["x-trace"].as_str().unwrap().trim());
        let mut headers = event["headers"].clone();
        headers["x-trace"] = wanted["x-trace"].clone();
        assert_eq!(headers, wanted);
    }
}

#[tokio::test]
async fn an_asynchronous_event_is_checked_before_it_is_taken() {
    let host = host();
    host.post(&format!("{S}/async"), "x").await.refuses(404, "stream:default.s");
    host.put(S, "").await.is_empty(200);
    for number in 0..10 {
        host.post(&format!("{S}/async"), number.to_string()).await.is_empty(202);
    }
    assert_eq!(host.bodies().await, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[tokio::test]
async fn asynchronous_events_wait_in_a_queue_where_there_is_one_and_keep_their_order() {
    let mut writer = None;
    let host = host_over(
        |streams| {
            let (streams, queue) = streams.with_queue();
            writer = Some(queue);
            streams
        },
        Vec::new(),
        None,
    );
    host.put(S, "").await.is_empty(200);
    for number in 0..500 {
        host.send("POST", &format!("{S}/async"), &[("s.n", &number.to_string())], number.to_string()).await.is_empty(202);
    }
    assert_eq!(host.bodies().await, [""; 0], "nothing writes yet");
    writer.unwrap().run(async {}).await; // As when the host ends: what waits is still written.
    let events = host.events(&format!("{S}/events")).await;
    assert_eq!(events.len(), 500);
    for (number, event) in events.iter().enumerate() {
        assert_eq!((&event["body"], &event["headers"]), (&json!(number.to_string()), &json!({"n": number.to_string()})));
    }
    host.post(&format!("{S}/async"), "late").await.is_empty(202);
    assert_eq!(host.bodies().await.last().map(String::as_str), Some("late"), "an event that no queue takes any more is lost");
}

#[tokio::test]
async fn an_event_has_at_most_so_many_bytes() {
    let host = host_with_stream().await;
    for behind in ["", "/async"] {
        let path = format!("{S}{behind}");
        assert!(host.post(&path, vec![b'x'; limits::EVENT_BODY]).await.status.is_success());
        host.post(&path, vec![b'x'; limits::EVENT_BODY + 1]).await.refuses(413, &limits::REQUEST_BODY.to_string());
    }
    assert_eq!(host.events(&format!("{S}/events")).await.len(), 2);
}

#[tokio::test]
async fn windows_include_their_start_and_exclude_their_end() {
    let host = host_with_stream().await;
    for text in ["1", "2", "2 too", "3"] {
        host.advance(if text == "2 too" { 0 } else { 1000 });
        host.post(S, text).await.is_empty(200);
    }
    let [t1, t2, t3] = [1, 2, 3].map(|number| START + 1000 * number);
    let end = t3 + 1;
    for (query, wanted) in [
        (String::new(), &["1", "2", "2 too", "3"][..]),
        (format!("start={t2}&end={t3}"), &["2", "2 too"]),
        (format!("start={t2}&end={end}"), &["2", "2 too", "3"]),
        (format!("end={t2}"), &["1"]),
        (format!("end={t1}"), &[]),
        (format!("start={end}"), &[]),
        (format!("start={t3}&limit=2147483647"), &["3"]),
        ("limit=1".to_owned(), &["1"]),
        ("limit=3".to_owned(), &["1", "2", "2 too"]),
        (format!("start={t2}&limit=1"), &["2"]),
        ("start=now-1h".to_owned(), &["1", "2", "2 too", "3"]),
        ("start=now-1s".to_owned(), &["2", "2 too", "3"]), // `now` is cut to the second.
        ("start=now-1h&end=now-30m".to_owned(), &[]),
        ("start=now%2B1d".to_owned(), &[]),
        ("start=0&end=9223372036854775807&limit=2&colour=blue".to_owned(), &["1", "2"]),
        ("limit=1&limit=4".to_owned(), &["1"]), // Given twice, the first counts.
    ] {
        let events = host.events(&format!("{S}/events?{query}")).await;
        assert_eq!(events.iter().map(|event| event["body"].as_str().unwrap()).collect::<Vec<_>>(), wanted, "{query}");
        assert!(events.is_sorted_by_key(|event| event["timestamp"].as_i64()), "{query}");
    }
}

#[tokio::test]
async fn a_window_that_is_none_is_said_before_a_stream_that_is_none() {
    let host = host_with_stream().await;
    for (query, part) in [
        ("start=5&end=5", "start"),
        ("start=10&end=5", "10"),
        ("limit=0", "limit"),
        ("limit=-1", "-1"),
        ("limit=abc", "abc"),
        ("limit=", "limit"),
        ("limit=1.0", "1.0"),
        ("limit=2147483648", "2147483648"),
        ("start=-1", "-1"),
        ("start=abc", "start"),
        ("end=1.5", "end"),
        ("start=", "start"),
        ("start=now%20-1h", "start"),
        ("start=now+1h", "start"), // A literal plus is a blank.
        ("start=NOW", "NOW"),
        ("start=9223372036854775808", "9223372036854775808"),
        ("start=now-99999999d", "1970"),
        ("end=now-99999999d", "1970"),
    ] {
        for stream in [S.to_owned(), format!("{N}/streams/nope"), format!("{N}/streams/bad.id")] {
            host.get(&format!("{stream}/events?{query}")).await.refuses(400, part);
        }
    }
    host.get(&format!("{N}/streams/bad.id/events")).await.refuses(400, "stream id");
}

#[tokio::test]
async fn an_event_lives_as_long_as_its_stream_lets_it_and_a_change_takes_effect_at_once() {
    let host = host_with_stream().await;
    let set = async |ttl: u64| host.put(&format!("{S}/properties"), json!({"ttl": ttl})).await.is_empty(200);
    host.post(S, "old").await.is_empty(200);
    host.advance(5000);
    set(5).await;
    assert_eq!(host.bodies().await, ["old"], "an event as old as its time to live is alive");
    host.advance(1);
    assert_eq!(host.bodies().await, [""; 0]);
    host.post(S, "new").await.is_empty(200);
    assert_eq!(host.bodies().await, ["new"]);
    assert_eq!(host.events(&format!("{S}/events?limit=1")).await[0]["body"], "new", "an expired event is counted");
    set(6).await;
    assert_eq!(host.bodies().await, ["old", "new"], "nothing has tidied up yet");
    set(0).await;
    assert_eq!(host.bodies().await, [""; 0]);
    set(5).await;
    host.streams.tidy().await.unwrap();
    set(1000).await;
    assert_eq!(host.bodies().await, ["new"], "what expired is gone after tidying up");
}

#[tokio::test]
async fn many_events_are_one_array_in_pieces() {
    let host = host_with_stream().await;
    let lines: Vec<String> = (0..20_000).map(|number| format!("{number:0100}")).collect();
    let batch = host.send("POST", &format!("{S}/batch"), &[("content-type", "text/plain")], lines.join("\n")).await;
    batch.is_empty(200);
    let response = host.open("GET", &format!("{S}/events"), &[], Body::empty()).await;
    let mut pieces = response.into_body().into_data_stream();
    let (mut all, mut count) = (Vec::new(), 0);
    while let Some(piece) = futures::StreamExt::next(&mut pieces).await {
        let piece = piece.unwrap();
        assert!(piece.len() < 1 << 20, "a piece has {} bytes", piece.len());
        all.extend_from_slice(&piece);
        count += 1;
    }
    assert!(count > 5, "{count} pieces");
    let events: Vec<Value> = serde_json::from_slice(&all).unwrap();
    assert!(events.iter().map(|event| event["body"].as_str().unwrap()).eq(lines.iter().map(String::as_str)));
}

#[tokio::test]
async fn a_read_ends_though_its_stream_grows() {
    let host = host_with_stream().await;
    for _ in 0..5 {
        host.post(S, vec![b'x'; 300_000]).await.is_empty(200);
    }
    let response = host.open("GET", &format!("{S}/events"), &[], Body::empty()).await;
    let mut pieces = response.into_body().into_data_stream();
    let mut all = Vec::new();
    while let Some(piece) = futures::StreamExt::next(&mut pieces).await {
        all.extend_from_slice(&piece.unwrap());
        host.post(S, vec![b'y'; 300_000]).await.is_empty(200);
        assert!(all.len() < 10_000_000, "the read goes on without end");
    }
    let events: Vec<Value> = serde_json::from_slice(&all).unwrap();
    assert!(events.len() == 5 && events.iter().all(|event| event["body"].as_str().unwrap().starts_with('x')));
}

#[tokio::test]
async fn a_host_that_answers_whole_refuses_what_is_too_long_for_it() {
    let host = host_over(|streams| streams, Vec::new(), Some(1000));
    host.put(S, "").await.is_empty(200);
    for _ in 0..3 {
        host.post(S, vec![b'x'; 350]).await.is_empty(200);
    }
    host.get(&format!("{S}/events")).await.refuses(413, "1000 bytes");
    assert_eq!(host.events(&format!("{S}/events?limit=2")).await.len(), 2);
    host.get(&format!("{S}/events?end=5")).await.is_empty(204);
}

#[tokio::test]
async fn the_clients_word_on_the_time_does_not_count() {
    let host = host_with_stream().await;
    host.advance(7);
    host.send("POST", S, &[("s.timestamp", "2"), ("timestamp", "1"), ("date", "Thu, 01 Jan 1970 00:00:00 GMT")], "x").await.is_empty(200);
    let events = host.events(&format!("{S}/events")).await;
    assert_eq!(events[0], json!({"timestamp": START + 7, "headers": {"timestamp": "2"}, "body": "x"}));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_event() {
    let host = host_with_stream().await;
    for behind in ["", "/async", "/batch"] {
        let pieces: [Result<&str, std::io::Error>; 2] = [Ok("begun\n"), Err(std::io::ErrorKind::ConnectionReset.into())];
        let body = Body::from_stream(futures::stream::iter(pieces));
        host.send("POST", &format!("{S}{behind}"), &[("content-type", "text/plain")], body).await.refuses(400, "end");
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(host.bodies().await, [""; 0]);
}

#[tokio::test]
async fn pages_go_on_within_a_millisecond() {
    let host = host_with_stream().await;
    let lines: String = (0..5000).map(|number| format!("{number}\n")).collect();
    host.send("POST", &format!("{S}/batch"), &[("content-type", "text/plain")], lines).await.is_empty(200);
    let mut seen = Vec::new();
    loop {
        let page = host.events(&format!("{S}/events?start={START}&limit=700&skip={}", seen.len())).await;
        if page.is_empty() {
            break;
        }
        seen.extend(page.iter().map(|event| event["body"].as_str().unwrap().to_owned()));
    }
    assert_eq!(seen, (0..5000).map(|number: u32| number.to_string()).collect::<Vec<_>>());
    for wrong in ["-1", "x", "1.5", ""] {
        host.get(&format!("{S}/events?skip={wrong}")).await.refuses(400, "skip");
    }
}

#[tokio::test]
async fn what_is_set_about_a_stream_has_a_bound_that_leaves_nothing_half_done() {
    let host = host_with_stream().await;
    let long = json!({"description": "x".repeat(300_000), "ttl": 5}).to_string();
    host.put(&format!("{S}/properties"), &long).await.refuses(400, "stream:default.s");
    assert_eq!(host.get(S).await.json()["ttl"], 9_223_372_036_854_775_u64);
    host.put(&format!("{N}/streams/other"), &long).await.refuses(400, "262144");
    host.get(&format!("{N}/streams/other")).await.refuses(404, "other");
    host.put(&format!("{S}/properties"), "").await.refuses(400, "empty");
}
