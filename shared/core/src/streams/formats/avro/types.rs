//! Schemas in Avro's sense, as a table of types that refer to each other by their place in it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::limits;
use crate::streams::formats::schema::{Schema, Simple, Type};
use crate::streams::quoted::quoted;

/// The place of a type in its table.
pub(super) type Id = usize;

/// All types of one schema.
#[derive(Debug, Clone)]
pub(super) struct Types {
    nodes: Vec<Node>,
    root: Id,
}

/// A type.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Simple(Simple),
    Fixed(usize),
    Enum {
        name: String,
        symbols: Vec<String>,
    },
    Array(Id),
    /// The keys are strings in any datum; a schema of a format may want others.
    Map {
        values: Id,
        keys_are_strings: bool,
    },
    Record(Record),
    Union(Vec<Id>),
}

/// A record, its fields in the order of their values.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) fields: Vec<(String, Id)>,
    /// The places of the fields, by name.
    pub(super) places: BTreeMap<String, usize>,
}

impl Types {
    pub(super) fn root(&self) -> Id {
        self.root
    }

    pub(super) fn get(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    /// The schema of a format, which is more than Avro allows in its names and unions, and less in its enums.
    pub(super) fn of_schema(schema: &Schema) -> Result<Self, String> {
        let mut building = Building::default();
        let root = building.record_of(schema.record())?;
        Ok(Self { nodes: building.nodes, root })
    }

    /// The schema that an event was written in, from its JSON.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
        let mut building = Building::default();
        let root = building.parsed(&value, "", 0)?;
        Ok(Self { nodes: building.nodes, root })
    }
}

/// A table that is being made.
#[derive(Default)]
struct Building {
    nodes: Vec<Node>,
    names: BTreeMap<String, Id>,
    symbols: usize,
}

impl Building {
    fn push(&mut self, node: Node) -> Result<Id, String> {
        if let Node::Enum { symbols, .. } = &node {
            self.symbols += symbols.len();
        }
        if self.nodes.len() + self.symbols >= limits::SCHEMA_TYPES * 2 {
            return Err("it has too many types".to_owned());
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    fn define(&mut self, name: &str, id: Id) -> Result<(), String> {
        match self.names.insert(name.to_owned(), id) {
            None => Ok(()),
            Some(_) => Err(format!("{} is defined twice", quoted(name))),
        }
    }

    /// Completes a record, which had to have its place before its fields could refer to it.
    fn fill(&mut self, id: Id, name: String, fields: Vec<(String, Id)>) -> Result<(), String> {
        let mut places = BTreeMap::new();
        for (place, (field, _)) in fields.iter().enumerate() {
            if places.insert(field.clone(), place).is_some() {
                return Err(format!("the record {} has the field {} twice", quoted(&name), quoted(field)));
            }
        }
        self.nodes[id] = Node::Record(Record { name, fields, places });
        Ok(())
    }

    /// A union of these types, which a datum must be able to tell from one another by their types alone.
    fn union(&mut self, branches: Vec<Id>) -> Result<Id, String> {
        let mut seen = Vec::new();
        for &branch in &branches {
            let mark = match &self.nodes[branch] {
                Node::Union(_) => return Err("a union may not be in a union".to_owned()),
                Node::Simple(simple) => simple.name().to_owned(),
                Node::Array(_) => "array".to_owned(),
                Node::Map { .. } => "map".to_owned(),
                // Named types are told apart by their names, and there are no two of one name.
                Node::Fixed(_) | Node::Enum { .. } | Node::Record(_) => format!(" {branch}"),
            };
            seen.push(mark);
        }
        seen.sort_unstable();
        match seen.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) if pair[0].starts_with(' ') => Err("a union repeats a named type".to_owned()),
            Some(pair) => Err(format!("a union repeats the type {}", pair[0])),
            None => self.push(Node::Union(branches)),
        }
    }

    fn type_of(&mut self, kind: &Type) -> Result<Id, String> {
        match kind {
            Type::Simple(simple) => self.push(Node::Simple(*simple)),
            Type::Enum { name: None, .. } => Err("an enum needs a name".to_owned()),
            Type::Enum { name: Some(name), symbols } => {
                check_full_name(name)?;
                symbols.iter().try_for_each(|symbol| check_name(symbol))?;
                let id = self.push(Node::Enum { name: name.clone(), symbols: symbols.clone() })?;
                self.define(name, id)?;
                Ok(id)
            }
            Type::Array(items) => {
                let items = self.type_of(items)?;
                self.push(Node::Array(items))
            }
            Type::Map(keys, values) => {
                let values = self.type_of(values)?;
                self.push(Node::Map { values, keys_are_strings: **keys == Type::Simple(Simple::String) })
            }
            Type::Record(record) => self.record_of(record),
            Type::Named(name) => {
                // Avro knows nothing of types of keys, nor of what is defined in one.
                self.names.get(name).copied().ok_or_else(|| format!("{} is not defined", quoted(name)))
            }
            Type::Union(branches) => {
                let branches = branches.iter().map(|branch| self.type_of(branch)).collect::<Result<_, _>>()?;
                self.union(branches)
            }
        }
    }

