//! Answers the tables API's requests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

use super::append::{Append, Turns};
use super::definition::{Definition, Source};
use super::elements::Elements;
use super::news::News;
use super::plan::{Operation, Plan};
use super::record::{Followed, Record};
use super::row_reader::{RowReader, Selection};
use super::sound::Sound;
use super::store::{Table, TableStore};
use super::{BitDepth, KIND, Lines, SampleRate, TimeMeasure};
use crate::ids::{TableName, TaskId};
use crate::limits;
use crate::ports::{Chunks, Clock, Documents, Entropy, PortError, Timestamp};
use crate::streams::{StreamError, StreamService};
use crate::tasks::{Task, TaskStore};

/// Why a request about a table is refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// There is no table of this name.
    #[error("{0} is not found")]
    NotFound(TableName),
    /// There is another table of this name.
    #[error("{0} is there already, and defined otherwise; delete it first, or take another name")]
    Taken(TableName),
    /// No more can be appended.
    #[error("{0} is finished: nothing can be appended any more")]
    Finished(TableName),
    /// Elements come from a source.
    #[error("{table} takes its elements from {source_name}: nothing can be appended to it")]
    Fed {
        /// The table.
        table: TableName,
        /// What feeds it.
        source_name: String,
    },
    /// What is asked does not go with what the table is, or with what it refers to.
    #[error("{0}")]
    Unfit(String),
    /// There are too many.
    #[error("{} tables are fed by a source already: finish or delete one first", limits::FED_TABLES)]
    TooManyFed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// How often a process looks for chunks that nobody names.
const SWEEP_EVERY: Duration = Duration::from_secs(6 * 3600);

/// What became of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defined {
    /// The table is new.
    New,
    /// It was there, with the same definition.
    Same,
}

/// A table as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Its name.
    pub name: TableName,
    /// Its definition, as JSON.
    pub definition: Map<String, Value>,
    /// Rows that are kept.
    pub rows: u64,
    /// The moment of the oldest of them, in nanoseconds.
    pub first_marker: Option<i64>,
    /// The moment of the newest.
    pub last_marker: Option<i64>,
    /// Whether nothing will be appended any more.
    pub finished: bool,
    /// Why its source gives nothing at the moment.
    pub trouble: Option<String>,
}

impl Description {
    /// The description as JSON: the name, the definition, and what is in the table.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut all = Map::new();
        all.insert("name".to_owned(), self.name.as_str().into());
        all.extend(self.definition.clone());
        all.insert("rows".to_owned(), self.rows.into());
        all.insert("firstMarker".to_owned(), self.first_marker.into());
        all.insert("lastMarker".to_owned(), self.last_marker.into());
        all.insert("finished".to_owned(), self.finished.into());
        if let Some(trouble) = &self.trouble {
            all.insert("trouble".to_owned(), trouble.clone().into());
        }
        Value::Object(all)
    }
}

/// Defines, fills and looks into tables. Clones share what they know.
#[derive(Debug, Clone)]
pub struct TableService {
    pub(super) store: TableStore,
    pub(super) tasks: TaskStore,
    pub(super) streams: StreamService,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) turns: Arc<Turns>,
    /// Wakes whoever waits for a table of this process to grow.
    pub(super) news: Arc<News>,
    /// When chunks were last swept.
    swept: Arc<Mutex<Option<Timestamp>>>,
    /// Whether the process is about to end, and nobody is to wait any more.
    pub(super) ending: Arc<AtomicBool>,
}

impl TableService {
    /// Tables in these stores; `streams` is where those get their elements that are fed by one.
    #[must_use]
    pub fn new(
        documents: Arc<dyn Documents>,
        chunks: Arc<dyn Chunks>,
        tasks: TaskStore,
        streams: StreamService,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let store = TableStore { documents, chunks, entropy: Arc::clone(&entropy) };
        Self {
            store,
            tasks,
            streams,
            clock,
            entropy,
            turns: Arc::default(),
            news: Arc::default(),
            swept: Arc::default(),
            ending: Arc::default(),
        }
    }

