//! One step of the delivery: what waits in the outbox goes to the database, or into a file where there is none.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::bell::Listening;
use super::delivered::{ASIDE, Delivered};
use super::outbox::{self, Lane, Waiting};
use super::points_file::{FilePlace, PointsFile};
use super::run::Recorded;
use super::sending::{self, Sent};
use super::service::LoadTestService;
use crate::limits;
use crate::ports::{Files, Key, PointStore, PointsRefused, PortError, Timestamp};
use crate::tasks::Next;
use futures::future::{Either, select};
use futures::pin_mut;
use futures::stream::{self, StreamExt as _};

/// Where points go.
#[derive(Debug, Clone)]
pub enum Destination {
    /// Into a database.
    Database(Arc<dyn PointStore>),
    /// Into files of lines, one for each day, below `load-tests/`.
    Files(Arc<dyn Files>),
}

/// How long the delivery sleeps when nothing waits, should nobody wake it.
const SLEEP: Duration = Duration::from_secs(600);

/// Longer than any database asks to be left alone, as far as that is heeded.
const LONGEST_QUIET: Duration = Duration::from_secs(1200);

/// The most of a refused line that the log shows.
const SHOWN: usize = 200;

/// Batches read together, and delivered before a step ends.
const BATCHES: usize = 500;

/// Points of a write are halved with each refusal in a row, down to so many: a database that is slow may take those in time.
const FEWEST: usize = 500;

/// After so many refusals in a row, batches are tried one by one.
const PROBE_AFTER: u32 = 4;

fn count(outcome: &'static str, points: u64) {
    metrics::counter!("headwater_load_tests_points_total", "outcome" => outcome).increment(points);
}

impl LoadTestService {
    /// Delivers what waits, until nothing does, the database refuses, or `wall` is over; then `linger`s for more.
    pub(super) async fn deliver(
        &self,
        mut state: Delivered,
        destination: &Destination,
        file: &mut Option<PointsFile>,
        (wall, linger): (Duration, Duration),
    ) -> Result<(Delivered, Next), PortError> {
        let began = self.clock.now();
        if !state.done.is_empty() {
            let done = std::mem::take(&mut state.done);
            self.written(&done).await?;
        }
        let bell = &*self.background.bell;
        // What is further ahead was written when the clock was wrong.
        if let Some(quiet) = state.quiet.filter(|quiet| *quiet > began && *quiet <= began.plus(LONGEST_QUIET)) {
            // Another process may have been refused. Unless this one knows, too, each new batch asks for a step that does nothing.
            bell.close(Some(quiet));
            return Ok((state, Next::At(quiet)));
        }
        state.quiet = None;
        state.aside.retain(|_, until| *until > began);
        let mut listening = Listening::begin(bell, began);
        let mut delivered = false;
        loop {
            bell.hear();
            let spent = self.clock.now().since(began);
            if delivered && (spent >= wall || state.done.len() >= BATCHES) {
                return Ok((state, Next::Again));
            }
            let batches = self.waiting(&mut state).await?;
            if !batches.is_empty() {
                delivered = true;
                let refused = match destination {
                    Destination::Files(files) => match self.append_to_file(&mut state, file, &**files, batches).await {
                        Ok(true) => None,
                        Ok(false) => return Ok((state, Next::Again)),
                        Err(error) => {
                            *file = None;
                            let why = PointsRefused::Later { why: error.to_string(), after: None };
                            Some(state.pause(&why, self.clock.now(), self.entropy.draw()))
                        }
                    },
                    Destination::Database(store) => self.write_to_database(&mut state, &**store, batches).await?,
                };
                *self.delivering.lock().unwrap_or_else(PoisonError::into_inner) = Some(state.clone());
                let Some(quiet) = refused else { continue };
                listening.stop(Some(quiet));
                self.make_room(&mut state).await?;
                return Ok((state, Next::At(quiet)));
            }
            let left = linger.saturating_sub(spent);
            if delivered && !left.is_zero() {
                let (rung, over) = (bell.wait(), self.clock.sleep(left));
                pin_mut!(rung);
                if let Either::Left(_) = select(rung, over).await {
                    continue;
                }
            }
            if listening.stop(None) {
                let next = if state.done.is_empty() { Next::At(self.clock.now().plus(SLEEP)) } else { Next::Again };
                return Ok((state, next));
            }
        }
    }

