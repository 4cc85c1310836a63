//! What devices remember.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// A value of a device's state. Small, because a fleet has millions of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum StateValue {
    /// Nothing.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number as it was written in a model.
    Integer(i64),
    /// A number. What scripts compute is one of these, also when it is whole.
    Number(f64),
    /// A text.
    Text(Arc<str>),
    /// An object or a list, as JSON text.
    Json(Arc<str>),
}

impl From<&Value> for StateValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Number(number) => number.as_i64().map_or_else(|| Self::Number(number.as_f64().unwrap_or(f64::NAN)), Self::Integer),
            Value::String(text) => Self::Text(text.as_str().into()),
            Value::Array(_) | Value::Object(_) => Self::Json(value.to_string().into()),
        }
    }
}

impl StateValue {
    /// This value as JSON. A number that JSON cannot say becomes `null`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Integer(whole) => Value::from(*whole),
            Self::Number(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
            Self::Text(text) => Value::from(&**text),
            Self::Json(json) => serde_json::from_str(json).unwrap_or_default(),
        }
    }
}