    fn record_of(&mut self, record: &crate::streams::formats::schema::Record) -> Result<Id, String> {
        check_full_name(&record.name)?;
        let id = self.push(Node::Record(Record::default()))?;
        self.define(&record.name, id)?;
        let mut fields = Vec::with_capacity(record.fields.len());
        for field in &record.fields {
            check_name(&field.name)?;
            fields.push((field.name.clone(), self.type_of(&field.kind)?));
        }
        self.fill(id, record.name.clone(), fields)?;
        Ok(id)
    }

    fn parsed(&mut self, value: &Value, namespace: &str, depth: usize) -> Result<Id, String> {
        if depth > limits::SCHEMA_NESTING {
            return Err("its types are nested too deeply".to_owned());
        }
        match value {
            Value::String(name) => self.parsed_name(name, namespace),
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.parsed(branch, namespace, depth + 1)).collect::<Result<_, _>>()?;
                self.union(branches)
            }
            Value::Object(members) => self.parsed_object(members, namespace, depth + 1),
            _ => Err("a type must be a text, an object or an array".to_owned()),
        }
    }

    fn parsed_name(&mut self, name: &str, namespace: &str) -> Result<Id, String> {
        if let Some(simple) = simple(name) {
            return self.push(Node::Simple(simple));
        }
        let known = self.names.get(&full_name(name, namespace)).or_else(|| self.names.get(name));
        known.copied().ok_or_else(|| format!("{} is no type", quoted(name)))
    }

    fn parsed_object(&mut self, members: &Map<String, Value>, namespace: &str, depth: usize) -> Result<Id, String> {
        let member = |name: &str| members.get(name).ok_or_else(|| format!("a type lacks its member {name}"));
        let kind = match member("type")? {
            Value::String(kind) => kind.as_str(),
            nested => return self.parsed(nested, namespace, depth),
        };
        match kind {
            "array" => {
                let items = self.parsed(member("items")?, namespace, depth)?;
                self.push(Node::Array(items))
            }
            "map" => {
                let values = self.parsed(member("values")?, namespace, depth)?;
                self.push(Node::Map { values, keys_are_strings: true })
            }
            "record" | "error" | "enum" | "fixed" => {
                let name = member("name")?.as_str().ok_or("a name must be a text")?;
                let name = full_name(name, members.get("namespace").and_then(Value::as_str).unwrap_or(namespace));
                self.parsed_named(kind, name, members, depth)
            }
            _ => self.parsed_name(kind, namespace),
        }
    }

    fn parsed_named(&mut self, kind: &str, name: String, members: &Map<String, Value>, depth: usize) -> Result<Id, String> {
        let list =
            |member: &str| members.get(member).and_then(Value::as_array).ok_or_else(|| format!("{} lacks its {member}", quoted(&name)));
        if kind == "fixed" {
            let size = members.get("size").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
            let id = self.push(Node::Fixed(size.ok_or_else(|| format!("{} lacks its size", quoted(&name)))?))?;
            self.define(&name, id)?;
            return Ok(id);
        }
        if kind == "enum" {
            let text = |symbol: &Value| symbol.as_str().map(str::to_owned);
            let symbols = list("symbols")?.iter().map(text).collect::<Option<_>>().ok_or("a symbol must be a text")?;
            let id = self.push(Node::Enum { name: name.clone(), symbols })?;
            self.define(&name, id)?;
            return Ok(id);
        }
        let id = self.push(Node::Record(Record::default()))?;
        self.define(&name, id)?;
        let namespace = name.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        let mut fields = Vec::new();
        for field in list("fields")? {
            let field_name = field.get("name").and_then(Value::as_str).ok_or("a field lacks its name")?;
            let kind = field.get("type").ok_or_else(|| format!("the field {} lacks its type", quoted(field_name)))?;
            fields.push((field_name.to_owned(), self.parsed(kind, namespace, depth)?));
        }
        self.fill(id, name, fields)?;
        Ok(id)
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

/// The simple type of this name, which Avro reads exactly.
fn simple(name: &str) -> Option<Simple> {
    Simple::ALL.into_iter().find(|simple| simple.name() == name)
}

fn check_name(name: &str) -> Result<(), String> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(());
    }
    Err(format!("{} is no name: it must be of letters, digits and underscores, and not begin with a digit", quoted(name)))
}

/// A name that may stand in a namespace.
fn check_full_name(name: &str) -> Result<(), String> {
    if simple(name).is_some() {
        return Err(format!("{} is the name of a simple type", quoted(name)));
    }
    name.split('.').try_for_each(check_name)
}
