//! What is stored where.

use std::collections::HashMap;

use headwater_core::ports::{Key, LogSize, Position};
use redb::{Database, ReadTransaction, ReadableDatabase as _, ReadableTable as _, Table, TableDefinition, TableError, WriteTransaction};

use super::appending::Appending;

/// The layout that this version reads and writes.
pub(super) const FORMAT: u64 = 2;

/// By key: the number of the write (8 bytes, which make the etag), then the body.
pub(super) const DOCUMENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("documents");
/// By name: the log's [`Head`].
pub(super) const LOGS: TableDefinition<'_, &str, HeadFields> = TableDefinition::new("logs");
/// By [`EventKey`] of the first event in it: a [`Stored`] run of events.
pub(super) const EVENTS: TableDefinition<'_, EventKey, &[u8]> = TableDefinition::new("events");
/// Numbers of uploads under way. Their blocks stand in [`EVENTS`] as if the number were a log's.
pub(super) const UPLOADS: TableDefinition<'_, u64, ()> = TableDefinition::new("uploads");
/// By the log's number and a writer: the highest number that the log has seen of it.
pub(super) const WRITERS: TableDefinition<'_, (u64, &str), u64> = TableDefinition::new("writers");
/// By the log's number: the key before which its events are still to be removed.
pub(super) const SWEEPS: TableDefinition<'_, u64, (i64, u64)> = TableDefinition::new("sweeps");
/// By the time it is due (in microseconds) and a number: how often the message was delivered, and its task.
pub(super) const MESSAGES: TableDefinition<'_, (i64, u64), (u32, &str)> = TableDefinition::new("messages");
/// The last number given of each kind, and the format.
const COUNTERS: TableDefinition<'_, &str, u64> = TableDefinition::new("counters");

/// A log's number, then the event's position, so that the order of bytes is the order of events.
pub(super) type EventKey = &'static [u8; 24];

type HeadFields = (u64, (i64, u64), (i64, u64), (u64, u64));

/// What numbers are given to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counter {
    /// Writes of documents.
    Writes,
    /// Logs and uploads.
    Logs,
    /// Messages, anew at each delivery.
    Messages,
}

/// Where a log begins and ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// The log's number; a log that is removed and made anew gets another one.
    pub(super) log: u64,
    /// The first position that is not trimmed.
    pub(super) first: Position,
    /// The last position that was given.
    pub(super) last: Position,
    /// What it has taken.
    pub(super) size: LogSize,
}

impl Head {
    pub(super) fn from_fields((log, first, last, (events, bytes)): HeadFields) -> Self {
        let position = |(millis, sequence)| Position { millis, sequence };
        Self { log, first: position(first), last: position(last), size: LogSize { events, bytes } }
    }

    pub(super) fn fields(&self) -> HeadFields {
        let fields = |position: Position| (position.millis, position.sequence);
        (self.log, fields(self.first), fields(self.last), (self.size.events, self.size.bytes))
    }
}

/// What stands under an [`EventKey`]: events that follow one another, all with the time of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored<'a> {
    /// A block of events.
    Block(&'a [u8]),
    /// The blocks of an upload: its number, and how many events it has.
    Upload { number: u64, count: u64 },
}

impl<'a> Stored<'a> {
    const BLOCK: u8 = 0;
    const UPLOAD: u8 = 1;

    /// What stands before the bytes of a block.
    pub(super) const BEFORE_BLOCK: [u8; 1] = [Self::BLOCK];

    pub(super) fn upload(number: u64, count: u64) -> [u8; 17] {
        let mut value = [Self::UPLOAD; 17];
        value[1..9].copy_from_slice(&number.to_le_bytes());
        value[9..].copy_from_slice(&count.to_le_bytes());
        value
    }

    /// `None` for what this version did not write.
    pub(super) fn read(value: &'a [u8]) -> Option<Self> {
        match value.split_first()? {
            (&Self::BLOCK, block) => Some(Self::Block(block)),
            (&Self::UPLOAD, fields) => {
                let (number, count) = fields.split_first_chunk()?;
                Some(Self::Upload { number: u64::from_le_bytes(*number), count: u64::from_le_bytes(count.try_into().ok()?) })
            }
            _ => None,
        }
    }
}

pub(super) fn event_key(log: u64, position: Position) -> [u8; 24] {
    let mut key = [0; 24];
    key[..8].copy_from_slice(&log.to_be_bytes());
    key[8..16].copy_from_slice(&(position.millis ^ i64::MIN).to_be_bytes()); // The flipped sign sorts negative times first.
    key[16..].copy_from_slice(&position.sequence.to_be_bytes());
    key
}

