//! The targets `s3`, `sqs` and `kinesis`, from a server with the embedded store.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::aws::{generated, with_credentials};
use crate::localstack::Account;
use crate::server::{Home, Server};
use crate::specs::{LATER, job, with};
use crate::waiting::seconds;

fn serve(account: &Account, home: &Home) -> Server {
    Server::spawn(with_credentials(home.command(&["--endpoint-url", &account.endpoint])), home.path())
}

fn clicks(target: Value, records: u64) -> Value {
    json!({"name": "clicks", "target": target, "config_file": "clickstream/clickstream.json", "concurrency": 100, "time_type": LATER,
        "total_events": records, "seed": 20_260_101})
}

#[test]
fn objects_in_s3_hold_the_records_in_order() {
    let (account, home) = (Account::new(30), Home::new());
    let server = serve(&account, &home);
    server.start_job(&clicks(json!({"type": "s3", "bucket": account.bucket, "prefix": "clicks/2100/"}), 300_000));
    server.wait_complete("clicks");
    let keys = account.keys("clicks/2100/");
    assert!(keys.len() > 3 && keys[0].ends_with("-000000000000.ndjson"), "{keys:?}");
    assert!(account.joined("clicks/2100/") == generated(300_000));
    // Each is named after its first record.
    let mut records = 0;
    for key in &keys {
        assert!(key.ends_with(&format!("-{records:012}.ndjson")), "{key} begins with record {records}");
        records += account.object(key).split(|&byte| byte == b'\n').count() - 1;
    }
    // A second run adds its own objects and leaves those of the first.
    server.start_job(&clicks(json!({"type": "s3", "bucket": account.bucket, "prefix": "clicks/2100/"}), 1000));
    server.wait_complete("clicks");
    assert_eq!(account.keys("clicks/2100/").len(), keys.len() + 1);
}

#[test]
fn objects_in_s3_can_be_compressed() {
    let (account, home) = (Account::new(30), Home::new());
    let server = serve(&account, &home);
    server.start_job(&clicks(json!({"type": "s3", "bucket": account.bucket, "prefix": "z/", "compression": "gzip"}), 100_000));
    server.wait_complete("clicks");
    let mut unpacked = Vec::new();
    let packed = account.joined("z/");
    flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).expect("gzip");
    assert!(unpacked == generated(100_000));
    assert!(packed.len() < unpacked.len() / 2);
    assert!(account.keys("z/").iter().all(|key| key.ends_with(".ndjson.gz")));
}

#[test]
fn kills_at_any_moment_leave_each_record_in_s3_once() {
    const RECORDS: u64 = 1_500_000;
    let (account, home) = (Account::new(30), Home::new());
    let mut server = serve(&account, &home);
    server.start_job(&clicks(json!({"type": "s3", "bucket": account.bucket, "prefix": "k/"}), RECORDS));
    let mut while_running = 0;
    for round in 0..12_u64 {
        std::thread::sleep(Duration::from_millis(40 + round * 37 % 200));
        while_running += u32::from(server.status("clicks")["status"] == "RUNNING");
        server.kill();
        server = serve(&account, &home);
    }
    server.wait_complete("clicks");
    println!("{while_running} of 12 kills hit the running job, {} objects", account.keys("k/").len());
    assert!(while_running > 3);
    assert!(account.joined("k/") == generated(RECORDS));
}

#[test]
fn every_record_becomes_a_message_of_a_queue() {
    let (account, home) = (Account::new(30), Home::new());
    let server = serve(&account, &home);
    server.start_job(&with(job("m", json!({"type": "sqs", "queue_url": account.queue_url})), json!({"total_events": 333, "seed": 1})));
    server.wait_complete("m");
    let mut numbers: Vec<u64> = account.drain(&account.queue_url).iter().map(|body| number(body.as_bytes())).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..333).collect::<Vec<_>>());
}

#[test]
fn a_queue_that_keeps_order_gets_the_records_in_order() {
    let (account, home) = (Account::new(30), Home::new());
    let queue = account.make_queue(&format!("{}.fifo", account.bucket), &json!({"FifoQueue": "true"}));
    let server = serve(&account, &home);
    server.start_job(&with(job("m", json!({"type": "sqs", "queue_url": queue})), json!({"total_events": 120, "seed": 1})));
    server.wait_complete("m");
    let numbers: Vec<u64> = account.drain(&queue).iter().map(|body| number(body.as_bytes())).collect();
    assert_eq!(numbers, (0..120).collect::<Vec<_>>());
}

fn number(record: &[u8]) -> u64 {
    let record: Value = serde_json::from_slice(record).expect("a record is JSON");
    record["n"].as_str().and_then(|text| text.parse().ok()).expect("a numbered record")
}

#[test]
fn a_stream_of_kinesis_gets_the_records_of_a_key_in_order() {
    let (account, home) = (Account::new(30), Home::new());
    let stream = account.make_stream(3);
    let server = serve(&account, &home);
    let target = json!({"type": "kinesis", "stream": stream, "partition_key": ["user_id"]});
    server.start_job(&clicks(target, 5000));
    server.wait_complete("clicks");
    let shards = account.stream_records(&stream);
    assert_eq!(shards.iter().map(Vec::len).sum::<usize>(), 5000);
    assert!(shards.iter().filter(|shard| !shard.is_empty()).count() > 1, "all records went to one shard");
    let mut wanted: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for line in generated(5000).split_inclusive(|&byte| byte == b'\n') {
        let record: Value = serde_json::from_slice(line).expect("a record is JSON");
        let key = record["user_id"].as_str().map_or_else(|| record["user_id"].to_string(), str::to_owned);
        wanted.entry(key).or_default().push(line.trim_ascii_end().to_vec());
    }
    let mut found: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (key, record) in shards.into_iter().flatten() {
        found.entry(key).or_default().push(record);
    }
    assert!(found == wanted);
}

#[test]
fn what_refuses_the_records_for_good_fails_the_job_and_is_named() {
    let (account, home) = (Account::new(30), Home::new());
    let server = serve(&account, &home);
    for (name, target, said) in [
        (
            "b",
            json!({"type": "s3", "bucket": "no-such-bucket-anywhere", "prefix": "x/"}),
            "s3://no-such-bucket-anywhere/x/ refuses the records: NoSuchBucket",
        ),
        ("q", json!({"type": "sqs", "queue_url": format!("{}-none", account.queue_url)}), "refuses the records"),
        ("k", json!({"type": "kinesis", "stream": "none"}), "the Kinesis stream none refuses the records: ResourceNotFoundException"),
    ] {
        server.start_job(&with(job(name, target), json!({"total_events": 10, "seed": 1})));
        let report = server.wait_status(name, "the job's end", seconds(30), |report| report["status"] != "RUNNING");
        assert_eq!(report["status"], "FAILED", "{report}");
        assert!(report["status_msg"].as_str().is_some_and(|text| text.contains(said)), "{report}");
    }
}

#[test]
fn a_service_that_is_away_is_waited_for_visibly() {
    let home = Home::new();
    let server = Server::spawn(with_credentials(home.command(&["--endpoint-url", "http://127.0.0.1:9"])), home.path());
    server.start_job(&with(job("w", json!({"type": "kinesis", "stream": "s"})), json!({"total_events": 10, "seed": 1})));
    let report = server.wait_status("w", "a wait", seconds(60), |report| {
        report["status_msg"].as_str().is_some_and(|text| text.contains("the Kinesis stream s cannot be reached"))
    });
    assert_eq!(report["status"], "RUNNING", "{report}");
    assert_eq!(server.post("/stop/w", &Value::Null).status, 200);
}
