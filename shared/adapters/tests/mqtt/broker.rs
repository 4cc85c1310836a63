//! Mosquitto, and its own clients as the hub behind it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// Held for reading by tests that need the broker to be there, for writing by those that stop it.
static BROKER: RwLock<()> = RwLock::new(());

/// The broker of `tests/run`.
pub(crate) struct Broker<Guard> {
    folder: PathBuf,
    settings: BTreeMap<String, String>,
    _guard: Guard,
}

pub(crate) fn broker() -> Broker<RwLockReadGuard<'static, ()>> {
    Broker::with(BROKER.read().unwrap_or_else(PoisonError::into_inner))
}

/// The broker, and no other test that uses it.
pub(crate) fn broker_alone() -> Broker<RwLockWriteGuard<'static, ()>> {
    Broker::with(BROKER.write().unwrap_or_else(PoisonError::into_inner))
}

impl<Guard> Broker<Guard> {
    fn with(guard: Guard) -> Self {
        let folder = std::env::var_os("MOSQUITTO_DIR").map(PathBuf::from);
        let folder =
            folder.expect("MOSQUITTO_DIR names no folder: `tests/run` starts Mosquitto, or `tests/components/mosquitto start DIR`");
        let settings = std::fs::read_to_string(folder.join("env")).expect("MOSQUITTO_DIR/env is there once Mosquitto runs");
        let settings = settings.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { folder, settings: settings.collect(), _guard: guard }
    }

    pub(crate) fn setting(&self, name: &str) -> &str {
        self.settings.get(name).unwrap_or_else(|| panic!("MOSQUITTO_DIR/env has no {name}"))
    }

    pub(crate) fn port(&self, name: &str) -> u16 {
        self.setting(name).parse().expect("a port is a number")
    }

    pub(crate) fn component(&self, command: &str) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/components/mosquitto");
        let status = Command::new(script).arg(command).arg(&self.folder).status().expect("the component can be run");
        assert!(status.success(), "mosquitto {command}: {status}");
    }

    /// What the broker says about its connections.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).expect("the broker keeps a log")
    }

    pub(crate) fn publish(&self, topic: &str, payload: &str) {
        self.publish_with(topic, payload, &[]);
    }

    fn publish_with(&self, topic: &str, payload: &str, options: &[&str]) {
        let mut client = Command::new("mosquitto_pub");
        client.args(["-h", "127.0.0.1", "-p", self.setting("MQTT_PLAIN"), "-q", "1", "-t", topic]).args(options);
        if payload.is_empty() {
            client.arg("-n")
        } else {
            client.args(["-m", payload])
        };
        assert!(client.status().expect("mosquitto_pub is installed").success());
    }

    /// Begins to listen to topics; returns once the broker delivers.
    pub(crate) async fn listen(&self, filter: &str) -> Listener {
        let ready = format!("ready/{}/{filter}", std::process::id()).replace(['#', '+', '$'], "_");
        self.publish_with(&ready, "yes", &["-r"]);
        let mut client = Command::new("mosquitto_sub");
        client.args(["-h", "127.0.0.1", "-p", self.setting("MQTT_PLAIN"), "-q", "1", "-F", "%q\t%t\t%p", "-t", filter, "-t", &ready]);
        let mut child = client.stdout(Stdio::piped()).spawn().expect("mosquitto_sub is installed");
        let (sender, lines) = unbounded_channel();
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut listener = Listener { child, lines };
        assert_eq!(listener.next().await.topic, ready);
        listener
    }
}

/// A message, as a subscriber gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) quality: String,
    pub(crate) topic: String,
    pub(crate) payload: String,
}

/// Somebody who listens.
pub(crate) struct Listener {
    child: Child,
    lines: UnboundedReceiver<String>,
}

impl Listener {
    pub(crate) async fn next(&mut self) -> Heard {
        let line = timeout(Duration::from_secs(20), self.lines.recv()).await.expect("a message comes in time").expect("the listener lives");
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        let mut part = || parts.next().expect("three parts");
        Heard { quality: part(), topic: part(), payload: part() }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
