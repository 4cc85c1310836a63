//! Tells whoever wants to know that a stream has got so much new data.
//!
//! What was told stands in a document of the stream: how large it was at the last notice, the last notices themselves, and which of
//! them were announced. So a restart neither forgets data that came in before it nor tells of it twice.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::warn;

use super::registry::Stream;
use super::service::StreamService;
use crate::ids::StreamName;
use crate::limits;
use crate::ports::{Clock, Condition, Documents, DocumentsExt as _, Etag, Key, LogName, LogSize, PortError};

/// How often it is looked for notices that somebody waits for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// That a stream has grown by its threshold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Ascends from 1 within a stream.
    pub id: u64,
    /// When it was noticed, in milliseconds.
    pub time: i64,
    /// Bytes of all bodies that the stream has taken since it was made, or truncated last.
    pub size: u64,
}

impl Notice {
    /// The notice as subscribers get it: `{"feed","namespace","stream","id","time","size"}`.
    #[must_use]
    pub fn to_json(&self, stream: &StreamName) -> Value {
        let feed = format!("{}Size", stream.stream);
        json!({"feed": feed, "namespace": stream.namespace, "stream": stream.stream, "id": self.id, "time": self.time, "size": self.size})
    }
}

/// Somebody outside who is told of every notice, at least once.
#[async_trait]
pub trait Herald: Send + Sync + Debug {
    /// Returns once the notice has arrived.
    ///
    /// # Errors
    /// What hinders it, for the log.
    async fn announce(&self, stream: &StreamName, notice: &Notice) -> Result<(), String>;
}

/// What has been told of a stream, as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Told {
    log: LogName,
    /// The stream's size at the last notice.
    size: u64,
    /// The number of the last notice.
    last: u64,
    /// The number of the last notice that every herald has announced.
    announced: u64,
    /// The last notices, oldest first.
    kept: Vec<Notice>,
}

/// Watches streams grow.
#[derive(Debug, Clone)]
pub(super) struct Notices {
    documents: Arc<dyn Documents>,
    heralds: Vec<Arc<dyn Herald>>,
    /// Streams that have grown since somebody looked, by their logs, and bytes by which they may still grow before it is worth a look.
    growing: Arc<Mutex<HashMap<LogName, Growing>>>,
    /// Streams with notices that the heralds may not have announced.
    unannounced: Arc<Mutex<BTreeSet<StreamName>>>,
}

#[derive(Debug, Clone)]
struct Growing {
    name: StreamName,
    by: u64,
    /// Nothing is due before it has grown by so much; `None` while it is being looked at.
    until_due: Option<u64>,
}

impl Growing {
    fn is_due(&self) -> bool {
        self.by > 0 && self.until_due.is_some_and(|until_due| self.by >= until_due)
    }
}

fn key(name: &StreamName) -> Key {
    let namespace = Key::root("streams/notices").child(name.namespace.as_str()).expect("an id is short");
    namespace.child(name.stream.as_str()).expect("an id is short")
}

