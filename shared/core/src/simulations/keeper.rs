//! Turns a simulation into tasks, one for each part of its fleet.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize as _;

use super::directory::HubDirectory;
use super::fleet::{FleetDefinition, GroupDefinition, Source};
use super::launch::{
    Edition, KIND, Launch, Progress, Roster, StoredFleet, dismiss, fleet_key, load_fleet, roster_key, run_key, runs, store_fleet,
};
use super::model::{CUSTOM, DeviceModel, ScriptEntry};
use super::stock_scripts::stock_script;
use super::{Counters, FleetError, Fleets, HubChoice, Models, RateLimits, Scripts, Settings, Simulation, SimulationRecords};
use crate::ids::TaskId;
use crate::limits;
use crate::ports::{Clock, Condition, Documents, DocumentsExt as _, Entropy, Hubs, Key, PortError, StepMessage, TaskQueue};
use crate::tasks::{Phase, Task, TaskStore};

/// How long after a deletion its tasks are asked to look.
const SOON: Duration = Duration::from_millis(50);

/// Lets the devices of a simulation live, as durable tasks.
#[derive(Debug, Clone)]
pub struct FleetKeeper {
    /// Where all is stored.
    pub documents: Arc<dyn Documents>,
    /// The tasks.
    pub tasks: TaskStore,
    /// Their messages.
    pub queue: Arc<dyn TaskQueue>,
    /// Models of devices.
    pub models: Models,
    /// Scripts that were uploaded.
    pub scripts: Scripts,
    /// Which hubs there are.
    pub directory: HubDirectory,
    /// What can be spoken to.
    pub hubs: Arc<dyn Hubs>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For the ids of tasks.
    pub entropy: Arc<dyn Entropy>,
}

impl FleetKeeper {
    async fn define(&self, settings: &Settings, hub: &HubChoice) -> Result<FleetDefinition, PortError> {
        let mut groups = Vec::new();
        for entry in settings.models.iter().filter(|entry| entry.count > 0) {
            let model = if entry.id == CUSTOM { Some(DeviceModel::custom()) } else { self.models.find(&entry.id).await? };
            let Some(model) = model else {
                tracing::warn!(model = entry.id, "there is no such device model; its devices are left out");
                continue;
            };
            let model = entry.overridden.as_ref().map_or_else(|| model.clone(), |changes| changes.apply(&model));
            let mut sources = Vec::new();
            for script in model.simulation.scripts.iter().chain(model.methods.iter().map(|(_, script)| script)) {
                sources.push(self.source(script).await?);
            }
            groups.push(GroupDefinition { model, count: entry.count, sources });
        }
        let given = settings.rate_limits;
        let at_once = hub.connects_at_once();
        let connections = match given {
            Some(given) => given.connections_per_second,
            None if at_once => limits::LOCAL_CONNECTIONS_PER_SECOND,
            None => RateLimits::default().connections_per_second,
        };
        Ok(FleetDefinition {
            groups,
            replay: settings.replay_file.clone().map(|id| (id, settings.replay_again)),
            seed: settings.seed,
            connections_per_second: connections,
            // An IoT Hub's adapter keeps to the bound as well, but cannot move a grid: a fleet that wanted more would be later and later.
            messages_per_second: given.or((!at_once).then(RateLimits::default)).map(|limits| limits.messages_per_second),
        })
    }

    async fn source(&self, entry: &ScriptEntry) -> Result<Source, PortError> {
        if entry.kind.eq_ignore_ascii_case("internal") {
            return Ok(Source::Internal);
        }
        if !entry.kind.eq_ignore_ascii_case("javascript") {
            return Ok(Source::Missing(format!("there are no scripts of the type {:?}", entry.kind)));
        }
        if !entry.path.eq_ignore_ascii_case("storage") {
            let known = stock_script(&entry.path).map(|script| Source::Stock(script.name.to_string()));
            return Ok(known.unwrap_or_else(|| Source::Missing(format!("there is no script {:?}", entry.path))));
        }
        let id = entry.id.as_deref().unwrap_or_default();
        let found = self.scripts.find(id).await?.map(|script| Source::Text(script.name.to_string(), script.text.to_string()));
        Ok(found.unwrap_or_else(|| Source::Missing(format!("there is no uploaded script {id:?}"))))
    }

    async fn roster(&self) -> Result<(Roster, Condition), PortError> {
        let found = self.documents.get_json(&roster_key()).await?;
        Ok(found.map_or((Roster::default(), Condition::Absent), |(roster, etag)| (roster, Condition::Match(etag))))
    }

