use serde_json::{Map, Value};

use crate::mistakes::Node;

/// Where a value is in a record: the name of a member, or names joined by dots that lead through objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberPath(String);

impl MemberPath {
    /// The path that this text is, if it is one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_path = !text.is_empty() && !text.split('.').any(str::is_empty) && !text.chars().any(char::is_control);
        is_path.then(|| Self(text.to_owned()))
    }

    /// The path as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value in a record. A member whose own name holds dots goes before a path.
    #[must_use]
    pub fn of<'r>(&self, record: &'r Map<String, Value>) -> Option<&'r Value> {
        if let Some(value) = record.get(&self.0) {
            return Some(value);
        }
        let mut names = self.0.split('.');
        let first = record.get(names.next()?)?;
        names.try_fold(first, |value, name| value.as_object()?.get(name))
    }
}

/// Reads a path.
pub(super) fn read_path(node: &Node<'_>) -> Option<MemberPath> {
    MemberPath::new(node.text()?).or_else(|| node.wrong("must name a member of a record, or members joined by dots"))
}
