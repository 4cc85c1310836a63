//! A device model from JSON.

use serde_json::{Map, Value};

use super::words::Word;
use super::{DeviceModel, FieldType, Interval, MessageFormat, MessageSchema, Protocol, ScriptEntry, StateSimulation, Telemetry};
use crate::mistakes::{Findings, Mistakes, Node};

impl DeviceModel {
    /// Reads the document of a model. Its id is `id`, whatever the document says.
    ///
    /// # Errors
    /// Every mistake with its path.
    pub fn parse(document: &Value, id: &str) -> Result<Self, Mistakes> {
        let findings = Findings::default();
        let model = read(&Node::top(document, "", &findings), id);
        findings.conclude(model)
    }
}

fn read(node: &Node<'_>, id: &str) -> Option<DeviceModel> {
    node.expect_object()?;
    let kind = match node.in_any_case("Type") {
        None => Some(()),
        Some(kind) => match kind.text()? {
            word if word.is_empty() || word.eq_ignore_ascii_case("custom") => Some(()),
            word => kind.wrong(format!("must be Custom, not {word:?}")),
        },
    };
    let protocol = match node.in_any_case("Protocol") {
        None => node.lacks("Protocol"),
        Some(protocol) => protocol.text().and_then(|word| {
            Protocol::read(word).or_else(|| protocol.wrong(format!("must be one of {}, not {word:?}", Protocol::known())))
        }),
    };
    let telemetry = filled_list(node, "Telemetry", read_telemetry);
    let simulation = match node.in_any_case("Simulation") {
        None => node.lacks("Simulation"),
        Some(simulation) => read_simulation(&simulation),
    };
    let methods = match node.in_any_case("CloudToDeviceMethods") {
        None => Some(Vec::new()),
        Some(methods) => methods.entries().and_then(|entries| {
            let read: Vec<_> = entries.into_iter().map(|(name, entry)| Some((name.to_owned(), read_script(&entry)?))).collect();
            read.into_iter().collect()
        }),
    };
    let (name, description) = (words(node, "Name"), words(node, "Description"));
    let (version, properties) = (words(node, "Version"), object(node, "Properties"));
    kind?;
    Some(DeviceModel {
        id: id.to_owned(),
        version: Some(version?).filter(|version| !version.is_empty()).unwrap_or_else(|| "0.0.0".to_owned()),
        name: name?,
        description: description?,
        protocol: protocol?,
        simulation: simulation?,
        properties: properties?,
        telemetry: telemetry?,
        methods: methods?,
    })
}

fn read_simulation(node: &Node<'_>) -> Option<StateSimulation> {
    node.expect_object()?;
    let (initial_state, interval) = (object(node, "InitialState"), positive_interval(node));
    let scripts = filled_list(node, "Scripts", read_script);
    Some(StateSimulation { initial_state: initial_state?, interval: interval?, scripts: scripts? })
}

fn read_script(node: &Node<'_>) -> Option<ScriptEntry> {
    node.expect_object()?;
    let (kind, path, id) = (filled(node, "Type"), filled(node, "Path"), optional_text(node, "Id"));
    let kind = kind?;
    let params = node.in_any_case("Params");
    if kind.eq_ignore_ascii_case("internal") {
        match &params {
            None => node.lacks("Params")?,
            Some(params) => params.expect_object()?,
        }
    }
    Some(ScriptEntry { kind, path: path?, id: id?, params: params.map(|params| params.value().clone()) })
}

fn read_telemetry(node: &Node<'_>) -> Option<Telemetry> {
    node.expect_object()?;
    let (interval, template) = (positive_interval(node), filled(node, "MessageTemplate"));
    let schema = match node.in_any_case("MessageSchema") {
        None => node.lacks("MessageSchema"),
        Some(schema) => read_schema(&schema),
    };
    Some(Telemetry { interval: interval?, template: template?, schema: schema? })
}

fn read_schema(node: &Node<'_>) -> Option<MessageSchema> {
    node.expect_object()?;
    let (name, class_name) = (filled(node, "Name"), optional_text(node, "ClassName"));
    let format = match node.in_any_case("Format") {
        None => Some(MessageFormat::Json),
        Some(format) => format.text().and_then(|word| {
            MessageFormat::read(word).or_else(|| format.wrong(format!("must be one of {}, not {word:?}", MessageFormat::known())))
        }),
    };
    let fields = match node.in_any_case("Fields") {
        None => node.lacks("Fields"),
        Some(fields) => match fields.entries()? {
            none if none.is_empty() => fields.wrong("must have at least one field"),
            entries => {
                let read: Vec<_> = entries.into_iter().map(|(name, kind)| Some((name.to_owned(), field_type(&kind)?))).collect();
                read.into_iter().collect()
            }
        },
    };
    Some(MessageSchema { name: name?, class_name: class_name?, format: format?, fields: fields? })
}

fn field_type(node: &Node<'_>) -> Option<FieldType> {
    let word = node.text()?;
    FieldType::read(word).or_else(|| node.wrong(format!("must be one of {}, not {word:?}", FieldType::known())))
}

/// A list with at least one element. All elements are read, so that all mistakes are noted.
fn filled_list<T>(node: &Node<'_>, member: &str, read: fn(&Node<'_>) -> Option<T>) -> Option<Vec<T>> {
    let Some(list) = node.in_any_case(member) else { return node.lacks(member) };
    let elements = list.elements()?;
    if elements.is_empty() {
        return list.wrong("must have at least one element");
    }
    let read: Vec<_> = elements.iter().map(read).collect();
    read.into_iter().collect()
}

fn positive_interval(node: &Node<'_>) -> Option<Interval> {
    let Some(text) = node.in_any_case("Interval") else { return node.lacks("Interval") };
    match interval(&text)? {
        Interval(1..) => interval(&text),
        _ => text.wrong("must be above zero"),
    }
}

/// An interval.
pub(super) fn interval(node: &Node<'_>) -> Option<Interval> {
    Interval::parse(node.text()?).map_or_else(|error| node.wrong(error.to_string()), Some)
}

/// A text that must be there.
fn filled(node: &Node<'_>, member: &str) -> Option<String> {
    let Some(text) = node.in_any_case(member) else { return node.lacks(member) };
    match text.text()? {
        blank if blank.trim().is_empty() => text.wrong("must not be empty"),
        filled => Some(filled.to_owned()),
    }
}

/// A text, empty when it is not there.
fn words(node: &Node<'_>, member: &str) -> Option<String> {
    optional_text(node, member).map(Option::unwrap_or_default)
}

/// A text that may be missing; an empty one counts as missing. `None` for a mistake.
pub(in crate::simulations) fn optional_text(node: &Node<'_>, member: &str) -> Option<Option<String>> {
    let text = optional(node, member, |text| text.text().map(str::to_owned))?;
    Some(text.filter(|text| !text.is_empty()))
}

/// A member that may be missing. `None` for a mistake.
pub(in crate::simulations) fn optional<T>(node: &Node<'_>, member: &str, read: impl FnOnce(&Node<'_>) -> Option<T>) -> Option<Option<T>> {
    match node.in_any_case(member) {
        None => Some(None),
        Some(node) => read(&node).map(Some),
    }
}

/// An object, empty when it is not there.
pub(super) fn object(node: &Node<'_>, member: &str) -> Option<Map<String, Value>> {
    match node.in_any_case(member) {
        None => Some(Map::new()),
        Some(object) => {
            object.expect_object()?;
            object.value().as_object().cloned()
        }
    }
}
