//! The streams API as a client sees it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::Home;
use crate::specs::with;
use crate::streams_client::{Connection, Reading, Upload, at, clicks_into, count_in_order, generated};
use crate::waiting::{seconds, wait_for};

#[test]
fn a_day_with_a_stream() {
    let home = Home::new();
    let server = home.serve();
    server.ask_stream("GET", "purchases", "", 404);
    server.make_stream("purchases", json!({"description": "what was bought"}));
    let stream = server.ask_stream("GET", "purchases", "", 200).json();
    assert_eq!((&stream["description"], &stream["format"]["name"]), (&json!("what was bought"), &json!("text")));
    let posted = server.send("POST", &at("purchases"), &[("Purchases.Shop", " Berlin "), ("other.x", "1")], b"bob bought 3 apples");
    assert_eq!((posted.status, posted.text()), (200, ""));
    server.batch("purchases", "text/csv", b"1,Sam,Smith,18\r\n2,Max,Johnson,28\n\n3,Bill,Jones,20");
    let events = server.wait_events("purchases", 4);
    assert_eq!((events[0].body.as_str(), &events[0].headers), ("bob bought 3 apples", &json!({"shop": "Berlin"})));
    assert_eq!((events[3].body.as_str(), &events[3].headers), ("3,Bill,Jones,20", &json!({"content.type": "text/csv"})));
    assert!(events.is_sorted_by_key(|event| event.timestamp));
    let last = Reading::open(server.address, "purchases", &format!("?start={}&limit=2", events[1].timestamp));
    assert!(last.eq(events[1..3].iter().cloned()));

    let csv = json!({"format": {"name": "csv"}, "ttl": 86400});
    let set = server.send("PUT", &format!("{}/properties", at("purchases")), &[], csv.to_string().as_bytes());
    assert_eq!((set.status, set.text()), (200, ""));
    let read = server.ask_stream("GET", "purchases", "/events?format=true&limit=2", 200).json();
    assert_eq!(read[1]["record"], json!({"body": ["1", "Sam", "Smith", "18"]}));
    drop(server);

    let server = home.serve();
    assert_eq!(server.events("purchases"), events, "a restart changed events");
    assert_eq!(server.ask_stream("GET", "purchases", "", 200).json()["ttl"], 86400);
    server.ask_stream("POST", "purchases", "/truncate", 200);
    server.ask_stream("GET", "purchases", "/events", 204);
    server.ask_stream("DELETE", "purchases", "", 200);
    server.ask_stream("DELETE", "purchases", "", 404);
    let gone = server.ask_stream("GET", "purchases", "", 404);
    assert_eq!(gone.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(gone.text().contains("stream:default.purchases"), "{}", gone.text());
}

#[test]
fn half_a_million_lines_come_back_in_order() {
    let home = Home::new();
    let server = home.serve();
    server.make_stream("s", json!({}));
    let line = |number| format!("Message number {number}");
    let body: String = (0..500_000).map(|number| line(number) + "\n").collect();
    server.batch("s", "text/plain", body.as_bytes());
    let mut times = std::collections::BTreeSet::new();
    let events = Reading::open(server.address, "s", "").inspect(|event| {
        times.insert(event.timestamp);
    });
    assert_eq!(count_in_order(events, line), 500_000);
    assert_eq!(times.len(), 1, "a batch has several times");
}

#[test]
fn thousands_of_single_posts_come_back_in_order() {
    let home = Home::new();
    let server = home.serve();
    server.make_stream("s", json!({}));
    let mut connection = Connection::open(server.address).expect("the server listens");
    for number in 0..5000 {
        let (path, status) = if number % 50 == 49 { (at("s") + "/", 200) } else { (at("s"), 200) };
        assert_eq!(connection.post(&path, &[], format!("Testing {number}").as_bytes()), Some(status));
    }
    assert_eq!(count_in_order(server.events("s").into_iter(), |number| format!("Testing {number}")), 5000);
}

#[test]
fn asynchronous_events_of_a_connection_come_in_order() {
    let home = Home::new();
    let server = home.serve();
    server.make_stream("s", json!({}));
    let address = server.address;
    std::thread::scope(|scope| {
        for client in 0..4 {
            scope.spawn(move || {
                let mut connection = Connection::open(address).expect("the server listens");
                for number in 0..1000 {
                    assert_eq!(connection.post(&format!("{}/async", at("s")), &[], format!("{client}:{number}").as_bytes()), Some(202));
                }
            });
        }
    });
    let events = server.wait_events("s", 4000);
    for client in 0..4 {
        let prefix = format!("{client}:");
        let own = events.iter().filter(|event| event.body.starts_with(&prefix)).cloned();
        assert_eq!(count_in_order(own, |number| format!("{client}:{number}")), 1000);
    }
}

#[test]
fn a_batch_in_small_chunks_is_the_same_batch() {
    let home = Home::new();
    let server = home.serve();
    server.make_stream("s", json!({}));
    let text: String = (0..1000).map(|number| format!("Message number {number}\r\n")).collect();
    let mut upload = Upload::begin(server.address, "s", "text/plain");
    assert!(text.trim_end().as_bytes().chunks(10).all(|chunk| upload.send(chunk)));
    assert_eq!(upload.finish(), Some(200));
    assert_eq!(count_in_order(server.events("s").into_iter(), |number| format!("Message number {number}")), 1000);
}

#[test]
fn a_client_that_breaks_off_leaves_nothing() {
    let home = Home::new();
    let server = home.serve();
    server.make_stream("s", json!({}));
    let lines = format!("{}\n", "x".repeat(999)).repeat(1000);
    for megabytes in [0, 1, 12] {
        let mut upload = Upload::begin(server.address, "s", "text/plain");
        assert!(upload.send(b"a line\nhalf a li"));
        assert!((0..megabytes).all(|_| upload.send(lines.as_bytes())));
        drop(upload);
    }
    std::thread::sleep(seconds(1) / 2);
    server.ask_stream("GET", "s", "/events", 204);
    server.batch("s", "text/plain", b"next");
    assert_eq!(server.bodies("s"), ["next"]);
}

#[test]
fn what_is_wrong_with_a_batch_is_said_before_its_body_is_sent() {
    let home = Home::new();
    let server = home.serve();
    server.make_stream("s", json!({}));
    for (stream, content_type, status) in [("s", "application/json", 406), ("nope", "text/plain", 404), ("a.b", "text/plain", 400)] {
        let mut socket = TcpStream::connect(server.address).expect("the server listens");
        socket.set_read_timeout(Some(seconds(10))).expect("a time limit can be set");
        let path = at(stream);
        let head = format!(
            "POST {path}/batch HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-type: {content_type}\r\ncontent-length: 99\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).expect("the server takes a head");
        let mut line = String::new();
        BufReader::new(socket).read_line(&mut line).expect("the server answers");
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{stream}: {line}");
    }
    assert!(server.bodies("s").is_empty());
}

#[test]
fn a_slow_reader_a_fast_one_and_eight_writers_do_not_disturb_each_other() {
    let home = Home::new();
    let server = home.serve();
    server.make_stream("s", json!({}));
    let address = server.address;
    let pad = "x".repeat(1000);
    let before: String = (0..40_000).map(|number| format!("before {number} {pad}\n")).collect();
    server.batch("s", "text/plain", before.as_bytes());
    let line = |number| format!("before {number} {pad}");
    let mut slow = Reading::open(address, "s", "");
    let first = slow.next_event().expect("there are events");
    assert_eq!(first.body, line(0)); // It takes nothing more for now.
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                scope.spawn(move || {
                    let mut connection = Connection::open(address).expect("the server listens");
                    let mut slowest = Duration::ZERO;
                    for number in 0..200 {
                        let began = Instant::now();
                        assert_eq!(connection.post(&at("s"), &[], format!("{writer}:{number}").as_bytes()), Some(200));
                        slowest = slowest.max(began.elapsed());
                    }
                    slowest
                })
            })
            .collect();
        let fast = scope.spawn(|| {
            for _ in 0..3 {
                let count = Reading::open(address, "s", "").take_while(|event| event.body.starts_with("before")).count();
                assert_eq!(count, 40_000, "the fast reader misses events");
            }
        });
        for writer in writers {
            let slowest = writer.join().expect("a writer is answered");
            // One that had to wait for the slow reader would find no end.
            assert!(slowest < seconds(20), "a post took {slowest:?}");
        }
        fast.join().expect("the fast reader is answered");
    });
    let mut numbers = 1;
    for event in slow {
        assert_eq!(event.body, line(numbers), "the slow reader sees something else");
        numbers += 1;
    }
    assert_eq!(numbers, 40_000);
    let events = server.events("s");
    assert_eq!(events.len(), 40_000 + 1600);
    for writer in 0..8 {
        let prefix = format!("{writer}:");
        let own = events.iter().filter(|event| event.body.starts_with(&prefix)).cloned();
        assert_eq!(count_in_order(own, |number| format!("{writer}:{number}")), 200);
    }
}

