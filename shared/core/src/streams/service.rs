//! Answers the requests of the streams API, whoever brings them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::formats::Format;
use super::notices::Notices;
use super::programs::Program;
use super::properties::{Changes, PropertiesError};
use super::registry::{DEFAULT_NAMESPACE, Found, Registry, Stream};
use super::times::{Window, WindowError};
use super::usage::Usage;
use super::writing::Queue;
use crate::ids::{NamespaceId, StreamId, StreamName};
use crate::limits;
use crate::ports::{Clock, Condition, Documents, Entropy, EventLog, LogName, PortError};

/// Why a request about a stream was refused; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// There is no such namespace.
    #[error("namespace:{0} was not found")]
    NoNamespace(NamespaceId),
    /// There is no such stream.
    #[error("{0} was not found")]
    NoStream(StreamName),
    /// There is no such view.
    #[error("{0} has no view {1}")]
    NoView(StreamName, StreamId),
    /// The namespace is not for users.
    #[error("the namespace {0} is reserved")]
    Reserved(NamespaceId),
    /// The namespace still has streams.
    #[error("the namespace {0} has streams; remove them first")]
    NotEmpty(NamespaceId),
    /// The properties are wrong.
    #[error(transparent)]
    Properties(#[from] PropertiesError),
    /// Another principal owns the stream, or nobody does.
    #[error("{name} is not owned by {principal}")]
    NotOwner {
        /// The stream.
        name: StreamName,
        /// Who was named as its owner.
        principal: String,
    },
    /// What is set about the stream, with its views, takes too many bytes.
    #[error("{name}: its properties and views take {bytes} bytes, at most {most} are allowed", most = limits::STREAM_DOCUMENT)]
    TooLarge {
        /// The stream.
        name: StreamName,
        /// Bytes that it would take.
        bytes: usize,
    },
    /// The stream has as many views as it may have.
    #[error("{0} has {most} views, which is the most", most = limits::VIEWS)]
    TooManyViews(StreamName),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// The streams group's service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StreamService {
    pub(super) registry: Registry,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) usage: Usage,
    pub(super) notices: Notices,
    pub(super) queue: Option<Queue>,
    ending: Arc<AtomicBool>,
}

