//! Drives the worker on tokio: as many steps side by side as there may be running jobs, until told to end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use headwater_core::limits;
use headwater_core::load_tests::LoadTestService;
use headwater_core::ports::Delivery;
use headwater_core::tables::TableService;
use headwater_core::tasks::Worker;
use headwater_core::upkeep::{APPENDING, OVERDUE, Upkeep};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{error, warn};

/// How often it is looked for tasks whose message was lost.
const SWEEP_EVERY: Duration = Duration::from_secs(300);

/// How often it is asked whether chunks are to be swept, which is done far less often, and whether records are old.
const ASK_EVERY: Duration = Duration::from_secs(3600);

/// How long after each failure a delivery is tried again. All of it is less than any lease.
const TRY_AGAIN: [Duration; 4] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// How messages are received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receiving {
    /// So many wait side by side.
    receivers: usize,
    /// How long a wait for a message lasts.
    patience: Duration,
    /// Whether a wait may be broken off. A message that was on its way then stays hidden until its time is up.
    may_be_broken_off: bool,
}

impl Receiving {
    /// From a queue of this process, which takes up all it knows when it starts. To take a message is to wait for the disk, and the
    /// heartbeats of load tests are due all at once: who takes one after the other is late with the last.
    pub(crate) const LOCAL: Self = Self { receivers: 4, patience: Duration::from_secs(5), may_be_broken_off: true };

    /// From a queue across a network.
    pub(crate) const REMOTE: Self = Self { receivers: 4, patience: Duration::from_secs(2), may_be_broken_off: false };
}

/// Steps tasks until `ending` says so; then lets the steps under way finish and save.
pub(crate) async fn drive(worker: Worker, receiving: Receiving, ending: watch::Receiver<bool>) {
    // A job in real time waits inside its steps, so each running job may need a place of its own.
    let places = Arc::new(Semaphore::new(limits::RUNNING_JOBS));
    let pulls = (0..receiving.receivers).map(|_| pull(worker.clone(), receiving, Arc::clone(&places), ending.clone()));
    pulls.collect::<JoinSet<()>>().join_all().await;
}

/// Receives messages one after the other and handles them side by side.
async fn pull(worker: Worker, receiving: Receiving, places: Arc<Semaphore>, mut ending: watch::Receiver<bool>) {
    let mut steps = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
        let mut receive = pin!(worker.receive(receiving.patience));
        let delivery = tokio::select! {
            () = told(&mut ending) => {
                if receiving.may_be_broken_off {
                    break;
                }
                receive.await
            }
            delivery = &mut receive => delivery,
        };
        match delivery {
            Ok(Some(delivery)) => {
                let (worker, ending) = (worker.clone(), ending.clone());
                steps.spawn(async move {
                    handle(&worker, delivery, ending).await;
                    drop(place);
                });
            }
            Ok(None) => {}
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, "the queue cannot be read");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        while steps.try_join_next().is_some() {}
        if *ending.borrow() {
            break;
        }
    }
    while steps.join_next().await.is_some() {}
}

/// Handles a delivery. What fails, because a disk is full, say, is tried again soon: the queue itself delivers it again only when it must
/// take this process for dead.
async fn handle(worker: &Worker, mut delivery: Delivery, mut ending: watch::Receiver<bool>) {
    for pause in TRY_AGAIN {
        let Err(error) = worker.handle(&delivery).await else { return };
        error!(error = &error as &dyn std::error::Error, "a step failed; it is tried again");
        tokio::select! {
            () = told(&mut ending) => return,
            () = tokio::time::sleep(pause) => {}
        }
        // The task may stand further by now, and only the message of its next step be missing.
        delivery.attempt += 1;
    }
    if let Err(error) = worker.handle(&delivery).await {
        error!(error = &error as &dyn std::error::Error, "a step failed; it is delivered again");
    }
}

/// Returns once it is time to end.
async fn told(ending: &mut watch::Receiver<bool>) {
    let _ = ending.wait_for(|ending| *ending).await;
}

/// Asks again, from time to time, for what may have been lost between several processes.
pub(crate) async fn sweep(upkeep: Upkeep, mut ending: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = told(&mut ending) => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
        if let Err(error) = upkeep.sweep(OVERDUE).await {
            error!(error = &error as &dyn std::error::Error, "the tasks could not be looked through");
        }
    }
}

/// Removes chunks that appends to tables have left behind, and old records of load tests, until `ending` says so. For a host that is
/// alone on its stores and sweeps nothing else.
pub(crate) async fn tidy(tables: TableService, load_tests: LoadTestService, mut ending: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = told(&mut ending) => return,
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
        if let Err(error) = tables.sweep_now_and_then(APPENDING).await {
            warn!(error = &error as &dyn std::error::Error, "chunks that nobody names could not be looked for");
        }
        if let Err(error) = load_tests.sweep().await {
            warn!(error = &error as &dyn std::error::Error, "old records of load tests could not be removed");
        }
    }
}
