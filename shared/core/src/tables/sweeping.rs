//! Chunks that nobody needs any more, removed.

use std::collections::{HashMap, HashSet};

use futures::{StreamExt as _, stream};
use tracing::warn;

use super::record::Record;
use super::store::{TableStore, tables_key};
use crate::limits::{LIST_PAGE, READ_AT_ONCE};
use crate::ports::{DocumentsExt as _, Key, PortError, Timestamp};

impl TableStore {
    /// Removes chunks that no record names. What cannot be removed now is swept later.
    pub(super) async fn clean(&self, keys: Vec<Key>) {
        for key in keys {
            if let Err(error) = self.chunks.delete(&key).await {
                warn!(error = &error as &dyn std::error::Error, %key, "a chunk could not be removed");
            }
        }
    }

    /// Removes all chunks below a prefix. What cannot be removed now is swept later.
    pub(super) async fn remove_chunks(&self, prefix: &Key) {
        loop {
            let page = match self.chunks.list(prefix, None, LIST_PAGE).await {
                Ok(page) if page.is_empty() => return,
                Ok(page) => page,
                Err(error) => return warn!(error = &error as &dyn std::error::Error, %prefix, "chunks could not be removed"),
            };
            let mut removed = stream::iter(page).map(async |listed| self.chunks.delete(&listed.key).await).buffer_unordered(READ_AT_ONCE);
            while let Some(removed) = removed.next().await {
                if let Err(error) = removed {
                    return warn!(error = &error as &dyn std::error::Error, %prefix, "chunks could not be removed");
                }
            }
        }
    }

    /// Removes chunks that were written before a moment and that no table names: what appends that were broken off have left.
    pub(super) async fn sweep(&self, before: Timestamp) -> Result<(), PortError> {
        let mut owners = HashMap::new();
        for listed in self.documents.list_all(&tables_key()).await? {
            if let Some((record, _)) = self.documents.get_json::<Record>(&listed.key).await? {
                owners.insert(record.id, listed.key);
            }
        }
        let (mut after, mut owner) = (None::<Key>, None::<(String, HashSet<Key>)>);
        loop {
            let page = self.chunks.list(&tables_key(), after.as_ref(), LIST_PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            let mut unnamed = Vec::new();
            // Chunks of one table are listed together.
            for chunk in page.into_iter().filter(|chunk| chunk.written < before) {
                let id = chunk.key.as_str().split('/').nth(1).unwrap_or_default();
                if owner.as_ref().is_none_or(|(other, _)| other != id) {
                    owner = Some((id.to_owned(), self.named(owners.get(id)).await?));
                }
                if owner.as_ref().is_some_and(|(_, named)| !named.contains(&chunk.key)) {
                    unnamed.push(chunk.key);
                }
            }
            self.clean(unnamed).await;
        }
    }

    /// The chunks that the table of this key names by now.
    async fn named(&self, key: Option<&Key>) -> Result<HashSet<Key>, PortError> {
        let mut named = HashSet::new();
        let Some(key) = key else { return Ok(named) };
        while let Some((record, etag)) = self.documents.get_json::<Record>(key).await? {
            named.extend(record.chunks.iter().map(|chunk| record.chunk_key(chunk.id)));
            named.extend(record.pages.iter().map(|page| record.chunk_key(page.id)));
            let mut lists = Vec::new();
            for page in &record.pages {
                lists.push(self.list_of(&record, page).await);
            }
            match lists.into_iter().collect::<Result<Vec<_>, _>>() {
                Ok(lists) => named.extend(lists.concat().iter().map(|chunk| record.chunk_key(chunk.id))),
                // A page that went while it was asked for.
                Err(PortError::NotFound { .. }) if self.documents.get(key).await?.is_none_or(|now| now.etag != etag) => continue,
                Err(error) => return Err(error),
            }
            return Ok(named);
        }
        Ok(named)
    }
}
