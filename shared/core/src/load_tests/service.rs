//! Answers requests about runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

use super::background::Background;
use super::beats::Remembered;
use super::delivered::Delivered;
use super::id::RunId;
use super::looking::Seen;
use super::outbox::{Lane, Outbox};
use super::points::{self, Heartbeat};
use super::request::{About, Annotate, Commit, Register, Update};
use super::run::{Annotation, End, History, Journal, Run, State};
use super::stamps::Stamps;
use super::store::{Found, RunStore};
use super::{stamps, statistics};
use crate::limits;
use crate::mistakes::Mistakes;
use crate::ports::{Clock, Condition, Documents, Entropy, Etag, PortError};
use crate::tasks::TaskStore;

/// How load tests are recorded.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Between two heartbeats of a run; they come at whole multiples of it since 1970. At least 100 ms, in whole milliseconds.
    pub period: Duration,
    /// How long nothing may be heard of a run that does not say otherwise before it counts as lost.
    pub idle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { period: Duration::from_secs(15), idle: Duration::from_secs(24 * 3600) }
    }
}

/// Why a request about a load test was refused.
#[derive(Debug, thiserror::Error)]
pub enum LoadTestError {
    /// What is wrong with it.
    #[error(transparent)]
    Wrong(#[from] Mistakes),
    /// There is no such run of that host.
    #[error("there is no run {uuid:?} of the host {host:?}")]
    NotFound {
        /// The id that was asked for.
        uuid: String,
        /// The host that asked.
        host: String,
    },
    /// The run is over.
    #[error("the run {0:?} is over")]
    Over(String),
    /// So many runs go on, or wait to be written, that no further one is taken.
    #[error("{0} runs go on or wait for the database; no further one is taken")]
    Busy(usize),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// A run whose result was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedRun {
    /// Its id.
    pub uuid: String,
    /// What was tested, as far as the commit says, or else the host that generated the load.
    pub target: String,
}

/// Some runs, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPage {
    /// Their records, as JSON objects without the results.
    pub runs: Vec<Map<String, Value>>,
    /// What to ask with for those behind them, if there are any.
    pub next: Option<String>,
}

/// Which table of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsvPart {
    /// A row for each endpoint of its result.
    Endpoints,
    /// A row for each of its updates that is kept.
    History,
}

/// How long the count of runs is trusted that keeps it bounded.
const COUNTED: Duration = Duration::from_secs(5);

/// Registers, follows and commits runs. Clones share what they know.
#[derive(Debug, Clone)]
pub struct LoadTestService {
    pub(super) store: RunStore,
    pub(super) outbox: Outbox,
    pub(super) background: Background,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) settings: Settings,
    pub(super) remembered: Arc<Remembered>,
    /// Where a delivery of this process stands that is not stored yet.
    pub(super) delivering: Arc<Mutex<Option<Delivered>>>,
    stamps: Arc<Stamps>,
    /// Runs as they were seen last, so that lists need not read each again.
    pub(super) seen: Arc<Mutex<HashMap<RunId, Seen>>>,
    /// How many runs there were, and when that was counted.
    counted: Arc<Mutex<Option<(usize, crate::ports::Timestamp)>>>,
}

impl LoadTestService {
    /// Runs in these stores.
    #[must_use]
    pub fn new(
        documents: Arc<dyn Documents>,
        tasks: TaskStore,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        settings: Settings,
    ) -> Self {
        Self {
            store: RunStore { documents: Arc::clone(&documents) },
            outbox: Outbox { documents },
            background: Background::new(tasks, Arc::clone(&clock)),
            clock,
            entropy,
            settings,
            remembered: Arc::default(),
            delivering: Arc::default(),
            stamps: Arc::default(),
            seen: Arc::default(),
            counted: Arc::default(),
        }
    }

    /// A time for a point, in nanoseconds, that no other point has.
    pub(super) fn stamp(&self) -> i64 {
        self.stamps.now(&*self.clock, &*self.entropy)
    }

