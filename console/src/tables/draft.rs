//! The form that defines a table, as a definition; and the definition's mistakes, back at the form's fields.

use std::collections::HashMap;

use headwater_core::mistakes::Mistake;
use serde_json::{Map, Value, json};

use crate::form::Posted;

/// The fields of the form, with what stands in them when it is new.
const FIELDS: [(&str, &str); 24] = [
    ("name", ""),
    ("element", "sample"),
    ("sampleRate", ""),
    ("retention", "1d"),
    ("measure", ""),
    ("from", "none"),
    ("wave", "sine"),
    ("frequency", "440"),
    ("to", ""),
    ("duration", ""),
    ("amplitude", ""),
    ("seed", ""),
    ("length", ""),
    ("table", ""),
    ("namespace", ""),
    ("stream", ""),
    ("field", ""),
    ("time", "rate"),
    ("window", ""),
    ("step", ""),
    ("function", ""),
    ("bins", ""),
    ("by", "form"),
    ("definition", EXAMPLE),
];

/// What the editor shows at first.
const EXAMPLE: &str = r#"{
  "element": "sample",
  "sampleRate": 8000,
  "retention": "10m",
  "source": {"signal": {"sine": {"frequency": 440, "amplitude": 0.5}}},
  "operations": []
}"#;

/// What was filled in, and what is wrong with it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    values: HashMap<&'static str, String>,
    pub(super) mistakes: Vec<Mistake>,
}

impl Draft {
    /// The form as it is at first.
    pub(super) fn new() -> Self {
        Self { values: FIELDS.map(|(name, value)| (name, value.to_owned())).into(), mistakes: Vec::new() }
    }

    /// The form as it was sent.
    pub(super) fn sent(posted: &Posted) -> Self {
        let mut draft = Self::new();
        for (name, _) in FIELDS {
            // The two forms of the page have some of them each; nothing stands for what is left at its first state in the other one.
            let is_sent = posted.ticked(name);
            if is_sent {
                draft.values.insert(name, posted.text(name).to_owned());
            }
        }
        draft
    }

    /// What stands in a field.
    pub(super) fn value(&self, field: &str) -> &str {
        self.values.get(field).map_or("", String::as_str)
    }

    /// Whether this is what is chosen.
    pub(super) fn is(&self, field: &str, value: &str) -> bool {
        self.value(field) == value
    }

    /// Whether the JSON was sent, and not the fields.
    pub(super) fn by_json(&self) -> bool {
        self.is("by", "json")
    }

    /// Whether something is wrong with a field.
    pub(super) fn wrong(&self, field: &str) -> bool {
        self.mistakes.iter().any(|mistake| field_of(&mistake.path) == field)
    }

    /// The definition as JSON.
    pub(super) fn definition(&self) -> Vec<u8> {
        if self.by_json() {
            return self.value("definition").as_bytes().to_vec();
        }
        let mut all = Map::new();
        self.put(&mut all, "element", "element", text);
        self.put(&mut all, "sampleRate", "sampleRate", number);
        self.put(&mut all, "retention", "retention", text);
        self.put(&mut all, "measure", "measure", number);
        let mut operations = Vec::new();
        if !self.value("window").is_empty() || !self.value("step").is_empty() {
            let mut window = Map::new();
            self.put(&mut window, "size", "window", number);
            self.put(&mut window, "step", "step", number);
            operations.push(json!({ "window": window }));
        }
        if !self.value("function").is_empty() {
            operations.push(json!({ "windowFunction": self.value("function") }));
        }
        if !self.value("bins").is_empty() {
            operations.push(json!({"fft": {"binCount": number(self.value("bins"))}}));
        }
        all.insert("operations".to_owned(), operations.into());
        if let Some(source) = self.source() {
            all.insert("source".to_owned(), source);
        }
        serde_json::to_vec(&all).expect("JSON serialises")
    }

