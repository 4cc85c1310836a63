//! Spans of time as device models write them: the text of .NET's `TimeSpan`.

use std::fmt;

use super::model::Interval;

const TICKS_PER_SECOND: i64 = 10_000_000;
const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;

/// Most days of an interval: 2^63 units of 100 nanoseconds hold no more.
const MOST_DAYS: i64 = 10_675_198;

/// A text that is no interval; the message says what one looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    /// It has not the form.
    #[error("must be an interval such as 00:00:10, or 1.06:00:00 for a day and six hours")]
    Form,
    /// A bare number, which elsewhere counts as days.
    #[error("is a bare number; an interval of days is written as in 2.00:00:00")]
    BareNumber,
    /// More hours than a day has, which elsewhere count as days.
    #[error("has more than 23 hours; a day is written as 1.00:00:00")]
    Hours,
    /// More minutes or seconds than there are.
    #[error("has more than 59 minutes or seconds")]
    Sixty,
}

impl Interval {
    /// Reads `[-][d.]hh:mm[:ss[.fffffff]]`.
    ///
    /// Hours above 23 and bare numbers are refused: where this form comes from both are days, which nobody means who writes them.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, IntervalError> {
        use IntervalError::{BareNumber, Form, Hours, Sixty};
        let text = text.trim();
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let mut parts = rest.split(':');
        let first = parts.next().unwrap_or_default();
        let Some(minutes) = parts.next() else {
            return Err(if number(rest, 20).is_some() { BareNumber } else { Form });
        };
        let (days, hours) = match first.split_once('.') {
            Some((days, hours)) => (number(days, 8).ok_or(Form)?, hours),
            None => (0, first),
        };
        let (hours, minutes) = (number(hours, 8).ok_or(Form)?, number(minutes, 2).ok_or(Form)?);
        let (seconds, fraction) = match parts.next().map(|seconds| seconds.split_once('.').unwrap_or((seconds, "0"))) {
            Some((seconds, fraction)) => (number(seconds, 2).ok_or(Form)?, fraction),
            None => (0, "0"),
        };
        if parts.next().is_some() || days > MOST_DAYS {
            return Err(Form);
        }
        if hours > 23 {
            return Err(Hours);
        }
        if minutes > 59 || seconds > 59 {
            return Err(Sixty);
        }
        let digits = u32::try_from(fraction.len()).ok().filter(|digits| (1..=7).contains(digits)).ok_or(Form)?;
        let fraction = number(fraction, 7).ok_or(Form)? * 10_i64.pow(7 - digits);
        let ticks = days * TICKS_PER_DAY + ((hours * 60 + minutes) * 60 + seconds) * TICKS_PER_SECOND + fraction;
        Ok(Self(if negative { -ticks } else { ticks }))
    }
}

/// A number of 1 to `most` digits.
fn number(text: &str, most: usize) -> Option<i64> {
    let is_number = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(i64::MAX))
}

impl fmt::Display for Interval {
    /// The constant form: `[-][d.]hh:mm:ss[.fffffff]`, with a fraction of seven digits, if any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_second = TICKS_PER_SECOND.unsigned_abs();
        let ticks = self.0.unsigned_abs();
        let (days, within) = (ticks / TICKS_PER_DAY.unsigned_abs(), ticks % TICKS_PER_DAY.unsigned_abs());
        let (seconds, fraction) = (within / per_second, within % per_second);
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if days > 0 {
            write!(f, "{days}.")?;
        }
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if fraction > 0 { write!(f, ".{fraction:07}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn intervals_are_shown_in_constant_form() {
        for (text, wanted) in [
            ("00:00:10", "00:00:10"),
            ("00:10", "00:10:00"),
            ("1.00:00:00", "1.00:00:00"),
            ("00:00:01.5", "00:00:01.5000000"),
            ("00:00:00.0000001", "00:00:00.0000001"),
            (" 1:2:3 ", "01:02:03"),
            ("-00:00:10", "-00:00:10"),
            ("-1.02:03:04.25", "-1.02:03:04.2500000"),
            ("0.23:59:59.9999999", "23:59:59.9999999"),
            ("-00:00:00", "00:00:00"),
            ("10675198.00:00:00", "10675198.00:00:00"),
        ] {
            assert_eq!(Interval::parse(text).map(|interval| interval.to_string()), Ok(wanted.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_interval_or_would_be_days_is_refused() {
        use IntervalError::{BareNumber, Form, Hours, Sixty};
        for (text, wanted) in [
            ("", Form),
            ("ten seconds", Form),
            ("10", BareNumber),
            ("-7", BareNumber),
            ("24:00:00", Hours),
            ("25:00", Hours),
            ("00:60:00", Sixty),
            ("00:00:60", Sixty),
            ("1:", Form),
            (":1", Form),
            ("1.:00", Form),
            ("00:00:00:00", Form),
            ("00:00:00.", Form),
            ("00:00:00.00000001", Form),
            ("+00:00:10", Form),
            ("--00:00:10", Form),
            ("1.5", Form),
            ("10675199.00:00:00", Form),
            ("99999999999999.00:00:00", Form),
            ("00:٣0", Form),
        ] {
            assert_eq!(Interval::parse(text), Err(wanted), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_the_same(ticks in -MOST_DAYS * TICKS_PER_DAY..=MOST_DAYS * TICKS_PER_DAY) {
            prop_assert_eq!(Interval::parse(&Interval(ticks).to_string()), Ok(Interval(ticks)));
        }
    }
}
