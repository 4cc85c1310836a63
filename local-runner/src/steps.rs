//! Drives the worker on tokio: as many steps side by side as there may be running jobs, until told to end.

use std::sync::Arc;
use std::time::Duration;

use headwater_core::datagen::{OVERDUE, Upkeep};
use headwater_core::limits;
use headwater_core::tasks::Worker;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::error;

/// How long a wait for a message lasts before the loop looks whether it is to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked for tasks whose message was lost.
const SWEEP_EVERY: Duration = Duration::from_secs(300);

/// Steps tasks until `ending` says so; then lets the steps under way finish and save. `receivers` wait for messages side by side.
pub(crate) async fn drive(worker: Worker, receivers: usize, ending: watch::Receiver<bool>) {
    // A job in real time waits inside its steps, so each running job may need a place of its own.
    let places = Arc::new(Semaphore::new(limits::RUNNING_JOBS));
    let pulls = (0..receivers).map(|_| pull(worker.clone(), Arc::clone(&places), ending.clone()));
    pulls.collect::<JoinSet<()>>().join_all().await;
}

/// Receives messages one after the other and handles them side by side.
async fn pull(worker: Worker, places: Arc<Semaphore>, mut ending: watch::Receiver<bool>) {
    let mut steps = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
        let delivery = tokio::select! {
            _ = ending.wait_for(|ending| *ending) => break,
            delivery = worker.receive(PATIENCE) => delivery,
        };
        match delivery {
            Ok(Some(delivery)) => {
                let worker = worker.clone();
                steps.spawn(async move {
                    if let Err(error) = worker.handle(&delivery).await {
                        error!(error = &error as &dyn std::error::Error, "a step failed; it is delivered again");
                    }
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
    }
    while steps.join_next().await.is_some() {}
}

/// Asks again, from time to time, for what may have been lost between several processes.
pub(crate) async fn sweep(upkeep: Upkeep, mut ending: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = ending.wait_for(|ending| *ending) => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
        if let Err(error) = upkeep.sweep(OVERDUE).await {
            error!(error = &error as &dyn std::error::Error, "the tasks could not be looked through");
        }
    }
}
