//! What becomes of a path on its way through the gateway.
//!
//! A real HTTP API decodes it twice. The first decoding makes the path that routes are matched with; a `?` that it brings to light
//! cuts the path off there. The second makes what the function is told, so `%2F`, and even `%252F`, reaches a function as a slash,
//! and a `%25` that is not the start of an escape itself is refused. Live recordings of this are the cases of the tests below.

/// The path that routes are matched with; none when it is not well formed.
pub(super) fn read(sent: &str) -> Option<String> {
    let mut path = decode(sent)?;
    path.truncate(path.find('?').unwrap_or(path.len()));
    Some(path)
}

/// A text with its escapes decoded; none when one of them is not well formed, or the result is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        if byte == b'%' {
            let (digits, behind) = behind.split_at_checked(2)?;
            bytes.push(hexadecimal(digits[0])? << 4 | hexadecimal(digits[1])?);
            rest = behind;
        } else {
            bytes.push(byte);
            rest = behind;
        }
    }
    String::from_utf8(bytes).ok()
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_as_the_real_gateway_does_it() {
        for (sent, told) in [
            ("/capture/plain", Some("/capture/plain")),
            ("/capture/space%20value", Some("/capture/space value")),
            ("/capture/question%3Fvalue", Some("/capture/question")),
            ("/capture/percent%25done", None),
            ("/capture/hash%23value", Some("/capture/hash#value")),
            ("/capture/slash%2Fvalue", Some("/capture/slash/value")),
            ("/capture/unicode-%CE%BB-%E4%B8%96%E7%95%8C", Some("/capture/unicode-λ-世界")),
            ("/capture/literal%252Fvalue", Some("/capture/literal/value")),
            ("/capture/literal%253Fvalue", Some("/capture/literal?value")),
            ("/capture/literal%2525value", Some("/capture/literal%value")),
        ] {
            assert_eq!(read(sent).and_then(|path| decode(&path)).as_deref(), told, "{sent}");
        }
    }

    #[test]
    fn a_plus_is_a_plus_and_broken_escapes_are_refused() {
        assert_eq!(decode("a+b").as_deref(), Some("a+b"));
        for broken in ["%", "%2", "%zz", "%+1", "%FF", "100%"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }
}
