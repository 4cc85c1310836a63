//! Removing the events of trimmed and removed logs, a bit with each commit, so that no write waits for a long removal.
//! Readers do not see such events any more, whether or not they are still there.

use headwater_core::ports::Position;
use redb::ReadableTable as _;

use super::tables::{Stored, Tables, event_key};

/// Runs of events removed with one commit.
const MOST: usize = 1024;

/// The end of a log that is removed altogether.
const ALL: Position = Position { millis: i64::MAX, sequence: u64::MAX };

/// From now on the log's events before `end` are worthless.
pub(super) fn sweep_before(tables: &mut Tables<'_>, log: u64, end: Position) -> Result<(), redb::Error> {
    tables.sweeps.insert(log, (end.millis, end.sequence))?;
    tables.changed = true;
    Ok(())
}

/// From now on the log, or the upload, is worthless.
pub(super) fn sweep_all(tables: &mut Tables<'_>, log: u64) -> Result<(), redb::Error> {
    sweep_before(tables, log, ALL)
}

/// Removes a bit. Answers whether there is more.
pub(super) fn sweep(tables: &mut Tables<'_>) -> Result<bool, redb::Error> {
    let Some((log, end)) = tables.sweeps.first()?.map(|(log, end)| (log.value(), end.value())) else { return Ok(false) };
    let end = Position { millis: end.0, sequence: end.1 };
    let (from, until) = (event_key(log, Position { millis: i64::MIN, sequence: 0 }), event_key(log, end));
    tables.changed = true;
    let (mut removed, mut uploads) = (0, Vec::new());
    for run in tables.events.extract_from_if::<&[u8; 24], _>(&from..&until, |_, _| true)?.take(MOST) {
        if let Some(Stored::Upload { number, .. }) = Stored::read(run?.1.value()) {
            uploads.push(number);
        }
        removed += 1;
    }
    for number in uploads {
        sweep_all(tables, number)?;
    }
    if removed == MOST {
        return Ok(true);
    }
    if end == ALL {
        let writers = (log, "")..(log.saturating_add(1), "");
        tables.writers.retain_in::<(u64, &str), _>(writers, |_, _| false)?;
    }
    tables.sweeps.remove(log)?;
    Ok(tables.sweeps.first()?.is_some())
}
