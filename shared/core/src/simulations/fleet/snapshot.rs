//! A fleet as bytes, and a fleet under another plan.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::device::Frozen;
use super::{Entry, Fleet, FleetPlan, Schedule, Tally, Ways};
use crate::ports::{HubDevice, Timestamp};
use crate::simulations::RateLimiter;

/// A snapshot that is none of this plan.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot of a fleet cannot be read")]
pub struct Unreadable;

#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    groups: Vec<(String, u32, u32)>,
    devices: Vec<Frozen>,
    /// Sorted; each moment is the distance from the one before.
    schedule: Vec<Entry>,
    now: i64,
    sent: u64,
    turns: Option<RateLimiter>,
    tally: Tally,
}

/// What becomes of devices when a fleet is put under another plan.
#[derive(Debug, Default, PartialEq)]
pub struct Change {
    /// Devices that are new; they are in the fleet.
    pub added: Vec<HubDevice>,
    /// Devices that are gone.
    pub removed: Vec<HubDevice>,
    /// Devices that begin anew, because their model has changed.
    pub replaced: Vec<HubDevice>,
}

impl Fleet {
    /// The fleet as bytes, from which [`Fleet::restore`] makes it again.
    #[must_use]
    pub fn snapshot(&self) -> Bytes {
        let groups = self.plan.groups.iter().map(|group| (group.id.to_string(), group.numbers.start, group.numbers.end)).collect();
        let devices = self.devices.iter().map(|device| Frozen::of(device, &self.plan.groups[usize::from(device.group)])).collect();
        let mut schedule = self.schedule.sorted();
        let mut before = self.now;
        for entry in &mut schedule {
            (entry.due, before) = (entry.due - before, entry.due);
        }
        let snapshot = Snapshot { groups, devices, schedule, now: self.now, sent: self.sent, turns: self.turns.clone(), tally: self.tally };
        postcard::to_stdvec(&snapshot).expect("plain data serialises").into()
    }

    /// The fleet of a snapshot that was taken under the same plan.
    ///
    /// # Errors
    /// When it was not.
    pub fn restore(plan: Arc<FleetPlan>, ways: Ways, bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut snapshot: Snapshot = postcard::from_bytes(bytes).map_err(|_| Unreadable)?;
        let fits = snapshot.groups.len() == plan.groups.len()
            && snapshot.devices.len() == plan.devices()
            && snapshot
                .groups
                .iter()
                .zip(&plan.groups)
                .all(|(was, is)| (was.0.as_str(), was.1, was.2) == (&*is.id, is.numbers.start, is.numbers.end));
        if !fits {
            return Err(Unreadable);
        }
        let thaw = |((place, number), frozen): ((u16, u32), Frozen)| frozen.thaw(place, number, &plan.groups[usize::from(place)]);
        let devices: Option<Vec<_>> = plan.places().zip(std::mem::take(&mut snapshot.devices)).map(thaw).collect();
        let (devices, mut schedule, mut before) = (devices.ok_or(Unreadable)?, Schedule::default(), snapshot.now);
        for entry in std::mem::take(&mut snapshot.schedule) {
            before += entry.due;
            if entry.device as usize >= devices.len() {
                return Err(Unreadable);
            }
            schedule.put(before, entry.what, entry.device);
        }
        let Snapshot { now, sent, turns, tally, .. } = snapshot;
        Ok(Self { plan, ways, devices, schedule, now, sent, turns, tally })
    }

    /// Puts the fleet under another plan. Devices whose model is the same there go on as if nothing had happened; others begin at
    /// `now`.
    #[must_use]
    pub fn change(self, plan: Arc<FleetPlan>, now: Timestamp) -> (Self, Change) {
        let now = now.as_micros().max(self.now);
        let replays = self.plan.replay == plan.replay;
        let mut change = Change::default();
        let mut kept: HashMap<(u16, u32), u32> = HashMap::new();
        for (index, device) in (0u32..).zip(&self.devices) {
            let group = &self.plan.groups[usize::from(device.group)];
            let mut places = (0u16..).zip(&plan.groups);
            let same = places.find(|(_, other)| other.id == group.id && other.numbers.contains(&device.number)).map(|(place, _)| place);
            match same {
                Some(place) if replays && group.is_like(&plan.groups[usize::from(place)]) => {
                    kept.insert((place, device.number), index);
                }
                Some(_) => {}
                None => change.removed.push(group.hub_device(device.number)),
            }
        }
        let Self { plan: former, ways, devices, schedule, sent, turns, tally, .. } = self;
        let same_bound = former.messages_per_second == plan.messages_per_second;
        let turns = if same_bound { turns } else { plan.messages_per_second.map(RateLimiter::per_second) };
        let mut fleet = Self { plan, ways, devices: Vec::new(), schedule: Schedule::default(), now, sent, turns, tally };
        let mut moved: HashMap<u32, u32> = HashMap::new();
        let places: Vec<_> = fleet.plan.places().collect();
        let (new, mut begun) = (places.len() - kept.len(), 0);
        for (place, number) in places {
            if let Some(&index) = kept.get(&(place, number)) {
                moved.insert(index, u32::try_from(fleet.devices.len()).expect("a fleet is bounded"));
                let mut device = devices[index as usize].clone();
                device.group = place;
                fleet.devices.push(device);
                continue;
            }
            let group = &fleet.plan.groups[usize::from(place)];
            let known = former.groups.iter().any(|other| other.id == group.id && other.numbers.contains(&number));
            let list = if known { &mut change.replaced } else { &mut change.added };
            list.push(group.hub_device(number));
            fleet.begin(place, number, now, (begun, new));
            begun += 1;
        }
        for entry in schedule.sorted() {
            if let Some(&device) = moved.get(&entry.device) {
                fleet.schedule.put(entry.due, entry.what, device);
            }
        }
        (fleet, change)
    }
}
