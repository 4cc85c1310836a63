//! The Lambda functions themselves, as processes under an emulated Lambda, with their state in LocalStack.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use headwater_tests::lambda::{Delivery, Deployment, Function, Gateway, InvokeError, Polling, Queue, Routes};
use serde_json::{Value, json};

use crate::api_client::Api;
use crate::aws::generated;
use crate::http::{Answer, try_send};
use crate::localstack::Account;
use crate::specs::{LATER, assert_numbered, job, to_file, wide, with};
use crate::waiting::{seconds, wait_for};

/// How long an invocation of the worker may last here. Leases last five seconds longer.
const WORKER_TIME: Duration = Duration::from_secs(6);

/// How long the queue hides what it has delivered: longer than a lease.
const HIDDEN: u32 = 12;

/// The API behind a gateway with the routes of the template, and a worker.
struct Cloud {
    account: Account,
    /// Where `s3` targets write.
    target: Account,
    api: Api,
    datagen: Function,
    worker: Function,
    gateway: Gateway,
}

/// A function's binary: in the folder that HEADWATER_FUNCTIONS names, or beside this test.
fn binary(name: &str) -> PathBuf {
    let folder = std::env::var_os("HEADWATER_FUNCTIONS").map(PathBuf::from).unwrap_or_else(|| {
        let test = std::env::current_exe().expect("a program knows its path");
        test.parent().and_then(|deps| deps.parent()).expect("tests are built into a folder").to_owned()
    });
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run tests/run", path.display());
    path
}

/// A function of a deployment whose state is in this account.
pub(crate) fn deployed(name: &str, account: &Account) -> Deployment {
    Deployment::new(name, binary(name))
        .variable("HEADWATER_BUCKET", &account.bucket)
        .variable("HEADWATER_QUEUE_URL", &account.queue_url)
        .variable("HEADWATER_EVENT_STREAM", &account.event_stream)
        .variable("HEADWATER_ALLOW_OUTBOUND", "")
        .variable("AWS_ENDPOINT_URL", &account.endpoint)
        .variable("AWS_ACCESS_KEY_ID", "test")
        .variable("AWS_SECRET_ACCESS_KEY", "test")
}

/// The routes of the template's HTTP API that lead to one function, by the name of its integration.
pub(crate) fn routes_of_the_template(integration: &str) -> Vec<(String, String)> {
    let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).expect("the template is there");
    let lines: Vec<&str> = template.lines().map(str::trim).collect();
    let routes = lines.windows(2).filter_map(|pair| Some((pair[0].strip_prefix("RouteKey: \"")?.strip_suffix('"')?, pair[1])));
    let leads_there = |target: &str| target == format!("Target: !Sub \"integrations/${{{integration}}}\"");
    let keys = routes.filter(|(_, target)| leads_there(target)).map(|(key, _)| key.split_once(' ').expect("a method and a path"));
    keys.map(|(method, path)| (method.to_owned(), path.to_owned())).collect()
}

impl Cloud {
    fn new(step: &[(&str, &str)]) -> Self {
        Self::with_token(step, "")
    }

    fn with_token(step: &[(&str, &str)], token: &str) -> Self {
        let account = Account::new(HIDDEN);
        let deployed = |name: &str| deployed(name, &account);
        let datagen = deployed("datagen").variable("HEADWATER_TOKEN", token).timeout(seconds(29)).start();
        let worker = step.iter().fold(deployed("worker"), |deployment, (name, value)| deployment.variable(name, *value));
        let worker = worker.timeout(WORKER_TIME).concurrency(4).start();
        let routes = routes_of_the_template("DatagenIntegration")
            .iter()
            .fold(Routes::new(), |routes, (method, path)| routes.route(method, path, &datagen));
        let gateway = Gateway::start(routes);
        let api = Api::at(gateway.address());
        Self { account, target: Account::new(HIDDEN), api, datagen, worker, gateway }
    }

