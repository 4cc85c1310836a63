//! Numbers and moments as people read them. The script shows the same (`assets/console.js`, `shown`).

use headwater_core::ports::Timestamp;

/// Digits in groups of three, parted by narrow spaces: `12 345`.
pub(crate) fn count(number: &u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// The same for numbers that may be negative, which counts are not.
pub(crate) fn whole(number: &i64) -> String {
    match number {
        0.. => count(&number.unsigned_abs()),
        _ => format!("-{}", count(&number.unsigned_abs())),
    }
}

/// A rate: whole numbers from ten on, else one decimal.
pub(crate) fn rate(number: &f64) -> String {
    match *number {
        number if number >= 10.0 => count(&rounded(number)),
        number => format!("{number:.1}"),
    }
}

/// What is not known yet.
pub(crate) const UNKNOWN: &str = "–";

/// A rate, of which nothing is known as long as there is none of the last minutes.
pub(crate) fn lately(per_second: &f64, rates: &[f64]) -> String {
    if rates.is_empty() { UNKNOWN.to_owned() } else { rate(per_second) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
fn rounded(number: f64) -> u64 {
    libm::round(number) as u64
}

/// Bytes with a unit.
pub(crate) fn bytes(bytes: &u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if *bytes < 1000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "a number that is rounded anyway")]
    let mut size = *bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    if size < 10.0 { format!("{size:.1} {}", UNITS[unit]) } else { format!("{size:.0} {}", UNITS[unit]) }
}

/// A span in seconds, in its two largest units.
pub(crate) fn span(seconds: &u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// A moment in milliseconds since 1970, as `2026-03-01 12:00:00` in UTC.
pub(crate) fn moment(millis: &i64) -> String {
    let moment = jiff::Timestamp::from_microsecond(Timestamp::from_millis(*millis).as_micros());
    moment.map_or_else(|_| millis.to_string(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!((count(&0), count(&999), count(&1_234_567)), ("0".into(), "999".into(), "1\u{202f}234\u{202f}567".into()));
        assert_eq!((rate(&0.04), rate(&9.94), rate(&12.6)), ("0.0".into(), "9.9".into(), "13".into()));
        assert_eq!((bytes(&999), bytes(&1_500), bytes(&999_600)), ("999 B".into(), "1.5 KB".into(), "1.0 MB".into()));
        assert_eq!((span(&59), span(&61), span(&3_720)), ("59 s".into(), "1 min 1 s".into(), "1 h 2 min".into()));
        assert_eq!(moment(&1_479_000_000_000), "2016-11-13 01:20:00");
    }
}
