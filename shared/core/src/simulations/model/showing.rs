//! Device models and overrides as JSON, as the API shows them.

use serde_json::{Map, Value, json};

use super::words::Word;
use super::{
    DeviceModel, FieldType, MessageSchema, Override, SchemaOverride, ScriptEntry, ScriptOverride, StateOverride, TelemetryOverride,
};

impl DeviceModel {
    /// The members that say what the model is, from `Id` on, in their order; `kind` is the word for who made it.
    #[must_use]
    pub fn shown(&self, kind: &str) -> Map<String, Value> {
        let simulation = json!({
            "InitialState": self.simulation.initial_state,
            "Interval": self.simulation.interval.to_string(),
            "Scripts": self.simulation.scripts.iter().map(script).collect::<Vec<_>>(),
        });
        let telemetry: Vec<Value> = self
            .telemetry
            .iter()
            .map(|sent| {
                json!({
                    "Interval": sent.interval.to_string(),
                    "MessageTemplate": sent.template,
                    "MessageSchema": schema(&sent.schema),
                })
            })
            .collect();
        let methods: Map<String, Value> = self.methods.iter().map(|(name, entry)| (name.clone(), script(entry))).collect();
        members([
            ("Id", json!(self.id)),
            ("Version", json!(self.version)),
            ("Name", json!(self.name)),
            ("Description", json!(self.description)),
            ("Protocol", json!(self.protocol.word())),
            ("Type", json!(kind)),
            ("Simulation", simulation),
            ("Properties", json!(self.properties)),
            ("Telemetry", json!(telemetry)),
            ("CloudToDeviceMethods", json!(methods)),
        ])
    }
}

impl Override {
    /// The override as it is shown: what is changed, and `{}` for a place in a list where nothing is.
    #[must_use]
    pub fn shown(&self) -> Value {
        let mut shown = Map::new();
        if let Some(simulation) = &self.simulation {
            shown.insert("Simulation".to_owned(), simulation.shown());
        }
        if !self.telemetry.is_empty() {
            shown.insert("Telemetry".to_owned(), self.telemetry.iter().map(TelemetryOverride::shown).collect());
        }
        Value::Object(shown)
    }
}

impl StateOverride {
    fn shown(&self) -> Value {
        let mut shown = Map::new();
        put(&mut shown, "InitialState", self.initial_state.as_ref().map(|state| json!(state)));
        put(&mut shown, "Interval", self.interval.map(|interval| json!(interval.to_string())));
        if !self.scripts.is_empty() {
            shown.insert("Scripts".to_owned(), self.scripts.iter().map(ScriptOverride::shown).collect());
        }
        Value::Object(shown)
    }
}

impl ScriptOverride {
    fn shown(&self) -> Value {
        let mut shown = Map::new();
        put(&mut shown, "Type", self.kind.as_ref().map(|kind| json!(kind)));
        put(&mut shown, "Path", self.path.as_ref().map(|path| json!(path)));
        put(&mut shown, "Id", self.id.as_ref().map(|id| json!(id)));
        put(&mut shown, "Params", self.params.clone());
        Value::Object(shown)
    }
}

impl TelemetryOverride {
    fn shown(&self) -> Value {
        let mut shown = Map::new();
        put(&mut shown, "Interval", self.interval.map(|interval| json!(interval.to_string())));
        put(&mut shown, "MessageTemplate", self.template.as_ref().map(|template| json!(template)));
        put(&mut shown, "MessageSchema", self.schema.as_ref().map(SchemaOverride::shown));
        Value::Object(shown)
    }
}

impl SchemaOverride {
    /// All three members, `null` where nothing is changed.
    fn shown(&self) -> Value {
        json!({
            "Name": self.name,
            "Format": self.format.map(Word::word),
            "Fields": self.fields.as_deref().map(fields),
        })
    }
}

fn script(entry: &ScriptEntry) -> Value {
    let mut shown = members([("Type", json!(entry.kind)), ("Path", json!(entry.path))]);
    put(&mut shown, "Id", entry.id.as_ref().map(|id| json!(id)));
    put(&mut shown, "Params", entry.params.clone());
    Value::Object(shown)
}

fn schema(schema: &MessageSchema) -> Value {
    json!({ "Name": schema.name, "Format": schema.format.word(), "Fields": fields(&schema.fields) })
}

fn fields(fields: &[(String, FieldType)]) -> Map<String, Value> {
    fields.iter().map(|(name, kind)| (name.clone(), json!(kind.word()))).collect()
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn put(shown: &mut Map<String, Value>, member: &str, value: Option<Value>) {
    if let Some(value) = value {
        shown.insert(member.to_owned(), value);
    }
}
