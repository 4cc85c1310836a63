use std::time::Duration;

use headwater_core::ports::Entropy;

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Pauses that double. Each is cut by up to a half, so that those who failed together do not try again together.
#[derive(Debug)]
pub(super) struct BackOff(Duration);

impl BackOff {
    pub(super) fn new(first: Duration) -> Self {
        Self(first)
    }

    pub(super) fn next(&mut self, entropy: &dyn Entropy) -> Duration {
        let whole = self.0.min(LONGEST);
        self.0 = whole.saturating_mul(2);
        whole.mul_f64(0.5 + 0.5 * Self::fraction(entropy))
    }

    /// A number from 0 up to, and without, 1.
    pub(super) fn fraction(entropy: &dyn Entropy) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits, which a double holds")]
        let bits = (entropy.draw() >> 11) as f64;
        bits / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(u64);

    impl Entropy for Fixed {
        fn draw(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_keep_at_least_half() {
        let pauses = |entropy: Fixed| {
            let mut pauses = BackOff::new(Duration::from_secs(1));
            (0..8).map(|_| pauses.next(&entropy).as_millis()).collect::<Vec<_>>()
        };
        assert_eq!(pauses(Fixed(0)), [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(pauses(Fixed(u64::MAX))[..2], [1000, 2000]);
    }
}
