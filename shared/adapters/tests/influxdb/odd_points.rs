//! Whatever names and texts hold comes back from InfluxDB as `line_protocol` says it does.

use std::collections::BTreeMap;

use headwater_core::line_protocol::{FieldValue, Point, ends, write_point};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::database::Database;

/// A point before it is written: measurement, tags, and fields with a number that makes their values.
type Odd = (String, Vec<(String, String)>, Vec<(String, String, i64)>);

/// What came back of a point: its measurement, tags and fields.
type Kept = (String, BTreeMap<String, String>, BTreeMap<String, Value>);

fn odd_text() -> impl Strategy<Value = String> {
    let awkward =
        select(vec!['"', '\'', '\\', '\\', ',', '=', ' ', '\t', '\n', '\r', '\0', '#', 'é', '😀', '\u{7f}', '\u{85}', '\u{2028}']);
    let character = prop_oneof![6 => awkward, 3 => prop::char::range('a', 'c'), 1 => any::<char>()];
    let text = vec(character, 0..7).prop_map(String::from_iter);
    prop_oneof![20 => text, 1 => select(vec!["time", "_field", "_measurement", "time\\"]).prop_map(str::to_owned)]
}

fn odd_point() -> impl Strategy<Value = Odd> {
    (odd_text(), vec((odd_text(), odd_text()), 0..4), vec((odd_text(), odd_text(), any::<i64>()), 1..4))
}

/// A name or the value of a tag as it is kept.
fn cleaned(text: &str) -> String {
    let mut text: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    text.push(',');
    while let Some(at) = ["\\,", "\\=", "\\ ", "\\\""].iter().find_map(|pair| text.find(pair)) {
        text.remove(at);
    }
    text.pop();
    text
}

/// The name of a tag or field as it is kept.
fn key(text: &str) -> String {
    let name = cleaned(text);
    if matches!(&*name, "time" | "_field" | "_measurement") { format!("{name}_") } else { name }
}

/// The value of a field. Its type follows from its name, since a field has but one.
fn value<'a>(name: &str, text: &'a str, number: i64) -> FieldValue<'a> {
    match key(name).chars().map(u32::from).sum::<u32>() % 4 {
        0 => FieldValue::Float(number as f64 / 8.0),
        1 => FieldValue::Integer(number),
        2 => FieldValue::Boolean(number % 2 == 0),
        _ => FieldValue::Text(text),
    }
}

fn expected((measurement, tags, fields): &Odd) -> Option<Kept> {
    let measurement = cleaned(measurement.trim_start_matches('#'));
    let (mut kept_tags, mut kept_fields) = (BTreeMap::new(), BTreeMap::new());
    for (name, tag) in tags.iter().map(|(name, tag)| (key(name), cleaned(tag))).filter(|(name, tag)| !name.is_empty() && !tag.is_empty()) {
        kept_tags.entry(name).or_insert(tag);
    }
    for (name, text, number) in fields.iter().filter(|(name, ..)| !key(name).is_empty()) {
        kept_fields.entry(key(name)).or_insert(match value(name, text, *number) {
            FieldValue::Float(number) => Value::from(number),
            FieldValue::Integer(number) => Value::from(number),
            FieldValue::Boolean(truth) => Value::from(truth),
            FieldValue::Text(text) => Value::from(text.replace('\0', "\u{fffd}")),
        });
    }
    (!measurement.is_empty() && !kept_fields.is_empty()).then_some((measurement, kept_tags, kept_fields))
}

/// All that is in a database, by its time.
async fn kept(database: &Database) -> BTreeMap<i64, Kept> {
    let mut kept = BTreeMap::new();
    for series in database.series("SELECT * FROM /.*/ GROUP BY *").await {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let tags = series["tags"].as_object().into_iter().flatten().map(|(name, tag)| (name.clone(), text(tag)));
        let tags: BTreeMap<String, String> = tags.filter(|(_, tag)| !tag.is_empty()).collect();
        let columns: Vec<String> = series["columns"].as_array().unwrap().iter().map(text).collect();
        for row in series["values"].as_array().unwrap() {
            let fields = columns.iter().cloned().zip(row.as_array().unwrap().iter().cloned()).skip(1).filter(|(_, value)| !value.is_null());
            kept.insert(row[0].as_i64().unwrap(), (text(&series["name"]), tags.clone(), fields.collect()));
        }
    }
    kept
}

/// Numbers as JSON has them, where `1` may be meant as `1.0` and the last digit is a matter of the reader.
fn alike(one: &Value, other: &Value) -> bool {
    one == other
        || match (one.as_f64(), other.as_f64()) {
            (Some(one), Some(other)) => (one - other).abs() <= one.abs() * 1e-15,
            _ => false,
        }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn odd_points_come_back_as_they_are_said_to(points in vec(odd_point(), 1..300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let database = Database::new("odd").await;
            let mut lines = String::new();
            let mut written = BTreeMap::new();
            for (number, point) in points.iter().enumerate() {
                let nanos = i64::try_from(number).unwrap();
                let tags: Vec<(&str, &str)> = point.1.iter().map(|(name, tag)| (name.as_str(), tag.as_str())).collect();
                let fields: Vec<_> = point.2.iter().map(|(name, text, number)| (name.as_str(), value(name, text, *number))).collect();
                let any = write_point(&mut lines, &Point { measurement: &point.0, tags: &tags, fields: &fields, nanos: Some(nanos) });
                assert_eq!(any, expected(point).is_some(), "{point:?}");
                written.extend(expected(point).map(|kept| (nanos, kept)));
            }
            assert_eq!(ends(lines.as_bytes()).count(), written.len());
            database.known(&[]).store().write(lines.into()).await.unwrap();
            let kept = kept(&database).await;
            database.query(&format!("DROP DATABASE {}", database.name)).await;
            assert_eq!(kept.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>());
            for (time, (measurement, tags, fields)) in &written {
                let came = &kept[time];
                assert_eq!((&came.0, &came.1), (measurement, tags), "{:?}", points[usize::try_from(*time).unwrap()]);
                assert_eq!(came.2.keys().collect::<Vec<_>>(), fields.keys().collect::<Vec<_>>());
                for (name, value) in fields {
                    assert!(alike(value, &came.2[name]), "{name:?}: {value} came back as {}", came.2[name]);
                }
            }
        });
    }
}
