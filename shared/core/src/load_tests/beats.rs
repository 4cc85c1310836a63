//! One step of a shard: the heartbeats of a tick.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};

use super::background::{Beaten, GRACE};
use super::id::RunId;
use super::points::Heartbeat;
use super::run::{Run, State};
use super::service::LoadTestService;
use super::stamps::Places;
use super::store::{SHARDS, sound, uuid_in};
use crate::limits::READ_AT_ONCE;
use crate::ports::{Etag, Listed, PortError, Timestamp};
use crate::tasks::Next;

/// How long a shard without runs sleeps, should nobody wake it.
const SLEEP: Duration = Duration::from_secs(24 * 3600);

/// What is remembered of the running runs of the shards that this process steps, so that a tick only reads those that others have changed.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<HashMap<u64, HashMap<RunId, Known>>>);

/// A run as it was read last.
#[derive(Debug)]
struct Known {
    etag: Etag,
    stage: Stage,
}

/// What a tick does with a run.
#[derive(Debug)]
enum Stage {
    /// It beats.
    Goes {
        /// When its first point is, in nanoseconds.
        first: i64,
        heard: Timestamp,
        idle: Duration,
        heartbeat: Heartbeat,
    },
    /// It is lost, which is to be told.
    Silent,
    /// It is lost.
    Lost,
    /// Its end is to be settled.
    Over,
}

impl Stage {
    fn of(run: &Run) -> Self {
        match run.state {
            State::Running => Self::Goes { first: run.first, heard: run.heard, idle: run.idle, heartbeat: Heartbeat::of(run) },
            State::Lost if run.silence.is_some_and(|silence| !silence.told) => Self::Silent,
            State::Lost => Self::Lost,
            State::Finished => Self::Over,
        }
    }
}

/// A tick that comes so many periods behind the former one was preceded by a pause of the service.
const PAUSE: u32 = 3;

