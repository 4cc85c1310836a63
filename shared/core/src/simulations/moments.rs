//! Moments as users write them: dates, and times from now; and as they are shown.

use std::fmt;

use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::DateTimeParser;

use super::Moment;
use crate::ports::Timestamp;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// The first and the last second that can be shown: those of the years 1 and 9999.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// A text that is no moment; the message says what one looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// It is neither a date nor a time from now.
    #[error("must be a date such as 2030-05-31T01:21:37Z, or NOW, or a time from now such as NOW+PT2H or NOW-P7D")]
    Form,
    /// What stands behind `NOW+` or `NOW-` is no duration.
    #[error("needs a duration behind NOW, such as PT2H, P7D or P1DT12H30M")]
    Duration,
    /// It lies outside of the years 1 to 9999.
    #[error("lies outside of the years 1 to 9999")]
    Range,
}

impl Moment {
    /// What is shown where no moment is known: the first one that .NET knows.
    pub const ZERO: Self = Self::utc(Timestamp::from_micros(FIRST * MICROS_PER_SECOND));

    /// Reads a moment; nothing, if the text is blank. Fractions of a second are cut, so that what is shown is what is meant.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str, now: Timestamp) -> Result<Option<Self>, MomentError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let (seconds, offset) = match from_now(text) {
            Some(span) => (i128::from(now.as_micros().div_euclid(MICROS_PER_SECOND)) + span?.div_euclid(1_000_000), 0),
            None => date(text).ok_or(MomentError::Form)?,
        };
        let shown = seconds + i128::from(offset);
        if [seconds, shown].iter().any(|seconds| !(i128::from(FIRST)..=i128::from(LAST)).contains(seconds)) {
            return Err(MomentError::Range);
        }
        let seconds = i64::try_from(seconds).map_err(|_| MomentError::Range)?;
        Ok(Some(Self { at: Timestamp::from_micros(seconds * MICROS_PER_SECOND), offset }))
    }

    /// This moment as it is shown in UTC.
    #[must_use]
    pub const fn utc(at: Timestamp) -> Self {
        Self { at, offset: 0 }
    }
}

impl fmt::Display for Moment {
    /// `yyyy-MM-ddTHH:mm:ss+00:00`, with the offset that it was given with. Fractions of a second are cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_micros().div_euclid(MICROS_PER_SECOND).saturating_add(self.offset.into()).clamp(FIRST, LAST);
        let local = EPOCH.saturating_add(jiff::SignedDuration::from_secs(seconds));
        let (date, time) = (local.date(), local.time());
        write!(f, "{:04}-{:02}-{:02}T", date.year(), date.month(), date.day())?;
        write!(f, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        let minutes = self.offset.unsigned_abs() / 60;
        write!(f, "{}{:02}:{:02}", if self.offset < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
    }
}

/// The microseconds from now that `NOW`, `NOW+D`, `NOW D` or `NOW-D` mean, if the text begins like one of them. The form with a space is
/// what a query makes of a plus sign.
fn from_now(text: &str) -> Option<Result<i128, MomentError>> {
    let rest = text.get(..3).filter(|word| word.eq_ignore_ascii_case("NOW")).map(|_| &text[3..])?;
    let mut chars = rest.chars();
    let sign = match chars.next() {
        None => return Some(Ok(0)),
        Some('+' | ' ') => 1,
        Some('-') => -1,
        Some(_) => return None,
    };
    Some(duration(chars.as_str().trim()).map(|span| sign * span).ok_or(MomentError::Duration))
}

/// Microseconds of a duration of XML Schema, `-?PnYnMnDTnHnMnS`. A year has 365 days, a month 30, and twelve months are a year.
fn duration(text: &str) -> Option<i128> {
    let text = text.to_ascii_uppercase();
    let (negative, rest) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
    let rest = rest.strip_prefix('P')?;
    let (dates, times) = rest.split_once('T').map_or((rest, None), |(dates, times)| (dates, Some(times)));
    if times.map_or(dates, |times| times).is_empty() {
        return None;
    }
    let [years, months, days] = whole_parts(dates, ['Y', 'M', 'D'])?;
    let (clock, fraction) = split_fraction(times.unwrap_or_default())?;
    let [hours, minutes, seconds] = whole_parts(&clock, ['H', 'M', 'S'])?;
    let days = (years + months / 12) * 365 + months % 12 * 30 + days;
    let seconds = days * i128::from(SECONDS_PER_DAY) + hours * 3600 + minutes * 60 + seconds;
    let micros = seconds * 1_000_000 + fraction;
    Some(if negative { -micros } else { micros })
}

/// Takes the fraction off the seconds: what is left, and its microseconds.
fn split_fraction(times: &str) -> Option<(String, i128)> {
    let Some((whole, fraction)) = times.split_once('.') else { return Some((times.to_owned(), 0)) };
    let digits = fraction.strip_suffix('S').filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))?;
    let micros = format!("{digits:0<6}")[..6].parse().ok()?;
    Some((format!("{whole}S"), micros))
}