    /// Begins a run and answers its id.
    ///
    /// # Errors
    /// When the request is wrong, there are too many runs, or the store fails; then there is no run.
    pub async fn register(&self, request: &Value) -> Result<String, LoadTestError> {
        let Register { host, started, idle, tags, run_tags, about, values } = Register::read(request)?;
        self.check_room().await?;
        let (uuid, now, first) = (RunId::draw(&*self.entropy), self.clock.now(), self.stamp());
        let mut journal = Journal { history: History::default(), annotations: Vec::new() };
        journal.history.note(now, self.settings.period, &values);
        let run = Run {
            uuid: uuid.clone(),
            host,
            state: State::Running,
            first,
            registered: now,
            started,
            heard: now,
            idle: idle.unwrap_or(self.settings.idle),
            tags,
            run_tags,
            about,
            values,
            next_row: journal.history.next(),
            silence: None,
            end: None,
        };
        let heartbeat = Heartbeat::of(&run).at(first);
        let (announced, noted, stored) = futures::join!(
            self.store.announce(&uuid, now),
            self.store.put_journal(&uuid, &journal, Condition::Absent),
            self.store.put(&run, Condition::Absent)
        );
        let etag = stored?;
        let begun = async {
            announced.and(noted)?;
            self.outbox.put_first(&uuid, first, heartbeat).await?;
            futures::try_join!(self.background.beat(&uuid), self.background.deliver())
        };
        if let Err(error) = begun.await {
            // Nobody is told its id, so nobody would ever end it.
            if let Err(error) = self.store.remove_running(&uuid, &etag).await {
                tracing::warn!(error = &error as &dyn std::error::Error, run = %uuid, "a run that could not be begun is left over");
            }
            return Err(error.into());
        }
        Ok(uuid.to_string())
    }

    /// Takes new live values of a run; answers its id. A lost run goes on.
    ///
    /// # Errors
    /// When the request is wrong, the run is not there or committed, or the store fails.
    pub async fn update(&self, request: &Value) -> Result<String, LoadTestError> {
        let Update { about, values } = Update::read(request)?;
        let run = self.change(&about, |run| run.values.renew(&values)).await?;
        Ok(run.uuid.to_string())
    }

    /// Notes that something happened in a run; answers its id. A lost run goes on. The same words of the same moment are noted once.
    ///
    /// # Errors
    /// When the request is wrong, the run is not there or committed, there are too many, or the store fails.
    pub async fn annotate(&self, request: &Value) -> Result<String, LoadTestError> {
        let Annotate { about, title, text, tags, at } = Annotate::read(request)?;
        self.check_room().await?;
        let run = self.change(&about, |_| ()).await?;
        let at = match at {
            None => self.stamp(),
            Some(at) => {
                let words = [run.uuid.as_str(), &title, &text].into_iter().chain(tags.iter().map(String::as_str));
                at.as_micros().saturating_mul(1000).saturating_add(stamps::digits(&words.collect::<Vec<_>>()))
            }
        };
        let annotation = Annotation { at, title, text, tags };
        loop {
            let (mut journal, condition) = self.store.journal(&run.uuid).await?;
            if !journal.note(&annotation) {
                return Ok(run.uuid.to_string());
            }
            // The point first: what is in the journal is not put there again.
            self.outbox.put_event(&run.uuid, at, points::event(&run, &annotation)).await?;
            match self.store.put_journal(&run.uuid, &journal, condition).await {
                Err(error) if error.is_conflict() => {}
                written => {
                    written?;
                    self.background.deliver().await?;
                    return Ok(run.uuid.to_string());
                }
            }
        }
    }

