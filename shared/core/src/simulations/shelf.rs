//! What users keep here under an id: models, scripts, files to replay. Each is a document, with an ETag that clients hold.

use std::marker::PhantomData;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Moment;
use crate::limits;
use crate::ports::{Clock, Condition, Documents, DocumentsExt as _, Entropy, Key, PortError, Timestamp};

/// What is kept, and since when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept<T> {
    /// Its id.
    pub id: String,
    /// Changes with every write.
    pub etag: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was written last.
    pub modified: Timestamp,
    /// The thing itself.
    pub content: T,
}

impl<T> Kept<T> {
    /// The member `$metadata`.
    pub(super) fn metadata(&self, kind: &str, uri: &str) -> Value {
        metadata(kind, uri, Moment::utc(self.created), Moment::utc(self.modified))
    }
}

/// The member `$metadata` of something made and written then.
pub(super) fn metadata(kind: &str, uri: &str, created: Moment, modified: Moment) -> Value {
    json!({ "$type": kind, "$uri": uri, "$created": created.to_string(), "$modified": modified.to_string() })
}

/// Why something could not be kept, or was not found.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// Nothing has this id.
    #[error("there is no {what} {id:?}")]
    NotFound {
        /// What was asked for, such as `script`.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// It has changed since the client read it.
    #[error("the {what} {id:?} has changed meanwhile; its ETag is {etag}")]
    Stale {
        /// What was to be written.
        what: &'static str,
        /// Its id.
        id: String,
        /// Its ETag now.
        etag: String,
    },
    /// This cannot be an id.
    #[error("{0:?} cannot be an id: one has 1 to {most} ASCII letters, digits, dots, - and _", most = limits::KEPT_ID_BYTES)]
    Id(String),
    /// There are as many as there may be.
    #[error("there are {most} {what}s already, which is the most; delete one first")]
    TooMany {
        /// What was to be added.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// It takes too many bytes.
    #[error("the {what} takes {bytes} bytes, at most {most} are allowed")]
    TooLarge {
        /// What was to be kept.
        what: &'static str,
        /// How many bytes it takes.
        bytes: usize,
        /// How many it may take.
        most: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// A place for things of one kind.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    root: &'static str,
    what: &'static str,
    most: usize,
    content: PhantomData<fn() -> T>,
}

impl<T> Clone for Shelf<T> {
    fn clone(&self) -> Self {
        let (documents, clock, entropy) = (Arc::clone(&self.documents), Arc::clone(&self.clock), Arc::clone(&self.entropy));
        Self { documents, clock, entropy, root: self.root, what: self.what, most: self.most, content: PhantomData }
    }
}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync> Shelf<T> {
    /// A place below `root` for `most` of these, each called `what` in messages.
    pub(super) fn new(
        documents: &Arc<dyn Documents>,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
        (root, what, most): (&'static str, &'static str, usize),
    ) -> Self {
        let (documents, clock, entropy) = (Arc::clone(documents), Arc::clone(clock), Arc::clone(entropy));
        Self { documents, clock, entropy, root, what, most, content: PhantomData }
    }

    /// The key of an id; none for one that is too long to be one.
    fn key(&self, id: &str) -> Option<Key> {
        Key::root(self.root).child(id).ok()
    }

    pub(super) fn missing(&self, id: &str) -> ShelfError {
        ShelfError::NotFound { what: self.what, id: id.to_owned() }
    }

    pub(super) async fn find(&self, id: &str) -> Result<Option<Kept<T>>, PortError> {
        let Some(key) = self.key(id) else { return Ok(None) };
        Ok(self.documents.get_json(&key).await?.map(|(kept, _)| kept))
    }

    pub(super) async fn get(&self, id: &str) -> Result<Kept<T>, ShelfError> {
        self.find(id).await?.ok_or_else(|| self.missing(id))
    }

    /// All of them, in order of their ids.
    pub(super) async fn list(&self) -> Result<Vec<Kept<T>>, PortError> {
        let listed = self.documents.list_all(&Key::root(self.root)).await?;
        let reads = listed.into_iter().map(|listed| async move { self.documents.get_json::<Kept<T>>(&listed.key).await });
        let read: Vec<_> = stream::iter(reads).buffered(limits::READ_AT_ONCE).try_collect().await?;
        Ok(read.into_iter().flatten().map(|(kept, _)| kept).collect())
    }

    /// Keeps something new under an id of its own.
    pub(super) async fn add(&self, make: impl FnOnce(&str) -> T) -> Result<Kept<T>, ShelfError> {
        let id = self.new_id();
        let content = make(&id);
        self.put(id, content, Condition::Absent, None).await
    }

    /// Replaces what has this id if `etag` is its ETag; keeps something new under it if there is nothing.
    pub(super) async fn replace(&self, id: &str, etag: &str, content: T) -> Result<Kept<T>, ShelfError> {
        if id.len() > limits::KEPT_ID_BYTES || id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            return Err(ShelfError::Id(id.to_owned()));
        }
        loop {
            let key = self.key(id).ok_or_else(|| ShelfError::Id(id.to_owned()))?;
            let found = self.documents.get_json::<Kept<T>>(&key).await?;
            let (condition, created) = match found {
                None => (Condition::Absent, None),
                Some((kept, _)) if kept.etag != etag => {
                    return Err(ShelfError::Stale { what: self.what, id: kept.id, etag: kept.etag });
                }
                Some((kept, stored)) => (Condition::Match(stored), Some(kept.created)),
            };
            match self.put(id.to_owned(), content.clone(), condition, created).await {
                Err(ShelfError::Store(PortError::Conflict { .. })) => {} // Somebody else was faster: look again.
                other => return other,
            }
        }
    }

    pub(super) async fn remove(&self, id: &str) -> Result<(), ShelfError> {
        self.get(id).await?;
        let key = self.key(id).ok_or_else(|| self.missing(id))?;
        Ok(self.documents.delete(&key, Condition::Any).await?)
    }

    async fn put(&self, id: String, content: T, condition: Condition, created: Option<Timestamp>) -> Result<Kept<T>, ShelfError> {
        if condition == Condition::Absent && self.documents.list_all(&Key::root(self.root)).await?.len() >= self.most {
            return Err(ShelfError::TooMany { what: self.what, most: self.most });
        }
        let key = self.key(&id).ok_or_else(|| ShelfError::Id(id.clone()))?;
        let now = self.clock.now();
        let kept = Kept { id, etag: new_etag(&*self.entropy), created: created.unwrap_or(now), modified: now, content };
        self.documents.put_json(&key, &kept, condition).await?;
        Ok(kept)
    }

    /// A random UUID.
    fn new_id(&self) -> String {
        let (high, low) = (self.entropy.draw(), self.entropy.draw());
        let (time, middle, version) = (high >> 32, high >> 16 & 0xffff, high & 0x0fff);
        let (variant, node) = (low >> 48 & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
        format!("{time:08x}-{middle:04x}-4{version:03x}-{variant:04x}-{node:012x}")
    }
}

/// A new ETag: fourteen digits that nobody has seen before.
pub(super) fn new_etag(entropy: &dyn Entropy) -> String {
    format!("{:014x}", entropy.draw() & 0x00ff_ffff_ffff_ffff)
}
