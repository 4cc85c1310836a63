//! How fast a counter grows.

use std::collections::VecDeque;
use std::time::Duration;

use headwater_core::ports::Timestamp;

/// Values of a plot: two minutes at a sample a second.
const KEPT: usize = crate::plot::SLOTS;

/// Samples over which a rate is taken. A job counts when a step ends, about every second, which must not show as a comb.
const OVER: usize = 4;

/// How far samples are apart at least.
const APART: Duration = Duration::from_millis(500);

/// A counter over time.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter {
    counts: VecDeque<(Timestamp, u64)>,
    rates: VecDeque<f64>,
}

impl Meter {
    /// Notes a count. One that is lower than the last belongs to another thing of the same name: it begins anew.
    pub(super) fn note(&mut self, at: Timestamp, count: u64) {
        match self.counts.back() {
            Some((_, last)) if count < *last => *self = Self::default(),
            // Two samples that are close to each other tell little of a rate.
            Some((last, _)) if at.since(*last) < APART => return,
            _ => {}
        }
        if let Some((since, before)) = self.counts.front() {
            let seconds = at.since(*since).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "a rate that is shown")]
            self.rates.push_back(((count - before) as f64 / seconds * 100.0).round() / 100.0);
        }
        self.counts.push_back((at, count));
        if self.counts.len() > OVER {
            self.counts.pop_front();
        }
        if self.rates.len() > KEPT {
            self.rates.pop_front();
        }
    }

    /// Growth per second.
    pub(super) fn per_second(&self) -> f64 {
        self.rates.back().copied().unwrap_or(0.0)
    }

    /// The same over the last minutes, the newest last.
    pub(super) fn rates(&self) -> Vec<f64> {
        self.rates.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metered(counts: &[(i64, u64)]) -> Meter {
        let mut meter = Meter::default();
        for (millis, count) in counts {
            meter.note(Timestamp::from_millis(*millis), *count);
        }
        meter
    }

    #[test]
    fn a_counter_that_jumps_now_and_then_has_a_steady_rate() {
        let meter = metered(&[(0, 0), (1000, 0), (2000, 200), (3000, 200), (4000, 400), (5000, 400), (6000, 600)]);
        assert_eq!(meter.per_second(), 100.0);
    }

    #[test]
    fn a_counter_that_falls_begins_anew() {
        let meter = metered(&[(0, 500), (1000, 600), (2000, 10), (3000, 20)]);
        assert_eq!((meter.per_second(), meter.rates()), (10.0, vec![10.0]));
    }

    #[test]
    fn one_count_is_no_rate_and_many_are_bounded() {
        assert_eq!(metered(&[(0, 7)]).per_second(), 0.0);
        assert_eq!(metered(&[(0, 7), (0, 8), (50, 100)]).rates(), Vec::<f64>::new());
        let many: Vec<_> = (0..1000_i64).map(|second| (second * 1000, second.unsigned_abs())).collect();
        assert_eq!(metered(&many).rates(), vec![1.0; KEPT]);
    }
}