impl Notices {
    pub(super) fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents, heralds: Vec::new(), growing: Arc::default(), unannounced: Arc::default() }
    }

    /// Notes that a stream has grown. What follows from it is left to [`StreamService::notice`].
    pub(super) fn grown(&self, stream: &Stream, bytes: u64) {
        let mut growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(growing) = growing.get_mut(&stream.log) {
            growing.by += bytes;
            return;
        }
        if growing.len() >= limits::STREAMS_REMEMBERED {
            growing.retain(|_, growing| growing.until_due.is_none() || growing.is_due());
        }
        growing.insert(stream.log.clone(), Growing { name: stream.name.clone(), by: bytes, until_due: Some(0) });
    }

    /// Forgets how much a stream may still grow: its threshold has changed.
    pub(super) fn reconsider(&self, log: &LogName) {
        if let Some(growing) = self.growing.lock().unwrap_or_else(PoisonError::into_inner).get_mut(log) {
            growing.until_due = Some(0);
        }
    }

    /// Streams that may be due, to be looked at.
    fn due(&self) -> Vec<(LogName, Growing)> {
        let mut growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let due = growing.iter_mut().filter(|(_, growing)| growing.is_due());
        due.map(|(log, growing)| {
            growing.until_due = None;
            (log.clone(), growing.clone())
        })
        .collect()
    }

    /// Notes what came of a look at a stream that had grown `by` so much before it. What has grown since, or was to be reconsidered
    /// since, stays to be looked at.
    fn looked(&self, log: &LogName, by: u64, until_due: u64) {
        if let Some(growing) = self.growing.lock().unwrap_or_else(PoisonError::into_inner).get_mut(log) {
            growing.by = growing.by.saturating_sub(by);
            growing.until_due.get_or_insert(until_due);
        }
    }

    fn no_longer_grows(&self, log: &LogName) {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner).remove(log);
    }

    async fn told(&self, stream: &Stream) -> Result<(Told, Condition), PortError> {
        Ok(match self.documents.get_json::<Told>(&key(&stream.name)).await? {
            Some((told, etag)) if told.log == stream.log => (told, Condition::Match(etag)),
            other => {
                let condition = other.map_or(Condition::Absent, |(_, etag): (Told, Etag)| Condition::Match(etag));
                (Told { log: stream.log.clone(), size: 0, last: 0, announced: 0, kept: Vec::new() }, condition)
            }
        })
    }

    /// Looks at a stream of this size. Answers by how much it may grow before the next notice.
    async fn look(&self, stream: &Stream, size: LogSize, clock: &dyn Clock) -> Result<u64, PortError> {
        let threshold = stream.properties.notification_threshold.bytes();
        loop {
            let (mut told, condition) = self.told(stream).await?;
            if size.bytes < told.size {
                told.size = 0; // It was truncated meanwhile.
            }
            let grown = size.bytes - told.size;
            if grown < threshold {
                return Ok(threshold - grown);
            }
            told.size = size.bytes;
            told.last += 1;
            told.kept.push(Notice { id: told.last, time: clock.now().as_millis(), size: size.bytes });
            let surplus = told.kept.len().saturating_sub(limits::NOTICES);
            told.kept.drain(..surplus);
            if self.heralds.is_empty() {
                told.announced = told.last; // Whoever becomes a herald later is not told of what is past.
            }
            match self.documents.put_json(&key(&stream.name), &told, condition).await {
                Err(PortError::Conflict { .. }) => {}
                other => {
                    other?;
                    self.remember_to_announce(&stream.name);
                    return Ok(threshold);
                }
            }
        }
    }

    /// Has the next call of [`StreamService::announce`] look at this stream.
    pub(super) fn remember_to_announce(&self, name: &StreamName) {
        if !self.heralds.is_empty() {
            self.unannounced.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        }
    }

    /// Has the heralds announce what they have not announced yet of a stream.
    async fn announce(&self, stream: &Stream) -> Result<(), Unannounced> {
        loop {
            let (mut told, condition) = self.told(stream).await?;
            let Some(notice) = told.kept.iter().find(|notice| notice.id > told.announced) else { return Ok(()) };
            for herald in &self.heralds {
                herald.announce(&stream.name, notice).await.map_err(Unannounced::Refused)?;
            }
            told.announced = notice.id;
            match self.documents.put_json(&key(&stream.name), &told, condition).await {
                Err(PortError::Conflict { .. }) => {}
                other => drop(other?),
            }
        }
    }

    /// Counts from zero again.
    pub(super) async fn begin_anew(&self, stream: &Stream) -> Result<(), PortError> {
        self.reconsider(&stream.log);
        loop {
            let (mut told, condition) = self.told(stream).await?;
            if told.size == 0 {
                return Ok(());
            }
            told.size = 0;
            match self.documents.put_json(&key(&stream.name), &told, condition).await {
                Err(PortError::Conflict { .. }) => {}
                other => return other.map(drop),
            }
        }
    }

    pub(super) async fn forget(&self, name: &StreamName, log: &LogName) -> Result<(), PortError> {
        self.no_longer_grows(log);
        match self.documents.get_json::<Told>(&key(name)).await? {
            Some((told, etag)) if told.log == *log => match self.documents.delete(&key(name), Condition::Match(etag)).await {
                Err(PortError::Conflict { .. }) => Ok(()), // It is another stream's by now, or gone.
                other => other,
            },
            _ => Ok(()),
        }
    }
}

