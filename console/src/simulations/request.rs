//! The form of the simulation, as the body of a request.

use headwater_core::mistakes::Mistake;
use headwater_core::simulations::SimulationView;
use serde_json::{Map, Value, json};

use crate::form::Posted;

/// What the names of the fields with counts begin with; the model's id follows.
const COUNT: &str = "count:";

/// The fields as they were filled in.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    /// The ETag of what the form was made from; empty where there was nothing.
    pub(super) etag: String,
    pub(super) name: String,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) enabled: bool,
    /// Model ids with how many devices each is to have, as text.
    pub(super) counts: Vec<(String, String)>,
}

impl Fields {
    /// The form for what is stored, or for a new simulation.
    pub(super) fn of_stored(view: Option<&SimulationView>) -> Self {
        let Some(view) = view else { return Self { enabled: true, ..Self::default() } };
        let settings = &view.simulation.settings;
        Self {
            etag: view.simulation.etag.clone(),
            name: settings.name.clone().unwrap_or_default(),
            start: settings.start.map(|start| start.to_string()).unwrap_or_default(),
            end: settings.end.map(|end| end.to_string()).unwrap_or_default(),
            enabled: settings.enabled,
            counts: settings.models.iter().map(|model| (model.id.clone(), model.count.to_string())).collect(),
        }
    }

    pub(super) fn of(posted: &Posted) -> Self {
        let text = |name: &str| posted.text(name).to_owned();
        let mut counts: Vec<(String, String)> = posted
            .beginning_with(COUNT)
            .map(|(id, count)| (id.to_owned(), count.to_owned()))
            .filter(|(_, count)| !count.is_empty())
            .collect();
        counts.sort();
        Self { etag: text("etag"), name: text("name"), start: text("start"), end: text("end"), enabled: posted.ticked("enabled"), counts }
    }

    /// The form with a field for each of these models, in their order, and behind them those of models that are gone.
    pub(super) fn with_all_of<'a>(self, ids: impl Iterator<Item = &'a str>) -> Self {
        let mut left = self.counts;
        let mut counts: Vec<(String, String)> = ids
            .map(|id| match left.iter().position(|(other, _)| other == id) {
                Some(at) => left.remove(at),
                None => (id.to_owned(), String::new()),
            })
            .collect();
        counts.append(&mut left);
        Self { counts, ..self }
    }

    /// The body of a request. What the form has no fields for stays as it is stored.
    pub(super) fn body(&self, stored: Option<&SimulationView>) -> Value {
        let mut body = match stored.map(SimulationView::to_json) {
            Some(Value::Object(shown)) => shown,
            _ => Map::new(),
        };
        let before = stored.map_or(&[][..], |view| view.simulation.settings.models.as_slice());
        let model = |(id, count): &(String, String)| {
            let mut model = json!({ "Id": id, "Count": count.parse::<serde_json::Number>().map_or_else(|_| json!(count), Value::Number) });
            if let Some(overridden) = before.iter().find(|model| model.id == *id).and_then(|model| model.overridden.as_ref()) {
                model["Override"] = overridden.shown();
            }
            model
        };
        body.insert("DeviceModels".to_owned(), self.asked().map(model).collect());
        body.insert("ETag".to_owned(), json!(self.etag));
        body.insert("Enabled".to_owned(), json!(self.enabled));
        for (member, text) in [("Name", &self.name), ("StartTime", &self.start), ("EndTime", &self.end)] {
            body.insert(member.to_owned(), if text.is_empty() { Value::Null } else { json!(text) });
        }
        Value::Object(body)
    }

    /// Models that devices are asked of.
    pub(super) fn asked(&self) -> impl Iterator<Item = &(String, String)> {
        self.counts.iter().filter(|(_, count)| !count.is_empty() && count != "0")
    }

    /// A mistake in words, with the model's id for its place in the list.
    pub(super) fn told(&self, mistake: &Mistake) -> String {
        let place = mistake.path.strip_prefix("DeviceModels[").and_then(|rest| rest.split_once(']')?.0.parse::<usize>().ok());
        match place.and_then(|at| self.asked().nth(at)) {
            Some((id, _)) => format!("{id}: {}", mistake.problem),
            None => mistake.to_string(),
        }
    }
}

/// The field that the mistake at a path is in; none for those that are told above the form.
pub(super) fn field_of(path: &str) -> Option<&'static str> {
    match path {
        "Name" => Some("name"),
        "StartTime" => Some("start"),
        "EndTime" => Some("end"),
        _ => None,
    }
}
