//! Times as text: reading the many forms people write, and writing the two forms records hold.
//!
//! Everything is UTC. Writing is on the hot path and our own; reading is jiff's.

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::DateTimeParser;

use crate::ports::Timestamp;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// First moment that a record can hold, 0001-01-01T00:00:00, in microseconds.
pub(super) const FIRST: i64 = -62_135_596_800 * MICROS_PER_SECOND;
/// Last moment that a record can hold, 9999-12-31T23:59:59.999999, in microseconds.
pub(super) const LAST: i64 = 253_402_300_799 * MICROS_PER_SECOND + 999_999;

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
///
/// Counts from the first of March of year 0, so that the day that comes and goes is a year's last one.
fn civil(days: i64) -> (i64, u32, u32) {
    const PER_400_YEARS: i64 = 146_097;
    let shifted = days + 719_468;
    let era = shifted.div_euclid(PER_400_YEARS);
    let day_of_era = shifted.rem_euclid(PER_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a month and a day of one")]
    (year, month as u32, day as u32)
}

#[expect(clippy::cast_sign_loss, reason = "one decimal digit")]
fn put_digits(into: &mut [u8], mut number: i64) {
    for place in into.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// `YYYY-MM-DDTHH:MM:SS.mmm`, truncated to the millisecond; `micros` within the years 1 to 9999.
pub(super) fn with_millis(micros: i64) -> [u8; 23] {
    let mut text = *b"0000-00-00T00:00:00.000";
    put_date_and_time(&mut text, micros);
    put_digits(&mut text[20..23], micros.rem_euclid(MICROS_PER_SECOND) / 1000);
    text
}

/// `YYYY-MM-DD HH:MM:SS.ffffff`, the form of a replayed time.
pub(super) fn with_micros(micros: i64) -> [u8; 26] {
    let mut text = *b"0000-00-00 00:00:00.000000";
    put_date_and_time(&mut text, micros);
    put_digits(&mut text[20..26], micros.rem_euclid(MICROS_PER_SECOND));
    text
}

/// `YYYY-MM-DD HH:MM:SS`, the form of a report.
pub(super) fn with_seconds(moment: Timestamp) -> String {
    let micros = moment.as_micros().clamp(FIRST, LAST);
    String::from_utf8_lossy(&with_micros(micros)[..19]).into_owned()
}

fn put_date_and_time(text: &mut [u8], micros: i64) {
    let (year, month, day) = civil(micros.div_euclid(MICROS_PER_DAY));
    put_digits(&mut text[0..4], year);
    put_digits(&mut text[5..7], i64::from(month));
    put_digits(&mut text[8..10], i64::from(day));
    let seconds = micros.rem_euclid(MICROS_PER_DAY) / MICROS_PER_SECOND;
    put_digits(&mut text[11..13], seconds / 3600);
    put_digits(&mut text[14..16], seconds / 60 % 60);
    put_digits(&mut text[17..19], seconds % 60);
}

/// The text of the `time` member, kept from record to record: mostly only its last digits change.
#[derive(Debug, Clone)]
pub(super) struct RunningTime {
    /// `{"time":"YYYY-MM-DDTHH:MM:SS.mmm"`, filled up to whole blocks.
    text: [u8; 64],
    /// The minute that the text stands in, counted from 1970.
    minute: i64,
}

impl RunningTime {
    /// Bytes of the text that count.
    pub(super) const LENGTH: usize = 33;

    pub(super) fn new() -> Self {
        let mut text = [b' '; 64];
        text[..Self::LENGTH].copy_from_slice(br#"{"time":"0000-00-00T00:00:00.000""#);
        Self { text, minute: i64::MIN }
    }

    /// The text at this moment.
    #[inline]
    pub(super) fn at(&mut self, micros: i64) -> &[u8; 64] {
        let minute = micros.div_euclid(60 * MICROS_PER_SECOND);
        if minute != self.minute {
            self.minute = minute;
            self.text[9..32].copy_from_slice(&with_millis(micros));
        } else {
            let millis = micros.div_euclid(1000) - minute * 60_000;
            put_digits(&mut self.text[26..28], millis / 1000);
            put_digits(&mut self.text[29..32], millis % 1000);
        }
        &self.text
    }
}

/// Reads a moment: any ISO 8601 date or date and time, basic or extended, with any one character between the two,
/// fractions, and `Z` or an offset. Without a zone it is UTC.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    let text = text.trim();
    let (date, rest) = split_date(text)?;
    let date: Date = PARSER.parse_date(date).ok()?;
    let mut rest = rest.chars();
    let Some(_separator) = rest.next() else { return moment(date.to_datetime(Time::midnight()), 0) };
    let rest = rest.as_str();
    let zone = rest.find(['Z', 'z', '+', '-', '\u{2212}']).unwrap_or(rest.len());
    let time = format!("T{}", rest[..zone].trim_end().replace(',', "."));
    let time: Time = PARSER.parse_time(&time).ok()?;
    moment(date.to_datetime(time), offset_seconds(&rest[zone..])?)
}

/// `2020-01-01` or `20200101`, and what follows.
fn split_date(text: &str) -> Option<(&str, &str)> {
    let length = if text.as_bytes().get(4) == Some(&b'-') { 10 } else { 8 };
    text.is_char_boundary(length).then(|| text.split_at(length))
}

/// Seconds east of UTC: nothing, `Z`, `+02`, `+0200`, `+02:00`.
fn offset_seconds(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let sign = if zone.starts_with('+') { 1 } else { -1 };
    let digits: String = zone.chars().skip(1).filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 2 | 4 | 6) {
        return None;
    }
    let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), |two| two.parse::<i64>().ok());
    let (hours, minutes, seconds) = (part(0)?, part(2)?, part(4)?);
    (hours < 24 && minutes < 60 && seconds < 60).then_some(sign * (hours * 3600 + minutes * 60 + seconds))
}

