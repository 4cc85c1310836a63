//! `mosquitto_sub`, a client that is not ours, hears what arrives at a broker.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::component::Component;
use crate::waiting::seconds;

/// A message, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) topic: String,
    pub(crate) payload: String,
    /// When it came, in milliseconds since 1970.
    pub(crate) at: i64,
}

/// Hears topics from the moment it is made.
pub(crate) struct Listener {
    client: Client,
    messages: Receiver<Heard>,
}

/// What listens; it ends when this is dropped, and after it the messages do.
pub(crate) struct Client(Child);

impl Listener {
    /// Listens at the port for everybody.
    pub(crate) fn new(broker: &Component, filter: &str) -> Self {
        let (port, ready) = (broker.setting("MQTT_PLAIN"), format!("ready/{}", filter.replace(['+', '/', '#', '$'], "_")));
        // What is retained comes as soon as the subscription is in force.
        assert!(publish_with(port, &ready, "ready", &["-r"]), "the broker takes messages");
        let mut client = Command::new("mosquitto_sub");
        let client = client.args(["-h", "127.0.0.1", "-p", port, "-q", "1", "-F", "%t %p", "-t", filter, "-t", &ready]);
        let mut child = client.stdout(Stdio::piped()).spawn().expect("mosquitto_sub is installed");
        let (sender, messages) = channel();
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
        std::thread::spawn(move || {
            lines.try_for_each(|line| {
                let (topic, payload) = line.split_once(' ').expect("a topic and a payload");
                let at = jiff::Timestamp::now().as_millisecond();
                sender.send(Heard { topic: topic.to_owned(), payload: payload.to_owned(), at })
            })
        });
        let listener = Self { client: Client(child), messages };
        assert_eq!(listener.next().topic, ready);
        listener
    }

    /// The next message.
    #[track_caller]
    pub(crate) fn next(&self) -> Heard {
        self.messages.recv_timeout(seconds(30)).expect("a message comes in time")
    }

    /// For somebody who hears in a thread of their own: what listens, and what it hears.
    pub(crate) fn into_parts(self) -> (Client, Receiver<Heard>) {
        (self.client, self.messages)
    }

    /// All that has come since anybody looked.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.messages.try_iter().collect()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Publishes at a port that is for everybody; answers whether the broker took it.
pub(crate) fn publish(port: &str, topic: &str, payload: &str) -> bool {
    publish_with(port, topic, payload, &[])
}

fn publish_with(port: &str, topic: &str, payload: &str, options: &[&str]) -> bool {
    let mut client = Command::new("mosquitto_pub");
    client.args(["-h", "127.0.0.1", "-p", port, "-q", "1", "-t", topic, "-m", payload]).args(options);
    client.status().expect("mosquitto_pub is installed").success()
}