    /// Writes the roster in the place of the one that was read: two that settle at the same time must not each make tasks.
    async fn write(&self, roster: &Roster, condition: Condition) -> Result<Condition, PortError> {
        self.documents.put_json(&roster_key(), roster, condition).await.map(Condition::Match)
    }

    /// Has a task look at the simulation, wherever it stands.
    async fn wake(&self, id: &TaskId) -> Result<(), PortError> {
        let message = StepMessage { task: id.clone(), step: u64::MAX };
        self.queue.enqueue(message, self.clock.now().plus(SOON)).await
    }

    /// Has the tasks of former runs end. Answers those that are still there.
    async fn dismiss(&self, former: Vec<TaskId>) -> Result<Vec<TaskId>, PortError> {
        let mut left = Vec::new();
        for id in former {
            if dismiss(&self.tasks, &id).await? {
                self.wake(&id).await?;
                left.push(id);
            }
        }
        Ok(left)
    }

    /// Removes what no part goes on from any more: former runs, and former editions of this one.
    async fn tidy(&self, roster: &Roster, edition: &Edition) -> Result<(), PortError> {
        let mut oldest = edition.version;
        for id in &roster.parts {
            let stands =
                self.tasks.get(id).await?.map(|(task, _)| Progress::deserialize(&task.progress).unwrap_or_default().edition.version);
            oldest = stands.filter(|version| *version > 0).map_or(oldest, |version| oldest.min(version));
        }
        let stored = SimulationRecords::new(Arc::clone(&self.documents)).stored().await?;
        let about_to_begin = stored.and_then(|stored| stored.run).filter(|run| *run != roster.run).map(|run| run_key(run.as_str()));
        let (present, oldest) = (run_key(&roster.run), fleet_key(&roster.run, &Edition { version: oldest, etag: String::new() }));
        for listed in self.documents.list_all(&runs()).await? {
            let belongs_to = |run: &Key| listed.key.as_str().starts_with(run.as_str());
            let needed = match () {
                () if belongs_to(&present) => listed.key >= oldest,
                () if about_to_begin.as_ref().is_some_and(belongs_to) => true,
                () => !roster.former.is_empty(),
            };
            if !needed {
                self.documents.delete(&listed.key, Condition::Any).await?;
            }
        }
        Ok(())
    }

    /// Removes what all runs have left, once none is there any more.
    async fn remove_runs(&self) -> Result<(), PortError> {
        for listed in self.documents.list_all(&runs()).await? {
            self.documents.delete(&listed.key, Condition::Any).await?;
        }
        Ok(())
    }

    /// What a simulation comes to, if that was lost to somebody who tidied up.
    async fn define_again(&self, simulation: &Simulation, run: &str, edition: &Edition) -> Result<StoredFleet, PortError> {
        match self.prepare(simulation).await {
            Ok(()) => {}
            Err(FleetError::Settings(why)) => tracing::warn!(why, "the simulation cannot run"),
            Err(FleetError::Store(error)) => return Err(error),
        }
        let stored = load_fleet(&*self.documents, run, edition).await?;
        stored.ok_or_else(|| PortError::NotFound { what: "the fleet of the simulation".to_owned() })
    }

    fn task(&self, id: TaskId, launch: &Launch) -> Task {
        Task::new(id, KIND, launch, &Progress::default(), "Starting.", self.clock.now())
    }

    /// Begins a task of the present run, or begins it again after its end. One that failed under this very edition would fail again.
    async fn begin(&self, id: &TaskId, launch: &Launch, edition: &Edition) -> Result<(), PortError> {
        match self.tasks.get(id).await? {
            Some((task, _)) if task.phase == Phase::Running => {}
            Some((ended, etag)) => {
                let progress = Progress::deserialize(&ended.progress).unwrap_or_default();
                if ended.phase == Phase::Failed && progress.edition == *edition {
                    return Ok(());
                }
                let progress = serde_json::to_value(progress.again()).expect("plain data serialises");
                let task = Task { step: ended.step + 1, progress, ..self.task(id.clone(), launch) };
                self.tasks.put(&task, etag).await?;
            }
            None => drop(self.tasks.create(&self.task(id.clone(), launch)).await?),
        }
        self.wake(id).await
    }

