//! Points that wait for the database: batches of lines, each a document.
//!
//! | document | holds |
//! |---|---|
//! | `load-tests/outbox/results/TIME-UUID-BYTES-POINTS` | the points of a run's end: never dropped |
//! | `load-tests/outbox/results/TIME-UUID-event-BYTES-POINTS` | an annotation, or that a run is lost: never dropped |
//! | `load-tests/outbox/beats/TIME-WHOSE-POINTS` | heartbeats: those of a shard at a tick, or the first one of a run |
//!
//! A key says how many points there are and when they were made, so that what waits is counted and thinned out without reading it.

use std::sync::Arc;

use futures::stream::{self, StreamExt as _};

use super::id::RunId;
use super::store::sound;
use crate::limits::{LIST_PAGE, READ_AT_ONCE};
use crate::ports::{Condition, Documents, DocumentsExt, Key, PortError, Timestamp};

/// About how many bytes a heartbeat has.
const HEARTBEAT: u64 = 400;

/// The queue of points.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    pub(super) documents: Arc<dyn Documents>,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// What must not be lost.
    Results,
    /// What may be dropped when too much of it waits.
    Beats,
}

/// Some lines that wait together.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) key: Key,
    pub(super) lines: Vec<String>,
}

/// How much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Depth {
    pub(super) batches: usize,
    pub(super) points: u64,
}

fn root(lane: Lane) -> Key {
    Key::root(match lane {
        Lane::Results => "load-tests/outbox/results",
        Lane::Beats => "load-tests/outbox/beats",
    })
}

fn key(lane: Lane, name: &str) -> Key {
    root(lane).child(name).expect("ids and numbers are short")
}

/// The points that a key promises.
pub(super) fn points(key: &Key) -> u64 {
    key.as_str().rsplit('-').next().and_then(|points| points.parse().ok()).unwrap_or(0)
}

/// About how many bytes of lines lie under a key.
pub(super) fn bytes(key: &Key) -> u64 {
    match key.as_str().starts_with("load-tests/outbox/beats/") {
        true => points(key).saturating_mul(HEARTBEAT),
        false => key.as_str().rsplit('-').nth(1).and_then(|bytes| bytes.parse().ok()).unwrap_or(HEARTBEAT),
    }
}

/// The run that a key of results speaks of, if it is the end of one, and when that was.
pub(super) fn end_of(key: &Key) -> Option<(RunId, i64)> {
    let name = key.as_str().strip_prefix("load-tests/outbox/results/")?;
    let mut parts = name.split('-');
    let at = parts.next()?.parse().ok()?;
    let uuid = RunId::parse(parts.next()?)?;
    (parts.count() == 2).then_some((uuid, at))
}

/// The tick and the shard that a key of heartbeats speaks of; not those of a run's first point.
pub(super) fn tick_of(key: &Key) -> Option<(i64, u64)> {
    let name = key.as_str().strip_prefix("load-tests/outbox/beats/")?;
    let mut parts = name.split('-');
    let (tick, shard) = (parts.next()?.parse().ok()?, parts.next()?);
    Some((tick, shard.parse().ok().filter(|_| shard.len() == 2)?))
}

impl Outbox {
    /// Puts the points of a run's end there, unless they are. `at` tells this end from another one of the same run.
    pub(super) async fn put_end(&self, uuid: &RunId, at: i64, lines: &[String]) -> Result<(), PortError> {
        let bytes: usize = lines.iter().map(String::len).sum();
        self.put(key(Lane::Results, &format!("{at:020}-{uuid}-{bytes}-{}", lines.len())), lines).await
    }

    /// Puts an annotation there, or that the run is lost.
    pub(super) async fn put_event(&self, uuid: &RunId, at: i64, line: String) -> Result<(), PortError> {
        self.put(key(Lane::Results, &format!("{at:020}-{uuid}-event-{}-1", line.len())), &[line]).await
    }

    /// Puts the first point of a run there.
    pub(super) async fn put_first(&self, uuid: &RunId, at: i64, line: String) -> Result<(), PortError> {
        self.put(key(Lane::Beats, &format!("{:016}-{uuid}-1", at / 1000)), &[line]).await
    }

