//! The one thread that writes. It takes every write that waits, lets each decide and write in turn within one transaction,
//! commits once, and then answers all of them: however many callers wait, they share the time that the disk takes.

use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use headwater_core::ports::PortError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::engine::{Engine, port_error};
use super::sweeping;
use super::tables::Tables;

/// Writes that may wait at once, and so also the most in one commit. Whoever comes beyond that waits to get in line.
const LINE: usize = 1024;

/// Where writes stand in line.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    room: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

/// A write in line.
trait Job: Send {
    /// Decides by what is stored and by what the jobs before it have written, and writes. A job that refuses must not have
    /// written. An error undoes all jobs of the commit.
    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error>;

    /// Answers, once everything is durable or nothing was done.
    fn answer(self: Box<Self>, failure: Option<&Arc<redb::Error>>);
}

struct Write<T, F> {
    doing: &'static str,
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

impl Writer {
    /// Starts the thread.
    pub(super) fn start(engine: Arc<Engine>) -> Self {
        let (jobs, line) = mpsc::channel();
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(move || write_all(&engine, &line));
        // Without a thread the line has no end, and every write says so.
        Self { jobs: Some(jobs), room: Arc::new(Semaphore::new(LINE)), thread: thread.ok() }
    }

    /// Hands over a write and waits until it is durable. A caller that stops waiting does not undo it.
    pub(super) async fn write<T, F>(&self, doing: &'static str, work: F) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<Result<T, PortError>, redb::Error> + Send + 'static,
    {
        let stopped = || PortError::unavailable(doing, "the store's writer has stopped");
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| stopped())?;
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Write { doing, work: Some(work), answer: None, caller, _room: room });
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or_else(stopped)?;
        answer.await.map_err(|_| stopped())?
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

fn write_all(engine: &Engine, line: &mpsc::Receiver<Box<dyn Job>>) {
    let mut sweeping = true; // A former process may have left something to remove.
    loop {
        let mut jobs = Vec::new();
        if !sweeping {
            let Ok(first) = line.recv() else { return };
            jobs.push(first);
        }
        while jobs.len() < LINE {
            match line.try_recv() {
                Ok(job) => jobs.push(job),
                Err(mpsc::TryRecvError::Disconnected) if jobs.is_empty() => return,
                Err(_) => break,
            }
        }
        let outcome = commit(engine, &mut jobs).map_err(Arc::new);
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

/// Runs the jobs, and a bit of sweeping, in one transaction. Answers whether there is more to sweep.
fn commit(engine: &Engine, jobs: &mut [Box<dyn Job>]) -> Result<bool, redb::Error> {
    if engine.is_closed() {
        engine.reopen()?;
    }
    engine.write(|transaction| {
        let mut tables = Tables::open(transaction)?;
        for job in jobs {
            job.run(&mut tables)?;
        }
        let more = sweeping::sweep(&mut tables)?;
        Ok((more, tables.changed))
    })
}