pub(super) fn position_of(key: &[u8; 24]) -> Position {
    let part = |from: usize| key[from..from + 8].try_into().expect("a part has eight bytes");
    Position { millis: i64::from_be_bytes(part(8)) ^ i64::MIN, sequence: u64::from_be_bytes(part(16)) }
}

/// All tables, within one transaction that writes.
pub(super) struct Tables<'t> {
    pub(super) documents: Table<'t, &'static str, &'static [u8]>,
    pub(super) logs: Table<'t, &'static str, HeadFields>,
    pub(super) events: Table<'t, EventKey, &'static [u8]>,
    pub(super) uploads: Table<'t, u64, ()>,
    pub(super) writers: Table<'t, (u64, &'static str), u64>,
    pub(super) sweeps: Table<'t, u64, (i64, u64)>,
    pub(super) messages: Table<'t, (i64, u64), (u32, &'static str)>,
    counters: Table<'t, &'static str, u64>,
    /// Logs that this transaction appends to.
    pub(super) appending: HashMap<String, Appending>,
    /// Documents that this transaction writes or removes.
    pub(super) touched: Vec<Key>,
    /// The time of everything that this transaction writes, in milliseconds.
    pub(super) now: i64,
    /// Whether there is anything to commit. Whoever writes into a table says so.
    pub(super) changed: bool,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction, now: i64) -> Result<Self, redb::Error> {
        Ok(Self {
            documents: transaction.open_table(DOCUMENTS)?,
            logs: transaction.open_table(LOGS)?,
            events: transaction.open_table(EVENTS)?,
            uploads: transaction.open_table(UPLOADS)?,
            writers: transaction.open_table(WRITERS)?,
            sweeps: transaction.open_table(SWEEPS)?,
            messages: transaction.open_table(MESSAGES)?,
            counters: transaction.open_table(COUNTERS)?,
            appending: HashMap::new(),
            touched: Vec::new(),
            now,
            changed: false,
        })
    }

    /// The next number, which was never given before.
    pub(super) fn next(&mut self, counter: Counter) -> Result<u64, redb::Error> {
        let name = match counter {
            Counter::Writes => "writes",
            Counter::Logs => "logs",
            Counter::Messages => "messages",
        };
        let next = self.counters.get(name)?.map_or(0, |last| last.value()) + 1;
        self.counters.insert(name, next)?;
        self.changed = true;
        Ok(next)
    }
}

/// Makes all tables that are missing, so that readers never miss one.
pub(super) fn make(database: &Database) -> Result<(), redb::Error> {
    let format = match database.begin_read()?.open_table(COUNTERS) {
        Ok(counters) => counters.get("format")?.map_or(0, |format| format.value()),
        Err(TableError::TableDoesNotExist(_)) => 0,
        Err(other) => return Err(other.into()),
    };
    if format >= FORMAT {
        return Ok(());
    }
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    if format == 1 {
        // It had logs of another shape, which no part of the product wrote to.
        transaction.delete_table(LOGS_OF_FORMAT_1)?;
        transaction.delete_table(EVENTS)?;
    }
    Tables::open(&transaction, 0)?.counters.insert("format", FORMAT)?;
    Ok(transaction.commit()?)
}

type HeadOfFormat1 = (u64, (i64, u64), (i64, u64));

const LOGS_OF_FORMAT_1: TableDefinition<'_, &str, HeadOfFormat1> = TableDefinition::new("logs");

/// The layout of the database.
pub(super) fn format(transaction: &ReadTransaction) -> Result<u64, redb::Error> {
    Ok(transaction.open_table(COUNTERS)?.get("format")?.map_or(0, |format| format.value()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_event_keys_is_the_order_of_positions() {
        let times = [i64::MIN, -1, 0, 1, i64::MAX];
        let positions = times.into_iter().flat_map(|millis| [0, 1, u64::MAX].map(|sequence| Position { millis, sequence }));
        let keys: Vec<_> = positions.map(|position| (position, event_key(7, position))).collect();
        assert!(keys.is_sorted_by_key(|(_, key)| *key));
        for (position, key) in keys {
            assert_eq!(position_of(&key), position);
            assert!(key > event_key(6, Position { millis: i64::MAX, sequence: u64::MAX }));
        }
    }
}
