//! Which namespaces and streams there are: documents, and what they say in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::formats::Format;
use super::properties::{Changes, Properties};
use super::service::StreamError;
use crate::ids::{NamespaceId, StreamId, StreamName};
use crate::limits;
use crate::ports::{Condition, Documents, DocumentsExt as _, Etag, Key, LogName, PortError};

/// A stream as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Its name.
    pub name: StreamName,
    /// Where its events are. A stream that is removed and made anew gets another log.
    pub log: LogName,
    /// What is set about it.
    pub properties: Properties,
    /// Other formats in which it may be read, by their names.
    pub views: BTreeMap<StreamId, Format>,
}

/// A stream and the version of its document.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) stream: Arc<Stream>,
    pub(super) etag: Etag,
}

/// A stream as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    log: LogName,
    /// As they are reported.
    properties: Map<String, Value>,
    views: BTreeMap<StreamId, Value>,
}

/// The namespaces and streams in a document store. Clones share what they remember.
#[derive(Debug, Clone)]
pub(super) struct Registry {
    pub(super) documents: Arc<dyn Documents>,
    read: Arc<Mutex<HashMap<Key, Found>>>,
}

/// The namespace that is always there.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Namespaces that are not for users.
const RESERVED: [&str; 2] = ["system", "cdap"];

fn namespace_key(namespace: &NamespaceId) -> Key {
    Key::root("namespaces").child(namespace.as_str()).expect("an id is short")
}

fn streams_key(namespace: &NamespaceId) -> Key {
    Key::root("streams/defined").child(namespace.as_str()).expect("an id is short")
}

fn stream_key(name: &StreamName) -> Key {
    streams_key(&name.namespace).child(name.stream.as_str()).expect("an id is short")
}

fn last_segment(key: &Key) -> &str {
    key.as_str().rsplit('/').next().unwrap_or_default()
}

impl Registry {
    pub(super) fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents, read: Arc::default() }
    }

    pub(super) async fn namespace_exists(&self, namespace: &NamespaceId) -> Result<bool, PortError> {
        Ok(namespace.as_str() == DEFAULT_NAMESPACE || self.documents.get(&namespace_key(namespace)).await?.is_some())
    }

    /// Whether the namespace is one that users may make.
    pub(super) fn is_reserved(namespace: &NamespaceId) -> bool {
        RESERVED.contains(&namespace.as_str())
    }

    /// Makes a namespace. Answers whether it is new.
    pub(super) async fn make_namespace(&self, namespace: &NamespaceId) -> Result<bool, PortError> {
        if namespace.as_str() == DEFAULT_NAMESPACE {
            return Ok(false);
        }
        match self.documents.put(&namespace_key(namespace), "{}".into(), Condition::Absent).await {
            Err(PortError::Conflict { .. }) => Ok(false),
            other => other.map(|_| true),
        }
    }

    pub(super) async fn remove_namespace(&self, namespace: &NamespaceId) -> Result<(), PortError> {
        self.documents.delete(&namespace_key(namespace), Condition::Any).await
    }

    /// All namespaces, sorted.
    pub(super) async fn namespaces(&self) -> Result<Vec<NamespaceId>, PortError> {
        let listed = self.documents.list_all(&Key::root("namespaces")).await?;
        let mut all: Vec<_> = listed.iter().filter_map(|listed| NamespaceId::try_from(last_segment(&listed.key)).ok()).collect();
        all.extend(NamespaceId::try_from(DEFAULT_NAMESPACE));
        all.sort();
        Ok(all)
    }

    /// The ids of a namespace's streams, sorted.
    pub(super) async fn streams(&self, namespace: &NamespaceId) -> Result<Vec<StreamId>, PortError> {
        let listed = self.documents.list_all(&streams_key(namespace)).await?;
        let mut all: Vec<_> = listed.iter().filter_map(|listed| StreamId::try_from(last_segment(&listed.key)).ok()).collect();
        all.sort();
        Ok(all)
    }

    /// A stream. What a document says is kept as long as it stays the same; the store is asked each time whether it does.
    pub(super) async fn find(&self, name: &StreamName) -> Result<Option<Found>, PortError> {
        let key = stream_key(name);
        let Some(document) = self.documents.get(&key).await? else { return Ok(None) };
        if let Some(found) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(&key)
            && found.etag == document.etag
        {
            return Ok(Some(found.clone()));
        }
        let stream = read(name, &document.body).map_err(|source| PortError::Corrupt { what: key.to_string(), source })?;
        let found = Found { stream: Arc::new(stream), etag: document.etag };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.len() >= limits::STREAMS_REMEMBERED {
            read.clear();
        }
        read.insert(key, found.clone());
        Ok(Some(found))
    }

    pub(super) async fn put(&self, stream: &Stream, condition: Condition) -> Result<(), StreamError> {
        let stored = Stored {
            log: stream.log.clone(),
            properties: stream.properties.to_json(),
            views: stream.views.iter().map(|(id, format)| (id.clone(), format.to_json())).collect(),
        };
        let key = stream_key(&stream.name);
        let damaged = |source: serde_json::Error| PortError::Corrupt { what: key.to_string(), source: source.into() };
        let body = serde_json::to_vec(&stored).map_err(damaged)?;
        if body.len() > limits::STREAM_DOCUMENT {
            return Err(StreamError::TooLarge { name: stream.name.clone(), bytes: body.len() });
        }
        self.documents.put(&key, body.into(), condition).await?;
        Ok(())
    }

    pub(super) async fn remove(&self, name: &StreamName, condition: Condition) -> Result<(), PortError> {
        let key = stream_key(name);
        self.documents.delete(&key, condition).await?;
        self.read.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        Ok(())
    }
}

type Damage = Box<dyn std::error::Error + Send + Sync>;

fn read(name: &StreamName, body: &[u8]) -> Result<Stream, Damage> {
    let stored: Stored = serde_json::from_slice(body)?;
    // What is stored is what was reported once, and so reads like a request.
    let properties = Changes::parse(&serde_json::to_vec(&stored.properties)?)?.of_a_new_stream();
    let views = stored.views.iter().map(|(id, format)| Ok((id.clone(), Format::from_json(format)?)));
    Ok(Stream { name: name.clone(), log: stored.log, properties, views: views.collect::<Result<_, Damage>>()? })
}