    fn source(&self) -> Option<Value> {
        match self.value("from") {
            "signal" => {
                let mut wave = Map::new();
                let wanted: &[(&str, &str)] = match self.value("wave") {
                    "sweep" => &[("from", "frequency"), ("to", "to")],
                    "noise" => &[("seed", "seed")],
                    _ => &[("frequency", "frequency")],
                };
                for (member, field) in wanted {
                    self.put(&mut wave, member, field, number);
                }
                if self.is("wave", "sweep") {
                    self.put(&mut wave, "duration", "duration", text);
                }
                self.put(&mut wave, "amplitude", "amplitude", number);
                let mut signal = Map::new();
                signal.insert(self.value("wave").to_owned(), wave.into());
                self.put(&mut signal, "length", "length", text);
                Some(json!({ "signal": signal }))
            }
            "table" => Some(json!({ "table": self.value("table") })),
            "stream" => {
                let mut stream = Map::new();
                for member in ["namespace", "stream", "field", "time"] {
                    self.put(&mut stream, member, member, text);
                }
                Some(json!({ "stream": stream }))
            }
            _ => None,
        }
    }

    /// A member, unless its field is empty.
    fn put(&self, into: &mut Map<String, Value>, member: &str, field: &str, read: fn(&str) -> Value) {
        if !self.value(field).is_empty() {
            into.insert(member.to_owned(), read(self.value(field)));
        }
    }
}

fn text(text: &str) -> Value {
    text.into()
}

/// A number; what is none stays a text, of which the definition says that it should be one.
fn number(text: &str) -> Value {
    serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| text.into(), Value::Number)
}

/// The field in which what a path names was filled in.
fn field_of(path: &str) -> &str {
    if let Some(stream) = path.strip_prefix("source.stream.") {
        return stream;
    }
    match path {
        "source" => "from",
        "source.table" => "table",
        "source.stream" => "stream",
        "operations" => "window",
        _ => match path.rsplit('.').next().unwrap_or_default() {
            "window" | "size" => "window",
            "windowFunction" => "function",
            "fft" | "binCount" => "bins",
            "from" => "frequency",
            // The wave itself.
            "sine" | "square" | "saw" | "sweep" | "noise" | "sum" => "wave",
            other => other,
        },
    }
}

/// A refusal of the service, which begins with the path that it is about, if with any.
pub(super) fn refusal(message: &str) -> Mistake {
    match message.split_once(": ") {
        Some((path, problem)) if !path.contains(' ') => Mistake::new(path, problem),
        _ => Mistake::new("", message),
    }
}

#[cfg(test)]
mod tests {
    use headwater_core::tables::Definition;

    use super::*;

    fn filled(fields: &[(&'static str, &str)]) -> Draft {
        let mut draft = Draft::new();
        draft.values.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
        draft
    }

    #[test]
    fn fields_become_a_definition() {
        let draft = filled(&[("from", "signal"), ("sampleRate", "8000"), ("window", "800"), ("function", "hamming"), ("bins", "1024")]);
        let definition = Definition::parse(&draft.definition()).unwrap().to_json();
        assert_eq!(definition["source"], json!({"signal": {"sine": {"frequency": 440, "amplitude": 1, "phase": 0}}}));
        assert_eq!(definition["operations"].as_array().unwrap().len(), 3);
        assert!(Definition::parse(&Draft::new().definition()).is_ok());
        let sweep = filled(&[("from", "signal"), ("wave", "sweep"), ("frequency", "20"), ("to", "2000"), ("duration", "5s")]);
        Definition::parse(&sweep.definition()).unwrap();
        let json = filled(&[("by", "json")]);
        Definition::parse(&json.definition()).unwrap();
    }

    #[test]
    fn mistakes_are_found_at_their_fields() {
        for (fields, field) in [
            (&[("sampleRate", "fast")][..], "sampleRate"),
            (&[("retention", "a while")], "retention"),
            (&[("window", "1")], "window"),
            (&[("bins", "1000"), ("window", "800")], "bins"),
            (&[("bins", "1024")], "bins"),
            (&[("function", "hamming")], "function"),
            (&[("from", "signal"), ("frequency", "-1")], "frequency"),
            (&[("from", "signal"), ("wave", "noise")], "seed"),
            (&[("from", "signal"), ("length", "1")], "length"),
            (&[("from", "table"), ("table", "a/b")], "table"),
            (&[("from", "stream"), ("stream", "s")], "field"),
            (&[("from", "stream"), ("stream", "s"), ("field", "x"), ("namespace", "?")], "namespace"),
        ] {
            let mut draft = filled(fields);
            draft.mistakes = Definition::parse(&draft.definition()).unwrap_err().as_slice().to_vec();
            assert!(draft.wrong(field), "{fields:?}: {:?}", draft.mistakes);
        }
    }
}
