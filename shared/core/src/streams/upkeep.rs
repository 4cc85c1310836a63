//! What is done for streams from time to time, so that nothing is left over.

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::registry::Stream;
use super::service::StreamService;
use crate::ids::StreamName;
use crate::ports::{Condition, DocumentsExt as _, Key, LogName, PortError, Timestamp};

/// A stream whose removal has begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Removal {
    name: StreamName,
    log: LogName,
}

const REMOVALS: &str = "streams/removals";

impl Removal {
    fn key(&self) -> Key {
        // The last part of a log's name is unique.
        let unique = self.log.0.rsplit('/').next().unwrap_or_default();
        Key::root(REMOVALS).child(unique).expect("it is short")
    }
}

impl StreamService {
    /// Notes that a stream is being removed, or says why that could not be noted.
    pub(super) async fn note_removal(&self, stream: &Stream) -> Result<Removal, (Removal, PortError)> {
        let removal = Removal { name: stream.name.clone(), log: stream.log.clone() };
        match self.registry.documents.put_json(&removal.key(), &removal, Condition::Any).await {
            Ok(_) => Ok(removal),
            Err(error) => Err((removal, error)),
        }
    }

    /// Removes what is left of a stream whose document is gone.
    pub(super) async fn finish_removal(&self, removal: &Removal) -> Result<(), PortError> {
        self.log.remove(&removal.log).await?;
        self.usage.forget(&removal.name, &removal.log).await?;
        self.notices.forget(&removal.name, &removal.log).await?;
        self.registry.documents.delete(&removal.key(), Condition::Any).await
    }

    /// Finishes removals that were broken off, has the space of expired events come back, and has it looked for notices that were not
    /// announced.
    /// For a host to call when it starts, and every few minutes. What fails for one stream is left to the next time.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tidy(&self) -> Result<(), PortError> {
        for listed in self.registry.documents.list_all(&Key::root(REMOVALS)).await? {
            let Some((removal, _)) = self.registry.documents.get_json::<Removal>(&listed.key).await? else { continue };
            if self.registry.find(&removal.name).await?.is_some_and(|found| found.stream.log == removal.log) {
                // It was broken off before anything was removed, and nobody was told that it was.
                self.registry.documents.delete(&listed.key, Condition::Any).await?;
            } else {
                self.finish_removal(&removal).await?;
            }
        }
        for name in self.all().await? {
            if let Err(error) = self.tidy_stream(&name).await {
                warn!(error = &error as &dyn std::error::Error, stream = %name, "a stream could not be tidied");
            }
        }
        Ok(())
    }

    /// Looks whether streams have grown by their thresholds that no process has looked at since: one may have ended before it did.
    /// For a host to call when it starts, where asking logs for their sizes is cheap and nobody else does.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn notice_all(&self) -> Result<(), PortError> {
        for name in self.all().await? {
            let Some(found) = self.registry.find(&name).await? else { continue };
            let size = self.log.size(&found.stream.log).await?;
            self.notice_growth(&found.stream.log, size).await?;
        }
        Ok(())
    }

    async fn all(&self) -> Result<Vec<StreamName>, PortError> {
        let mut all = Vec::new();
        for namespace in self.registry.namespaces().await? {
            let streams = self.registry.streams(&namespace).await?;
            all.extend(streams.into_iter().map(|stream| StreamName { namespace: namespace.clone(), stream }));
        }
        Ok(all)
    }

    async fn tidy_stream(&self, name: &StreamName) -> Result<(), PortError> {
        let Some(found) = self.registry.find(name).await? else { return Ok(()) };
        let now = self.now();
        match found.stream.properties.ttl.first_alive(now) {
            Some(first) if first > 0 => self.log.trim(&found.stream.log, Timestamp::from_millis(first)).await?,
            None => self.log.trim(&found.stream.log, Timestamp::from_millis(now)).await?,
            Some(_) => {}
        }
        self.notices.remember_to_announce(name);
        Ok(())
    }
}