    fn queue(&self) -> Queue {
        Queue::new(&self.account.endpoint, &self.account.queue_url).batch(5).concurrency(3)
    }

    fn feed(&self) -> Polling {
        self.queue().feed(&self.worker)
    }

    /// Where an answer sends its reader: in LocalStack, and with which path.
    fn redirected(&self, answer: &Answer) -> (SocketAddr, String) {
        let address = answer.header("location").expect("a redirect says whereto");
        let rest = address.strip_prefix(&self.account.endpoint).expect("an address in the store");
        (self.account.endpoint.trim_start_matches("http://").parse().expect("an address"), rest.to_owned())
    }

    /// What a reader finds there.
    fn fetched(&self, answer: &Answer) -> Answer {
        let (elsewhere, rest) = self.redirected(answer);
        try_send(elsewhere, "GET", &rest, &[], b"").expect("an answer")
    }

    fn to_s3(&self) -> Value {
        json!({"type": "s3", "bucket": self.target.bucket, "prefix": "out/"})
    }

    /// Waits for a job's end while messages that are lost are asked for again, as the schedule of the template has it done, only more often.
    #[track_caller]
    fn wait_complete(&self, name: &str) {
        let swept = Cell::new(Instant::now());
        let report = self.api.wait_status(name, "the job's end", seconds(300), |report| {
            if swept.get().elapsed() > seconds(30) {
                let _ = self.worker.invoke(json!({"sweep": true, "overdue_seconds": 30})); // Where one fails, there is a next one.
                swept.set(Instant::now());
            }
            report["status"] != "RUNNING"
        });
        assert_eq!(report["status"], "COMPLETE", "{report}");
    }

    #[track_caller]
    fn fine(&self, polling: Polling) {
        let trouble = polling.trouble();
        drop(polling);
        assert_eq!((trouble, self.gateway.trouble()), (Vec::<String>::new(), Vec::new()), "{}{}", self.worker.log(), self.datagen.log());
    }
}

/// Where a test fails, what the functions said tells why.
impl Drop for Cloud {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}{}", self.datagen.log(), self.worker.log());
        }
    }
}

fn clickstream(target: Value, records: u64) -> Value {
    json!({"name": "clicks", "target": target, "config_file": "clickstream/clickstream.json", "concurrency": 100, "time_type": LATER,
        "total_events": records, "seed": 20_260_101})
}

#[test]
fn a_job_runs_from_the_gateway_to_its_file() {
    let cloud = Cloud::new(&[]);
    let polling = cloud.feed();
    let api = &cloud.api;
    assert!(api.get("/list").json().as_array().is_some_and(|list| list.contains(&json!("clickstream/clickstream.json"))));
    assert_eq!(api.get("/jobs").json()["message"], "Data generation is NOT running.");
    api.start_job(&with(job("small", to_file("small.json")), json!({"total_events": 100, "seed": 1})));
    assert_eq!(api.wait_complete("small")["total_records"], 100);
    assert_numbered(&api.records("small.json"), 100);
    let answer = api.get("/file/small.json");
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson; charset=utf-8"));
    let head = api.send("HEAD", "/file/small.json", &[], b"");
    assert_eq!((head.status, head.header("etag")), (200, answer.header("etag")));
    assert_eq!(api.get("/files").json(), json!(["small.json"]));
    let preview = api.post("/preview", &json!({"config_file": "clickstream/clickstream.json", "total_events": 3}));
    assert_eq!((preview.status, preview.text().lines().count()), (200, 3));
    assert_eq!(api.post("/start", &json!({"name": "x"})).status, 400);
    let refused = api.post("/start", &job("h", json!({"type": "http", "url": "http://127.0.0.1:9/"})));
    assert!(refused.status == 400 && refused.message().contains("127.0.0.1"), "{}", refused.text());
    for (member, target) in [
        ("target.bucket", json!({"type": "s3", "bucket": cloud.account.bucket, "prefix": "documents/tasks/"})),
        ("target.queue_url", json!({"type": "sqs", "queue_url": cloud.account.queue_url})),
    ] {
        let refused = api.post("/start", &job("own", target));
        assert!(refused.status == 400 && refused.message().starts_with(member), "{}", refused.text());
    }
    assert_eq!(api.post("/stop/small", &Value::Null).status, 200);
    assert_eq!(api.get("/status/small").status, 400);
    cloud.fine(polling);
}

