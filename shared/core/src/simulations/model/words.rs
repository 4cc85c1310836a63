//! The words of device models: read in any case, shown in one spelling.

use super::{FieldType, MessageFormat, Protocol};

/// A word for each value of an enumeration.
pub trait Word: Copy + PartialEq + 'static {
    /// Every value with its word.
    const WORDS: &'static [(Self, &'static str)];

    /// The value that a word means, in letters of either case.
    fn read(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| known.eq_ignore_ascii_case(word.trim())).map(|(value, _)| *value)
    }

    /// The word for this value.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(value, _)| *value == self).map_or("", |(_, word)| word)
    }

    /// All words, for messages.
    fn known() -> String {
        Self::WORDS.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
    }
}

impl Word for Protocol {
    const WORDS: &'static [(Self, &'static str)] = &[(Self::Amqp, "AMQP"), (Self::Mqtt, "MQTT"), (Self::Http, "HTTP")];
}

impl Word for MessageFormat {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Binary, "Binary"), (Self::Text, "Text"), (Self::Json, "JSON"), (Self::Protobuf, "Protobuf")];
}

impl Word for FieldType {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Object, "Object"),
        (Self::Binary, "Binary"),
        (Self::Text, "Text"),
        (Self::Boolean, "Boolean"),
        (Self::Integer, "Integer"),
        (Self::Double, "Double"),
        (Self::DateTime, "DateTime"),
    ];
}
