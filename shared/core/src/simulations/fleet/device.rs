//! One device: what it remembers between its moments.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::plan::{Group, Layout};
use super::runs::Run;
use crate::limits;
use crate::simulations::StateValue;

/// A device. Where a fleet has a hundred thousand of them, most of this is what its model begins with, shared.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Device {
    /// Which group of the plan it belongs to.
    pub(super) group: u16,
    /// Its number within its model, from 0.
    pub(super) number: u32,
    /// The values of the keys of its model's layout.
    pub(super) state: Box<[StateValue]>,
    /// Keys that its scripts have added.
    more: Vec<(Arc<str>, StateValue)>,
    /// What it reports, once that differs from what its model begins with.
    properties: Option<Arc<Map<String, Value>>>,
    /// Reported members that its hub does not know yet.
    pub(super) unreported: Option<Box<Map<String, Value>>>,
    /// How many ticks it has had, or lines it has replayed.
    pub(super) ticks: u64,
    /// Whether it may send.
    pub(super) connected: bool,
    /// Whether a script of it has been called and not been answered.
    pub(super) called: bool,
    /// Scripts of it that sleep.
    pub(super) runs: Vec<Run>,
}

/// A member of the state that stops the state scripts while it is false.
pub(super) const CALCULATE: &str = "CalculateRandomizedTelemetry";
/// A member of the state that silences the device while it is false.
pub(super) const ONLINE: &str = "online";

impl Device {
    pub(super) fn new(group: u16, number: u32, state: Box<[StateValue]>) -> Self {
        Self {
            group,
            number,
            state,
            more: Vec::new(),
            properties: None,
            unreported: None,
            ticks: 0,
            connected: false,
            called: false,
            runs: Vec::new(),
        }
    }

    /// The value of a key that is not in the layout.
    pub(super) fn another(&self, key: &str) -> Option<&StateValue> {
        self.more.iter().find(|(other, _)| &**other == key).map(|(_, value)| value)
    }

    /// The value of a key.
    pub(super) fn value(&self, layout: &Layout, key: &str) -> Option<&StateValue> {
        layout.place(key).map_or_else(|| self.another(key), |place| Some(&self.state[place]))
    }

    /// Sets the value of a key; false when there are too many already.
    pub(super) fn set(&mut self, layout: &Layout, key: &str, value: StateValue) -> bool {
        if let Some(place) = layout.place(key) {
            self.state[place] = value;
            return true;
        }
        if let Some((_, former)) = self.more.iter_mut().find(|(other, _)| &**other == key) {
            *former = value;
            return true;
        }
        let room = self.more.len() < limits::DEVICE_MEMBERS;
        if room {
            self.more.push((key.into(), value));
        }
        room
    }

    /// The whole state.
    pub(super) fn whole_state(&self, layout: &Layout) -> Vec<(Arc<str>, StateValue)> {
        let known = layout.keys().iter().cloned().zip(self.state.iter().cloned());
        known.chain(self.more.iter().cloned()).collect()
    }

    pub(super) fn is(&self, layout: &Layout, key: &str) -> bool {
        self.value(layout, key) != Some(&StateValue::Bool(false))
    }

    /// What it reports.
    pub(super) fn properties<'a>(&'a self, group: &'a Group) -> &'a Arc<Map<String, Value>> {
        self.properties.as_ref().unwrap_or(&group.properties)
    }

    /// Sets one reported property; notes it as unreported if that changes it.
    pub(super) fn report(&mut self, group: &Group, key: String, value: Value) -> bool {
        if self.properties(group).get(&key) == Some(&value) {
            return true;
        }
        let properties = Arc::make_mut(self.properties.get_or_insert_with(|| Arc::clone(&group.properties)));
        if properties.len() >= limits::DEVICE_MEMBERS && !properties.contains_key(&key) {
            return false;
        }
        properties.insert(key.clone(), value.clone());
        self.unreported.get_or_insert_default().insert(key, value);
        true
    }
}

/// A device as a snapshot has it: what differs from its model.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Frozen {
    values: Vec<(u16, StateValue)>,
    more: Vec<(Arc<str>, StateValue)>,
    /// As JSON text, since the snapshot's form cannot hold values of any kind.
    properties: Option<String>,
    unreported: Option<String>,
    ticks: u64,
    connected: bool,
    runs: Vec<Run>,
}

impl Frozen {
    pub(super) fn of(device: &Device, group: &Group) -> Self {
        let differing = device.state.iter().zip(&*group.initial).enumerate().filter(|(_, (now, initial))| now != initial);
        let values = differing.map(|(place, (value, _))| (u16::try_from(place).expect("a layout is short"), value.clone())).collect();
        Self {
            values,
            more: device.more.clone(),
            properties: device.properties.as_ref().map(|members| text(members)),
            unreported: device.unreported.as_ref().map(|members| text(members)),
            ticks: device.ticks,
            connected: device.connected,
            runs: device.runs.clone(),
        }
    }

    /// The device again; `None` when this is no device of the group.
    pub(super) fn thaw(self, place: u16, number: u32, group: &Group) -> Option<Device> {
        let mut device = Device::new(place, number, group.initial.clone());
        for (place, value) in self.values {
            *device.state.get_mut(usize::from(place))? = value;
        }
        device.more = self.more;
        device.properties = members(self.properties)?.map(Arc::new);
        device.unreported = members(self.unreported)?.map(Box::new);
        device.ticks = self.ticks;
        device.connected = self.connected;
        device.runs = self.runs;
        Some(device)
    }
}

fn text(members: &Map<String, Value>) -> String {
    serde_json::to_string(members).expect("JSON serialises")
}

fn members(text: Option<String>) -> Option<Option<Map<String, Value>>> {
    text.map(|text| serde_json::from_str(&text).ok()).map_or(Some(None), |read: Option<_>| read.map(Some))
}
