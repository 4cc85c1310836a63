//! Answers the requests of the datagen API, whoever brings them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::catalogue::Specifications;
use super::generator::{Generator, Plan, source_of};
use super::job::{CUSTOM, Config, JobRequest, Launch, Progress, Report, Settings, TimeType};
use super::run::{Advance, Records, Window};
use super::stepper::KIND;
use crate::ids::{FileName, JobName, SpecName, StreamName, TaskId};
use crate::limits;
use crate::mistakes::Mistakes;
use crate::ports::{
    Clock, Condition, Documents, DocumentsExt, Entropy, Etag, FileInfo, Files, FilesExt as _, Key, Owner, PortError, SinkError, Targets,
    Timestamp,
};
use crate::streams::{Program, ProgramKind, StreamUsers};
use crate::targets::Target;
use crate::tasks::{Phase, Task, TaskStore};

/// Why a job was not started; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The request or its specification is wrong.
    #[error(transparent)]
    Wrong(#[from] Mistakes),
    /// A job of this name has not ended.
    #[error("A Job with name [{0}] is already running. Use /stop/{0} to cancel it and try again.")]
    NameTaken(JobName),
    /// Another job that has not ended writes this file.
    #[error("target.path: the running job [{job}] writes the file {file}")]
    FileTaken {
        /// The file.
        file: FileName,
        /// Who writes it.
        job: JobName,
    },
    /// There are too many jobs.
    #[error("{} jobs are running already, which is the most this server runs at once; stop one first", limits::RUNNING_JOBS)]
    TooMany,
    /// The target could not be made ready.
    #[error("target: {0}")]
    Target(SinkError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// Why a job was not stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// There is no job of this name.
    #[error("Job [{0}] not found.")]
    NotFound(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// The datagen group's service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DatagenService {
    /// Where job names and file claims are kept.
    pub documents: Arc<dyn Documents>,
    /// Where files are.
    pub files: Arc<dyn Files>,
    /// The jobs' tasks.
    pub tasks: TaskStore,
    /// Where specifications are found.
    pub specifications: Arc<dyn Specifications>,
    /// Where records go.
    pub targets: Arc<dyn Targets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Seeds and ids.
    pub entropy: Arc<dyn Entropy>,
}

/// Which task a name or a file belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Claim {
    name: JobName,
    task: TaskId,
    launched: Timestamp,
}

fn job_key(name: &str) -> Result<Key, PortError> {
    // A name too long for a key is nobody's.
    Key::root("datagen/jobs").child(name).map_err(|_| PortError::NotFound { what: "the job".to_owned() })
}

fn file_key(name: &FileName) -> Key {
    Key::root("datagen/files").child(name.as_str()).expect("a base name is short")
}

/// A request that can be carried out.
struct Checked {
    request: JobRequest,
    specification: Json,
    source: Option<Bytes>,
    seed: i64,
}

/// A claim that may be taken over, as the condition under which it is.
#[derive(Clone)]
struct Free {
    condition: Condition,
    former: Option<Claim>,
}

/// A claim that was taken over.
struct Taken {
    key: Key,
    etag: Etag,
    former: Option<Claim>,
}

impl DatagenService {
    /// The names of all specifications, sorted.
    pub async fn list(&self) -> Result<Vec<SpecName>, PortError> {
        self.specifications.list().await
    }

    /// Starts a job. When this returns, the job is durable and runs by itself.
    ///
    /// Everything is checked before anything is changed: the request, the specification with its pools, the name, the file.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(&self, body: &Json) -> Result<Json, StartError> {
        self.start_in_place_of(None, body).await
    }

    /// Starts a job as [`DatagenService::start`] does, and lets it take the name and the file of a task that may still run. That one is
    /// asked to stop once the new job has both and its target is ready: where the start is refused, it goes on as if nothing had been asked.
    pub(super) async fn start_in_place_of(&self, replaced: Option<&TaskId>, body: &Json) -> Result<Json, StartError> {
        let Checked { request, specification, source, seed } = self.checked(body).await?;
        let now = self.clock.now();
        let id = TaskId::from_bits(self.entropy.draw());
        let job = self.free_name(&request.name, replaced).await?;
        let file = self.free_file(&request, replaced).await?;
        if self.running_beside(replaced).await? >= limits::RUNNING_JOBS {
            return Err(StartError::TooMany);
        }
        let launch = launch(&request, specification, source.is_some(), seed, now);
        if let Some(source) = source.filter(|_| launch.has_source) {
            self.tasks.save_source(&id, source).await?;
        }
        self.tasks.create(&task(&id, &launch)).await?;
        if let Err(error) = self.claim(&request, &id, now, &job, file).await {
            self.tasks.remove(&id).await?;
            return Err(error);
        }
        // One that runs, or was asked to stop, may still be in a worker's hands, which removes it when it sees that.
        if let Some(former) = job.former {
            if self.lives(&former.task).await? {
                self.tasks.request_stop(&former.task).await?;
            } else if !self.tasks.stop_requested(&former.task).await? {
                self.tasks.remove(&former.task).await?;
            }
        }
        self.tasks.enqueue(&id, 0).await?;
        metrics::counter!("headwater_datagen_jobs_started_total", "target" => request.target.kind()).increment(1);
        Ok(request.echo(body))
    }

    /// Reads a request and compiles its specification; nothing is changed.
    async fn checked(&self, body: &Json) -> Result<Checked, StartError> {
        let request = JobRequest::parse(body).map_err(|mistakes| with_those_of_the_specification(mistakes, body))?;
        self.targets.supports(&request.target).map_err(Mistakes::from)?;
        let seed = request.settings.seed.unwrap_or_else(|| self.draw_seed());
        let (specification, source) = self.load(&request.settings.config).await?;
        let plan = Plan::compile(&specification, seed, source.as_deref())?;
        if plan.stands_still() && request.settings.total_events.is_none() {
            let what = if plan.is_replay() { "the times of the source file" } else { "the delays of the states" };
            return Err(Mistakes::one("total_events", format!("is required here: {what} never let time pass")).into());
        }
        Ok(Checked { request, specification, source, seed })
    }

    /// Takes the name and the file for the task and readies the target; undoes what it did when one of them fails.
    async fn claim(
        &self,
        request: &JobRequest,
        id: &TaskId,
        now: Timestamp,
        job: &Free,
        file: Option<(FileName, Free)>,
    ) -> Result<(), StartError> {
        let claim = Claim { name: request.name.clone(), task: id.clone(), launched: now };
        let file = match file {
            None => None,
            Some((file, free)) => {
                let taken = || StartError::FileTaken { file: file.clone(), job: request.name.clone() };
                Some(self.take(file_key(&file), &claim, free, taken).await?)
            }
        };
        let name = job_key(request.name.as_str())?;
        let taken = || StartError::NameTaken(request.name.clone());
        let name = match self.take(name, &claim, job.clone(), taken).await {
            Ok(name) => name,
            Err(error) => {
                self.give_back(file).await?;
                return Err(error);
            }
        };
        if let Err(error) = self.targets.prepare(&request.target, &Owner(id.to_string())).await {
            self.give_back(Some(name)).await?;
            self.give_back(file).await?;
            return Err(StartError::Target(error));
        }
        Ok(())
    }

    /// Takes what a key stands for, unless somebody else was faster.
    async fn take(&self, key: Key, claim: &Claim, free: Free, taken: impl Fn() -> StartError) -> Result<Taken, StartError> {
        match self.documents.put_json(&key, claim, free.condition).await {
            Ok(etag) => Ok(Taken { key, etag, former: free.former }),
            Err(error) if error.is_conflict() => Err(taken()),
            Err(error) => Err(error.into()),
        }
    }

    /// Leaves a claim to whoever had it before: a job that has ended is still shown, and one that runs still has its file.
    async fn give_back(&self, taken: Option<Taken>) -> Result<(), PortError> {
        let Some(Taken { key, etag, former }) = taken else { return Ok(()) };
        match former {
            Some(former) => self.documents.put_json(&key, &former, Condition::Match(etag)).await.map(drop),
            None => self.documents.delete(&key, Condition::Match(etag)).await,
        }
    }

    /// Removes the tasks of starts that were broken off before their name was taken: nobody was told of them, and what they
    /// would write may belong to another job. `age` spares tasks younger than that, whose start may still be under way: a sole
    /// host that has not begun to answer needs none.
    pub async fn remove_unclaimed(&self, age: Duration) -> Result<(), PortError> {
        let now = self.clock.now();
        let old = |task: &Task| task.created.plus(age) <= now;
        for task in self.tasks.all().await?.into_iter().filter(|task| task.kind == KIND && task.phase == Phase::Running && old(task)) {
            let Ok(launch) = Launch::deserialize(&task.specification) else { continue };
            let claimed = self.find(launch.name.as_str()).await?.is_some_and(|(claim, _)| claim.task == task.id);
            if !claimed {
                self.tasks.remove(&task.id).await?;
            }
        }
        Ok(())
    }

    /// A seed that every JSON reader gives back unchanged: 53 bits.
    fn draw_seed(&self) -> i64 {
        (self.entropy.draw() >> 11).cast_signed()
    }

    /// The specification, and the data file that it replays.
    async fn load(&self, config: &Config) -> Result<(Json, Option<Bytes>), StartError> {
        let specification = match config {
            Config::Inline(specification) => specification.clone(),
            Config::File(name) => {
                let text = self.specifications.read(name).await?;
                let text = text.ok_or_else(|| {
                    Mistakes::one("config_file", format!("there is no specification {:?}; /list names them", name.as_str()))
                })?;
                serde_json::from_slice(&text).map_err(|error| Mistakes::one("config_file", format!("{name} is not JSON: {error}")))?
            }
        };
        let Some(name) = source_of(&specification) else { return Ok((specification, None)) };
        if let Some(source) = self.specifications.source(&name).await? {
            return Ok((specification, Some(source)));
        }
        let Ok(file) = FileName::try_from(name.as_str()) else { return Ok((specification, None)) };
        Ok((specification, self.read_whole(&file).await?))
    }

    async fn read_whole(&self, file: &FileName) -> Result<Option<Bytes>, PortError> {
        let most = limits::REPLAY_SOURCE as u64 + 1; // One byte more than may be: the compiler then says so.
        let Some((_, Some(pieces))) = self.files.open(file, |info| Some(0..info.length.min(most))).await? else { return Ok(None) };
        let pieces: Vec<Bytes> = pieces.try_collect().await?;
        Ok(Some(pieces.concat().into()))
    }

    /// The condition under which the name can be taken.
    async fn free_name(&self, name: &JobName, replaced: Option<&TaskId>) -> Result<Free, StartError> {
        let key = job_key(name.as_str()).map_err(|_| Mistakes::one("name", "is too long when percent-encoded"))?;
        match self.documents.get_json::<Claim>(&key).await? {
            None => Ok(Free { condition: Condition::Absent, former: None }),
            Some((former, etag)) => {
                if replaced != Some(&former.task) && self.lives(&former.task).await? {
                    return Err(StartError::NameTaken(name.clone()));
                }
                Ok(Free { condition: Condition::Match(etag), former: Some(former) })
            }
        }
    }

    /// The condition under which the target's file can be taken, if the target is one.
    async fn free_file(&self, request: &JobRequest, replaced: Option<&TaskId>) -> Result<Option<(FileName, Free)>, StartError> {
        let Some(file) = request.target.file() else { return Ok(None) };
        let free = match self.documents.get_json::<Claim>(&file_key(file)).await? {
            None => Free { condition: Condition::Absent, former: None },
            Some((former, etag)) => {
                if replaced != Some(&former.task) && self.lives(&former.task).await? {
                    return Err(StartError::FileTaken { file: file.clone(), job: former.name });
                }
                Free { condition: Condition::Match(etag), former: Some(former) }
            }
        };
        Ok(Some((file.clone(), free)))
    }

    /// Whether a task has work to do and nobody has asked it to stop.
    async fn lives(&self, id: &TaskId) -> Result<bool, PortError> {
        let running = self.tasks.get(id).await?.is_some_and(|(task, _)| task.phase == Phase::Running);
        Ok(running && !self.tasks.stop_requested(id).await?)
    }

    /// How many jobs run, without one that is about to be replaced.
    async fn running_beside(&self, replaced: Option<&TaskId>) -> Result<usize, PortError> {
        let counts = |task: &Task| task.phase == Phase::Running && replaced != Some(&task.id);
        Ok(self.claims().await?.iter().filter(|(_, task)| counts(task)).count())
    }

    async fn claim_at(&self, key: Key) -> Result<Option<(Claim, Task)>, PortError> {
        let Some((claim, _)) = self.documents.get_json::<Claim>(&key).await? else { return Ok(None) };
        Ok(self.tasks.get(&claim.task).await?.map(|(task, _)| (claim, task)))
    }

    /// All jobs, oldest launch first.
    async fn claims(&self) -> Result<Vec<(Claim, Task)>, PortError> {
        let listed = self.documents.list_all(&Key::root("datagen/jobs")).await?;
        let reads: Vec<_> = listed.into_iter().map(|listed| self.claim_at(listed.key).boxed()).collect();
        let read: Vec<_> = stream::iter(reads).buffer_unordered(limits::READ_AT_ONCE).try_collect().await?;
        let mut found: Vec<(Claim, Task)> = read.into_iter().flatten().collect();
        found.sort_by(|(a, _), (b, _)| (a.launched, &a.name).cmp(&(b.launched, &b.name)));
        Ok(found)
    }

    /// The reports of all jobs, oldest launch first.
    pub async fn jobs(&self) -> Result<Vec<Report>, PortError> {
        self.claims().await?.iter().map(|(_, task)| report(task)).collect()
    }

    /// The report of a job, or `None`.
    pub async fn status(&self, name: &str) -> Result<Option<Report>, PortError> {
        self.task_of(name).await?.map(|task| report(&task)).transpose()
    }

    /// The task of a job, or `None`.
    pub(super) async fn task_of(&self, name: &str) -> Result<Option<Task>, PortError> {
        let Some((claim, _)) = self.find(name).await? else { return Ok(None) };
        Ok(self.tasks.get(&claim.task).await?.map(|(task, _)| task))
    }

    async fn find(&self, name: &str) -> Result<Option<(Claim, Etag)>, PortError> {
        match job_key(name) {
            Ok(key) => self.documents.get_json(&key).await,
            Err(_) => Ok(None),
        }
    }

    /// Stops a job: it leaves the list now, and its writer ends within a second. What it wrote stays.
    ///
    /// # Errors
    /// See [`StopError`].
    pub async fn stop(&self, name: &str) -> Result<(), StopError> {
        let not_found = || StopError::NotFound(name.to_owned());
        let (claim, etag) = self.find(name).await?.ok_or_else(not_found)?;
        self.tasks.request_stop(&claim.task).await?;
        match self.documents.delete(&job_key(name)?, Condition::Match(etag)).await {
            Err(error) if error.is_conflict() => Err(not_found()),
            other => Ok(other?),
        }
    }

    /// The names of all files, sorted.
    pub async fn files(&self) -> Result<Vec<FileName>, PortError> {
        self.files.list().await
    }

    /// What is known of a file, or `None`.
    pub async fn file(&self, name: &FileName) -> Result<Option<FileInfo>, PortError> {
        self.files.info(name).await
    }

    /// The first records that a job of this request would write, as newline-delimited JSON. Simulated, and leaves nothing.
    ///
    /// # Errors
    /// [`StartError::Wrong`], or what the store says.
    pub async fn preview(&self, body: &Json) -> Result<Bytes, StartError> {
        let settings = Settings::parse_preview(body)?;
        let seed = settings.seed.unwrap_or_else(|| self.draw_seed());
        let (specification, source) = self.load(&settings.config).await?;
        let plan = Plan::compile(&specification, seed, source.as_deref())?;
        let mut generator = Generator::new(&plan, settings.run(seed, self.clock.now()));
        let mut records = Records::default();
        let window = Window { records: u64::MAX, bytes: limits::PREVIEW_BYTES, horizon: u64::MAX };
        match generator.advance(window, &mut records) {
            Ok(Advance::More | Advance::Done | Advance::Idle { .. }) => Ok(records.into_batch().text),
            Err(halt) => Err(Mistakes::one("config", halt.to_string()).into()),
        }
    }
}

