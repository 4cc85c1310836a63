//! Reading JSON that a person wrote: every member is asked for with its type, and every mistake is noted with its path
//! (`emitters[0].dimensions[3].distribution.max`) instead of ending the reading, so that all are reported at once.

use std::cell::RefCell;
use std::fmt;

use serde_json::{Map, Value};

use crate::limits;

mod lenient;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Path of the member, from the top of the document; empty for the document itself.
    pub path: String,
    /// What is wrong with it, without a full stop.
    pub problem: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.path, self.problem) }
    }
}

impl Mistake {
    /// A mistake at a path.
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }
}

/// All that is wrong with a document; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// A single mistake.
    pub fn one(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self(vec![Mistake { path: path.into(), problem: problem.into() }])
    }

    /// These mistakes and then those.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// The mistakes in the order in which they were met.
    #[must_use]
    pub fn as_slice(&self) -> &[Mistake] {
        &self.0
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            write!(f, "{}{mistake}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

/// Where the mistakes of one reading are collected.
#[derive(Debug, Default)]
pub struct Findings(RefCell<Vec<Mistake>>);

impl Findings {
    /// Notes a mistake; the same one is not noted twice.
    pub fn note(&self, path: impl Into<String>, problem: impl Into<String>) {
        let mut found = self.0.borrow_mut();
        let mistake = Mistake { path: path.into(), problem: problem.into() };
        if found.len() < limits::MISTAKES && !found.contains(&mistake) {
            found.push(mistake);
        }
    }

    /// How many have been noted so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// The value if nothing was noted, otherwise what was.
    ///
    /// # Errors
    /// The mistakes, when there are any; also when there is no value, which a reader must have noted the reason of.
    ///
    /// # Panics
    /// When there is neither a value nor a mistake: a reader that gave up without saying why.
    pub fn conclude<T>(self, value: Option<T>) -> Result<T, Mistakes> {
        let found = self.0.into_inner();
        match value {
            Some(value) if found.is_empty() => Ok(value),
            _ => {
                assert!(!found.is_empty(), "a reader gave up without noting a mistake");
                Err(Mistakes(found))
            }
        }
    }
}

/// A JSON value with its path and the place where mistakes are noted.
#[derive(Clone)]
pub struct Node<'a> {
    value: &'a Value,
    path: String,
    findings: &'a Findings,
}

impl<'a> Node<'a> {
    /// The top of a document; `path` is put before all others (empty, or the member that held the document).
    pub fn top(value: &'a Value, path: impl Into<String>, findings: &'a Findings) -> Self {
        Self { value, path: path.into(), findings }
    }

    /// The raw value.
    #[must_use]
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// The path of this value.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Notes a mistake in this value; answers `None`, so that a reader can return it.
    pub fn wrong<T>(&self, problem: impl Into<String>) -> Option<T> {
        self.findings.note(self.path.clone(), problem);
        None
    }

    /// Where this reading's mistakes are collected.
    #[must_use]
    pub fn findings(&self) -> &'a Findings {
        self.findings
    }

    fn at(&self, member: &str) -> String {
        if self.path.is_empty() { member.to_owned() } else { format!("{}.{member}", self.path) }
    }

    fn members(&self) -> Option<&'a Map<String, Value>> {
        self.value.as_object()
    }

    /// Whether this is an object; notes a mistake otherwise.
    pub fn expect_object(&self) -> Option<()> {
        if self.value.is_object() { Some(()) } else { self.wrong(format!("must be an object, not {}", kind_of(self.value))) }
    }

    /// The member, if it is there. JSON `null` is there.
    #[must_use]
    pub fn get(&self, member: &str) -> Option<Node<'a>> {
        let value = self.members()?.get(member)?;
        Some(Node { value, path: self.at(member), findings: self.findings })
    }

    /// The member, if it is there and not `null`.
    #[must_use]
    pub fn optional(&self, member: &str) -> Option<Node<'a>> {
        self.get(member).filter(|node| !node.value.is_null())
    }

    /// The member; notes a mistake when it is missing.
    pub fn required(&self, member: &str) -> Option<Node<'a>> {
        self.expect_object()?;
        self.get(member).or_else(|| {
            self.findings.note(self.at(member), "is required");
            None
        })
    }

    /// This value as a text.
    pub fn text(&self) -> Option<&'a str> {
        self.value.as_str().or_else(|| self.wrong(format!("must be a text, not {}", kind_of(self.value))))
    }

    /// This value as a finite number.
    pub fn number(&self) -> Option<f64> {
        match self.value.as_f64() {
            Some(number) if number.is_finite() => Some(number),
            _ => self.wrong(format!("must be a number, not {}", kind_of(self.value))),
        }
    }

    /// This value as an integer; `2.0` counts as one.
    pub fn integer(&self) -> Option<i64> {
        if let Some(integer) = self.value.as_i64() {
            return Some(integer);
        }
        match self.value.as_f64() {
            Some(number) if number.fract() == 0.0 && number.abs() < 9e15 =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
                Some(number as i64)
            }
            _ => self.wrong(format!("must be an integer, not {}", shown(self.value))),
        }
    }

    /// This value as an integer within bounds, both inclusive.
    pub fn integer_within(&self, least: i64, most: i64) -> Option<i64> {
        let integer = self.integer()?;
        if (least..=most).contains(&integer) {
            return Some(integer);
        }
        self.wrong(if most == i64::MAX {
            format!("must be at least {least}, not {integer}")
        } else {
            format!("must be from {least} to {most}, not {integer}")
        })
    }

    /// The elements of this value, which must be an array.
    pub fn elements(&self) -> Option<Vec<Node<'a>>> {
        let Some(array) = self.value.as_array() else {
            return self.wrong(format!("must be an array, not {}", kind_of(self.value)));
        };
        let node = |(i, value)| Node { value, path: format!("{}[{i}]", self.path), findings: self.findings };
        Some(array.iter().enumerate().map(node).collect())
    }
}

/// The kind of a JSON value with its article, for messages.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        other => kind_of(other).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_mistake_is_noted_with_its_path() {
        let document = json!({"a": [{"b": "x"}, {"b": 1.5}], "c": null});
        let findings = Findings::default();
        let top = Node::top(&document, "", &findings);
        for element in top.required("a").unwrap().elements().unwrap() {
            let _ = element.required("b").and_then(|b| b.integer());
        }
        let _ = top.required("d");
        assert!(top.optional("c").is_none());
        let mistakes = findings.conclude(Some(())).unwrap_err();
        assert_eq!(mistakes.to_string(), "a[0].b: must be an integer, not a text; a[1].b: must be an integer, not 1.5; d: is required");
    }
}