/// The numbers before these letters, which come in this order, each at most once; zero where there is none.
fn whole_parts(mut text: &str, letters: [char; 3]) -> Option<[i128; 3]> {
    let mut numbers = [0; 3];
    let mut next = 0;
    while !text.is_empty() {
        let at = text.find(|c: char| !c.is_ascii_digit())?;
        let letter = text[at..].chars().next()?;
        let place = next + letters[next..].iter().position(|wanted| *wanted == letter)?;
        numbers[place] = text[..at].parse::<u32>().ok()?.into();
        next = place + 1;
        text = &text[at + letter.len_utf8()..];
    }
    Some(numbers)
}

/// A date, or a date and a time with or without an offset: its seconds since 1970, and the offset. Without an offset it is UTC.
fn date(text: &str) -> Option<(i128, i32)> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    let is_date = text.as_bytes().get(4) == Some(&b'-') && text.is_char_boundary(10);
    let (day, rest) = is_date.then(|| text.split_at_checked(10)).flatten()?;
    let day = PARSER.parse_date(day).ok()?;
    let (time, offset) = match rest.strip_prefix(['T', 't', ' ']) {
        None if rest.is_empty() => (Time::midnight(), 0),
        None => return None,
        Some(rest) => {
            let zone = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
            // Without the minutes jiff would take an hour alone, too.
            let clock = rest[..zone].trim_end();
            let time = (clock.as_bytes().get(2) == Some(&b':')).then(|| PARSER.parse_time(clock).ok()).flatten()?;
            (time, offset_seconds(&rest[zone..])?)
        }
    };
    let local = day.to_datetime(time).duration_since(EPOCH).as_micros().div_euclid(1_000_000);
    Some((local - i128::from(offset), offset))
}

