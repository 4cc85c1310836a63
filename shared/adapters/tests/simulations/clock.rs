//! Time that passes by itself as soon as nobody has anything to do.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use async_trait::async_trait;
use headwater_adapters::ManualClock;
use headwater_core::ports::{Clock, Timestamp};

/// Polls after which everything that can go on without the clock has gone on: a chain of tasks that wake each other is shorter.
const POLLS: usize = 24;

/// A clock that goes from one sleeper's moment to the next.
#[derive(Debug)]
pub(crate) struct LeapingClock {
    clock: ManualClock,
    sleepers: Mutex<(u64, BTreeSet<(Timestamp, u64)>)>,
}

/// Strikes a sleeper off, also one that does not sleep to its end.
struct Place<'a>(&'a LeapingClock, (Timestamp, u64));

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.sleepers.lock().unwrap().1.remove(&self.1);
    }
}

impl LeapingClock {
    pub(crate) fn new(start: Timestamp) -> Self {
        Self { clock: ManualClock::new(start), sleepers: Mutex::default() }
    }

    /// Lets everybody do what can be done now.
    pub(crate) async fn settle(&self) {
        for _ in 0..POLLS {
            tokio::task::yield_now().await;
        }
    }

    /// Goes on to the next moment at which somebody wakes, but not beyond this one. Answers whether that was reached.
    pub(crate) async fn leap(&self, until: Timestamp) -> bool {
        self.settle().await;
        let next = self.sleepers.lock().unwrap().1.first().map_or(until, |(moment, _)| (*moment).min(until));
        self.clock.advance(next.since(self.clock.now()));
        self.settle().await;
        self.clock.now() >= until
    }

    pub(crate) fn now_millis(&self) -> i64 {
        self.now().as_millis()
    }

    /// Time passes in which nothing runs.
    pub(crate) fn skip(&self, span: Duration) {
        self.clock.advance(span);
    }
}

#[async_trait]
impl Clock for LeapingClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn sleep(&self, span: Duration) {
        let place = {
            let mut sleepers = self.sleepers.lock().unwrap();
            sleepers.0 += 1;
            let place = (self.clock.now().plus(span), sleepers.0);
            sleepers.1.insert(place);
            Place(self, place)
        };
        self.clock.sleep(span).await;
        drop(place);
    }
}

/// Waits for what other threads do, while time stands still.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let (mut work, mut context) = (pin!(work), Context::from_waker(&waker));
    loop {
        match work.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}