/// The moment of the wall clock at or before `now` that is a whole multiple of the period since 1970.
pub(super) fn tick(now: Timestamp, period: Duration) -> Timestamp {
    let period = i64::try_from(period.as_micros()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_micros(now.as_micros().div_euclid(period).saturating_mul(period))
}

impl LoadTestService {
    /// Writes the heartbeats of the latest tick, if nobody has; ticks that were missed are left out. Answers when to come again.
    pub(super) async fn beat(&self, shard: u64, before: Option<Beaten>) -> Result<(Beaten, Next), PortError> {
        let (now, period) = (self.clock.now(), self.settings.period);
        let tick = tick(now, period);
        // What lies in the future was written when the clock was wrong.
        let before = before.filter(|before| before.tick <= tick.plus(period));
        let before = before.unwrap_or(Beaten { tick: Timestamp::from_micros(0), busy: now, since: tick });
        let since = if tick.since(before.tick) > period * PAUSE { tick } else { before.since };
        let busy = match tick > before.tick {
            true => self.beat_at(tick, shard, since).await? > 0,
            false => true, // Somebody has woken this task, who knows of a run.
        };
        let after = Beaten { tick: tick.max(before.tick), busy: if busy { now } else { before.busy }, since };
        let next = if now.since(after.busy) > GRACE { now.plus(SLEEP) } else { after.tick.plus(period) };
        Ok((after, Next::At(next)))
    }

    /// Writes the heartbeats of a tick, and looks after the runs whose end is decided, or of which nothing was heard although there were
    /// ticks `since` a while. Answers how many runs are not lost.
    async fn beat_at(&self, tick: Timestamp, shard: u64, since: Timestamp) -> Result<usize, PortError> {
        let listed = self.store.shard(shard).await?;
        let known = self.known(&listed, self.remembered.take(shard)).await?;
        let (mut lines, mut places) = (Vec::with_capacity(known.len()), Places::at(tick, shard));
        let (mut others, mut lost) = (Vec::new(), 0);
        for uuid in listed.iter().filter_map(|listed| uuid_in(&listed.key)) {
            match known.get(&uuid).map(|run| &run.stage) {
                None => {}
                Some(Stage::Lost) => lost += 1,
                Some(Stage::Goes { first, .. }) if *first >= tick.as_micros().saturating_mul(1000) => {}
                Some(Stage::Goes { heard, idle, heartbeat, .. }) if heard.max(&since).plus(*idle) >= tick => {
                    lines.push(heartbeat.at(places.of(&uuid)));
                }
                Some(Stage::Goes { .. } | Stage::Silent | Stage::Over) => others.push(uuid),
            }
        }
        if !lines.is_empty() {
            self.outbox.put_tick(tick, shard, &lines).await?;
            self.background.deliver().await?;
            let late = self.clock.now().since(tick);
            metrics::histogram!("headwater_load_tests_heartbeat_lateness_seconds").record(late.as_secs_f64());
        }
        self.remembered.keep(shard, known);
        let others: Vec<_> = others.iter().map(|uuid| self.look_after(uuid, since, tick)).collect();
        stream::iter(others).buffer_unordered(READ_AT_ONCE).collect::<Vec<()>>().await;
        Ok(listed.len() - lost)
    }

    /// Settles or tells what is to be of a run that does not beat. What fails is done at the next tick.
    async fn look_after(&self, uuid: &RunId, since: Timestamp, tick: Timestamp) {
        let looked = async {
            let Some((run, etag)) = self.store.running(uuid).await? else { return Ok(()) };
            match run.state {
                State::Finished => self.settle(run, &etag).await,
                State::Lost => self.tell_lost(run, &etag).await,
                State::Running if run.heard.max(since).plus(run.idle) < tick => self.lose(run, &etag).await,
                State::Running => Ok(()),
            }
        };
        if let Err(error) = looked.await {
            tracing::warn!(error = &error as &dyn std::error::Error, run = %uuid, "a run could not be settled; it is at the next tick");
        }
    }

    /// What is known of the listed runs, after those that have changed were read again.
    async fn known(&self, listed: &[Listed], mut former: HashMap<RunId, Known>) -> Result<HashMap<RunId, Known>, PortError> {
        let (mut known, mut changed) = (HashMap::with_capacity(listed.len()), Vec::new());
        for Listed { key, etag } in listed {
            let Some(uuid) = uuid_in(key) else { continue };
            match former.remove(&uuid).filter(|run| run.etag == *etag) {
                Some(run) => drop(known.insert(uuid, run)),
                None => changed.push(uuid),
            }
        }
        let reads: Vec<_> = changed.iter().map(|uuid| self.store.running(uuid)).collect();
        let read: Vec<_> = stream::iter(reads).buffer_unordered(READ_AT_ONCE).collect().await;
        for found in read {
            // One that was settled since, or cannot be read, is left out.
            if let Some((run, etag)) = sound(found)?.flatten() {
                known.insert(run.uuid.clone(), Known { etag, stage: Stage::of(&run) });
            }
        }
        Ok(known)
    }
}

impl Remembered {
    fn take(&self, shard: u64) -> HashMap<RunId, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&shard).unwrap_or_default()
    }

    /// Notes how a run was just written, where its shard is stepped.
    pub(super) fn note(&self, run: &Run, etag: Etag) {
        let mut shards = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shards.get_mut(&run.uuid.shard(SHARDS)) {
            known.insert(run.uuid.clone(), Known { etag, stage: Stage::of(run) });
        }
    }

    fn keep(&self, shard: u64, known: HashMap<RunId, Known>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(shard, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_whole_multiples_of_the_period() {
        let period = Duration::from_secs(15);
        for (now, at) in [(0, 0), (14_999, 0), (15_000, 15_000), (36_360, 30_000), (-1, -15_000)] {
            assert_eq!(tick(Timestamp::from_millis(now), period), Timestamp::from_millis(at), "{now}");
        }
    }
}
