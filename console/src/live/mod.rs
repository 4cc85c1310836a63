//! What runs now, for whoever watches: one sample a second, made once and shared by all.
//!
//! [`Live`] asks the services while somebody watches, and for a while behind that, so that a page that is opened again has its plots.
//! Nobody watching costs nothing. A watcher that is slow misses samples; it holds up nobody.

mod meter;
mod now;
mod sampling;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use headwater_core::ports::{Clock, PortError, Timestamp};
use tokio::sync::watch;

pub use now::{Fleet, Job, Now, Rates, Run, Stream as StreamNow, Table, Trouble};

use self::meter::Meter;
use crate::Services;
use crate::troubles::Troubles;

/// Things of one kind that are listed at most: more fit no page.
pub const MOST: usize = 100;

/// How long samples go on when nobody watches any more.
const LINGER: Duration = Duration::from_secs(180);

/// The present, and whoever watches it. Clones share one.
#[derive(Debug, Clone)]
pub struct Live(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    services: Services,
    troubles: Troubles,
    clock: Arc<dyn Clock>,
    started: Timestamp,
    period: Duration,
    latest: watch::Sender<Option<Sample>>,
    ended: watch::Sender<bool>,
    /// Held while a sample is taken: one that began earlier must not end later.
    sampling: tokio::sync::Mutex<()>,
    /// When somebody looked last, in microseconds.
    looked: AtomicI64,
    /// When a form changed something last, in milliseconds.
    changed: AtomicI64,
    meters: Mutex<HashMap<String, Meter>>,
}

/// The last sample, and the event that tells of it, or that there is no newer one; rendered once.
#[derive(Debug, Clone)]
struct Sample {
    now: Arc<Now>,
    event: Bytes,
}

/// Tells those who watch that the store does not answer.
const FAILED: Bytes = Bytes::from_static(b"event: failed\ndata: {}\n\n");

impl Live {
    /// Watches these services, with a sample each `period`.
    pub(crate) fn new(services: Services, troubles: Troubles, clock: Arc<dyn Clock>, period: Duration) -> Self {
        Self(Arc::new(Inner {
            services,
            troubles,
            started: clock.now(),
            clock,
            period,
            latest: watch::Sender::new(None),
            ended: watch::Sender::new(false),
            sampling: tokio::sync::Mutex::default(),
            looked: AtomicI64::new(i64::MIN),
            changed: AtomicI64::new(i64::MIN),
            meters: Mutex::default(),
        }))
    }

    /// Takes samples, as long as somebody watches, until [`Live::end`].
    pub async fn run(self) {
        let mut ended = self.0.ended.subscribe();
        let mut ticks = tokio::time::interval(self.0.period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut fails = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = ended.wait_for(|ended| *ended) => return,
            }
            if self.is_watched() {
                let sampled = {
                    let _turn = self.0.sampling.lock().await;
                    self.sample().await
                };
                if let Err(error) = &sampled {
                    if !fails {
                        tracing::warn!(error = error as &dyn std::error::Error, "what runs could not be found out");
                    }
                    let now = self.0.latest.borrow().as_ref().map(|sample| Arc::clone(&sample.now)).unwrap_or_default();
                    self.0.latest.send_replace(Some(Sample { now, event: FAILED }));
                }
                fails = sampled.is_err();
            } else {
                // What is remembered of rates would have a hole.
                self.0.meters.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
        }
    }

    /// Lets all watchers go: the process is about to end.
    pub fn end(&self) {
        self.0.ended.send_replace(true);
    }

    /// Becomes true at [`Live::end`].
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.0.ended.subscribe()
    }

    /// What was sampled before no longer holds: a form has changed something, and its sender is about to look.
    pub(crate) fn changed(&self) {
        self.0.changed.store(self.0.clock.now().as_millis(), Ordering::Relaxed);
    }

    /// What runs now; at most a period old, and not older than the last change that a form made.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn now(&self) -> Result<Arc<Now>, PortError> {
        self.looked();
        let fresh = |sample: &Sample| {
            let age = self.0.clock.now().since(Timestamp::from_millis(sample.now.at));
            age < self.0.period + Duration::from_millis(200) && sample.now.at > self.0.changed.load(Ordering::Relaxed)
        };
        let latest = || self.0.latest.borrow().clone().filter(fresh).map(|sample| sample.now);
        if let Some(now) = latest() {
            return Ok(now);
        }
        let _turn = self.0.sampling.lock().await;
        // Somebody else may have taken it meanwhile.
        match latest() {
            Some(now) => Ok(now),
            None => self.sample().await,
        }
    }

    /// Samples as server-sent events: the latest at once, then each new one.
    pub fn follow(&self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
        self.looked();
        let mut latest = self.0.latest.subscribe();
        latest.mark_changed();
        // Whoever is cut off comes back soon.
        let opening = stream::once(async { Ok(Bytes::from_static(b"retry: 2000\n\n")) });
        let watching = (latest, self.0.ended.subscribe(), self.clone());
        let samples = stream::unfold(watching, |(mut latest, mut ended, live)| async move {
            loop {
                tokio::select! {
                    _ = ended.wait_for(|ended| *ended) => return None,
                    changed = latest.changed() => changed.ok()?,
                }
                live.looked();
                let event = latest.borrow_and_update().as_ref().map(|sample| sample.event.clone());
                if let Some(event) = event {
                    return Some((Ok(event), (latest, ended, live)));
                }
            }
        });
        opening.chain(samples)
    }

    /// How many follow.
    #[must_use]
    pub fn followers(&self) -> usize {
        self.0.latest.receiver_count()
    }

    fn looked(&self) {
        self.0.looked.store(self.0.clock.now().as_micros(), Ordering::Relaxed);
    }

    fn is_watched(&self) -> bool {
        let looked = self.0.looked.load(Ordering::Relaxed);
        self.followers() > 0 || (looked != i64::MIN && self.0.clock.now().since(Timestamp::from_micros(looked)) < LINGER)
    }

    /// Takes a sample; only in turn.
    async fn sample(&self) -> Result<Arc<Now>, PortError> {
        let now = Arc::new(sampling::sample(&self.0).await?);
        let data = serde_json::to_string(&*now).expect("it is made of texts and numbers");
        let event = Bytes::from(format!("event: now\ndata: {data}\n\n"));
        self.0.latest.send_replace(Some(Sample { now: Arc::clone(&now), event }));
        Ok(now)
    }
}