impl StreamService {
    /// The service over a host's stores. Events that are sent asynchronously are written at once, as long as there is no
    /// [`StreamService::with_queue`].
    #[must_use]
    pub fn new(documents: Arc<dyn Documents>, log: Arc<dyn EventLog>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            registry: Registry::new(Arc::clone(&documents)),
            usage: Usage::new(Arc::clone(&documents)),
            notices: Notices::new(documents),
            log,
            clock,
            entropy,
            queue: None,
            ending: Arc::default(),
        }
    }

    /// Has whoever waits for something to happen in a stream stop waiting: the host is about to end.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Reads the parameters of a read.
    ///
    /// # Errors
    /// The first mistake in them.
    pub fn window(&self, start: Option<&str>, end: Option<&str>, limit: Option<&str>) -> Result<Window, WindowError> {
        Window::parse(start, end, limit, self.now())
    }

    /// The present, in milliseconds.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().as_millis()
    }

    /// All namespaces, sorted.
    pub async fn namespaces(&self) -> Result<Vec<NamespaceId>, PortError> {
        self.registry.namespaces().await
    }

    /// Makes a namespace, unless it is there. Answers whether it is new.
    ///
    /// # Errors
    /// When it is reserved, or the store fails.
    pub async fn create_namespace(&self, namespace: &NamespaceId) -> Result<bool, StreamError> {
        if Registry::is_reserved(namespace) {
            return Err(StreamError::Reserved(namespace.clone()));
        }
        Ok(self.registry.make_namespace(namespace).await?)
    }

    /// Removes an empty namespace.
    ///
    /// # Errors
    /// When it is not there, not empty or always there, or the store fails.
    pub async fn delete_namespace(&self, namespace: &NamespaceId) -> Result<(), StreamError> {
        if namespace.as_str() == DEFAULT_NAMESPACE || Registry::is_reserved(namespace) {
            return Err(StreamError::Reserved(namespace.clone()));
        }
        self.expect_namespace(namespace).await?;
        if !self.registry.streams(namespace).await?.is_empty() {
            return Err(StreamError::NotEmpty(namespace.clone()));
        }
        // Gone before it is looked for streams again: whoever makes one now sees that, and takes it back.
        self.registry.remove_namespace(namespace).await?;
        if !self.registry.streams(namespace).await?.is_empty() {
            self.registry.make_namespace(namespace).await?;
            return Err(StreamError::NotEmpty(namespace.clone()));
        }
        Ok(())
    }

    /// Refuses a namespace that is not there.
    ///
    /// # Errors
    /// When there is no such namespace, or the store fails.
    pub async fn expect_namespace(&self, namespace: &NamespaceId) -> Result<(), StreamError> {
        if self.registry.namespace_exists(namespace).await? { Ok(()) } else { Err(StreamError::NoNamespace(namespace.clone())) }
    }

    /// The ids of a namespace's streams, sorted.
    ///
    /// # Errors
    /// When there is no such namespace, or the store fails.
    pub async fn list(&self, namespace: &NamespaceId) -> Result<Vec<StreamId>, StreamError> {
        self.expect_namespace(namespace).await?;
        Ok(self.registry.streams(namespace).await?)
    }

    /// A stream.
    ///
    /// # Errors
    /// When there is no such stream or namespace, or the store fails.
    pub async fn get(&self, name: &StreamName) -> Result<Arc<Stream>, StreamError> {
        Ok(self.found(name).await?.stream)
    }

    async fn found(&self, name: &StreamName) -> Result<Found, StreamError> {
        if let Some(found) = self.registry.find(name).await? {
            return Ok(found);
        }
        self.expect_namespace(&name.namespace).await?;
        Err(StreamError::NoStream(name.clone()))
    }

    /// Makes a stream. One that is there stays as it is, whatever the properties say, as long as they are right.
    ///
    /// # Errors
    /// When there is no such namespace, the properties are wrong, another principal owns it, or the store fails.
    pub async fn create(&self, name: &StreamName, properties: &[u8]) -> Result<(), StreamError> {
        self.expect_namespace(&name.namespace).await?;
        let changes = if properties.is_empty() { Changes::default() } else { Changes::parse(properties)? };
        loop {
            if let Some(found) = self.registry.find(name).await? {
                return check_owner(&found.stream, &changes);
            }
            let log = self.log_of(name);
            let stream = Stream { name: name.clone(), log, properties: changes.clone().of_a_new_stream(), views: Default::default() };
            self.log.create(&stream.log).await?;
            match self.registry.put(&stream, Condition::Absent).await {
                Ok(()) => {}
                Err(StreamError::Store(PortError::Conflict { .. })) => {
                    self.log.remove(&stream.log).await?;
                    continue; // Somebody else has just made it.
                }
                Err(error) => {
                    self.log.remove(&stream.log).await?;
                    return Err(error);
                }
            }
            if !self.registry.namespace_exists(&name.namespace).await? {
                self.delete(name).await?;
                return Err(StreamError::NoNamespace(name.namespace.clone()));
            }
            return Ok(());
        }
    }

    fn log_of(&self, name: &StreamName) -> LogName {
        LogName(format!("{}/{}/{:016x}", name.namespace, name.stream, self.entropy.draw()))
    }

    /// The stream that a log belongs to, or belonged to.
    #[must_use]
    pub fn stream_of(log: &LogName) -> Option<StreamName> {
        let mut parts = log.0.split('/');
        let (namespace, stream) = (parts.next()?, parts.next()?);
        Some(StreamName { namespace: namespace.try_into().ok()?, stream: stream.try_into().ok()? })
    }

    /// Changes properties of a stream: all that are given, or none.
    ///
    /// # Errors
    /// When there is no such stream, the properties are wrong, another principal owns it, or the store fails.
    pub async fn set_properties(&self, name: &StreamName, properties: &[u8]) -> Result<(), StreamError> {
        self.found(name).await?;
        let changes = Changes::parse(properties)?;
        self.change(name, |stream| {
            check_owner(stream, &changes)?;
            Ok((Stream { properties: changes.clone().applied_to(&stream.properties), ..stream.clone() }, ()))
        })
        .await?;
        self.notices.reconsider(&self.found(name).await?.stream.log);
        Ok(())
    }

    /// Replaces a stream's document by what `change` makes of it, however many do that at once.
    async fn change<T>(&self, name: &StreamName, change: impl Fn(&Stream) -> Result<(Stream, T), StreamError>) -> Result<T, StreamError> {
        loop {
            let found = self.found(name).await?;
            let (stream, answer) = change(&found.stream)?;
            match self.registry.put(&stream, Condition::Match(found.etag)).await {
                Err(StreamError::Store(PortError::Conflict { .. })) => {}
                other => return other.map(|()| answer),
            }
        }
    }

    /// Makes or replaces a view of a stream: another format in which it may be read. Answers whether it is new.
    ///
    /// # Errors
    /// When there is no such stream, it has too many views, or the store fails.
    pub async fn put_view(&self, name: &StreamName, view: &StreamId, format: &Format) -> Result<bool, StreamError> {
        self.change(name, |stream| {
            let mut stream = stream.clone();
            let is_new = stream.views.insert(view.clone(), format.clone()).is_none();
            if stream.views.len() > limits::VIEWS {
                return Err(StreamError::TooManyViews(name.clone()));
            }
            Ok((stream, is_new))
        })
        .await
    }

    /// Removes a view.
    ///
    /// # Errors
    /// When there is no such stream or view, or the store fails.
    pub async fn delete_view(&self, name: &StreamName, view: &StreamId) -> Result<(), StreamError> {
        self.change(name, |stream| {
            let mut stream = stream.clone();
            stream.views.remove(view).ok_or_else(|| StreamError::NoView(name.clone(), view.clone()))?;
            Ok((stream, ()))
        })
        .await
    }

    /// The format of a view.
    ///
    /// # Errors
    /// When there is no such stream or view, or the store fails.
    pub async fn view(&self, name: &StreamName, view: &StreamId) -> Result<Format, StreamError> {
        let stream = self.get(name).await?;
        stream.views.get(view).cloned().ok_or_else(|| StreamError::NoView(name.clone(), view.clone()))
    }

    /// Removes all events of a stream that were written before.
    ///
    /// # Errors
    /// When there is no such stream, or the store fails.
    pub async fn truncate(&self, name: &StreamName) -> Result<(), StreamError> {
        let stream = self.get(name).await?;
        if let Some(queue) = &self.queue {
            queue.written().await; // What was accepted before goes, too.
        }
        self.log.truncate(&stream.log).await.map_err(|error| lost(error, name))?;
        match self.notices.begin_anew(&stream).await {
            // The events are gone; the next look sees that the stream has become smaller.
            Err(PortError::Full { .. }) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Removes a stream with its events, properties and views.
    ///
    /// # Errors
    /// When there is no such stream, or the store fails.
    pub async fn delete(&self, name: &StreamName) -> Result<(), StreamError> {
        let mut found = self.found(name).await?;
        // Noted first: once the stream is gone nothing else tells that its log has to go, too.
        let removal = match self.note_removal(&found.stream).await {
            // A full disk is no reason to keep what takes its space. Only a crash right now would leave the log behind.
            Err((removal, PortError::Full { .. })) => removal,
            noted => noted.map_err(|(_, error)| error)?,
        };
        while let Err(error) = self.registry.remove(name, Condition::Match(found.etag.clone())).await {
            if !error.is_conflict() {
                return Err(error.into());
            }
            let again = self.found(name).await?;
            if again.stream.log != found.stream.log {
                return Err(StreamError::NoStream(name.clone())); // Somebody else has removed it, and made another one.
            }
            found = again;
        }
        Ok(self.finish_removal(&removal).await?)
    }

    /// Notes that a program has used a stream.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_use(&self, stream: &Stream, program: &Program) -> Result<(), PortError> {
        if self.usage.has_noted(stream, program) {
            return Ok(());
        }
        // A stream that is gone leaves nothing behind, and may have made place for another one of its name.
        match self.registry.find(&stream.name).await? {
            Some(found) if found.stream.log == stream.log => self.usage.note(stream, program).await,
            _ => Ok(()),
        }
    }
}

/// What a failure of a stream's log means: one that is not there was removed with its stream just now.
pub(super) fn lost(error: PortError, name: &StreamName) -> StreamError {
    match error {
        PortError::NotFound { .. } => StreamError::NoStream(name.clone()),
        other => other.into(),
    }
}

fn check_owner(stream: &Stream, changes: &Changes) -> Result<(), StreamError> {
    match &changes.principal {
        Some(principal) if stream.properties.principal.as_ref() != Some(principal) => {
            Err(StreamError::NotOwner { name: stream.name.clone(), principal: principal.to_string() })
        }
        _ => Ok(()),
    }
}
