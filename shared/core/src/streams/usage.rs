//! Who has used which stream, as programs say of themselves.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::programs::{Program, ProgramKind, StreamUsers};
use super::registry::Stream;
use super::service::{StreamError, StreamService};
use crate::ids::{NamespaceId, StreamId, StreamName};
use crate::limits;
use crate::ports::{Condition, Documents, DocumentsExt as _, Key, LogName, PortError};

/// What programs have said.
#[derive(Debug, Clone)]
pub(super) struct Usage {
    documents: Arc<dyn Documents>,
    /// What is noted already, as far as this process knows.
    noted: Arc<Mutex<HashSet<(LogName, Program)>>>,
}

/// The programs of a stream, as they are stored.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    /// Tells the stream from one of the same name that was there before.
    log: LogName,
    programs: BTreeSet<Program>,
}

fn namespace_key(namespace: &NamespaceId) -> Key {
    Key::root("streams/programs").child(namespace.as_str()).expect("an id is short")
}

fn key(name: &StreamName) -> Key {
    namespace_key(&name.namespace).child(name.stream.as_str()).expect("an id is short")
}

impl Usage {
    pub(super) fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents, noted: Arc::default() }
    }

    /// Whether this process knows that this is noted.
    pub(super) fn has_noted(&self, stream: &Stream, program: &Program) -> bool {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).contains(&(stream.log.clone(), program.clone()))
    }

    pub(super) async fn note(&self, stream: &Stream, program: &Program) -> Result<(), PortError> {
        let noted = (stream.log.clone(), program.clone());
        let key = key(&stream.name);
        loop {
            let (mut stored, condition) = match self.documents.get_json::<Stored>(&key).await? {
                Some((stored, etag)) if stored.log == stream.log => (stored, Condition::Match(etag)),
                Some((_, etag)) => (Stored { log: stream.log.clone(), programs: BTreeSet::new() }, Condition::Match(etag)),
                None => (Stored { log: stream.log.clone(), programs: BTreeSet::new() }, Condition::Absent),
            };
            // A stream that had that many would be named at random.
            if stored.programs.len() >= limits::PROGRAMS || !stored.programs.insert(program.clone()) {
                break;
            }
            match self.documents.put_json(&key, &stored, condition).await {
                Err(PortError::Conflict { .. }) => {}
                other => break other.map(drop)?,
            }
        }
        let mut all = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= limits::STREAMS_REMEMBERED {
            all.clear();
        }
        all.insert(noted);
        Ok(())
    }

    pub(super) async fn forget(&self, name: &StreamName, log: &LogName) -> Result<(), PortError> {
        match self.documents.get_json::<Stored>(&key(name)).await? {
            Some((stored, etag)) if stored.log == *log => match self.documents.delete(&key(name), Condition::Match(etag)).await {
                Err(PortError::Conflict { .. }) => Ok(()), // It is another stream's by now, or gone.
                other => other,
            },
            _ => Ok(()),
        }
    }
}

/// All that is known of who uses streams.
#[derive(Debug, Clone)]
pub struct StreamUsage {
    streams: StreamService,
    groups: Vec<Arc<dyn StreamUsers>>,
}

impl StreamUsage {
    /// What programs say of themselves, and what the groups of the house know of theirs.
    #[must_use]
    pub fn new(streams: StreamService, groups: Vec<Arc<dyn StreamUsers>>) -> Self {
        Self { streams, groups }
    }

    /// The programs that use a stream, sorted. A stream that is not there has none.
    ///
    /// # Errors
    /// When there is no such namespace, or the store fails.
    pub async fn programs(&self, name: &StreamName) -> Result<BTreeSet<Program>, StreamError> {
        self.streams.expect_namespace(&name.namespace).await?;
        let Some(found) = self.streams.registry.find(name).await? else { return Ok(BTreeSet::new()) };
        let stored = self.streams.registry.documents.get_json::<Stored>(&key(name)).await?;
        let mut programs =
            stored.filter(|(stored, _)| stored.log == found.stream.log).map(|(stored, _)| stored.programs).unwrap_or_default();
        programs.extend(self.known().await?.into_iter().filter(|(stream, _)| stream == name).map(|(_, program)| program));
        Ok(programs)
    }

    /// The streams of a namespace that an application uses, or one program of it, sorted.
    ///
    /// # Errors
    /// When there is no such namespace, or the store fails.
    pub async fn streams(
        &self,
        namespace: &NamespaceId,
        application: &str,
        program: Option<(ProgramKind, &str)>,
    ) -> Result<BTreeSet<StreamName>, StreamError> {
        self.streams.expect_namespace(namespace).await?;
        let is_meant = |other: &Program| {
            other.application == application && program.is_none_or(|(kind, name)| other.kind == kind && other.name == name)
        };
        let documents = &self.streams.registry.documents;
        let listed = documents.list_all(&namespace_key(namespace)).await?;
        let ids = listed.iter().filter_map(|listed| StreamId::try_from(listed.key.as_str().rsplit('/').next()?).ok());
        let names = ids.map(|stream| StreamName { namespace: namespace.clone(), stream });
        let uses: Vec<_> = names.map(|name| self.uses(name, &is_meant).boxed()).collect();
        let found: Vec<_> = stream::iter(uses).buffer_unordered(limits::READ_AT_ONCE).try_collect().await?;
        let mut streams: BTreeSet<StreamName> = found.into_iter().flatten().collect();
        for (name, _) in self.known().await?.into_iter().filter(|(name, program)| name.namespace == *namespace && is_meant(program)) {
            if self.streams.registry.find(&name).await?.is_some() {
                streams.insert(name);
            }
        }
        Ok(streams)
    }

    /// The name of a stream again, if one of its programs is meant.
    async fn uses(&self, name: StreamName, is_meant: &(impl Fn(&Program) -> bool + Sync)) -> Result<Option<StreamName>, PortError> {
        let registry = &self.streams.registry;
        let Some((stored, _)) = registry.documents.get_json::<Stored>(&key(&name)).await? else { return Ok(None) };
        if !stored.programs.iter().any(is_meant) {
            return Ok(None);
        }
        let is_there = registry.find(&name).await?.is_some_and(|found| found.stream.log == stored.log);
        Ok(is_there.then_some(name))
    }

    async fn known(&self) -> Result<Vec<(StreamName, Program)>, PortError> {
        let mut known = Vec::new();
        for group in &self.groups {
            known.extend(group.uses().await?);
        }
        Ok(known)
    }
}
