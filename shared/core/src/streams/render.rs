//! Events as JSON: `{"timestamp":…,"headers":{…},"body":"…"}`, compact, with the keys in this order.
//!
//! A body is bytes, which JSON cannot carry. So every byte but the printable ones of ASCII is first escaped as `\xHH`, and the
//! text that results becomes a JSON string. The backslash itself is not escaped, so the four characters `\x05` and the one byte
//! 5 look alike: clients know it so.
//!
//! What comes out may stand inside HTML: `<`, `>`, `&`, `=` and `'` are escaped in every string.

/// Appends an event. `headers` are the pairs of name and value in their order; names are taken to be distinct.
pub fn event<'a>(out: &mut Vec<u8>, timestamp: i64, headers: impl Iterator<Item = (&'a str, &'a str)>, body: &[u8]) {
    open_event(out, timestamp, headers, body);
    out.push(b'}');
}

/// Appends an event without its closing brace, which the caller writes, perhaps after members of its own.
pub fn open_event<'a>(out: &mut Vec<u8>, timestamp: i64, headers: impl Iterator<Item = (&'a str, &'a str)>, body: &[u8]) {
    push_timestamp(out, timestamp);
    push_headers(out, headers);
    push_body(out, body);
}

/// The headers of many events, rendered once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderText(Box<[u8]>);

impl HeaderText {
    /// Renders the pairs of name and value in their order; names are taken to be distinct.
    #[must_use]
    pub fn new<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut text = Vec::new();
        push_headers(&mut text, headers);
        Self(text.into())
    }

    /// Appends an event with these headers, as [`event`] does.
    pub fn event(&self, out: &mut Vec<u8>, timestamp: i64, body: &[u8]) {
        self.open_event(out, timestamp, body);
        out.push(b'}');
    }

    /// Appends an event with these headers, without its closing brace, as [`open_event`] does.
    pub fn open_event(&self, out: &mut Vec<u8>, timestamp: i64, body: &[u8]) {
        push_timestamp(out, timestamp);
        out.extend_from_slice(&self.0);
        push_body(out, body);
    }
}

/// The text that stands for a body: bytes from 0x20 to 0x7E as they are, the backslash among them; others as `\xHH` with
/// upper-case digits.
#[must_use]
pub fn escaped(body: &[u8]) -> String {
    let mut text = String::with_capacity(body.len());
    for &byte in body {
        if matches!(byte, b' '..=b'~') {
            text.push(char::from(byte));
        } else {
            let [high, low] = hex(byte, UPPER);
            text.extend(['\\', 'x', char::from(high), char::from(low)]);
        }
    }
    text
}

/// The body that a text stands for, as clients read it: `\x` and two hexadecimal digits, upper-case ones, are a byte; `\x`
/// without them loses its backslash; everything else stands for itself, beyond ASCII for its bytes in UTF-8.
///
/// This is the inverse of [`escaped`] for bodies in which `\x` does not occur.
#[must_use]
pub fn unescaped(text: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'\\', [b'x', high, low, end @ ..]) => {
                if let (Some(high), Some(low)) = (digit(*high), digit(*low)) {
                    body.push(high << 4 | low);
                    rest = end;
                }
            }
            (b'\\', [b'x', ..]) => {}
            _ => body.push(*byte),
        }
    }
    body
}

fn push_timestamp(out: &mut Vec<u8>, timestamp: i64) {
    out.extend_from_slice(b"{\"timestamp\":");
    out.extend_from_slice(itoa::Buffer::new().format(timestamp).as_bytes());
}

fn push_headers<'a>(out: &mut Vec<u8>, headers: impl Iterator<Item = (&'a str, &'a str)>) {
    out.extend_from_slice(b",\"headers\":{");
    for (number, (name, value)) in headers.enumerate() {
        if number > 0 {
            out.push(b',');
        }
        push_text(out, name);
        out.push(b':');
        push_text(out, value);
    }
    out.extend_from_slice(b"},\"body\":");
}

/// Appends a JSON string.
pub fn text(out: &mut Vec<u8>, text: &str) {
    push_text(out, text);
}

