//! Answers the requests of the simulations API, whoever brings them.

use std::sync::Arc;

use serde_json::Value;

use super::model::DeviceModel;
use super::request::{Asked, Change};
use super::resolving::Resolved;
use super::shelf::new_etag;
use super::streams_used::stream_of;
use super::{
    ConnectionString, ConnectionStringError, Counters, FleetError, Fleets, HubSetting, ModelCount, Models, ONLY, Replays, Scripts,
    Settings, Simulation, SimulationRecords, SimulationView, Status,
};
use crate::ids::StreamName;
use crate::limits;
use crate::mistakes::Mistakes;
use crate::ports::{Clock, Condition, Entropy, Etag, PortError, Targets, Timestamp};

/// Why a request about a simulation was refused; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// There is no such simulation.
    #[error("there is no simulation {0:?}")]
    NotFound(String),
    /// There is one already.
    #[error("there is a simulation already; its ETag is {0}")]
    Exists(String),
    /// It has changed since the client read it.
    #[error("the simulation has changed meanwhile; its ETag is {0}")]
    Changed(String),
    /// It has changed since the client read what it wants to replace.
    #[error("the simulation has changed meanwhile, and is not what the request says; its ETag is {0}")]
    OutOfDate(String),
    /// The request says something wrong.
    #[error(transparent)]
    Wrong(#[from] Mistakes),
    /// There is no such template.
    #[error("there is no template {0:?}; there is only the template default")]
    NoTemplate(String),
    /// There can be no such simulation.
    #[error("there can be no simulation {0:?}: the only one is {ONLY:?}")]
    OtherId(String),
    /// The connection string of the hub is none.
    #[error("IoTHub.ConnectionString: {0}")]
    Hub(#[from] ConnectionStringError),
    /// The connection string has no key, and none is known.
    #[error("IoTHub.ConnectionString: has no key, and none is known for this host and policy; give the whole connection string")]
    NoKey,
    /// It cannot run so.
    #[error("{0}")]
    CannotRun(String),
    /// It takes too many bytes.
    #[error("the simulation takes {0} bytes, at most {most} are allowed", most = limits::SIMULATION_BYTES)]
    TooLarge(usize),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

impl From<FleetError> for SimulationError {
    fn from(error: FleetError) -> Self {
        match error {
            FleetError::Settings(text) => Self::CannotRun(text),
            FleetError::Store(error) => error.into(),
        }
    }
}

/// What a [`SimulationService`] is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The simulation in the store.
    pub records: SimulationRecords,
    /// The device models.
    pub models: Models,
    /// The scripts.
    pub scripts: Scripts,
    /// The files to replay.
    pub replays: Replays,
    /// What lets devices live.
    pub fleets: Arc<dyn Fleets>,
    /// What this host can write to.
    pub targets: Arc<dyn Targets>,
    /// Whether a hub is configured.
    pub hub_configured: bool,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Unpredictable numbers.
    pub entropy: Arc<dyn Entropy>,
}

/// The simulations group's service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SimulationService {
    pub(super) parts: Parts,
    started: Timestamp,
    uid: String,
}

