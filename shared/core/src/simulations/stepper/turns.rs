//! What a step does where the devices do not just go on: they follow another edition of their simulation, wake up after a long
//! interruption, or take leave.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use tracing::{info, warn};

use super::super::launch::{Edition, Launch, Progress, Roster, StoredFleet, load_fleet, roster_key};
use super::super::running::{Live, unregister};
use super::{CATCH_UP, Early, SimulationStepper, hindered, interrupted, result};
use crate::ports::{DocumentsExt as _, Etag, HubDevice, PortError, SinkError, Timestamp};
use crate::tasks::{Next, Obstacle, Saved, StepContext, StepResult, Task};

/// Attempts to remove devices from a hub that does not answer before they are left there.
const FAREWELLS: u32 = 8;

/// How long a hub that the devices leave for another one is given to take what was sent to it.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl SimulationStepper {
    /// Puts a part under another edition of its simulation.
    pub(super) async fn change(
        &self,
        task: &Task,
        launch: &Launch,
        mut live: Live,
        progress: Progress,
        edition: Edition,
        context: &StepContext<'_>,
    ) -> Result<StepResult, PortError> {
        let stored = self.load(task, launch, &edition).await?;
        let other_hub = stored.hub != live.stored.hub;
        // Up to now the old edition holds. If a step was broken off, it may have sent some of this already.
        let now = self.now();
        let until = now.min(progress.window.unwrap_or(now));
        let enough = now.plus(context.budget.wall);
        let went = if other_hub { self.last_words(&mut live, until).await } else { live.go_on(&self.host, until, enough).await };
        match went {
            // That it does not take anything may be the reason to leave it.
            Err(obstacle) if other_hub => warn!(?obstacle, "the former hub has not taken all that was sent"),
            Err(obstacle) => return Ok(*interrupted(task, &progress, &live, obstacle)),
            Ok(false) if !other_hub => return Ok(self.saved(task, live, &progress, Next::Again, context)),
            Ok(_) => {}
        }
        let former: Vec<HubDevice> = live.fleet.plan().hub_devices().collect();
        let (mut fleet, changes) = live.fleet.change(self.plan(&stored, launch).await?, now);
        let (removed, mut new) = (changes.removed, changes.added);
        let leaving: Vec<_> = removed.iter().chain(&changes.replaced).map(|device| device.id.clone()).collect();
        live.hub.disconnect(&leaving).await;
        let (mut hub, mut next, mut failure) = (live.hub, progress.clone(), None);
        let choice = self.directory.choose(&stored.hub);
        if other_hub {
            hub.disconnect(&former.iter().map(|device| Arc::clone(&device.id)).collect::<Vec<_>>()).await;
            if let Err(error) = hub.unregister(&former).await {
                warn!(%error, "devices are left in the registry of the former hub");
            }
            next.leave_hub(fleet.sent());
            new = fleet.plan().hub_devices().collect();
        } else {
            next.committed = hub.committed();
            if !removed.is_empty() {
                failure = hub.unregister(&removed).await.err();
            }
        }
        if other_hub || (stored.limits != live.stored.limits && !choice.connects_at_once()) {
            drop(hub);
            next.hub = choice.label();
            let (opened, ways) = match self.open(task, &stored, &next).await {
                Ok(opened) => opened,
                // The devices have not left: nothing of this is saved.
                Err(early) => return Ok(StepResult { progress: result(Next::Again, Saved::Kept, &progress, "").progress, ..*early }),
            };
            hub = opened;
            fleet.reconnect(ways, now);
        }
        if failure.is_none() && !new.is_empty() {
            failure = hub.register(&new).await.err();
        }
        match failure {
            // Its devices register themselves when they are refused, so those that are there need not wait for the new ones.
            Some(SinkError::Retry(reason)) if !choice.connects_at_once() => warn!(reason, "the registry does not answer an edit"),
            Some(error) => return Ok(*hindered(task, &progress, error.into())),
            None => {}
        }
        info!(added = new.len(), removed = removed.len(), version = edition.version, "the fleet follows another edition of its simulation");
        next.edition = edition;
        next.registered = fleet.plan().devices();
        let live = Live { fleet, hub, stored, ahead: next.ahead, ..live };
        Ok(self.saved(task, live, &next, Next::Again, context))
    }

    /// Removes the devices that were registered under another edition before they began, but for those that stay.
    pub(super) async fn remove_former(
        &self,
        task: &Task,
        launch: &Launch,
        progress: &Progress,
        staying: &[HubDevice],
    ) -> Result<Early<()>, PortError> {
        let Some(stored) = load_fleet(&*self.documents, &launch.run, &progress.edition).await? else { return Ok(Ok(())) };
        let staying: HashSet<&str> = staying.iter().map(|device| &*device.id).collect();
        let plan = self.plan(&stored, launch).await?;
        let leaving: Vec<HubDevice> =
            plan.hub_devices().take(progress.registered).filter(|device| !staying.contains(&*device.id)).collect();
        if leaving.is_empty() || task.troubles >= FAREWELLS {
            return Ok(Ok(()));
        }
        let mut hub = match self.open(task, &stored, progress).await {
            Ok((hub, _)) => hub,
            Err(early) if early.next == Next::Failed => return Ok(Ok(())), // They are left there.
            Err(early) => return Ok(Err(early)),
        };
        Ok(hub.unregister(&leaving).await.map_err(|error| hindered(task, progress, error.into())))
    }

    /// Goes on at a hub that the devices then leave, whatever becomes of that. Answers what stood against it.
    async fn last_words(&self, live: &mut Live, until: Timestamp) -> Result<bool, Obstacle> {
        let (patience, enough) = (self.host.clock.sleep(LAST_WORDS), self.now().plus(LAST_WORDS));
        match select(std::pin::pin!(live.go_on(&self.host, until, enough)), patience).await {
            Either::Left((went, _)) => went,
            Either::Right(_) => Err(Obstacle::Later("the hub does not answer".to_owned())),
        }
    }

    /// The moment from which on nothing ran, if that is so long ago that the devices count as having been off.
    pub(super) fn slept_from(&self, task: &Task, progress: &Progress) -> Option<Timestamp> {
        // A hub that could not be reached is no reason to lose anything: it was tried when the task was due.
        progress.window.filter(|window| progress.off || self.now().since(task.due.max(*window)) > CATCH_UP)
    }

    /// Goes on after nothing ran for long: what a step that was broken off may have sent is sent, the rest is passed over.
    pub(super) async fn wake_up(
        &self,
        task: &Task,
        mut live: Live,
        progress: &Progress,
        window: Timestamp,
        context: &StepContext<'_>,
    ) -> Result<StepResult, PortError> {
        let mut progress = Progress { off: true, ..progress.clone() };
        match live.go_on(&self.host, window, self.now().plus(context.budget.wall)).await {
            Err(obstacle) => return Ok(*interrupted(task, &progress, &live, obstacle)),
            Ok(false) => return Ok(self.saved(task, live, &progress, Next::Again, context)),
            Ok(true) => {}
        }
        progress.off = false;
        live.fleet.pass_over(self.now());
        info!(passed_over = live.fleet.tally().passed_over, "the devices were off, and go on from now");
        Ok(self.saved(task, live, &progress, Next::Again, context))
    }

    /// Ends the devices at the end of their simulation. What was due before it may not have been sent, if it came between two steps or
    /// while nothing ran.
    pub(super) async fn conclude(
        &self,
        task: &Task,
        launch: &Launch,
        mut progress: Progress,
        end: Timestamp,
        context: &StepContext<'_>,
    ) -> Result<StepResult, PortError> {
        if progress.began.is_none() || task.troubles >= FAREWELLS {
            return self.leave(task, launch, progress, None, false, context).await;
        }
        let mut live = match self.bring(task, launch, &mut progress, context).await? {
            Ok(live) => live,
            Err(early) => return Ok(*early),
        };
        let last = Timestamp::from_micros(end.as_micros() - 1); // The end itself is no longer part.
        let until = self.slept_from(task, &progress).map_or(last, |window| last.min(window));
        match live.go_on(&self.host, until, self.now().plus(context.budget.wall)).await {
            Err(obstacle) => return Ok(*interrupted(task, &progress, &live, obstacle)),
            Ok(false) => return Ok(self.saved(task, live, &progress, Next::Again, context)),
            Ok(true) => {}
        }
        self.leave(task, launch, progress, Some(live), false, context).await
    }

    /// Whether no hub is to know the devices of a run any more: their simulation was deleted. The local hub forgets those of every
    /// run, since each has its own there.
    async fn is_deleted(&self, task: &Task, stored: &StoredFleet, gone: bool) -> Result<bool, PortError> {
        if !gone || self.directory.choose(&stored.hub).connects_at_once() || self.records.stored().await?.is_none() {
            return Ok(gone);
        }
        let roster: Option<(Roster, Etag)> = self.documents.get_json(&roster_key()).await?;
        Ok(roster.is_some_and(|(roster, _)| roster.deleted.contains(&task.id)))
    }

    /// Ends the devices of a run that is over.
    pub(super) async fn leave(
        &self,
        task: &Task,
        launch: &Launch,
        mut progress: Progress,
        live: Option<Live>,
        gone: bool,
        context: &StepContext<'_>,
    ) -> Result<StepResult, PortError> {
        let live = live.or_else(|| self.kept.take(task, context.stands_at));
        if let Some(live) = &live {
            progress = live.progress(&progress);
        }
        let stored = match load_fleet(&*self.documents, &launch.run, &progress.edition).await? {
            Some(stored) if progress.registered > 0 && (stored.delete_devices || self.is_deleted(task, &stored, gone).await?) => {
                Some(stored)
            }
            _ => None,
        };
        if let Some(stored) = stored.filter(|_| task.troubles < FAREWELLS) {
            let hub = match live {
                Some(live) => Ok(live.hub),
                None => self.open(task, &stored, &progress).await.map(|(hub, _)| hub),
            };
            let left = match hub {
                Ok(mut hub) => {
                    let devices: Vec<HubDevice> = self.plan(&stored, launch).await?.hub_devices().collect();
                    // Devices that are connected would register themselves anew.
                    hub.disconnect(&devices.iter().map(|device| Arc::clone(&device.id)).collect::<Vec<_>>()).await;
                    let enough = (&*self.host.clock, self.now().plus(context.budget.wall));
                    let removed = unregister(&mut *hub, &devices, &mut progress.registered, enough).await;
                    removed.map_err(|obstacle| hindered(task, &progress, obstacle))
                }
                Err(early) => Err(early),
            };
            match left {
                Ok(()) if progress.registered > 0 => return Ok(result(Next::Again, Saved::Kept, &progress, "Removing devices.")),
                Ok(()) => {}
                Err(early) if early.next == Next::Failed => {
                    warn!(reason = early.message, "devices are left in the registry of their hub");
                }
                Err(early) => return Ok(*early),
            }
        }
        if let Some(run) = self.records.stored().await?.filter(|_| !gone).filter(|now| now.is_active(self.now())).and_then(|now| now.run)
            && run == launch.run
        {
            return Ok(result(Next::Again, Saved::Kept, &progress, "The simulation goes on.")); // It was prolonged meanwhile.
        }
        (progress.devices, progress.ended) = (0, Some(self.now()));
        info!(gone, "the devices have ended");
        let next = if gone { Next::Stopped } else { Next::Finished };
        Ok(result(next, Saved::Dropped, &progress, "Ended."))
    }
}