fn moment(local: DateTime, offset_seconds: i64) -> Option<Timestamp> {
    let micros = civil_micros(local)? - offset_seconds * MICROS_PER_SECOND;
    (FIRST..=LAST).contains(&micros).then(|| Timestamp::from_micros(micros))
}

/// A civil time taken as UTC, in microseconds since 1970.
pub(super) fn civil_micros(local: DateTime) -> Option<i64> {
    const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    i64::try_from(local.duration_since(EPOCH).as_micros()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        parse(text).map(|moment| String::from_utf8(with_millis(moment.as_micros()).to_vec()).unwrap())
    }

    #[test]
    fn moments_are_read_in_many_forms() {
        for (text, wanted) in [
            ("2020-01-01", "2020-01-01T00:00:00.000"),
            ("2020-01-01T15:00", "2020-01-01T15:00:00.000"),
            ("2020-01-01 15:00:00.5Z", "2020-01-01T15:00:00.500"),
            ("2020-01-01T15:00:00+02:00", "2020-01-01T13:00:00.000"),
            ("2020-01-01T15:00:00-0130", "2020-01-01T16:30:00.000"),
            ("2009-05-21:08:00:10", "2009-05-21T08:00:10.000"),
            ("20200601T123000", "2020-06-01T12:30:00.000"),
            ("1969-07-20 20:17:40", "1969-07-20T20:17:40.000"),
            ("2008-09-03T10:00:00.0Z", "2008-09-03T10:00:00.000"),
            ("0001-01-01", "0001-01-01T00:00:00.000"),
            ("9999-12-31T23:59:59.999", "9999-12-31T23:59:59.999"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "yesterday",
            "2020-13-01",
            "2020-01-01 25:00:00",
            "2020-02-30",
            "2020-01-01T",
            "2020-01-01T10:00:00+99:00",
            "sim",
            "2020é01-01",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let mut date = Date::constant(1, 1, 1);
        while date.year() < 9999 {
            let micros = civil_micros(date.to_datetime(Time::midnight())).unwrap();
            assert_eq!(
                civil(micros / MICROS_PER_DAY),
                (i64::from(date.year()), date.month().unsigned_abs().into(), date.day().unsigned_abs().into())
            );
            date = date.checked_add(jiff::Span::new().days(97)).unwrap();
        }
    }

    #[test]
    fn the_running_time_is_always_the_written_time() {
        let mut running = RunningTime::new();
        for micros in [0, 1, 999, 1000, 59_999_999, 60_000_000, -1, -60_000_000, 86_399_999_999, FIRST, LAST, 123] {
            let wanted = [&br#"{"time":""#[..], &with_millis(micros), b"\""].concat();
            assert_eq!(running.at(micros)[..RunningTime::LENGTH], wanted, "{micros}");
        }
    }
}
