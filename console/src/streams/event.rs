//! Events as a page shows them.

use headwater_core::ports::StoredEvent;
use headwater_core::streams::formats::FormatReader;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::shown;

/// Letters of a text that are shown, and bytes of one that is none: more would hide the other events.
const TEXT: usize = 1000;
const BYTES: usize = 128;

/// Letters of a header's value.
const HEADER: usize = 200;

/// Letters of a field of a record.
const FIELD: usize = 500;

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownEvent {
    /// Its time: `2026-03-01 12:00:00.000`, in UTC.
    pub(super) at: String,
    /// Names and values.
    pub(super) headers: Vec<(String, String)>,
    /// What there is to see of its body.
    pub(super) body: String,
    /// Whether that is hexadecimal digits, because the body is no text.
    pub(super) binary: bool,
    /// Bytes of the body that are not shown.
    pub(super) left: usize,
    /// Its record, where a format was asked for.
    #[serde(skip)]
    pub(super) record: Option<Record>,
}

/// What a format makes of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// Names and values of its fields.
    Fields(Vec<(String, String)>),
    /// Why it does not fit.
    Misfit(String),
}

impl ShownEvent {
    /// An event, and its record under a format.
    pub(super) fn new(stored: &StoredEvent, format: Option<&FormatReader>) -> Self {
        let StoredEvent { position, event } = stored;
        let (body, binary, left) = body(&event.body);
        Self {
            at: moment(position.millis),
            headers: event.headers.iter().map(|(name, value)| (name.clone(), cut(value, HEADER))).collect(),
            body,
            binary,
            left,
            record: format.map(|format| record(stored, format)),
        }
    }
}

/// A moment to the millisecond.
pub(super) fn moment(millis: i64) -> String {
    format!("{}.{:03}", shown::moment(&millis), millis.rem_euclid(1000))
}

/// What is shown of a body, whether that is hexadecimal, and how many bytes are left out.
fn body(body: &[u8]) -> (String, bool, usize) {
    let is_plain = |text: &&str| !text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'));
    if let Some(text) = std::str::from_utf8(body).ok().filter(is_plain) {
        let end = text.char_indices().nth(TEXT).map_or(text.len(), |(at, _)| at);
        return (text[..end].to_owned(), false, text.len() - end);
    }
    let shown = &body[..body.len().min(BYTES)];
    let digits: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    (digits.join(" "), true, body.len() - shown.len())
}

/// A text, with an ellipsis in place of what is too long.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn record(stored: &StoredEvent, format: &FormatReader) -> Record {
    let event = &stored.event;
    let mut out = Vec::new();
    match format.read(&event.body, &|name| event.headers.value(name), &mut out) {
        Ok(()) => {
            let members: Map<String, Value> = serde_json::from_slice(&out).unwrap_or_default();
            let text = |value: Value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            Record::Fields(members.into_iter().map(|(name, value)| (name, cut(&text(value), FIELD))).collect())
        }
        Err(misfit) => Record::Misfit(misfit.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_as_it_is_and_bytes_as_digits() {
        assert_eq!(body("<b>é</b>\n".as_bytes()), ("<b>é</b>\n".to_owned(), false, 0));
        assert_eq!(body(b""), (String::new(), false, 0));
        assert_eq!(body(&[0, 255, 16]), ("00 ff 10".to_owned(), true, 0));
        assert!(body(b"\x1b[31m").1);
    }

    #[test]
    fn what_is_long_is_cut_between_letters() {
        let (text, binary, left) = body("é".repeat(TEXT + 3).as_bytes());
        assert_eq!((text.chars().count(), binary, left), (TEXT, false, 6));
        let (digits, binary, left) = body(&[0; BYTES + 7]);
        assert_eq!((digits.len(), binary, left), (BYTES * 3 - 1, true, 7));
        assert_eq!((cut("abc", 3), cut("abcd", 3)), ("abc".to_owned(), "abc…".to_owned()));
    }
}
