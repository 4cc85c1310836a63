//! Elements on their way into a table.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::numbered::Numbered;
use super::record::{Chunk, Record};
use super::rows::Rows;
use super::service::{TableError, TableService};
use super::store::{Addition, Table};
use super::{ElementType, SampleRate};
use crate::ids::TableName;
use crate::ports::PortError;

/// How often a commit is tried over what other processes have written meanwhile.
const ATTEMPTS: u32 = 100;

/// Who appends to which table: those who come while another one's commit is under way are committed together afterwards.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<TableName, Arc<Turn>>>);

#[derive(Debug, Default)]
struct Turn {
    waiting: Mutex<Vec<Waiting>>,
    at_it: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    /// The table that the elements were meant for.
    id: String,
    rows: Rows,
    answer: oneshot::Sender<Result<(), TableError>>,
}

impl Turns {
    fn of(&self, table: &TableName) -> Arc<Turn> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= 1024 {
            all.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        Arc::clone(all.entry(table.clone()).or_default())
    }
}

/// Elements that are being handed in, in any number of pieces. They become part of the table together, or not at all.
#[derive(Debug)]
pub struct Append {
    service: TableService,
    table: Table,
    /// What is written already.
    chunks: Vec<Chunk>,
    /// Samples before the newest element of what is written.
    newest: u64,
    rows: Rows,
}

impl Append {
    pub(super) fn new(service: TableService, table: Table) -> Self {
        let rows = table.new_rows();
        Self { service, table, chunks: Vec::new(), newest: 0, rows }
    }

    /// The type of element that the table takes.
    #[must_use]
    pub fn element(&self) -> ElementType {
        self.table.element()
    }

    /// The table's sample rate.
    #[must_use]
    pub fn rate(&self) -> SampleRate {
        self.table.rate()
    }

    /// Samples that an object spans.
    #[must_use]
    pub fn measure(&self) -> u32 {
        self.table.definition.measure
    }

    /// Hands in elements. What is more than fits into a chunk is written, where no reader looks yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn push(&mut self, rows: Rows) -> Result<(), TableError> {
        if self.rows.is_empty() {
            self.rows = rows;
        } else {
            self.rows.append(&rows, 0..rows.len());
        }
        if self.rows.bytes() >= self.table.chunk_bytes() {
            let rows = mem::replace(&mut self.rows, self.table.new_rows());
            self.newest = self.chunks.iter().map(|chunk| chunk.span).sum::<u64>() + rows.span_before(rows.len() - 1);
            self.chunks.extend(self.service.store.write(&self.table, &rows).await?);
        }
        Ok(())
    }

    /// Makes all of it part of the table, durably. Answers how many elements there were.
    ///
    /// # Errors
    /// When the table is gone or finished meanwhile, or the store fails.
    pub async fn commit(mut self) -> Result<u64, TableError> {
        let count = self.chunks.iter().map(|chunk| chunk.elements).sum::<u64>() + self.rows.len() as u64;
        let rows = mem::replace(&mut self.rows, self.table.new_rows());
        if count == 0 {
            return Ok(0);
        }
        if self.chunks.is_empty() {
            self.service.append_rows(&self.table, rows).await?;
            return Ok(count);
        }
        let addition = Addition::behind(mem::take(&mut self.chunks), self.newest, rows);
        let turn = self.service.turns.of(&self.table.name);
        let _turn = turn.at_it.lock().await;
        let added = self.service.add(&self.table.name, &self.table.record.id, &addition).await;
        if matches!(added, Err(TableError::NotFound(_) | TableError::Finished(_))) {
            // Nobody will ever look at what was written.
            self.service.store.clean(addition.chunks.iter().map(|chunk| self.table.record.chunk_key(chunk.id)).collect()).await;
        }
        added.map(|_| count)
    }

    /// Lets go what was handed in.
    pub async fn abandon(self) {
        let keys = self.chunks.iter().map(|chunk| self.table.record.chunk_key(chunk.id)).collect();
        self.service.store.clean(keys).await;
    }
}

