//! What a fleet is made of, compiled once: models become layouts, templates and scripts.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::device::{CALCULATE, ONLINE};
use super::internal::{self, Internal};
use super::replay::Replay;
use super::template::Template;
use crate::limits;
use crate::ports::{HubDevice, Script};
use crate::random::FieldId;
use crate::simulations::StateValue;
use crate::simulations::model::Word as _;
use crate::simulations::model::{DeviceModel, MessageSchema, Protocol, ScriptEntry};

/// What a fleet is to be: models with all that a simulation changes about them, and the sources of their scripts. Stored once
/// for each version of a simulation, so that every step that works by that version finds the same.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FleetDefinition {
    /// The groups, each with another model.
    pub groups: Vec<GroupDefinition>,
    /// The file whose messages all devices replay, and whether they begin again at its end.
    pub replay: Option<(String, bool)>,
    /// Where the draws begin.
    pub seed: i64,
    /// How many devices may connect in a second.
    pub connections_per_second: u32,
    /// How many messages may be sent in a second, if the fleet itself is to keep to a bound.
    pub messages_per_second: Option<u32>,
}

/// So many devices of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupDefinition {
    /// The model.
    pub model: DeviceModel,
    /// How many.
    pub count: u32,
    /// The sources of its scripts and then of its methods' scripts, as names and texts, or why there is none.
    pub sources: Vec<Source>,
}

/// The source of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// It needs none.
    Internal,
    /// A script of the stock, by its name.
    Stock(String),
    /// A script's name and text.
    Text(String, String),
    /// There is none; why.
    Missing(String),
}

/// A compiled fleet, or one host's part of it.
#[derive(Debug, PartialEq)]
pub struct FleetPlan {
    pub(super) groups: Vec<Arc<Group>>,
    pub(super) seed: i64,
    pub(super) replay: Option<Arc<Replay>>,
    pub(super) connections_per_second: u32,
    pub(super) messages_per_second: Option<u32>,
}

/// The devices of one model.
#[derive(Debug, PartialEq)]
pub(super) struct Group {
    pub(super) id: Arc<str>,
    pub(super) name: Arc<str>,
    /// The numbers of the devices that are ours.
    pub(super) numbers: Range<u32>,
    pub(super) protocol: Protocol,
    pub(super) layout: Layout,
    pub(super) initial: Box<[StateValue]>,
    /// Microseconds between two ticks, if there are any.
    pub(super) interval: Option<i64>,
    pub(super) scripts: Vec<CompiledScript>,
    pub(super) messages: Vec<Message>,
    pub(super) methods: Vec<CompiledScript>,
    pub(super) method_names: Arc<[String]>,
    pub(super) properties: Arc<Map<String, Value>>,
    pub(super) key: FieldId,
    /// What it was compiled from, to tell whether another plan's group is the same.
    source: GroupDefinition,
}

/// A script, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum CompiledScript {
    Internal(Internal),
    JavaScript {
        script: Script,
        params: Option<Arc<Value>>,
        key: FieldId,
    },
    /// It cannot run; why.
    Broken(String),
}

/// A stream of messages.
#[derive(Debug, PartialEq)]
pub(super) struct Message {
    /// Microseconds.
    pub(super) interval: i64,
    pub(super) template: Template,
    pub(super) schema: Arc<MessageSchema>,
}

/// Which keys the states of one model's devices have, and where.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Layout {
    keys: Vec<Arc<str>>,
    places: HashMap<Arc<str>, usize>,
}

impl Layout {
    pub(super) fn of<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        let mut layout = Self::default();
        for key in keys {
            if !layout.places.contains_key(key) {
                let key: Arc<str> = key.into();
                layout.places.insert(Arc::clone(&key), layout.keys.len());
                layout.keys.push(key);
            }
        }
        layout
    }

    pub(super) fn place(&self, key: &str) -> Option<usize> {
        self.places.get(key).copied()
    }

    pub(super) fn keys(&self) -> &[Arc<str>] {
        &self.keys
    }
}

/// The part of a fleet that one host lets live: the devices of every model whose numbers are within a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its place among the parts.
    pub index: u32,
    /// How many devices of each model a part holds.
    pub size: u32,
}

impl Part {
    fn numbers(self, count: u32) -> Range<u32> {
        let first = self.index.saturating_mul(self.size).min(count);
        first..first.saturating_add(self.size).min(count)
    }

    /// How many parts a fleet has.
    #[must_use]
    pub fn count(definition: &FleetDefinition, size: u32) -> u32 {
        definition.groups.iter().map(|group| group.count.div_ceil(size)).max().unwrap_or(0).max(1)
    }
}

impl FleetPlan {
    /// Compiles a part of a fleet.
    #[must_use]
    pub fn compile(definition: &FleetDefinition, part: Part, replay: Option<Replay>, stock: impl Fn(&str) -> Option<Script>) -> Self {
        let mut groups = Vec::new();
        for group in &definition.groups {
            let numbers = part.numbers(group.count);
            if !numbers.is_empty() {
                groups.push(Arc::new(Group::compile(group, numbers, &stock)));
            }
        }
        let replay = replay.map(Arc::new);
        let parts = Part::count(definition, part.size);
        let share = |limit: u32| limit.div_ceil(parts).max(1);
        Self {
            groups,
            seed: definition.seed,
            replay,
            connections_per_second: share(definition.connections_per_second),
            messages_per_second: definition.messages_per_second.map(share),
        }
    }