#[async_trait]
impl StreamUsers for DatagenService {
    /// Jobs that have not ended are workflows of the application `datagen`.
    async fn uses(&self) -> Result<Vec<(StreamName, Program)>, PortError> {
        let claims = self.claims().await?;
        let running = claims.into_iter().filter(|(_, task)| task.phase == Phase::Running);
        let uses = running.filter_map(|(claim, task)| {
            let launch = Launch::deserialize(&task.specification).ok()?;
            let target = Target::parse(&Json::Object(launch.target)).ok()?;
            let program = Program { application: "datagen".to_owned(), kind: ProgramKind::Workflows, name: claim.name.as_str().to_owned() };
            Some((target.stream()?.clone(), program))
        });
        Ok(uses.collect())
    }
}

/// All mistakes at once: those of the request, and those of a specification that came with it.
fn with_those_of_the_specification(mistakes: Mistakes, body: &Json) -> Mistakes {
    let inline = body.get("config").filter(|config| config.is_object() && body.get("config_file").is_none_or(Json::is_null));
    // A file that it replays is not looked for: the request is refused either way.
    let compiled = inline.filter(|config| source_of(config).is_none()).map(|config| Plan::compile(config, 0, None));
    match compiled {
        Some(Err(more)) => mistakes.and(more),
        Some(Ok(_)) | None => mistakes,
    }
}

pub(super) fn report(task: &Task) -> Result<Report, PortError> {
    Report::of(task).map_err(|source| PortError::Corrupt { what: format!("the task {}", task.id), source: source.into() })
}

fn launch(request: &JobRequest, specification: Json, has_source: bool, seed: i64, now: Timestamp) -> Launch {
    let settings = &request.settings;
    let run = settings.run(seed, now);
    Launch {
        name: request.name.clone(),
        config_file: match &settings.config {
            Config::Inline(_) => CUSTOM.to_owned(),
            Config::File(name) => name.to_string(),
        },
        specification,
        has_source,
        target: request.target_given.clone(),
        seed,
        start: run.start,
        start_shown: if let TimeType::From(moment) = settings.time_type { moment } else { now },
        paced: match settings.time_type {
            TimeType::Simulated => false,
            TimeType::Real => true,
            TimeType::From(moment) => moment <= now,
        },
        concurrency: settings.concurrency,
        total_events: settings.total_events,
        time_limit: settings.time,
        launched: now,
    }
}

fn task(id: &TaskId, launch: &Launch) -> Task {
    Task::new(id.clone(), KIND, launch, &Progress::default(), "Starting generator job.", launch.launched)
}
