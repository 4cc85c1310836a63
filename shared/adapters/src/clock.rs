//! Time and unpredictability: the one place where the process asks the system for either.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use headwater_core::ports::{Clock, Entropy, Timestamp};
use tokio::sync::watch;

/// The system's clock. When somebody puts that back, this one goes on at half speed until the system's has caught up, so
/// that time neither runs backwards nor stands still.
#[derive(Debug)]
pub struct SystemClock {
    last: Mutex<Reading>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    answer: i64,
    at: Instant,
}

impl SystemClock {
    /// The system's clock.
    #[must_use]
    pub fn new() -> Self {
        let (wall, at) = read_system();
        Self { last: Mutex::new(Reading { answer: wall, at }) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, at) = read_system();
        *last = next(*last, wall, at);
        Timestamp::from_micros(last.answer)
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

fn next(last: Reading, wall: i64, at: Instant) -> Reading {
    if wall >= last.answer {
        return Reading { answer: wall, at };
    }
    let half = i64::try_from(at.saturating_duration_since(last.at).as_micros() / 2).unwrap_or(i64::MAX);
    // A reading that does not advance keeps its instant, or a clock that is read all the time would stand still.
    if half == 0 { last } else { Reading { answer: last.answer.saturating_add(half), at } }
}

#[allow(clippy::disallowed_methods, reason = "this is the adapter that all other code takes time from")]
fn read_system() -> (i64, Instant) {
    let wall = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
    };
    (wall, Instant::now())
}

/// A clock for tests: it stands still until it is told to go on.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self { now: watch::Sender::new(start) }
    }

    /// Moves the clock; whoever sleeps until then wakes up.
    pub fn advance(&self, span: Duration) {
        self.now.send_modify(|now| *now = now.plus(span));
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep(&self, span: Duration) {
        let mut ticks = self.now.subscribe();
        let until = self.now().plus(span);
        ticks.wait_for(|now| *now >= until).await.expect("the clock outlives the borrow that sleeps on it");
    }
}

/// The operating system's entropy.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn draw(&self) -> u64 {
        getrandom::u64().expect("a system that has started has entropy")
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn the_system_clock_never_runs_backwards() {
        let clock = SystemClock::new();
        let mut former = clock.now();
        assert!(former.as_millis() > 1_700_000_000_000, "the clock counts from 1970");
        for _ in 0..10_000 {
            let now = clock.now();
            assert!(now >= former);
            former = now;
        }
    }

    #[test]
    fn a_clock_that_was_put_back_goes_on_slowly() {
        let (_, start) = read_system();
        let mut reading = Reading { answer: 1_000_000, at: start };
        for millis in 1..=10 {
            reading = next(reading, 500_000 + millis * 1000, start + Duration::from_millis(millis.unsigned_abs()));
        }
        assert_eq!(reading.answer, 1_005_000);
        reading = next(reading, 500_001, start + Duration::from_millis(10) + Duration::from_nanos(1500));
        assert_eq!(reading.at, start + Duration::from_millis(10), "a reading that does not advance keeps its instant");
        assert_eq!(next(reading, 2_000_000, start + Duration::from_secs(1)).answer, 2_000_000);
    }

    #[test]
    fn a_manual_clock_wakes_sleepers_in_time() {
        let clock = ManualClock::new(Timestamp::from_millis(5));
        let mut sleep = pin!(clock.sleep(Duration::from_millis(10)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_millis(9));
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_millis(1));
        assert!(sleep.as_mut().poll(&mut context).is_ready());
        assert_eq!(clock.now(), Timestamp::from_millis(15));
    }

    #[test]
    fn entropy_differs_from_draw_to_draw() {
        assert_ne!(OsEntropy.draw(), OsEntropy.draw());
    }
}
