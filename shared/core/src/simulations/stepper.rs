//! Lets a part of a fleet live as a durable task: messages out, a snapshot at the end of every step.
//!
//! A step does one of these things: it registers devices; it puts the fleet under another version of its simulation; it lets the devices
//! live for a while; or it takes leave of a run that is over. Whatever decides what devices send is in a snapshot before they send it.
//! So a step that is repeated after a crash sends the same messages under the same numbers, and the hub leaves out those it has.

mod turns;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{Either, select};
use serde::Deserialize as _;
use tracing::error;

use super::directory::HubDirectory;
use super::fleet::{Fleet, FleetPlan, Replay, Ways};
use super::launch::{Edition, Launch, Progress, Roster, StoredFleet, dismiss, load_fleet, roster_key};
use super::running::{Failures, Host, Live, register};
use super::stock_scripts::stock_script;
use super::{Replays, Simulation, SimulationRecords, recorded};
use crate::ids::TaskId;
use crate::ports::{
    Clock, Documents, DocumentsExt as _, Etag, Hub, HubDevice, Hubs, MethodCall, Owner, PortError, ScriptEngine, Timestamp,
};
use crate::tasks::{Kept, Next, Obstacle, Saved, StepContext, StepResult, Stepper, Task, TaskError};

/// How often a running step looks whether its simulation has changed.
const LOOK: Duration = Duration::from_millis(400);

/// The fleet goes on no more often than this, so that what is due at about the same time is sent together.
const QUANTUM: Duration = Duration::from_millis(20);

/// What was due for no longer than this while nothing ran is sent late. Of what was due for longer, the rest is passed over: the
/// devices were off. It must be longer than the message of a function that was killed stays hidden.
const CATCH_UP: Duration = Duration::from_secs(180);

/// How much later than its time a step may begin before it has to save that first.
const SLACK: Duration = Duration::from_secs(2);

/// How much earlier than its devices have something to do a step is asked for: to bring a part to memory takes a moment where stores
/// are far away.
const LEAD: Duration = Duration::from_millis(500);

/// The longest pause of a task whose devices have nothing to do, should the message that is to wake it be lost.
const IDLE: Duration = Duration::from_secs(60);

/// A wait for a hub from which on people are told of it.
const NOTICEABLE: Duration = Duration::from_secs(1);

/// A snapshot may take this share of the time between two of them; a large one makes steps longer.
const SNAPSHOT_SHARE: u32 = 20;

/// Steps the parts of fleets.
#[derive(Debug)]
pub struct SimulationStepper {
    documents: Arc<dyn Documents>,
    records: SimulationRecords,
    replays: Replays,
    directory: HubDirectory,
    hubs: Arc<dyn Hubs>,
    host: Host,
    kept: Kept<Live>,
    /// Hubs at which a part is still registering its devices.
    registering: Kept<(Box<dyn Hub>, Ways)>,
}

/// How a stretch of life ended.
#[derive(Debug)]
enum Ended {
    /// It is time to save.
    Budget,
    /// No step is needed before this moment.
    Idle(Timestamp),
    /// Methods were called.
    Called(Vec<MethodCall>),
    /// The simulation is another one now, or over.
    Changed,
    /// Time has passed in which nothing ran.
    Asleep,
}

/// A step that ends early, with its result.
type Early<T> = Result<T, Box<StepResult>>;

impl SimulationStepper {
    /// A stepper that keeps at most so many parts in memory between their steps.
    #[must_use]
    pub fn new(
        documents: &Arc<dyn Documents>,
        replays: Replays,
        directory: HubDirectory,
        hubs: Arc<dyn Hubs>,
        engine: Arc<dyn ScriptEngine>,
        clock: Arc<dyn Clock>,
        keeps: usize,
    ) -> Self {
        let records = SimulationRecords::new(Arc::clone(documents));
        let host = Host { engine, clock };
        let (kept, registering) = (Kept::new(keeps), Kept::new(keeps));
        Self { documents: Arc::clone(documents), records, replays, directory, hubs, host, kept, registering }
    }

    fn now(&self) -> Timestamp {
        self.host.clock.now()
    }

    async fn load(&self, task: &Task, launch: &Launch, edition: &Edition) -> Result<StoredFleet, PortError> {
        let stored = load_fleet(&*self.documents, &launch.run, edition).await?;
        stored.ok_or_else(|| corrupt(task, std::io::Error::other("its fleet is not defined")))
    }

    async fn plan(&self, stored: &StoredFleet, launch: &Launch) -> Result<Arc<FleetPlan>, PortError> {
        let replay = match &stored.definition.replay {
            None => None,
            Some((id, again)) => {
                // A file that is gone leaves the devices with nothing to replay.
                let file = self.replays.find(id).await?;
                let messages = file.as_ref().and_then(|file| recorded(&file.content).ok()).unwrap_or_default();
                Some(Replay::new(&messages, *again))
            }
        };
        Ok(Arc::new(FleetPlan::compile(&stored.definition, stored.part(launch.part), replay, stock_script)))
    }