    /// The oldest batches that wait and are not done, as many as go well together; results before heartbeats. After several refusals in a
    /// row it is one batch, another one each time: it may be that one that the database cannot take.
    async fn waiting(&self, state: &mut Delivered) -> Result<Vec<Waiting>, PortError> {
        let mut of_lanes = Vec::new();
        for lane in [Lane::Results, Lane::Beats] {
            let mut keys = self.outbox.oldest(lane, None).await?;
            if lane == Lane::Beats && keys.len() == limits::LIST_PAGE {
                self.make_room(state).await?;
                keys = self.outbox.oldest(lane, None).await?;
            }
            keys.retain(|key| !state.done.contains(key) && !state.aside.contains_key(key));
            of_lanes.push(keys);
        }
        let probing = state.failures >= PROBE_AFTER;
        let mut keys: Vec<Key> = match probing {
            true => of_lanes.concat(),
            false => of_lanes.into_iter().find(|keys| !keys.is_empty()).unwrap_or_default(),
        };
        state.head = keys.first().cloned();
        if probing && !keys.is_empty() {
            let turn = (state.failures - PROBE_AFTER) as usize % keys.len();
            keys = vec![keys.swap_remove(turn)];
        }
        let (mut points, mut bytes) = (0, 0);
        let fitting = keys.iter().take_while(|key| {
            let fits = points < limits::WRITE_POINTS as u64 && bytes < limits::WRITE_BYTES as u64;
            points += outbox::points(key);
            bytes += outbox::bytes(key);
            fits
        });
        let fitting = fitting.count().min(BATCHES);
        keys.truncate(fitting);
        let (batches, damaged) = self.outbox.read(&keys).await?;
        let until = self.clock.now().plus(ASIDE);
        let only_damaged = batches.is_empty() && !damaged.is_empty();
        state.aside.extend(damaged.into_iter().map(|key| (key, until)));
        // Those behind must not wait for what nobody can read.
        if only_damaged { Box::pin(self.waiting(state)).await } else { Ok(batches) }
    }

    /// Writes batches into the database and removes those that are kept. Answers until when to leave it alone, if it refuses.
    async fn write_to_database(
        &self,
        state: &mut Delivered,
        store: &dyn PointStore,
        batches: Vec<Waiting>,
    ) -> Result<Option<Timestamp>, PortError> {
        (state.kind, state.place) = ("influxdb".to_owned(), store.place().to_owned());
        let (keys, lines): (Vec<Key>, Vec<Vec<String>>) =
            self.not_kept(state, batches).await?.into_iter().map(|batch| (batch.key, batch.lines)).unzip();
        let ends: Vec<usize> = lines
            .iter()
            .scan(0, |end, lines| {
                *end += lines.len();
                Some(*end)
            })
            .collect();
        let lines = lines.concat();
        // What was too much for a slow database may be little enough in parts.
        let most = (limits::WRITE_POINTS >> state.failures.min(8)).max(FEWEST);
        let Sent { refused, stopped } = sending::send(store, &lines, most).await;
        let now = self.clock.now();
        // A batch in the middle of which it stopped is sent again as a whole: a point that is kept already is replaced by itself.
        let got_to = stopped.as_ref().map_or(lines.len(), |(_, line)| *line);
        let through = ends.partition_point(|end| *end <= got_to);
        let sound = through.checked_sub(1).map_or(0, |last| ends[last]);
        let (mut reasons, mut dropped): (Vec<Option<&str>>, u64) = (vec![None; through], 0);
        for (line, why) in refused.iter().filter(|(line, _)| *line < sound) {
            state.refuse(&lines[*line], why, now);
            reasons[ends.partition_point(|end| *end <= *line)] = Some(why);
            dropped += 1;
        }
        state.written += sound as u64 - dropped;
        count("written", sound as u64 - dropped);
        count("dropped", dropped);
        if let Some((line, why)) = refused.first() {
            tracing::warn!(points = refused.len(), line = lines[*line].chars().take(SHOWN).collect::<String>(), why, "points were refused");
        }
        let recorded = |why: Option<&str>| why.map_or(Recorded::Written, |why| Recorded::Refused(why.to_owned()));
        self.note_all(keys[..through].iter().zip(reasons.into_iter().map(recorded))).await?;
        for key in &keys[..through] {
            state.keep(key);
        }
        self.outbox.remove(&keys[..through]).await?;
        if through > 0 {
            (state.last_write, state.reachable, state.file) = (Some(now), Some(true), None);
        }
        let Some((why, line)) = stopped else {
            if state.failures >= PROBE_AFTER {
                state.suspect(now, |head| keys.contains(head));
            }
            state.failures = 0;
            return Ok(None);
        };
        state.retried += (lines.len() - line) as u64;
        count("retried", (lines.len() - line) as u64);
        tracing::warn!(why = %why, points = lines.len() - line, "points were not taken; they are sent again");
        Ok(Some(state.pause(&why, now, self.entropy.draw())))
    }