impl SimulationService {
    /// The service, which begins now.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (started, id) = (parts.clock.now(), (parts.entropy.draw(), parts.entropy.draw()));
        Self { parts, started, uid: format!("WebService.{:016x}{:016x}", id.0, id.1) }
    }

    /// The device models.
    #[must_use]
    pub fn models(&self) -> &Models {
        &self.parts.models
    }

    /// The scripts.
    #[must_use]
    pub fn scripts(&self) -> &Scripts {
        &self.parts.scripts
    }

    /// The files to replay.
    #[must_use]
    pub fn replays(&self) -> &Replays {
        &self.parts.replays
    }

    /// The stream that a simulation's messages are events of, if they are.
    #[must_use]
    pub fn stream_of(&self, simulation: &Simulation) -> Option<StreamName> {
        stream_of(&simulation.settings, self.parts.hub_configured)
    }

    /// All simulations: one at most.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<SimulationView>, SimulationError> {
        match self.parts.records.stored().await? {
            None => Ok(Vec::new()),
            Some(simulation) => Ok(vec![self.seen(simulation).await?]),
        }
    }

    /// A simulation, with what has been counted.
    ///
    /// # Errors
    /// When there is none of this id, or the store fails.
    pub async fn get(&self, id: &str) -> Result<SimulationView, SimulationError> {
        let stored = if id == ONLY { self.parts.records.stored().await? } else { None };
        self.seen(stored.ok_or_else(|| SimulationError::NotFound(id.to_owned()))?).await
    }

    /// Makes the simulation: as the body says, or with the template `default` one device of every model.
    ///
    /// # Errors
    /// When there is one already, the request is wrong, it cannot run, or the store fails.
    pub async fn create(&self, template: Option<&str>, body: &Value) -> Result<SimulationView, SimulationError> {
        let models = match template.map(str::trim).filter(|template| !template.is_empty()) {
            None => None,
            Some(name) if name.eq_ignore_ascii_case("default") => Some(self.one_of_each().await?),
            Some(other) => return Err(SimulationError::NoTemplate(other.to_owned())),
        };
        let asked = Asked::read(body, models, self.parts.clock.now())?;
        if let Some(stored) = self.parts.records.stored().await? {
            return Err(SimulationError::Exists(stored.etag));
        }
        match self.create_as(asked).await {
            Err(SimulationError::Store(PortError::Conflict { .. })) => {
                let etag = self.parts.records.stored().await?.map(|stored| stored.etag);
                Err(SimulationError::Exists(etag.unwrap_or_default()))
            }
            other => other,
        }
    }

    /// Replaces the simulation whose ETag the body has, or any with the ETag `*`; makes it if there is none.
    ///
    /// Asking again for what is there already is no mistake, whatever the ETag: the answer to the first request may have been lost.
    ///
    /// # Errors
    /// When the id is another one, it has changed meanwhile, the request is wrong, it cannot run, or the store fails.
    pub async fn replace(&self, id: &str, body: &Value) -> Result<SimulationView, SimulationError> {
        expect_only(id)?;
        let asked = Asked::read(body, None, self.parts.clock.now())?;
        loop {
            let written = match self.parts.records.read().await? {
                None => self.create_as(asked.clone()).await,
                Some(found) => self.replace_as(asked.clone(), found).await,
            };
            match written {
                Err(SimulationError::Store(PortError::Conflict { .. })) => {} // Somebody else was faster: look again.
                other => return other,
            }
        }
    }

    /// Enables or disables the simulation whose ETag the body has.
    ///
    /// # Errors
    /// When the id is another one, there is none, it has changed meanwhile, the request is wrong, it cannot run, or the store fails.
    pub async fn patch(&self, id: &str, body: &Value) -> Result<SimulationView, SimulationError> {
        expect_only(id)?;
        let change = Change::read(body)?;
        loop {
            let found = self.parts.records.read().await?;
            let (stored, condition) = found.ok_or_else(|| SimulationError::NotFound(id.to_owned()))?;
            if change.etag != stored.etag {
                return Err(SimulationError::Changed(stored.etag));
            }
            let Some(enabled) = change.enabled.filter(|enabled| *enabled != stored.settings.enabled) else {
                return Ok(self.written(stored).await);
            };
            let settings = Settings { enabled, ..stored.settings.clone() };
            match self.write(self.successor(&stored, settings), Some((&stored, condition)), None).await {
                Err(SimulationError::Store(PortError::Conflict { .. })) => {}
                other => return other,
            }
        }
    }

    /// Deletes the simulation, and ends its devices.
    ///
    /// # Errors
    /// When there is none of this id, or the store fails.
    pub async fn delete(&self, id: &str) -> Result<(), SimulationError> {
        let missing = || SimulationError::NotFound(id.to_owned());
        if id != ONLY {
            return Err(missing());
        }
        loop {
            let (stored, etag) = self.parts.records.read().await?.ok_or_else(missing)?;
            match self.parts.records.remove(etag).await {
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    // It is gone, whatever becomes of this: the devices see it by themselves, and the next start removes what is left.
                    let ended = async {
                        self.parts.records.forget_string(&stored.settings.hub).await?;
                        self.parts.fleets.end().await
                    };
                    if let Err(error) = ended.await {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "what a deleted simulation leaves could not be removed yet"
                        );
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Has reality follow what is stored, which a crash may have come between.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recover(&self) -> Result<(), PortError> {
        match self.parts.records.stored().await? {
            Some(stored) => self.parts.fleets.settle(&stored).await,
            None => self.parts.fleets.end().await,
        }
    }

    /// How the service is.
    pub async fn status(&self) -> Status {
        let now = self.parts.clock.now();
        let simulation = self.activity(now).await.map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "the status cannot be told");
            "the store is not available".to_owned()
        });
        Status { now, started: self.started, uid: self.uid.clone(), hub_configured: self.parts.hub_configured, simulation }
    }

    async fn activity(&self, now: Timestamp) -> Result<(bool, Counters), PortError> {
        match self.parts.records.stored().await? {
            Some(stored) if stored.is_active(now) => Ok((true, self.parts.fleets.counters(&stored).await?)),
            _ => Ok((false, Counters::default())),
        }
    }

    /// One device of every model there is, in their order.
    async fn one_of_each(&self) -> Result<Vec<ModelCount>, PortError> {
        let id = |model: &DeviceModel| ModelCount { id: model.id.clone(), count: 1, overridden: None };
        Ok(self.parts.models.list().await?.iter().map(|known| id(known.model())).collect())
    }

    async fn create_as(&self, asked: Asked) -> Result<SimulationView, SimulationError> {
        let Resolved { settings, string } = self.resolve(asked, None).await?;
        let now = self.parts.clock.now();
        let run = settings.enabled.then(|| self.new_run());
        let etag = new_etag(&*self.parts.entropy);
        self.write(Simulation { etag, version: 1, created: now, modified: now, stopped: None, run, settings }, None, string).await
    }

    async fn replace_as(&self, asked: Asked, (stored, condition): (Simulation, Etag)) -> Result<SimulationView, SimulationError> {
        let may_write = asked.etag == "*" || asked.etag == stored.etag;
        let Resolved { settings, string } = self.resolve(asked, Some(&stored.settings)).await?;
        if may_write {
            return self.write(self.successor(&stored, settings), Some((&stored, condition)), string).await;
        }
        let has_this_key = match &string {
            Some(given) => self.parts.records.connection_string(&given.host, &given.policy).await?.as_ref() == Some(given),
            None => true,
        };
        if settings != stored.settings || !has_this_key {
            return Err(SimulationError::OutOfDate(stored.etag));
        }
        // The request that came before may have been broken off between writing and this.
        self.parts.fleets.settle(&stored).await?;
        Ok(self.written(stored).await)
    }

    /// What becomes of a simulation with other settings.
    fn successor(&self, stored: &Simulation, settings: Settings) -> Simulation {
        let (before, now) = (stored.settings.enabled, self.parts.clock.now());
        let run = settings.enabled.then(|| stored.run.clone().filter(|_| before).unwrap_or_else(|| self.new_run()));
        Simulation {
            etag: new_etag(&*self.parts.entropy),
            version: stored.version + 1,
            created: stored.created,
            modified: now,
            stopped: if before && !settings.enabled { Some(now) } else { stored.stopped },
            run,
            settings,
        }
    }

    fn new_run(&self) -> String {
        format!("{:016x}", self.parts.entropy.draw())
    }

    /// Writes a simulation in the place of the one that was found, and has reality follow it.
    async fn write(
        &self,
        simulation: Simulation,
        replaced: Option<(&Simulation, Etag)>,
        string: Option<ConnectionString>,
    ) -> Result<SimulationView, SimulationError> {
        let bytes = serde_json::to_string(&simulation.settings).map_or(usize::MAX, |text| text.len());
        if bytes > limits::SIMULATION_BYTES {
            return Err(SimulationError::TooLarge(bytes));
        }
        let records = &self.parts.records;
        let before = match &string {
            Some(given) => records.connection_string(&given.host, &given.policy).await?,
            None => None,
        };
        // The key comes first: once the simulation is written, its devices may begin.
        if let Some(given) = &string
            && !records.keep_string(given).await?
        {
            return Err(ConnectionStringError::Host.into());
        }
        let old_hub = replaced.as_ref().map(|(old, _)| old.settings.hub.clone()).unwrap_or_default();
        if let Err(error) = self.prepare_and_write(&simulation, replaced.map(|(_, etag)| etag)).await {
            self.take_back(&simulation.settings.hub, string.is_some(), before).await;
            return Err(error);
        }
        if let Some(given) = &string {
            // Again: somebody who lost against this write may have taken it away.
            records.keep_string(given).await?;
        }
        if old_hub != simulation.settings.hub {
            records.forget_string(&old_hub).await?;
        }
        self.parts.fleets.settle(&simulation).await?;
        Ok(self.written(simulation).await)
    }

    async fn prepare_and_write(&self, simulation: &Simulation, replaced: Option<Etag>) -> Result<(), SimulationError> {
        self.parts.fleets.prepare(simulation).await?;
        let condition = replaced.map_or(Condition::Absent, Condition::Match);
        self.parts.records.write(simulation, condition).await?;
        Ok(())
    }

    /// Puts back what was known of a hub before a write that failed.
    async fn take_back(&self, hub: &HubSetting, was_given: bool, before: Option<ConnectionString>) {
        if !was_given {
            return;
        }
        let records = &self.parts.records;
        let undone = match before {
            Some(before) => records.keep_string(&before).await.map(drop),
            None => records.forget_string(hub).await,
        };
        if let Err(error) = undone {
            tracing::warn!(error = &error as &dyn std::error::Error, "a connection string that was refused could not be removed");
        }
    }

    /// What a request sees of a simulation.
    async fn seen(&self, simulation: Simulation) -> Result<SimulationView, SimulationError> {
        let counters = self.parts.fleets.counters(&simulation).await?;
        Ok(SimulationView { simulation, counters: Some(counters), with_statistics: true, now: self.parts.clock.now() })
    }

    /// What the answer to a write shows. That the counters are not known is no reason to call the write a failure.
    async fn written(&self, simulation: Simulation) -> SimulationView {
        let counters = self.parts.fleets.counters(&simulation).await.ok();
        SimulationView { simulation, counters, with_statistics: false, now: self.parts.clock.now() }
    }
}

fn expect_only(id: &str) -> Result<(), SimulationError> {
    if id == ONLY { Ok(()) } else { Err(SimulationError::OtherId(id.to_owned())) }
}
