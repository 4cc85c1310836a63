//! Jobs that post their records, and the receivers they meet.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::server::Home;
use crate::specs::{assert_numbered, job, wide, with};
use crate::waiting::{free_loopback, seconds, wait_for};

/// A batch as it arrived.
#[derive(Debug, Clone)]
struct Batch {
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Batch {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    fn records(&self) -> Vec<Value> {
        self.body.lines().map(|line| serde_json::from_str(line).expect("a line is a record")).collect()
    }
}

/// Answers the batch of this number with this status.
type Policy = fn(usize) -> u16;

/// An HTTP server that keeps what it took.
struct Receiver {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Batch>>>,
    refused: Arc<Mutex<Vec<Batch>>>,
}

impl Receiver {
    fn new(policy: Policy) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("loopback has free ports"), policy)
    }

    fn on(listener: TcpListener, policy: Policy) -> Self {
        let receiver = Self { address: listener.local_addr().expect("it is bound"), taken: Arc::default(), refused: Arc::default() };
        let (taken, refused) = (Arc::clone(&receiver.taken), Arc::clone(&receiver.refused));
        std::thread::spawn(move || {
            let seen = Arc::new(Mutex::new(0));
            for stream in listener.incoming().map_while(Result::ok) {
                let (taken, refused, seen) = (Arc::clone(&taken), Arc::clone(&refused), Arc::clone(&seen));
                std::thread::spawn(move || converse(&stream, policy, &seen, &taken, &refused));
            }
        });
        receiver
    }

    fn url(&self) -> String {
        format!("http://{}/in?from=test", self.address)
    }

    fn taken(&self) -> Vec<Batch> {
        self.taken.lock().expect("no thread panics with it").clone()
    }

    /// Everything that was taken, each batch once: one that came again after a crash bears the key of the first.
    fn records(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        let mut records = Vec::new();
        for batch in self.taken() {
            let key = batch.header("idempotency-key").expect("every batch has a key").to_owned();
            if !seen.contains(&key) {
                seen.push(key);
                records.extend(batch.records());
            }
        }
        records
    }
}

/// Reads request after request of a connection.
fn converse(stream: &TcpStream, policy: Policy, seen: &Mutex<usize>, taken: &Mutex<Vec<Batch>>, refused: &Mutex<Vec<Batch>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        assert!(line.starts_with("POST "), "{line}");
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok())?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let batch = Batch { path, headers, body: String::from_utf8(body).expect("records are UTF-8") };
        let number = {
            let mut seen = seen.lock().expect("no thread panics with it");
            *seen += 1;
            *seen - 1
        };
        let status = policy(number);
        let kept = if status < 300 { taken } else { refused };
        kept.lock().expect("no thread panics with it").push(batch);
        write!(writer, "HTTP/1.1 {status} As told\r\ncontent-length: 2\r\n\r\nok").ok()?;
    }
}

fn posting(receiver: &Receiver, records: u64, width: u32) -> Value {
    let target = json!({"type": "http", "url": receiver.url(), "headers": {"x-team": "north"}});
    with(job("post", target), json!({"config": wide(width), "total_events": records, "seed": 3}))
}

#[test]
fn batches_arrive_in_order_as_lines_of_json() {
    let receiver = Receiver::new(|_| 200);
    let home = Home::new();
    let server = home.serve();
    server.start_job(&posting(&receiver, 20_000, 80));
    assert_eq!(server.wait_complete("post")["total_records"], 20_000);
    assert_numbered(&receiver.records(), 20_000);
    let batches = receiver.taken();
    assert!(batches.len() > 1, "20 000 records are more than one batch");
    for batch in batches {
        assert_eq!((batch.header("content-type"), batch.header("x-team")), (Some("application/x-ndjson"), Some("north")));
        assert_eq!(batch.path, "/in?from=test");
        assert!(batch.body.ends_with('\n'));
    }
}

#[test]
fn a_batch_that_was_refused_for_now_is_sent_again() {
    let receiver = Receiver::new(|number| match number {
        1 => 503,
        2 => 429,
        5 => 500,
        _ => 202,
    });
    let home = Home::new();
    let server = home.serve();
    server.start_job(&posting(&receiver, 20_000, 80));
    let seen = server.wait_status("post", "trouble in the report or the end", seconds(60), |report| {
        let said = report["status_msg"].as_str().unwrap();
        report["status"] != "RUNNING" || ["answered 503", "answered 429"].iter().any(|trouble| said.contains(trouble))
    });
    assert_eq!(seen["status"], "RUNNING", "{seen}");
    assert_eq!(server.wait_complete("post")["total_records"], 20_000);
    let records: Vec<Value> = receiver.taken().iter().flat_map(Batch::records).collect();
    assert_numbered(&records, 20_000);
    assert_eq!(receiver.refused.lock().unwrap().len(), 3);
}

