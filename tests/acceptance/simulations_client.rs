//! Requests of the simulations API.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api_client::Api;
use crate::http::Answer;

/// The only simulation.
pub(crate) const ONE: &str = "/v1/simulations/1";

const JSON: (&str, &str) = ("content-type", "application/json");

/// A message that has arrived in the stream of the local hub: when it was due, in milliseconds, and its body.
pub(crate) type Message = (i64, Value);

/// Devices that count their ticks in `n`, and say so each second.
pub(crate) fn counting(id: &str, count: u32) -> Value {
    let schema = json!({"Name": "count;v1", "Format": "JSON", "Fields": {"n": "double"}});
    json!({"Id": id, "Count": count, "Override": {
        "Simulation": {"Interval": "00:00:01", "InitialState": {"n": 0}, "Scripts": [
            {"Type": "internal", "Path": "Math.Increasing", "Params": {"n": {"Min": 0, "Max": 1_000_000, "Step": 1}}}]},
        "Telemetry": [{"Interval": "00:00:01", "MessageTemplate": "{\"n\":${n}}", "MessageSchema": schema}],
    }})
}

impl Api {
    #[track_caller]
    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[JSON], body.to_string().as_bytes())
    }

    /// Makes the simulation, or puts this in its place; what is shown of it then.
    #[track_caller]
    pub(crate) fn simulate(&self, body: Value) -> Value {
        let mut body = body;
        body["ETag"] = "*".into();
        let answer = self.put(ONE, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Enables or disables the simulation; what is shown of it then.
    #[track_caller]
    pub(crate) fn enable(&self, enabled: bool) -> Value {
        let body = json!({"ETag": self.simulation()["ETag"], "Enabled": enabled});
        let answer = self.send("PATCH", ONE, &[JSON], body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    #[track_caller]
    pub(crate) fn simulation(&self) -> Value {
        let answer = self.get(ONE);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Waits until the simulation is shown as wanted.
    #[track_caller]
    pub(crate) fn wait_simulation(&self, what: &str, at_most: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = std::time::Instant::now();
        loop {
            let shown = self.simulation();
            if wanted(&shown) {
                return shown;
            }
            assert!(began.elapsed() < at_most, "waited {at_most:?} in vain for {what}: {shown}\n{}", self.complaints());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Uploads a file in the part `file` of a form.
    #[track_caller]
    pub(crate) fn upload(&self, path: &str, name: &str, kind: &str, content: &str) -> Answer {
        let body = format!(
            "--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n{content}\r\n--limit--\r\n"
        );
        self.send("POST", path, &[("content-type", "multipart/form-data; boundary=limit")], body.as_bytes())
    }

    /// Uploads a script; its id.
    #[track_caller]
    pub(crate) fn upload_script(&self, name: &str, content: &str) -> String {
        let answer = self.upload("/v1/devicemodelscripts", name, "text/javascript", content);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        answer.json()["Id"].as_str().expect("a script has an id").to_owned()
    }

    /// What has arrived in the stream of the local hub, by device.
    pub(crate) fn messages(&self) -> BTreeMap<String, Vec<Message>> {
        let mut devices: BTreeMap<String, Vec<Message>> = BTreeMap::new();
        for event in self.events("devices") {
            let header = |name: &str| event.headers[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", event.headers)).to_owned();
            let created: jiff::Timestamp = header("createdAt").parse().expect("createdAt is a moment");
            let body = serde_json::from_str(&event.body).unwrap_or_else(|error| panic!("{error}: {}", event.body));
            devices.entry(header("deviceId")).or_default().push((created.as_millisecond(), body));
        }
        devices
    }
}

/// Checks that a device has sent at every moment of a grid of seconds, once and in order, and that its count has never gone back.
#[track_caller]
pub(crate) fn assert_whole(device: &str, messages: &[Message]) {
    for pair in messages.windows(2) {
        let ((before, count), (now, next)) = (&pair[0], &pair[1]);
        assert_eq!(now - before, 1000, "{device}: {before} {count} is followed by {now} {next}");
        assert!(count["n"].as_f64() <= next["n"].as_f64(), "{device}: {count} goes back to {next}");
    }
}
