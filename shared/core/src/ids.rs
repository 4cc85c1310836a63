//! Names and identifiers: parsed once at the edge into types that cannot hold a dangerous one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits;

/// A text that is not a name of the wanted kind; the message says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(String);

macro_rules! text_type {
    ($type:ident) => {
        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::check(&text).map_err(NameError)?;
                Ok(Self(text))
            }
        }

        impl TryFrom<&str> for $type {
            type Error = NameError;

            fn try_from(text: &str) -> Result<Self, NameError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
    };
}

/// A job's name: 1 to [`limits::NAME_BYTES`] bytes of any text without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobName(String);

impl JobName {
    fn check(text: &str) -> Result<(), String> {
        if text.is_empty() {
            return Err("must not be empty".to_owned());
        }
        if text.len() > limits::NAME_BYTES {
            return Err(format!("has {} bytes, at most {} are allowed", text.len(), limits::NAME_BYTES));
        }
        if text.chars().any(char::is_control) {
            return Err("must not hold control characters".to_owned());
        }
        Ok(())
    }
}
text_type!(JobName);

/// The name of a file below the files folder: segments joined by `/`, none of them empty, `.` or `..`, without
/// backslashes, colons at the start or control characters. It cannot leave the folder on any file system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    fn check(text: &str) -> Result<(), String> {
        check_relative_path(text)?;
        if let Some(long) = text.split('/').find(|segment| segment.len() > limits::FILE_NAME_BYTES) {
            return Err(format!("has a part of {} bytes, at most {} are allowed", long.len(), limits::FILE_NAME_BYTES));
        }
        Ok(())
    }

    /// The file that a target's `path` means: only the part after the last `/` counts (the original's rule).
    ///
    /// # Errors
    /// When nothing usable is left: an empty path, `..`, or one that ends in `/`.
    pub fn base_of(path: &str) -> Result<Self, NameError> {
        Self::try_from(path.rsplit('/').next().unwrap_or_default())
    }
}
text_type!(FileName);

/// The name of a specification as `/list` shows it: a relative path, `/`-separated, ending in `.json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpecName(String);

impl SpecName {
    fn check(text: &str) -> Result<(), String> {
        check_relative_path(text)?;
        if std::path::Path::new(text).extension().is_none_or(|extension| extension != "json") {
            return Err("is not a name of the list: those end in .json".to_owned());
        }
        Ok(())
    }
}
text_type!(SpecName);

/// The name of a data file that a replay reads: a relative path like [`SpecName`], whatever its ending.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceName(String);

impl SourceName {
    fn check(text: &str) -> Result<(), String> {
        check_relative_path(text)
    }
}
text_type!(SourceName);

/// Identifies one launch of background work. Made by us, never by a user: `[a-z0-9-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(String);

impl TaskId {
    fn check(text: &str) -> Result<(), String> {
        if text.is_empty() || text.len() > 64 || !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err("is not a task id".to_owned());
        }
        Ok(())
    }

    /// A new id from 64 unpredictable bits.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(format!("{bits:016x}"))
    }
}
text_type!(TaskId);

/// A table's name: 1 to [`limits::NAME_BYTES`] bytes of any text without `/` and control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName(String);

impl TableName {
    fn check(text: &str) -> Result<(), String> {
        if text.contains('/') {
            return Err("must not hold a /".to_owned());
        }
        JobName::check(text)
    }
}
text_type!(TableName);

/// The id of a namespace of streams: 1 to [`limits::NAME_BYTES`] of `[A-Za-z0-9_]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamespaceId(String);

impl NamespaceId {
    fn check(text: &str) -> Result<(), String> {
        check_letters(text, "ASCII letters, digits and _", |b| b.is_ascii_alphanumeric() || b == b'_')
    }
}
text_type!(NamespaceId);

/// The id of a stream, or of a view of one: 1 to [`limits::NAME_BYTES`] of `[A-Za-z0-9_-]`. Upper and lower case differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamId(String);

impl StreamId {
    fn check(text: &str) -> Result<(), String> {
        check_letters(text, "ASCII letters, digits, _ and -", |b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    }
}
text_type!(StreamId);

/// A stream: a namespace, and an id in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamName {
    /// The namespace.
    pub namespace: NamespaceId,
    /// The id.
    pub stream: StreamId,
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream:{}.{}", self.namespace, self.stream)
    }
}

fn check_letters(text: &str, allowed: &str, is_allowed: impl Fn(u8) -> bool) -> Result<(), String> {
    if text.is_empty() || !text.bytes().all(is_allowed) {
        return Err(format!("must be one or more {allowed}, not {text:?}"));
    }
    if text.len() > limits::NAME_BYTES {
        return Err(format!("has {} bytes, at most {} are allowed", text.len(), limits::NAME_BYTES));
    }
    Ok(())
}

fn check_relative_path(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.len() > limits::PATH_BYTES {
        return Err(format!("has {} bytes, at most {} are allowed", text.len(), limits::PATH_BYTES));
    }
    if text.chars().any(|c| c.is_control() || c == '\\') {
        return Err("must not hold control characters or backslashes".to_owned());
    }
    for segment in text.split('/') {
        if matches!(segment, "" | "." | "..") {
            return Err(format!("must be a plain relative path; {segment:?} is not allowed in it"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_name_leaves_its_folder() {
        for bad in ["", ".", "..", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "a\\..\\b", "a\0b", "a\nb", &"x".repeat(256)] {
            assert!(FileName::try_from(bad).is_err(), "{bad:?} was accepted");
        }
        for good in ["a.json", "sub/a.json", "...", "a b", "é☕.json", "..a"] {
            assert!(FileName::try_from(good).is_ok(), "{good:?} was refused");
        }
    }

    #[test]
    fn only_the_base_name_of_a_path_counts() {
        assert_eq!(FileName::base_of("/files/some/k.json").unwrap().as_str(), "k.json");
        assert_eq!(FileName::base_of("../../k.json").unwrap().as_str(), "k.json");
        for bad in ["", "..", ".", "x/", "/", "a/..", "a\0b"] {
            assert!(FileName::base_of(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
