//! What a host does besides answering and stepping: points that wait at its end, and records of long ago.

use std::time::Duration;

use super::background::Duty;
use super::delivered::Delivered;
use super::outbox::Lane;
use super::run::State;
use super::service::LoadTestService;
use super::store::{RunStore, uuid_in};
use crate::limits;
use crate::ports::PortError;

/// How often it is looked whether points still wait.
const DRAIN_LOOK: Duration = Duration::from_millis(50);

impl LoadTestService {
    /// Waits until no points wait, the database refuses them, or so much time is over. Answers whether none wait.
    pub async fn drain(&self, within: Duration) -> bool {
        let until = self.clock.now().plus(within);
        loop {
            let waiting = futures::try_join!(self.outbox.oldest(Lane::Results, None), self.outbox.oldest(Lane::Beats, None));
            let Ok((results, beats)) = waiting else { return false };
            if results.is_empty() && beats.is_empty() {
                return true;
            }
            let delivery = self.background.tasks.get(&Duty::Delivery.task()).await.ok().flatten();
            let state = delivery.and_then(|(task, _)| serde_json::from_value::<Delivered>(task.progress).ok());
            if state.is_some_and(|state| state.reachable == Some(false)) || self.clock.now() >= until {
                return false;
            }
            self.clock.sleep(DRAIN_LOOK).await;
        }
    }

    /// Removes the records of runs of long ago that do not go on, and sees to what somebody may not have been told of. Answers how many were removed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self) -> Result<usize, PortError> {
        let now = self.clock.now();
        let waits = self.outbox.oldest(Lane::Results, None).await?.len() + self.outbox.oldest(Lane::Beats, None).await?.len();
        if waits > 0 {
            self.background.deliver().await?;
        }
        for (uuid, _) in self.going().await? {
            self.background.beat(&uuid).await?;
        }
        let (mut after, mut seen, mut removed) = (None, 0, 0);
        loop {
            let page = self.store.index(after.as_ref(), limits::LIST_PAGE).await?;
            for key in &page {
                seen += 1;
                let old = RunStore::registered(key).is_none_or(|registered| now.since(registered) > limits::ENDED_RUN);
                let Some(uuid) = uuid_in(key).filter(|_| old || seen > limits::ENDED_RUNS) else { continue };
                match self.store.running(&uuid).await? {
                    Some((run, etag)) if run.state == State::Lost => match self.store.remove_running(&uuid, &etag).await {
                        Err(error) if error.is_conflict() => continue, // It goes on.
                        removed => removed?,
                    },
                    Some(_) => continue,
                    None => {}
                }
                self.store.forget(&uuid, key).await?;
                removed += 1;
            }
            if page.len() < limits::LIST_PAGE {
                return Ok(removed);
            }
            after = page.last().cloned();
        }
    }
}
