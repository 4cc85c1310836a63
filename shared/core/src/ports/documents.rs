use std::fmt::{self, Debug};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::PortError;
use crate::limits;

/// The name of a document: segments of `[A-Za-z0-9._~%-]` joined by `/`, none of them empty, `.` or `..`.
///
/// Text that comes from outside goes in through [`Key::child`], which percent-encodes it, so that any text makes
/// exactly one safe segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

/// A text that cannot be part of a [`Key`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key of {length} bytes is longer than {} bytes", limits::KEY_BYTES)]
pub struct KeyError {
    /// Length the key would have, in bytes.
    pub length: usize,
}

impl Key {
    /// A key of fixed segments known to the program, such as `datagen/jobs`.
    #[must_use]
    pub fn root(segments: &'static str) -> Self {
        debug_assert!(segments.split('/').all(is_plain_segment), "{segments} is not a key");
        Self(segments.to_owned())
    }

    /// This key with one more segment holding `text`, percent-encoded where needed.
    ///
    /// # Errors
    /// When the key would be longer than [`limits::KEY_BYTES`].
    pub fn child(&self, text: &str) -> Result<Self, KeyError> {
        use fmt::Write as _;
        let mut key = format!("{}/", self.0);
        let dots = text.chars().all(|c| c == '.');
        for byte in text.bytes() {
            match byte {
                b'.' if !dots => key.push('.'),
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'~' | b'-' => key.push(char::from(byte)),
                _ => write!(key, "%{byte:02X}").expect("writing to a string cannot fail"),
            }
        }
        if text.is_empty() {
            key.push_str("%00"); // An empty text needs a segment too, and no other text encodes to this one alone…
            key.push_str("empty"); // …followed by these letters unless it holds a NUL, which names never do.
        }
        if key.len() > limits::KEY_BYTES {
            return Err(KeyError { length: key.len() });
        }
        Ok(Self(key))
    }

    /// The key as text, for adapters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key read back from a store's own listing.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
}

fn is_plain_segment(segment: &str) -> bool {
    !segment.is_empty() && !matches!(segment, "." | "..") && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~%-".contains(&b))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The version of a document. Two writes never have the same etag, even when they store the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Etag(String);

impl Etag {
    /// An etag in the store's own form.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The etag as the store writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Any,
    /// No document has this key.
    Absent,
    /// The document is there and still has this etag.
    Match(Etag),
}

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its bytes, JSON unless the writer says otherwise.
    pub body: Bytes,
    /// Its version.
    pub etag: Etag,
}

/// A line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The document's key.
    pub key: Key,
    /// Its version.
    pub etag: Etag,
}

/// Small documents under keys, with conditional writes.
///
/// A write that has returned is durable and seen by every later read. Concurrent writes under the same condition: exactly
/// one wins, the others get [`PortError::Conflict`].
#[async_trait]
pub trait Documents: Send + Sync + Debug {
    /// The document, or `None`.
    async fn get(&self, key: &Key) -> Result<Option<Document>, PortError>;

    /// Writes the whole document if the condition holds and answers its new etag.
    async fn put(&self, key: &Key, body: Bytes, condition: Condition) -> Result<Etag, PortError>;

    /// Removes the document if the condition holds. Removing what is not there is fine under [`Condition::Any`] (and a
    /// [`PortError::Conflict`] under [`Condition::Match`]).
    async fn delete(&self, key: &Key, condition: Condition) -> Result<(), PortError>;

    /// The documents below `prefix/` in order of key, starting after `after`, `limit` at most.
    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, PortError>;
}

/// Conveniences over [`Documents`] that no adapter writes again.
#[async_trait]
pub trait DocumentsExt: Documents {
    /// The document read as JSON, with its etag.
    async fn get_json<T: DeserializeOwned + Send>(&self, key: &Key) -> Result<Option<(T, Etag)>, PortError> {
        let Some(document) = self.get(key).await? else { return Ok(None) };
        match serde_json::from_slice(&document.body) {
            Ok(value) => Ok(Some((value, document.etag))),
            Err(source) => Err(PortError::Corrupt { what: key.to_string(), source: source.into() }),
        }
    }

    /// Writes a value as JSON.
    async fn put_json<T: Serialize + Sync>(&self, key: &Key, value: &T, condition: Condition) -> Result<Etag, PortError> {
        let body = serde_json::to_vec(value).map_err(|source| PortError::Corrupt { what: key.to_string(), source: source.into() })?;
        self.put(key, body.into(), condition).await
    }

    /// Every key below `prefix/`, read page by page.
    async fn list_all(&self, prefix: &Key) -> Result<Vec<Listed>, PortError> {
        let mut all: Vec<Listed> = Vec::new();
        loop {
            let page = self.list(prefix, all.last().map(|listed| &listed.key), limits::LIST_PAGE).await?;
            let more = page.len() == limits::LIST_PAGE;
            all.extend(page);
            if !more {
                return Ok(all);
            }
        }
    }
}

impl<D: Documents + ?Sized> DocumentsExt for D {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_makes_one_safe_segment() {
        let root = Key::root("jobs");
        for text in ["a", "a/b", "..", ".", "a.b", "é☕", "a b", "%2f", "\0", "", "a\\b"] {
            let key = root.child(text).unwrap();
            assert!(key.as_str().split('/').count() == 2 && key.as_str().split('/').all(is_plain_segment), "{text:?} gives {key}");
        }
        assert_eq!(root.child("my-topic_1.v2").unwrap().as_str(), "jobs/my-topic_1.v2");
        assert_ne!(root.child("%2f").unwrap(), root.child("/").unwrap());
    }

    #[test]
    fn a_key_has_a_greatest_length() {
        assert!(Key::root("jobs").child(&"n".repeat(limits::KEY_BYTES)).is_err());
    }
}
