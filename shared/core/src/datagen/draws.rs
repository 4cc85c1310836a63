//! Distributions, compiled: what is drawn at every record.
//!
//! All mathematics goes through `libm`, whose results are the same on every machine; a platform's own logarithm differs in
//! the last bit, and with it a seeded stream.

use crate::random::Draw;

/// A real number.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Real {
    Constant(f64),
    /// From [min, min + span].
    Uniform {
        min: f64,
        span: f64,
    },
    Exponential {
        mean: f64,
    },
    Normal {
        mean: f64,
        stddev: f64,
    },
}

impl Real {
    #[inline]
    pub(super) fn draw(&self, draw: &mut Draw) -> f64 {
        match *self {
            Self::Constant(value) => value,
            Self::Uniform { min, span } => min + draw.unit() * span,
            Self::Exponential { mean } => -mean * libm::log(1.0 - draw.unit()),
            Self::Normal { mean, stddev } => mean + stddev * standard_normal(draw),
        }
    }

    /// P(X < x).
    pub(super) fn below(&self, x: f64) -> f64 {
        match *self {
            Self::Constant(value) => f64::from(u8::from(value < x)),
            Self::Uniform { min, span } if span > 0.0 => ((x - min) / span).clamp(0.0, 1.0),
            Self::Uniform { min, .. } => f64::from(u8::from(min < x)),
            Self::Exponential { mean } if x > 0.0 => 1.0 - libm::exp(-x / mean),
            Self::Exponential { .. } => 0.0,
            Self::Normal { mean, stddev } if stddev > 0.0 => 0.5 * libm::erfc((mean - x) / (stddev * std::f64::consts::SQRT_2)),
            Self::Normal { mean, .. } => f64::from(u8::from(mean < x)),
        }
    }

    /// The greatest value that can come out, if there is one.
    pub(super) fn greatest(&self) -> Option<f64> {
        match *self {
            Self::Constant(value) => Some(value),
            Self::Uniform { min, span } => Some(min + span),
            Self::Exponential { mean } => (mean == 0.0).then_some(0.0),
            Self::Normal { mean, stddev } => (stddev == 0.0).then_some(mean),
        }
    }

    /// The only value that can come out, if there is but one.
    pub(super) fn only(&self) -> Option<f64> {
        match *self {
            Self::Constant(value) => Some(value),
            Self::Uniform { min, span } => (span == 0.0).then_some(min),
            Self::Exponential { mean } => (mean == 0.0).then_some(0.0),
            Self::Normal { mean, stddev } => (stddev == 0.0).then_some(mean),
        }
    }

    /// A wait in nanoseconds; what is negative does not wait.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates: below zero is no wait, beyond the range is for ever"
    )]
    pub(super) fn draw_nanos(&self, draw: &mut Draw) -> u64 {
        (self.draw(draw) * 1e9 + 0.5) as u64
    }

    /// A length: truncated, at least 0.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    pub(super) fn draw_length(&self, draw: &mut Draw) -> usize {
        (self.draw(draw) as usize).min(crate::limits::DRAWN_LENGTH)
    }
}

/// Marsaglia's polar method; the second value is thrown away, so that a draw has no memory.
fn standard_normal(draw: &mut Draw) -> f64 {
    loop {
        let u = 2.0 * draw.unit() - 1.0;
        let v = 2.0 * draw.unit() - 1.0;
        let s = u * u + v * v;
        if s > 0.0 && s < 1.0 {
            return u * libm::sqrt(-2.0 * libm::log(s) / s);
        }
    }
}

/// An integer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Integer {
    Constant(i64),
    /// Each of `count` integers from `min` on, equally likely.
    Uniform {
        min: i64,
        count: u64,
    },
    /// A real number, truncated towards zero.
    Truncated(Real),
}

impl Integer {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    pub(super) fn draw(&self, draw: &mut Draw) -> i64 {
        match *self {
            Self::Constant(value) => value,
            Self::Uniform { min, count } => min.wrapping_add_unsigned(draw.below(count)),
            Self::Truncated(ref real) => real.draw(draw) as i64,
        }
    }

    /// How many values can come out, if that is known.
    pub(super) fn support(&self) -> Option<u64> {
        match *self {
            Self::Constant(_) => Some(1),
            Self::Uniform { count, .. } => Some(count),
            Self::Truncated(ref real) => real.only().map(|_| 1),
        }
    }
}

/// An index below a fixed number: a real number truncated and clamped, as a table.
///
/// The probabilities are known when the table is made, so a draw is one word and one look-up (Walker's alias method, in
/// Vose's form), whatever the distribution.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Index {
    Fixed(u32),
    Even(u32),
    Table(Box<[Cell]>),
}

/// One column of an alias table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    /// Part of the column that is its own, of 2^64.
    own: u64,
    /// Who has the rest.
    other: u32,
}

impl Index {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the high half is below the table's length, the low half is wanted")]
    pub(super) fn draw(&self, draw: &mut Draw) -> u32 {
        match self {
            Self::Fixed(index) => *index,
            Self::Even(n) => draw.below(u64::from(*n)) as u32,
            Self::Table(cells) => {
                let product = u128::from(draw.word()) * cells.len() as u128;
                let column = (product >> 64) as usize;
                let cell = cells[column];
                if (product as u64) < cell.own { column as u32 } else { cell.other }
            }
        }
    }

