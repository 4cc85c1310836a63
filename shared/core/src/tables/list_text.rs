//! Lists and objects as they are kept: as JSON, and how many numbers a list holds.

/// How many numbers an array of numbers and of such arrays holds.
pub(super) struct Entries(pub(super) u64);

impl<'de> serde::Deserialize<'de> for Entries {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Entries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array of numbers or of such arrays")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut array: A) -> Result<Entries, A::Error> {
                let mut count = 0;
                while let Some(entry) = array.next_element::<Entry>()? {
                    count += entry.0;
                }
                Ok(Entries(count))
            }
        }
        deserializer.deserialize_seq(Visitor)
    }
}

/// An entry of a list: a number, or a list.
struct Entry(u64);

impl<'de> serde::Deserialize<'de> for Entry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Entry;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number or an array of numbers")
            }

            fn visit_i64<E>(self, _: i64) -> Result<Entry, E> {
                Ok(Entry(1))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Entry, E> {
                Ok(Entry(1))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Entry, E> {
                Ok(Entry(1))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut array: A) -> Result<Entry, A::Error> {
                let mut count = 0;
                while let Some(entry) = array.next_element::<Self::Value>()? {
                    count += entry.0;
                }
                Ok(Entry(count))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The same JSON on one line, without blanks between its parts.
pub(super) fn without_blanks(json: &[u8], out: &mut Vec<u8>) {
    let (mut in_text, mut escaped) = (false, false);
    for &byte in json {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            continue;
        } else {
            in_text = byte == b'"';
        }
        out.push(byte);
    }
}
