//! What has arrived from devices, and what must hold of it.

use std::collections::BTreeMap;

use headwater_core::ports::{Event, Timestamp};
use headwater_core::simulations::Moment;
use serde_json::Value;

/// A message that has arrived.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrived {
    pub(crate) headers: Vec<(String, String)>,
    /// `createdAt` in milliseconds.
    pub(crate) created: i64,
    pub(crate) body: String,
}

impl Arrived {
    pub(crate) fn n(&self) -> f64 {
        serde_json::from_str::<Value>(&self.body).unwrap()["n"].as_f64().unwrap_or_else(|| panic!("{}", self.body))
    }
}

/// A record of a target; its body as it stands there, digit by digit.
#[derive(serde::Deserialize)]
struct Record<'a> {
    #[serde(rename = "deviceId")]
    device: &'a str,
    #[serde(rename = "createdAt")]
    created: &'a str,
    #[serde(borrow)]
    body: &'a serde_json::value::RawValue,
}

/// All messages by their devices, in the order in which they arrived.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Seen(pub(crate) BTreeMap<String, Vec<Arrived>>);

impl Seen {
    pub(crate) fn of(events: impl Iterator<Item = Event>) -> Self {
        let mut seen = Self::default();
        for event in events {
            let headers: Vec<(String, String)> = event.headers.to_vec();
            let value = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone()).unwrap();
            let created = in_millis(&value("createdAt"));
            let body = String::from_utf8(event.body.to_vec()).unwrap();
            seen.0.entry(value("deviceId")).or_default().push(Arrived { headers, created, body });
        }
        seen
    }

    /// The records of a target.
    pub(crate) fn of_records(text: &str) -> Self {
        let mut seen = Self::default();
        for line in text.lines() {
            let record: Record<'_> = serde_json::from_str(line).unwrap();
            let arrived = Arrived { headers: Vec::new(), created: in_millis(record.created), body: record.body.to_string() };
            seen.0.entry(record.device.to_owned()).or_default().push(arrived);
        }
        seen
    }

    pub(crate) fn devices(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    pub(crate) fn total(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    pub(crate) fn bodies(&self, device: &str) -> Vec<&str> {
        self.0.get(device).into_iter().flatten().map(|arrived| arrived.body.as_str()).collect()
    }

    /// Checks that every device has sent at every moment of its grid since it began, once and in order, and that what it counts has
    /// never gone back.
    #[track_caller]
    pub(crate) fn is_whole(&self, interval: i64) {
        self.keeps_its_grid(interval);
        for device in self.devices() {
            self.is_whole_of(device, interval);
        }
    }

    /// The same of one device.
    #[track_caller]
    pub(crate) fn is_whole_of(&self, device: &str, interval: i64) {
        for pair in self.0[device].windows(2) {
            assert_eq!(pair[1].created - pair[0].created, interval, "{device}: {} is followed by {}", pair[0].body, pair[1].body);
        }
    }

    /// The same, where slots may have been passed over.
    #[track_caller]
    pub(crate) fn keeps_its_grid(&self, interval: i64) {
        for (device, arrived) in &self.0 {
            for pair in arrived.windows(2) {
                assert!(pair[0].created < pair[1].created, "{device}: {} comes before {}", pair[0].created, pair[1].created);
                assert_eq!((pair[1].created - pair[0].created) % interval, 0, "{device}: {} is off the grid", pair[1].created);
                assert!(pair[0].n() <= pair[1].n(), "{device}: {} goes back to {}", pair[0].body, pair[1].body);
            }
        }
    }
}

fn in_millis(text: &str) -> i64 {
    let (head, millis) = text.split_once('.').unwrap_or_else(|| panic!("{text} has no milliseconds"));
    let (millis, offset) = millis.split_at(3);
    let moment = Moment::parse(&format!("{head}{offset}"), Timestamp::from_millis(0)).unwrap().unwrap();
    moment.at.as_millis() + millis.parse::<i64>().unwrap()
}
