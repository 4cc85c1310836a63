use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use headwater_core::ports::{Condition, Document, Documents, Etag, Key, Listed, PortError};
use redb::ReadableTable as _;

use super::Shared;
use super::tables::{Counter, DOCUMENTS, Tables};

/// The embedded store's documents.
#[derive(Debug, Clone)]
pub struct EmbeddedDocuments {
    shared: Arc<Shared>,
}

/// Bytes of the number before a document's body.
const NUMBER: usize = 8;

fn etag_of(number: u64) -> Etag {
    Etag::new(format!("{number:x}"))
}

/// A stored value's etag and body.
fn parts(value: &[u8]) -> (Etag, &[u8]) {
    let (number, body) = value.split_first_chunk::<NUMBER>().unwrap_or((&[0; NUMBER], value));
    (etag_of(u64::from_be_bytes(*number)), body)
}

/// The conflict, if the condition does not hold.
fn refusal(tables: &Tables<'_>, key: &Key, condition: &Condition) -> Result<Option<PortError>, redb::Error> {
    let holds = match condition {
        Condition::Any => true,
        Condition::Absent => tables.documents.get(key.as_str())?.is_none(),
        Condition::Match(etag) => tables.documents.get(key.as_str())?.is_some_and(|value| parts(value.value()).0 == *etag),
    };
    Ok((!holds).then(|| PortError::Conflict { what: key.to_string() }))
}

impl EmbeddedDocuments {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl Documents for EmbeddedDocuments {
    async fn get(&self, key: &Key) -> Result<Option<Document>, PortError> {
        let missed = match self.shared.cache.get(key) {
            Ok(document) => return Ok(Some(document)),
            Err(missed) => missed,
        };
        let asked = key.clone();
        let work = move |transaction: &redb::ReadTransaction| {
            let value = transaction.open_table(DOCUMENTS)?.get(asked.as_str())?;
            Ok(value.map(|value| {
                let (etag, body) = parts(value.value());
                Document { body: Bytes::copy_from_slice(body), etag }
            }))
        };
        let document = self.shared.read("reading a document", work).await?;
        if let Some(document) = &document {
            self.shared.cache.keep(key, document, missed);
        }
        Ok(document)
    }

    async fn put(&self, key: &Key, body: Bytes, condition: Condition) -> Result<Etag, PortError> {
        let key = key.clone();
        let size = key.as_str().len() + NUMBER + body.len();
        let work = move |tables: &mut Tables<'_>| {
            if let Some(refusal) = refusal(tables, &key, &condition)? {
                return Ok(Err(refusal));
            }
            let number = tables.next(Counter::Writes)?;
            let mut value = tables.documents.insert_reserve(key.as_str(), NUMBER + body.len())?;
            let (front, rest) = value.as_mut().split_at_mut(NUMBER);
            front.copy_from_slice(&number.to_be_bytes());
            rest.copy_from_slice(&body);
            drop(value);
            tables.touched.push(key);
            Ok(Ok(etag_of(number)))
        };
        self.shared.write("writing a document", size, work).await
    }

    async fn delete(&self, key: &Key, condition: Condition) -> Result<(), PortError> {
        let key = key.clone();
        let work = move |tables: &mut Tables<'_>| {
            if let Some(refusal) = refusal(tables, &key, &condition)? {
                return Ok(Err(refusal));
            }
            tables.changed |= tables.documents.remove(key.as_str())?.is_some();
            tables.touched.push(key);
            Ok(Ok(()))
        };
        self.shared.write("removing a document", 0, work).await
    }

    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, PortError> {
        let below = format!("{prefix}/");
        let start = after.map_or("", Key::as_str).max(&below).to_owned();
        let work = move |transaction: &redb::ReadTransaction| {
            let table = transaction.open_table(DOCUMENTS)?;
            let mut lines = Vec::new();
            for line in table.range::<&str>((Bound::Excluded(start.as_str()), Bound::Unbounded))?.take(limit) {
                let (key, value) = line?;
                if !key.value().starts_with(&below) {
                    break;
                }
                lines.push(Listed { key: Key::from_stored(key.value().to_owned()), etag: parts(value.value()).0 });
            }
            Ok(lines)
        };
        self.shared.read("listing documents", work).await
    }
}
