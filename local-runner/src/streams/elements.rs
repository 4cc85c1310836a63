//! Cuts a JSON array into its elements as it arrives, and holds no more than one of them.
//!
//! Only where an element begins and ends is looked at; what reads the element sees whether it is JSON.

/// Why a text is not an array.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAnArray {
    #[error("the answer is not a JSON array")]
    Form,
    #[error("the answer has no end")]
    CutOff,
    #[error("an element of the answer cannot be read: {0}")]
    Element(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Before,
    Within,
    After,
}

/// An array on its way in.
#[derive(Debug)]
pub(super) struct Elements {
    part: Part,
    /// Brackets and braces that are open within the element.
    depth: u32,
    in_text: bool,
    /// Whether the last character was a backslash that escapes the next.
    escaped: bool,
    /// Whether there was an element.
    any: bool,
    /// What the pieces before have of an element that has not ended.
    begun: Vec<u8>,
}

impl Elements {
    pub(super) fn new() -> Self {
        Self { part: Part::Before, depth: 0, in_text: false, escaped: false, any: false, begun: Vec::new() }
    }

    /// Hands over the elements that end within the piece, one by one. The result does not depend on how the text was cut.
    pub(super) fn push(&mut self, piece: &[u8], mut each: impl FnMut(&[u8]) -> Result<(), NotAnArray>) -> Result<(), NotAnArray> {
        let (mut start, mut at) = (0, 0);
        while at < piece.len() {
            if self.in_text {
                at = self.pass_text(piece, at);
                continue;
            }
            match (self.part, piece[at]) {
                (Part::Before, b'[') => (self.part, start) = (Part::Within, at + 1),
                (Part::Within, b'"') => self.in_text = true,
                (Part::Within, b'{' | b'[') => self.depth += 1,
                (Part::Within, b'}' | b']') if self.depth > 0 => self.depth -= 1,
                (Part::Within, b',') if self.depth == 0 => {
                    self.end_element(&piece[start..at], &mut each)?;
                    start = at + 1;
                }
                (Part::Within, b']') => {
                    let is_empty = !self.any && self.begun.is_empty() && piece[start..at].trim_ascii().is_empty();
                    if !is_empty {
                        self.end_element(&piece[start..at], &mut each)?;
                    }
                    self.part = Part::After;
                }
                (Part::Within, byte) if byte != b'}' => {}
                (Part::Before | Part::After, b' ' | b'\t' | b'\r' | b'\n') => {}
                _ => return Err(NotAnArray::Form),
            }
            at += 1;
        }
        if self.part == Part::Within {
            let rest = &piece[start..];
            self.begun.extend_from_slice(if self.begun.is_empty() { rest.trim_ascii_start() } else { rest });
        }
        Ok(())
    }

    /// Says that there are no more pieces.
    pub(super) fn finish(&self) -> Result<(), NotAnArray> {
        if self.part == Part::After { Ok(()) } else { Err(NotAnArray::CutOff) }
    }

    /// Where the text goes on behind what is passed: its end, or that of a string.
    fn pass_text(&mut self, piece: &[u8], at: usize) -> usize {
        if self.escaped {
            self.escaped = false;
            return at + 1;
        }
        let Some(length) = piece[at..].iter().position(|&byte| byte == b'"' || byte == b'\\') else { return piece.len() };
        match piece[at + length] {
            b'"' => self.in_text = false,
            _ => self.escaped = true,
        }
        at + length + 1
    }

    fn end_element(&mut self, end: &[u8], each: &mut impl FnMut(&[u8]) -> Result<(), NotAnArray>) -> Result<(), NotAnArray> {
        self.any = true;
        let hand_over = |element: &[u8], each: &mut dyn FnMut(&[u8]) -> Result<(), NotAnArray>| match element.trim_ascii() {
            [] => Err(NotAnArray::Form),
            element => each(element),
        };
        if self.begun.is_empty() {
            return hand_over(end, each);
        }
        self.begun.extend_from_slice(end);
        let result = hand_over(&self.begun, each);
        self.begun.clear();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[&str]) -> Result<Vec<String>, NotAnArray> {
        let (mut elements, mut out) = (Elements::new(), Vec::new());
        for piece in pieces {
            elements.push(piece.as_bytes(), |element| {
                out.push(String::from_utf8(element.to_vec()).unwrap());
                Ok(())
            })?;
        }
        elements.finish().map(|()| out)
    }

    const TRICKY: &str = " [ {\"a\":[1,{\"b\":\"]}, \\\"[\"}]} ,\"x\\\\\", -1.5e3,[[],[{}]],\n{\"c\":\"\\\\\\\"\"},null ] \n";

    #[test]
    fn elements_are_cut_at_the_top_only() {
        let wanted = [r#"{"a":[1,{"b":"]}, \"["}]}"#, r#""x\\""#, "-1.5e3", "[[],[{}]]", r#"{"c":"\\\""}"#, "null"];
        assert_eq!(cut(&[TRICKY]).unwrap(), wanted);
    }

    #[test]
    fn it_does_not_matter_how_the_text_arrives() {
        let whole = cut(&[TRICKY]).unwrap();
        for first in 0..=TRICKY.len() {
            for second in first..=TRICKY.len() {
                assert_eq!(cut(&[&TRICKY[..first], &TRICKY[first..second], &TRICKY[second..]]).unwrap(), whole, "{first} {second}");
            }
        }
        let letters: Vec<String> = TRICKY.chars().map(String::from).collect();
        assert_eq!(cut(&letters.iter().map(String::as_str).collect::<Vec<_>>()).unwrap(), whole);
    }

    #[test]
    fn an_empty_array_has_no_elements() {
        for pieces in [&["[]"][..], &[" [ ", "\n ", "] "]] {
            assert_eq!(cut(pieces).unwrap(), [""; 0]);
        }
    }

    #[test]
    fn what_is_not_an_array_is_refused_and_so_is_half_of_one() {
        for text in ["{}", "x", "[,]", "[1,]", "[1,,2]", "[1]]", "[1] 2", "[}", "[1}]"] {
            assert_eq!(cut(&[text]), Err(NotAnArray::Form), "{text}");
        }
        for end in 0..TRICKY.trim_end().len() {
            assert_eq!(cut(&[&TRICKY[..end]]), Err(NotAnArray::CutOff), "{end}");
        }
    }

    #[test]
    fn an_error_of_the_reader_ends_it() {
        let refuse = |_: &[u8]| Err(NotAnArray::Element("so".to_owned()));
        assert_eq!(Elements::new().push(b"[1,2]", refuse), Err(NotAnArray::Element("so".to_owned())));
    }
}
