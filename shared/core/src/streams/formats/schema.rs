//! The schema of a format: a record of named, typed fields, written in a JSON that is close to Avro's.
//!
//! It differs from Avro's in that a map says the type of its keys, and in that an enum needs no name. The names of simple types are read
//! ignoring case; members may come in any order; unknown ones are ignored, and dropped when the schema is printed.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::limits;
use crate::mistakes::{Mistake, kind_of};
use crate::streams::quoted::quoted;

/// A schema of a format: a record with at least one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema(Record);

/// A record type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its name, by which types inside it may refer to it.
    pub name: String,
    /// Its fields: at least one, no two of the same name.
    pub fields: Vec<Field>,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name, never empty.
    pub name: String,
    /// The type of its values.
    pub kind: Type,
}

/// A type without parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Simple {
    /// Only the value null.
    Null,
    /// True or false.
    Boolean,
    /// An integer of 32 bits.
    Int,
    /// An integer of 64 bits.
    Long,
    /// A binary floating-point number of 32 bits.
    Float,
    /// A binary floating-point number of 64 bits.
    Double,
    /// Bytes.
    Bytes,
    /// Text.
    String,
}

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A type without parts.
    Simple(Simple),
    /// One of some texts: at least one, no two the same.
    Enum {
        /// Its name, which Avro wants and this schema does not.
        name: Option<String>,
        /// The texts.
        symbols: Vec<String>,
    },
    /// Any number of values of one type.
    Array(Box<Type>),
    /// Values of one type under keys of another.
    Map(Box<Type>, Box<Type>),
    /// A record.
    Record(Record),
    /// The record or enum of this name, which is defined earlier in the schema, or around this place.
    Named(String),
    /// A value of any one of these types: at least one.
    Union(Vec<Type>),
}

impl Simple {
    pub(super) const ALL: [Self; 8] =
        [Self::Null, Self::Boolean, Self::Int, Self::Long, Self::Float, Self::Double, Self::Bytes, Self::String];

    /// The name that a schema gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|simple| simple.name().eq_ignore_ascii_case(name))
    }
}

impl Type {
    /// What a value of this type is when it is not null, and whether it may be null: a union of two types of which one is null is the
    /// other one, nullable. Any other type is itself.
    #[must_use]
    pub fn nullable(&self) -> (&Self, bool) {
        const NULL: Type = Type::Simple(Simple::Null);
        match self {
            Self::Union(branches) => match branches.as_slice() {
                [inner, NULL] | [NULL, inner] if *inner != NULL => (inner, true),
                _ => (self, false),
            },
            _ => (self, false),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Simple(simple) => Value::from(simple.name()),
            Self::Enum { name: Some(name), symbols } => json!({"type": "enum", "name": name, "symbols": symbols}),
            Self::Enum { name: None, symbols } => json!({"type": "enum", "symbols": symbols}),
            Self::Array(items) => json!({"type": "array", "items": items.to_json()}),
            Self::Map(keys, values) => json!({"type": "map", "keys": keys.to_json(), "values": values.to_json()}),
            Self::Record(record) => record.to_json(),
            Self::Named(name) => Value::from(name.as_str()),
            Self::Union(branches) => branches.iter().map(Self::to_json).collect(),
        }
    }
}

impl Record {
    fn to_json(&self) -> Value {
        let fields: Value = self.fields.iter().map(|field| json!({"name": field.name, "type": field.kind.to_json()})).collect();
        json!({"type": "record", "name": self.name, "fields": fields})
    }
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// The first mistake: something that is no type, a schema that is not a record, or one beyond the [limits]. Its path is
    /// that of the wrong member, from the top of the schema.
    pub fn from_json(value: &Value) -> Result<Self, Mistake> {
        let mut reading = Reading { names: BTreeSet::new(), types: 0, depth: 0, path: Vec::new() };
        match reading.kind(value)? {
            Type::Record(record) => Ok(Self(record)),
            _ => reading.wrong("must be a record with at least one field"),
        }
    }

    /// A schema of fields that are known to be right.
    pub(super) fn of(name: &str, fields: impl IntoIterator<Item = (&'static str, Type)>) -> Self {
        let fields = fields.into_iter().map(|(name, kind)| Field { name: name.to_owned(), kind }).collect();
        Self(Record { name: name.to_owned(), fields })
    }

    /// The schema as JSON, in the order type, name, fields. Reading it gives an equal schema.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.0.to_json()
    }

    /// The record that it is.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.0
    }

    /// The name of its record.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its fields, in their order; at least one.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.0.fields
    }
}

/// One reading of a schema: what has been defined so far, and where it is.
struct Reading {
    names: BTreeSet<String>,
    types: usize,
    depth: usize,
    path: Vec<String>,
}

impl Reading {
    fn wrong<T>(&self, problem: impl Into<String>) -> Result<T, Mistake> {
        Err(Mistake::new(self.path.concat(), problem))
    }

    /// Reads one level deeper, in the member or element that the step names.
    fn below<T>(&mut self, step: String, read: impl FnOnce(&mut Self) -> Result<T, Mistake>) -> Result<T, Mistake> {
        self.path.push(step);
        let read = read(self)?;
        self.path.pop();
        Ok(read)
    }

