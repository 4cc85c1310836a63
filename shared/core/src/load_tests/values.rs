//! The values of a run that change while it goes on.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::line_protocol::FieldValue;
use crate::mistakes::{Node, kind_of};

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number; fractions are dropped.
    Whole,
    /// A number.
    Float,
}

/// A value that clients may send: its name, another name for it, what it is, and what it means.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) also: Option<&'static str>,
    pub(super) kind: Kind,
}

const fn known(name: &'static str, also: Option<&'static str>, kind: Kind) -> Known {
    Known { name, also, kind }
}

/// All values, as they stand in points and tables. The second names of the first two are those of today's Locust.
pub(super) const KNOWN: [Known; 11] = [
    known("clients", Some("users"), Kind::Whole),
    known("hatchRate", Some("spawnRate"), Kind::Float),
    known("requests", None, Kind::Whole),
    known("failures", None, Kind::Whole),
    known("requestsPerSecond", Some("rps"), Kind::Float),
    known("failuresPerSecond", None, Kind::Float),
    known("averageResponseTime", None, Kind::Float),
    known("p50", Some("medianResponseTime"), Kind::Float),
    known("p90", None, Kind::Float),
    known("p95", None, Kind::Float),
    known("p99", None, Kind::Float),
];

/// Whether a value has this name, or this other name.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|known| known.name == name || known.also == Some(name))
}

/// Some of the known values, each a whole number or a float as its kind says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Values(Map<String, Value>);

impl Values {
    /// Reads those that a member `fields` has, and notes what is none of them, unless it is among `others`.
    pub(super) fn read(fields: &Node<'_>, others: &[&str]) -> Option<Self> {
        let (mut values, before) = (Self::default(), fields.findings().count());
        let entries = fields.entries()?;
        for (name, node) in &entries {
            let is = |known: &&Known| known.name == *name || known.also == Some(*name);
            match KNOWN.iter().find(is) {
                _ if others.contains(name) => {}
                None => drop(node.wrong::<()>(format!("is no known field; known are {}", names(others)))),
                Some(_) if node.value().is_null() => {}
                // Of two names, the first one counts.
                Some(known)
                    if known.name != *name && entries.iter().any(|(other, node)| *other == known.name && !node.value().is_null()) => {}
                Some(known) => drop(number(node, known.kind).map(|value| values.0.insert(known.name.to_owned(), value))),
            }
        }
        (fields.findings().count() == before).then_some(values)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes new values for old ones, and keeps what there are no new ones for.
    pub(super) fn renew(&mut self, newer: &Self) {
        for (name, value) in &newer.0 {
            self.0.insert(name.clone(), value.clone());
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// As fields of a point, in the order of [`KNOWN`].
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, FieldValue<'_>)> {
        KNOWN.iter().filter_map(|known| {
            let value = self.0.get(known.name)?;
            let field = match known.kind {
                Kind::Whole => FieldValue::Integer(value.as_i64()?),
                Kind::Float => FieldValue::Float(value.as_f64()?),
            };
            Some((known.name, field))
        })
    }
}

fn names(others: &[&str]) -> String {
    let each = KNOWN.iter().flat_map(|known| std::iter::once(known.name).chain(known.also));
    others.iter().copied().chain(each).collect::<Vec<_>>().join(", ")
}

/// A number, or a text that says one, as forms have them.
pub(super) fn number(node: &Node<'_>, kind: Kind) -> Option<Value> {
    let (whole, float) = match node.value() {
        Value::Number(number) => (number.as_i64(), number.as_f64()),
        Value::String(text) => (text.trim().parse().ok(), text.trim().parse().ok()),
        other => return node.wrong(format!("must be a number, not {}", kind_of(other))),
    };
    let Some(float) = float.filter(|float: &f64| float.is_finite()) else { return node.wrong("must be a number") };
    match (kind, whole) {
        (Kind::Float, _) => Some(float.into()),
        (Kind::Whole, Some(whole)) => Some(whole.into()),
        #[expect(clippy::cast_possible_truncation, reason = "it is within the range of exact whole numbers")]
        (Kind::Whole, None) if float.abs() < 9e15 => Some((float.floor() as i64).into()),
        (Kind::Whole, None) => node.wrong("is too large"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mistakes::Findings;

    fn read(fields: &Value) -> Result<Vec<(&'static str, String)>, String> {
        let findings = Findings::default();
        let values = Values::read(&Node::top(fields, "fields", &findings), &["requestStats"]);
        let values = findings.conclude(values).map_err(|mistakes| mistakes.to_string())?;
        Ok(values.fields().map(|(name, value)| (name, format!("{value:?}"))).collect())
    }

    #[test]
    fn numbers_and_texts_of_numbers_are_taken_in_a_fixed_order() {
        let read =
            read(&json!({"requests": 2.999, "hatchRate": 2, "clients": "12", "p99": "0.5", "p50": null, "requestStats": {}})).unwrap();
        assert_eq!(
            read,
            [("clients", "Integer(12)"), ("hatchRate", "Float(2.0)"), ("requests", "Integer(2)"), ("p99", "Float(0.5)")]
                .map(|(name, value)| (name, value.to_owned()))
        );
    }

    #[test]
    fn negative_fractions_are_dropped_downwards_and_great_whole_numbers_are_exact() {
        let read = read(&json!({"clients": -0.5, "requests": i64::MAX})).unwrap();
        assert_eq!(read, [("clients", "Integer(-1)".to_owned()), ("requests", format!("Integer({})", i64::MAX))]);
    }

    #[test]
    fn the_new_names_mean_the_old_values_and_the_old_ones_win() {
        assert_eq!(read(&json!({"users": 1, "spawnRate": 2, "clients": 3})).unwrap()[0].1, "Integer(3)");
        assert_eq!(read(&json!({"users": 1, "clients": null})).unwrap()[0], ("clients", "Integer(1)".to_owned()));
    }

    #[test]
    fn what_is_no_number_is_named() {
        for value in [json!("x"), json!(""), json!([1]), json!({"a": 1}), json!(true), json!("inf"), json!("NaN")] {
            let said = read(&json!({"clients": 1, "hatchRate": value})).unwrap_err();
            assert!(said.contains("fields.hatchRate"), "{said}");
        }
        assert!(read(&json!({"clients": 1e300})).unwrap_err().contains("fields.clients: is too large"));
        assert!(read(&json!({"foo": 1})).unwrap_err().contains("fields.foo: is no known field"));
    }
}
