//! Jobs that produce to Apache Kafka itself; `kcat`, a client that is not ours, reads what arrived.
//!
//! `tests/run` starts the broker and names its folder in `KAFKA_DIR`. Tests share it, but for those that take it away.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::{Value, json};

use crate::program;
use crate::server::{Home, Server};
use crate::specs::{LATER, assert_numbered, every_second, job, numbered, wide, with};
use crate::waiting::seconds;

/// Held for reading by tests that need the broker to be there, for writing by those that stop it.
static BROKER: RwLock<()> = RwLock::new(());

/// The broker of `tests/run`.
struct Broker<Guard> {
    folder: PathBuf,
    settings: BTreeMap<String, String>,
    _guard: Guard,
}

fn broker() -> Broker<RwLockReadGuard<'static, ()>> {
    Broker::with(BROKER.read().unwrap_or_else(PoisonError::into_inner))
}

/// The broker, and no other test that uses it.
fn broker_alone() -> Broker<RwLockWriteGuard<'static, ()>> {
    Broker::with(BROKER.write().unwrap_or_else(PoisonError::into_inner))
}

impl<Guard> Broker<Guard> {
    fn with(guard: Guard) -> Self {
        let folder = std::env::var_os("KAFKA_DIR").map(PathBuf::from);
        let folder = folder.expect("KAFKA_DIR names no folder: `tests/run` starts Kafka, or `tests/components/kafka start DIR`");
        let settings = std::fs::read_to_string(folder.join("env")).expect("KAFKA_DIR/env is there once Kafka runs");
        let settings = settings.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { folder, settings: settings.collect(), _guard: guard }
    }

    fn setting(&self, name: &str) -> &str {
        self.settings.get(name).unwrap_or_else(|| panic!("KAFKA_DIR/env has no {name}"))
    }

    fn component(&self, command: &str) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/components/kafka");
        let status = Command::new(script).arg(command).arg(&self.folder).status().expect("the component can be run");
        assert!(status.success(), "kafka {command}: {status}");
    }

    /// A target without protection.
    fn plain(&self, topic: &str) -> Value {
        json!({"type": "kafka", "endpoint": self.setting("KAFKA_PLAINTEXT"), "topic": topic})
    }

    /// A target behind one of the protected listeners.
    fn guarded(&self, topic: &str, protocol: &str) -> Value {
        let mut target =
            with(self.plain(topic), json!({"endpoint": self.setting(&format!("KAFKA_{protocol}")), "security_protocol": protocol}));
        if protocol.ends_with("SSL") {
            target["ssl_cafile"] = json!(self.setting("KAFKA_CA"));
        }
        if protocol.starts_with("SASL") {
            target["username"] = json!(self.setting("KAFKA_USERNAME"));
            target["password"] = json!(self.setting("KAFKA_PASSWORD"));
        }
        target
    }

    /// All messages of a topic: key and value.
    fn messages(&self, topic: &str) -> Vec<(Option<String>, String)> {
        let mut kcat = Command::new("kcat");
        kcat.args(["-C", "-e", "-q", "-o", "beginning", "-f", "%K\t%k\t%s\n", "-t", topic, "-b", self.setting("KAFKA_PLAINTEXT")]);
        let output = kcat.output().expect("kcat is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let message = |line: &str| {
            let mut parts = line.splitn(3, '\t');
            let (length, key, value) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            ((length != "-1").then(|| key.to_owned()), value.to_owned())
        };
        String::from_utf8(output.stdout).expect("messages are UTF-8").lines().map(message).collect()
    }

    fn keys(&self, topic: &str) -> Vec<Option<String>> {
        self.messages(topic).into_iter().map(|(key, _)| key).collect()
    }

    fn records(&self, topic: &str) -> Vec<Value> {
        self.messages(topic).iter().map(|(_, value)| serde_json::from_str(value).expect("a message is a record")).collect()
    }

    /// Bytes that a topic takes on the broker's disk.
    fn stored(&self, topic: &str) -> u64 {
        let folder = self.folder.join("data").join(format!("{topic}-0"));
        let files = std::fs::read_dir(folder).expect("the topic has a folder").map(|entry| entry.unwrap());
        files.filter(|file| file.path().extension().is_some_and(|ending| ending == "log")).map(|file| file.metadata().unwrap().len()).sum()
    }
}

