//! Text that is safe to show, and numbers as people read them.

use std::time::Duration;

/// The longest text of the server's that is kept, in characters: more fits no line.
const LONGEST: usize = 400;

/// The text without anything that a terminal would obey, or that would show it otherwise than it is: control characters, and those that
/// turn the direction of writing or take no room. Names and messages are anybody's.
pub(super) fn clean(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
        letter if letter.is_control() => '\u{fffd}',
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => '\u{fffd}',
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        letter => letter,
    };
    text.chars().take(LONGEST).map(shown).collect()
}

/// A number with its thousands apart: `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate: one decimal where it is small.
pub(super) fn rate(per_second: f64) -> String {
    if !per_second.is_finite() {
        return "-".to_owned();
    }
    if per_second.abs() < 99.95 {
        return format!("{per_second:.1}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    count(per_second.round().max(0.0) as u64)
}

/// A size in bytes, in the unit that it has a few digits in.
pub(super) fn bytes(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut size = number as f64;
    let mut units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].into_iter();
    if size < 1024.0 {
        return format!("{number}B");
    }
    let mut unit = "";
    while size >= 1024.0 {
        let Some(next) = units.next() else { break };
        (size, unit) = (size / 1024.0, next);
    }
    format!("{size:.1}{unit}")
}

/// A time span in its two largest units: `2d3h`.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

/// A plot of the last values in this many characters, the newest on the right; from nothing up to the largest.
pub(super) fn plot(values: &[f64], width: usize) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = &values[values.len().saturating_sub(width)..];
    let most = shown.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let step = |value: &f64| {
        if *value <= 0.0 || !value.is_finite() {
            return STEPS[0];
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 7")]
        let step = (value / most * 7.0).round() as usize;
        STEPS[step.min(7)]
    };
    format!("{:>width$}", shown.iter().map(step).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let hostile = "a\u{1b}[2J\u{1b}]0;title\u{7}b\u{9b}31m\u{202e}c\u{200b}\r\nd\u{7f}\u{85}";
        let text = clean(hostile);
        assert_eq!(text, "a\u{fffd}[2J\u{fffd}]0;title\u{fffd}b\u{fffd}31m\u{fffd}c\u{fffd}  d\u{fffd}\u{fffd}");
        for letter in (0..0x3000).filter_map(char::from_u32) {
            assert!(!clean(&letter.to_string()).contains(|shown: char| shown.is_control()), "{letter:?}");
        }
        assert_eq!(clean("Zürich 東京 <b>"), "Zürich 東京 <b>");
        assert_eq!(clean(&"x".repeat(10_000)).len(), LONGEST);
    }

    #[test]
    fn numbers_are_as_people_read_them() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 9.96, 99.96, 12_345.6, f64::NAN].map(rate), ["0.0", "10.0", "100", "12,346", "-"]);
        assert_eq!([0, 1023, 1536, u64::MAX].map(bytes), ["0B", "1023B", "1.5KiB", "16.0EiB"]);
        assert_eq!([5, 65, 3700, 200_000].map(|seconds| span(Duration::from_secs(seconds))), ["5s", "1m5s", "1h1m", "2d7h"]);
    }

    #[test]
    fn a_plot_shows_the_newest_values_on_the_right() {
        assert_eq!(plot(&[8.0, 0.0, 1.0, 2.0, 4.0], 4), "▁▃▅█");
        assert_eq!(plot(&[3.0], 3), "  █");
        assert_eq!(plot(&[0.0, 0.0], 2), "▁▁");
        assert_eq!(plot(&[f64::NAN, f64::INFINITY, -1.0, 1.0], 4), "▁▁▁█");
        assert_eq!(plot(&[1.0], 0), "");
    }
}