    /// Changes a run that goes on, or that goes on again, and notes that something was heard of it.
    async fn change(&self, about: &About, change: impl Fn(&mut Run)) -> Result<Run, LoadTestError> {
        loop {
            let (mut run, etag) = match self.find(about).await? {
                Found::Running(run, etag) if run.state != State::Finished => (run, etag),
                Found::Running(run, _) | Found::Ended(run) => return Err(LoadTestError::Over(run.uuid.to_string())),
            };
            let now = self.clock.now();
            if run.state == State::Lost {
                tracing::info!(run = %run.uuid, "a lost run goes on");
            }
            (run.state, run.silence, run.heard) = (State::Running, None, now);
            change(&mut run);
            let row = if run.next_row <= now {
                let (mut journal, condition) = self.store.journal(&run.uuid).await?;
                journal.history.note(now, self.settings.period, &run.values);
                run.next_row = journal.history.next();
                Some((journal, condition))
            } else {
                None
            };
            match self.store.put(&run, Condition::Match(etag)).await {
                Err(error) if error.is_conflict() => continue,
                written => self.remembered.note(&run, written?),
            }
            if let Some((journal, condition)) = row {
                match self.store.put_journal(&run.uuid, &journal, condition).await {
                    Err(error) if !error.is_conflict() => return Err(error.into()),
                    Ok(()) | Err(_) => {} // An annotation came in between; the next row will do.
                }
            }
            self.background.beat(&run.uuid).await?;
            return Ok(run);
        }
    }

    /// Ends a run with its result. The same again changes nothing.
    ///
    /// # Errors
    /// When the request is wrong, the run is not there, or the store fails. Without an error, the result is durable.
    pub async fn commit(&self, request: &Value) -> Result<CommittedRun, LoadTestError> {
        let Commit { about, ended, target, tags, values, exit_code, stats } = Commit::read(request)?;
        let totals = statistics::endpoints(&stats).map(|endpoints| statistics::totals(&endpoints)).unwrap_or_default();
        let stats = points::stats_text(&stats);
        loop {
            let found = self.find(&about).await?;
            let (Found::Running(run, _) | Found::Ended(run)) = &found;
            let committed = CommittedRun { uuid: run.uuid.to_string(), target: target.clone().unwrap_or_else(|| run.host.clone()) };
            let (run, etag) = match found {
                Found::Ended(_) => return Ok(committed),
                Found::Running(run, etag) if run.state == State::Finished => {
                    self.settle_now(run, &etag).await;
                    return Ok(committed);
                }
                Found::Running(run, etag) => (run, etag),
            };
            let end = End {
                at: self.stamp(),
                ended,
                exit_code,
                tags: run.tags.clone().into_iter().chain(tags.clone()).collect(),
                values: values.clone(),
                stats: Some(stats.clone()),
                totals: totals.clone(),
                recorded: None,
            };
            let over = Run { state: State::Finished, heard: self.clock.now(), silence: None, end: Some(end), ..run };
            match self.store.put(&over, Condition::Match(etag)).await {
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
                Ok(etag) => {
                    self.settle_now(over, &etag).await;
                    return Ok(committed);
                }
            }
        }
    }

    /// Settles an end that is durable. Should that fail, the heartbeats of its shard do it at their next tick.
    async fn settle_now(&self, run: Run, etag: &Etag) {
        let uuid = run.uuid.clone();
        if let Err(error) = self.settle(run, etag).await {
            tracing::warn!(error = &error as &dyn std::error::Error, run = %uuid, "the end of a run is settled later");
            if let Err(error) = self.background.beat(&uuid).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the heartbeats could not be woken");
            }
        }
    }

    async fn find(&self, About { uuid, host }: &About) -> Result<Found, LoadTestError> {
        let not_found = || LoadTestError::NotFound { uuid: uuid.clone(), host: host.clone() };
        let id = RunId::parse(uuid).ok_or_else(not_found)?;
        let found = self.store.find(&id).await?.ok_or_else(not_found)?;
        let (Found::Running(run, _) | Found::Ended(run)) = &found;
        if run.host == *host { Ok(found) } else { Err(not_found()) }
    }

    /// Refuses a further run where there are too many. The count may be some seconds old.
    async fn check_room(&self) -> Result<(), LoadTestError> {
        let now = self.clock.now();
        let counted = *self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = match counted.filter(|(_, at)| now.since(*at) < COUNTED) {
            Some((runs, _)) => runs,
            None => {
                let runs = self.store.all_running().await?.len() + self.outbox.depth(Lane::Results).await?.batches;
                *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = Some((runs, now));
                runs
            }
        };
        if runs >= limits::RUNS { Err(LoadTestError::Busy(runs)) } else { Ok(()) }
    }
}
