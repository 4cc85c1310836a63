//! The times of a replayed file.

use std::fmt;

use jiff::civil::{Date, Time};
use jiff::fmt::strtime;

use crate::datagen::calendar;

/// How a file writes its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// A decimal number of units since 1970; the unit in nanoseconds, as a power of ten.
    Count(&'static str, u32),
    /// A `strptime` pattern.
    Pattern(String),
}

impl Default for TimeFormat {
    fn default() -> Self {
        Self::Pattern("%Y-%m-%d %H:%M:%S".to_owned())
    }
}

impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(name, _) => f.write_str(name),
            Self::Pattern(pattern) => write!(f, "{pattern:?}"),
        }
    }
}

impl TimeFormat {
    /// One of the words for counts since 1970; anything else is a pattern.
    pub(super) fn from_word(word: &str) -> Self {
        match word {
            "seconds" => Self::Count("seconds", 9),
            "epoch" => Self::Count("epoch", 9),
            "posix" => Self::Count("posix", 9),
            "millis" => Self::Count("millis", 6),
            "micros" => Self::Count("micros", 3),
            "nanos" => Self::Count("nanos", 0),
            pattern => Self::Pattern(pattern.to_owned()),
        }
    }

    /// Nanoseconds since 1970.
    pub(super) fn parse(&self, text: &str) -> Option<i128> {
        match self {
            Self::Count(_, exponent) => decimal(text.trim(), *exponent),
            Self::Pattern(pattern) => by_pattern(pattern, text),
        }
    }
}

/// A decimal number times 10^`exponent`, exact; what is finer is cut off. A mantissa with an exponent is read as a double.
fn decimal(text: &str, exponent: u32) -> Option<i128> {
    if text.contains(['e', 'E']) {
        let value: f64 = text.parse().ok()?;
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        return Some(value * libm::pow(10.0, f64::from(exponent))).filter(|nanos| nanos.abs() < 1e30).map(|nanos| nanos as i128);
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) || whole.len() > 20 {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let places = exponent as usize;
    let fraction = format!("{:0<places$}", fraction.get(..places.min(fraction.len()))?);
    let fraction: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    Some(sign * (whole * 10i128.pow(exponent) + fraction))
}

/// Reads by a pattern. A part that the pattern does not name is that of 1900-01-01 00:00:00, as in Python.
fn by_pattern(pattern: &str, text: &str) -> Option<i128> {
    // Python's `%z` takes an offset with or without a colon, and `Z`.
    let offsets = if pattern.contains("%z") { &["%z", "%:z", "Z"][..] } else { &["%z"] };
    let parsed = offsets.iter().find_map(|offset| strtime::parse(pattern.replace("%z", offset), text).ok())?;
    let date = match parsed.to_date() {
        Ok(date) => date,
        Err(_) => Date::new(parsed.year().unwrap_or(1900), parsed.month().unwrap_or(1), parsed.day().unwrap_or(1)).ok()?,
    };
    let part = |part: Option<i8>| part.unwrap_or(0);
    let subsecond = parsed.subsec_nanosecond().unwrap_or(0);
    let time = Time::new(part(parsed.hour()), part(parsed.minute()), part(parsed.second()), subsecond).ok()?;
    let micros = calendar::civil_micros(date.to_datetime(time))?;
    let offset = parsed.offset().map_or(0, |offset| i128::from(offset.seconds()));
    Some((i128::from(micros) - offset * 1_000_000) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact() {
        let parse = |word: &str, text: &str| TimeFormat::from_word(word).parse(text);
        assert_eq!(parse("epoch", "1594512094.3859746"), Some(1_594_512_094_385_974_600));
        assert_eq!(parse("seconds", "-0.5"), Some(-500_000_000));
        assert_eq!(parse("millis", "1500"), Some(1_500_000_000));
        assert_eq!(parse("micros", "7"), Some(7000));
        assert_eq!(parse("nanos", "1594512094385974600"), Some(1_594_512_094_385_974_600));
        assert_eq!(parse("posix", "1.5e3"), Some(1_500_000_000_000));
        for bad in ["", "x", ".", "1.2.3", "--1", "1 2", "inf", "nan", "1e400", "1e300", "-1e300", "0x10", "123456789012345678901"] {
            assert_eq!(parse("epoch", bad), None, "{bad}");
        }
    }

    #[test]
    fn patterns_are_those_of_strptime() {
        let parse = |pattern: &str, text: &str| TimeFormat::from_word(pattern).parse(text).map(|nanos| nanos / 1_000_000);
        let wanted = Some(1_577_934_245_000); // 2020-01-02T03:04:05Z
        assert_eq!(parse("%Y-%m-%d %H:%M:%S", "2020-01-02 03:04:05"), wanted);
        assert_eq!(parse("%m/%d/%Y %I:%M:%S %p", "01/02/2020 03:04:05 AM"), wanted);
        assert_eq!(parse("%d %b %y %H:%M:%S", "02 Jan 20 03:04:05"), wanted);
        assert_eq!(parse("%B %d, %Y at %H:%M:%S %%", "January 02, 2020 at 03:04:05 %"), wanted);
        assert_eq!(parse("%Y-%j %H:%M:%S", "2020-002 03:04:05"), wanted);
        assert_eq!(parse("%Y-%m-%dT%H:%M:%S%z", "2020-01-02T05:04:05+0200"), wanted);
        assert_eq!(parse("%Y-%m-%d %H:%M:%S.%f", "2020-01-02 03:04:05.250"), wanted.map(|millis| millis + 250));
        assert_eq!(parse("%H:%M", "00:01").map(|later| later - parse("%H:%M", "00:00").unwrap()), Some(60_000));
        for text in ["2020-01-02T05:04:05+0200", "2020-01-02T05:04:05+02:00", "2020-01-02T03:04:05Z"] {
            assert_eq!(parse("%Y-%m-%dT%H:%M:%S%z", text), wanted, "{text}");
        }
        assert_eq!(parse("%M:%S", "01:02").map(|later| later - parse("%M:%S", "00:00").unwrap()), Some(62_000));
        assert_eq!(parse("%S.%f", "7.5").map(|later| later - parse("%S.%f", "0.0").unwrap()), Some(7500));
        assert_eq!(parse("%m/%d/%Y %H:%M:%S", "1/2/2020 3:04:05"), wanted);
        assert_eq!(parse("%A, %d %B %Y, %I:%M:%S %p", "thursday, 02 JANUARY 2020, 03:04:05 am"), wanted);
        for bad in ["2020-13-02", "2020-02-30", "2020-01-02 ", "", "x"] {
            assert_eq!(parse("%Y-%m-%d", bad), None, "{bad}");
        }
    }
}
