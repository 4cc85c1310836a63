//! Times of a window and times to live, as requests give them.
//!
//! Timestamps are milliseconds since 1970 (UTC), signed.

use serde_json::{Number, Value as Json};

use super::quoted::Quoted;

/// A text that is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// It is written in another way.
    #[error("{0} is not a time: it must be a number of milliseconds since 1970, or now, perhaps with terms such as -1h or +30m")]
    Form(Quoted),
    /// It lies beyond what a timestamp holds.
    #[error("{0} lies beyond the last timestamp, {last}", last = i64::MAX)]
    Range(Quoted),
}

/// A moment of a window: digits are milliseconds; `now` is the current time cut to whole seconds, and terms such as `-1d` or
/// `+30m` may follow it. Units are `s`, `m`, `h` and `d`. `now` is given in milliseconds.
///
/// The result is negative where terms lead before 1970.
///
/// # Errors
/// When the text is written otherwise, or a part or the result of it does not fit a timestamp.
pub fn parse_time(text: &str, now: i64) -> Result<i64, TimeError> {
    let form = || TimeError::Form(Quoted::new(text));
    let range = || TimeError::Range(Quoted::new(text));
    let Some(mut terms) = text.strip_prefix("now") else {
        let (digits, rest) = split_digits(text);
        if digits.is_empty() || !rest.is_empty() {
            return Err(form());
        }
        return digits.parse().map_err(|_| range());
    };
    let mut moment = now.checked_sub(now.rem_euclid(1000)).ok_or_else(range)?;
    while let Some(sign) = terms.chars().next() {
        let (digits, rest) = split_digits(&terms[sign.len_utf8()..]);
        let unit: i64 = match rest.as_bytes().first() {
            Some(b's') => 1000,
            Some(b'm') => 60 * 1000,
            Some(b'h') => 60 * 60 * 1000,
            Some(b'd') => 24 * 60 * 60 * 1000,
            _ => return Err(form()),
        };
        if digits.is_empty() || !matches!(sign, '+' | '-') {
            return Err(form());
        }
        let step = digits.parse().ok().and_then(|count: i64| count.checked_mul(unit)).ok_or_else(range)?;
        let moved = if sign == '+' { moment.checked_add(step) } else { moment.checked_sub(step) };
        moment = moved.ok_or_else(range)?;
        terms = &rest[1..];
    }
    Ok(moment)
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// How long an event can be read, in milliseconds: never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(i64);

/// A JSON value that is not a time to live.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TtlError {
    /// It is less than zero.
    #[error("ttl must not be negative, and is {0}")]
    Negative(Number),
    /// It has a fraction.
    #[error("ttl must be a whole number of seconds, and is {0}")]
    Fraction(Number),
    /// It is not a number.
    #[error("ttl must be a whole number of seconds, and is {0}")]
    Kind(&'static str),
}

impl Ttl {
    /// Nothing expires.
    pub const INFINITE: Self = Self(i64::MAX);

    /// This many seconds; infinite where their milliseconds do not fit.
    #[must_use]
    pub fn from_seconds(seconds: u64) -> Self {
        Self(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000))
    }

    /// A JSON number of seconds. It must be whole, which `86400.0` is, and may be of any size.
    ///
    /// # Errors
    /// For everything else. The message contains the number.
    pub fn from_json(value: &Json) -> Result<Self, TtlError> {
        let number = match value {
            Json::Number(number) => number,
            Json::Null => return Err(TtlError::Kind("null")),
            Json::Bool(_) => return Err(TtlError::Kind("a boolean")),
            Json::String(_) => return Err(TtlError::Kind("a string")),
            Json::Array(_) => return Err(TtlError::Kind("an array")),
            Json::Object(_) => return Err(TtlError::Kind("an object")),
        };
        if let Some(seconds) = number.as_u64() {
            return Ok(Self::from_seconds(seconds));
        }
        // What is left is negative, or was read as a float: a fraction, or more digits than an integer of 64 bits has.
        match number.as_f64() {
            Some(seconds) if seconds < 0.0 => Err(TtlError::Negative(number.clone())),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and the cast saturates")]
            Some(seconds) if seconds.fract() == 0.0 => Ok(Self::from_seconds(seconds as u64)),
            _ => Err(TtlError::Fraction(number.clone())),
        }
    }

    /// The whole seconds of it; 9223372036854775 when infinite.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0.unsigned_abs() / 1000
    }

    /// The milliseconds of it; 2^63-1 when infinite.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The first timestamp that has not expired at `now`, both in milliseconds: an event exactly as old as its time to live is
    /// still alive. `None` when everything has expired, which is what a time to live of zero means.
    #[must_use]
    pub const fn first_alive(&self, now: i64) -> Option<i64> {
        match self.0 {
            0 => None,
            i64::MAX => Some(i64::MIN),
            ttl => Some(now.saturating_sub(ttl)),
        }
    }
}

