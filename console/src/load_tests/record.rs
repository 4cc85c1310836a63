//! The record of a run, as the service answers it, with names for what a page shows.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{millis, number, when};
use crate::shown;

/// The texts of a registration: their names in the record, and in words.
const TEXTS: [(&str, &str); 8] = [
    ("name", "Name"),
    ("description", "Description"),
    ("testPlan", "Test plan"),
    ("environment", "Environment"),
    ("version", "Version"),
    ("profile", "Profile"),
    ("gitRef", "Git ref"),
    ("commandLine", "Command line"),
];

/// Live values: their names in the record, and in words.
const VALUES: [(&str, &str); 11] = [
    ("clients", "Users"),
    ("hatchRate", "Users started per second"),
    ("requests", "Requests"),
    ("failures", "Failures"),
    ("requestsPerSecond", "Requests per second"),
    ("failuresPerSecond", "Failures per second"),
    ("averageResponseTime", "Average response time in ms"),
    ("p50", "p50 in ms"),
    ("p90", "p90 in ms"),
    ("p95", "p95 in ms"),
    ("p99", "p99 in ms"),
];

/// A run.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Record {
    pub(super) uuid: String,
    pub(super) host: String,
    /// `running`, `finished` or `lost`.
    pub(super) state: String,
    pub(super) registered_at: String,
    pub(super) started_at: String,
    pub(super) last_heard_at: String,
    pub(super) ended_at: Option<String>,
    pub(super) tags: Map<String, Value>,
    pub(super) run_tags: Map<String, Value>,
    pub(super) fields: Map<String, Value>,
    pub(super) exit_code: Option<i64>,
    /// `queued`, `written` or `refused`.
    pub(super) recorded: Option<String>,
    pub(super) refused: Option<String>,
    pub(super) annotations: Vec<Annotation>,
    pub(super) history: Vec<Row>,
    pub(super) endpoints: Vec<Endpoint>,
    #[serde(skip)]
    pub(super) texts: Vec<(&'static str, String)>,
}

/// Something that happened.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotation {
    pub(super) at: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) tags: Vec<String>,
}

/// Live values at a moment.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Row {
    at: String,
    fields: Map<String, Value>,
}

/// What was measured of an endpoint. Times in milliseconds.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Endpoint {
    pub(super) method: Option<String>,
    pub(super) name: String,
    pub(super) requests: i64,
    pub(super) failures: i64,
    average_response_time: Option<f64>,
    min_response_time: Option<f64>,
    max_response_time: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    requests_per_second: Option<f64>,
}

impl Record {
    /// Reads what the service answers.
    pub(super) fn read(record: Map<String, Value>) -> Result<Self, serde_json::Error> {
        let texts = TEXTS.iter().filter_map(|(name, word)| Some((*word, record.get(*name)?.as_str()?.to_owned()))).collect();
        let read: Self = serde_json::from_value(Value::Object(record))?;
        Ok(Self { texts, ..read })
    }

    /// The latest values in words, as far as there are any.
    pub(super) fn values(&self) -> Vec<(&'static str, String)> {
        let shown = VALUES.iter().filter_map(|(name, word)| Some((*word, value(self.fields.get(*name)?))));
        shown.filter(|(_, text)| !text.is_empty()).collect()
    }

    /// Tags of the run and of its points, each once.
    pub(super) fn all_tags(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.tags.iter().chain(&self.run_tags).map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// A value over time: milliseconds since 1970, and how much.
    pub(super) fn course(&self, name: &str) -> Vec<(i64, f64)> {
        self.history.iter().filter_map(|row| Some((millis(&row.at)?, row.fields.get(name)?.as_f64()?))).collect()
    }

    /// Whether it may still change.
    pub(super) fn is_open(&self) -> bool {
        self.state != "finished" || self.recorded.as_deref() == Some("queued")
    }

    /// When it was over, in words.
    pub(super) fn ended(&self) -> Option<String> {
        self.ended_at.as_deref().map(when)
    }
}

impl Endpoint {
    /// The columns behind requests and failures.
    pub(super) fn columns(&self) -> [String; 8] {
        [
            self.requests_per_second,
            self.average_response_time,
            self.min_response_time,
            self.p50,
            self.p90,
            self.p95,
            self.p99,
            self.max_response_time,
        ]
        .map(|value| value.as_ref().map(number).unwrap_or_default())
    }
}

/// A live value as it is shown.
fn value(value: &Value) -> String {
    match (value.as_i64(), value.as_f64()) {
        (Some(whole), _) => shown::whole(&whole),
        (_, Some(float)) => number(&float),
        _ => String::new(),
    }
}

impl Annotation {
    /// Its title, or else its text.
    pub(super) fn word(&self) -> String {
        if self.title.is_empty() { self.text.clone() } else { self.title.clone() }
    }
}
