//! The target `influxdb`, against InfluxDB itself.
//!
//! `tests/run` starts it and names its folder in `INFLUXDB_DIR`.
#![allow(clippy::disallowed_methods, reason = "a test lives in real time")]
#![allow(clippy::needless_pass_by_value, reason = "json!({..}) reads best where it is handed over")]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use headwater_adapters::SystemClock;
use headwater_adapters::influxdb::{InfluxDb, InfluxDbSettings};
use headwater_adapters::memory::MemoryFiles;
use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_core::ports::{Batch, Committed, Owner, Sink, SinkError, Targets as _};
use headwater_core::targets::Target;
use serde_json::{Value, json};

/// A database of a test's own.
struct Database {
    settings: BTreeMap<String, String>,
    name: String,
}

impl Database {
    async fn new(test: &str) -> Self {
        let folder = std::env::var("INFLUXDB_DIR").expect("INFLUXDB_DIR names no folder: `tests/run` starts InfluxDB");
        let settings = std::fs::read_to_string(format!("{folder}/env")).expect("INFLUXDB_DIR/env is there once InfluxDB runs");
        let settings = settings.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let database = Self { settings: settings.collect(), name: format!("{test}_{}", std::process::id()) };
        database.query(&format!("CREATE DATABASE {}", database.name)).await;
        database
    }

    async fn query(&self, query: &str) -> Value {
        let mut url = reqwest::Url::parse(&format!("{}/query", self.settings["INFLUXDB_URL"])).unwrap();
        url.query_pairs_mut().extend_pairs([("db", self.name.as_str()), ("epoch", "ns"), ("q", query)]);
        let (user, password) = (&self.settings["INFLUXDB_USERNAME"], &self.settings["INFLUXDB_PASSWORD"]);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let request = reqwest::Client::new().post(url).basic_auth(user, Some(password));
        let answer: Value = serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap();
        assert_eq!(answer["results"][0]["error"], Value::Null, "{query}");
        answer["results"][0]["series"][0].clone()
    }

    /// The target set of a host that knows this database, with some of its variables set otherwise.
    fn known(&self, changes: &[(&str, &str)]) -> TargetSet {
        let variable = |name: &str| {
            let name = name.strip_prefix("HEADWATER_").unwrap();
            let changed = changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| (*value).to_owned());
            changed.or_else(|| if name == "INFLUXDB_DATABASE" { Some(self.name.clone()) } else { self.settings.get(name).cloned() })
        };
        let server = InfluxDb::new(InfluxDbSettings::from_variables(variable)).unwrap();
        TargetSet::new(Arc::new(MemoryFiles::new(Arc::new(SystemClock::new()))), OutboundHosts::default()).with_influxdb(server)
    }
}

async fn sink(set: &TargetSet, members: Value) -> Box<dyn Sink> {
    let mut target = json!({"type": "influxdb", "measurement": "my trucks, all"});
    target.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let target = Target::parse(&target).unwrap();
    set.supports(&target).unwrap();
    set.open(&target, &Owner("task".to_owned()), Committed::default()).await.unwrap()
}

fn batch(records: &[Value]) -> Batch {
    let (mut text, mut ends) = (String::new(), Vec::new());
    for record in records {
        text.push_str(&format!("{record}\n"));
        ends.push(u32::try_from(text.len()).unwrap());
    }
    Batch { text: Bytes::from(text), ends }
}

fn truck(number: u32) -> Value {
    let millis = number % 1000;
    let time = format!("2023-11-14T22:{:02}:{:02}.{millis:03}", number / 60_000, number / 1000 % 60);
    json!({"time": time, "truck": format!("t {}", number % 3), "at": {"lat": f64::from(number) / 8.0}, "ok": true, "n": number})
}

