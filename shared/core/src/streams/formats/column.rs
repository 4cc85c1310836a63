//! Fields that are filled from text: what every format but Avro's consists of.

use super::json;
use super::misfit::Misfit;
use super::numbers;
use super::schema::{Field, Simple};
use super::schema::{Schema, Type};

/// A field of a simple type, nullable or not.
#[derive(Debug)]
pub(super) struct Column {
    name: String,
    key: String,
    simple: Simple,
    nullable: bool,
}

/// A last field that is an array of strings.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) name: String,
    pub(super) key: String,
    pub(super) nullable: bool,
    pub(super) nullable_items: bool,
}

/// The fields of a schema as a text format takes them.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) simple: Vec<Column>,
    pub(super) rest: Option<Rest>,
}

impl Columns {
    /// The fields of a schema: each simple or nullable simple, the last one possibly an array of strings.
    ///
    /// # Errors
    /// The index of the first field that is neither.
    pub(super) fn of(schema: &Schema) -> Result<Self, usize> {
        let fields = schema.fields();
        let mut simple = Vec::with_capacity(fields.len());
        for (i, field) in fields.iter().enumerate() {
            if let Some(column) = Column::of(field) {
                simple.push(column);
            } else if let Some(rest) = Rest::of(field).filter(|_| i + 1 == fields.len()) {
                return Ok(Self { simple, rest: Some(rest) });
            } else {
                return Err(i);
            }
        }
        Ok(Self { simple, rest: None })
    }
}

impl Rest {
    fn of(field: &Field) -> Option<Self> {
        let (Type::Array(items), nullable) = field.kind.nullable() else { return None };
        let (Type::Simple(Simple::String), nullable_items) = items.nullable() else { return None };
        Some(Self { name: field.name.clone(), key: json::key(&field.name), nullable, nullable_items })
    }
}

impl Column {
    /// The field as a column, when it is simple or nullable simple.
    pub(super) fn of(field: &Field) -> Option<Self> {
        let (Type::Simple(simple), nullable) = field.kind.nullable() else { return None };
        Some(Self { name: field.name.clone(), key: json::key(&field.name), simple: *simple, nullable })
    }

    /// The field's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The field's name as a key of JSON.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Whether this is a string that may not be null, for which no text stands for null.
    pub(super) fn is_plain_string(&self) -> bool {
        self.simple == Simple::String && !self.nullable
    }

    /// Writes the field's value, which the text stands for.
    ///
    /// # Errors
    /// The text is no value of this type, or there is none and the field may not be null.
    pub(super) fn write(&self, text: Option<&str>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let Some(text) = text else {
            if self.nullable || self.simple == Simple::Null {
                json::null(out);
                return Ok(());
            }
            return Err(Misfit::missing(&self.name));
        };
        let unread = || Misfit::unread(&self.name, text, self.simple.name());
        match self.simple {
            Simple::Null => json::null(out),
            Simple::Boolean => json::boolean(text.eq_ignore_ascii_case("true"), out),
            Simple::Int => json::integer(text.parse::<i32>().map_err(|_| unread())?.into(), out),
            Simple::Long => json::integer(text.parse().map_err(|_| unread())?, out),
            Simple::Float => json::float(numbers::float(text).ok_or_else(unread)?, out),
            Simple::Double => json::double(numbers::double(text).ok_or_else(unread)?, out),
            Simple::Bytes => json::bytes(Unescaped(text.as_bytes()), out),
            Simple::String => json::text(text, out),
        }
        Ok(())
    }
}

/// The bytes that an escaped text stands for: `\x` and two upper-case hexadecimal digits for a byte; `\x` without them loses its
/// backslash; anything else stands for its own bytes.
struct Unescaped<'a>(&'a [u8]);

impl Iterator for Unescaped<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = match *self.0 {
            [] => return None,
            [b'\\', b'x', high, low, ref rest @ ..] => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => (high << 4 | low, rest),
                _ => (b'x', &self.0[2..]),
            },
            [b'\\', b'x', ref rest @ ..] => (b'x', rest),
            [byte, ref rest @ ..] => (byte, rest),
        };
        self.0 = rest;
        Some(byte)
    }
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
    use super::*;

    fn unescaped(text: &str) -> Vec<u8> {
        Unescaped(text.as_bytes()).collect()
    }

    #[test]
    fn an_escape_stands_for_its_byte_and_anything_else_for_itself() {
        assert_eq!(unescaped(r"a\x00\xFFb"), [b'a', 0, 255, b'b']);
        assert_eq!(unescaped(r"\n\\x41"), br"\n\A");
        assert_eq!(unescaped(r"\xff\x4\x"), b"xffx4x");
        assert_eq!(unescaped("é"), "é".as_bytes());
    }
}