    /// Puts the heartbeats of a shard at a tick there, unless a former attempt has.
    pub(super) async fn put_tick(&self, tick: Timestamp, shard: u64, lines: &[String]) -> Result<(), PortError> {
        // A former attempt may have met other runs, and so have another number in its key.
        let begin = format!("{:016}-{shard:02}-", tick.as_micros());
        let behind = self.documents.list(&root(Lane::Beats), Some(&key(Lane::Beats, &begin)), 1).await?;
        if behind.first().is_some_and(|listed| listed.key.as_str().starts_with(key(Lane::Beats, &begin).as_str())) {
            return Ok(());
        }
        self.put(key(Lane::Beats, &format!("{begin}{}", lines.len())), lines).await
    }

    async fn put(&self, key: Key, lines: &[String]) -> Result<(), PortError> {
        match self.documents.put_json(&key, &lines, Condition::Absent).await {
            Err(error) if !error.is_conflict() => Err(error),
            Ok(_) | Err(_) => Ok(()), // It is there already.
        }
    }

    /// The oldest batches of a lane behind `after`, as many as one listing shows.
    pub(super) async fn oldest(&self, lane: Lane, after: Option<&Key>) -> Result<Vec<Key>, PortError> {
        let listed = self.documents.list(&root(lane), after, LIST_PAGE).await?;
        Ok(listed.into_iter().map(|listed| listed.key).collect())
    }

    /// All batches of a lane, the oldest first.
    pub(super) async fn all(&self, lane: Lane) -> Result<Vec<Key>, PortError> {
        Ok(self.documents.list_all(&root(lane)).await?.into_iter().map(|listed| listed.key).collect())
    }

    /// How much waits in a lane.
    pub(super) async fn depth(&self, lane: Lane) -> Result<Depth, PortError> {
        let all = self.all(lane).await?;
        Ok(Depth { batches: all.len(), points: all.iter().map(points).sum() })
    }

    /// The batches of these keys, and the keys of those that cannot be read. One that is gone meanwhile is left out.
    pub(super) async fn read(&self, keys: &[Key]) -> Result<(Vec<Waiting>, Vec<Key>), PortError> {
        let reads: Vec<_> = keys.iter().map(async |key| (key, self.documents.get_json::<Vec<String>>(key).await)).collect();
        let read: Vec<_> = stream::iter(reads).buffered(READ_AT_ONCE).collect().await;
        let (mut batches, mut damaged) = (Vec::with_capacity(read.len()), Vec::new());
        for (key, lines) in read {
            match sound(lines)? {
                Some(lines) => batches.extend(lines.map(|(lines, _)| Waiting { key: key.clone(), lines })),
                None => damaged.push(key.clone()),
            }
        }
        Ok((batches, damaged))
    }

    /// Removes batches.
    pub(super) async fn remove(&self, keys: &[Key]) -> Result<(), PortError> {
        let removals: Vec<_> = keys.iter().map(|key| self.documents.delete(key, Condition::Any)).collect();
        stream::iter(removals).buffer_unordered(READ_AT_ONCE).collect::<Vec<_>>().await.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_how_many_points_there_are_and_whose_end_it_is() {
        let uuid = RunId::parse("23456789ABCDEFGHJ").unwrap();
        let end = key(Lane::Results, &format!("{:020}-{uuid}-{}-{}", 5, 3000, 12));
        assert_eq!((points(&end), bytes(&end), end_of(&end)), (12, 3000, Some((uuid.clone(), 5))));
        let event = key(Lane::Results, &format!("{:020}-{uuid}-event-70-1", 5));
        assert_eq!((points(&event), bytes(&event), end_of(&event)), (1, 70, None));
        let tick = key(Lane::Beats, "0000000000000005-07-625");
        assert_eq!((points(&tick), end_of(&tick), tick_of(&tick)), (625, None, Some((5, 7))));
        let first = key(Lane::Beats, &format!("{:016}-{uuid}-1", 5));
        assert_eq!((points(&first), tick_of(&first)), (1, None));
    }
}