#[test]
fn a_file_too_large_for_a_reply_is_fetched_from_the_bucket() {
    let cloud = Cloud::new(&[]);
    let polling = cloud.feed();
    cloud.api.start_job(&clickstream(to_file("clicks.json"), 60_000));
    cloud.api.wait_complete("clicks");
    let wanted = generated(60_000);
    let answer = cloud.api.get("/file/clicks.json");
    assert_eq!((answer.status, answer.header("cache-control")), (307, Some("no-store")), "{}", wanted.len());
    let (elsewhere, rest) = cloud.redirected(&answer);
    let fetched = cloud.fetched(&answer);
    assert!(fetched.status == 200 && fetched.body == wanted);
    assert_eq!(fetched.header("content-type"), Some("application/x-ndjson; charset=utf-8"));
    let forged = try_send(elsewhere, "GET", &rest.replace("X-Amz-Signature=", "X-Amz-Signature=0"), &[], b"");
    assert_eq!(forged.expect("an answer").status, 403);
    // What fits into a reply comes in one.
    let part = cloud.api.send("GET", "/file/clicks.json", &[("range", "bytes=5000000-5000099")], b"");
    assert!((part.status, part.body.as_slice()) == (206, &wanted[5_000_000..5_000_100]));
    cloud.fine(polling);
}

#[test]
fn a_body_that_is_too_large_is_refused_with_the_limit() {
    let cloud = Cloud::new(&[]);
    let most = headwater_core::limits::REQUEST_BODY;
    let request = job("x", to_file("x.json")).to_string();
    let padded = |length: usize| format!("{}{request}", " ".repeat(length - request.len()));
    for content_type in ["application/json", "application/x-www-form-urlencoded"] {
        let refused = cloud.api.send("POST", "/start", &[("content-type", content_type)], padded(most + 1).as_bytes());
        assert!(refused.status == 413 && refused.message().contains(&most.to_string()), "{}", refused.text());
        let taken = cloud.api.send("POST", "/start", &[("content-type", content_type)], padded(most).as_bytes());
        assert!([200, 400].contains(&taken.status), "{}", taken.text());
    }
    assert_eq!(cloud.gateway.trouble(), Vec::<String>::new());
}

#[test]
fn a_token_is_asked_for() {
    let mut cloud = Cloud::with_token(&[], "open-sesame-open-sesame");
    assert_eq!(cloud.api.get("/jobs").status, 401);
    cloud.api.token = Some("open-sesame-open-sesame".to_owned());
    assert_eq!(cloud.api.get("/jobs").status, 200);
}

#[test]
fn a_million_events_reach_s3_through_many_invocations() {
    const RECORDS: u64 = 1_000_000;
    let cloud = Cloud::new(&[("HEADWATER_STEP_SECONDS", "2"), ("HEADWATER_STEP_MEGABYTES", "16")]);
    let polling = cloud.feed();
    let began = Instant::now();
    cloud.api.start_job(&clickstream(cloud.to_s3(), RECORDS));
    cloud.api.wait_complete("clicks");
    println!("{RECORDS} events in {:?} and {} invocations", began.elapsed(), polling.invocations());
    assert!(polling.invocations() >= 10, "{} invocations", polling.invocations());
    assert!(cloud.target.joined("out/") == generated(RECORDS));
    cloud.fine(polling);
}

