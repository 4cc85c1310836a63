use super::http::read_address;
use super::key::members;
use super::{Target, filled_text, optional_text};
use crate::mistakes::Node;
use crate::secret::Secret;

/// Topics of an MQTT broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttTarget {
    /// `mqtt://` or `mqtts://`, with user and password if the broker asks for them.
    pub url: Secret,
    /// Where records are published.
    pub topic: TopicTemplate,
    /// PEM file with authorities to trust beside the system's.
    pub ca_location: Option<String>,
}

/// A topic, with values of the record in it: `{name}` stands for the value of the member of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicTemplate {
    /// What stands between the values; one more than there are values.
    between: Vec<String>,
    names: Vec<String>,
}

impl TopicTemplate {
    /// The topic of a record. Texts are put in as they are, other values as their JSON, `null` and what is absent as nothing; in place of
    /// characters that mean something in a topic (`/`, `+`, `#`) there is `_`.
    #[must_use]
    pub fn of(&self, record: &[u8]) -> String {
        let mut topic = self.between[0].clone();
        if self.names.is_empty() {
            return topic;
        }
        for (value, text) in members(record, &self.names).iter().zip(&self.between[1..]) {
            let value = String::from_utf8_lossy(value);
            topic.extend(value.chars().map(|c| if matches!(c, '/' | '+' | '#') || c.is_control() { '_' } else { c }));
            topic.push_str(text);
        }
        topic
    }

    /// Reads a template: no wildcards, and every `{` has its `}`.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (mut between, mut names, mut rest) = (Vec::new(), Vec::new(), text);
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, after) = behind.split_once('}').ok_or("has a { without its }")?;
            if name.is_empty() {
                return Err("has {} where {name} is wanted");
            }
            between.push(before.to_owned());
            names.push(name.to_owned());
            rest = after;
        }
        between.push(rest.to_owned());
        let wild = between.iter().any(|text| text.contains(['+', '#']) || text.chars().any(char::is_control));
        // What begins so belongs to the broker itself.
        if wild || text.starts_with('$') {
            return Err("must be a topic to publish to: no + and #, no control characters, and no $ at its beginning");
        }
        Ok(Self { between, names })
    }
}

pub(super) fn read(node: &Node<'_>) -> Option<Target> {
    let url = read_address(node, "url", &["mqtt://", "mqtts://"], "must be an mqtt:// or mqtts:// address");
    let topic = filled_text(node, "topic").and_then(|text| match TopicTemplate::parse(&text) {
        Ok(topic) if text.len() <= LONGEST_TOPIC => Some(topic),
        Ok(_) => node.get("topic")?.wrong(format!("has {} bytes, at most {LONGEST_TOPIC} are allowed", text.len())),
        Err(problem) => node.get("topic")?.wrong(problem),
    });
    let ca_location = optional_text(node, "ssl_cafile").ok();
    Some(Target::Mqtt(MqttTarget { url: Secret::new(url?), topic: topic?, ca_location: ca_location? }))
}

/// Longest topic in bytes: those of MQTT have at most 65,535, and values come in.
const LONGEST_TOPIC: usize = 4096;
