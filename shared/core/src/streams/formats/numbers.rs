//! Floating-point numbers as Java writes them: what data for these formats is full of.

/// A number of 64 bits, if the text is one: see [`float`].
pub(super) fn double(text: &str) -> Option<f64> {
    let digits = unmarked(text)?;
    match named(digits).or_else(|| hexadecimal(digits)) {
        Some(number) => Some(number),
        None => decimal(digits)?.parse().ok(),
    }
}

/// A number of 32 bits, if the text is one: decimal or, with `0x` and a binary exponent `p`, hexadecimal, or one of `NaN` and `Infinity`;
/// blanks around it and one of `f` and `d` behind it say nothing. What is too great is infinite.
pub(super) fn float(text: &str) -> Option<f32> {
    let digits = unmarked(text)?;
    match named(digits).or_else(|| hexadecimal(digits)) {
        #[expect(clippy::cast_possible_truncation, reason = "the nearest number of 32 bits is what is wanted")]
        Some(number) => Some(number as f32),
        None => decimal(digits)?.parse().ok(),
    }
}

/// The text without blanks around it, and without the letter behind a number that says its type.
fn unmarked(text: &str) -> Option<&str> {
    let text = text.trim_matches(|c| c <= ' ');
    // A hexadecimal digit is never taken for such a letter: those numbers end in their exponent.
    match text.strip_suffix(['f', 'F', 'd', 'D']) {
        Some(digits) => digits.ends_with(|c: char| c.is_ascii_digit() || c == '.').then_some(digits),
        None => (!text.is_empty()).then_some(text),
    }
}

fn signed(text: &str) -> (f64, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        _ => (1.0, text),
    }
}

fn named(text: &str) -> Option<f64> {
    let (sign, name) = signed(text);
    match name {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(sign * f64::INFINITY),
        _ => None,
    }
}

/// The text, if the standard library may read it: that one knows more names of what is not finite.
fn decimal(text: &str) -> Option<&str> {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).then_some(text)
}

fn hexadecimal(text: &str) -> Option<f64> {
    let (sign, text) = signed(text);
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let (digits, exponent) = digits.split_once(['p', 'P'])?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut exponent = clamped(exponent)?;
    // Sixteen digits, from the first that is not zero, hold more than a number can; that one of the others is not zero is enough to know
    // for rounding.
    let (mut mantissa, mut lost) = (0_u64, false);
    for (i, c) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(c.to_digit(16)?);
        let in_fraction = i >= whole.len();
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | digit;
            exponent -= if in_fraction { 4 } else { 0 };
        } else {
            lost |= digit != 0;
            exponent += if in_fraction { 0 } else { 4 };
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "the nearest number is what is wanted")]
    let mantissa = (mantissa | u64::from(lost)) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "clamped to what an i32 holds")]
    let exponent = exponent.clamp(-10_000, 10_000) as i32;
    Some(sign * libm::ldexp(mantissa, exponent))
}

/// A decimal integer; one that is too long for its digits to matter is cut to the greatest that does not.
fn clamped(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let most = if text.starts_with('-') { -(1 << 40) } else { 1 << 40 };
    Some(text.parse::<i64>().unwrap_or(most).clamp(-(1 << 40), 1 << 40))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_java_writes_them() {
        let cases = [
            ("1", 1.0),
            (" -1.5e3\t", -1500.0),
            ("+.5", 0.5),
            ("5.", 5.0),
            ("1f", 1.0),
            ("1.25D", 1.25),
            ("1e400", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x1p4", 16.0),
            ("-0x1.8p1", -3.0),
            ("0x.8P-1f", 0.25),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x10000000000000001p0", 18_446_744_073_709_551_616.0),
            ("0x1p99999999999999999999", f64::INFINITY),
        ];
        for (text, wanted) in cases {
            assert_eq!(double(text), Some(wanted), "{text}");
        }
        assert!(double("NaN").is_some_and(f64::is_nan));
        assert_eq!(float("3.4028235e38"), Some(f32::MAX));
        assert_eq!(float("0x1p-3"), Some(0.125));
    }

    #[test]
    fn junk_is_no_number() {
        for text in [
            "", " ", "f", "x", "1 2", "nan", "inf", "infinity", "INFINITY", "1_000", "0x1", "0xp1", "0x1p", "0x1.8", "NaNf", "1,5", "--1",
            ".",
        ] {
            assert_eq!(double(text), None, "{text}");
            assert_eq!(float(text), None, "{text}");
        }
    }
}
