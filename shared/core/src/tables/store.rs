//! Tables in the stores: read, extended, cut.

use std::sync::Arc;

use bytes::Bytes;
use tracing::error;

use super::definition::Definition;
use super::plan::{Operation, Plan};
use super::record::{Chunk, Page, Place, Record, Tail};
use super::rows::Rows;
use super::{ElementType, SampleRate, TableError};
use crate::ids::TableName;
use crate::ports::{Chunks, Condition, Documents, DocumentsExt as _, Entropy, Etag, Key, PortError};

/// Bytes of elements that stay in the table's document. One write makes them durable, so a few samples are appended quickly.
const INLINE: usize = 8 * 1024;

/// Bytes of a chunk of samples, of which any part can be read alone.
const SAMPLES_CHUNK: usize = 4 * 1024 * 1024;

/// Bytes of a chunk of other elements, which are read together.
const OTHER_CHUNK: usize = 512 * 1024;

/// Small chunks at the end before they become a large one.
const SMALL_CHUNKS: usize = 64;

/// Chunks that a page lists; when twice as many stand in the document, half of them go into one.
const PAGE: usize = 64;

/// A table as it is now.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: TableName,
    pub(super) etag: Etag,
    pub(super) record: Record,
    pub(super) definition: Definition,
    pub(super) plan: Plan,
}

impl Table {
    pub(super) fn rate(&self) -> SampleRate {
        self.definition.rate()
    }

    pub(super) fn element(&self) -> ElementType {
        self.definition.element
    }

    /// Rows that were ever made.
    pub(super) fn rows(&self) -> u64 {
        self.plan.rows(self.record.end.element, self.record.finished)
    }

    /// Whether it can be heard: there are samples or vectors of them, and nothing is made of them.
    pub(super) fn is_audible(&self) -> bool {
        self.plan.levels.is_empty() && matches!(self.element(), ElementType::Sample | ElementType::Vector)
    }

    pub(super) fn new_rows(&self) -> Rows {
        Rows::new(self.definition.element, self.definition.measure)
    }

    /// The place of an element where every element spans the same.
    pub(super) fn even_place(&self, element: u64) -> Option<Place> {
        self.element().is_even().then(|| Place { element, sample: element * u64::from(self.definition.measure) })
    }

    pub(super) fn chunk_bytes(&self) -> usize {
        if self.element() == ElementType::Sample { SAMPLES_CHUNK } else { OTHER_CHUNK }
    }

    fn damaged(&self) -> PortError {
        PortError::Corrupt { what: format!("the table {}", self.name), source: "its elements cannot be read back".into() }
    }

    pub(super) fn tail_rows(&self) -> Result<Rows, PortError> {
        self.record.tail_rows(self.element(), self.definition.measure).ok_or_else(|| self.damaged())
    }
}

/// What is added to a table.
#[derive(Debug)]
pub(super) struct Addition {
    /// Elements that are in chunks of the table already.
    pub(super) chunks: Vec<Chunk>,
    /// Those behind them.
    pub(super) rows: Rows,
    /// Samples before the newest element of all of them.
    newest: u64,
}

impl Addition {
    /// These elements.
    pub(super) fn of(rows: Rows) -> Self {
        Self::behind(Vec::new(), 0, rows)
    }

    /// These elements behind those that are in chunks already, the newest of which has `newest` samples before it.
    pub(super) fn behind(chunks: Vec<Chunk>, newest: u64, rows: Rows) -> Self {
        let written: u64 = chunks.iter().map(|chunk| chunk.span).sum();
        let newest = rows.len().checked_sub(1).map_or(newest, |last| written + rows.span_before(last));
        Self { chunks, rows, newest }
    }

    fn len(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.elements).sum::<u64>() + self.rows.len() as u64
    }
}

/// The tables in a set of stores.
#[derive(Debug, Clone)]
pub(super) struct TableStore {
    pub(super) documents: Arc<dyn Documents>,
    pub(super) chunks: Arc<dyn Chunks>,
    pub(super) entropy: Arc<dyn Entropy>,
}

pub(super) fn tables_key() -> Key {
    Key::root("tables")
}

fn table_key(name: &TableName) -> Key {
    tables_key().child(name.as_str()).expect("a name is short")
}