#[test]
fn messages_that_come_twice_and_out_of_order_do_not_show() {
    for delivery in [Delivery::TwiceAtOnce, Delivery::TwiceInTurn] {
        let cloud = Cloud::new(&[("HEADWATER_STEP_SECONDS", "1"), ("HEADWATER_STEP_MEGABYTES", "4")]);
        let polling = cloud.queue().delivery(delivery).mixed(7).feed(&cloud.worker);
        cloud.api.start_job(&clickstream(cloud.to_s3(), 150_000));
        for number in 0..4 {
            let name = format!("f{number}");
            cloud.api.start_job(&with(clickstream(to_file(&format!("{name}.json")), 60_000), json!({"name": name})));
        }
        cloud.api.wait_complete("clicks");
        (0..4).for_each(|number| drop(cloud.api.wait_complete(&format!("f{number}"))));
        assert!(cloud.target.joined("out/") == generated(150_000));
        for number in 0..4 {
            let key = cloud.account.keys("documents/files/").into_iter().nth(number).expect("a file of each job");
            let manifest: Value =
                serde_json::from_slice(cloud.account.object(&key).split(|&b| b == b'\n').next().expect("a line")).expect("JSON");
            let pieces = manifest["pieces"].as_array().expect("pieces").iter();
            let object =
                |piece: &Value| format!("files/{}/{}", manifest["id"].as_str().expect("an id"), piece["object"].as_str().expect("a key"));
            let bytes: Vec<u8> = pieces.flat_map(|piece| cloud.account.object(&object(piece))).collect();
            assert!(bytes == generated(60_000), "file {number} under {key}");
        }
        drop(polling);
    }
}

#[test]
fn workers_killed_in_the_middle_of_a_step_lose_and_double_nothing() {
    const RECORDS: u64 = 400_000;
    let cloud = Cloud::new(&[("HEADWATER_STEP_SECONDS", "1"), ("HEADWATER_STEP_MEGABYTES", "8")]);
    let polling = cloud.feed();
    cloud.api.start_job(&clickstream(cloud.to_s3(), RECORDS));
    cloud.api.start_job(&with(clickstream(to_file("f.json"), RECORDS), json!({"name": "f"})));
    // One after the other, lest what survives one of them ends its job before the next: a job takes more steps than there are kills.
    let mut killed = 0;
    for moment in [150, 420, 300] {
        killed += wait_for("a step", seconds(60), || {
            std::thread::sleep(Duration::from_millis(moment));
            Some(cloud.worker.kill_running()).filter(|&killed| killed > 0)
        });
    }
    cloud.wait_complete("clicks");
    cloud.wait_complete("f");
    println!("{killed} workers killed in a step");
    cloud.worker.log().lines().filter(|line| line.contains("swept")).for_each(|line| println!("{line}"));
    let wanted = generated(RECORDS);
    assert!(cloud.target.joined("out/") == wanted);
    let answer = cloud.api.get("/file/f.json");
    assert!(cloud.fetched(&answer).body == wanted);
    drop(polling);
}

#[test]
fn a_lost_message_is_asked_for_again() {
    let cloud = Cloud::new(&[]);
    cloud.api.start_job(&with(job("lost", to_file("lost.json")), json!({"total_events": 100, "seed": 1})));
    assert_eq!(cloud.account.drain(&cloud.account.queue_url).len(), 1, "a start asks for a step");
    // The start may be under way for all that a sweep can know.
    cloud.worker.invoke(json!({"sweep": true})).expect("a sweep");
    assert_eq!(cloud.account.drain(&cloud.account.queue_url).len(), 0);
    cloud.worker.invoke(json!({"sweep": true, "overdue_seconds": 0})).expect("a sweep");
    let polling = cloud.feed();
    cloud.api.wait_complete("lost");
    assert_numbered(&cloud.api.records("lost.json"), 100);
    cloud.worker.invoke(json!({"sweep": true, "overdue_seconds": 0})).expect("a sweep");
    std::thread::sleep(seconds(1));
    assert_eq!(cloud.account.drain(&cloud.account.queue_url), Vec::<String>::new(), "a sweep asks for steps of a finished job");
    cloud.fine(polling);
}