    /// Lets go those who listen to a table that is not finished: the process is about to end.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
        self.news.tell_all();
    }

    /// Makes a table, unless there is one with the same definition.
    ///
    /// # Errors
    /// When the name is taken, or the source is not there or does not fit.
    pub async fn define(&self, name: &TableName, definition: Definition) -> Result<Defined, TableError> {
        if let Some(table) = self.store.find(name).await? {
            let defined = same_or_taken(&definition, &table)?;
            if let (Some(task), false) = (&table.record.task, table.record.finished) {
                // Whoever has made it may have been cut off before it asked for a step.
                self.tasks.enqueue(task, 0).await?;
            }
            return Ok(defined);
        }
        let (definition, inherited, source) = self.resolved(definition).await?;
        let operations: Vec<Operation> = inherited.iter().chain(&definition.operations).cloned().collect();
        if operations.len() > limits::TABLE_OPERATIONS {
            let message =
                format!("operations: with those of its source there are {}, at most {} may be", operations.len(), limits::TABLE_OPERATIONS);
            return Err(TableError::Unfit(message));
        }
        Plan::new(definition.element, &operations).map_err(|mistake| {
            // The paths count from the source's operations on.
            TableError::Unfit(format!("operations: with those of its source: {}", mistake.problem))
        })?;
        let mut record = Record::new(format!("{:016x}", self.entropy.draw()), &definition);
        record.followed = source.map(|id| Followed::Table { id, begun: false });
        record.inherited = inherited.iter().map(Operation::to_json).collect();
        if definition.source.is_some() {
            let fed = self.store.all().await?.iter().filter(|table| table.record.task.is_some() && !table.record.finished).count();
            if fed >= limits::FED_TABLES {
                return Err(TableError::TooManyFed);
            }
            let id = TaskId::from_bits(self.entropy.draw());
            let source = match &definition.source {
                Some(Source::Table(source)) => Some(source.clone()),
                _ => None,
            };
            let following = super::stepper::Following { table: name.clone(), id: record.id.clone(), source };
            self.tasks.create(&Task::new(id.clone(), KIND, &following, &Value::Null, "", self.clock.now())).await?;
            record.task = Some(id);
        }
        match self.store.create(name, &record).await {
            Ok(()) => {}
            Err(taken) if taken.is_conflict() => {
                let table = self.store.find(name).await?;
                // The answer to our own write may have been lost.
                if table.as_ref().is_none_or(|table| table.record.id != record.id) {
                    if let Some(task) = &record.task {
                        self.tasks.remove(task).await?;
                    }
                    return same_or_taken(&definition, &table.ok_or_else(|| TableError::NotFound(name.clone()))?);
                }
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(task) = &record.task {
            self.tasks.enqueue(task, 0).await?;
        }
        Ok(Defined::New)
    }

    /// The definition with what its source says, the operations that the source's elements have been through, and the source's id if it is
    /// a table.
    async fn resolved(&self, mut definition: Definition) -> Result<(Definition, Vec<Operation>, Option<String>), TableError> {
        let (mut inherited, mut id) = (Vec::new(), None);
        match &definition.source {
            Some(Source::Table(name)) => {
                let source = self.store.find(name).await?;
                let source = source.ok_or_else(|| TableError::Unfit(format!("source.table: {name} is not found")))?;
                let wrong = |member: &str, value: &str| TableError::Unfit(format!("{member}: must be {value}, as in the table {name}"));
                if definition.element != source.element() {
                    return Err(wrong("element", source.element().name()));
                }
                if definition.sample_rate.is_some_and(|rate| rate != source.rate()) {
                    return Err(wrong("sampleRate", &source.rate().to_string()));
                }
                if definition.measure != source.definition.measure {
                    return Err(wrong("measure", &source.definition.measure.to_string()));
                }
                definition.sample_rate = Some(source.rate());
                inherited.clone_from(&source.plan.operations);
                id = Some(source.record.id);
            }
            Some(Source::Stream(source)) => {
                self.streams.get(&source.stream).await.map_err(|error| match error {
                    StreamError::Store(error) => TableError::Store(error),
                    other => TableError::Unfit(format!("source.stream: {other}")),
                })?;
            }
            Some(Source::Signal { .. }) | None => {}
        }
        Ok((definition, inherited, id))
    }

    /// All tables, sorted by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<Description>, TableError> {
        let mut all = Vec::new();
        for table in self.store.all().await? {
            match self.description(table).await {
                Err(TableError::NotFound(_)) => {} // Removed meanwhile.
                described => all.push(described?),
            }
        }
        Ok(all)
    }

    /// A table's description.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn describe(&self, name: &TableName) -> Result<Description, TableError> {
        self.description(self.store.get(name).await?).await
    }

    async fn description(&self, table: Table) -> Result<Description, TableError> {
        let mut elements = Elements::new(self.store.clone(), Arc::new(table));
        let rows = RowReader::kept(&mut elements).await?;
        let (mut first_marker, mut last_marker) = (None, None);
        let (rate, stride) = (elements.table().rate(), elements.table().plan.stride());
        if !rows.is_empty() {
            first_marker = Some(rate.marker(elements.place_of(rows.start * stride).await?.sample));
            last_marker = Some(rate.marker(elements.place_of((rows.end - 1) * stride).await?.sample));
        }
        let table = elements.table();
        Ok(Description {
            name: table.name.clone(),
            definition: table.definition.to_json(),
            rows: rows.end - rows.start,
            first_marker,
            last_marker,
            finished: table.record.finished,
            trouble: table.record.trouble.clone(),
        })
    }

    /// Begins to append. Nothing is kept before it is committed.
    ///
    /// # Errors
    /// When the table is not there, finished, or fed by a source.
    pub async fn append(&self, name: &TableName) -> Result<Append, TableError> {
        let table = self.store.get(name).await?;
        if let Some(source) = &table.definition.source {
            return Err(TableError::Fed { table: name.clone(), source_name: source.described() });
        }
        if table.record.finished {
            return Err(TableError::Finished(name.clone()));
        }
        Ok(Append::new(self.clone(), table))
    }

    /// Ends a table: nothing is appended any more, and the last windows come out, however short.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn finish(&self, name: &TableName) -> Result<(), TableError> {
        loop {
            let table = self.store.get(name).await?;
            if !table.record.finished {
                match self.store.put(&table, &Record { finished: true, trouble: None, ..table.record.clone() }).await {
                    Err(changed) if changed.is_conflict() => continue,
                    written => written?,
                };
                self.news.tell(name);
            }
            if let Some(task) = &table.record.task {
                self.tasks.request_stop(task).await?;
            }
            return Ok(());
        }
    }

    /// Removes a table with all that is in it.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn remove(&self, name: &TableName) -> Result<(), TableError> {
        let record = self.store.remove(name).await?;
        self.news.tell(name);
        if let Some(task) = &record.task {
            self.tasks.request_stop(task).await?;
        }
        self.store.remove_chunks(&record.prefix()).await;
        Ok(())
    }

    /// Rows as lines of JSON. With a rate, offsets count by it from the first row's marker on.
    ///
    /// # Errors
    /// When there is no such table, or the store fails.
    pub async fn select(&self, name: &TableName, selection: Selection, sample_rate: Option<SampleRate>) -> Result<Lines, TableError> {
        Ok(Lines::new(self.rows(name, selection).await?, sample_rate))
    }

    /// Rows as they are.
    ///
    /// # Errors
    /// When there is no such table, or the store fails.
    pub async fn rows(&self, name: &TableName, selection: Selection) -> Result<RowReader, TableError> {
        RowReader::begin(&self.store, self.store.get(name).await?, selection).await
    }

    /// Removes what appends that were broken off so long ago have left behind.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self, older_than: Duration) -> Result<(), PortError> {
        let now = self.clock.now();
        *self.swept.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        let before = now.as_micros().saturating_sub(i64::try_from(older_than.as_micros()).unwrap_or(i64::MAX));
        self.store.sweep(Timestamp::from_micros(before)).await
    }

    /// The same, unless this process has done it a short while ago: all chunks are looked through.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep_now_and_then(&self, older_than: Duration) -> Result<(), PortError> {
        let swept = *self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.is_some_and(|swept| self.clock.now().since(swept) < SWEEP_EVERY) {
            return Ok(());
        }
        self.sweep(older_than).await
    }

    /// A table as sound, from `offset` before the newest sample on: so much of it as `limit` says, or until the table is finished. When it
    /// is not to `follow`, it ends with what is there.
    ///
    /// # Errors
    /// When there is no such table, or it does not hold samples or vectors of them.
    pub async fn sound(
        &self,
        name: &TableName,
        depth: BitDepth,
        offset: TimeMeasure,
        limit: Option<TimeMeasure>,
        follow: bool,
    ) -> Result<Sound, TableError> {
        let table = self.store.get(name).await?;
        if !table.is_audible() {
            return Err(TableError::Unfit(format!(
                "{name} cannot be heard: only tables of samples and of vectors can, without operations"
            )));
        }
        Sound::begin(self.clone(), table, depth, offset, limit, follow).await
    }
}

fn same_or_taken(definition: &Definition, table: &Table) -> Result<Defined, TableError> {
    if definition.means(&table.definition) { Ok(Defined::Same) } else { Err(TableError::Taken(table.name.clone())) }
}
