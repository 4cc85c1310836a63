//! Sources of tables: what they have given since somebody looked last.

mod signals;
mod streams;
mod tables;

use std::time::Duration;

use super::definition::Source;
use super::record::{Place, Record};
use super::rows::Rows;
use super::service::{TableError, TableService};
use super::store::{Addition, Table};
use crate::ids::TableName;
use crate::ports::PortError;

/// Elements that are taken over at a time: as many samples as a chunk holds.
const AT_ONCE: usize = 512 * 1024;

/// What came of looking at a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is more at once.
    More,
    /// What there was is taken; there is nothing new for about so long.
    Took(Duration),
    /// There was nothing, and is nothing for about so long.
    Wait(Duration),
    /// Nothing will come any more, or nobody wants it.
    Over,
}

impl TableService {
    /// Takes over what the source of a table has by now, or a part of it.
    pub(super) async fn follow(&self, name: &TableName, id: &str) -> Result<Outcome, TableError> {
        let Some(table) = self.store.find(name).await?.filter(|table| table.record.id == id) else { return Ok(Outcome::Over) };
        if table.record.finished {
            return Ok(Outcome::Over);
        }
        let followed = match &table.definition.source {
            None => return Ok(Outcome::Over),
            Some(Source::Signal { signal, length }) => self.follow_signal(&table, signal, length.as_ref()).await,
            Some(Source::Table(source)) => self.follow_table(&table, source).await,
            Some(Source::Stream(source)) => self.follow_stream(&table, source).await,
        };
        match followed {
            // Somebody has finished or removed the table meanwhile.
            Err(TableError::Store(changed)) if changed.is_conflict() => Ok(Outcome::More),
            other => other,
        }
    }

    /// Adds what a source gave, and notes how far it has been followed.
    async fn take(&self, table: &Table, rows: Rows, note: impl FnOnce(&mut Record)) -> Result<(), TableError> {
        let addition = Addition::of(rows);
        let note = |record: &mut Record| {
            record.trouble = None;
            note(record);
        };
        self.store.extend(table, &addition, note).await?;
        self.news.tell(&table.name);
        Ok(())
    }

    /// Begins a table anew at a place further on: what lies between is nowhere to be had any more.
    async fn begin_at(&self, table: &Table, place: Place, note: impl FnOnce(&mut Record)) -> Result<(), TableError> {
        let mut garbage = Vec::new();
        for page in &table.record.pages {
            garbage.extend(self.store.page(table, page).await?.iter().map(|chunk| table.record.chunk_key(chunk.id)));
            garbage.push(table.record.chunk_key(page.id));
        }
        garbage.extend(table.record.chunks.iter().map(|chunk| table.record.chunk_key(chunk.id)));
        let mut record = Record { first: place, newest: place, end: place, tail: None, ..table.record.clone() };
        (record.pages, record.chunks) = (Vec::new(), Vec::new());
        note(&mut record);
        self.store.put(table, &record).await?;
        self.store.clean(garbage).await;
        Ok(())
    }

    /// Ends a table whose source gives no more.
    async fn end_of_source(&self, table: &Table) -> Result<Outcome, TableError> {
        self.store.put(table, &Record { finished: true, trouble: None, ..table.record.clone() }).await?;
        self.news.tell(&table.name);
        Ok(Outcome::Over)
    }

    /// Says why a source gives nothing.
    async fn trouble(&self, table: &Table, trouble: String) -> Result<(), PortError> {
        if table.record.trouble.as_ref() != Some(&trouble) {
            self.store.put(table, &Record { trouble: Some(trouble), ..table.record.clone() }).await?;
        }
        Ok(())
    }
}
