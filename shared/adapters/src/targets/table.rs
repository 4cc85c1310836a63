use async_trait::async_trait;
use headwater_core::ports::{Batch, Committed, Owner, Sink, SinkError};
use headwater_core::tables::{ElementType, Numbered, Rows, TableError, TableService};
use headwater_core::targets::TableTarget;
use serde_json::{Map, Value};

use super::log_and_hide;

/// Bytes of elements that are held back before they are appended. A flush appends what there is.
const HELD: usize = 1 << 20;

/// Appends each record, or a number of it, to a table. Records are numbered from the task's first one, and the table leaves out what it
/// has of this task already: so a step that is repeated after a crash adds nothing twice. A record without the number is passed over.
#[derive(Debug)]
pub(super) struct TableSink {
    tables: TableService,
    target: TableTarget,
    writer: String,
    /// What is held is of this type of element.
    element: ElementType,
    /// Samples that an object spans.
    measure: u32,
    held: Numbered,
    held_bytes: u64,
    durable: Committed,
}

impl TableSink {
    pub(super) async fn open(tables: TableService, target: &TableTarget, owner: &Owner, committed: Committed) -> Result<Self, SinkError> {
        let (element, measure) = taken(&tables, target).await?;
        let held = Numbered::new(Rows::new(element, measure), committed.records);
        let (target, writer) = (target.clone(), owner.0.clone());
        Ok(Self { tables, target, writer, element, measure, held, held_bytes: 0, durable: committed })
    }

    fn hold(&mut self, record: &[u8]) -> Result<(), SinkError> {
        let wrong = |problem: String| SinkError::Fatal(format!("a record cannot become an element of {}: {problem}", self.target.table));
        self.held_bytes += record.len() as u64 + 1;
        let Some(field) = &self.target.field else {
            return self.held.push_json(record).map_err(|error| wrong(error.to_string()));
        };
        let record: Map<String, Value> = serde_json::from_slice(record).map_err(|error| wrong(error.to_string()))?;
        match field.of(&record).and_then(Value::as_f64) {
            Some(number) => self.held.push_sample(number),
            None => self.held.pass_over(),
        }
        Ok(())
    }

    async fn append(&mut self) -> Result<(), SinkError> {
        let until = self.held.until();
        if until == self.durable.records {
            return Ok(());
        }
        let appended = self.tables.append_numbered(&self.target.table, &self.writer, &self.held).await;
        appended.map_err(|error| trouble(&self.target, &error))?;
        self.durable.records = until;
        self.durable.bytes += std::mem::take(&mut self.held_bytes);
        self.held = Numbered::new(Rows::new(self.element, self.measure), until);
        Ok(())
    }
}

/// Looks whether a table takes what a target gives it.
pub(super) async fn prepare(tables: &TableService, target: &TableTarget) -> Result<(), SinkError> {
    taken(tables, target).await.map(drop)
}

/// What the table takes, when that is what the target gives.
async fn taken(tables: &TableService, target: &TableTarget) -> Result<(ElementType, u32), SinkError> {
    let (element, measure) = tables.takes(&target.table).await.map_err(|error| trouble(target, &error))?;
    let (table, holds) = (&target.table, element.name());
    match (&target.field, element) {
        (Some(_), ElementType::Sample) | (None, ElementType::Json) => Ok((element, measure)),
        (Some(_), _) => Err(SinkError::Fatal(format!("{table} holds elements of the type {holds}; with a field it must be sample"))),
        (None, _) => Err(SinkError::Fatal(format!("{table} holds elements of the type {holds}; without a field it must be json"))),
    }
}

fn trouble(target: &TableTarget, error: &TableError) -> SinkError {
    match error {
        TableError::Store(error) => {
            log_and_hide("writing a table", error);
            SinkError::Retry(format!("the table {} cannot be written", target.table))
        }
        _ => SinkError::Fatal(error.to_string()),
    }
}

#[async_trait]
impl Sink for TableSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        for record in batch.records() {
            self.hold(record)?;
            if self.held.rows().bytes() >= HELD {
                self.append().await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        self.append().await
    }

    fn committed(&self) -> Committed {
        self.durable
    }
}
