//! Time measures: spans and moments as clients of tables write them, a number and a unit with nothing between them.

use std::fmt;
use std::str::FromStr;

/// A span or a moment in nanoseconds, written `100ms` or `1.5e3s`.
///
/// ```text
/// measure = number [ "f" | "l" ] unit                        ; in letters of either case, no blanks
/// number  = [ "-" ] digits [ "." [ digits ] ] [ "e" [ "-" ] digits ]
/// unit    = "ns" | "us" | "ms" | "s" | "m" | "h" | "d"
/// ```
///
/// This is the grammar of `WaveBeans`, with its value rule: the number is read as an `f64`, its fraction is dropped (`1.9s` is one
/// second, and so is not 1900 ms), and what does not fit into 64 bits of nanoseconds becomes the greatest or the least that does.
/// The letters `f` and `l` mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TimeMeasure(i64);

/// What was given for a time measure is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a time measure: a number and, right behind it, one of ns, us, ms, s, m, h, d, as in 100ms")]
pub struct NotATimeMeasure {
    text: String,
}

/// Units with their nanoseconds, each before those whose names begin the same.
const UNITS: [(&[u8], i64); 7] = [
    (b"d", 86_400_000_000_000),
    (b"h", 3_600_000_000_000),
    (b"m", 60_000_000_000),
    (b"s", 1_000_000_000),
    (b"ms", 1_000_000),
    (b"us", 1000),
    (b"ns", 1),
];

impl TimeMeasure {
    /// So many nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// In nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The sum, or the nearest there is.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or the nearest there is.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl FromStr for TimeMeasure {
    type Err = NotATimeMeasure;

    fn from_str(text: &str) -> Result<Self, NotATimeMeasure> {
        // A refused text is repeated in the answer, so a long one is cut.
        let refused = || NotATimeMeasure { text: text.chars().take(64).collect() };
        let number = number_length(text.as_bytes()).ok_or_else(refused)?;
        let (number, rest) = text.split_at(number);
        let rest = rest.as_bytes();
        let unit = match rest {
            [b'f' | b'F' | b'l' | b'L', unit @ ..] => unit,
            unit => unit,
        };
        let (_, nanos) = UNITS.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name)).ok_or_else(refused)?;
        let number: f64 = number.parse().map_err(|_| refused())?;
        #[expect(clippy::cast_possible_truncation, reason = "dropping the fraction and clamping is the rule")]
        let whole = number as i64;
        Ok(Self(whole.saturating_mul(*nanos)))
    }
}

/// How long the number at the beginning is; `None` when there is none. An `e` that no digits follow belongs to no number, and to no unit
/// either.
fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is = |at: usize, wanted: u8| text.get(at).is_some_and(|byte| byte.eq_ignore_ascii_case(&wanted));
    let mut end = usize::from(is(0, b'-'));
    match digits(end) {
        0 => return None,
        some => end += some,
    }
    if is(end, b'.') {
        end += 1;
        end += digits(end);
    }
    if is(end, b'e') {
        end += 1;
        end += usize::from(is(end, b'-'));
        match digits(end) {
            0 => return None,
            some => end += some,
        }
    }
    Some(end)
}

impl fmt::Display for TimeMeasure {
    /// In the greatest unit of which it is a multiple. What was read from a text reads the same again; a sum of more than 2^53 may lose
    /// its last digits then, as any such number does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, nanos) = UNITS.iter().find(|(_, nanos)| self.0 != 0 && self.0 % nanos == 0).unwrap_or(&UNITS[3]);
        write!(f, "{}{}", self.0 / nanos, name.escape_ascii())
    }
}

#[cfg(test)]
mod tests;