impl TableService {
    /// Appends elements with whatever others append at the same time.
    async fn append_rows(&self, table: &Table, rows: Rows) -> Result<(), TableError> {
        let turn = self.turns.of(&table.name);
        let (answer, mut answered) = oneshot::channel();
        let id = table.record.id.clone();
        turn.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { id, rows, answer });
        let _turn = turn.at_it.lock().await;
        match answered.try_recv() {
            Ok(answer) => return answer,
            // Whoever had taken them along has gone away in the middle.
            Err(oneshot::error::TryRecvError::Closed) => {
                return Err(PortError::unavailable("appending", "the commit was broken off").into());
            }
            Err(oneshot::error::TryRecvError::Empty) => {}
        }
        // Those for another table of this name commit on their own; nobody is to be committed who has gone away.
        let ours: Vec<Waiting> = {
            let mut waiting = turn.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.extract_if(.., |waiting| waiting.id == table.record.id).filter(|waiting| !waiting.answer.is_closed()).collect()
        };
        let mut rows = table.new_rows();
        for waiting in &ours {
            rows.append(&waiting.rows, 0..waiting.rows.len());
        }
        let done = self.add(&table.name, &table.record.id, &Addition::of(rows)).await;
        for waiting in ours {
            let answer = match &done {
                Ok(_) => Ok(()),
                Err(TableError::NotFound(name)) => Err(TableError::NotFound(name.clone())),
                Err(TableError::Finished(name)) => Err(TableError::Finished(name.clone())),
                Err(error) => Err(PortError::unavailable("appending", error.to_string()).into()),
            };
            drop(waiting.answer.send(answer));
        }
        done.map(drop)
    }

    /// Lets others go first who write the same table.
    async fn pause(&self) {
        self.clock.sleep(Duration::from_micros(500 + self.entropy.draw() % 10_000)).await;
    }

    /// Makes an addition part of a table that is open, over whatever others have written meanwhile.
    async fn add(&self, name: &TableName, id: &str, addition: &Addition) -> Result<Table, TableError> {
        let mut attempts = ATTEMPTS;
        loop {
            let table = self.store.get(name).await?;
            if table.record.id != id {
                return Err(TableError::NotFound(name.clone()));
            }
            if table.record.finished {
                return Err(TableError::Finished(name.clone()));
            }
            match self.store.extend(&table, addition, |_| ()).await {
                Err(changed) if changed.is_conflict() && attempts > 0 => {
                    attempts -= 1;
                    self.pause().await;
                }
                added => {
                    let added = added?;
                    self.news.tell(name);
                    return Ok(added);
                }
            }
        }
    }

    /// Appends elements that a writer numbers, from 0 on. Those that the table has from it already are left out, so that repetitions do
    /// not show.
    ///
    /// # Errors
    /// When the table is not there, is finished or fed by a source, when its elements are others, or it has not had what comes before: it
    /// is another table than the one that had.
    pub async fn append_numbered(&self, name: &TableName, writer: &str, numbered: &Numbered) -> Result<(), TableError> {
        let (rows, from, until) = (numbered.rows(), numbered.from(), numbered.until());
        let turn = self.turns.of(name);
        let _turn = turn.at_it.lock().await;
        let mut attempts = ATTEMPTS;
        loop {
            let table = self.append(name).await?.table;
            if !table.new_rows().is_alike(rows) {
                return Err(TableError::Unfit(format!("{name} holds other elements than before: another table was made under its name")));
            }
            let taken = table.record.taken(writer);
            if until <= taken {
                return Ok(());
            }
            if from > taken {
                return Err(TableError::Unfit(format!("{name} has been removed, and another one was made")));
            }
            let addition = Addition::of(numbered.behind(taken));
            let note = |record: &mut Record| {
                record.note_taken(writer, until);
            };
            match self.store.extend(&table, &addition, note).await {
                Err(changed) if changed.is_conflict() && attempts > 0 => {
                    attempts -= 1;
                    self.pause().await;
                }
                added => {
                    added?;
                    self.news.tell(name);
                    return Ok(());
                }
            }
        }
    }

    /// What a table takes: its type of element, and how many samples an object spans.
    ///
    /// # Errors
    /// When there is no such table, or nothing can be appended to it.
    pub async fn takes(&self, name: &TableName) -> Result<(ElementType, u32), TableError> {
        let append = self.append(name).await?;
        Ok((append.element(), append.measure()))
    }
}
