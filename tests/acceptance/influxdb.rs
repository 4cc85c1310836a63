//! Jobs that write points to InfluxDB itself, which is asked for what it has.
//!
//! `tests/run` starts it and names its folder in `INFLUXDB_DIR`.

use std::process::Command;

use serde_json::{Value, json};

use crate::component::Component;
use crate::program;
use crate::server::{Home, Server};
use crate::specs::{LATER, job, numbered, wide, with};
use crate::waiting::seconds;

/// A database of a test's own.
struct Database {
    server: Component,
    name: String,
}

impl Database {
    fn new(test: &str) -> Self {
        let database =
            Self { server: Component::named("influxdb", "INFLUXDB_DIR"), name: format!("acceptance_{test}_{}", std::process::id()) };
        database.query(&format!("CREATE DATABASE {}", database.name));
        database
    }

    /// The first series that a query answers.
    fn query(&self, query: &str) -> Value {
        let user = format!("{}:{}", self.server.setting("INFLUXDB_USERNAME"), self.server.setting("INFLUXDB_PASSWORD"));
        let mut curl = Command::new("curl");
        curl.args(["-s", "-u", &user, "--data-urlencode", &format!("db={}", self.name), "--data-urlencode", &format!("q={query}")]);
        let output = curl.arg(format!("{}/query", self.server.setting("INFLUXDB_URL"))).output().expect("curl is installed");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("InfluxDB answers JSON");
        assert_eq!(answer["results"][0]["error"], Value::Null, "{query}: {answer}");
        answer["results"][0]["series"][0].clone()
    }

    fn flags(&self) -> [&str; 8] {
        let setting = |name| self.server.setting(name);
        [
            "--influxdb-url",
            setting("INFLUXDB_URL"),
            "--influxdb-database",
            &self.name,
            "--influxdb-username",
            setting("INFLUXDB_USERNAME"),
            "--influxdb-password",
            setting("INFLUXDB_PASSWORD"),
        ]
    }

    fn serve(&self, home: &Home) -> Server {
        home.serve_with(&self.flags())
    }

    fn count(&self, measurement: &str) -> Value {
        self.query(&format!("SELECT COUNT(n) FROM {measurement}"))["values"][0][1].clone()
    }
}

#[test]
fn every_point_is_there_once_although_the_server_is_killed() {
    let (database, home) = (Database::new("killed"), Home::new());
    let mut server = database.serve(&home);
    let target = json!({"type": "influxdb", "measurement": "rows", "fields": ["n"]});
    server.start_job(&with(job("j", target), json!({"config": wide(50), "total_events": 150_000, "seed": 9})));
    let mut had = 0;
    for _ in 0..3 {
        let report = server.wait_status("j", "progress", seconds(60), |report| {
            report["total_records"].as_u64() > Some(had) || report["status"] != "RUNNING"
        });
        had = report["total_records"].as_u64().unwrap();
        server.kill();
        server = database.serve(&home);
    }
    assert_eq!(server.wait_complete("j")["total_records"], 150_000);
    assert_eq!(database.count("rows"), 150_000);
    let last = database.query("SELECT LAST(n) FROM rows");
    assert_eq!(last["values"][0][1], "149999");
}

#[test]
fn a_conflict_ends_the_job_with_what_the_server_says() {
    let (database, home) = (Database::new("conflict"), Home::new());
    let server = database.serve(&home);
    let target = json!({"type": "influxdb", "measurement": "m"});
    server.start_job(&with(job("first", target.clone()), json!({"total_events": 10})));
    server.wait_complete("first");
    let number = json!([{"type": "int", "name": "n", "distribution": {"type": "constant", "value": 1}, "cardinality": 0}]);
    server.start_job(&with(job("second", target), json!({"config": crate::specs::every_second(number), "total_events": 10})));
    let report = server.wait_status("second", "the failure", seconds(30), |report| report["status"] != "RUNNING");
    assert_eq!(report["status"], "FAILED");
    assert!(report["status_msg"].as_str().unwrap().contains("field type conflict"), "{report}");
}

#[test]
fn the_command_line_writes_points_too() {
    let (database, home) = (Database::new("generate"), Home::new());
    let (target, specification) = (home.path().join("target.json"), home.path().join("numbered.json"));
    std::fs::write(&target, json!({"type": "influxdb", "measurement": "m"}).to_string()).unwrap();
    std::fs::write(&specification, numbered().to_string()).unwrap();
    let mut arguments =
        vec!["generate", specification.to_str().unwrap(), "-n", "7000", "-m", "1", "-s", LATER, "-o", target.to_str().unwrap()];
    arguments.extend(database.flags());
    program::run(&arguments).quietly();
    assert_eq!(database.count("m"), 7000);
}

#[test]
fn where_no_influxdb_is_known_the_target_is_refused() {
    let home = Home::new();
    let refused = home.serve().post("/start", &job("j", json!({"type": "influxdb", "measurement": "m"})));
    assert_eq!(refused.status, 400);
    assert!(refused.message().contains("target.type") && refused.message().contains("HEADWATER_INFLUXDB_URL"), "{}", refused.message());
}