/// Why a notice was not announced.
#[derive(Debug, thiserror::Error)]
enum Unannounced {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] PortError),
}

impl StreamService {
    /// This service, telling these heralds of every notice.
    #[must_use]
    pub fn with_heralds(mut self, heralds: Vec<Arc<dyn Herald>>) -> Self {
        self.notices.heralds = heralds;
        self
    }

    /// Looks at all streams that have grown, as far as this process has seen. For a host to call every second or so.
    pub async fn notice(&self) {
        for (log, Growing { name, by, .. }) in self.notices.due() {
            let until_due = async {
                let Some(found) = self.registry.find(&name).await?.filter(|found| found.stream.log == log) else { return Ok(None) };
                // Asked only now: what comes in meanwhile is counted for the next time.
                let size = self.log.size(&log).await?;
                self.notices.look(&found.stream, size, &*self.clock).await.map(Some)
            };
            match until_due.await {
                Ok(Some(until_due)) => self.notices.looked(&log, by, until_due),
                Ok(None) => self.notices.no_longer_grows(&log),
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, stream = %name, "the size of a stream could not be looked at");
                    match error {
                        PortError::Unavailable { .. } => self.notices.looked(&log, 0, 0),
                        _ => self.notices.no_longer_grows(&log),
                    }
                }
            }
        }
    }

    /// Has the heralds announce the notices that they have not announced yet, of all streams at the same time. What they cannot now
    /// is tried again the next time. For a host to call every few seconds.
    pub async fn announce(&self) {
        let names = std::mem::take(&mut *self.notices.unannounced.lock().unwrap_or_else(PoisonError::into_inner));
        let all = names.into_iter().map(|name| self.announce_of(name).boxed()).collect::<Vec<_>>();
        stream::iter(all).buffer_unordered(limits::READ_AT_ONCE).collect::<()>().await;
    }

    async fn announce_of(&self, name: StreamName) {
        let announced = match self.registry.find(&name).await {
            Ok(Some(found)) => self.notices.announce(&found.stream).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = announced {
            warn!(error = &error as &dyn std::error::Error, stream = %name, "a notice could not be announced; it is tried again");
            self.notices.remember_to_announce(&name);
        }
    }

    /// Looks at a log of this size, whoever has made it grow.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn notice_growth(&self, log: &LogName, size: LogSize) -> Result<(), PortError> {
        let Some(name) = Self::stream_of(log) else { return Ok(()) };
        match self.registry.find(&name).await? {
            Some(found) if found.stream.log == *log => self.notices.look(&found.stream, size, &*self.clock).await.map(drop),
            _ => Ok(()),
        }
    }

    /// Waits for notices of a stream after the one with this number, or for that long: then there are none. `None` when the
    /// stream is gone, or the host is about to end.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn await_notices(&self, stream: &Stream, id: u64, at_most: Duration) -> Result<Option<Vec<Notice>>, PortError> {
        let end = self.clock.now().plus(at_most);
        loop {
            if self.is_ending() || self.registry.find(&stream.name).await?.is_none_or(|found| found.stream.log != stream.log) {
                return Ok(None);
            }
            let (notices, _) = self.notices_after(stream, id).await?;
            if !notices.is_empty() || self.clock.now() >= end {
                return Ok(Some(notices));
            }
            self.clock.sleep(LOOK_EVERY).await;
        }
    }

    /// The notices of a stream after the one with this number, as far as they are kept, and the number of the last one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn notices_after(&self, stream: &Stream, id: u64) -> Result<(Vec<Notice>, u64), PortError> {
        let (told, _) = self.notices.told(stream).await?;
        let last = told.last;
        Ok((told.kept.into_iter().filter(|notice| notice.id > id).collect(), last))
    }
}