/// Appends JSON as it may stand inside HTML: what must be escaped there stands in strings only.
pub fn json(out: &mut Vec<u8>, json: &[u8]) {
    let mut copied = 0;
    for (at, byte) in json.iter().enumerate() {
        if let b'<' | b'>' | b'&' | b'=' | b'\'' = byte {
            out.extend_from_slice(&json[copied..at]);
            out.extend_from_slice(TEXT[usize::from(*byte)].as_bytes());
            copied = at + 1;
        }
    }
    out.extend_from_slice(&json[copied..]);
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    let text = text.as_bytes();
    out.push(b'"');
    let mut copied = 0;
    for (at, &byte) in text.iter().enumerate() {
        let escape = &TEXT[usize::from(byte)];
        if escape.len() > 1 {
            out.extend_from_slice(&text[copied..at]);
            out.extend_from_slice(escape.as_bytes());
            copied = at + 1;
        }
    }
    out.extend_from_slice(&text[copied..]);
    out.push(b'"');
}

fn push_body(out: &mut Vec<u8>, body: &[u8]) {
    out.reserve(body.len() + 3);
    out.push(b'"');
    // Blocks in which nothing is escaped are copied together, with those before them.
    let mut copied = 0;
    let (blocks, rest) = body.as_chunks::<BLOCK>();
    for (number, block) in blocks.iter().enumerate() {
        if !is_plain(block) {
            out.extend_from_slice(&body[copied..number * BLOCK]);
            push_escaped(out, block);
            copied = (number + 1) * BLOCK;
        }
    }
    // What is left is less than a block: it is looked at with the bytes before it.
    if body.last_chunk().is_some_and(is_plain) {
        out.extend_from_slice(&body[copied..]);
    } else {
        out.extend_from_slice(&body[copied..body.len() - rest.len()]);
        push_escaped(out, rest);
    }
    out.push(b'"');
}

/// Bytes looked at together.
const BLOCK: usize = 16;

/// Whether no byte is escaped. Comparisons without branches, which the compiler makes one of whole vectors.
#[inline]
fn is_plain(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(true, |plain, &byte| {
        plain
            & (byte.wrapping_sub(b' ') <= b'~' - b' ')
            & (byte != b'"')
            & (byte != b'\\')
            & (byte != b'<')
            & (byte != b'>')
            & (byte != b'&')
            & (byte != b'=')
            & (byte != b'\'')
    })
}

/// Appends up to a block of a body. Every byte stores a whole [`Escape`] and moves on by its length, so that nothing depends on
/// which bytes they are.
#[inline]
fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut buffer = [0; BLOCK * Escape::LONGEST + size_of::<Escape>()];
    let mut length = 0;
    for &byte in bytes {
        let escape = BODY[usize::from(byte)];
        buffer[length..length + size_of::<Escape>()].copy_from_slice(&escape.0);
        length += escape.len();
    }
    out.extend_from_slice(&buffer[..length]);
}

/// How a byte is written: up to [`Escape::LONGEST`] bytes, and their count as the last byte.
#[derive(Clone, Copy)]
struct Escape([u8; 8]);

impl Escape {
    const LONGEST: usize = 6;

