//! Calls of scripts: made in batches, answered later, and continued when they sleep.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::plan::{CompiledScript, Group};
use crate::ports::{Script, ScriptCall, Timestamp};
use crate::simulations::{Moment, StateValue};

/// Which script of a model is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// The state script at this place.
    State(u16),
    /// The script of the method at this place.
    Method(u16),
}

impl Place {
    pub(super) fn script(self, group: &Group) -> Option<&CompiledScript> {
        match self {
            Self::State(place) => group.scripts.get(usize::from(place)),
            Self::Method(place) => group.methods.get(usize::from(place)),
        }
    }
}

/// A script that was called: all that it takes to call it again after a sleep. It goes the same way again, so it is called with
/// what it was called with at first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    /// Tells the runs of one device apart.
    pub(super) id: u16,
    pub(super) place: Place,
    /// What came with the call of a method.
    payload: Vec<(Arc<str>, Arc<str>)>,
    state: Vec<(Arc<str>, StateValue)>,
    /// As JSON text, since a snapshot cannot hold values of any kind.
    properties: Arc<str>,
    began: Timestamp,
    seed: u64,
    /// Sleeps that are over; nothing before the first call.
    pub(super) waited: Option<u32>,
    /// Effects that have been carried out.
    pub(super) done: usize,
}

impl Run {
    pub(super) fn new(id: u16, place: Place, call: &ScriptCall, payload: Vec<(Arc<str>, Arc<str>)>) -> Self {
        let properties = serde_json::to_string(&*call.properties).expect("JSON serialises").into();
        let ScriptCall { state, now: began, seed, .. } = call.clone();
        Self { id, place, payload, state, properties, began, seed, waited: None, done: 0 }
    }

    /// The call that goes on behind the sleeps that are over.
    pub(super) fn call(&self, group: &Group, number: u32) -> Option<ScriptCall> {
        let CompiledScript::JavaScript { script, params, .. } = self.place.script(group)? else { return None };
        let properties: Map<String, Value> = serde_json::from_str(&self.properties).ok()?;
        Some(ScriptCall {
            script: script.clone(),
            context: context(group, number, self.began, &self.payload, self.place),
            state: self.state.clone(),
            properties: Arc::new(properties),
            params: params.clone(),
            now: self.began,
            seed: self.seed,
            waited: self.waited.unwrap_or(0),
        })
    }
}

/// The members of `context`: what came with a method, unless it would hide what is always there.
pub(super) fn context(
    group: &Group,
    number: u32,
    now: Timestamp,
    payload: &[(Arc<str>, Arc<str>)],
    place: Place,
) -> Vec<(Arc<str>, Arc<str>)> {
    let mut context: Vec<(Arc<str>, Arc<str>)> =
        vec![("currentTime".into(), Moment { at: now, offset: 0 }.to_string().into()), ("deviceId".into(), group.device_id(number))];
    match place {
        Place::State(_) => context.push(("deviceModel".into(), Arc::clone(&group.name))),
        Place::Method(_) => context.extend(payload.iter().cloned()),
    }
    context
}

/// What came with the call of a method, as the script sees it: texts. `None` when it is no flat object, or would hide what is always
/// there.
pub(super) fn payload(value: &Value) -> Option<Vec<(Arc<str>, Arc<str>)>> {
    let members = match value {
        Value::Null => return Some(Vec::new()),
        Value::Object(members) => members,
        _ => return None,
    };
    let member = |(name, value): (&String, &Value)| -> Option<(Arc<str>, Arc<str>)> {
        let text: Arc<str> = match value {
            Value::String(text) => text.as_str().into(),
            Value::Number(_) | Value::Bool(_) => value.to_string().into(),
            Value::Null => "".into(),
            Value::Array(_) | Value::Object(_) => return None,
        };
        (name != "currentTime" && name != "deviceId").then(|| (name.as_str().into(), text))
    };
    members.iter().map(member).collect()
}

/// A call that is to be made, and for whom.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) device: u32,
    pub(super) place: Place,
    /// When it was due.
    pub(super) due: i64,
    pub(super) call: ScriptCall,
    /// The run that it continues, if it has slept.
    pub(super) run: Option<u16>,
    pub(super) payload: Vec<(Arc<str>, Arc<str>)>,
    /// Effects that have been carried out.
    pub(super) done: usize,
}

/// The call of a script that is called for the first time.
pub(super) fn first_call(
    (script, params): (&Script, Option<&Arc<Value>>),
    context: Vec<(Arc<str>, Arc<str>)>,
    state: Vec<(Arc<str>, StateValue)>,
    properties: &Arc<Map<String, Value>>,
    now: Timestamp,
    seed: u64,
) -> ScriptCall {
    let (script, params, properties) = (script.clone(), params.cloned(), Arc::clone(properties));
    ScriptCall { script, context, state, properties, params, now, seed, waited: 0 }
}

/// The longest sleep that is kept to: some ten years.
pub(super) fn bounded(sleep: Duration) -> i64 {
    i64::try_from(sleep.as_micros()).unwrap_or(i64::MAX).min(10 * 365 * 86_400_000_000)
}
