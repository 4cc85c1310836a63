//! Who uses a stream.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::ids::StreamName;
use crate::limits;
use crate::ports::PortError;

/// Kinds of programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProgramKind {
    /// Flows; tables are such.
    Flows,
    /// MapReduce.
    MapReduce,
    /// Services; simulations are such.
    Services,
    /// Spark.
    Spark,
    /// Workflows; datagen jobs are such.
    Workflows,
    /// Workers.
    Workers,
}

impl ProgramKind {
    const ALL: [(&'static str, &'static str, Self); 6] = [
        ("flows", "Flow", Self::Flows),
        ("mapreduce", "Mapreduce", Self::MapReduce),
        ("services", "Service", Self::Services),
        ("spark", "Spark", Self::Spark),
        ("workflows", "Workflow", Self::Workflows),
        ("workers", "Worker", Self::Workers),
    ];

    /// The kind that a path or a header names, such as `flows`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(plural, ..)| *plural == word).map(|(.., kind)| *kind)
    }

    /// The kind as lists of programs show it, such as `Flow`.
    #[must_use]
    pub fn shown(self) -> &'static str {
        Self::ALL.iter().find(|(.., kind)| *kind == self).map_or("", |(_, shown, _)| shown)
    }
}

/// A program that uses streams.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Program {
    /// The application that it belongs to.
    pub application: String,
    /// Its kind.
    pub kind: ProgramKind,
    /// Its name.
    pub name: String,
}

/// A text that names no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a program is named application/type/program with one of the types {}", ProgramKind::ALL.map(|(plural, ..)| plural).join(", "))]
pub struct ProgramError;

impl Program {
    /// Reads `application/type/program`.
    ///
    /// # Errors
    /// When the text is no such name.
    pub fn parse(text: &str) -> Result<Self, ProgramError> {
        let mut parts = text.split('/');
        let (Some(application), Some(kind), Some(name), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(ProgramError);
        };
        let plain = |text: &str| !text.is_empty() && text.len() <= limits::NAME_BYTES && !text.chars().any(char::is_control);
        match ProgramKind::parse(kind) {
            Some(kind) if plain(application) && plain(name) => {
                Ok(Self { application: application.to_owned(), kind, name: name.to_owned() })
            }
            _ => Err(ProgramError),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.application, self.kind.shown(), self.name)
    }
}

/// Whoever knows of programs that use streams: each group knows of its own.
#[async_trait]
pub trait StreamUsers: Send + Sync + fmt::Debug {
    /// All programs that use streams now, each with the stream that it uses.
    async fn uses(&self) -> Result<Vec<(StreamName, Program)>, PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_named_by_three_parts() {
        let program = Program::parse("shop/flows/clicks").unwrap();
        assert_eq!((program.application.as_str(), program.kind, program.name.as_str()), ("shop", ProgramKind::Flows, "clicks"));
        for bad in ["", "shop", "shop/flows", "shop/gizmos/p", "shop/flows/p/q", "//", "shop//p", "shop/Flows/p", "/flows/p", "shop/flows/"]
        {
            assert!(Program::parse(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(ProgramError.to_string().contains("workflows"));
    }
}
