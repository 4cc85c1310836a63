//! What goes on behind the streams API: notices, and tidying up.

use std::time::Duration;

use headwater_core::streams::StreamService;
use tokio::sync::watch;
use tracing::error;

/// How often it is looked whether streams have grown by their thresholds.
const NOTICE_EVERY: Duration = Duration::from_secs(1);

/// How often expired events are removed.
const TIDY_EVERY: Duration = Duration::from_secs(300);

/// Starts all of it.
pub(crate) fn start(streams: &StreamService, ending: &watch::Receiver<bool>) {
    tokio::spawn(repeat(NOTICE_EVERY, ending.clone(), streams.clone(), async |streams: &StreamService| streams.notice().await));
    tokio::spawn(repeat(TIDY_EVERY, ending.clone(), streams.clone(), async |streams: &StreamService| {
        if let Err(error) = streams.tidy().await {
            error!(error = &error as &dyn std::error::Error, "the streams could not be tidied");
        }
    }));
}

async fn repeat(every: Duration, mut ending: watch::Receiver<bool>, streams: StreamService, work: impl AsyncFn(&StreamService)) {
    loop {
        work(&streams).await;
        tokio::select! {
            _ = ending.wait_for(|ending| *ending) => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}
