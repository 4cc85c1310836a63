//! The form that starts a job, as the body of a request; and where in the form a mistake of that body is.

use headwater_core::datagen::DatagenService;
use headwater_core::ids::SpecName;
use headwater_core::mistakes::Mistake;
use headwater_core::ports::PortError;
use serde_json::{Map, Value, json};

use crate::form::Posted;

/// Kinds of targets that the form has fields for, with what they are for people; `json` is any other.
pub(super) const TARGETS: [(&str, &str); 8] = [
    ("file", "a file, to download"),
    ("stream", "a stream of this server"),
    ("table", "a table of this server"),
    ("stdout", "the server's standard output"),
    ("http", "an HTTP endpoint"),
    ("kafka", "Kafka"),
    ("mqtt", "an MQTT broker"),
    ("json", "another one, as JSON"),
];

/// Clocks that a job can run on.
pub(super) const CLOCKS: [(&str, &str); 3] =
    [("SIM", "simulated from now, as fast as it goes"), ("REAL", "the wall clock"), ("FROM", "from a moment on, then the wall clock")];

/// The fields as they were filled in.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    pub(super) name: String,
    /// The specification that is chosen.
    pub(super) specification: String,
    /// The one whose text was put into the editor.
    pub(super) shown: String,
    /// What stands in the editor.
    pub(super) config: String,
    pub(super) target: String,
    pub(super) path: String,
    pub(super) stream: String,
    pub(super) table: String,
    pub(super) url: String,
    pub(super) endpoint: String,
    pub(super) topic: String,
    pub(super) target_json: String,
    pub(super) total_events: String,
    pub(super) time: String,
    pub(super) clock: String,
    pub(super) start: String,
    pub(super) concurrency: String,
    pub(super) seed: String,
}

impl Fields {
    /// An empty form: a file, on a simulated clock, with a limit, since a job without one fills the disk.
    pub(super) fn fresh() -> Self {
        let text = str::to_owned;
        Self { target: text("file"), clock: text("SIM"), total_events: text("10000"), concurrency: text("100"), ..Self::default() }
    }

    pub(super) fn of(posted: &Posted) -> Self {
        let text = |name: &str| posted.text(name).to_owned();
        Self {
            name: text("name"),
            specification: text("specification"),
            shown: text("shown"),
            config: text("config"),
            target: text("target"),
            path: text("path"),
            stream: text("stream"),
            table: text("table"),
            url: text("url"),
            endpoint: text("endpoint"),
            topic: text("topic"),
            target_json: text("target_json"),
            total_events: text("total_events"),
            time: text("time"),
            clock: text("clock"),
            start: text("start"),
            concurrency: text("concurrency"),
            seed: text("seed"),
        }
    }

    /// The body of `/start` that the form stands for, or what cannot be one. What the service checks is not checked here.
    pub(super) async fn body(&self, service: &DatagenService) -> Result<Result<Value, Vec<Mistake>>, PortError> {
        let mut body = Map::new();
        let mut mistakes = Vec::new();
        body.insert("name".to_owned(), json!(self.name));
        match self.target() {
            Ok(target) => drop(body.insert("target".to_owned(), target)),
            Err(mistake) => mistakes.push(mistake),
        }
        for (member, text) in [("total_events", &self.total_events), ("concurrency", &self.concurrency), ("seed", &self.seed)] {
            if !text.is_empty() {
                body.insert(member.to_owned(), number(text));
            }
        }
        if !self.time.is_empty() {
            body.insert("time".to_owned(), json!(self.time));
        }
        body.insert("time_type".to_owned(), json!(if self.clock == "FROM" { &self.start } else { &self.clock }));
        match self.named(service).await? {
            Some(name) => drop(body.insert("config_file".to_owned(), json!(name))),
            None => match parsed(&self.config, "choose one, or paste your own") {
                Ok(config) => drop(body.insert("config".to_owned(), config)),
                Err(problem) => mistakes.push(Mistake::new("", problem)),
            },
        }
        Ok(if mistakes.is_empty() { Ok(Value::Object(body)) } else { Err(mistakes) })
    }

    /// The name of the specification, unless what stands in the editor is somebody's own.
    async fn named(&self, service: &DatagenService) -> Result<Option<String>, PortError> {
        let untouched = self.config.is_empty() || text_of(service, &self.shown).await?.is_some_and(|text| same(&text, &self.config));
        // Without the script, another one may have been chosen without having been shown.
        let name = if self.specification.is_empty() { &self.shown } else { &self.specification };
        Ok(Some(name.clone()).filter(|name| untouched && !name.is_empty()))
    }

    fn target(&self) -> Result<Value, Mistake> {
        let kind = &self.target;
        Ok(match kind.as_str() {
            "file" => json!({ "type": kind, "path": self.path }),
            "stream" => json!({ "type": kind, "stream": self.stream }),
            "table" => json!({ "type": kind, "table": self.table }),
            "http" => json!({ "type": kind, "url": self.url }),
            "mqtt" => json!({ "type": kind, "url": self.url, "topic": self.topic }),
            "kafka" => json!({ "type": kind, "endpoint": self.endpoint, "topic": self.topic }),
            "json" => {
                return parsed(&self.target_json, "it is an object with a type and what that needs")
                    .map_err(|problem| Mistake::new("target", problem));
            }
            other => json!({ "type": other }),
        })
    }

    /// The field that the mistake at a path is in; none for those of the specification, which are told beside the editor.
    pub(super) fn field_of(&self, path: &str) -> Option<&'static str> {
        Some(match path {
            "name" => "name",
            "total_events" => "total_events",
            "time" => "time",
            "concurrency" => "concurrency",
            "seed" => "seed",
            "time_type" if self.clock == "FROM" => "start",
            "time_type" => "clock",
            "config_file" => "specification",
            path if path != "target" && !path.starts_with("target.") => return None,
            _ if self.target == "json" => "target_json",
            "target.path" => "path",
            "target.stream" => "stream",
            "target.table" => "table",
            "target.url" => "url",
            "target.endpoint" => "endpoint",
            "target.topic" => "topic",
            _ => "target",
        })
    }
}

/// A specification's text, if there is one of this name.
pub(super) async fn text_of(service: &DatagenService, name: &str) -> Result<Option<String>, PortError> {
    let Ok(name) = SpecName::try_from(name) else { return Ok(None) };
    let text = service.specifications.read(&name).await?;
    Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
}

/// Forms send lines that end in CR and LF.
fn same(one: &str, other: &str) -> bool {
    one.trim().lines().eq(other.trim().lines())
}

fn parsed(text: &str, wanted: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Err(format!("is empty: {wanted}"));
    }
    serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))
}

/// A number as JSON; what is none stays a text, which the service finds wrong in its own words.
fn number(text: &str) -> Value {
    text.parse::<serde_json::Number>().map_or_else(|_| json!(text), Value::Number)
}
