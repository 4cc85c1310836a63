//! A hub of Azure's kind: Mosquitto with TLS for the devices, a registry of the tests' own, and twins that take what is reported.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use headwater_tests::registry_service::{RegistryService, connection_string, key};
use serde_json::{Map, Value};

use crate::component::Own;
use crate::listener::{Client, Heard, Listener, publish};
use crate::server::{Home, Server};

const REPORTED: &str = "$iothub/twin/PATCH/properties/reported/?$rid=";

/// A hub, which ends with its test.
pub(crate) struct Hub {
    pub(crate) broker: Own,
    pub(crate) registry: RegistryService,
    reported: Arc<Mutex<Vec<Map<String, Value>>>>,
    /// Hears what is reported, as long as the hub is there.
    twins: Option<Client>,
    _runtime: tokio::runtime::Runtime,
}

/// What a device has told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) device: String,
    /// The properties of the message, as its topic has them.
    pub(crate) properties: String,
    pub(crate) body: Value,
    /// When it was due, in milliseconds since 1970.
    pub(crate) created: i64,
    /// When it came.
    pub(crate) at: i64,
}

impl Hub {
    /// A hub whose twins take all reports.
    pub(crate) fn new() -> Self {
        let mut hub = Self::without_twins();
        let twins = Listener::new(&hub.broker, &format!("{}#", REPORTED.trim_end_matches("?$rid=")));
        let (client, reports) = twins.into_parts();
        hub.twins = Some(client);
        let (reported, plain) = (Arc::clone(&hub.reported), hub.broker.setting("MQTT_PLAIN").to_owned());
        std::thread::spawn(move || {
            for Heard { topic, payload, .. } in reports {
                let request = topic.strip_prefix(REPORTED).expect("a report has a number");
                let report = serde_json::from_str(&payload).expect("a report is an object");
                reported.lock().expect("no test panics while it holds them").push(report);
                let _ = publish(&plain, &format!("$iothub/twin/res/204/?$rid={request}&$version=2"), ""); // Some tests kill the broker.
            }
        });
        hub
    }

    /// A hub that never answers a report.
    pub(crate) fn without_twins() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime can be made");
        let registry = runtime.block_on(RegistryService::start());
        Self { broker: Own::start("mosquitto"), registry, reported: Arc::default(), twins: None, _runtime: runtime }
    }

    /// How a simulation names it.
    pub(crate) fn connection(&self) -> String {
        connection_string(&key())
    }

    /// Starts a server that knows where the hub is.
    pub(crate) fn serve(&self, home: &Home) -> Server {
        let mut command = home.command(&[]);
        command.env("RUST_LOG", "info,headwater_adapters=debug,headwater_core=debug");
        command.env("HEADWATER_IOTHUB_CA_FILE", self.broker.setting("MQTT_CA"));
        command.env("HEADWATER_IOTHUB_MQTT_PORT", self.broker.setting("MQTT_TLS"));
        command.env("HEADWATER_IOTHUB_HTTPS_URL", &self.registry.base);
        Server::spawn(command, home.path())
    }

    /// Calls a method of all devices: a broker, unlike a hub, shows each what is meant for one.
    pub(crate) fn call(&self, method: &str, request: &str, payload: &str) {
        let topic = format!("$iothub/methods/POST/{method}/?$rid={request}");
        assert!(publish(self.broker.setting("MQTT_PLAIN"), &topic, payload), "the broker takes calls");
    }

    /// Hears what devices tell from now on.
    pub(crate) fn listen(&self) -> Listener {
        Listener::new(&self.broker, "devices/#")
    }

    /// The devices that are registered.
    pub(crate) fn devices(&self) -> BTreeSet<String> {
        self.registry.held().devices.keys().cloned().collect()
    }

    /// All values that were reported of a property, in order.
    pub(crate) fn reported(&self, property: &str) -> Vec<String> {
        let reported = self.reported.lock().expect("no test panics while it holds them");
        reported.iter().filter_map(|report| report.get(property)?.as_str().map(str::to_owned)).collect()
    }

    /// How often a device has been connected.
    pub(crate) fn connections(&self, device: &str) -> usize {
        let word = format!(" as {device} ");
        self.broker.log().lines().filter(|line| line.contains("New client connected") && line.contains(&word)).count()
    }
}

impl Told {
    pub(crate) fn of(heard: &Heard) -> Self {
        let (device, properties) = heard.topic.strip_prefix("devices/").and_then(|rest| rest.split_once("/messages/events/")).unwrap();
        let created = properties.split('&').find_map(|property| property.strip_prefix("%24.ctime=")).expect("a message has its time");
        let created: jiff::Timestamp = created.replace("%3A", ":").parse().expect("a time");
        Self {
            device: device.to_owned(),
            properties: properties.to_owned(),
            body: serde_json::from_str(&heard.payload).expect("messages are JSON here"),
            created: created.as_millisecond(),
            at: heard.at,
        }
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        self.body[name].as_f64().unwrap_or_else(|| panic!("no {name} in {}", self.body))
    }
}