    /// Makes reality of what is written. Fails with a conflict when somebody else does at the same time.
    async fn follow(&self, simulation: &Simulation) -> Result<(), PortError> {
        let (mut roster, condition) = self.roster().await?;
        let stored = SimulationRecords::new(Arc::clone(&self.documents)).stored().await?;
        if stored.is_none_or(|stored| stored.etag != simulation.etag) {
            return Ok(()); // Whoever wrote another one, or removed this one, has that followed.
        }
        let Some(run) = &simulation.run else {
            // The tasks see that they are not wanted any more. What they counted stays.
            for id in &roster.parts {
                self.wake(id).await?;
            }
            return Ok(());
        };
        let edition = Edition::of(simulation);
        let fleet = match load_fleet(&*self.documents, run, &edition).await? {
            Some(fleet) => fleet,
            None => self.define_again(simulation, run, &edition).await?,
        };
        if roster.run != *run {
            let Roster { parts, former, .. } = roster;
            let former = former.into_iter().chain(parts).collect();
            roster = Roster { run: run.clone(), parts: Vec::new(), former, deleted: roster.deleted };
        }
        let over = simulation.settings.end.is_some_and(|end| end.at <= self.clock.now());
        while roster.parts.len() < fleet.parts() as usize {
            roster.parts.push(TaskId::from_bits(self.entropy.draw()));
        }
        // Before the tasks, so that none is ever there of which nobody knows.
        let condition = self.write(&roster, condition).await?;
        for (part, id) in (0u32..).zip(&roster.parts) {
            if over {
                self.wake(id).await?;
            } else {
                self.begin(id, &Launch { run: run.clone(), part }, &edition).await?;
            }
        }
        roster.former = self.dismiss(roster.former).await?;
        roster.deleted.retain(|id| roster.former.contains(id));
        self.write(&roster, condition).await?;
        self.tidy(&roster, &edition).await
    }

    /// Ends what a simulation that is no more has left. Fails with a conflict when somebody else does at the same time.
    async fn take_leave(&self) -> Result<(), PortError> {
        let (Roster { parts, former, mut deleted, .. }, condition) = self.roster().await?;
        if SimulationRecords::new(Arc::clone(&self.documents)).stored().await?.is_some() {
            return Ok(()); // The one that has come since sees to that.
        }
        if former.is_empty() && parts.is_empty() {
            return self.remove_runs().await;
        }
        deleted.extend(former.iter().chain(&parts).cloned());
        // Before they are dismissed, so that they find it.
        let all = Roster { former: former.into_iter().chain(parts).collect(), deleted, ..Roster::default() };
        let condition = self.write(&all, condition).await?;
        let former = self.dismiss(all.former).await?;
        let roster = Roster { deleted: former.clone(), former, ..Roster::default() };
        self.write(&roster, condition).await?;
        if roster.former.is_empty() { self.remove_runs().await } else { Ok(()) }
    }
}

#[async_trait]
impl Fleets for FleetKeeper {
    async fn prepare(&self, simulation: &Simulation) -> Result<(), FleetError> {
        let settings = &simulation.settings;
        let stored = self.directory.find(settings).await?;
        let hub = self.directory.choose(&stored);
        self.hubs.supports(&hub).map_err(FleetError::Settings)?;
        let Some(run) = &simulation.run else { return Ok(()) };
        let fleet = StoredFleet {
            definition: self.define(settings, &hub).await?,
            hub: stored,
            limits: settings.rate_limits.unwrap_or_default(),
            delete_devices: settings.delete_devices_when_ends,
        };
        Ok(store_fleet(&*self.documents, run, &Edition::of(simulation), &fleet).await?)
    }

    async fn settle(&self, simulation: &Simulation) -> Result<(), PortError> {
        loop {
            match self.follow(simulation).await {
                Err(error) if error.is_conflict() => {} // Somebody else was faster: look again.
                done => return done,
            }
        }
    }

    async fn end(&self) -> Result<(), PortError> {
        loop {
            match self.take_leave().await {
                Err(error) if error.is_conflict() => {}
                done => return done,
            }
        }
    }

    async fn counters(&self, simulation: &Simulation) -> Result<Counters, PortError> {
        let (roster, _) = self.roster().await?;
        let mut counters = Counters::default();
        let mut alive = simulation.run.as_ref() == Some(&roster.run) && !roster.parts.is_empty();
        for id in &roster.parts {
            let Some((task, _)) = self.tasks.get(id).await? else { continue };
            let progress = Progress::deserialize(&task.progress).unwrap_or_default();
            alive &= task.phase == Phase::Running && progress.began.is_some();
            progress.add_to(&mut counters, self.clock.now());
        }
        counters.running = alive && simulation.is_active(self.clock.now());
        Ok(counters)
    }
}