impl Default for Ttl {
    fn default() -> Self {
        Self::INFINITE
    }
}

/// What a read asks for: the first `limit` events with `start` <= timestamp < `end`, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Included; not negative.
    pub start: i64,
    /// Excluded; greater than `start`.
    pub end: i64,
    /// From 1 to [`Window::MOST`].
    pub limit: u64,
    /// Events of the window that are passed over first. So a reader goes on within a millisecond: from the last timestamp, past as
    /// many events of it as were read.
    pub skip: u64,
}

/// A window that cannot be read; the first mistake in the order of the variants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// `start` is no time.
    #[error("start: {0}")]
    Start(TimeError),
    /// `end` is no time.
    #[error("end: {0}")]
    End(TimeError),
    /// `limit` is no number, or too large a one.
    #[error("limit: {0} is not a number from 1 to {most}", most = Window::MOST)]
    Limit(Quoted),
    /// `skip` is no number.
    #[error("skip: {0} is not a whole number")]
    Skip(Quoted),
    /// `start` lies before 1970.
    #[error("start must not lie before 1970, and is {0} ms")]
    NegativeStart(i64),
    /// `end` lies before 1970.
    #[error("end must not lie before 1970, and is {0} ms")]
    NegativeEnd(i64),
    /// The window is empty.
    #[error("start must lie before end, and they are {start} and {end} ms")]
    Empty {
        /// The start, in milliseconds.
        start: i64,
        /// The end, in milliseconds.
        end: i64,
    },
    /// `limit` is zero or negative.
    #[error("limit must be at least 1, and is {0}")]
    LimitTooSmall(i64),
}

impl Window {
    /// The most events of one read, and how many it gets when it does not say.
    pub const MOST: u64 = 2_147_483_647;

    /// This window without its first events, as the parameter `skip` says.
    ///
    /// # Errors
    /// When it is no whole number.
    pub fn skipping(self, skip: Option<&str>) -> Result<Self, WindowError> {
        match skip.map(|text| text.parse().map_err(|_| WindowError::Skip(Quoted::new(text)))).transpose()? {
            Some(skip) => Ok(Self { skip, ..self }),
            None => Ok(self),
        }
    }

    /// Reads the parameters of a request that came at `now` (ms). Without a `start` the window begins in 1970, without an `end`
    /// it does not end.
    ///
    /// # Errors
    /// For the first mistake: the form of each parameter before what their values mean.
    pub fn parse(start: Option<&str>, end: Option<&str>, limit: Option<&str>, now: i64) -> Result<Self, WindowError> {
        let start = start.map_or(Ok(0), |text| parse_time(text, now)).map_err(WindowError::Start)?;
        let end = end.map_or(Ok(i64::MAX), |text| parse_time(text, now)).map_err(WindowError::End)?;
        let limit = match limit {
            None => Self::MOST.cast_signed(),
            Some(text) => parse_limit(text).ok_or_else(|| WindowError::Limit(Quoted::new(text)))?,
        };
        if start < 0 {
            return Err(WindowError::NegativeStart(start));
        }
        if end < 0 {
            return Err(WindowError::NegativeEnd(end));
        }
        if start >= end {
            return Err(WindowError::Empty { start, end });
        }
        match u64::try_from(limit) {
            Ok(limit) if limit > 0 => Ok(Self { start, end, limit, skip: 0 }),
            _ => Err(WindowError::LimitTooSmall(limit)),
        }
    }
}

