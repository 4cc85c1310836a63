use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ports::Timestamp;

/// Waits up to this are none: no timer would keep them.
const NO_WAIT_MICROS: i64 = 1000;

/// Turns under a limit: asked how long to wait, it books the turn that it answers with.
///
/// With a limit of L a unit, L turns pass at once, and then L more each unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimiter {
    limit: usize,
    unit_micros: i64,
    /// The last `limit` turns, ascending; some may lie ahead.
    booked: VecDeque<Timestamp>,
}

impl RateLimiter {
    /// At most `limit` turns a `unit`, and at least one.
    #[must_use]
    pub fn new(limit: u32, unit: Duration) -> Self {
        let unit_micros = i64::try_from(unit.as_micros()).unwrap_or(i64::MAX / 4);
        Self { limit: usize::try_from(limit.max(1)).unwrap_or(usize::MAX), unit_micros, booked: VecDeque::new() }
    }

    /// At most `limit` turns a second.
    #[must_use]
    pub fn per_second(limit: u32) -> Self {
        Self::new(limit, Duration::from_secs(1))
    }

    /// At most `limit` turns a minute.
    #[must_use]
    pub fn per_minute(limit: u32) -> Self {
        Self::new(limit, Duration::from_secs(60))
    }

    /// Books the next turn, and answers how long it is until then.
    pub fn book(&mut self, now: Timestamp) -> Duration {
        let turn = self.next(now);
        // Older turns decide nothing: what is asked is only when the last `limit` of them were.
        if self.booked.len() == self.limit {
            self.booked.pop_front();
        }
        self.booked.push_back(turn);
        let wait = turn.since(now);
        if wait <= Duration::from_micros(NO_WAIT_MICROS.unsigned_abs()) { Duration::ZERO } else { wait }
    }

    fn next(&mut self, now: Timestamp) -> Timestamp {
        let before = |span: i64| Timestamp::from_micros(now.as_micros().saturating_sub(span));
        while self.booked.front().is_some_and(|turn| *turn < before(self.unit_micros.saturating_mul(2))) {
            self.booked.pop_front();
        }
        if self.booked.len() < self.limit {
            return now;
        }
        let last = *self.booked.back().expect("as many as the limit, which is at least one");
        let first = *self.booked.front().expect("as many as the limit, which is at least one");
        if first > before(self.unit_micros) {
            Timestamp::from_micros(first.as_micros().saturating_add(self.unit_micros))
        } else {
            last.max(now)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn a_burst_passes_and_then_one_more_each_unit() {
        let mut limiter = RateLimiter::per_second(3);
        let waits: Vec<_> = (0..7).map(|_| limiter.book(at(0)).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 1, 1, 1, 2]);
    }

    #[test]
    fn sixty_turns_are_free_and_the_next_one_waits() {
        let mut limiter = RateLimiter::per_second(60);
        assert!((0..60).all(|_| limiter.book(at(5)).is_zero()));
        assert_eq!(limiter.book(at(5)), Duration::from_secs(1));
    }

    #[test]
    fn a_limit_of_nothing_is_one() {
        let mut limiter = RateLimiter::per_minute(0);
        assert_eq!((limiter.book(at(0)), limiter.book(at(0))), (Duration::ZERO, Duration::from_secs(60)));
    }

    #[test]
    fn a_limiter_goes_on_where_it_was_stored() {
        let mut limiter = RateLimiter::per_second(2);
        for _ in 0..5 {
            limiter.book(at(0));
        }
        let mut restored: RateLimiter = serde_json::from_str(&serde_json::to_string(&limiter).unwrap()).unwrap();
        assert_eq!(restored.book(at(1)), limiter.book(at(1)));
        assert_eq!(restored, limiter);
    }

    /// The rule as it is told, with every turn kept.
    struct Told(usize, Vec<i64>);

    impl Told {
        fn book(&mut self, now: i64) -> i64 {
            let Self(limit, booked) = self;
            booked.retain(|turn| *turn >= now - 2 * SECOND);
            let turn = if booked.len() < *limit {
                now
            } else if booked.iter().filter(|turn| **turn > now - SECOND).count() < *limit {
                now.max(*booked.last().unwrap())
            } else {
                booked[booked.len() - *limit] + SECOND
            };
            booked.push(turn);
            let wait = (turn - now).max(0);
            if wait <= 1000 { 0 } else { wait }
        }
    }

    proptest! {
        #[test]
        fn forgetting_old_turns_changes_no_wait(limit in 1_u32..8, steps in prop::collection::vec(0_i64..900_000, 1..120)) {
            let (mut limiter, mut told, mut now) = (RateLimiter::per_second(limit), Told(limit as usize, Vec::new()), 0);
            for step in steps {
                now += step;
                prop_assert_eq!(limiter.book(at(now)).as_micros(), told.book(now) as u128);
            }
        }
    }
}
