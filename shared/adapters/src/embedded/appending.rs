//! What a transaction appends to logs. Events that different callers append within one commit share blocks.

use std::collections::HashMap;

use headwater_core::ports::{AppendKey, Event, LogName, Position};
use redb::ReadableTable as _;

use super::sweeping::sweep_before;
use super::tables::{Head, Stored, Tables, event_key};
use crate::event_block::BlockBuilder;

/// Bytes after which a block ends. The database keeps a value of this size on pages of its own, a power of two of them: 64 KiB less
/// what it needs itself.
const BLOCK_BYTES: usize = (64 << 10) - 512;

/// Events after which a block ends: whoever reads on in the middle of one passes over those before.
const BLOCK_EVENTS: u64 = 2048;

/// A block as it is stored, and how many events it has.
#[derive(Debug)]
pub(super) struct FullBlock {
    pub(super) bytes: Vec<u8>,
    pub(super) count: u64,
}

/// Cuts events into blocks.
#[derive(Debug, Default)]
pub(super) struct Blocks(BlockBuilder);

impl Blocks {
    /// Adds an event. Answers the block before it, if it begins a new one.
    pub(super) fn push(&mut self, event: &Event) -> Option<FullBlock> {
        let fits = self.0.size() + event.body.len() <= BLOCK_BYTES && self.0.count() < BLOCK_EVENTS;
        let before = if fits { None } else { self.finish() };
        self.0.push(event);
        before
    }

    /// The last block, unless it is empty.
    pub(super) fn finish(&mut self) -> Option<FullBlock> {
        let count = self.0.count();
        (count > 0).then(|| FullBlock { bytes: self.0.finish_behind(&Stored::BEFORE_BLOCK), count })
    }
}

/// A log that a transaction appends to, as it is going to be.
#[derive(Debug)]
pub(super) struct Appending {
    head: Head,
    blocks: Blocks,
    /// Where the first event of the unfinished block stands.
    first: Position,
}

impl Appending {
    /// The position behind all others, at the time `millis`.
    fn next(&self, millis: i64) -> Position {
        Position { millis: millis.max(self.head.last.millis), sequence: self.head.last.sequence + 1 }
    }
}

/// A log's head, with what this transaction has appended.
pub(super) fn head(tables: &Tables<'_>, log: &LogName) -> Result<Option<Head>, redb::Error> {
    if let Some(appending) = tables.appending.get(&log.0) {
        return Ok(Some(appending.head));
    }
    Ok(tables.logs.get(log.0.as_str())?.map(|fields| Head::from_fields(fields.value())))
}

/// Appends events, except those that a writer repeats. Answers whether there is such a log.
pub(super) fn append(
    tables: &mut Tables<'_>,
    log: &LogName,
    batch: &[Event],
    key: Option<&AppendKey>,
    millis: i64,
) -> Result<bool, redb::Error> {
    let Some(mut appending) = begin(tables, log)? else { return Ok(false) };
    let batch = match key {
        Some(key) => fresh(tables, appending.head.log, batch, key)?,
        None => batch,
    };
    for event in batch {
        let position = appending.next(millis);
        // A block has one time.
        let before = if position.millis == appending.head.last.millis { None } else { appending.blocks.finish() };
        let at = appending.first;
        let before = before.or(appending.blocks.push(event));
        if let Some(block) = before {
            store(tables, appending.head.log, at, &block)?;
        }
        if appending.blocks.0.count() == 1 {
            appending.first = position;
        }
        appending.head.last = position;
        appending.head.size.events += 1;
        appending.head.size.bytes += event.body.len() as u64;
    }
    tables.appending.insert(log.0.clone(), appending);
    tables.changed = true;
    Ok(true)
}

