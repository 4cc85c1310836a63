//! Overrides from JSON, and what they make of a model.

use super::reading::{interval, object, optional, optional_text};
use super::words::Word;
use super::{
    DeviceModel, FieldType, MessageFormat, MessageSchema, Override, SchemaOverride, ScriptEntry, ScriptOverride, StateOverride,
    StateSimulation, Telemetry, TelemetryOverride,
};
use crate::mistakes::Node;

/// The id of the model that is blank until it is overridden.
pub const CUSTOM: &str = "custom";

impl DeviceModel {
    /// The blank model: no state, no scripts, no messages.
    #[must_use]
    pub fn custom() -> Self {
        Self {
            id: CUSTOM.to_owned(),
            version: "0.0.0".to_owned(),
            name: CUSTOM.to_owned(),
            description: String::new(),
            protocol: Default::default(),
            simulation: StateSimulation::default(),
            properties: Default::default(),
            telemetry: Vec::new(),
            methods: Vec::new(),
        }
    }
}

impl Override {
    /// The model with these changes. Lists are changed by position, and get as long as the override's, unless that is empty.
    #[must_use]
    pub fn apply(&self, model: &DeviceModel) -> DeviceModel {
        let mut model = model.clone();
        if let Some(changes) = &self.simulation {
            changes.apply(&mut model.simulation);
        }
        if !self.telemetry.is_empty() {
            model.telemetry.resize_with(self.telemetry.len(), Telemetry::default);
            self.telemetry.iter().zip(&mut model.telemetry).for_each(|(change, sent)| change.apply(sent));
        }
        model
    }

    /// Reads an override; nothing, if it changes nothing.
    pub fn read(node: &Node<'_>) -> Option<Option<Self>> {
        node.expect_object()?;
        let simulation = match node.in_any_case("Simulation") {
            None => Some(None),
            Some(simulation) => read_state(&simulation),
        };
        let telemetry = list(node, "Telemetry", read_telemetry);
        let read = Self { simulation: simulation?.filter(|changes| *changes != StateOverride::default()), telemetry: telemetry? };
        Some((read != Self::default()).then_some(read))
    }
}

impl StateOverride {
    fn apply(&self, simulation: &mut StateSimulation) {
        if let Some(state) = &self.initial_state {
            simulation.initial_state.clone_from(state);
        }
        if let Some(interval) = self.interval {
            simulation.interval = interval;
        }
        if !self.scripts.is_empty() {
            simulation.scripts.resize_with(self.scripts.len(), added_script);
            self.scripts.iter().zip(&mut simulation.scripts).for_each(|(change, script)| change.apply(script));
        }
    }
}

/// What stands at a position that the model does not have, until it is overridden.
fn added_script() -> ScriptEntry {
    ScriptEntry { kind: "javascript".to_owned(), ..ScriptEntry::default() }
}

impl ScriptOverride {
    fn apply(&self, script: &mut ScriptEntry) {
        if *self == Self::default() {
            return;
        }
        if let Some(kind) = &self.kind {
            script.kind.clone_from(kind);
        }
        if let Some(path) = &self.path {
            script.path.clone_from(path);
        }
        if self.id.is_some() {
            script.id.clone_from(&self.id);
        }
        script.params.clone_from(&self.params);
    }
}

impl TelemetryOverride {
    fn apply(&self, sent: &mut Telemetry) {
        if let Some(interval) = self.interval {
            sent.interval = interval;
        }
        if let Some(template) = &self.template {
            sent.template.clone_from(template);
        }
        if let Some(schema) = &self.schema {
            schema.apply(&mut sent.schema);
        }
    }
}

impl SchemaOverride {
    fn apply(&self, schema: &mut MessageSchema) {
        if let Some(name) = &self.name {
            schema.name.clone_from(name);
        }
        if let Some(format) = self.format {
            schema.format = format;
        }
        if let Some(fields) = &self.fields {
            schema.fields.clone_from(fields);
        }
    }
}

fn read_state(node: &Node<'_>) -> Option<Option<StateOverride>> {
    node.expect_object()?;
    let initial_state = object(node, "InitialState");
    let interval = optional(node, "Interval", interval);
    let scripts = list(node, "Scripts", read_script);
    let initial_state = initial_state.map(|state| Some(state).filter(|state| !state.is_empty()));
    Some(Some(StateOverride { initial_state: initial_state?, interval: interval?, scripts: scripts? }))
}

fn read_script(node: &Node<'_>) -> Option<ScriptOverride> {
    let (kind, path, id) = (optional_text(node, "Type"), optional_text(node, "Path"), optional_text(node, "Id"));
    let params = node.in_any_case("Params").map(|params| params.value().clone());
    Some(ScriptOverride { kind: kind?, path: path?, id: id?, params })
}

fn read_telemetry(node: &Node<'_>) -> Option<TelemetryOverride> {
    let interval = optional(node, "Interval", interval);
    let template = optional_text(node, "MessageTemplate");
    let schema = optional(node, "MessageSchema", read_schema);
    let schema = schema.map(|schema| schema.filter(|changes| *changes != SchemaOverride::default()));
    Some(TelemetryOverride { interval: interval?, template: template?, schema: schema? })
}

/// Here, unlike in a model, a format that nobody knows counts as none, and a type that nobody knows as `Object`.
fn read_schema(node: &Node<'_>) -> Option<SchemaOverride> {
    node.expect_object()?;
    let (name, format) = (optional_text(node, "Name"), optional_text(node, "Format"));
    let fields = optional(node, "Fields", |fields| {
        let entries = fields.entries()?.into_iter();
        let read: Vec<_> = entries.map(|(name, kind)| Some((name.to_owned(), FieldType::read(kind.text()?).unwrap_or_default()))).collect();
        read.into_iter().collect::<Option<Vec<_>>>()
    });
    let fields = fields.map(|fields| fields.filter(|fields| !fields.is_empty()));
    Some(SchemaOverride { name: name?, format: format?.and_then(|word| MessageFormat::read(&word)), fields: fields? })
}

/// A list; `null` among its elements is like `{}`, a place where nothing changes.
fn list<T: Default>(node: &Node<'_>, member: &str, read: fn(&Node<'_>) -> Option<T>) -> Option<Vec<T>> {
    let Some(list) = node.in_any_case(member) else { return Some(Vec::new()) };
    let element = |element: &Node<'_>| match element.value().is_null() {
        true => Some(T::default()),
        false => element.expect_object().and_then(|()| read(element)),
    };
    let read: Vec<_> = list.elements()?.iter().map(element).collect();
    read.into_iter().collect()
}