    /// All devices: the places of their groups, and their numbers.
    pub(super) fn places(&self) -> impl Iterator<Item = (u16, u32)> {
        (0u16..).zip(&self.groups).flat_map(|(place, group)| group.numbers.clone().map(move |number| (place, number)))
    }

    /// All devices, as their hub knows them.
    pub fn hub_devices(&self) -> impl Iterator<Item = HubDevice> {
        self.groups.iter().flat_map(|group| group.numbers.clone().map(|number| group.hub_device(number)))
    }

    /// How many devices there are.
    #[must_use]
    pub fn devices(&self) -> usize {
        self.groups.iter().map(|group| group.numbers.len()).sum()
    }
}

impl Group {
    fn compile(source: &GroupDefinition, numbers: Range<u32>, stock: &impl Fn(&str) -> Option<Script>) -> Self {
        let model = &source.model;
        let key = FieldId::ROOT.child(&model.id);
        let internal = model.simulation.scripts.iter().filter(|entry| entry.kind.eq_ignore_ascii_case("internal"));
        let sensors = internal.filter_map(|entry| internal::sensors(entry.params.as_ref()).ok()).flat_map(Map::keys);
        let initial = &model.simulation.initial_state;
        let layout = Layout::of(initial.keys().chain(sensors).map(String::as_str).chain([ONLINE, CALCULATE]).take(limits::DEVICE_MEMBERS));
        let begins = |key: &str| match initial.get(key) {
            Some(value) => StateValue::from(value),
            None if key == ONLINE || key == CALCULATE => StateValue::Bool(true),
            None => StateValue::Null,
        };
        let states = layout.keys().iter().map(|key| begins(key)).collect();
        let mut sources = source.sources.iter();
        let mut script = |place: usize, entry: &ScriptEntry| {
            let key = key.child("scripts").child(&place.to_string());
            CompiledScript::compile(entry, sources.next().unwrap_or(&Source::Internal), &layout, key, stock)
        };
        let scripts: Vec<_> = model.simulation.scripts.iter().enumerate().map(|(place, entry)| script(place, entry)).collect();
        let methods = model.methods.iter().enumerate().map(|(place, (_, entry))| script(scripts.len() + place, entry)).collect();
        let messages = model.telemetry.iter().map(|telemetry| Message {
            interval: telemetry.interval.as_micros(),
            template: Template::parse(&telemetry.template, &layout),
            schema: Arc::new(telemetry.schema.clone()),
        });
        let interval = Some(model.simulation.interval.as_micros()).filter(|interval| *interval > 0 && !scripts.is_empty());
        Self {
            id: model.id.as_str().into(),
            name: model.name.as_str().into(),
            numbers,
            protocol: model.protocol,
            initial: states,
            interval: interval.map(|interval| interval.max(limits::SHORTEST_INTERVAL)),
            messages: messages.collect(),
            scripts,
            methods,
            method_names: model.methods.iter().map(|(name, _)| name.clone()).collect(),
            properties: Arc::new(reported(model)),
            layout,
            key,
            source: source.clone(),
        }
    }

    /// Whether devices of the other group may go on as devices of this one.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.source.model == other.source.model && self.source.sources == other.source.sources
    }

    /// The id of a device.
    pub(super) fn device_id(&self, number: u32) -> Arc<str> {
        format!("{}.{number}", self.id).into()
    }

    /// A device as its hub knows it.
    pub(super) fn hub_device(&self, number: u32) -> HubDevice {
        let methods = Arc::clone(&self.method_names);
        HubDevice { id: self.device_id(number), model: Arc::clone(&self.id), protocol: self.protocol, methods }
    }
}

impl CompiledScript {
    fn compile(entry: &ScriptEntry, source: &Source, layout: &Layout, key: FieldId, stock: &impl Fn(&str) -> Option<Script>) -> Self {
        if entry.kind.eq_ignore_ascii_case("internal") {
            return match Internal::compile(&entry.path, entry.params.as_ref(), layout, key) {
                Ok(internal) => Self::Internal(internal),
                Err(why) => Self::Broken(why),
            };
        }
        let script = match source {
            Source::Text(name, text) => Some(Script::new(name, text)),
            Source::Stock(name) => stock(name),
            Source::Missing(why) => return Self::Broken(why.clone()),
            Source::Internal => None,
        };
        match script {
            Some(script) => Self::JavaScript { script, params: entry.params.clone().map(Arc::new), key },
            None => Self::Broken(format!("there is no script {:?}", entry.path)),
        }
    }
}

/// What devices of a model report about themselves at first.
fn reported(model: &DeviceModel) -> Map<String, Value> {
    let telemetry = model.telemetry.iter().map(|telemetry| {
        let MessageSchema { name, format, fields, .. } = &telemetry.schema;
        let fields: Map<_, _> = fields.iter().map(|(name, kind)| (name.clone(), kind.word().into())).collect();
        let schema = json!({"Name": name, "Format": format.word(), "Fields": fields});
        (name.clone(), json!({"Interval": telemetry.interval.to_string(), "MessageTemplate": telemetry.template, "MessageSchema": schema}))
    });
    let methods: Vec<&str> = model.methods.iter().map(|(name, _)| name.as_str()).collect();
    let mut reported = Map::new();
    reported.insert("Telemetry".to_owned(), Value::Object(telemetry.collect()));
    reported.insert("SupportedMethods".to_owned(), methods.join(",").into());
    reported.extend(model.properties.clone());
    reported
}
