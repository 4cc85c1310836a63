//! Sample rates, exactly: which moment an element has, and which element a moment.

use std::fmt;
use std::iter;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits;

const NANOS: u64 = 1_000_000_000;
const NANOS_SQUARED: u64 = NANOS * NANOS;

/// Samples a second, as an exact decimal.
///
/// Floating-point numbers would put markers a nanosecond early at many rates; so a rate counts as the decimal it was written as (0.1 is a
/// tenth, and not the nearest `f64`), and all arithmetic is that of integers. A rate lies between 1e-9 and 1e9 and has nine decimals at
/// most, for which 128 bits are enough, whatever the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SampleRate {
    /// Samples in 10^9 seconds.
    per_giga_second: u64,
    /// Nanoseconds between two samples, as a reduced fraction: small numbers at most rates, so that 64 bits do for most indices.
    period: (u64, u64),
}

/// Why something is no sample rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotASampleRate {
    /// It is no decimal number.
    #[error("a sample rate must be a number, such as 44100, not {0:?}")]
    NotANumber(String),
    /// It is zero, negative, not finite, or too great.
    #[error("a sample rate must be greater than 0 and at most {most}, not {0}", most = limits::SAMPLE_RATE)]
    OutOfBounds(String),
    /// It has too many decimals.
    #[error("a sample rate must have at most {most} decimals, not as many as {0}", most = limits::SAMPLE_RATE_DECIMALS)]
    TooFine(String),
}

impl SampleRate {
    /// The rate that the shortest decimal for this number says.
    ///
    /// # Errors
    /// When it is not greater than zero, greater than 1e9, or has more than nine decimals.
    pub fn from_f64(rate: f64) -> Result<Self, NotASampleRate> {
        #[expect(clippy::cast_precision_loss, reason = "the bound is a power of ten that fits exactly")]
        let most = limits::SAMPLE_RATE as f64;
        if !(rate > 0.0 && rate <= most) {
            return Err(NotASampleRate::OutOfBounds(format!("{rate:?}")));
        }
        // `Display` gives the shortest digits that say this number, and never an exponent.
        let text = rate.to_string();
        let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
        if decimals.len() > limits::SAMPLE_RATE_DECIMALS {
            return Err(NotASampleRate::TooFine(format!("{rate:?}")));
        }
        let digits = format!("{whole}{decimals:0<width$}", width = limits::SAMPLE_RATE_DECIMALS);
        let per_giga_second = digits.parse().map_err(|_| NotASampleRate::NotANumber(text))?;
        let divisor = greatest_common_divisor(NANOS_SQUARED, per_giga_second);
        Ok(Self { per_giga_second, period: (NANOS_SQUARED / divisor, per_giga_second / divisor) })
    }

    /// The number that [`Self::from_f64`] was given.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "checked to fit")]
    pub fn as_f64(self) -> f64 {
        if self.per_giga_second.is_multiple_of(NANOS) {
            return (self.per_giga_second / NANOS) as f64;
        }
        if self.per_giga_second < 1 << f64::MANTISSA_DIGITS {
            return self.per_giga_second as f64 / NANOS as f64;
        }
        self.to_string().parse().expect("a decimal number")
    }

    /// Whole samples a second.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a rate is at most 1e9")]
    pub const fn whole_hertz(self) -> u32 {
        (self.per_giga_second / NANOS) as u32
    }

    /// The rate as a reduced fraction: samples, and the seconds they take.
    #[must_use]
    pub const fn fraction(self) -> (u64, u64) {
        let divisor = greatest_common_divisor(self.per_giga_second, NANOS);
        (self.per_giga_second / divisor, NANOS / divisor)
    }

    /// Nanoseconds between two samples, as a reduced fraction: nanoseconds, and the samples they hold.
    #[must_use]
    pub const fn period(self) -> (u64, u64) {
        self.period
    }

    /// The moment of an element in nanoseconds, rounded down; `i64::MAX` for all that are later.
    #[must_use]
    pub fn marker(self, index: u64) -> i64 {
        let (nanos, samples) = self.period;
        let marker = match index.checked_mul(nanos) {
            Some(product) => u128::from(product / samples),
            None => u128::from(index) * u128::from(nanos) / u128::from(samples),
        };
        i64::try_from(marker).unwrap_or(i64::MAX)
    }

    /// The moments of all elements from `first` on, as [`Self::marker`] tells them, without a division for each.
    pub fn markers(self, first: u64) -> impl Iterator<Item = i64> {
        let (nanos, samples) = self.period;
        let (step, step_rest) = (i64::try_from(nanos / samples).unwrap_or(i64::MAX), nanos % samples);
        let mut marker = self.marker(first);
        let mut rest = (u128::from(first) * u128::from(nanos) % u128::from(samples)) as u64;
        iter::repeat_with(move || {
            let this = marker;
            rest += step_rest;
            let carry = rest >= samples;
            if carry {
                rest -= samples;
            }
            marker = marker.saturating_add(step).saturating_add(i64::from(carry));
            this
        })
    }

    /// The first element whose marker is this one or a later one.
    #[must_use]
    pub fn first_at(self, marker: i64) -> u64 {
        // marker(i) >= m says i * nanos / samples >= m, because m is whole: the least such i is this quotient rounded up.
        self.quotient(marker, |product, nanos| product.div_ceil(nanos))
    }

    /// How many samples there are in a span, rounded down; none in a negative one.
    #[must_use]
    pub fn samples_in(self, nanos: i64) -> u64 {
        self.quotient(nanos, |product, nanos| product / nanos)
    }

    /// `span * rate`, rounded by `divide`; zero for a negative span.
    fn quotient(self, span: i64, divide: fn(u128, u128) -> u128) -> u64 {
        let (nanos, samples) = self.period;
        let product = u128::from(u64::try_from(span).unwrap_or(0)) * u128::from(samples);
        u64::try_from(divide(product, u128::from(nanos))).expect("at most 2^63 nanoseconds at one sample each")
    }
}

const fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl FromStr for SampleRate {
    type Err = NotASampleRate;

    /// Reads a decimal number, with or without an exponent.
    fn from_str(text: &str) -> Result<Self, NotASampleRate> {
        let refused = || NotASampleRate::NotANumber(text.chars().take(64).collect());
        // What `f64` reads beyond digits are names of numbers that are not finite.
        if !text.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte)) {
            return Err(refused());
        }
        Self::from_f64(text.parse().map_err(|_| refused())?)
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.per_giga_second / NANOS, self.per_giga_second % NANOS);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{rest:0width$}", width = limits::SAMPLE_RATE_DECIMALS);
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl Serialize for SampleRate {
    /// As a number: `44100`, and `0.5`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.per_giga_second % NANOS {
            0 => serializer.serialize_u64(self.per_giga_second / NANOS),
            _ => serializer.serialize_f64(self.as_f64()),
        }
    }
}

impl<'de> Deserialize<'de> for SampleRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_f64(f64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
