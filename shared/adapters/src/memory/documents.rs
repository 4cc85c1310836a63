use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use headwater_core::ports::{Condition, Document, Documents, Etag, Key, Listed, PortError};

use super::held;

/// Documents in memory.
#[derive(Debug, Default)]
pub struct MemoryDocuments {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    documents: BTreeMap<String, Document>,
    writes: u64,
}

impl MemoryDocuments {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Inner {
    fn check(&self, key: &Key, condition: &Condition) -> Result<(), PortError> {
        let current = self.documents.get(key.as_str());
        let holds = match condition {
            Condition::Any => true,
            Condition::Absent => current.is_none(),
            Condition::Match(etag) => current.is_some_and(|document| document.etag == *etag),
        };
        if holds { Ok(()) } else { Err(PortError::Conflict { what: key.to_string() }) }
    }
}

#[async_trait]
impl Documents for MemoryDocuments {
    async fn get(&self, key: &Key) -> Result<Option<Document>, PortError> {
        Ok(held(&self.inner).documents.get(key.as_str()).cloned())
    }

    async fn put(&self, key: &Key, body: Bytes, condition: Condition) -> Result<Etag, PortError> {
        let mut inner = held(&self.inner);
        inner.check(key, &condition)?;
        inner.writes += 1;
        let etag = Etag::new(inner.writes.to_string());
        inner.documents.insert(key.as_str().to_owned(), Document { body, etag: etag.clone() });
        Ok(etag)
    }

    async fn delete(&self, key: &Key, condition: Condition) -> Result<(), PortError> {
        let mut inner = held(&self.inner);
        inner.check(key, &condition)?;
        inner.documents.remove(key.as_str());
        Ok(())
    }

    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, PortError> {
        let inner = held(&self.inner);
        let below = format!("{prefix}/");
        let start = match after {
            Some(after) if after.as_str() >= below.as_str() => Bound::Excluded(after.as_str()),
            _ => Bound::Excluded(below.as_str()),
        };
        let range = inner.documents.range::<str, _>((start, Bound::Unbounded));
        let lines = range.take_while(|(key, _)| key.starts_with(&below)).take(limit);
        Ok(lines.map(|(key, document)| Listed { key: Key::from_stored(key.clone()), etag: document.etag.clone() }).collect())
    }
}
