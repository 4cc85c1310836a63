//! `serve --store aws`: everything in a bucket and a queue.

use std::process::Command;

use serde_json::{Value, json};

use crate::localstack::{Account, REGION};
use crate::program;
use crate::server::{Home, Server};
use crate::specs::{LATER, assert_numbered, job, to_file, wide, with};
use crate::waiting::seconds;

/// A server over this bucket and queue.
fn serve(account: &Account, home: &Home) -> Server {
    Server::spawn(with_credentials(home.command(&account.arguments())), home.path())
}

/// What LocalStack takes for a signature.
pub(crate) fn with_credentials(mut command: Command) -> Command {
    command.env("AWS_REGION", REGION).env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    command
}

fn clickstream(name: &str, target: Value, records: u64) -> Value {
    json!({"name": name, "target": target, "config_file": "clickstream/clickstream.json", "concurrency": 100, "time_type": LATER,
        "total_events": records, "seed": 20_260_101})
}

/// The records of such a job, from the command line.
pub(crate) fn generated(records: u64) -> Vec<u8> {
    let records = records.to_string();
    // A job's first record comes a millisecond after the start, as the original's did.
    let start = "2100-01-01T00:00:00.001";
    let arguments = ["generate", "clickstream/clickstream.json", "-n", &records, "-m", "100", "-s", start, "--seed", "20260101"];
    program::run(&arguments).quietly()
}

#[test]
fn a_job_runs_from_its_start_to_its_file_in_the_bucket() {
    let (account, home) = (Account::new(40), Home::new());
    let server = serve(&account, &home);
    server.start_job(&clickstream("clicks", to_file("clicks.json"), 200_000));
    assert_eq!(server.wait_complete("clicks")["total_records"], 200_000);
    assert!(server.file("clicks.json") == generated(200_000));
    assert_eq!(server.get("/files").json(), json!(["clicks.json"]));
    let part = server.send("GET", "/file/clicks.json", &[("range", "bytes=10000000-10000099")], b"");
    assert!((part.status, part.body.as_slice()) == (206, &generated(200_000)[10_000_000..10_000_100]));
    assert_eq!(account.keys("files/").len(), 1, "a finished file is one object");

    let restarted = serve(&account, &Home::new());
    assert_eq!(restarted.status("clicks")["status"], "COMPLETE");
    assert_eq!(restarted.post("/stop/clicks", &Value::Null).status, 200);
    assert_eq!(server.get("/status/clicks").status, 400);
    assert_eq!(server.file("clicks.json").len(), generated(200_000).len());
}

#[test]
fn servers_share_what_they_keep() {
    let (account, home) = (Account::new(40), Home::new());
    let (one, other) = (serve(&account, &home), serve(&account, &home));
    let starts: Vec<u16> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|number| {
                let server = if number % 2 == 0 { &one } else { &other };
                scope.spawn(move || {
                    server.post("/start", &with(job("same", to_file("same.json")), json!({"total_events": 500, "seed": 3}))).status
                })
            })
            .collect();
        starts.into_iter().map(|start| start.join().expect("an answer")).collect()
    });
    // One may be over before another is looked at; at no time are there two.
    assert!(starts.contains(&200) && starts.iter().all(|status| [200, 400].contains(status)), "{starts:?}");
    other.wait_complete("same");
    assert_numbered(&one.records("same.json"), 500);

    one.start_job(&with(job("endless", to_file("endless.json")), json!({"config": wide(100)})));
    other.wait_status("endless", "records", seconds(30), |report| report["total_records"].as_u64() > Some(0));
    assert_eq!(other.post("/stop/endless", &Value::Null).status, 200);
    assert_eq!(one.get("/status/endless").status, 400);
    std::thread::sleep(seconds(2));
    let length = one.file("endless.json").len();
    std::thread::sleep(seconds(2));
    assert_eq!(other.file("endless.json").len(), length, "the stopped job writes");
}

#[test]
fn a_server_takes_over_what_a_killed_one_was_at() {
    let (account, home) = (Account::new(40), Home::new());
    let server = serve(&account, &home);
    server.start_job(&clickstream("clicks", to_file("clicks.json"), 800_000));
    server.wait_status("clicks", "the first step", seconds(60), |report| report["total_records"].as_u64() > Some(0));
    server.kill();
    let server = serve(&account, &Home::new());
    let before = server.status("clicks");
    assert_eq!(before["status"], "RUNNING", "{before}");
    server.wait_complete("clicks");
    assert!(server.file("clicks.json") == generated(800_000));
}

#[test]
fn without_a_bucket_in_an_account_it_does_not_start() {
    let home = Home::new();
    let ran = program::Ran::of(with_credentials(home.command(&["--store", "aws"])).output().expect("the binary starts"));
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("name the --bucket"), "{ran:?}");
}

#[test]
fn at_an_endpoint_of_ones_own_bucket_and_queue_are_made() {
    let (account, home) = (Account::new(40), Home::new());
    let server = Server::spawn(with_credentials(home.command(&["--store", "aws", "--endpoint-url", &account.endpoint])), home.path());
    let name = format!("made-{}", std::process::id());
    server.start_job(&with(job(&name, to_file(&format!("{name}.json"))), json!({"total_events": 10, "seed": 1})));
    server.wait_complete(&name);
    assert_numbered(&server.records(&format!("{name}.json")), 10);
}