    fn kind(&mut self, value: &Value) -> Result<Type, Mistake> {
        self.types += 1;
        if self.types > limits::SCHEMA_TYPES {
            return self.wrong(format!("a schema may have at most {} types", limits::SCHEMA_TYPES));
        }
        if self.depth == limits::SCHEMA_NESTING {
            return self.wrong(format!("types may be nested at most {} deep", limits::SCHEMA_NESTING));
        }
        self.depth += 1;
        let kind = match value {
            Value::String(name) => self.named(name),
            Value::Array(branches) if branches.is_empty() => self.wrong("a union must have at least one type"),
            Value::Array(branches) => self.union(branches),
            Value::Object(members) => self.compound(members),
            other => self.wrong(format!("must be a type, not {}", kind_of(other))),
        }?;
        self.depth -= 1;
        Ok(kind)
    }

    fn named(&self, name: &str) -> Result<Type, Mistake> {
        if let Some(simple) = Simple::of_name(name) {
            return Ok(Type::Simple(simple));
        }
        if self.names.contains(name) {
            return Ok(Type::Named(name.to_owned()));
        }
        self.wrong(format!("{} is no type", quoted(name)))
    }

    fn union(&mut self, branches: &[Value]) -> Result<Type, Mistake> {
        let read = |(i, branch): (usize, &Value)| self.below(format!("[{i}]"), |reading| reading.kind(branch));
        branches.iter().enumerate().map(read).collect::<Result<_, _>>().map(Type::Union)
    }

    fn compound(&mut self, members: &Map<String, Value>) -> Result<Type, Mistake> {
        let name = self.text(members, "type")?;
        match name.to_ascii_lowercase().as_str() {
            "record" => self.record(members).map(Type::Record),
            "enum" => self.symbols(members),
            "array" => Ok(Type::Array(self.part(members, "items")?)),
            "map" => Ok(Type::Map(self.part(members, "keys")?, self.part(members, "values")?)),
            _ => self.below(".type".to_owned(), |reading| reading.named(name)),
        }
    }

    fn member<'a>(&self, members: &'a Map<String, Value>, name: &str) -> Result<&'a Value, Mistake> {
        members.get(name).map_or_else(|| Err(Mistake::new(format!("{}.{name}", self.path.concat()), "is required")), Ok)
    }

    fn text<'a>(&self, members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Mistake> {
        let value = self.member(members, name)?;
        let path = || format!("{}.{name}", self.path.concat());
        match value.as_str() {
            None => Err(Mistake::new(path(), format!("must be a text, not {}", kind_of(value)))),
            Some("") => Err(Mistake::new(path(), "must not be empty")),
            Some(text) if text.len() > limits::SCHEMA_NAME_BYTES => {
                Err(Mistake::new(path(), format!("must not be longer than {} bytes", limits::SCHEMA_NAME_BYTES)))
            }
            Some(text) => Ok(text),
        }
    }

    fn part(&mut self, members: &Map<String, Value>, name: &str) -> Result<Box<Type>, Mistake> {
        let value = self.member(members, name)?;
        self.below(format!(".{name}"), |reading| reading.kind(value)).map(Box::new)
    }

    fn list<'a>(&self, members: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], Mistake> {
        let value = self.member(members, name)?;
        let path = || format!("{}.{name}", self.path.concat());
        match value.as_array() {
            None => Err(Mistake::new(path(), format!("must be an array, not {}", kind_of(value)))),
            Some(list) if list.is_empty() => Err(Mistake::new(path(), "must not be empty")),
            Some(list) => Ok(list),
        }
    }

    fn define(&mut self, name: &str) -> Result<(), Mistake> {
        if self.names.insert(name.to_owned()) { Ok(()) } else { self.wrong(format!("{} is already defined", quoted(name))) }
    }

    fn record(&mut self, members: &Map<String, Value>) -> Result<Record, Mistake> {
        let name = self.text(members, "name")?;
        self.define(name)?;
        let mut seen = BTreeSet::new();
        let mut fields = Vec::new();
        for (i, field) in self.list(members, "fields")?.iter().enumerate() {
            fields.push(self.below(format!(".fields[{i}]"), |reading| reading.field(field, &mut seen))?);
        }
        Ok(Record { name: name.to_owned(), fields })
    }

    fn field<'a>(&mut self, value: &'a Value, seen: &mut BTreeSet<&'a str>) -> Result<Field, Mistake> {
        let Some(members) = value.as_object() else {
            return self.wrong(format!("must be an object, not {}", kind_of(value)));
        };
        let name = self.text(members, "name")?;
        if !seen.insert(name) {
            return self.wrong(format!("there is more than one field {}", quoted(name)));
        }
        let kind = self.part(members, "type")?;
        Ok(Field { name: name.to_owned(), kind: *kind })
    }

    fn symbols(&mut self, members: &Map<String, Value>) -> Result<Type, Mistake> {
        let name = match members.get("name") {
            None | Some(Value::Null) => None,
            Some(_) => Some(self.text(members, "name")?.to_owned()),
        };
        if let Some(name) = &name {
            self.define(name)?;
        }
        let mut seen = BTreeSet::new();
        let mut symbols = Vec::new();
        for (i, symbol) in self.list(members, "symbols")?.iter().enumerate() {
            let symbol = self.below(format!(".symbols[{i}]"), |reading| match symbol.as_str() {
                Some(symbol) if seen.insert(symbol) => Ok(symbol.to_owned()),
                Some(symbol) => reading.wrong(format!("there is more than one symbol {}", quoted(symbol))),
                None => reading.wrong(format!("must be a text, not {}", kind_of(symbol))),
            })?;
            symbols.push(symbol);
        }
        // Symbols cost memory as types do.
        self.types += symbols.len();
        Ok(Type::Enum { name, symbols })
    }
}

#[cfg(test)]
mod tests;
