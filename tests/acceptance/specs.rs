//! Small specifications, and requests around them.

use serde_json::{Value, json};

/// A start in the future: such a job is simulated, and its times are the same in every run.
pub(crate) const LATER: &str = "2100-01-01";

/// One state that every second emits a record of these dimensions.
pub(crate) fn every_second(dimensions: Value) -> Value {
    let second = json!({"type": "constant", "value": 1});
    json!({
        "states": [{"name": "tick", "emitter": "row", "delay": second, "transitions": [{"next": "tick", "probability": 1}]}],
        "emitters": [{"name": "row", "dimensions": dimensions}],
        "interarrival": second,
    })
}

/// Numbered records: `n` is `"0"`, `"1"`, ...
pub(crate) fn numbered() -> Value {
    every_second(json!([{"type": "counter", "name": "n"}]))
}

/// Numbered records, padded to about `width` bytes each.
pub(crate) fn wide(width: u32) -> Value {
    every_second(json!([
        {"type": "counter", "name": "n"},
        {"type": "string", "name": "pad", "length_distribution": {"type": "constant", "value": width}, "chars": "abcdefgh", "cardinality": 0},
    ]))
}

/// A request for a job of this name and target with numbered records, simulated by one entity.
pub(crate) fn job(name: &str, target: Value) -> Value {
    json!({"name": name, "target": target, "config": numbered(), "concurrency": 1, "time_type": LATER})
}

/// A target: the file of this name.
pub(crate) fn to_file(name: &str) -> Value {
    json!({"type": "file", "path": name})
}

/// The object with the members of the second put into it; null ones are taken out.
pub(crate) fn with(mut object: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("members are an object") };
    for (name, value) in members {
        if value.is_null() {
            object.as_object_mut().expect("an object").remove(&name);
        } else {
            object[name] = value;
        }
    }
    object
}

/// Checks that these are the records `"0"`, `"1"`, ... up to a number, in order.
#[track_caller]
pub(crate) fn assert_numbered(records: &[Value], count: usize) {
    assert_eq!(records.len(), count);
    for (number, record) in records.iter().enumerate() {
        assert_eq!(record["n"], number.to_string(), "record {number}");
    }
}
