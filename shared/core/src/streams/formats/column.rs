//! Fields that are filled from text: what every format but Avro's consists of.

use super::json;
use super::misfit::Misfit;
use super::numbers;
use super::schema::{Field, Schema, Simple, Type};
use crate::streams::render::unescaped;

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
            Simple::Bytes => json::bytes(unescaped(text), out),
            Simple::String => json::text(text, out),
        }
        Ok(())
    }
}