    /// Opens the hub of a fleet.
    async fn open(&self, task: &Task, stored: &StoredFleet, progress: &Progress) -> Early<(Box<dyn Hub>, Ways)> {
        let choice = self.directory.choose(&stored.hub);
        let at_once = choice.connects_at_once();
        // A hub that it comes back to must not take what comes now for what it has.
        let owner = if progress.hubs == 0 { task.id.to_string() } else { format!("{}-{}", task.id, progress.hubs) };
        let opened = self.hubs.open(&choice, &Owner(owner), progress.committed, &stored.share()).await;
        match opened {
            Ok(hub) => Ok((hub, Ways { at_once, twins: !at_once })),
            Err(error) => Err(hindered(task, progress, error.into())),
        }
    }

    /// Registers devices, and begins the fleet once all are.
    async fn begin(
        &self,
        task: &Task,
        launch: &Launch,
        mut progress: Progress,
        edition: Edition,
        context: &StepContext<'_>,
    ) -> Result<StepResult, PortError> {
        if !self.former_are_gone(context).await? {
            let soon = self.now().plus(LOOK);
            return Ok(result(Next::At(soon), Saved::Kept, &progress, "Waiting for the devices of the run before to end."));
        }
        let stored = self.load(task, launch, &edition).await?;
        let plan = self.plan(&stored, launch).await?;
        let devices: Vec<HubDevice> = plan.hub_devices().collect();
        let label = self.directory.choose(&stored.hub).label();
        if progress.registered > 0 && progress.edition != edition {
            let staying = if progress.hub == label { devices.as_slice() } else { &[] };
            if let Err(early) = self.remove_former(task, launch, &progress, staying).await? {
                return Ok(*early);
            }
        }
        if progress.hub != label && !progress.hub.is_empty() {
            progress.leave_hub(0);
        }
        if progress.edition != edition || progress.hub != label {
            self.registering.forget(&task.id);
            (progress.edition, progress.hub, progress.registered) = (edition, label, 0);
        }
        let opened = match self.registering.take(task, context.stands_at) {
            Some(opened) => Ok(opened),
            None => self.open(task, &stored, &progress).await,
        };
        let (mut hub, ways) = match opened {
            Ok(opened) => opened,
            Err(early) => return Ok(*early),
        };
        let enough = self.now().plus(context.budget.wall);
        if let Err(obstacle) = register(&mut *hub, &devices, &mut progress.registered, (&*self.host.clock, enough)).await {
            return Ok(*hindered(task, &progress, obstacle));
        }
        if progress.registered < devices.len() {
            let message = format!("Registering devices: {} of {}.", progress.registered, devices.len());
            self.registering.keep(task, self.now(), (hub, ways)); // It knows how fast it may go on.
            return Ok(result(Next::Again, Saved::Kept, &progress, &message));
        }
        progress.began = Some(self.now());
        let fleet = Fleet::new(plan, ways, self.now());
        let ahead = progress.ahead;
        let live = Live::new(fleet, hub, stored, ahead, Failures::default());
        Ok(self.saved(task, live, &progress, Next::Again, context))
    }

