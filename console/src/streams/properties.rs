//! The form of what is set about a stream: fields to JSON as the API takes it, and mistakes back to fields.

use headwater_core::streams::formats::Format;
use headwater_core::streams::times::Ttl;
use headwater_core::streams::{Properties, PropertiesError, StreamError};
use serde_json::{Map, Value, json};

use crate::form::Posted;

/// The flat name of the threshold, dots and all.
const THRESHOLD: &str = "notification.threshold.mb";

/// The form as it is shown: with what is set, or as it was sent.
#[derive(Debug, Clone, Default)]
pub(super) struct PropertiesForm {
    pub(super) ttl: String,
    pub(super) format: String,
    pub(super) schema: String,
    pub(super) settings: String,
    pub(super) threshold: String,
    pub(super) description: String,
    pub(super) owner: String,
    mistakes: Vec<(&'static str, String)>,
}

impl PropertiesForm {
    /// With what is set about a stream.
    pub(super) fn of(properties: &Properties) -> Self {
        let all = properties.to_json();
        let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
        let format = &all["format"];
        // As it is kept, it has whole seconds.
        let is_endless = properties.ttl.seconds() >= Ttl::INFINITE.seconds();
        Self {
            ttl: if is_endless { String::new() } else { properties.ttl.seconds().to_string() },
            format: properties.format.name().to_ascii_lowercase(),
            schema: pretty(&format["schema"]),
            settings: format["settings"]
                .as_object()
                .filter(|all| !all.is_empty())
                .map_or_else(String::new, |_| pretty(&format["settings"])),
            threshold: all[THRESHOLD].to_string(),
            description: properties.description.clone().unwrap_or_default(),
            owner: properties.principal.as_ref().map(ToString::to_string).unwrap_or_default(),
            mistakes: Vec::new(),
        }
    }

    /// As a stream is made where nothing else is said.
    pub(super) fn of_a_new_stream() -> Self {
        Self { schema: String::new(), ..Self::of(&Properties::default()) }
    }

    /// As it was sent.
    pub(super) fn sent(form: &Posted) -> Self {
        Self {
            ttl: form.text("ttl").to_owned(),
            format: form.text("format").to_owned(),
            schema: form.lines("schema"),
            settings: form.lines("settings"),
            threshold: form.text("threshold").to_owned(),
            description: form.text("description").to_owned(),
            owner: form.text("owner").to_owned(),
            mistakes: Vec::new(),
        }
    }

    /// The names of formats.
    #[expect(clippy::unused_self, reason = "templates reach it through the form")]
    pub(super) fn formats(&self) -> [&'static str; 7] {
        Format::names()
    }

    /// Whether this is the format that is chosen.
    pub(super) fn is_format(&self, name: &str) -> bool {
        self.format.eq_ignore_ascii_case(name)
    }

    /// What is wrong with a field.
    pub(super) fn mistake(&self, field: &str) -> Option<&str> {
        self.mistakes.iter().find(|(of, _)| *of == field).map(|(_, text)| text.as_str())
    }

    pub(super) fn is_wrong(&self) -> bool {
        !self.mistakes.is_empty()
    }

    /// The body of properties that the API takes; nothing where a field is no JSON, which is noted. What was empty and is left empty is
    /// not named; `described` says whether there is a description that may be emptied.
    pub(super) fn body(&mut self, described: bool) -> Option<Vec<u8>> {
        let mut body = Map::new();
        // A text that is no number goes as a text, and is refused in the API's own words.
        let number = |text: &str| serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| json!(text), Value::Number);
        let ttl = if self.ttl.is_empty() { json!(Ttl::INFINITE.seconds()) } else { number(&self.ttl) };
        body.insert("ttl".to_owned(), ttl);
        if !self.threshold.is_empty() {
            body.insert(THRESHOLD.to_owned(), number(&self.threshold));
        }
        let (schema, settings) = (self.json("schema"), self.json("settings"));
        body.insert("format".to_owned(), json!({"name": self.format, "schema": schema?, "settings": settings?}));
        if described || !self.description.is_empty() {
            body.insert("description".to_owned(), json!(self.description));
        }
        if !self.owner.is_empty() {
            body.insert("principal".to_owned(), json!(self.owner));
        }
        serde_json::to_vec(&body).ok()
    }

    fn json(&mut self, field: &'static str) -> Option<Value> {
        let text = if field == "schema" { &self.schema } else { &self.settings };
        if text.trim().is_empty() {
            return Some(Value::Null);
        }
        match serde_json::from_str(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.mistakes.push((field, format!("is not JSON: {error}")));
                None
            }
        }
    }

    /// Notes why the properties were refused, at the field that it is about. Answers whether it is about one of them.
    pub(super) fn refused(&mut self, error: &StreamError) -> bool {
        let message = error.to_string();
        let field = match error {
            StreamError::Properties(error) => match error {
                PropertiesError::Ttl(_) => "ttl",
                PropertiesError::Threshold(_) => "threshold",
                PropertiesError::Principal(_) => "owner",
                PropertiesError::Format(_) if message.starts_with("format.schema") => "schema",
                PropertiesError::Format(_) if message.starts_with("format.settings") => "settings",
                PropertiesError::Format(_) => "format",
                _ => "description",
            },
            StreamError::NotOwner { .. } => "owner",
            StreamError::TooLarge { .. } => "schema",
            _ => return false,
        };
        self.mistakes.push((field, message));
        true
    }
}