#[test]
fn a_job_in_real_time_lives_across_invocations_until_it_is_stopped() {
    let cloud = Cloud::new(&[("HEADWATER_STEP_SECONDS", "1")]);
    let polling = cloud.feed();
    let began = Instant::now();
    cloud.api.start_job(&with(job("slow", to_file("slow.json")), json!({"time_type": "REAL", "config": wide(10), "seed": 1})));
    cloud.api.wait_status("slow", "six records", seconds(30), |report| report["total_records"].as_u64() >= Some(6));
    assert!(began.elapsed() > seconds(4), "a record each second");
    assert!(polling.invocations() >= 3, "{} invocations", polling.invocations());
    let records = cloud.api.records("slow.json");
    assert_numbered(&records, records.len());
    assert_eq!(cloud.api.post("/stop/slow", &Value::Null).status, 200);
    std::thread::sleep(seconds(2));
    let length = cloud.api.file("slow.json").len();
    let invocations = polling.invocations();
    std::thread::sleep(seconds(3));
    assert_eq!(cloud.api.file("slow.json").len(), length, "the stopped job writes");
    assert_eq!(polling.invocations(), invocations, "the stopped job is stepped");
    cloud.fine(polling);
}

#[test]
fn only_the_messages_that_failed_are_reported() {
    let cloud = Cloud::new(&[]);
    cloud.api.start_job(&with(job("good", to_file("good.json")), json!({"total_events": 10, "seed": 1})));
    let good = cloud.account.drain(&cloud.account.queue_url).remove(0);
    let record = |id: &str, body: &str| {
        json!({"messageId": id, "receiptHandle": id, "body": body, "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0",
            "SenderId": "x", "ApproximateFirstReceiveTimestamp": "0"}, "messageAttributes": {}, "md5OfBody": "x", "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q", "awsRegion": "us-east-1"})
    };
    let event = json!({"Records": [record("bad", "{\"what\": \"?\"}"), record("good", &good), record("gone", "{\"task\":\"0000\",\"step\":0,\"due\":0}")]});
    let answer: Value = serde_json::from_slice(&cloud.worker.invoke(event).expect("an answer")).expect("JSON");
    assert_eq!(answer["batchItemFailures"], json!([{"itemIdentifier": "bad"}]));
    assert_eq!(cloud.api.status("good")["status"], "COMPLETE");
    assert!(matches!(cloud.worker.invoke(json!({"neither": "this"})), Err(InvokeError::Failed { .. })));
}

#[test]
fn the_template_routes_exactly_what_the_functions_serve() {
    let cloud = Cloud::new(&[]);
    let all = Gateway::start(Routes::new().otherwise(&cloud.datagen));
    let api = Api::at(all.address());
    let routed: BTreeSet<(String, String)> = routes_of_the_template("DatagenIntegration").into_iter().collect();
    let paths: BTreeSet<&str> = routed.iter().map(|(_, path)| path.as_str()).collect();
    let mut served = BTreeSet::new();
    for path in &paths {
        let example = path.replace("{name}", "x").replace("{path+}", "a/x");
        let answer = api.send("OPTIONS", &example, &[], b"");
        assert_eq!(answer.status, 204, "{path} is routed and not served");
        served.extend(answer.header("allow").expect("methods").split(',').map(|method| (method.trim().to_owned(), (*path).to_owned())));
    }
    assert_eq!(served, routed);
    let known: BTreeSet<String> =
        headwater_datagen::paths::ALL.iter().map(|path| path.replace("{*", "{").replace("{path}", "{path+}")).collect();
    assert_eq!(known.iter().map(String::as_str).collect::<BTreeSet<_>>(), paths, "a path is served and not routed");
}