#[tokio::test]
async fn points_are_read_back_as_they_were_written() {
    let database = Database::new("points").await;
    let odd = "say \"hi\", \\ = x\nnext";
    let record = json!({"time": "2023-11-14T22:13:20.123456", "a tag,=": "v, =\\x", "text": odd, "n": 7, "x": -1.5e-7, "ok": false, "deep": {"er": 3}});
    let mut sink = sink(&database.known(&[]), json!({"tags": ["a tag,="], "fields": ["text", "n", "x", "ok", "deep.er"]})).await;
    sink.write(&batch(&[record])).await.unwrap();
    sink.flush().await.unwrap();
    let series = database.query("SELECT * FROM \"my trucks, all\"").await;
    let columns: Vec<_> = series["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let row: BTreeMap<&str, &Value> = columns.into_iter().zip(series["values"][0].as_array().unwrap()).collect();
    for (name, value) in [
        ("time", json!(1_700_000_000_123_456_000_i64)),
        ("a tag,=", json!("v, =\\x")),
        ("text", json!(odd)),
        ("n", json!(7)),
        ("x", json!(-1.5e-7)),
        ("ok", json!(false)),
        ("deep.er", json!(3)),
    ] {
        assert_eq!(*row[name], value, "{name}");
    }
}

#[tokio::test]
async fn writing_records_again_changes_nothing() {
    let database = Database::new("again").await;
    let records: Vec<Value> = (0..12_000).map(truck).collect();
    let set = database.known(&[]);
    for _ in 0..2 {
        let mut sink = sink(&set, json!({"tags": ["truck"]})).await;
        sink.write(&batch(&records)).await.unwrap();
        sink.flush().await.unwrap();
        assert_eq!(sink.committed(), Committed { records: 12_000, bytes: batch(&records).text.len() as u64 });
    }
    let counted = database.query("SELECT COUNT(n), SUM(n) FROM \"my trucks, all\"").await;
    assert_eq!(counted["values"][0].as_array().unwrap()[1..], [json!(12_000), json!(71_994_000)]);
}

#[tokio::test]
async fn a_conflict_is_told_as_the_server_tells_it() {
    let database = Database::new("conflict").await;
    let mut sink = sink(&database.known(&[]), json!({})).await;
    sink.write(&batch(&[json!({"time": 1, "n": 1})])).await.unwrap();
    let error = sink.write(&batch(&[json!({"time": 2, "n": "one"})])).await.unwrap_err();
    assert!(matches!(&error, SinkError::Fatal(said) if said.contains("field type conflict")), "{error}");
    assert_eq!(sink.committed().records, 1);
}

#[tokio::test]
async fn what_stands_in_the_way_is_told() {
    let database = Database::new("way").await;
    let set = |changes: &[(&str, &str)]| database.known(changes);
    for (set, fatal, word) in [
        (set(&[("INFLUXDB_DATABASE", "nowhere")]), true, "database not found"),
        (set(&[("INFLUXDB_PASSWORD", "not-it")]), true, "401"),
        (set(&[("INFLUXDB_URL", "http://127.0.0.1:1")]), false, "cannot be reached"),
    ] {
        let error = sink(&set, json!({})).await.write(&batch(&[truck(1)])).await.unwrap_err();
        assert_eq!(matches!(error, SinkError::Fatal(_)), fatal, "{error}");
        assert!(error.to_string().contains(word) && !error.to_string().contains("not-it"), "{error}");
    }
    let none = TargetSet::new(Arc::new(MemoryFiles::new(Arc::new(SystemClock::new()))), OutboundHosts::default());
    let target = Target::parse(&json!({"type": "influxdb", "measurement": "m"})).unwrap();
    assert!(none.supports(&target).unwrap_err().to_string().contains("HEADWATER_INFLUXDB_URL"));
}

/// Answers as versions 2 and 3 do, for requests as they want them: there is no such server in Debian.
#[tokio::test]
async fn later_versions_are_spoken_to_in_their_way() {
    use axum::extract::RawQuery;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    type Seen = std::sync::Mutex<Vec<(String, String, String)>>;
    let seen: Arc<Seen> = Arc::default();
    let handler = |path: &'static str| {
        let seen = Arc::clone(&seen);
        post(async move |RawQuery(query): RawQuery, headers: HeaderMap, body: String| {
            let authorization = headers["authorization"].to_str().unwrap().to_owned();
            seen.lock().unwrap().push((format!("{path}?{}", query.unwrap_or_default()), authorization, body));
            if seen.lock().unwrap().len() % 2 == 1 { (StatusCode::SERVICE_UNAVAILABLE, "busy") } else { (StatusCode::NO_CONTENT, "") }
        })
    };
    let routes = axum::Router::new().route("/api/v2/write", handler("v2")).route("/api/v3/write_lp", handler("v3"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    for variables in [
        &[("URL", url.as_str()), ("VERSION", "2"), ("ORG", "o"), ("BUCKET", "b"), ("TOKEN", "t0ken")][..],
        &[("URL", url.as_str()), ("VERSION", "3"), ("DATABASE", "d"), ("TOKEN", "t0ken")],
    ] {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| name == format!("HEADWATER_INFLUXDB_{known}")).map(|(_, value)| (*value).to_owned())
        };
        let server = InfluxDb::new(InfluxDbSettings::from_variables(variable)).unwrap();
        let set = TargetSet::new(Arc::new(MemoryFiles::new(Arc::new(SystemClock::new()))), OutboundHosts::default()).with_influxdb(server);
        let record = batch(&[json!({"time": 1, "n": 1})]);
        let busy = sink(&set, json!({})).await.write(&record).await.unwrap_err();
        assert!(matches!(&busy, SinkError::Retry(said) if said.ends_with("503 Service Unavailable: busy")), "{busy}");
        sink(&set, json!({})).await.write(&record).await.unwrap();
    }
    let seen = seen.lock().unwrap();
    let line = "my\\ trucks\\,\\ all n=1.0 1000000\n";
    assert_eq!(seen[1], ("v2?org=o&bucket=b&precision=ns".to_owned(), "Token t0ken".to_owned(), line.to_owned()));
    assert_eq!(seen[3], ("v3?db=d&precision=nanosecond".to_owned(), "Bearer t0ken".to_owned(), line.to_owned()));
}
