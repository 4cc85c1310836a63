//! Another database that takes `/api/v2/write`: VictoriaMetrics, which keeps what is a number.

use std::collections::BTreeMap;

use bytes::Bytes;
use headwater_adapters::influxdb::InfluxDb;
use headwater_core::line_protocol::{FieldValue, Point, write_point};
use serde_json::{Value, json};

use crate::database::{client, server, settings};
use crate::target::{batch, sink, targets};

fn url() -> String {
    settings("VictoriaMetrics", "VICTORIA_METRICS_DIR")["VICTORIA_METRICS_URL"].clone()
}

fn known() -> InfluxDb {
    server(&[("URL", &url()), ("VERSION", "2"), ("ORG", "o"), ("BUCKET", "b"), ("TOKEN", "any")])
}

/// The series of a measurement's field: its tags, times in milliseconds, values.
async fn exported(measurement: &str, field: &str) -> Vec<(BTreeMap<String, String>, Value, Value)> {
    let client = client();
    client.get(format!("{}/internal/force_flush", url())).send().await.unwrap();
    let mut address = reqwest::Url::parse(&format!("{}/api/v1/export", url())).unwrap();
    address.query_pairs_mut().append_pair("match[]", &format!("{{__name__=\"{measurement}_{field}\"}}"));
    let text = client.get(address).send().await.unwrap().text().await.unwrap();
    let mut series: Vec<_> = text
        .lines()
        .map(|line| {
            let series: Value = serde_json::from_str(line).unwrap();
            let mut tags: BTreeMap<String, String> = serde_json::from_value(series["metric"].clone()).unwrap();
            tags.remove("__name__");
            (tags, series["timestamps"].clone(), series["values"].clone())
        })
        .collect();
    series.sort_by(|one, other| one.0.cmp(&other.0));
    series
}

#[tokio::test]
async fn numbers_are_read_back_with_their_tags() {
    let measurement = format!("writer_{}", std::process::id());
    let mut lines = String::new();
    let odd = [("host", "a b,c=d"), ("path", r"c:\x\ y"), ("quoted", "say \"é\""), ("empty", "")];
    for number in 0..1000_i64 {
        let fields =
            [("f", FieldValue::Float(number as f64 / 8.0)), ("i", FieldValue::Integer(-number)), ("t", FieldValue::Text("x, y=\"z\""))];
        let nanos = Some(1_700_000_000_000_000_000 + number * 15_000_000_000);
        assert!(write_point(&mut lines, &Point { measurement: &measurement, tags: &odd, fields: &fields, nanos }));
    }
    let store = known().store();
    store.write(lines.into()).await.unwrap();
    store.write(Bytes::from(format!("{measurement},host=plain f=1.5 1700000000000000000\n"))).await.unwrap();
    let series = exported(&measurement, "f").await;
    assert_eq!(series.len(), 2, "{series:?}");
    let (tags, times, values) = &series[0];
    let wanted = [("host", "a b,c=d"), ("path", r"c:\x y"), ("quoted", "say \"é\"")];
    assert_eq!(tags.iter().map(|(name, tag)| (name.as_str(), tag.as_str())).collect::<Vec<_>>(), wanted);
    let number = |values: &Value, at: usize| values[at].as_f64().unwrap();
    assert_eq!(times.as_array().unwrap().len(), 1000);
    assert_eq!((&times[1], number(values, 999)), (&json!(1_700_000_015_000_i64), 999.0 / 8.0));
    assert_eq!(series[1].0["host"], "plain");
    assert_eq!(number(&exported(&measurement, "i").await[0].2, 999), -999.0);
}

#[tokio::test]
async fn jobs_write_there_too() {
    let measurement = format!("target_{}", std::process::id());
    let mut sink = sink(&targets(known()), json!({"measurement": measurement, "tags": ["site"]})).await;
    let records: Vec<Value> =
        (0..7000).map(|number| json!({"time": 1_700_000_000_000_i64 + number * 1000, "site": "s", "n": number})).collect();
    sink.write(&batch(&records)).await.unwrap();
    assert_eq!(sink.committed().records, 7000);
    let series = exported(&measurement, "n").await;
    let values: Vec<f64> =
        series.iter().flat_map(|(_, _, values)| values.as_array().unwrap()).map(|value| value.as_f64().unwrap()).collect();
    assert_eq!((series[0].0["site"].as_str(), values.len()), ("s", 7000));
    assert_eq!(values.iter().sum::<f64>(), 6999.0 * 3500.0);
}