/// Appends blocks that are cut already, or the blocks of an upload, which stay where they are. Answers whether there is such a log.
pub(super) fn attach(tables: &mut Tables<'_>, log: &LogName, long: &LongBatch, millis: i64) -> Result<bool, redb::Error> {
    let Some(mut appending) = begin(tables, log)? else { return Ok(false) };
    flush(tables, &mut appending)?;
    let mut next = appending.next(millis);
    match &long.kept {
        Kept::Here(blocks) => {
            for block in blocks {
                store(tables, appending.head.log, next, block)?;
                next.sequence += block.count;
            }
        }
        Kept::Uploaded(number) => {
            let value = Stored::upload(*number, long.events);
            tables.events.insert(&event_key(appending.head.log, next), value.as_slice())?;
            tables.uploads.remove(number)?;
            next.sequence += long.events;
        }
    }
    appending.head.last = Position { sequence: next.sequence - 1, ..next };
    appending.head.size.events += long.events;
    appending.head.size.bytes += long.bytes;
    tables.appending.insert(log.0.clone(), appending);
    tables.changed = true;
    Ok(true)
}

/// A batch that was cut into blocks before.
#[derive(Debug)]
pub(super) struct LongBatch {
    pub(super) events: u64,
    /// Bytes of the events' bodies.
    pub(super) bytes: u64,
    pub(super) kept: Kept,
}

/// Where the blocks of a batch are.
#[derive(Debug)]
pub(super) enum Kept {
    Here(Vec<FullBlock>),
    /// In the database, under the number of an upload.
    Uploaded(u64),
}

/// Hides all events of a log, and has their space come back.
pub(super) fn truncate(tables: &mut Tables<'_>, log: &LogName) -> Result<bool, redb::Error> {
    let Some(mut appending) = begin(tables, log)? else { return Ok(false) };
    flush(tables, &mut appending)?; // What is appended from now on begins a block of its own.
    appending.head.first = appending.head.last.next();
    appending.head.size = Default::default();
    sweep_before(tables, appending.head.log, appending.head.first)?;
    tables.appending.insert(log.0.clone(), appending);
    Ok(true)
}

/// Hides the events of a log before a position, and has their space come back.
pub(super) fn trim(tables: &mut Tables<'_>, log: &LogName, first: Position) -> Result<(), redb::Error> {
    let Some(mut appending) = begin(tables, log)? else { return Ok(()) };
    flush(tables, &mut appending)?;
    let first = first.min(appending.head.last.next());
    if first > appending.head.first {
        appending.head.first = first;
        sweep_before(tables, appending.head.log, first)?;
    }
    tables.appending.insert(log.0.clone(), appending);
    Ok(())
}

/// Writes what the transaction has appended. Nothing may be appended after this.
pub(super) fn finish(tables: &mut Tables<'_>) -> Result<(), redb::Error> {
    let all: HashMap<_, _> = std::mem::take(&mut tables.appending);
    for (name, mut appending) in all {
        flush(tables, &mut appending)?;
        tables.logs.insert(name.as_str(), appending.head.fields())?;
    }
    Ok(())
}

fn begin(tables: &mut Tables<'_>, log: &LogName) -> Result<Option<Appending>, redb::Error> {
    if let Some(appending) = tables.appending.remove(&log.0) {
        return Ok(Some(appending));
    }
    let head = head(tables, log)?;
    Ok(head.map(|head| Appending { head, blocks: Blocks::default(), first: head.last }))
}

fn flush(tables: &mut Tables<'_>, appending: &mut Appending) -> Result<(), redb::Error> {
    match appending.blocks.finish() {
        Some(block) => store(tables, appending.head.log, appending.first, &block),
        None => Ok(()),
    }
}

fn store(tables: &mut Tables<'_>, log: u64, first: Position, block: &FullBlock) -> Result<(), redb::Error> {
    tables.events.insert(&event_key(log, first), block.bytes.as_slice())?;
    Ok(())
}

/// The events of a batch that the log has not seen of this writer.
fn fresh<'b>(tables: &mut Tables<'_>, log: u64, batch: &'b [Event], key: &AppendKey) -> Result<&'b [Event], redb::Error> {
    let writer = (log, key.writer.as_str());
    let seen = tables.writers.get(writer)?.map_or(0, |highest| highest.value());
    let repeated = (seen + 1).saturating_sub(key.first).min(batch.len() as u64);
    let fresh = &batch[repeated as usize..];
    if !fresh.is_empty() {
        tables.writers.insert(writer, key.first + batch.len() as u64 - 1)?;
    }
    Ok(fresh)
}
