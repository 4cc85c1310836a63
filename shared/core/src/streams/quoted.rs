//! Foreign text inside a message.

use std::fmt;

/// The beginning of a text that came from outside: in quotes, on one line, and short however long the text was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted(Box<str>);

impl Quoted {
    /// Characters shown: enough to recognise what somebody wrote.
    const SHOWN: usize = 100;

    /// Quotes a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        match text.char_indices().nth(Self::SHOWN) {
            None => Self(format!("{text:?}").into()),
            Some((end, _)) => Self(format!("{:?}...", &text[..end]).into()),
        }
    }
}

/// A text from outside, as a message shows it: see [`Quoted`].
pub(super) fn quoted(text: &str) -> String {
    Quoted::new(text).to_string()
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_is_short_and_on_one_line() {
        assert_eq!(Quoted::new("a\n\"b\"").to_string(), r#""a\n\"b\"""#);
        assert_eq!(Quoted::new(&"é".repeat(100)).to_string(), format!("\"{}\"", "é".repeat(100)));
        assert_eq!(Quoted::new(&"é".repeat(1000)).to_string(), format!("\"{}\"...", "é".repeat(100)));
    }
}
