//! What goes on behind the streams API: events that are written later, notices, tidying up.

use std::time::Duration;

use headwater_core::streams::{QueueWriter, StreamService};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::error;

/// How often it is looked whether streams have grown by their thresholds.
const NOTICE_EVERY: Duration = Duration::from_secs(1);

/// How often expired events are removed.
const TIDY_EVERY: Duration = Duration::from_secs(300);

/// Starts all of it. The task that is answered ends once all events that were taken are written.
pub(crate) fn start(streams: &StreamService, queue: QueueWriter, ending: &watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(repeat(NOTICE_EVERY, ending.clone(), streams.clone(), async |streams| streams.notice().await));
    tokio::spawn(repeat(TIDY_EVERY, ending.clone(), streams.clone(), async |streams| {
        if let Err(error) = streams.tidy().await {
            error!(error = &error as &dyn std::error::Error, "the streams could not be tidied");
        }
    }));
    let mut end = ending.clone();
    tokio::spawn(queue.run(async move {
        let _ = end.wait_for(|ending| *ending).await;
    }))
}

async fn repeat(
    every: Duration,
    mut ending: watch::Receiver<bool>,
    streams: StreamService,
    work: impl AsyncFn(&StreamService),
) {
    loop {
        work(&streams).await;
        tokio::select! {
            _ = ending.wait_for(|ending| *ending) => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}
