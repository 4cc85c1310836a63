//! Charsets: how the bytes of a body become text.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How the bytes of a body become text. Bytes that are no text become U+FFFD.
#[derive(Debug, Clone, Copy)]
pub(super) enum Charset {
    /// One of the Web's encodings.
    Web(&'static Encoding),
    /// UTF-16 whose byte order a mark at the beginning says; big-endian without one.
    Utf16,
    /// Each byte is the character of its number.
    Latin1,
    /// Each byte below 128 is the character of its number.
    Ascii,
}

impl Charset {
    pub(super) const UTF_8: Self = Self::Web(UTF_8);

    /// The charset of this name, which is read ignoring case.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        // The Web takes the next three for others, which its pages have meant by them.
        let folded = name.to_ascii_lowercase();
        match folded.as_str() {
            "utf-16" | "utf16" | "utf_16" | "unicode" => return Some(Self::Utf16),
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "iso8859_1" | "iso88591" | "8859_1" | "latin1" | "latin-1" | "l1" | "ibm819"
            | "cp819" | "819" | "csisolatin1" => return Some(Self::Latin1),
            "us-ascii" | "ascii" | "iso646-us" | "ansi_x3.4-1968" | "ascii7" | "646" => return Some(Self::Ascii),
            "utf_8" => return Some(Self::UTF_8),
            "utf_16be" => return Some(Self::Web(UTF_16BE)),
            "utf_16le" => return Some(Self::Web(UTF_16LE)),
            _ => {}
        }
        if folded.contains(|c: char| c.is_ascii_whitespace()) {
            return None;
        }
        Encoding::for_label_no_replacement(folded.as_bytes()).map(Self::Web)
    }

    /// The text of a body.
    pub(super) fn decode(self, body: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Web(encoding) => encoding.decode_without_bom_handling(body).0,
            Self::Utf16 => match body {
                [0xFF, 0xFE, rest @ ..] => UTF_16LE.decode_without_bom_handling(rest).0,
                [0xFE, 0xFF, rest @ ..] => UTF_16BE.decode_without_bom_handling(rest).0,
                _ => UTF_16BE.decode_without_bom_handling(body).0,
            },
            Self::Latin1 => encoding_rs::mem::decode_latin1(body),
            Self::Ascii => match str::from_utf8(body) {
                Ok(text) if text.is_ascii() => Cow::Borrowed(text),
                _ => body.iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { char::REPLACEMENT_CHARACTER }).collect(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_charset_reads_its_bytes() {
        let cases: [(&str, &[u8], &str); 13] = [
            ("utf-8", b"caf\xC3\xA9", "café"),
            ("UTF8", b"\xEF\xBB\xBFa\xFFb", "\u{FEFF}a\u{FFFD}b"),
            ("US-ASCII", b"a\xE9", "a\u{FFFD}"),
            ("ISO-8859-1", b"\x80\xE9", "\u{80}é"),
            ("windows-1252", b"\x80\xE9", "€é"),
            ("ISO-8859-15", b"\xA4", "€"),
            ("UTF-16", b"\x00a\x00b", "ab"),
            ("utf-16", b"\xFF\xFEa\x00", "a"),
            ("UTF-16", b"\xFE\xFF\x00a", "a"),
            ("UTF-16BE", b"\x00a\xD8\x00\x00b", "a\u{FFFD}b"),
            ("UTF-16LE", b"a\x00b", "a\u{FFFD}"),
            ("Shift_JIS", b"\x82\xA0", "あ"),
            ("EUC-KR", b"\xB0\xA1", "가"),
        ];
        for (name, body, wanted) in cases {
            assert_eq!(Charset::of_name(name).expect(name).decode(body), wanted, "{name}");
        }
    }

    #[test]
    fn an_unknown_name_is_no_charset() {
        for name in ["", "no-such-charset", " utf-8", "utf-8\n", "replacement", "hz-gb-2312", "utf-7"] {
            assert!(Charset::of_name(name).is_none(), "{name:?}");
        }
    }
}
