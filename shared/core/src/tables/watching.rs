//! Tables looked at again and again: each time at what came since.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::{self, Either};
use futures::pin_mut;

use super::elements::Elements;
use super::service::{TableError, TableService};
use super::store::Table;
use super::{ElementType, Operation, RowReader, SampleRate, Selection, TimeMeasure};
use crate::ids::TableName;

/// How long it waits before it looks whether another process has appended.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How much of a table is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Rows within so much time before the newest one.
    pub back: TimeMeasure,
    /// Every so manieth row, counted from the first one that ever was; at least 1.
    pub every: u64,
    /// So many at a time, the newest of them; at least 1.
    pub most: u64,
}

/// What there is to see.
#[derive(Debug)]
pub enum Seen {
    /// Rows that were not seen before; at least one.
    Rows(Box<RowReader>),
    /// The table is finished, and all of it was seen.
    Finished,
    /// The table is gone, or another one has its name.
    Removed,
    /// The process is about to end.
    Ending,
}

/// Looks at a table. Made by [`TableService::watch`].
#[derive(Debug)]
pub struct Watch {
    service: TableService,
    table: Arc<Table>,
    /// The first row that was not seen.
    next: u64,
}

impl TableService {
    /// Begins to watch a table.
    ///
    /// # Errors
    /// When there is no such table, or the store fails.
    pub async fn watch(&self, name: &TableName) -> Result<Watch, TableError> {
        Ok(Watch { service: self.clone(), table: Arc::new(self.store.get(name).await?), next: 0 })
    }

    /// Waits until a table is no longer as it was. Answers what it is then; `None` when another one has its name, or nobody is to wait any
    /// more.
    ///
    /// # Errors
    /// When the table is gone, or the store fails.
    pub(super) async fn changed(&self, before: &Table) -> Result<Option<Table>, TableError> {
        loop {
            // Listening begins before looking, so nothing is missed in between.
            let news = self.news.of(&before.name);
            let told = news.notified();
            pin_mut!(told);
            told.as_mut().enable();
            let now = self.store.get(&before.name).await?;
            if now.record.id != before.record.id || self.ending.load(Ordering::Relaxed) {
                return Ok(None);
            }
            if now.etag != before.etag {
                return Ok(Some(now));
            }
            match future::select(told, self.clock.sleep(LOOK_AGAIN)).await {
                Either::Left(_) | Either::Right(_) => {}
            }
        }
    }
}

impl Watch {
    /// What the table's base elements are.
    #[must_use]
    pub fn element(&self) -> ElementType {
        self.table.element()
    }

    /// The table's sample rate.
    #[must_use]
    pub fn rate(&self) -> SampleRate {
        self.table.rate()
    }

    /// All that was made of the base elements: what its source says first, then what its own definition says.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.table.plan.operations
    }

    /// Rows in a second, if elements span one sample each.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a stride is at most 2^32")]
    pub fn rows_per_second(&self) -> f64 {
        self.table.rate().as_f64() / self.table.plan.stride() as f64
    }

    /// Whether it can be heard: there are samples or vectors of them, and nothing is made of them.
    #[must_use]
    pub fn is_audible(&self) -> bool {
        self.table.is_audible()
    }

    /// Rows that were not seen before, as soon as there are any; what is past the pace's bounds is passed over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next(&mut self, pace: Pace) -> Result<Seen, TableError> {
        loop {
            if let Some(rows) = self.fresh(pace).await? {
                return Ok(Seen::Rows(Box::new(rows)));
            }
            if self.table.record.finished {
                return Ok(Seen::Finished);
            }
            match self.service.changed(&self.table).await {
                Ok(Some(now)) => self.table = Arc::new(now),
                Ok(None) if self.service.ending.load(Ordering::Relaxed) => return Ok(Seen::Ending),
                Ok(None) | Err(TableError::NotFound(_)) => return Ok(Seen::Removed),
                Err(error) => return Err(error),
            }
        }
    }

    /// Rows that were not seen before, if there are any by now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn fresh(&mut self, pace: Pace) -> Result<Option<RowReader>, TableError> {
        let every = pace.every.max(1);
        // Most changes of a table make no row of a table of long windows.
        if self.table.rows() <= self.next {
            return Ok(None);
        }
        let mut elements = Elements::new(self.service.store.clone(), Arc::clone(&self.table));
        let selected = super::row_reader::select(&mut elements, Selection::Last(pace.back)).await;
        let rows = match selected {
            // The table went, which whoever waits for a change is told.
            Err(TableError::NotFound(_)) => return Ok(None),
            rows => rows?,
        };
        let oldest = rows.end.saturating_sub(pace.most.max(1).saturating_mul(every));
        let begin = rows.start.max(self.next).max(oldest).next_multiple_of(every);
        if begin >= rows.end {
            return Ok(None);
        }
        // Behind the last one that is read.
        self.next = begin + (rows.end - begin - 1) / every * every + 1;
        Ok(Some(RowReader::over(elements, begin..rows.end).every(every)))
    }
}
