//! Why an event does not fit its format.

use std::fmt;

use crate::streams::quoted::quoted;

/// Why an event does not fit its format: the field, and what was met. Its text is one line of a bounded length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The path of the field, from the top of the schema; empty when the whole body is meant.
    field: String,
    problem: String,
}

impl Misfit {
    pub(super) fn of_body(problem: impl Into<String>) -> Self {
        Self { field: String::new(), problem: problem.into() }
    }

    pub(super) fn of_field(field: &str, problem: impl Into<String>) -> Self {
        Self::of_body(problem).within(field)
    }

    /// A field that may not be null, and has no value.
    pub(super) fn missing(field: &str) -> Self {
        Self::of_field(field, "has no value, and may not be null")
    }

    /// A text that is no value of the field's type.
    pub(super) fn unread(field: &str, text: &str, wanted: &str) -> Self {
        Self::of_field(field, format!("{} is no {wanted}", quoted(text)))
    }

    /// The same misfit of a part of this field.
    pub(super) fn within(mut self, field: &str) -> Self {
        /// A path that is longer tells nobody more.
        const SHOWN: usize = 400;
        if self.field.is_empty() {
            field.clone_into(&mut self.field);
        } else if self.field.len() < SHOWN {
            self.field = format!("{field}.{}", self.field);
        }
        self
    }

    /// The path of the field, from the top of the schema; empty when the whole body is meant.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            return f.write_str(&self.problem);
        }
        // A name of a schema may hold anything, line ends too.
        for c in self.field.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { fmt::Write::write_char(f, c)? }
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for Misfit {}
