use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use headwater_core::line_protocol::{FieldValue, Point, middle, write_point};
use headwater_core::ports::{Batch, Committed, PointStore, PointsRefused, Sink, SinkError};
use headwater_core::targets::{InfluxDbTarget, MemberPath};
use serde_json::{Map, Value};

/// Points of one request: what the makers of InfluxDB advise.
const POINTS: usize = 5000;

/// Bytes after which a request takes no further point: well below what servers take by default.
const BYTES: usize = 4 * 1024 * 1024;

/// Writes each record as a point. What the store has kept is durable. A repeated record is the same point, so nothing is kept twice.
#[derive(Debug)]
pub(super) struct InfluxDbSink {
    store: Arc<dyn PointStore>,
    target: InfluxDbTarget,
    durable: Committed,
}

impl InfluxDbSink {
    pub(super) fn open(store: Arc<dyn PointStore>, target: &InfluxDbTarget, committed: Committed) -> Self {
        Self { store, target: target.clone(), durable: committed }
    }

    /// Writes lines, which stand for so many records.
    async fn keep(&mut self, lines: String, upto: Committed) -> Result<(), SinkError> {
        let mut left = vec![Bytes::from(lines)];
        while let Some(lines) = left.pop() {
            match self.store.write(lines.clone()).await {
                Ok(()) => {}
                Err(PointsRefused::TooLarge(why)) => {
                    let middle = middle(&lines).ok_or(SinkError::Fatal(why))?;
                    left.extend([lines.slice(middle..), lines.slice(..middle)]);
                }
                Err(PointsRefused::Later { why, .. }) => return Err(SinkError::Retry(why)),
                Err(PointsRefused::Denied(why) | PointsRefused::Unfit(why)) => return Err(SinkError::Fatal(why)),
            }
        }
        self.durable = upto;
        Ok(())
    }
}

#[async_trait]
impl Sink for InfluxDbSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let (mut lines, mut points, mut upto) = (String::new(), 0, self.durable);
        for record in batch.records() {
            put(&mut lines, &self.target, record)?;
            points += 1;
            upto.records += 1;
            upto.bytes += record.len() as u64 + 1;
            if points == POINTS || lines.len() >= BYTES {
                self.keep(std::mem::take(&mut lines), upto).await?;
                points = 0;
            }
        }
        self.keep(lines, upto).await
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn committed(&self) -> Committed {
        self.durable
    }
}

/// Appends the line of a record. One that has none of the fields has no line: there is nothing to keep.
fn put(lines: &mut String, target: &InfluxDbTarget, record: &[u8]) -> Result<(), SinkError> {
    let record: Map<String, Value> =
        serde_json::from_slice(record).map_err(|error| SinkError::Fatal(format!("a record is no JSON object: {error}")))?;
    let nanos = target.time.of(&record).and_then(nanos);
    let nanos = nanos.ok_or_else(|| SinkError::Fatal(format!("time: a record has no time in {}", target.time.as_str())))?;
    let texts: Vec<(&str, String)> = target.tags.iter().map(|tag| (tag.as_str(), tag_text(tag.of(&record)))).collect();
    let tags: Vec<(&str, &str)> = texts.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let named: Vec<(&str, &Value)> = if target.fields.is_empty() {
        let other = |name: &str| name != target.time.as_str() && !target.tags.iter().any(|tag| tag.as_str() == name);
        record.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| other(name)).collect()
    } else {
        target.fields.iter().filter_map(|path: &MemberPath| Some((path.as_str(), path.of(&record)?))).collect()
    };
    let fields: Vec<(&str, FieldValue<'_>)> = named.into_iter().filter_map(|(name, value)| Some((name, field(value)?))).collect();
    write_point(lines, &Point { measurement: &target.measurement, tags: &tags, fields: &fields, nanos: Some(nanos) });
    Ok(())
}

fn tag_text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// All numbers are of one type: a field keeps the type that was written first, and a generator's `1` may be followed by a `1.5`.
fn field(value: &Value) -> Option<FieldValue<'_>> {
    match value {
        Value::Number(number) => number.as_f64().map(FieldValue::Float),
        Value::Bool(truth) => Some(FieldValue::Boolean(*truth)),
        Value::String(text) => Some(FieldValue::Text(text)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A time: a date and time, UTC where it does not say otherwise, or milliseconds since 1970.
fn nanos(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64()?.checked_mul(1_000_000),
        Value::String(text) => {
            let moment = text.parse::<jiff::Timestamp>().or_else(|_| {
                let local = text.parse::<jiff::civil::DateTime>()?;
                local.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp())
            });
            i64::try_from(moment.ok()?.as_nanosecond()).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use headwater_core::targets::Target;
    use serde_json::json;

    use super::*;

    fn line(members: &Value, record: &Value) -> Result<String, String> {
        let mut given = json!({"type": "influxdb", "measurement": "m"});
        given.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let Target::InfluxDb(target) = Target::parse(&given).unwrap() else { panic!() };
        let mut lines = String::new();
        put(&mut lines, &target, record.to_string().as_bytes()).map_err(|error| error.to_string())?;
        Ok(lines)
    }

    #[test]
    fn a_record_becomes_a_point() {
        let record =
            json!({"time": "2023-11-14T22:13:20.5", "site": "a b", "n": 1, "x": 1.5, "ok": true, "s": "t", "none": null, "o": {"p": 2}});
        assert_eq!(line(&json!({"tags": ["site"]}), &record).unwrap(), "m,site=a\\ b n=1.0,x=1.5,ok=true,s=\"t\" 1700000000500000000\n");
        assert_eq!(
            line(&json!({"tags": ["n", "none", "nowhere"], "fields": ["o.p", "x", "nowhere"]}), &record).unwrap(),
            "m,n=1 o.p=2.0,x=1.5 1700000000500000000\n"
        );
        assert_eq!(line(&json!({"fields": ["none"]}), &record).unwrap(), "");
    }

    #[test]
    fn times_are_texts_or_milliseconds() {
        for (time, nanos) in [
            (json!("2023-11-14T22:13:20Z"), "1700000000000000000"),
            (json!("2023-11-14T23:13:20+01:00"), "1700000000000000000"),
            (json!("2023-11-14 22:13:20.123456"), "1700000000123456000"),
            (json!(1_700_000_000_123_i64), "1700000000123000000"),
        ] {
            assert_eq!(line(&json!({"time": "at"}), &json!({"at": time, "f": true})).unwrap(), format!("m f=true {nanos}\n"));
        }
        for time in [json!("soon"), json!(1.5), json!(null), json!(i64::MAX)] {
            assert!(line(&json!({}), &json!({"time": time, "f": true})).unwrap_err().contains("no time in time"));
        }
    }
}