/// Seconds east of UTC: nothing, `Z`, `+02:00`, `+0200`. No clock is further than fourteen hours from UTC.
fn offset_seconds(zone: &str) -> Option<i32> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let sign = if zone.starts_with('+') { 1 } else { -1 };
    let digits = &zone[1..];
    let (hours, minutes) = digits.split_once(':').or_else(|| digits.split_at_checked(2))?;
    let two = |text: &str| (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<i32>().ok()).flatten();
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let seconds = hours * 3600 + minutes * 60;
    (minutes < 60 && seconds <= 14 * 3600).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2023-11-14T22:13:20.123456Z.
    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_123_456);

    fn shown(text: &str) -> Result<Option<String>, MomentError> {
        Ok(Moment::parse(text, NOW)?.map(|moment| moment.to_string()))
    }

    #[test]
    fn times_from_now_are_read() {
        for (text, wanted) in [
            ("NOW", "2023-11-14T22:13:20+00:00"),
            (" now ", "2023-11-14T22:13:20+00:00"),
            ("NOW+PT2H", "2023-11-15T00:13:20+00:00"),
            ("NOW PT2H", "2023-11-15T00:13:20+00:00"),
            ("NOW+ PT1H", "2023-11-14T23:13:20+00:00"),
            ("now-pt1h", "2023-11-14T21:13:20+00:00"),
            ("NOW+P7D", "2023-11-21T22:13:20+00:00"),
            ("NOW+-P1D", "2023-11-13T22:13:20+00:00"),
            ("NOW-PT0.5S", "2023-11-14T22:13:19+00:00"),
            ("NOW+P1DT1H1M1.25S", "2023-11-15T23:14:21+00:00"),
            ("NOW+P1Y", "2024-11-13T22:13:20+00:00"),
            ("NOW+P14M", "2025-01-12T22:13:20+00:00"),
        ] {
            assert_eq!(shown(text), Ok(Some(wanted.to_owned())), "{text}");
        }
    }

    #[test]
    fn dates_keep_the_offset_that_they_were_given_with() {
        for (text, wanted) in [
            ("2031-07-07T00:00:00z", "2031-07-07T00:00:00+00:00"),
            ("2031-07-07T00:00:00Z", "2031-07-07T00:00:00+00:00"),
            ("2031-07-07T00:00:00.999Z", "2031-07-07T00:00:00+00:00"),
            ("2031-07-07T02:30:00+02:30", "2031-07-07T02:30:00+02:30"),
            ("2031-07-07T02:30:00-0800", "2031-07-07T02:30:00-08:00"),
            ("2031-07-07T02:30", "2031-07-07T02:30:00+00:00"),
            ("2031-07-07 02:30:00", "2031-07-07T02:30:00+00:00"),
            ("2031-07-07", "2031-07-07T00:00:00+00:00"),
            ("0001-01-01", "0001-01-01T00:00:00+00:00"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59+00:00"),
        ] {
            assert_eq!(shown(text), Ok(Some(wanted.to_owned())), "{text}");
        }
        assert_eq!(Moment::parse("1970-01-01T02:00:00+02:00", NOW).unwrap().unwrap().at, Timestamp::from_micros(0));
        assert_eq!(Moment::ZERO.to_string(), "0001-01-01T00:00:00+00:00");
    }

    #[test]
    fn nothing_is_no_moment_and_no_mistake() {
        assert_eq!((shown(""), shown("  ")), (Ok(None), Ok(None)));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        use MomentError::{Duration, Form, Range};
        for (text, wanted) in [
            ("tomorrow", Form),
            ("0", Form),
            ("NOWPT2H", Form),
            ("NOW + PT1H", Duration),
            ("NOW+0", Duration),
            ("NOW+2H", Duration),
            ("NOW+", Duration),
            ("NOW-", Duration),
            ("NOW-NOW", Duration),
            ("NOW+P", Duration),
            ("NOW+PT", Duration),
            ("NOW+P1DT", Duration),
            ("NOW+P2W", Duration),
            ("NOW+P1H", Duration),
            ("NOW+PT1D", Duration),
            ("NOW+P1D1Y", Duration),
            ("NOW+P1.5D", Duration),
            ("NOW+PT.5S", Duration),
            ("NOW+PT1.S", Duration),
            ("NOW+P9000Y", Range),
            ("2031-13-01T00:00:00Z", Form),
            ("2031-02-30", Form),
            ("2031-07-07T", Form),
            ("2031-07-07T25:00:00Z", Form),
            ("2031-07-07T10:00:00+15:00", Form),
            ("2031-07-07T10:00:00+1:00", Form),
            ("2031-07-07T10:00:00Zz", Form),
            ("20310707", Form),
            ("éééé-01-01", Form),
            ("0001-01-01T00:00:00+01:00", Range),
        ] {
            assert_eq!(shown(text), Err(wanted), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_the_same(seconds in FIRST + 86_400..LAST - 86_400, quarters in -56_i32..=56) {
            let moment = Moment { at: Timestamp::from_micros(seconds * MICROS_PER_SECOND), offset: quarters * 900 };
            prop_assert_eq!(Moment::parse(&moment.to_string(), NOW), Ok(Some(moment)));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "(NOW)?[-+ PTYMDHS0-9.:Zz]{0,24}|.{0,24}") {
            let _ = Moment::parse(&text, NOW);
        }
    }
}
