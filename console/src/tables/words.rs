//! What tables and rows are, in words.

use headwater_core::tables::{Row, WindowElements};
use serde_json::Value;

/// Letters of a row that are shown.
const ROW_LETTERS: usize = 200;

/// Numbers of a row that are shown.
const ROW_NUMBERS: usize = 12;

/// A moment of a table: seconds since it began.
pub(super) fn marker(nanos: Option<i64>) -> String {
    match nanos {
        Some(nanos) => format!("{:.3} s", nanos as f64 / 1e9),
        None => String::new(),
    }
}

/// Operations, one after the other.
pub(super) fn operations(definition: &serde_json::Map<String, Value>) -> String {
    let operation = |operation: &Value| {
        let number = |of: &Value, member: &str| of.get(member).and_then(Value::as_u64).unwrap_or_default();
        if let Some(window) = operation.get("window") {
            let (size, step) = (number(window, "size"), number(window, "step"));
            return if size == step { format!("windows of {size}") } else { format!("windows of {size} every {step}") };
        }
        if let Some(function) = operation.get("windowFunction") {
            return function.as_str().unwrap_or_default().to_owned();
        }
        format!("spectrum of {} bins", operation.get("fft").map_or(0, |fft| number(fft, "binCount")))
    };
    let all: Vec<String> = definition.get("operations").and_then(Value::as_array).into_iter().flatten().map(operation).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", then ") }
}

/// Where the elements come from.
pub(super) fn source(definition: &serde_json::Map<String, Value>) -> String {
    let Some(source) = definition.get("source") else { return "pushed".to_owned() };
    let text = |of: &Value, member: &str| of.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(table) = source.get("table").and_then(Value::as_str) {
        return format!("the table {table}");
    }
    if let Some(stream) = source.get("stream") {
        return format!("{} of the stream {}/{}", text(stream, "field"), text(stream, "namespace"), text(stream, "stream"));
    }
    let signal = source.get("signal").and_then(Value::as_object);
    let kind = signal.into_iter().flatten().map(|(kind, _)| kind.as_str()).find(|kind| *kind != "length");
    format!("a signal ({})", kind.unwrap_or("none"))
}

/// A frequency in Hz.
pub(super) fn hertz(hertz: f64) -> String {
    match hertz {
        hertz if hertz >= 100.0 => format!("{hertz:.0} Hz"),
        hertz if hertz >= 1.0 => format!("{hertz:.1} Hz"),
        hertz => format!("{hertz:.4} Hz"),
    }
}

/// Decibels, with a minus sign that is read as one.
pub(super) fn decibels(decibels: f64) -> String {
    format!("{decibels:.1} dB").replace('-', "\u{2212}")
}

/// A number of a row.
pub(super) fn number(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e9).contains(&magnitude) {
        return format!("{number:.4e}").replace('-', "\u{2212}");
    }
    let text = format!("{number:.5}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.replace('-', "\u{2212}") }
}

fn numbers(numbers: &[f64]) -> String {
    let mut shown: Vec<String> = numbers.iter().take(ROW_NUMBERS).map(|value| number(*value)).collect();
    if numbers.len() > ROW_NUMBERS {
        shown.push(format!("… {} in all", numbers.len()));
    }
    shown.join(", ")
}

/// A row, cut short where it is long.
pub(super) fn row(row: &Row) -> String {
    match row {
        Row::Sample(sample) => number(*sample),
        Row::Vector(vector) => numbers(vector),
        Row::Json(json) => {
            let text = String::from_utf8_lossy(json);
            match text.char_indices().nth(ROW_LETTERS) {
                Some((end, _)) => format!("{}… {} bytes in all", &text[..end], json.len()),
                None => text.into_owned(),
            }
        }
        Row::Window(window) => match &window.elements {
            WindowElements::Numbers(values) => numbers(values),
            WindowElements::Rows(rows) => {
                let first = rows.first().map(self::row).unwrap_or_default();
                format!("{} elements: {first}{}", rows.len(), if rows.len() > 1 { "; …" } else { "" })
            }
        },
        Row::Fft(sample) => {
            let strongest = (0..sample.magnitude.len()).max_by(|one, other| sample.magnitude[*one].total_cmp(&sample.magnitude[*other]));
            let bins = sample.magnitude.len();
            match strongest.filter(|bin| sample.magnitude[*bin].is_finite()) {
                Some(bin) => {
                    let (place, value) = (hertz(sample.frequency(bin)), decibels(sample.magnitude[bin]));
                    format!("{bins} bins, the greatest at {place}: {value} as it is in the row")
                }
                None => format!("{bins} bins, all of them zero"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_rows_read_well() {
        assert_eq!((number(0.5), number(-12.0), number(0.0), number(1e-7)), ("0.5".into(), "−12".into(), "0".into(), "1.0000e−7".into()));
        assert_eq!((hertz(440.2), hertz(7.81), hertz(0.25)), ("440 Hz".into(), "7.8 Hz".into(), "0.2500 Hz".into()));
        assert_eq!(decibels(-6.02), "−6.0 dB");
        let long = Row::Json(format!("[\"{}\"]", "é".repeat(300)).into());
        assert!(row(&long).ends_with("… 604 bytes in all"), "{}", row(&long));
        assert_eq!(marker(Some(1_500_000_000)), "1.500 s");
    }

    #[test]
    fn operations_and_sources_are_said() {
        let definition = serde_json::json!({
            "operations": [{"window": {"size": 800, "step": 400}}, {"windowFunction": "hamming"}, {"fft": {"binCount": 1024}}],
            "source": {"signal": {"length": "1s", "sine": {}}},
        });
        let definition = definition.as_object().unwrap();
        assert_eq!(operations(definition), "windows of 800 every 400, then hamming, then spectrum of 1024 bins");
        assert_eq!(source(definition), "a signal (sine)");
        assert_eq!((operations(&serde_json::Map::new()), source(&serde_json::Map::new())), ("none".into(), "pushed".into()));
    }
}