    /// Appends batches to the file; they are done once that is stored. Answers whether the file could be used: a new one has to be stored
    /// first.
    async fn append_to_file(
        &self,
        state: &mut Delivered,
        open: &mut Option<PointsFile>,
        files: &dyn Files,
        batches: Vec<Waiting>,
    ) -> Result<bool, PortError> {
        let now = self.clock.now();
        let Some(place) = state.file.clone().filter(|place| place.is_for(now)) else {
            if let Some(former) = &state.file {
                // What a step wrote there that was not stored is written again elsewhere, so it must go from there.
                drop(PointsFile::open(files, former).await?);
            }
            (state.file, *open) = (Some(FilePlace::free(files, now).await?), None);
            return Ok(false);
        };
        let batches = self.not_kept(state, batches).await?;
        let file = match open.take().filter(|file| file.is_at(&place)) {
            Some(file) => Some(file),
            None => PointsFile::open(files, &place).await?,
        };
        let Some(mut file) = file else {
            tracing::warn!(file = %place.name, "somebody has changed the file of points; another one is begun");
            state.file = Some(FilePlace::free(files, now).await?);
            return Ok(false);
        };
        let mut points = 0;
        for batch in &batches {
            file.append(sending::joined(&batch.lines)).await?;
            points += batch.lines.len() as u64;
        }
        let place = file.sync().await?;
        (state.kind, state.place) = ("file".to_owned(), place.name.to_string());
        state.file = Some(place);
        *open = Some(file);
        state.written += points;
        count("written", points);
        (state.last_write, state.reachable) = (Some(now), Some(true));
        for batch in batches {
            state.keep(&batch.key);
            state.done.push(batch.key);
        }
        Ok(true)
    }

    /// Leaves out batches whose points are kept already, and removes them: who put them there was late, or did it twice.
    async fn not_kept(&self, state: &Delivered, batches: Vec<Waiting>) -> Result<Vec<Waiting>, PortError> {
        let looks: Vec<_> = batches.iter().map(|batch| self.has(state, &batch.key)).collect();
        let kept: Vec<Result<bool, PortError>> = stream::iter(looks).buffered(limits::READ_AT_ONCE).collect().await;
        let (mut left, mut over) = (Vec::with_capacity(batches.len()), Vec::new());
        for (batch, kept) in batches.into_iter().zip(kept) {
            if kept? { over.push(batch.key) } else { left.push(batch) }
        }
        self.outbox.remove(&over).await?;
        Ok(left)
    }

    /// Whether the points of a batch are kept already.
    async fn has(&self, state: &Delivered, key: &Key) -> Result<bool, PortError> {
        match outbox::end_of(key) {
            Some((uuid, _)) => Ok(self.recorded(&uuid).await?.is_some()),
            None => Ok(state.has(key)),
        }
    }

    /// Removes batches that are kept.
    async fn written(&self, keys: &[Key]) -> Result<(), PortError> {
        self.note_all(keys.iter().map(|key| (key, Recorded::Written))).await?;
        self.outbox.remove(keys).await
    }

    /// Notes what became of points, several at once: each note waits for the disk, and those that wait together share a commit.
    async fn note_all(&self, notes: impl Iterator<Item = (&Key, Recorded)>) -> Result<(), PortError> {
        let notes: Vec<_> = notes.map(|(key, recorded)| self.note(key, recorded)).collect();
        stream::iter(notes).buffer_unordered(limits::READ_AT_ONCE).collect::<Vec<_>>().await.into_iter().collect()
    }

    async fn note(&self, key: &Key, recorded: Recorded) -> Result<(), PortError> {
        match outbox::end_of(key) {
            Some((uuid, _)) => self.note_recorded(&uuid, &recorded).await,
            None => Ok(()),
        }
    }

    /// Drops the oldest heartbeats while too many wait.
    async fn make_room(&self, state: &mut Delivered) -> Result<(), PortError> {
        let keys = self.outbox.all(Lane::Beats).await?;
        let (mut points, mut batches) = (keys.iter().map(outbox::points).sum::<u64>(), keys.len());
        let mut gone = 0;
        for key in &keys {
            if points <= limits::QUEUED_HEARTBEATS && batches <= limits::QUEUED_BATCHES {
                break;
            }
            points -= outbox::points(key);
            state.dropped += outbox::points(key);
            count("dropped", outbox::points(key));
            (batches, gone) = (batches - 1, gone + 1);
        }
        if gone > 0 {
            tracing::warn!(batches = gone, "the database is away for too long; the oldest heartbeats make room");
        }
        self.outbox.remove(&keys[..gone]).await
    }
}
