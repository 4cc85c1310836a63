//! What an event means under the format of its stream or of a view.
//!
//! A [`Format`] is a name, a schema and settings. It says how the body of an event is read as a record of the schema; it plays no part when
//! an event is taken in. [`FormatReader`] does the reading.
//!
//! * `text`: the body is one text.
//! * `csv`, `tsv`: values between delimiters, without quotes or escapes.
//! * `clf`: a line of a web server's log.
//! * `grok`: what a pattern captures; `syslog`: what the pattern of the system log captures.
//! * `avro`: one datum in Avro's binary encoding.
//!
//! Whoever sends events, schemas or patterns may be hostile: reading one event takes a bounded time and memory whatever they are, and never
//! panics.

mod avro;
mod charset;
mod clf;
mod column;
mod grok;
mod json;
mod kind;
mod misfit;
mod numbers;
mod reader;
pub mod schema;
mod separated;

use std::fmt;

use serde_json::{Map, Value, json};

use self::kind::Kind;
pub use self::misfit::Misfit;
pub use self::reader::FormatReader;
use self::schema::Schema;
use crate::limits;
use crate::mistakes::{Mistake, kind_of};
use crate::streams::quoted::quoted;

/// A format as a stream or a view holds it: its name, its schema and its settings fit together.
#[derive(Clone)]
pub struct Format {
    name: String,
    schema: Schema,
    settings: Map<String, Value>,
    /// What reads events: made once, because making it is what checks the settings.
    reader: FormatReader,
}

/// Why a format is refused. Its text names the wrong member by its path, from `format`, and repeats what was wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FormatError(Mistake);

impl FormatError {
    fn at(path: &str, problem: impl Into<String>) -> Self {
        Self(Mistake::new(path, problem))
    }
}

impl Format {
    /// Reads the member `format` of a stream's or a view's properties. Members that it does not know are ignored. Without a schema, or with
    /// one of `null`, the format has its default schema; without settings it has none.
    ///
    /// # Errors
    /// What is wrong, the first mistake: no such format; a schema that is malformed, too great, missing for `avro`, or not one that this
    /// format can fill; settings that are not texts, numbers or truth values, or too many; an unknown charset, an empty delimiter, a
    /// mapping that does not name each field once, a grok pattern that names an unknown one, does not compile or is too great.
    pub fn from_json(value: &Value) -> Result<Self, FormatError> {
        let Some(members) = value.as_object() else {
            return Err(FormatError::at("format", format!("must be an object, not {}", kind_of(value))));
        };
        let name = match members.get("name") {
            Some(Value::String(name)) => name,
            None | Some(Value::Null) => return Err(FormatError::at("format.name", "is required")),
            Some(other) => return Err(FormatError::at("format.name", format!("must be a text, not {}", kind_of(other)))),
        };
        let Some(kind) = Kind::of_name(name) else {
            let known = Kind::ALL.map(Kind::name).join(", ");
            return Err(FormatError::at("format.name", format!("{} is not a format; the formats are {known}", quoted(name))));
        };
        let schema = match members.get("schema") {
            Some(value) if !value.is_null() => {
                Schema::from_json(value).map_err(|mistake| FormatError::at(&format!("format.schema{}", mistake.path), mistake.problem))?
            }
            _ => kind
                .default_schema()
                .ok_or_else(|| FormatError::at("format.schema", format!("is required for the format {}", kind.name())))?,
        };
        let settings = settings(members.get("settings"))?;
        let reader = kind.reader(&schema, &settings)?;
        Ok(Self { name: name.clone(), schema, settings, reader })
    }

    /// The names of all formats there are.
    #[must_use]
    pub fn names() -> [&'static str; 7] {
        Kind::ALL.map(Kind::name)
    }

    /// The format as it is reported: name, schema and settings, in this order, all in full. Reading it gives an equal format.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"name": self.name, "schema": self.schema.to_json(), "settings": self.settings})
    }

    /// The name, as it was sent.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The schema of the records that events are read as.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What reads events under this format. All readers of one format share what they are made of.
    #[must_use]
    pub fn reader(&self) -> FormatReader {
        self.reader.clone()
    }

    /// Whether it says no more of a body than that it is a text.
    #[must_use]
    pub fn is_plain_text(&self) -> bool {
        self.name.eq_ignore_ascii_case(Kind::Text.name())
    }
}

impl Default for Format {
    /// `text` with its default schema.
    fn default() -> Self {
        Self::from_json(&json!({"name": "text"})).expect("the format text needs nothing but its name")
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.schema, &self.settings) == (&other.name, &other.schema, &other.settings)
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Format").field("name", &self.name).field("schema", &self.schema).field("settings", &self.settings).finish()
    }
}

/// Reads settings: numbers and truth values become texts, and a setting of `null` is none.
fn settings(value: Option<&Value>) -> Result<Map<String, Value>, FormatError> {
    let given = match value {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::Object(given)) => given,
        Some(other) => return Err(FormatError::at("format.settings", format!("must be an object, not {}", kind_of(other)))),
    };
    let mut settings = Map::new();
    let mut bytes = 0;
    for (name, value) in given {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => {
                return Err(FormatError::at("format.settings", format!("{} must be a text, not {}", quoted(name), kind_of(value))));
            }
        };
        bytes += name.len() + text.len();
        settings.insert(name.clone(), Value::String(text));
    }
    if bytes > limits::SETTINGS_BYTES {
        return Err(FormatError::at("format.settings", format!("may have at most {} bytes", limits::SETTINGS_BYTES)));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests;
