use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::mistakes::Node;

/// The members of a record whose values, one after the other without a separator, make its key. None: no key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyFields(Vec<String>);

impl KeyFields {
    /// Reads a member of a target that is an array of names of a record's members.
    pub(super) fn read(target: &Node<'_>, member: &str) -> Option<Self> {
        let Some(member) = target.optional(member) else { return Some(Self::default()) };
        let names: Vec<_> = member.elements()?.iter().map(Node::text).collect();
        Some(Self(names.into_iter().map(|name| name.map(str::to_owned)).collect::<Option<_>>()?))
    }

    /// The names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// The key of a record: texts as they are, other values as their JSON, `null` and what is absent as nothing.
    /// `None` when no members are named.
    #[must_use]
    pub fn of(&self, record: &[u8]) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        Some(members(record, &self.0).concat())
    }
}

/// The values of a record's members: texts as they are, other values as their JSON, `null` and what is absent as nothing.
pub(super) fn members(record: &[u8], names: &[String]) -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = vec![Vec::new(); names.len()];
    let mut deserializer = serde_json::Deserializer::from_slice(record);
    // Records come from the renderer, which writes JSON objects only; anything else has no members.
    let _ = deserializer.deserialize_map(Members { names, parts: &mut parts });
    parts
}

struct Members<'a> {
    names: &'a [String],
    parts: &'a mut [Vec<u8>],
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(member) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if !self.names.iter().any(|name| *name == member) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value::<&RawValue>()?.get();
            let text = match value.as_bytes().first() {
                Some(b'"') => serde_json::from_str::<String>(value).unwrap_or_default().into_bytes(),
                Some(b'n') => Vec::new(),
                _ => value.as_bytes().to_vec(),
            };
            for (name, part) in self.names.iter().zip(self.parts.iter_mut()) {
                if *name == member {
                    part.clone_from(&text);
                }
            }
        }
        Ok(())
    }
}