#[test]
fn a_receiver_that_says_no_ends_the_job_as_failed_with_the_reason() {
    let receiver = Receiver::new(|number| if number == 0 { 200 } else { 400 });
    let home = Home::new();
    let server = home.serve();
    server.start_job(&posting(&receiver, 20_000, 80));
    let report = server.wait_status("post", "the failure", seconds(30), |report| report["status"] != "RUNNING");
    assert_eq!(report["status"], "FAILED");
    assert!(report["status_msg"].as_str().unwrap().contains("answered 400"), "{report}");
    assert_eq!(report["total_records"], receiver.records().len(), "{report}");
    assert_eq!(receiver.refused.lock().unwrap().len(), 1, "a no is not asked for again");
    // A failed job is no running one: its name is free.
    let better = Receiver::new(|_| 200);
    server.start_job(&posting(&better, 100, 10));
    server.wait_complete("post");
    assert_numbered(&better.records(), 100);
}

#[test]
fn a_redirect_is_not_followed() {
    let receiver = Receiver::new(|_| 307);
    let home = Home::new();
    let server = home.serve();
    server.start_job(&posting(&receiver, 10, 10));
    let report = server.wait_status("post", "the failure", seconds(30), |report| report["status"] != "RUNNING");
    assert_eq!(report["status"], "FAILED");
    assert!(report["status_msg"].as_str().unwrap().contains("307"), "{report}");
}

#[test]
fn a_job_waits_for_a_receiver_that_is_down() {
    let address = free_loopback();
    let home = Home::new();
    let server = home.serve();
    let target = json!({"type": "http", "url": format!("http://{address}/")});
    server.start_job(&with(job("post", target), json!({"total_events": 3000})));
    let waiting = server.wait_status("post", "the wait in the report", seconds(20), |report| {
        report["status_msg"].as_str().unwrap().contains("cannot be reached")
    });
    assert_eq!((&waiting["status"], &waiting["total_records"]), (&json!("RUNNING"), &json!(0)));
    server.wait_status("post", "another attempt", seconds(20), |report| {
        let said = report["status_msg"].as_str().unwrap();
        said.contains("attempt") && !said.contains("attempt 1:")
    });
    let listener = wait_for("the port", seconds(10), || TcpListener::bind(address).ok());
    let receiver = Receiver::on(listener, |_| 200);
    server.wait_complete("post");
    assert_numbered(&receiver.records(), 3000);
}

#[test]
fn a_job_that_waits_can_be_stopped() {
    let home = Home::new();
    let server = home.serve();
    server.start_job(&job("post", json!({"type": "http", "url": "http://127.0.0.1:9/"})));
    server.wait_status("post", "the wait", seconds(20), |report| report["status_msg"].as_str().unwrap().contains("attempt"));
    assert_eq!(server.post("/stop/post", &Value::Null).status, 200);
    assert_eq!(server.get("/jobs").json()["message"], "Data generation is NOT running.");
}

#[test]
fn every_record_arrives_although_the_server_is_killed_in_the_middle() {
    let receiver = Receiver::new(|_| {
        std::thread::sleep(std::time::Duration::from_millis(3));
        200
    });
    let home = Home::new();
    let mut server = home.serve();
    server.start_job(&posting(&receiver, 150_000, 300));
    let mut kills = 0;
    for _ in 0..6 {
        let had = receiver.taken().len();
        wait_for("more batches or the end", seconds(60), || {
            (receiver.taken().len() > had + 12 || server.status("post")["status"] != "RUNNING").then_some(())
        });
        kills += u64::from(server.status("post")["status"] == "RUNNING");
        server.kill();
        server = home.serve();
    }
    assert_eq!(server.wait_complete("post")["total_records"], 150_000);
    println!("{kills} kills hit the running job; {} batches arrived", receiver.taken().len());
    assert!(kills > 2, "the job was over too soon");
    // A batch that was under way comes again; none is left out.
    let mut numbers: Vec<u64> =
        receiver.taken().iter().flat_map(Batch::records).map(|record| record["n"].as_str().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert!(numbers.iter().copied().eq(0..150_000), "{} different records arrived", numbers.len());
}
