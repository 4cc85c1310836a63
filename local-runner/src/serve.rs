//! `headwater serve`: listens, steps, and leaves in order.

use std::future::IntoFuture as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::serve::ListenerExt as _;
use headwater_adapters::SystemClock;
use headwater_console::Troubles;
use headwater_core::upkeep::{OVERDUE, Upkeep};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tracing::{debug, info, warn};

use crate::args::{Serve, Store};
use crate::steps::Receiving;
use crate::{app, demo, logs, steps, streams_upkeep};

/// How long requests under way, and then steps, may take to finish once the server is told to end.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);

/// How long points of load tests may take to reach their database then.
const FLUSH_WITHIN: Duration = Duration::from_secs(3);

pub(crate) fn run(options: Serve) -> anyhow::Result<ExitCode> {
    app::check_exposure(&options)?;
    let troubles = Troubles::new(Arc::new(SystemClock::new()));
    logs::install(options.log_format, troubles.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot be started")?;
    let outcome = runtime.block_on(serve(options, troubles));
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn serve(options: Serve, troubles: Troubles) -> anyhow::Result<ExitCode> {
    let prometheus = PrometheusBuilder::new().install_recorder().context("the metrics cannot be set up")?;
    let app = app::compose(&options, prometheus, troubles).await?;
    let address = options.address();
    let listener = TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened on"))?;
    let address = listener.local_addr()?;
    // The last piece of a long answer must not wait for the one before it to be acknowledged.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            debug!(%error, "a connection cannot be told to send at once");
        }
    });

    let shared = options.store == Store::Aws;
    let upkeep = Upkeep {
        tasks: app.tasks,
        datagen: app.datagen.clone(),
        simulations: app.simulations.clone(),
        tables: app.tables.clone(),
        load_tests: app.load_tests.clone(),
    };
    let resumed = if shared { upkeep.sweep(OVERDUE).await } else { upkeep.recover().await };
    let resumed = resumed.context("the jobs of the last run cannot be taken up")?;
    let (end, ending) = watch::channel(false);
    let receiving = if shared { Receiving::REMOTE } else { Receiving::LOCAL };
    let worker = tokio::spawn(steps::drive(app.worker, receiving, ending.clone()));
    if shared {
        tokio::spawn(steps::sweep(upkeep, ending.clone()));
    } else {
        tokio::spawn(steps::tidy(app.tables.clone(), app.load_tests.clone(), ending.clone()));
    }
    #[cfg(feature = "aws")]
    if let Some(poller) = app.poller {
        tokio::spawn(poller.run(ending.clone()));
    }
    tokio::spawn(app.live.clone().run());
    streams_upkeep::start(&app.streams, shared, &ending);
    let (answered, all_answered) = oneshot::channel::<()>();
    let queue_writer = tokio::spawn(app.queue_writer.run(async move {
        let _ = all_answered.await;
    }));
    if options.demo {
        demo::start(&app.datagen, &app.simulations, &app.tables, &app.load_tests, address).await;
    }
    info!(%address, store = ?options.store, resumed, "listening");

    let told_to_end = told_to_end();
    let (close, mut closing) = watch::channel(false);
    let server = axum::serve(listener, app.routes).with_graceful_shutdown(async move {
        let _ = closing.wait_for(|closing| *closing).await;
    });
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        () = told_to_end => info!("ending: finishing what is under way"),
        ended = &mut server => ended.context("the server broke down")??,
    }
    app.streams.end();
    app.tables.end();
    app.live.end();
    let _ = close.send(true);
    if tokio::time::timeout(LEAVE_WITHIN, server).await.is_err() {
        warn!("a request did not end in time");
    }
    // No request brings points any more; those that wait are safe, but whoever looks at the database now would miss them.
    if !app.load_tests.drain(FLUSH_WITHIN).await {
        info!("points wait for the database; they are sent at the next start");
    }
    let _ = end.send(true);
    if tokio::time::timeout(LEAVE_WITHIN, worker).await.is_err() {
        warn!("a step did not end in time; it is repeated at the next start");
    }
    let _ = answered.send(()); // No request puts anything into the queue any more.
    if tokio::time::timeout(LEAVE_WITHIN, queue_writer).await.is_err() {
        warn!("asynchronous events could not be written in time; they are lost");
    }
    info!("ended");
    Ok(ExitCode::SUCCESS)
}

/// Returns once the process is told to end. Listens from the call on, not from when it is waited for: whoever got an answer may end it.
fn told_to_end() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            warn!("signals cannot be listened for");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