impl TableStore {
    /// The table, if there is one of this name.
    pub(super) async fn find(&self, name: &TableName) -> Result<Option<Table>, PortError> {
        let Some((record, etag)) = self.documents.get_json::<Record>(&table_key(name)).await? else { return Ok(None) };
        Ok(Some(read(name.clone(), record, etag)?))
    }

    /// The table.
    pub(super) async fn get(&self, name: &TableName) -> Result<Table, TableError> {
        self.find(name).await?.ok_or_else(|| TableError::NotFound(name.clone()))
    }

    /// All tables that can be read, by name.
    pub(super) async fn all(&self) -> Result<Vec<Table>, PortError> {
        let mut all = Vec::new();
        for listed in self.documents.list_all(&tables_key()).await? {
            // One may have been removed since the listing.
            let Some((record, etag)) = self.documents.get_json::<Record>(&listed.key).await? else { continue };
            let segment = listed.key.as_str().rsplit('/').next().unwrap_or_default();
            let Some(name) = decoded(segment) else { continue };
            match read(name, record, etag) {
                Ok(table) => all.push(table),
                // The others must not suffer from it.
                Err(error) => error!(error = &error as &dyn std::error::Error, key = %listed.key, "a table cannot be read"),
            }
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// Writes a new table.
    pub(super) async fn create(&self, name: &TableName, record: &Record) -> Result<(), PortError> {
        self.documents.put_json(&table_key(name), record, Condition::Absent).await.map(drop)
    }

    /// Writes a table that is as it was read.
    pub(super) async fn put(&self, table: &Table, record: &Record) -> Result<Etag, PortError> {
        self.documents.put_json(&table_key(&table.name), record, Condition::Match(table.etag.clone())).await
    }

    /// Removes a table, which need not be readable. Answers what it was; its chunks are to be removed behind it.
    pub(super) async fn remove(&self, name: &TableName) -> Result<Record, TableError> {
        let key = table_key(name);
        loop {
            let found = self.documents.get_json::<Record>(&key).await?;
            let (record, etag) = found.ok_or_else(|| TableError::NotFound(name.clone()))?;
            match self.documents.delete(&key, Condition::Match(etag)).await {
                Err(changed) if changed.is_conflict() => {}
                removed => return Ok(removed.map(|()| record)?),
            }
        }
    }

    /// A name for a chunk that no other one of the table has.
    fn new_id(&self) -> u64 {
        self.entropy.draw() >> 12
    }

    /// Writes elements as chunks of a table, which no reader sees before its record names them.
    pub(super) async fn write(&self, table: &Table, rows: &Rows) -> Result<Vec<Chunk>, PortError> {
        let (mut chunks, mut bodies) = (Vec::new(), Vec::new());
        let (count, bytes) = (rows.len(), rows.bytes());
        // As many as fit into a chunk at their average size.
        let many = (count as u128 * table.chunk_bytes() as u128 / bytes.max(1) as u128).max(1) as usize;
        for from in (0..count).step_by(many) {
            let part = rows.slice(from..count.min(from + many));
            let (id, packed) = (self.new_id(), part.pack());
            let (elements, span, bytes) = (part.len() as u64, part.span(), packed.bytes.len() as u64);
            chunks.push(Chunk { id, elements, span, bytes, width: packed.width });
            bodies.push((table.record.chunk_key(id), packed.bytes));
        }
        self.chunks.put(bodies).await?;
        Ok(chunks)
    }

    /// The elements of a whole chunk.
    pub(super) async fn read(&self, table: &Table, chunk: &Chunk) -> Result<Rows, PortError> {
        let bytes = self.chunks.read(&table.record.chunk_key(chunk.id), 0..chunk.bytes).await?;
        let rows = Rows::unpack(table.element(), table.definition.measure, &bytes, chunk.width);
        rows.filter(|rows| rows.len() as u64 == chunk.elements).ok_or_else(|| table.damaged())
    }

    /// The chunks that a page lists.
    pub(super) async fn page(&self, table: &Table, page: &Page) -> Result<Vec<Chunk>, PortError> {
        self.list_of(&table.record, page).await
    }

    pub(super) async fn list_of(&self, record: &Record, page: &Page) -> Result<Vec<Chunk>, PortError> {
        let key = record.chunk_key(page.id);
        let bytes = self.chunks.read(&key, 0..page.bytes).await?;
        serde_json::from_slice(&bytes).map_err(|source| PortError::Corrupt { what: key.to_string(), source: source.into() })
    }

    /// Adds elements behind the others of a table and lets go what it need not keep any more. `change` may set what belongs to them.
    /// Everything is committed by the last write; before it nothing can be seen.
    ///
    /// # Errors
    /// [`PortError::Conflict`] when the table has changed since it was read.
    pub(super) async fn extend(&self, table: &Table, addition: &Addition, change: impl FnOnce(&mut Record)) -> Result<Table, PortError> {
        let mut record = table.record.clone();
        let (mut written, commit) = (Vec::new(), self.new_id());
        let mut garbage = Vec::new();
        let mut rows = table.tail_rows()?;
        if let Some(last) = addition.len().checked_sub(1) {
            record.newest = record.end.behind(last, addition.newest);
        }
        record.end = addition.chunks.iter().fold(record.end, |end, chunk| end.behind(chunk.elements, chunk.span));
        record.end = record.end.behind(addition.rows.len() as u64, addition.rows.span());
        if addition.chunks.is_empty() {
            rows.append(&addition.rows, 0..addition.rows.len());
        } else {
            if !rows.is_empty() {
                written.extend(self.write(table, &rows).await?);
                record.chunks.extend(&written);
            }
            record.chunks.extend(&addition.chunks);
            rows = addition.rows.clone();
        }
        if rows.bytes() <= INLINE {
            record.tail = (!rows.is_empty()).then(|| Tail(rows.pack()));
        } else {
            let small = trailing_small(&record.chunks, rows.bytes(), table.chunk_bytes());
            for chunk in record.chunks.split_off(record.chunks.len() - small.len()) {
                garbage.push(record.chunk_key(chunk.id));
            }
            if !small.is_empty() {
                let mut joined = table.new_rows();
                for chunk in &small {
                    let part = self.read(table, chunk).await.map_err(changed)?;
                    joined.append(&part, 0..part.len());
                }
                joined.append(&rows, 0..rows.len());
                rows = joined;
            }
            let new = self.write(table, &rows).await?;
            record.chunks.extend(&new);
            written.extend(new);
            record.tail = None;
        }
        if record.chunks.len() >= 2 * PAGE {
            let listed: Vec<Chunk> = record.chunks.drain(..PAGE).collect();
            let list = Bytes::from(serde_json::to_vec(&listed).expect("numbers serialise"));
            let (id, bytes) = (self.new_id(), list.len() as u64);
            let sum = |of: fn(&Chunk) -> u64| listed.iter().map(of).sum();
            self.chunks.put(vec![(record.chunk_key(id), list)]).await?;
            written.push(Chunk { id, elements: 0, span: 0, bytes, width: 0 });
            record.pages.push(Page { id, bytes, elements: sum(|chunk| chunk.elements), span: sum(|chunk| chunk.span) });
        }
        change(&mut record);
        record.note_commit(commit);
        garbage.extend(self.let_go(table, &mut record).await.map_err(changed)?);
        let etag = match self.put(table, &record).await {
            Ok(etag) => etag,
            Err(conflict) if conflict.is_conflict() => {
                // The answer to an earlier try may have been lost, and others may have written since.
                if let Some(now) = self.find(&table.name).await?.filter(|now| now.record.commits.contains(&commit)) {
                    return Ok(now);
                }
                let keys = written.iter().map(|chunk| table.record.chunk_key(chunk.id)).collect();
                self.clean(keys).await;
                return Err(conflict);
            }
            // It may have been written all the same.
            Err(error) => return Err(error),
        };
        self.clean(garbage).await;
        Ok(Table { etag, record, ..table.clone() })
    }

    /// Takes chunks whose rows are all past the retention out of a record. Answers what may be removed once that is written.
    async fn let_go(&self, table: &Table, record: &mut Record) -> Result<Vec<Key>, PortError> {
        let mut gone = Vec::new();
        let kept_from = first_kept_sample(table, record);
        while let Some(page) = record.pages.first().copied() {
            if !is_past(table, record.first, page.span, kept_from) {
                return Ok(gone);
            }
            gone.extend(self.page(table, &page).await?.iter().map(|chunk| record.chunk_key(chunk.id)));
            gone.push(record.chunk_key(page.id));
            record.first = record.first.behind(page.elements, page.span);
            record.pages.remove(0);
        }
        let past = |(place, chunk): &(Place, &Chunk)| is_past(table, *place, chunk.span, kept_from);
        let places = record.chunks.iter().scan(record.first, |place, chunk| {
            let begin = *place;
            *place = place.behind(chunk.elements, chunk.span);
            Some((begin, chunk))
        });
        let count = places.take_while(past).count();
        for chunk in record.chunks.drain(..count).collect::<Vec<_>>() {
            gone.push(record.chunk_key(chunk.id));
            record.first = record.first.behind(chunk.elements, chunk.span);
        }
        Ok(gone)
    }
}

fn read(name: TableName, record: Record, etag: Etag) -> Result<Table, PortError> {
    let corrupt = |problem: String| PortError::Corrupt { what: format!("the table {name}"), source: problem.into() };
    let definition = serde_json::to_vec(&record.definition).expect("JSON serialises");
    let mut definition = Definition::parse_stored(&definition).map_err(|mistakes| corrupt(mistakes.to_string()))?;
    definition.sample_rate = Some(definition.rate());
    let inherited = serde_json::json!({"element": "sample", "source": {"table": "x"}, "operations": record.inherited}).to_string();
    let inherited = Definition::parse_stored(inherited.as_bytes()).map_err(|mistakes| corrupt(mistakes.to_string()))?;
    let operations: Vec<Operation> = inherited.operations.iter().chain(&definition.operations).cloned().collect();
    let plan = Plan::new(definition.element, &operations).map_err(|mistake| corrupt(mistake.to_string()))?;
    Ok(Table { name, etag, record, definition, plan })
}

/// The text that a segment of a key stands for.
fn decoded(segment: &str) -> Option<TableName> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, behind @ ..] = rest {
        match (first, behind) {
            (b'%', [high, low, behind @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    TableName::try_from(String::from_utf8(bytes).ok()?).ok()
}

/// What a reader of chunks met that the record names: if one is gone, the record has changed since it was read.
fn changed(error: PortError) -> PortError {
    match error {
        PortError::NotFound { what } => PortError::Conflict { what },
        other => other,
    }
}

/// Whether everything in a run of elements begins before a sample. Elements that span nothing may begin where the run ends.
fn is_past(table: &Table, begin: Place, span: u64, sample: u64) -> bool {
    let end = begin.sample + span;
    if table.element().is_even() { end <= sample } else { end < sample }
}

/// The chunks at the end that are to become one with what is behind them.
fn trailing_small(chunks: &[Chunk], more: usize, target: usize) -> Vec<Chunk> {
    let count = chunks.iter().rev().take_while(|chunk| (chunk.bytes as usize) < target / 2).count();
    let small = &chunks[chunks.len() - count..];
    let bytes = small.iter().map(|chunk| chunk.bytes as usize).sum::<usize>() + more;
    if count >= SMALL_CHUNKS || (count > 0 && bytes >= target) { small.to_vec() } else { Vec::new() }
}

/// The first sample at which a row may begin that is to be kept; at most a chunk too early.
fn first_kept_sample(table: &Table, record: &Record) -> u64 {
    let rows = table.plan.rows(record.end.element, record.finished);
    let Some(newest_row) = rows.checked_sub(1) else { return 0 };
    let element = newest_row * table.plan.stride();
    let place = table.even_place(element).unwrap_or_else(|| {
        if element == record.newest.element {
            return record.newest;
        }
        // Before where it really is, so nothing goes too early.
        let mut place = record.first;
        let pages = record.pages.iter().map(|page| (page.elements, page.span));
        for (elements, span) in pages.chain(record.chunks.iter().map(|chunk| (chunk.elements, chunk.span))) {
            if place.element + elements > element {
                break;
            }
            place = place.behind(elements, span);
        }
        place
    });
    let newest = table.rate().marker(place.sample);
    table.rate().first_at(newest.saturating_sub(table.definition.retention.measure.nanos()).saturating_add(1))
}
