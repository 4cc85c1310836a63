//! The one thread that writes. It takes every write that waits, lets each decide and write in turn within one transaction,
//! commits once, and then answers all of them: however many callers wait, they share the time that the disk takes.

use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use headwater_core::ports::{Clock, PortError, Timestamp};
use redb::WriteTransaction;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::document_cache::DocumentCache;
use super::engine::{Engine, full, port_error};
use super::tables::Tables;
use super::{appending, sweeping};

/// Writes that may wait at once, and so also the most in one commit. Whoever comes beyond that waits to get in line.
const LINE: usize = 1024;

/// A commit waits for those who were answered after the one before, and are likely to write again: otherwise of many callers one half
/// would always wait while the other is served. It waits in pauses, each this part of the time that the last commit took, for as long
/// as each brings somebody, and so often at most: so it is put off by half of what the disk takes anyway.
const PAUSE_PART: u32 = 8;
/// See [`PAUSE_PART`].
const PAUSES: usize = 4;
/// The longest of these pauses: long commits are those of long batches, which have nobody to wait for.
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// How often a full disk makes the writer look for space that was used before: that takes long in a large database.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Where writes stand in line.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    room: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

/// A write in line.
trait Job: Send {
    /// Bytes that it adds.
    fn size(&self) -> u64;

    /// Refuses it for want of room, instead of running it.
    fn refuse(&mut self);

    /// Decides by what is stored and by what the jobs before it have written, and writes. A job that refuses must not have
    /// written. An error undoes all jobs of the commit.
    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error>;

    /// Answers, once everything is durable or nothing was done.
    fn answer(self: Box<Self>, failure: Option<&Arc<redb::Error>>);
}

struct Write<T, F> {
    doing: &'static str,
    size: usize,
    work: Option<F>,
    answer: Option<Result<T, PortError>>,
    caller: oneshot::Sender<Result<T, PortError>>,
    _room: OwnedSemaphorePermit,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: FnOnce(&mut Tables<'_>) -> Result<Result<T, PortError>, redb::Error> + Send,
{
    fn size(&self) -> u64 {
        self.size as u64
    }

    fn refuse(&mut self) {
        self.answer = Some(Err(full()));
    }

    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        if let Some(work) = self.work.take() {
            self.answer = Some(work(tables)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<&Arc<redb::Error>>) {
        let answer = match failure {
            Some(failure) => Some(Err(port_error(self.doing, failure))),
            None => self.answer,
        };
        if let Some(answer) = answer {
            let _ = self.caller.send(answer); // A caller that no longer waits does not want to know.
        }
    }
}

/// A write that nobody waits for.
struct Chore<F>(Option<F>);

impl<F> Job for Chore<F>
where
    F: FnOnce(&mut Tables<'_>) -> Result<(), redb::Error> + Send,
{
    fn size(&self) -> u64 {
        0
    }

    fn refuse(&mut self) {}

    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        self.0.take().map_or(Ok(()), |work| work(tables))
    }

    fn answer(self: Box<Self>, _: Option<&Arc<redb::Error>>) {}
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(engine: Arc<Engine>, clock: Arc<dyn Clock>, cache: Arc<DocumentCache>) -> Self {
        let (jobs, line) = mpsc::channel();
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(move || write_all(&engine, &*clock, &cache, &line));
        // Without a thread the line has no end, and every write says so.
        Self { jobs: Some(jobs), room: Arc::new(Semaphore::new(LINE)), thread: thread.ok() }
    }

    /// Hands over a write and waits until it is durable. A caller that stops waiting does not undo it.
    pub(super) async fn write<T, F>(&self, doing: &'static str, size: usize, work: F) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<Result<T, PortError>, redb::Error> + Send + 'static,
    {
        let stopped = || PortError::unavailable(doing, "the store's writer has stopped");
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| stopped())?;
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Write { doing, size, work: Some(work), answer: None, caller, _room: room });
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or_else(stopped)?;
        answer.await.map_err(|_| stopped())?
    }

    /// Has something done some time, which only makes room: if it fails, or the process ends before, the next start makes up for it.
    pub(super) fn submit(&self, work: impl FnOnce(&mut Tables<'_>) -> Result<(), redb::Error> + Send + 'static) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(Box::new(Chore(Some(work))));
        }
    }
}

impl Drop for Writer {
    /// Ends the thread after the writes in line, so that the store is closed when this returns.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // If it panicked it has said so, and its callers were told.
        }
    }
}