/// A topic that no other run has used.
fn topic(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

fn run_job(server: &Server, name: &str, target: Value, members: Value) -> Value {
    server.start_job(&with(job(name, target), members));
    server.wait_complete(name)
}

#[test]
fn messages_are_the_records_in_order_and_have_no_key_unless_asked() {
    let (broker, home) = (broker(), Home::new());
    let server = home.serve();
    let plain = topic("plain");
    assert_eq!(run_job(&server, "j", broker.plain(&plain), json!({"total_events": 5000}))["total_records"], 5000);
    assert_numbered(&broker.records(&plain), 5000);
    assert!(broker.keys(&plain).iter().all(Option::is_none));
    assert_eq!(broker.messages(&plain)[0].1, r#"{"time":"2100-01-01T00:00:00.001","n":"0"}"#);
}

#[test]
fn the_key_of_a_message_joins_the_members_that_are_named() {
    let (broker, home) = (broker(), Home::new());
    let server = home.serve();
    let one = json!({"type": "constant", "value": 7});
    let event =
        json!({"type": "enum", "name": "event", "values": ["login \"x\""], "cardinality_distribution": {"type": "constant", "value": 0}});
    let dimensions = json!([
        {"type": "counter", "name": "user"},
        event,
        {"type": "int", "name": "size", "distribution": one, "cardinality": 0},
        {"type": "float", "name": "share", "distribution": {"type": "constant", "value": 0.5}, "cardinality": 0},
        with(event.clone(), json!({"name": "void", "percent_nulls": 100})),
        with(event.clone(), json!({"name": "rare", "percent_nulls": 50})),
    ]);
    for (name, members, expected) in [
        ("two", json!(["user", "event"]), "0login \"x\""),
        ("turned", json!(["event", "user"]), "login \"x\"0"),
        ("number", json!(["size"]), "7"),
        ("fraction", json!(["share", "size"]), "0.57"),
        ("null", json!(["void"]), ""),
        ("mixed", json!(["void", "size"]), "7"),
        ("absent", json!(["nowhere"]), ""),
        ("rare", json!(["rare", "user"]), "*"),
    ] {
        let topic = topic(&format!("key-{name}"));
        let target = with(broker.plain(&topic), json!({"topic_key": members}));
        run_job(&server, name, target, json!({"config": every_second(dimensions.clone()), "total_events": 20}));
        let keys = broker.keys(&topic);
        assert_eq!(keys.len(), 20, "{name}");
        let first = keys[0].as_deref().unwrap_or_default();
        if expected == "*" {
            let (bare, full) = (Some("0".to_owned()), Some("login \"x\"0".to_owned()));
            assert!(keys[0] == bare || keys[0] == full, "{name}: {first}");
        } else {
            assert_eq!(first, expected, "{name}");
        }
        if name == "two" {
            assert_eq!(keys[19].as_deref(), Some("19login \"x\""));
        }
    }
    let wrong = server.post("/start", &job("wrong", with(broker.plain("t"), json!({"topic_key": "user"}))));
    assert_eq!(wrong.status, 400);
    assert!(wrong.message().contains("target.topic_key"), "{}", wrong.message());
}

#[test]
fn every_compression_and_every_listener_works() {
    let (broker, home) = (broker(), Home::new());
    let server = home.serve();
    let scram = json!({"sasl_mechanism": "SCRAM-SHA-256"});
    for (compression, protocol, members) in [
        ("gzip", "PLAINTEXT", json!({})),
        ("snappy", "SSL", json!({})),
        ("lz4", "SASL_PLAINTEXT", json!({})),
        ("zstd", "SASL_SSL", json!({})),
        ("gzip", "SASL_SSL", scram.clone()),
        ("zstd", "SASL_PLAINTEXT", scram),
        ("none", "SSL", json!({})),
    ] {
        let name = format!("{compression}-{}{}", protocol.replace('_', "-"), if members == json!({}) { "" } else { "-scram" });
        let topic = topic(&name);
        let target = with(with(broker.guarded(&topic, protocol), json!({"compression_type": compression})), members);
        run_job(&server, &name, target, json!({"config": wide(300), "total_events": 3000, "seed": 5}));
        let messages = broker.messages(&topic);
        let records: Vec<Value> = messages.iter().map(|(_, value)| serde_json::from_str(value).unwrap()).collect();
        assert_numbered(&records, 3000);
        // Eight letters take three bits of eight, so that a compression that is really used shows on the broker's disk.
        let (bytes, stored) = (messages.iter().map(|(_, value)| value.len() as u64).sum::<u64>(), broker.stored(&topic));
        match compression {
            "none" => assert!(stored > bytes, "{name}: {stored} of {bytes}"),
            "gzip" | "zstd" => assert!(stored < bytes * 6 / 10, "{name}: {stored} of {bytes}"),
            _ => assert!(stored < bytes * 9 / 10, "{name}: {stored} of {bytes}"),
        }
    }
}

#[test]
fn a_confluent_target_speaks_sasl_over_tls() {
    let (broker, home) = (broker(), Home::new());
    let server = home.serve();
    let topic = topic("confluent");
    let target = json!({"type": "confluent", "servers": broker.setting("KAFKA_SASL_SSL"), "topic": topic, "topic_key": ["n"],
        "username": broker.setting("KAFKA_USERNAME"), "password": broker.setting("KAFKA_PASSWORD"), "ssl_cafile": broker.setting("KAFKA_CA")});
    let report = run_job(&server, "cloud", target, json!({"total_events": 200}));
    assert!(!report.to_string().contains(broker.setting("KAFKA_PASSWORD")), "{report}");
    assert_numbered(&broker.records(&topic), 200);
    assert_eq!(broker.keys(&topic)[199].as_deref(), Some("199"));
    assert!(server.stdout().is_empty(), "records of a Kafka job are not for standard output");
}

#[test]
fn the_command_line_produces_too() {
    let (broker, home) = (broker(), Home::new());
    let (target, specification) = (home.path().join("target.json"), home.path().join("numbered.json"));
    let topic = topic("generate");
    std::fs::write(&target, with(broker.guarded(&topic, "SASL_SSL"), json!({"topic_key": ["n"], "compression_type": "lz4"})).to_string())
        .unwrap();
    std::fs::write(&specification, numbered().to_string()).unwrap();
    let (target, specification) = (target.to_str().unwrap(), specification.to_str().unwrap());
    let stdout = program::run(&["generate", specification, "-n", "20000", "-m", "1", "-s", LATER, "-o", target]).quietly();
    assert!(stdout.is_empty());
    assert_numbered(&broker.records(&topic), 20_000);
    assert_eq!(broker.keys(&topic)[7].as_deref(), Some("7"));
}

#[test]
fn a_wrong_password_is_told_and_nothing_arrives() {
    let (broker, home) = (broker(), Home::new());
    let server = home.serve();
    for protocol in ["SASL_PLAINTEXT", "SASL_SSL"] {
        let topic = topic("denied");
        let target = with(broker.guarded(&topic, protocol), json!({"password": "not-it"}));
        server.start_job(&with(job(protocol, target), json!({"total_events": 5})));
        let report = server.wait_status(protocol, "word of the password", seconds(30), |report| {
            report["status_msg"].as_str().unwrap().to_lowercase().contains("authentication")
        });
        assert_eq!(report["total_records"], 0, "{report}");
        assert!(!report.to_string().contains("not-it"), "{report}");
    }
}

#[test]
fn a_broker_with_a_certificate_of_nobody_is_not_trusted() {
    let (broker, home) = (broker(), Home::new());
    let server = home.serve();
    let target = with(broker.guarded(&topic("untrusted"), "SSL"), json!({"ssl_cafile": null}));
    server.start_job(&with(job("j", target), json!({"total_events": 5})));
    let report = server.wait_status("j", "word of the certificate", seconds(30), |report| {
        report["status_msg"].as_str().unwrap().to_lowercase().contains("certificate") || report["status"] == "COMPLETE"
    });
    assert_eq!((&report["total_records"], report["status"] != "COMPLETE"), (&json!(0), true), "{report}");
}

#[test]
fn an_illegal_topic_is_refused_and_an_authority_that_is_no_file_is_told() {
    let (broker, home) = (broker(), Home::new());
    let server = home.serve();
    let refused = server.post("/start", &job("j", broker.plain("no topic")));
    assert_eq!(refused.status, 400);
    assert!(refused.message().contains("target.topic"), "{}", refused.message());
    let target = with(broker.guarded("t", "SSL"), json!({"ssl_cafile": "/no/such/file.pem"}));
    server.start_job(&with(job("j", target), json!({"total_events": 5})));
    let report = server.wait_status("j", "the failure", seconds(30), |report| report["status"] != "RUNNING");
    assert_eq!(report["status"], "FAILED");
    assert!(report["status_msg"].as_str().unwrap().contains("/no/such/file.pem"), "{report}");
}

/// About two thousand records a second of real time.
fn brisk() -> Value {
    let mut specification = numbered();
    specification["states"][0]["delay"]["value"] = json!(0.01);
    specification["interarrival"]["value"] = json!(0.01);
    specification
}

/// Checks that all records up to a number arrived, each for the first time in its order.
#[track_caller]
fn assert_all_arrived(records: &[Value], total: u64) {
    let mut next = 0;
    for record in records {
        let number: u64 = record["n"].as_str().expect("a number").parse().expect("a number");
        assert!(number <= next, "{number} came where {next} was due");
        next = next.max(number + 1);
    }
    assert_eq!(next, total, "records are missing at the end");
}

#[test]
fn every_record_arrives_although_the_broker_goes_and_comes() {
    let (broker, home) = (broker_alone(), Home::new());
    let server = home.serve();
    let topic = topic("interrupted");
    let request = json!({"time_type": "REAL", "concurrency": 20, "time": "45s", "config": brisk()});
    server.start_job(&with(job("live", broker.plain(&topic)), request));
    server.wait_status("live", "records", seconds(20), |report| report["total_records"].as_u64() > Some(1000));

    broker.component("kill");
    broker.component("start");
    let had = server.status("live")["total_records"].as_u64();
    server.wait_status("live", "more records after the crash of the broker", seconds(30), |report| report["total_records"].as_u64() > had);

    broker.component("stop");
    // A job that is started while there is no broker, with a few records only.
    let late = self::topic("late");
    server.start_job(&with(job("late", broker.plain(&late)), json!({"total_events": 50})));
    for name in ["live", "late"] {
        let report = server.wait_status(name, "the wait in the report", seconds(40), |report| {
            report["status_msg"].as_str().unwrap().starts_with("Waiting, attempt")
        });
        assert_eq!(report["status"], "RUNNING", "{report}");
        assert!(report["status_msg"].as_str().unwrap().contains(broker.setting("KAFKA_PLAINTEXT")), "{report}");
    }
    broker.component("start");
    server.wait_complete("late");
    let report = server.wait_complete("live");
    let total = report["total_records"].as_u64().unwrap();
    assert!(total > 20_000, "{report}");
    let records = broker.records(&topic);
    println!("{} messages for {total} records", records.len());
    assert_all_arrived(&records, total);
    assert_all_arrived(&broker.records(&late), 50);
}

#[test]
fn every_record_arrives_although_the_server_is_killed() {
    let (broker, home) = (broker(), Home::new());
    let mut server = home.serve();
    let topic = topic("killed");
    server.start_job(&with(job("j", broker.plain(&topic)), json!({"config": wide(200), "total_events": 600_000, "seed": 9})));
    let (mut kills, mut had) = (0, 0);
    for _ in 0..4 {
        let report = server.wait_status("j", "progress", seconds(60), |report| {
            report["total_records"].as_u64() > Some(had) || report["status"] != "RUNNING"
        });
        had = report["total_records"].as_u64().unwrap();
        kills += u64::from(report["status"] == "RUNNING");
        std::thread::sleep(seconds(1) / 20);
        server.kill();
        server = home.serve();
    }
    assert_eq!(server.wait_complete("j")["total_records"], 600_000);
    let records = broker.records(&topic);
    println!("{kills} kills hit the running job; {} messages for 600000 records", records.len());
    assert!(kills > 1, "the job was over too soon");
    assert_all_arrived(&records, 600_000);
}
