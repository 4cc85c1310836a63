//! The target `influxdb`, against InfluxDB itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use headwater_adapters::SystemClock;
use headwater_adapters::influxdb::InfluxDb;
use headwater_adapters::memory::MemoryFiles;
use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_core::ports::{Batch, Committed, Owner, Sink, SinkError, Targets as _};
use headwater_core::targets::Target;
use serde_json::{Value, json};

use crate::database::{Database, server};
use crate::fake::{Fake, answer};

/// The target set of a host that knows a server.
pub(crate) fn targets(server: InfluxDb) -> TargetSet {
    TargetSet::new(Arc::new(MemoryFiles::new(Arc::new(SystemClock::new()))), OutboundHosts::default()).with_influxdb(Some(server))
}

pub(crate) async fn sink(set: &TargetSet, members: Value) -> Box<dyn Sink> {
    let mut target = json!({"type": "influxdb", "measurement": "my trucks, all"});
    target.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let target = Target::parse(&target).unwrap();
    set.supports(&target).unwrap();
    set.open(&target, &Owner("task".to_owned()), Committed::default()).await.unwrap()
}

pub(crate) fn batch(records: &[Value]) -> Batch {
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
    let mut sink = sink(&targets(database.known(&[])), json!({"tags": ["a tag,="], "fields": ["text", "n", "x", "ok", "deep.er"]})).await;
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
    let set = targets(database.known(&[]));
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
    let mut sink = sink(&targets(database.known(&[])), json!({})).await;
    sink.write(&batch(&[json!({"time": 1, "n": 1})])).await.unwrap();
    let error = sink.write(&batch(&[json!({"time": 2, "n": "one"})])).await.unwrap_err();
    assert!(matches!(&error, SinkError::Fatal(said) if said.contains("field type conflict")), "{error}");
    assert_eq!(sink.committed().records, 1);
}

#[tokio::test]
async fn what_stands_in_the_way_is_told() {
    let database = Database::new("way").await;
    let set = |changes: &[(&str, &str)]| targets(database.known(changes));
    for (set, fatal, word) in [
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

/// The sink tells what a job is to do, whichever version the server is of.
#[tokio::test]
async fn a_busy_server_is_waited_for() {
    for variables in [&[("VERSION", "2"), ("ORG", "o"), ("BUCKET", "b"), ("TOKEN", "t")][..], &[("VERSION", "3"), ("DATABASE", "d")]] {
        let fake = Fake::new(|_, number| if number == 0 { answer(503, "", "busy") } else { answer(204, "", "") }).await;
        let variables: Vec<_> = variables.iter().copied().chain([("URL", fake.url.as_str())]).collect();
        let set = targets(server(&variables));
        let record = batch(&[json!({"time": 1, "n": 1})]);
        let busy = sink(&set, json!({})).await.write(&record).await.unwrap_err();
        assert!(matches!(&busy, SinkError::Retry(said) if said.ends_with("answered 503 Service Unavailable: busy")), "{busy}");
        sink(&set, json!({})).await.write(&record).await.unwrap();
        assert_eq!(fake.seen()[1].body, "my\\ trucks\\,\\ all n=1.0 1000000\n");
    }
}

#[tokio::test]
async fn what_is_too_much_at_once_is_sent_in_parts() {
    let most = 2000;
    let fake = Fake::new(move |seen, _| if seen.body.len() > most { answer(413, "", "") } else { answer(204, "", "") }).await;
    let set = targets(server(&[("URL", &fake.url), ("DATABASE", "d")]));
    let records: Vec<Value> = (0..500).map(|number| json!({"time": number, "n": number, "text": "two\nlines \"n=1\n"})).collect();
    let mut parted = sink(&set, json!({"measurement": "m", "fields": ["n", "text"]})).await;
    parted.write(&batch(&records)).await.unwrap();
    assert_eq!(parted.committed().records, 500);
    let taken: String = fake.seen().into_iter().map(|seen| seen.body).filter(|body| body.len() <= most).collect();
    let line = |number| format!("m n={number}.0,text=\"two\nlines \\\"n=1\n\" {number}000000\n");
    assert_eq!(taken, (0..500).map(line).collect::<String>().replace(" 0000000\n", " 0\n"));
    let alone = json!({"time": 1, "text": "x".repeat(most)});
    let error = sink(&set, json!({})).await.write(&batch(&[alone])).await.unwrap_err();
    assert!(matches!(&error, SinkError::Fatal(said) if said.contains("413")), "{error}");
}

#[tokio::test]
async fn a_missing_database_is_made() {
    let database = Database::missing("made_by_a_job");
    let mut sink = sink(&targets(database.known(&[])), json!({})).await;
    sink.write(&batch(&[truck(1), truck(2)])).await.unwrap();
    let counted = database.query("SELECT COUNT(n) FROM \"my trucks, all\"").await;
    assert_eq!(counted["values"][0][1], json!(2));
}