    /// The index of one of `n` values: `real` truncated towards zero and clamped to [0, n-1]. `n` is at least 1.
    pub(super) fn clamped(real: &Real, n: usize) -> Self {
        let below: Vec<f64> = (1..n).map(|i| real.below(cast(i))).chain([1.0]).collect();
        let shares = below.iter().scan(0.0, |before, &upto| Some((upto - std::mem::replace(before, upto)).max(0.0)));
        Self::weighted(&shares.collect::<Vec<_>>())
    }

    /// An index with these weights, which are not negative and not all zero.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates; tables are shorter than 2^32")]
    pub(super) fn weighted(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mut likely = weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0);
        if let (Some((only, _)), None) = (likely.next(), likely.next()) {
            return Self::Fixed(only as u32);
        }
        if weights.iter().all(|weight| (weight / total * cast(weights.len()) - 1.0).abs() < 1e-12) {
            return Self::Even(weights.len() as u32);
        }
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight / total * cast(weights.len())).collect();
        // A column that is never given away stays whole: its own index either way.
        let mut cells: Vec<Cell> = (0..weights.len() as u32).map(|own| Cell { own: u64::MAX, other: own }).collect();
        let (mut poor, mut rich): (Vec<usize>, Vec<usize>) = (0..weights.len()).partition(|&i| shares[i] < 1.0);
        while let (Some(&giver), Some(taker)) = (rich.last(), poor.pop()) {
            cells[taker] = Cell { own: (shares[taker] * 18_446_744_073_709_551_616.0) as u64, other: giver as u32 };
            shares[giver] -= 1.0 - shares[taker];
            if shares[giver] < 1.0 {
                rich.pop();
                poor.push(giver);
            }
        }
        Self::Table(cells.into())
    }
}

#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^53")]
fn cast(n: usize) -> f64 {
    n as f64
}

/// True with a fixed probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const NEVER: Self = Self(0);

    /// A share from 0 to 1.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    pub(super) fn of(share: f64) -> Self {
        Self((share * 18_446_744_073_709_551_616.0) as u64)
    }

    #[inline]
    pub(super) fn is_never(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(super) fn happens(self, word: u64) -> bool {
        word < self.0 || self.0 == u64::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{FieldId, SeedKey};

    fn draws(n: u64) -> impl Iterator<Item = Draw> {
        (0..n).map(|i| SeedKey::new(5).entity(0).step(i).draw(FieldId::ROOT))
    }

    /// Shares of the indexes over many draws, against the exact ones.
    fn check_index(real: &Real, n: usize, exact: &[f64]) {
        let index = Index::clamped(real, n);
        let mut counts = vec![0u32; n];
        draws(200_000).for_each(|mut draw| counts[index.draw(&mut draw) as usize] += 1);
        for (count, exact) in counts.iter().zip(exact) {
            let share = f64::from(*count) / 200_000.0;
            assert!((share - exact).abs() < 0.0045, "{share} instead of {exact} in {counts:?} of {real:?}");
        }
    }

    #[test]
    fn an_index_has_the_probabilities_of_the_truncated_draw() {
        check_index(&Real::Exponential { mean: 2.0 }, 4, &[0.3935, 0.2387, 0.1447, 0.2231]);
        check_index(&Real::Normal { mean: 3.0, stddev: 2.0 }, 8, &[0.1587, 0.1499, 0.1915, 0.1915, 0.1499, 0.0918, 0.0441, 0.0228]);
        check_index(&Real::Uniform { min: 0.0, span: 100.0 }, 3, &[0.01, 0.01, 0.98]);
        check_index(&Real::Uniform { min: -2.0, span: 4.0 }, 2, &[0.75, 0.25]);
        assert_eq!(Index::clamped(&Real::Constant(-4.0), 3), Index::Fixed(0));
        assert_eq!(Index::clamped(&Real::Constant(1.9), 3), Index::Fixed(1));
        assert_eq!(Index::clamped(&Real::Constant(99.0), 3), Index::Fixed(2));
        assert_eq!(Index::clamped(&Real::Uniform { min: 0.0, span: 7.0 }, 7), Index::Even(7));
    }

    #[test]
    fn real_draws_have_their_moments() {
        let moments = |real: &Real| {
            let values: Vec<f64> = draws(100_000).map(|mut draw| real.draw(&mut draw)).collect();
            let mean = values.iter().sum::<f64>() / 1e5;
            (mean, libm::sqrt(values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / 1e5))
        };
        for (real, mean, deviation) in [
            (Real::Normal { mean: 10.0, stddev: 3.0 }, 10.0, 3.0),
            (Real::Exponential { mean: 4.0 }, 4.0, 4.0),
            (Real::Uniform { min: -1.0, span: 2.0 }, 0.0, 0.577),
        ] {
            let (got_mean, got_deviation) = moments(&real);
            assert!((got_mean - mean).abs() < 0.06 && (got_deviation - deviation).abs() < 0.06, "{real:?}: {got_mean} ± {got_deviation}");
        }
    }

    #[test]
    fn waits_are_whole_nanoseconds_and_never_negative() {
        let nanos = |seconds| Real::Constant(seconds).draw_nanos(&mut SeedKey::new(0).entity(0).step(0).draw(FieldId::ROOT));
        assert_eq!((nanos(0.1), nanos(-3.0), nanos(5.0), nanos(1e300)), (100_000_000, 0, 5_000_000_000, u64::MAX));
    }

    #[test]
    fn chances_of_nothing_and_everything_are_certain() {
        assert!(!Chance::of(0.0).happens(0) && Chance::of(1.0).happens(u64::MAX));
    }
}
