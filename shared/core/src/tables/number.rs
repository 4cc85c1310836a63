//! Numbers in JSON, read to the nearest double.
//!
//! The JSON reader that serves everything else may be off by the last bit, unless all of its users pay for more. A sample is to come
//! back as it was sent, and numbers are most of what tables are sent, so they have a reader of their own.

use super::rows::{ElementType, NotAnElement};

/// A number with nothing but blanks around it.
pub(super) fn read(json: &[u8]) -> Option<f64> {
    let (number, rest) = split(blanks(json))?;
    blanks(rest).is_empty().then_some(number)
}

/// An array of numbers, added to others. What was added before it turns out to be something else is left there.
pub(super) fn read_all(json: &[u8], numbers: &mut Vec<f64>) -> bool {
    let Some(mut rest) = blanks(json).strip_prefix(b"[").map(blanks) else { return false };
    if let Some(rest) = rest.strip_prefix(b"]") {
        return blanks(rest).is_empty();
    }
    loop {
        let Some((number, behind)) = split(rest) else { return false };
        numbers.push(number);
        match blanks(behind) {
            [b',', behind @ ..] => rest = blanks(behind),
            [b']', behind @ ..] => return blanks(behind).is_empty(),
            _ => return false,
        }
    }
}

/// Why something was not read: because it is something else, or no JSON at all.
pub(super) fn complaint(json: &[u8], wanted: ElementType) -> NotAnElement {
    match serde_json::from_slice::<serde::de::IgnoredAny>(json) {
        Ok(_) if wanted == ElementType::Sample && split(blanks(json)).is_none() && starts_number(json) => {
            NotAnElement::Json("number out of range".to_owned())
        }
        Ok(_) => NotAnElement::Kind(wanted),
        Err(error) => NotAnElement::Json(error.to_string()),
    }
}

fn starts_number(json: &[u8]) -> bool {
    blanks(json).first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-')
}

fn blanks(json: &[u8]) -> &[u8] {
    let count = json.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    &json[count..]
}

/// The number that a text begins with, and what is behind it.
fn split(json: &[u8]) -> Option<(f64, &[u8])> {
    let digits = |at: usize| json[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(json.first() == Some(&b'-'));
    let whole = digits(at);
    // A zero stands alone.
    if whole == 0 || (whole > 1 && json[at] == b'0') {
        return None;
    }
    at += whole;
    if json.get(at) == Some(&b'.') {
        let decimals = digits(at + 1);
        if decimals == 0 {
            return None;
        }
        at += 1 + decimals;
    }
    if matches!(json.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(json.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    let number: f64 = std::str::from_utf8(&json[..at]).ok()?.parse().ok()?;
    number.is_finite().then_some((number, &json[at..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_json_calls_a_number_is_one() {
        for (text, wanted) in
            [("0", 0.0), ("-0", -0.0), (" 12.5 ", 12.5), ("1e3", 1000.0), ("-2.5E-1\r", -0.25), ("90.33333333333333", 271.0 / 3.0)]
        {
            assert_eq!(read(text.as_bytes()).map(f64::to_bits), Some(f64::to_bits(wanted)), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "1 2", "NaN", "Infinity", "1e999", "0x1", "\"1\"", "true", "[1]", "1,"] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn complaints_say_whether_it_was_json() {
        assert_eq!(complaint(b"true", ElementType::Sample), NotAnElement::Kind(ElementType::Sample));
        assert_eq!(complaint(b"[1,\"a\"]", ElementType::Vector), NotAnElement::Kind(ElementType::Vector));
        assert!(matches!(complaint(b"1 2", ElementType::Sample), NotAnElement::Json(_)));
        assert!(matches!(complaint(b"1e999", ElementType::Sample), NotAnElement::Json(_)));
        assert!(matches!(complaint(b"[1", ElementType::Vector), NotAnElement::Json(_)));
    }

    proptest! {
        #[test]
        fn every_double_comes_back(number in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO) {
            let text = zmij::Buffer::new().format_finite(number).to_owned();
            prop_assert_eq!(read(text.as_bytes()).map(f64::to_bits), Some(number.to_bits()));
        }

        #[test]
        fn what_is_read_is_json_and_what_is_not_is_none(text in "[-+.eE0-9 \\[\\],]{0,12}") {
            let is_number = serde_json::from_str::<f64>(&text).is_ok();
            prop_assert_eq!(read(text.as_bytes()).is_some(), is_number);
            let mut numbers = Vec::new();
            prop_assert_eq!(read_all(text.as_bytes(), &mut numbers), serde_json::from_str::<Vec<f64>>(&text).is_ok());
        }
    }
}