fn parse_limit(text: &str) -> Option<i64> {
    let limit = text.parse().ok().filter(|_| !text.starts_with('+'))?;
    (limit <= Window::MOST.cast_signed()).then_some(limit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const HOUR: i64 = 3_600_000;
    const NOW: i64 = 1_407_806_944_181;
    const NOW_CUT: i64 = 1_407_806_944_000;

    #[test]
    fn times_are_milliseconds_or_relative_to_the_second() {
        for (text, wanted) in [
            ("0", 0),
            ("007", 7),
            ("1407806944181", NOW),
            ("9223372036854775807", i64::MAX),
            ("now", NOW_CUT),
            ("now-1h", NOW_CUT - HOUR),
            ("now-1d+4h", NOW_CUT - 20 * HOUR),
            ("now+90s-1m", NOW_CUT + 30_000),
            ("now-0s", NOW_CUT),
            ("now-100000d", NOW_CUT - 2_400_000 * HOUR),
        ] {
            assert_eq!(parse_time(text, NOW), Ok(wanted), "{text}");
        }
        assert_eq!(parse_time("now", -1), Ok(-1000));
    }

    #[test]
    fn other_texts_are_no_times() {
        let more =
            ["now-", "now1h", "now-h", "now-1", "now-1w", "now-1hh", "now--1h", "now-1.5h", "now-1h ", "nowé1h", "now-1é", "٣", "+5"];
        for text in ["", "-1", "1.5", "abc", "now -1h", "now-6h 30m", "NOW", "now-1H", " now", "1e3", "0x10"].into_iter().chain(more) {
            assert_eq!(parse_time(text, NOW), Err(TimeError::Form(Quoted::new(text))), "{text}");
        }
        for text in ["9223372036854775808", "now+9223372036854775807s", "now+99999999999999999999s", "now+106751991167d"] {
            assert_eq!(parse_time(text, NOW), Err(TimeError::Range(Quoted::new(text))), "{text}");
        }
        assert!(parse_time("now", i64::MIN).is_err());
    }

    #[test]
    fn messages_name_what_was_sent_and_stay_short() {
        let message = Window::parse(Some("a\nb"), None, None, NOW).unwrap_err().to_string();
        assert!(message.starts_with(r#"start: "a\nb" is not a time"#), "{message}");
        assert!(parse_time(&"é".repeat(100_000), NOW).unwrap_err().to_string().len() < 400);
    }

    #[test]
    fn a_window_has_defaults() {
        let window = Window::parse(None, None, None, NOW).unwrap();
        assert_eq!(window, Window { start: 0, end: i64::MAX, limit: Window::MOST, skip: 0 });
        let window = Window::parse(Some("now-1h"), Some("now-30m"), Some("1"), NOW).unwrap();
        assert_eq!(window, Window { start: NOW_CUT - HOUR, end: NOW_CUT - HOUR / 2, limit: 1, skip: 0 });
    }

    #[test]
    fn the_first_mistake_of_a_window_is_reported() {
        let parse = |start, end, limit| Window::parse(Some(start), Some(end), Some(limit), NOW).unwrap_err();
        assert!(matches!(parse("x", "x", "x"), WindowError::Start(_)));
        assert!(matches!(parse("5", "-1", "x"), WindowError::End(_)));
        for limit in ["", "abc", "1.0", "+1", " 1", "2147483648", "99999999999999999999"] {
            assert!(matches!(parse("5", "5", limit), WindowError::Limit(_)), "{limit}");
        }
        assert!(matches!(parse("now-99999d", "now-99999d", "0"), WindowError::NegativeStart(_)));
        assert!(matches!(parse("5", "now-99999d", "0"), WindowError::NegativeEnd(_)));
        assert_eq!(parse("5", "5", "0"), WindowError::Empty { start: 5, end: 5 });
        assert_eq!(parse("10", "5", "0"), WindowError::Empty { start: 10, end: 5 });
        assert_eq!(parse("5", "6", "0"), WindowError::LimitTooSmall(0));
        assert_eq!(parse("5", "6", "-1"), WindowError::LimitTooSmall(-1));
    }

    #[test]
    fn the_greatest_ttl_reads_back_as_it_does_everywhere() {
        for text in ["9223372036854775", "9223372036854776", "9223372036854775807", "9223372036854775808", "18446744073709551616"] {
            let ttl = Ttl::from_json(&serde_json::from_str(text).unwrap()).unwrap();
            assert_eq!(ttl.seconds(), 9_223_372_036_854_775, "{text}");
        }
        let digits = serde_json::from_str("1000000000000000000000000000000").unwrap();
        assert_eq!(Ttl::from_json(&digits), Ok(Ttl::INFINITE));
        assert_eq!(Ttl::INFINITE.seconds(), 9_223_372_036_854_775);
    }

    #[test]
    fn a_ttl_is_a_whole_number() {
        for (value, wanted) in [(json!(0), 0), (json!(86400), 86400), (json!(86400.0), 86400), (json!(-0.0), 0)] {
            assert_eq!(Ttl::from_json(&value).unwrap().seconds(), wanted, "{value}");
        }
        for (value, part) in [
            (json!(-1), "negative, and is -1"),
            (json!(i64::MIN), "negative, and is -9223372036854775808"),
            (json!(-1e30), "negative, and is -1e+30"),
            (json!(1.5), "whole number of seconds, and is 1.5"),
            (json!(null), "and is null"),
            (json!(true), "and is a boolean"),
            (json!("5"), "and is a string"),
            (json!([5]), "and is an array"),
            (json!({}), "and is an object"),
        ] {
            let message = Ttl::from_json(&value).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn an_event_as_old_as_its_ttl_is_alive() {
        assert_eq!(Ttl::from_seconds(5).first_alive(NOW), Some(NOW - 5000));
        assert_eq!(Ttl::from_seconds(0).first_alive(NOW), None);
        assert_eq!(Ttl::INFINITE.first_alive(NOW), Some(i64::MIN));
    }

    proptest! {
        #[test]
        fn a_ttl_is_cut_to_seconds_and_saturates(seconds: u64) {
            let ttl = Ttl::from_seconds(seconds);
            prop_assert_eq!(ttl.seconds(), seconds.min(9_223_372_036_854_775));
            prop_assert_eq!(u128::try_from(ttl.as_millis()), Ok((u128::from(seconds) * 1000).min(i64::MAX as u128)));
            prop_assert_eq!(Ttl::from_json(&json!(seconds)), Ok(ttl));
            prop_assert_eq!(Ttl::from_seconds(ttl.seconds()).seconds(), ttl.seconds());
        }

        #[test]
        fn the_first_that_is_alive_parts_the_living_from_the_expired(seconds in 1u64..1 << 50, now in 0..i64::MAX, age in 0..i64::MAX) {
            let ttl = Ttl::from_seconds(seconds);
            let alive = ttl.first_alive(now).is_some_and(|first| now - age >= first);
            prop_assert_eq!(alive, age <= ttl.as_millis());
        }

        #[test]
        fn a_longer_ttl_keeps_more(one: u64, other: u64, now: i64) {
            let [short, long] = [one.min(other), one.max(other)].map(|seconds| Ttl::from_seconds(seconds).first_alive(now));
            prop_assert!(long.unwrap_or(i64::MAX) <= short.unwrap_or(i64::MAX));
        }

        #[test]
        fn no_text_upsets_the_clock(text in "(now)?([+-]?[0-9]{0,20}[smhd]?){0,4}|\\PC*", now: i64) {
            if let Ok(moment) = parse_time(&text, now) && text.starts_with("now") {
                prop_assert_eq!(moment % 1000, 0);
            }
        }
    }
}