    /// Whether no task of a former run is left, which may still be removing devices of the same ids.
    async fn former_are_gone(&self, context: &StepContext<'_>) -> Result<bool, PortError> {
        let roster: Option<(Roster, Etag)> = self.documents.get_json(&roster_key()).await?;
        for id in roster.map(|(roster, _)| roster.former).unwrap_or_default() {
            if dismiss(context.store, &id).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Brings a part that has begun to memory.
    async fn bring(
        &self,
        task: &Task,
        launch: &Launch,
        progress: &mut Progress,
        context: &StepContext<'_>,
    ) -> Result<Early<Live>, PortError> {
        if let Some(live) = self.kept.take(task, context.stands_at) {
            return Ok(Ok(live));
        }
        let stored = self.load(task, launch, &progress.edition).await?;
        let label = self.directory.choose(&stored.hub).label();
        let (mut hub, ways) = match self.open(task, &stored, progress).await {
            Ok(opened) => opened,
            Err(early) => return Ok(Err(early)),
        };
        let snapshot = task.snapshot.as_ref().ok_or_else(|| corrupt(task, std::io::Error::other("it has no snapshot")))?;
        let state = context.store.load_snapshot(&task.id, snapshot).await?;
        let mut fleet = Fleet::restore(self.plan(&stored, launch).await?, ways, &state).map_err(|error| corrupt(task, error))?;
        if label != progress.hub {
            // The configuration of the host has changed: nobody is known there yet.
            let devices: Vec<HubDevice> = fleet.plan().hub_devices().collect();
            if let Err(error) = hub.register(&devices).await {
                return Ok(Err(hindered(task, progress, error.into())));
            }
            progress.hub = label;
            fleet.reconnect(ways, self.now());
        } else if !ways.at_once {
            fleet.connect_again(self.now()); // Connections end with the process that made them.
        }
        let ahead = progress.ahead;
        Ok(Ok(Live::new(fleet, hub, stored, ahead, Failures::of(progress))))
    }

    /// Lets the devices live until it is time to save.
    async fn live(
        &self,
        live: &mut Live,
        progress: &Progress,
        simulation: &Simulation,
        context: &StepContext<'_>,
    ) -> Result<Result<Ended, Obstacle>, PortError> {
        let began = self.now();
        let ends = began.plus(Self::length(live, context)).min(progress.window.unwrap_or(began));
        // The end itself is no longer part.
        let end = simulation.settings.end.map(|end| end.at);
        let last = end.map_or(ends, |end| ends.min(Timestamp::from_micros(end.as_micros() - 1)));
        let (mut looked, mut seen, mut calls) = (began, began, Vec::new());
        loop {
            let now = self.now();
            if now.since(seen) > CATCH_UP {
                return Ok(Ok(Ended::Asleep)); // The machine was suspended.
            }
            if now.since(looked) >= LOOK {
                looked = now;
                if !self.is_current(simulation).await? {
                    return Ok(Ok(Ended::Changed));
                }
            }
            let going = live.go_on_once(&self.host, now.min(last), &mut calls);
            let caught_up = match self.unless_changed(simulation, context, going).await? {
                Some(Ok(caught_up)) => caught_up,
                Some(Err(obstacle)) => return Ok(Err(obstacle)),
                // What was broken off is somewhere between the fleet and its hub: only the snapshot knows where both stand.
                None => return Ok(Err(Obstacle::Later("the simulation has changed".to_owned()))),
            };
            let now = self.now();
            seen = now; // However long the hub has taken.
            match () {
                () if !calls.is_empty() => return Ok(Ok(Ended::Called(calls))),
                () if end.is_some_and(|end| end <= now) && caught_up => return Ok(Ok(Ended::Changed)),
                () if now >= ends => return Ok(Ok(Ended::Budget)),
                () if !caught_up => continue,
                () => {}
            }
            let next = [live.fleet.next_due(), end, Some(now.plus(IDLE))].into_iter().flatten().min().unwrap_or(now);
            if next >= ends && !live.hub.listens() && !live.fleet.awaits_connections() {
                // Never so early that the next step would end before there is something to do.
                let lead = LEAD.min(Self::length(live, context) / 2);
                return Ok(Ok(Ended::Idle(now.plus(next.since(now).saturating_sub(lead)))));
            }
            let pause = next.min(ends).since(now).min(LOOK).max(QUANTUM);
            self.host.clock.sleep(pause).await;
        }
    }

    /// How long the devices live before they are saved.
    fn length(live: &Live, context: &StepContext<'_>) -> Duration {
        context.budget.wall.max(live.snapshot_cost * SNAPSHOT_SHARE).min(context.budget.longest)
    }

    async fn is_current(&self, simulation: &Simulation) -> Result<bool, PortError> {
        Ok(self.records.stored().await?.is_some_and(|now| now.etag == simulation.etag))
    }

    /// Waits for a hub, but not for one whose simulation changes meanwhile: it may be down for hours. A wait that people would
    /// notice is said.
    async fn unless_changed<T>(
        &self,
        simulation: &Simulation,
        context: &StepContext<'_>,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, PortError> {
        let mut work = std::pin::pin!(work);
        let began = self.now();
        loop {
            match select(work.as_mut(), self.host.clock.sleep(LOOK)).await {
                Either::Left((done, _)) => return Ok(Some(done)),
                Either::Right(_) if !self.is_current(simulation).await? => return Ok(None),
                Either::Right(_) if self.now().since(began) >= NOTICEABLE => {
                    context.voice.say("Waiting for the hub to take what was sent.").await?;
                }
                Either::Right(_) => {}
            }
        }
    }

    /// Lets the devices live for a step.
    async fn run(
        &self,
        task: &Task,
        mut live: Live,
        progress: &Progress,
        simulation: &Simulation,
        context: &StepContext<'_>,
    ) -> Result<StepResult, PortError> {
        let ended = match self.live(&mut live, progress, simulation, context).await? {
            Ok(ended) => ended,
            Err(obstacle) => return Ok(*interrupted(task, progress, &live, obstacle)),
        };
        match self.unless_changed(simulation, context, live.hub.flush()).await? {
            Some(Ok(())) => {}
            Some(Err(error)) => return Ok(*interrupted(task, progress, &live, error.into())),
            None => return Ok(*interrupted(task, progress, &live, Obstacle::Later("the simulation has changed".to_owned()))),
        }
        let next = match ended {
            Ended::Idle(moment) => Next::At(moment),
            Ended::Called(calls) => {
                live.answer(&calls, self.now());
                Next::Again
            }
            Ended::Budget | Ended::Changed => Next::Again,
            Ended::Asleep => {
                let off = Progress { off: true, ..progress.clone() };
                return Ok(self.saved(task, live, &off, Next::Again, context));
            }
        };
        Ok(self.saved(task, live, progress, next, context))
    }

    /// The result of a step after which the devices are where `live` is.
    fn saved(&self, task: &Task, mut live: Live, progress: &Progress, next: Next, context: &StepContext<'_>) -> StepResult {
        let before = self.now();
        let snapshot = live.fleet.snapshot();
        let now = self.now();
        live.snapshot_cost = now.since(before);
        let mut progress = live.progress(progress);
        let begins = if let Next::At(moment) = next { moment } else { now };
        if !progress.off {
            progress.window = Some(begins.plus(Self::length(&live, context) + SLACK));
        }
        let message = format!("Running: {} devices.", progress.devices);
        self.kept.keep(task, now, live);
        result(next, Saved::New(snapshot), &progress, &message)
    }
}

fn result(next: Next, saved: Saved, progress: &Progress, message: &str) -> StepResult {
    let progress = serde_json::to_value(progress).expect("plain data serialises");
    StepResult { next, saved, progress, message: message.to_owned() }
}

fn corrupt(task: &Task, source: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError::Corrupt { what: format!("the task {}", task.id), source: Box::new(source) }
}

/// The result of a step that met an obstacle: what is durable counts, the rest is sent again from the former snapshot.
fn interrupted(task: &Task, progress: &Progress, live: &Live, obstacle: Obstacle) -> Box<StepResult> {
    hindered(task, &Progress { committed: live.hub.committed(), ..progress.clone() }, obstacle)
}

/// The result of a step that could not go on from where `progress` stands.
fn hindered(task: &Task, progress: &Progress, obstacle: Obstacle) -> Box<StepResult> {
    let former = Progress::deserialize(&task.progress).unwrap_or_default();
    let got_on = progress.committed.records > former.committed.records || progress.registered != former.registered;
    Box::new(obstacle.hinders(task, progress, got_on))
}

#[async_trait]
impl Stepper for SimulationStepper {
    async fn step(&self, task: &Task, context: StepContext<'_>) -> Result<StepResult, TaskError> {
        let launch = Launch::deserialize(&task.specification).map_err(|source| corrupt(task, source))?;
        let mut progress = Progress::deserialize(&task.progress).map_err(|source| corrupt(task, source))?;
        let simulation = self.records.stored().await?;
        let gone = simulation.as_ref().is_none_or(|simulation| simulation.run.as_ref().is_some_and(|run| *run != launch.run));
        let now = self.now();
        let stepped = match simulation {
            Some(simulation) if simulation.run.as_ref() == Some(&launch.run) => {
                let edition = Edition::of(&simulation);
                if let Some(end) = simulation.settings.end.filter(|end| end.at <= now) {
                    self.conclude(task, &launch, progress, end.at, &context).await
                } else if let Some(start) = simulation.settings.start.filter(|start| now < start.at) {
                    return Ok(result(Next::At(start.at.min(now.plus(IDLE))), Saved::Kept, &progress, "Waiting for its start time."));
                } else if progress.began.is_none() {
                    self.begin(task, &launch, progress, edition, &context).await
                } else {
                    match self.bring(task, &launch, &mut progress, &context).await {
                        Ok(Ok(live)) => match self.slept_from(task, &progress) {
                            Some(window) => self.wake_up(task, live, &progress, window, &context).await,
                            None if progress.edition == edition => self.run(task, live, &progress, &simulation, &context).await,
                            None => self.change(task, &launch, live, progress, edition, &context).await,
                        },
                        Ok(Err(early)) => Ok(*early),
                        Err(error) => Err(error),
                    }
                }
            }
            _ => self.leave(task, &launch, progress, None, gone, &context).await,
        };
        match stepped {
            Err(damaged @ PortError::Corrupt { .. }) => {
                error!(error = &damaged as &dyn std::error::Error, "the devices cannot be restored");
                let progress = Progress::deserialize(&task.progress).unwrap_or_default();
                Ok(*hindered(task, &progress, Obstacle::Never("its stored state cannot be read".to_owned())))
            }
            stepped => stepped,
        }
    }

    fn committed(&self, task: &Task, etag: &Etag) {
        self.kept.committed(task, etag);
        self.registering.committed(task, etag);
    }

    fn forget(&self, id: &TaskId) {
        self.kept.forget(id);
        self.registering.forget(id);
    }
}