fn write_all(engine: &Engine, clock: &dyn Clock, cache: &DocumentCache, line: &mpsc::Receiver<Box<dyn Job>>) {
    let mut admission = Admission { engine, clock, room: 0, reusable: 0, looked: None };
    let mut sweeping = true; // A former process may have left something to remove.
    let mut returning = Returning::default();
    loop {
        let mut jobs = Vec::new();
        if !take_waiting(line, &mut jobs) && jobs.is_empty() {
            return;
        }
        let expected = jobs.len() + returning.count;
        if jobs.is_empty() && !sweeping {
            let Ok(first) = line.recv() else { return };
            jobs.push(first);
            take_waiting(line, &mut jobs);
        }
        gather(line, &mut jobs, expected, returning.pause);
        let began = clock.now();
        let outcome = commit(&mut admission, cache, &mut jobs).map_err(Arc::new);
        let took = clock.now().since(began);
        returning = Returning { count: jobs.len(), pause: (took / PAUSE_PART).min(LONGEST_PAUSE) };
        for job in jobs {
            job.answer(outcome.as_ref().err());
        }
        sweeping = match outcome {
            Ok(more) => more,
            Err(_) => {
                let _ = engine.reopen(); // If that fails too, the next write tries again.
                false
            }
        };
    }
}

/// Who was answered last.
#[derive(Debug, Default)]
struct Returning {
    count: usize,
    /// How long to wait for them at once.
    pause: Duration,
}

/// Takes what waits. Answers whether more may come.
fn take_waiting(line: &mpsc::Receiver<Box<dyn Job>>, jobs: &mut Vec<Box<dyn Job>>) -> bool {
    while jobs.len() < LINE {
        match line.try_recv() {
            Ok(job) => jobs.push(job),
            Err(error) => return error == mpsc::TryRecvError::Empty,
        }
    }
    true
}

/// Waits a moment until as many as expected are there.
fn gather(line: &mpsc::Receiver<Box<dyn Job>>, jobs: &mut Vec<Box<dyn Job>>, expected: usize, pause: Duration) {
    for _ in 0..PAUSES {
        let before = jobs.len();
        if before == 0 || before >= expected.min(LINE) || pause.is_zero() {
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "other threads need real time to come, and nothing but speed depends on it")]
        thread::sleep(pause);
        take_waiting(line, jobs);
        if jobs.len() == before {
            return;
        }
    }
}

/// Runs the jobs, and a bit of sweeping, in one transaction. Answers whether there is more to sweep.
fn commit(admission: &mut Admission<'_>, cache: &DocumentCache, jobs: &mut [Box<dyn Job>]) -> Result<bool, redb::Error> {
    let engine = admission.engine;
    if engine.is_closed() {
        engine.reopen()?;
    }
    admission.room = engine.room();
    let mut touched = Vec::new();
    let more = engine.write(|transaction| {
        let mut tables = Tables::open(transaction, admission.clock.now().as_millis())?;
        for job in jobs {
            if admission.admits(job.size(), transaction)? { job.run(&mut tables)? } else { job.refuse() }
        }
        appending::finish(&mut tables)?;
        let more = sweeping::sweep(&mut tables)?;
        touched = std::mem::take(&mut tables.touched);
        Ok((more, tables.changed))
    });
    cache.forget(&touched); // Also when it failed: who knows.
    more
}

/// Decides what there is still room for.
struct Admission<'a> {
    engine: &'a Engine,
    clock: &'a dyn Clock,
    /// Bytes that this commit may still add to the disk.
    room: u64,
    /// Bytes that may still be written over what was removed, as far as is known.
    reusable: u64,
    /// When `reusable` was last looked up.
    looked: Option<Timestamp>,
}

impl Admission<'_> {
    fn admits(&mut self, size: u64, transaction: &WriteTransaction) -> Result<bool, redb::Error> {
        if let Some(left) = self.room.checked_sub(size) {
            self.room = left;
            return Ok(true);
        }
        let now = self.clock.now();
        if self.reusable < size && self.looked.is_none_or(|looked| now.since(looked) >= LOOK_AGAIN) {
            self.reusable = self.engine.reusable(transaction)? / 2; // Pages are never quite full.
            self.looked = Some(now);
        }
        match self.reusable.checked_sub(size) {
            Some(left) => {
                self.reusable = left;
                Ok(true)
            }
            None => Ok(false),
        }
    }
}