    const fn new(text: &[u8]) -> Self {
        let mut escape = [0; 8];
        let mut i = 0;
        while i < text.len() {
            escape[i] = text[i];
            i += 1;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most six")]
        {
            escape[7] = text.len() as u8;
        }
        Self(escape)
    }

    #[inline]
    const fn len(self) -> usize {
        self.0[7] as usize
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        &self.0[..self.len()]
    }
}

/// How the bytes of a body are written.
static BODY: [Escape; 256] = table(true);

/// How the bytes of a text in UTF-8 are written.
static TEXT: [Escape; 256] = table(false);

const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

const fn table(body: bool) -> [Escape; 256] {
    let mut table = [Escape::new(b""); 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let this = byte as u8;
        let [high, low] = hex(this, LOWER);
        let [upper_high, upper_low] = hex(this, UPPER);
        table[byte] = match this {
            b'"' | b'\\' => Escape::new(&[b'\\', this]),
            b'<' | b'>' | b'&' | b'=' | b'\'' => Escape::new(&[b'\\', b'u', b'0', b'0', high, low]),
            b' '..=b'~' => Escape::new(&[this]),
            _ if body => Escape::new(&[b'\\', b'\\', b'x', upper_high, upper_low]),
            0..b' ' => Escape::new(&[b'\\', b'u', b'0', b'0', high, low]),
            _ => Escape::new(&[this]),
        };
        byte += 1;
    }
    table
}

const fn hex(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    [digits[(byte >> 4) as usize], digits[(byte & 15) as usize]]
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;

    fn rendered(timestamp: i64, headers: &[(&str, &str)], body: &[u8]) -> String {
        let mut out = Vec::new();
        event(&mut out, timestamp, headers.iter().copied(), body);
        let mut prepared = Vec::new();
        HeaderText::new(headers.iter().copied()).event(&mut prepared, timestamp, body);
        assert_eq!(out, prepared);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_event_is_compact_and_its_keys_have_their_order() {
        let headers = [("k", "v"), ("content.type", "text/csv")];
        assert_eq!(
            rendered(1_407_806_944_181, &headers, b"Hello World"),
            r#"{"timestamp":1407806944181,"headers":{"k":"v","content.type":"text/csv"},"body":"Hello World"}"#
        );
        assert_eq!(rendered(-1, &[], b""), r#"{"timestamp":-1,"headers":{},"body":""}"#);
    }

    #[test]
    fn an_open_event_takes_further_members() {
        let mut out = Vec::new();
        open_event(&mut out, 5, std::iter::empty(), b"b");
        out.extend_from_slice(br#","sequence":7}"#);
        let event: Json = serde_json::from_slice(&out).unwrap();
        assert_eq!(event, json!({"timestamp": 5, "headers": {}, "body": "b", "sequence": 7}));
    }

    #[test]
    fn bytes_that_are_not_printable_are_escaped_with_upper_case_digits() {
        assert_eq!(escaped(&[0, 5, 0x0a, 0x7f, 0xff]), r"\x00\x05\x0A\x7F\xFF");
        assert_eq!(escaped("é".as_bytes()), r"\xC3\xA9");
        assert_eq!(escaped(br"\x05"), r"\x05");
        let printable: Vec<u8> = (b' '..=b'~').collect();
        assert_eq!(escaped(&printable).as_bytes(), printable);
    }

    #[test]
    fn the_raw_text_is_safe_inside_html() {
        let raw = rendered(0, &[("<h>", "&'")], b"<a href='x=y'>&\"\\\n");
        let wanted = concat!(
            r#"{"timestamp":0,"headers":{"\u003ch\u003e":"\u0026\u0027"},"#,
            r#""body":"\u003ca href\u003d\u0027x\u003dy\u0027\u003e\u0026\"\\\\x0A"}"#
        );
        assert_eq!(raw, wanted);
    }

    #[test]
    fn clients_read_back_what_they_can() {
        for (text, body) in [
            (r"a\x0Ab", &b"a\nb"[..]),
            (r"a\b\\x41", br"a\b\A"),
            (r"\x0a\xZZ\x4", b"x0axZZx4"),
            (r"\x", b"x"),
            (r"\", br"\"),
            (r"\x\x41", b"xA"),
            ("é", "é".as_bytes()),
        ] {
            assert_eq!(unescaped(text), body, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_rendered_reads_back(
            timestamp: i64,
            headers in prop::collection::btree_map("\\PC{0,8}|[\\x00-\\x7f]{0,40}", any::<String>(), 0..4),
            body in prop_oneof![prop::collection::vec(any::<u8>(), 0..100), "[ -~]{0,100}".prop_map(String::into_bytes)],
        ) {
            let pairs: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let raw = rendered(timestamp, &pairs, &body);
            prop_assert!(!raw.contains(['<', '>', '&', '=', '\'']));
            let event: Json = serde_json::from_str(&raw).unwrap();
            prop_assert_eq!(event, json!({"timestamp": timestamp, "headers": headers, "body": escaped(&body)}));
        }

        #[test]
        fn a_body_without_a_backslash_before_an_x_comes_back(body in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assume!(!body.windows(2).any(|pair| pair == br"\x"));
            prop_assert_eq!(unescaped(&escaped(&body)), body);
        }
    }
}
