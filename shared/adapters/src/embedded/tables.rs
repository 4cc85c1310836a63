//! What is stored where.

use headwater_core::ports::Position;
use redb::{Database, ReadTransaction, ReadableDatabase as _, ReadableTable as _, Table, TableDefinition, TableError, WriteTransaction};

/// The layout that this version reads and writes.
pub(super) const FORMAT: u64 = 1;

/// By key: the number of the write (8 bytes, which make the etag), then the body.
pub(super) const DOCUMENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("documents");
/// By name: the log's [`Head`].
pub(super) const LOGS: TableDefinition<'_, &str, HeadFields> = TableDefinition::new("logs");
/// By [`EventKey`]: the event.
pub(super) const EVENTS: TableDefinition<'_, EventKey, &[u8]> = TableDefinition::new("events");
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

type HeadFields = (u64, (i64, u64), (i64, u64));

/// What numbers are given to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counter {
    /// Writes of documents.
    Writes,
    /// Logs.
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
}

impl Head {
    pub(super) fn from_fields((log, first, last): HeadFields) -> Self {
        let position = |(millis, sequence)| Position { millis, sequence };
        Self { log, first: position(first), last: position(last) }
    }

    pub(super) fn fields(&self) -> HeadFields {
        (self.log, (self.first.millis, self.first.sequence), (self.last.millis, self.last.sequence))
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
    pub(super) writers: Table<'t, (u64, &'static str), u64>,
    pub(super) sweeps: Table<'t, u64, (i64, u64)>,
    pub(super) messages: Table<'t, (i64, u64), (u32, &'static str)>,
    counters: Table<'t, &'static str, u64>,
    /// Whether there is anything to commit. Whoever writes into a table says so.
    pub(super) changed: bool,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            documents: transaction.open_table(DOCUMENTS)?,
            logs: transaction.open_table(LOGS)?,
            events: transaction.open_table(EVENTS)?,
            writers: transaction.open_table(WRITERS)?,
            sweeps: transaction.open_table(SWEEPS)?,
            messages: transaction.open_table(MESSAGES)?,
            counters: transaction.open_table(COUNTERS)?,
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

/// Makes all tables in a new database, so that readers never miss one.
pub(super) fn make(database: &Database) -> Result<(), redb::Error> {
    match database.begin_read()?.open_table(COUNTERS) {
        Ok(_) => return Ok(()),
        Err(TableError::TableDoesNotExist(_)) => {}
        Err(other) => return Err(other.into()),
    }
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Tables::open(&transaction)?.counters.insert("format", FORMAT)?;
    Ok(transaction.commit()?)
}

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
