//! What goes on behind the streams API: notices, and tidying up.

use std::time::Duration;

use headwater_core::streams::StreamService;
use tokio::sync::watch;
use tracing::error;

/// How often it is looked whether streams have grown by their thresholds.
const NOTICE_EVERY: Duration = Duration::from_secs(1);

/// How often expired events are removed.
const TIDY_EVERY: Duration = Duration::from_secs(300);

/// Starts all of it. Where several hosts share their stores, whoever flushes the log also sees how it grows.
pub(crate) fn start(streams: &StreamService, shared: bool, ending: &watch::Receiver<bool>) {
    let tidy = repeat(TIDY_EVERY, ending.clone(), streams.clone(), async |streams: &StreamService| {
        if let Err(error) = streams.tidy().await {
            error!(error = &error as &dyn std::error::Error, "the streams could not be tidied");
        }
    });
    tokio::spawn(tidy);
    // For itself: whoever is told may take long to answer.
    tokio::spawn(repeat(NOTICE_EVERY, ending.clone(), streams.clone(), async |streams: &StreamService| streams.announce().await));
    if !shared {
        tokio::spawn(notice(streams.clone(), ending.clone()));
    }
}

async fn notice(streams: StreamService, ending: watch::Receiver<bool>) {
    if let Err(error) = streams.notice_all().await {
        error!(error = &error as &dyn std::error::Error, "it could not be looked how large streams are");
    }
    repeat(NOTICE_EVERY, ending, streams, async |streams: &StreamService| streams.notice().await).await;
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