#[test]
fn truncations_and_removals_amid_reads_and_writes_break_nothing() {
    let home = Home::new();
    let server = home.serve();
    let address = server.address;
    let over = AtomicBool::new(false);
    let (server, over) = (&server, &over);
    server.make_stream("s", json!({}));
    std::thread::scope(|scope| {
        for writer in 0..3 {
            scope.spawn(move || {
                let mut number = 0;
                while !over.load(Ordering::Relaxed) {
                    let lines: String = (0..200)
                        .map(|_| {
                            number += 1;
                            format!("{writer}:{number} {}\n", "x".repeat(500))
                        })
                        .collect();
                    let answer = server.send("POST", &format!("{}/batch", at("s")), &[("content-type", "text/plain")], lines.as_bytes());
                    assert!(matches!(answer.status, 200 | 404), "{}: {}", answer.status, answer.text());
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let reading = Reading::open(address, "s", "");
                    assert!(matches!(reading.status, 200 | 204 | 404), "{}", reading.status);
                    let mut last = [0; 3];
                    for event in reading {
                        let (writer, rest) = event.body.split_once(':').expect("an event of this test");
                        let number = rest.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
                        let last: &mut u64 = &mut last[writer.parse::<usize>().expect("a writer")];
                        // Batches may be refused while there is no stream; within one, nothing is missing.
                        assert!(number == *last + 1 || (number > *last && number % 200 == 1), "{number} follows {last}");
                        *last = number;
                    }
                }
            });
        }
        for round in 0..30 {
            std::thread::sleep(Duration::from_millis(60));
            if round % 3 < 2 {
                server.ask_stream("POST", "s", "/truncate", 200);
            } else {
                server.ask_stream("DELETE", "s", "", 200);
                server.make_stream("s", json!({}));
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    server.ask_stream("POST", "s", "/truncate", 200);
    server.batch("s", "text/plain", b"a\nb");
    assert_eq!(server.bodies("s"), ["a", "b"]);
    assert!(!server.complaints().contains("\"ERROR\""), "{}", server.complaints());
}

#[test]
fn hostile_patterns_and_bodies_keep_nobody_waiting() {
    let home = Home::new();
    let server = home.serve();
    let address = server.address;
    // Among the slowest that are taken: what it captures is found only by trying every beginning at once.
    let pattern = r"(?<a>[xy]*)x(?<b>[xy]{150})(?<c>[xy]*)z";
    let fields: Vec<Value> = ["a", "b", "c"].map(|name| json!({"name": name, "type": ["string", "null"]})).into();
    let schema = json!({"type": "record", "name": "r", "fields": fields});
    server.make_stream("s", json!({"format": {"name": "grok", "schema": schema, "settings": {"pattern": pattern}}}));
    let line = format!("{}z\n", "xyx".repeat(25_000));
    server.batch("s", "text/plain", line.repeat(130).as_bytes());
    let mut reads: Vec<TcpStream> = (0..6)
        .map(|_| {
            let mut socket = TcpStream::connect(address).expect("the server listens");
            let path = at("s");
            socket.write_all(format!("GET {path}/events?format=true HTTP/1.0\r\n\r\n").as_bytes()).expect("the server takes a head");
            socket
        })
        .collect();
    std::thread::sleep(seconds(1) / 4);
    let mut connection = Connection::open(address).expect("the server listens");
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(server.get("/healthz").status, 200);
        assert_eq!(connection.post(&at("s"), &[], b"in between"), Some(200));
        slowest = slowest.max(began.elapsed());
        std::thread::sleep(seconds(1) / 10);
    }
    println!("the slowest answer took {slowest:?}");
    assert!(slowest < seconds(3), "others waited for {slowest:?}");
    for read in &mut reads {
        let _ = read.read(&mut [0; 1]);
    }
}

#[test]
fn a_job_writes_its_records_into_a_stream_and_is_listed_while_it_does() {
    let home = Home::new();
    let server = home.serve();
    let echo = server.start_job(&clicks_into("clicks", 3000));
    assert_eq!(echo["target"], json!({"type": "stream", "stream": "clicks"}));
    assert_eq!(server.wait_complete("clicks")["total_records"], 3000);
    let events = server.events("clicks");
    assert!(events.iter().all(|event| event.headers == json!({})));
    assert!(events.into_iter().map(|event| event.body).eq(generated(3000)), "other events than the command line makes");
    assert_eq!(server.ask_stream("GET", "clicks", "/programs", 200).json(), json!([]), "a job that has ended uses its stream");

    let slow = with(clicks_into("slow", 1), json!({"name": "slow job", "time_type": "REAL", "total_events": null}));
    server.start_job(&slow);
    let programs = server.ask_stream("GET", "slow", "/programs", 200).json();
    let program = json!({"namespace": "default", "application": "datagen", "type": "Workflow", "program": "slow job", "entity": "PROGRAM"});
    assert_eq!(programs, json!([program]));
    let streams = server.get("/v3/namespaces/default/apps/datagen/workflows/slow%20job/streams").json();
    assert_eq!(streams, json!([{"namespace": "default", "stream": "slow", "entity": "STREAM"}]));
    assert_eq!(server.post("/stop/slow%20job", &Value::Null).status, 200);
    assert_eq!(server.ask_stream("GET", "slow", "/programs", 200).json(), json!([]));
}

#[test]
fn a_job_into_what_is_not_there_is_refused() {
    let home = Home::new();
    let server = home.serve();
    for (target, part) in [
        (json!({"type": "stream", "stream": "s", "namespace": "ghost"}), "ghost"),
        (json!({"type": "stream", "stream": "s", "namespace": "a-b"}), "target.namespace"),
        (json!({"type": "stream", "stream": "a.b"}), "target.stream"),
        (json!({"type": "stream"}), "target.stream"),
        (json!({"type": "stream", "stream": 5}), "target.stream"),
    ] {
        let answer = server.post("/start", &with(clicks_into("s", 10), json!({"target": target})));
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.message().contains(part), "{part}: {}", answer.text());
    }
    server.ask_stream("GET", "s", "", 404);
    assert_eq!(server.get("/jobs").message(), "Data generation is NOT running.");
}

#[test]
fn a_job_whose_stream_is_removed_fails_and_says_so() {
    let home = Home::new();
    let server = home.serve();
    server.start_job(&with(clicks_into("s", 1), json!({"total_events": 100_000_000})));
    server.wait_events("s", 1);
    server.ask_stream("DELETE", "s", "", 200);
    let report = server.wait_status("clicks", "the job's end", seconds(30), |report| report["status"] != "RUNNING");
    assert!(report.to_string().contains("stream:default.s"), "{report}");
    server.ask_stream("GET", "s", "", 404);
}

#[test]
fn a_server_that_is_told_to_end_writes_what_it_has_accepted() {
    let home = Home::new();
    let server = home.serve();
    server.make_stream("s", json!({}));
    let mut connection = Connection::open(server.address).expect("the server listens");
    for number in 0..2000 {
        assert_eq!(connection.post(&format!("{}/async", at("s")), &[], format!("Testing {number}").as_bytes()), Some(202));
    }
    drop(connection);
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    let server = home.serve();
    assert_eq!(count_in_order(server.events("s").into_iter(), |number| format!("Testing {number}")), 2000);
}

#[test]
fn subscribers_are_told_that_a_stream_grows_and_let_go_at_the_end() {
    let home = Home::new();
    let server = home.serve();
    server.make_stream("s", json!({"notification.threshold.mb": 1}));
    let mut socket = TcpStream::connect(server.address).expect("the server listens");
    socket.set_read_timeout(Some(seconds(20))).expect("a time limit can be set");
    let path = at("s");
    socket.write_all(format!("GET {path}/notifications HTTP/1.0\r\n\r\n").as_bytes()).expect("the server takes a head");
    let mut lines = BufReader::new(socket).lines().map_while(Result::ok);
    wait_for("the first event", seconds(20), || lines.next().filter(|line| line == "event: subscribed"));
    server.batch("s", "text/plain", "x".repeat(1 << 20).as_bytes());
    let data = wait_for("a notice", seconds(20), || lines.next().filter(|line| line.starts_with("data: {\"")));
    let notice: Value = serde_json::from_str(&data["data: ".len()..]).expect("a notice is JSON");
    assert_eq!((&notice["feed"], &notice["size"], &notice["id"]), (&json!("sSize"), &json!(1 << 20), &json!(1)));
    let began = Instant::now();
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    // Whoever is not let go is cut off after ten seconds.
    assert!(began.elapsed() < seconds(9), "a subscriber held the server for {:?}", began.elapsed());
    assert_eq!(lines.filter(|line| !line.is_empty()).count(), 0);
}

#[test]
fn answers_are_packed_for_those_who_ask() {
    let home = Home::new();
    let server = home.serve();
    server.make_stream("s", json!({}));
    server.batch("s", "text/plain", "the same line\n".repeat(50_000).as_bytes());
    let packed = server.send("GET", &format!("{}/events", at("s")), &[("accept-encoding", "gzip")], b"");
    assert_eq!((packed.status, packed.header("content-encoding")), (200, Some("gzip")));
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(packed.body.as_slice()).read_to_string(&mut text).expect("gzip");
    let events: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert!(events.len() == 50_000 && packed.body.len() * 10 < text.len(), "{} of {} bytes", packed.body.len(), text.len());
}
