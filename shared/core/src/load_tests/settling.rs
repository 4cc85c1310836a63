//! What happens to a run whose end is decided: its record, its result and its points are put where they belong.

use serde_json::Value;

use super::run::{End, Recorded, Run, Silence, State};
use super::service::LoadTestService;
use super::store::sound;
use super::{id::RunId, points, statistics};
use crate::limits;
use crate::ports::{Condition, Etag, PortError};

impl LoadTestService {
    /// Settles the end of a run, which stands among the running ones as the version `etag`. May be done any number of times, by anybody:
    /// the heartbeats of its shard do it where somebody was broken off. A run has one end only, so all do the same.
    pub(super) async fn settle(&self, run: Run, etag: &Etag) -> Result<(), PortError> {
        let uuid = run.uuid.clone();
        let Some(end) = run.end.clone() else { return Ok(()) };
        let ended = self.store.ended(&uuid).await?;
        // Once its points are kept, nothing puts them into the outbox again.
        let recorded = ended.as_ref().and_then(|(run, _)| run.end.as_ref()).is_some_and(|end| end.recorded.is_some());
        if !recorded {
            let stats: Option<Value> = end.stats.as_deref().and_then(|stats| serde_json::from_str(stats).ok());
            let mut endpoints = stats.as_ref().and_then(statistics::endpoints).unwrap_or_default();
            endpoints.truncate(limits::ENDPOINTS);
            let lines = points::of_end(&run, &end, &endpoints);
            if ended.is_none() {
                if let Some(stats) = &end.stats {
                    self.store.put_result(&uuid, stats, endpoints).await?;
                }
                let record = Run { end: Some(End { stats: None, ..end.clone() }), ..run };
                match self.store.put_ended(&record, Condition::Absent).await {
                    Err(error) if !error.is_conflict() => return Err(error),
                    Ok(_) | Err(_) => {} // Somebody else has put the same there.
                }
            }
            self.outbox.put_end(&uuid, end.at, &lines).await?;
            self.background.deliver().await?;
        }
        match self.store.remove_running(&uuid, etag).await {
            Err(error) if !error.is_conflict() && !matches!(error, PortError::NotFound { .. }) => Err(error),
            Ok(()) | Err(_) => Ok(()), // Somebody else has removed it.
        }
    }

    /// What became of the points of a run's end; nothing, as long as they wait.
    pub(super) async fn recorded(&self, uuid: &RunId) -> Result<Option<Recorded>, PortError> {
        let ended = sound(self.store.ended(uuid).await)?.flatten();
        Ok(ended.and_then(|(run, _)| run.end).and_then(|end| end.recorded))
    }

    /// Notes what became of the points of a run's end.
    pub(super) async fn note_recorded(&self, uuid: &RunId, recorded: &Recorded) -> Result<(), PortError> {
        loop {
            let Some((mut run, etag)) = sound(self.store.ended(uuid).await)?.flatten() else { return Ok(()) };
            match run.end.as_mut().filter(|end| end.recorded.is_none()) {
                None => return Ok(()),
                Some(end) => end.recorded = Some(recorded.clone()),
            }
            match self.store.put_ended(&run, Condition::Match(etag)).await {
                Err(error) if error.is_conflict() => {}
                written => return written.map(drop),
            }
        }
    }

    /// Notes that nothing was heard of a run for too long, unless something is meanwhile.
    pub(super) async fn lose(&self, run: Run, etag: &Etag) -> Result<(), PortError> {
        let silence = Silence { at: self.stamp(), told: false };
        let lost = Run { state: State::Lost, silence: Some(silence), ..run };
        match self.store.put(&lost, Condition::Match(etag.clone())).await {
            Ok(etag) => {
                tracing::info!(run = %lost.uuid, host = lost.host, "nothing was heard of a run for too long; it counts as lost");
                self.tell_lost(lost, &etag).await
            }
            Err(error) if error.is_conflict() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Puts the point of a run's silence into the outbox, and notes that.
    pub(super) async fn tell_lost(&self, mut run: Run, etag: &Etag) -> Result<(), PortError> {
        let Some(silence) = run.silence.as_mut().filter(|silence| !silence.told) else { return Ok(()) };
        let at = silence.at;
        silence.told = true;
        self.outbox.put_event(&run.uuid, at, points::lost(&run, at)).await?;
        self.background.deliver().await?;
        match self.store.put(&run, Condition::Match(etag.clone())).await {
            Err(error) if !error.is_conflict() => Err(error),
            Ok(_) | Err(_) => Ok(()), // It goes on, or is over.
        }
    }
}
