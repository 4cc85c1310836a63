//! Spans of time as people set them.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A span that cannot be used; the message says what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {wanted}")]
pub struct BadSpan {
    /// What was given.
    text: String,
    /// What was wanted.
    wanted: &'static str,
}

/// The shortest period that a worker can keep up with, and the longest after which one would still speak of a heartbeat.
const PERIODS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);

/// How long nothing may be heard of a run: shorter is a pause, longer is no test.
pub(super) const IDLES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 86_400);

/// Reads the time between two heartbeats.
///
/// # Errors
/// When it is none, or not from 100 ms to an hour, or has a part of a millisecond.
pub fn parse_period(text: &str) -> Result<Duration, BadSpan> {
    within(text, &PERIODS, "a time from 100ms to 1h in whole milliseconds, such as 500ms, 15s or 1m")
}

/// Reads how long nothing may be heard of a run.
///
/// # Errors
/// When it is none, or not from a second to thirty days, or has a part of a millisecond.
pub fn parse_idle(text: &str) -> Result<Duration, BadSpan> {
    within(text, &IDLES, "a time from 1s to 30d in whole milliseconds, such as 60s, 5m or 1d")
}

fn within(text: &str, bounds: &RangeInclusive<Duration>, wanted: &'static str) -> Result<Duration, BadSpan> {
    let fits = |span: &Duration| bounds.contains(span) && span.subsec_nanos().is_multiple_of(1_000_000);
    span(text).filter(fits).ok_or_else(|| BadSpan { text: text.chars().take(64).collect(), wanted })
}

/// A number and a unit right behind it: `500ms`, `15s`, `1.5m`, `2h`, `1d`.
pub(super) fn span(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = number.parse().ok().filter(|_| plain)?;
    Duration::try_from_secs_f64(number * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        for (text, millis) in
            [("500ms", 500), ("15s", 15_000), ("1.5m", 90_000), ("2h", 7_200_000), ("1d", 86_400_000), (" 1s ", 1000), ("0s", 0)]
        {
            assert_eq!(span(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "15", "s", "-1s", "1e3s", "+1s", "1 s", "1S", "1w", "1s1", "infs", "NaNs", "1..5s"] {
            assert_eq!(span(text), None, "{text:?}");
        }
        assert_eq!(span(&format!("{}d", "9".repeat(300))), None);
    }

    #[test]
    fn periods_are_numbers_with_a_unit() {
        for (text, millis) in [("100ms", 100), ("500ms", 500), ("1500ms", 1500), ("15s", 15_000), ("1m", 60_000), ("1h", 3_600_000)] {
            assert_eq!(parse_period(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_period_is_refused_with_what_would_be() {
        for text in
            ["", "15", "15 s", "s", "99ms", "0s", "-15s", "1.0005s", "15e0s", "61m", "2h", "1d", "15sec", "100000us", "15fs", "1000000ns"]
        {
            assert!(parse_period(text).is_err(), "{text}");
        }
        assert!(parse_period("15").unwrap_err().to_string().contains("such as 500ms"));
    }

    #[test]
    fn idle_times_may_be_long() {
        for (text, seconds) in [("1s", 1), ("5m", 300), ("1d", 86_400), ("30d", 30 * 86_400)] {
            assert_eq!(parse_idle(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["500ms", "31d", "9999999999999999999d", "forever"] {
            assert!(parse_idle(text).is_err(), "{text}");
        }
    }
}
