//! What there is to know of runs, and of the recorder.

use std::collections::HashSet;
use std::sync::PoisonError;

use serde_json::{Map, Value, json};

use super::background::Duty;
use super::comparing::{Comparison, compare};
use super::delivered::Delivered;
use super::id::RunId;
use super::outbox::Lane;
use super::run::{Journal, Run, State, moment};
use super::service::{CsvPart, LoadTestError, LoadTestService, RunPage};
use super::store::{Found, RunStore, uuid_in};
use super::subject::Subject;
use super::threshold::Rule;
use super::{csv, statistics};
use crate::limits;
use crate::mistakes::Mistakes;
use crate::ports::{Etag, Listed, PortError};

/// Runs that are remembered for lists.
const SEEN: usize = 100_000;

/// What lists need of a run.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The version that this is, of a run that is among the running ones; what is said of the others never changes.
    etag: Option<Etag>,
    host: String,
    state: State,
}

/// Which side of a comparison a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that the other is held against.
    Base,
    /// The one that is judged.
    Candidate,
}

impl Role {
    /// Its name in requests and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Candidate => "candidate",
        }
    }
}

/// Why two runs cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// There is no such run.
    #[error("there is no run {uuid:?}, which is to be the {}", role.name())]
    NotFound {
        /// Which of the two.
        role: Role,
        /// The id that was asked for.
        uuid: String,
    },
    /// The run has no result yet.
    #[error("the run {uuid:?}, which is to be the {}, has no result yet", role.name())]
    NoResult {
        /// Which of the two.
        role: Role,
        /// Its id.
        uuid: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

impl LoadTestService {
    /// Which runs go on (`true`), and which of the newest ones do not (`false`), by host and id joined by a hyphen.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn running(&self) -> Result<Map<String, Value>, LoadTestError> {
        let (going, index) = futures::try_join!(self.going(), self.store.index(None, limits::ENDED_SHOWN))?;
        let listed: HashSet<&RunId> = going.iter().map(|(uuid, _)| uuid).collect();
        let ended: Vec<RunId> = index.iter().filter_map(uuid_in).filter(|uuid| !listed.contains(uuid)).collect();
        let unknown: Vec<RunId> = {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            ended.iter().filter(|uuid| seen.get(uuid).is_none_or(|seen| seen.etag.is_some())).cloned().collect()
        };
        for found in self.store.read(&unknown).await? {
            self.remember(&found);
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let key = |uuid: &RunId, host: &str| format!("{host}-{uuid}");
        let goes_on = going.iter().map(|(uuid, run)| (key(uuid, &run.host), Value::Bool(run.state == State::Running)));
        let over = ended.iter().filter_map(|uuid| Some((key(uuid, &seen.get(uuid)?.host), Value::Bool(false))));
        Ok(goes_on.chain(over).collect())
    }

    /// The runs that go on, are lost or are not settled.
    pub(super) async fn going(&self) -> Result<Vec<(RunId, Seen)>, PortError> {
        let listed = self.store.all_running().await?;
        let current = |listed: &Listed| {
            let uuid = uuid_in(&listed.key)?;
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&uuid).cloned();
            Some((uuid, seen.filter(|seen| seen.etag.as_ref() == Some(&listed.etag))))
        };
        let (mut going, mut changed) = (Vec::with_capacity(listed.len()), Vec::new());
        for (uuid, seen) in listed.iter().filter_map(current) {
            match seen {
                Some(seen) => going.push((uuid, seen)),
                None => changed.push(uuid),
            }
        }
        for found in self.store.read(&changed).await? {
            let (Found::Running(run, _) | Found::Ended(run)) = &found;
            going.push((run.uuid.clone(), self.remember(&found)));
        }
        Ok(going)
    }

    fn remember(&self, found: &Found) -> Seen {
        let (run, etag) = match found {
            Found::Running(run, etag) => (run, Some(etag.clone())),
            Found::Ended(run) => (run, None),
        };
        let remembered = Seen { etag, host: run.host.clone(), state: run.state };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= SEEN {
            seen.clear();
        }
        seen.insert(run.uuid.clone(), remembered.clone());
        remembered
    }

    /// At most `limit` runs, newest first, behind `after`, which an earlier page has named.
    ///
    /// # Errors
    /// When no page can have named `after`, or the store fails.
    pub async fn runs(&self, limit: usize, after: Option<&str>) -> Result<RunPage, LoadTestError> {
        let wrong = || Mistakes::one("after", "is not what an earlier page named");
        let after = after.map(|word| RunStore::index_key(word).ok_or_else(wrong)).transpose()?;
        let mut entries = self.store.index(after.as_ref(), limit + 1).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).and_then(|key| key.as_str().rsplit('/').next()).map(str::to_owned);
        let ids: Vec<RunId> = entries.iter().filter_map(uuid_in).collect();
        let runs = self.store.read(&ids).await?.iter().map(|(Found::Running(run, _) | Found::Ended(run))| run.summary()).collect();
        Ok(RunPage { runs, next })
    }

    /// The record of a run with its result, as a JSON object.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run(&self, uuid: &str) -> Result<Option<Map<String, Value>>, LoadTestError> {
        let Some((run, stats, endpoints)) = self.whole(uuid).await? else { return Ok(None) };
        let (journal, _) = self.store.journal(&run.uuid).await?;
        Ok(Some(run.report(&journal, stats.as_ref(), &endpoints)))
    }

    /// A table of a run, as CSV.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_csv(&self, uuid: &str, part: CsvPart) -> Result<Option<String>, LoadTestError> {
        let Some((run, _, endpoints)) = self.whole(uuid).await? else { return Ok(None) };
        Ok(Some(match part {
            CsvPart::Endpoints => csv::endpoints(&endpoints),
            CsvPart::History => self.store.journal(&run.uuid).await?.0.history.to_csv(),
        }))
    }

    /// Holds a run, the candidate, against another one. Without rules the usual ones count: see [`compare`].
    ///
    /// # Errors
    /// When one of them is not there or has no result, or the store fails.
    pub async fn compare(&self, base: &str, candidate: &str, rules: &[Rule]) -> Result<Comparison, ComparisonError> {
        let (base, candidate) = futures::try_join!(self.subject(Role::Base, base), self.subject(Role::Candidate, candidate))?;
        Ok(compare(&base, &candidate, rules))
    }

    async fn subject(&self, role: Role, uuid: &str) -> Result<Subject, ComparisonError> {
        let found = self.whole(uuid).await?.ok_or_else(|| ComparisonError::NotFound { role, uuid: uuid.to_owned() })?;
        let (run, stats, endpoints) = found;
        let record = run.report(&Journal::default(), stats.as_ref(), &endpoints);
        Subject::read(&Value::Object(record)).map_err(|_| ComparisonError::NoResult { role, uuid: uuid.to_owned() })
    }

    /// A run with its result.
    async fn whole(&self, uuid: &str) -> Result<Option<(Run, Option<Value>, Vec<statistics::Endpoint>)>, PortError> {
        let Some(uuid) = RunId::parse(uuid) else { return Ok(None) };
        let Some(Found::Running(run, _) | Found::Ended(run)) = self.store.find(&uuid).await? else { return Ok(None) };
        // An end that is not settled yet has its result with it.
        if let Some(stats) = run.end.as_ref().and_then(|end| end.stats.as_deref()) {
            let stats: Option<Value> = serde_json::from_str(stats).ok();
            let endpoints = stats.as_ref().and_then(statistics::endpoints).unwrap_or_default();
            return Ok(Some((run, stats, endpoints)));
        }
        if run.state != State::Finished {
            return Ok(Some((run, None, Vec::new())));
        }
        let result = self.store.result(&uuid).await?;
        Ok(Some(match result {
            Some(result) => (run, serde_json::from_str(result.stats.get()).ok(), result.endpoints),
            None => (run, None, Vec::new()),
        }))
    }

    /// What there is to know of the recorder: runs, points, the database. Does not ask the database.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn states(&self) -> Result<Map<String, Value>, LoadTestError> {
        let task = Duty::Delivery.task();
        let (going, ended, results, beats, task) = futures::try_join!(
            self.going(),
            self.store.count_ended(),
            self.outbox.depth(Lane::Results),
            self.outbox.depth(Lane::Beats),
            self.background.tasks.get(&task),
        )?;
        let stored: Delivered = task.and_then(|(task, _)| serde_json::from_value(task.progress).ok()).unwrap_or_default();
        let delivering = self.delivering.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let delivered = delivering.filter(|delivering| delivering.handled() > stored.handled()).unwrap_or(stored);
        let last_error = delivered.last_error.as_ref().map(|(message, at)| json!({"message": message, "at": moment(*at)}));
        let in_state = |state| going.iter().filter(|(_, run)| run.state == state).count();
        let filled = |text: String| Some(text).filter(|text| !text.is_empty());
        let states = json!({
            "runs": {"running": in_state(State::Running), "lost": in_state(State::Lost), "finished": ended + in_state(State::Finished)},
            "points": {
                "written": delivered.written,
                "retried": delivered.retried,
                "dropped": delivered.dropped,
                "queued": results.points + beats.points,
            },
            "database": {
                "kind": filled(delivered.kind),
                "place": filled(delivered.place),
                "reachable": delivered.reachable,
                "lastError": last_error,
                "lastWriteAt": delivered.last_write.map(moment),
                "refused": delivered.refused,
            },
        });
        let Value::Object(states) = states else { unreachable!("it was written as an object") };
        Ok(states)
    }
}
