//! The dashboard of load tests, asked of a real InfluxDB what it would ask, after the recorder has written a run there.
//!
//! `tests/run` starts InfluxDB and names its folder in `INFLUXDB_DIR`.

use std::process::Command;

use serde_json::{Value, json};

use crate::component::Component;
use crate::server::Home;
use crate::waiting::{seconds, wait_for};

const TARGET: &str = "http://shop.example:8080/a b";

struct Database {
    server: Component,
    name: String,
}

impl Database {
    /// The series that a query answers; panics, naming the query, when it is refused.
    #[track_caller]
    fn query(&self, query: &str) -> Vec<Value> {
        let user = format!("{}:{}", self.server.setting("INFLUXDB_USERNAME"), self.server.setting("INFLUXDB_PASSWORD"));
        let mut curl = Command::new("curl");
        curl.args(["-s", "-u", &user, "--data-urlencode", &format!("db={}", self.name), "--data-urlencode", &format!("q={query}")]);
        let output = curl.arg(format!("{}/query", self.server.setting("INFLUXDB_URL"))).output().expect("curl is installed");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("InfluxDB answers JSON");
        assert_eq!((&answer["error"], &answer["results"][0]["error"]), (&Value::Null, &Value::Null), "{query}: {answer}");
        answer["results"][0]["series"].as_array().cloned().unwrap_or_default()
    }
}

fn dashboard() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/grafana/load-tests.json");
    serde_json::from_slice(&std::fs::read(path).expect("the dashboard is there")).expect("it is JSON")
}

/// Every query in it.
fn queries(within: &Value, found: &mut Vec<String>) {
    match within {
        Value::Object(members) => {
            // A variable that chooses a data source has a query of another kind.
            let asks = members.get("type").and_then(Value::as_str) != Some("datasource");
            found.extend(members.get("query").and_then(Value::as_str).filter(|_| asks).map(str::to_owned));
            members.values().for_each(|value| queries(value, found));
        }
        Value::Array(elements) => elements.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

/// A text as Grafana writes it into a regular expression.
fn escaped(text: &str) -> String {
    text.chars().flat_map(|char| (!char.is_alphanumeric() && !char.is_whitespace()).then_some('\\').into_iter().chain([char])).collect()
}

fn filled(query: &str, target: &str, mode: &str, run: &str) -> String {
    let filled = query.replace("$timeFilter", "time > now() - 1h").replace("$__interval", "10s");
    let filled = filled.replace("$targetHost", target).replace("$mode", mode).replace("$run", run);
    let left = filled
        .char_indices()
        .find(|(at, char)| *char == '$' && filled[at + 1..].starts_with(|next: char| next.is_alphabetic() || next == '_'));
    assert_eq!(left, None, "a variable that Grafana would not know: {filled}");
    filled
}

/// Whether each column has a value in some row.
#[track_caller]
fn assert_no_column_is_empty(query: &str, series: &[Value]) {
    assert!(!series.is_empty(), "nothing answers {query}");
    for (index, column) in series[0]["columns"].as_array().expect("a series has columns").iter().enumerate() {
        let rows = series.iter().flat_map(|series| series["values"].as_array().expect("a series has values"));
        assert!(rows.into_iter().any(|row| !row[index].is_null()), "{column} is empty in what answers {query}");
    }
}

#[test]
fn every_query_of_the_dashboard_finds_what_the_recorder_wrote() {
    let home = Home::new();
    let database =
        Database { server: Component::named("influxdb", "INFLUXDB_DIR"), name: format!("acceptance_dashboard_{}", std::process::id()) };
    database.query(&format!("CREATE DATABASE {}", database.name));
    let setting = |name| database.server.setting(name);
    let server = home.serve_with(&[
        "--loadtest-period",
        "1s",
        "--influxdb-url",
        setting("INFLUXDB_URL"),
        "--influxdb-database",
        &database.name,
        "--influxdb-username",
        setting("INFLUXDB_USERNAME"),
        "--influxdb-password",
        setting("INFLUXDB_PASSWORD"),
    ]);
    let tell = |event: &str, body: Value| {
        let answer = server.post(&format!("/apiv0.1/events/{event}"), &body);
        assert_eq!(answer.status, 200, "{event}: {}", answer.text());
        answer.json()
    };
    let fields = json!({"users": 5, "spawnRate": 1.5, "requests": 10, "failures": 1, "requestsPerSecond": 2.0, "failuresPerSecond": 0.5,
        "averageResponseTime": 12.5, "p50": 10.0, "p90": 20.0, "p95": 25.0, "p99": 40.0});
    let tags = json!({"targetHost": TARGET, "mode": "cluster"});
    let registered = tell("register", json!({"hostname": "h", "measurement": {"fields": fields, "tags": tags}}));
    let uuid = registered["uuid"].as_str().expect("a run has an id").to_owned();
    tell("annotate", json!({"hostname": "h", "uuid": uuid, "title": "Deployed", "text": "a new version", "tags": ["deploy", "shop"]}));
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/core/src/load_tests/samples/locust-json.json");
    let stats: Value = serde_json::from_slice(&std::fs::read(sample).expect("the sample is there")).expect("it is JSON");
    tell("commit", json!({"hostname": "h", "uuid": uuid, "exitCode": 1, "measurement": {"fields": {"requestStats": stats}, "tags": tags}}));
    for measurement in ["load_testing_result", "load_testing"] {
        wait_for(measurement, seconds(60), || (!database.query(&format!("SELECT * FROM {measurement}")).is_empty()).then_some(()));
    }

    let (dashboard, mut all) = (dashboard(), Vec::new());
    queries(&dashboard, &mut all);
    assert!(all.len() > 15, "{all:#?}");
    for query in &all {
        let found = database.query(&filled(query, &escaped(TARGET), "cluster", &uuid));
        assert_no_column_is_empty(query, &found);
        assert_no_column_is_empty(query, &database.query(&filled(query, ".*", ".*", ".*")));
        if query.contains("$run") {
            assert!(
                database.query(&filled(query, &escaped(TARGET), "cluster", "anotherOne")).is_empty(),
                "{query} does not choose the run"
            );
        }
    }
    for (name, chosen) in [("targetHost", TARGET), ("mode", "cluster"), ("run", uuid.as_str())] {
        let variables = dashboard["templating"]["list"].as_array().expect("there are variables");
        let query =
            variables.iter().find(|variable| variable["name"] == name).expect("it is one of them")["query"].as_str().expect("a query");
        let answer = database.query(&filled(query, ".*", ".*", ".*"));
        assert!(answer[0]["values"].as_array().unwrap().iter().any(|row| row[1] == chosen), "{name}: {answer:?}");
    }
}
