//! The schema of a file, made into what it says about the lengths of datums.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::limits;
use crate::streams::quoted::Quoted;

/// A text that is not a schema; the message says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(String);

/// How long datums are. Types are [`Node`]s, which name each other by number, so that a type may contain itself.
///
/// Whatever the schema, walking along a datum takes a time linear in its bytes: types without bytes are left out, and a record of
/// one field is that field, so that every node that is visited either has bytes of its own or parts the way.
#[derive(Debug)]
pub(super) struct Layout {
    nodes: Vec<Node>,
    /// The fields and branches of all nodes.
    children: Vec<NodeId>,
    top: NodeId,
}

pub(super) type NodeId = u32;

/// How many bytes a value of a type takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// Always as many: null, boolean, float, double, fixed, and records of these.
    Fixed(u64),
    /// A number of at most 32 bits: int and enum.
    Int,
    /// A number of at most 64 bits.
    Long,
    /// A length, and as many bytes: bytes and string.
    Bytes,
    /// The values of two or more fields.
    Record(Children),
    /// The number of a branch, and a value of it.
    Union(Children),
    /// Blocks of items.
    Array(NodeId),
    /// Blocks of strings with a value each.
    Map(NodeId),
    /// A record of one field, whose type is not yet known. Nothing leads to one once the layout is made.
    Same(NodeId),
    /// A record that is not yet known, or never will: it contains itself without an end.
    Endless,
}

/// Consecutive entries of [`Layout::children`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Children {
    first: u32,
    count: u32,
}

impl Layout {
    /// Reads a schema in JSON. Attributes that say nothing about lengths are passed over: defaults, documentation, logical types,
    /// and aliases, by which a reader's schema finds the writer's names and nothing else is found. Answers the text along with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<(&str, Self), SchemaError> {
        let text = str::from_utf8(bytes).map_err(|error| SchemaError(format!("not UTF-8: {error}")))?;
        let schema: Json = serde_json::from_str(text).map_err(|error| SchemaError(format!("not JSON: {error}")))?;
        let mut compiler = Compiler::default();
        let top = compiler.read(&schema, "")?;
        Ok((text, compiler.finish(top)))
    }

    pub(super) fn top(&self) -> NodeId {
        self.top
    }

    #[inline]
    pub(super) fn node(&self, id: NodeId) -> Node {
        self.nodes[id as usize]
    }

    #[inline]
    pub(super) fn children(&self, children: Children) -> &[NodeId] {
        &self.children[children.first as usize..][..children.count as usize]
    }

    /// Whether datums have no bytes at all.
    pub(super) fn is_empty(&self) -> bool {
        self.node(self.top) == Node::Fixed(0)
    }
}

/// A namespace and a name in it.
type FullName<'a> = (&'a str, &'a str);

#[derive(Default)]
struct Compiler<'a> {
    nodes: Vec<Node>,
    children: Vec<NodeId>,
    named: BTreeMap<FullName<'a>, NodeId>,
}

impl<'a> Compiler<'a> {
    /// Reads a type; `space` is the namespace around it. The parser of the JSON bounds how deep this goes.
    fn read(&mut self, schema: &'a Json, space: &'a str) -> Result<NodeId, SchemaError> {
        match schema {
            Json::String(name) => self.refer(name, space),
            Json::Array(branches) => self.union(branches, space),
            Json::Object(object) => self.object(object, space),
            Json::Null | Json::Bool(_) | Json::Number(_) => Err(SchemaError(format!("{schema} stands where a type should"))),
        }
    }

    fn object(&mut self, object: &'a Map<String, Json>, space: &'a str) -> Result<NodeId, SchemaError> {
        let kind = object.get("type").ok_or_else(|| SchemaError("a type has no \"type\"".to_owned()))?;
        match kind.as_str() {
            Some("record" | "error") => self.record(object, space),
            Some("enum") => {
                let id = self.define(full_name(object, space)?)?;
                list(object, "symbols")?;
                self.nodes[id as usize] = Node::Int;
                Ok(id)
            }
            Some("fixed") => {
                let id = self.define(full_name(object, space)?)?;
                let size = object.get("size").and_then(Json::as_u64);
                let size = size.ok_or_else(|| SchemaError("the size of a fixed must be a whole number".to_owned()))?;
                self.nodes[id as usize] = Node::Fixed(size);
                Ok(id)
            }
            Some("array") => {
                let items = self.member(object, "items", space)?;
                Ok(self.add(Node::Array(items)))
            }
            Some("map") => {
                let values = self.member(object, "values", space)?;
                Ok(self.add(Node::Map(values)))
            }
            // A name, or a type that stands where its name would.
            _ => self.read(kind, space),
        }
    }

    fn record(&mut self, object: &'a Map<String, Json>, space: &'a str) -> Result<NodeId, SchemaError> {
        let name = full_name(object, space)?;
        let id = self.define(name)?;
        let mut parts: Vec<NodeId> = Vec::new();
        for field in list(object, "fields")? {
            let field = field.as_object().ok_or_else(|| SchemaError(format!("a field of {} is not an object", Quoted::new(name.1))))?;
            text(field, "name")?;
            let part = self.member(field, "type", name.0)?;
            match (self.node(part), parts.last().map(|last| self.node(*last))) {
                (Node::Fixed(0), _) => {}
                (Node::Fixed(size), Some(Node::Fixed(before))) => {
                    parts.pop();
                    parts.push(self.add(Node::Fixed(size.saturating_add(before))));
                }
                _ => parts.push(part),
            }
        }
        self.nodes[id as usize] = match parts[..] {
            [] => Node::Fixed(0),
            [only] => match self.follow(only) {
                end if end == id => Node::Endless,
                end if self.node(end) == Node::Endless => Node::Same(end),
                end => self.node(end),
            },
            _ => Node::Record(self.add_children(&parts)),
        };
        Ok(id)
    }

    fn union(&mut self, branches: &'a [Json], space: &'a str) -> Result<NodeId, SchemaError> {
        let mut parts = Vec::with_capacity(branches.len());
        for branch in branches {
            if branch.is_array() {
                return Err(SchemaError("a union stands immediately inside a union".to_owned()));
            }
            parts.push(self.read(branch, space)?);
        }
        let children = self.add_children(&parts);
        Ok(self.add(Node::Union(children)))
    }

    fn member(&mut self, object: &'a Map<String, Json>, key: &str, space: &'a str) -> Result<NodeId, SchemaError> {
        let schema = object.get(key).ok_or_else(|| SchemaError(format!("a {} has no {key:?}", what(object))))?;
        self.read(schema, space)
    }

    fn refer(&mut self, name: &'a str, space: &'a str) -> Result<NodeId, SchemaError> {
        let node = match name {
            "null" => Node::Fixed(0),
            "boolean" => Node::Fixed(1),
            "float" => Node::Fixed(4),
            "double" => Node::Fixed(8),
            "int" => Node::Int,
            "long" => Node::Long,
            "bytes" | "string" => Node::Bytes,
            _ => {
                // A name without a namespace is looked for in the one around it, then in none.
                let full = split_name(name).unwrap_or((space, name));
                let found = self.named.get(&full).or_else(|| self.named.get(&("", name)));
                return found.copied().ok_or_else(|| SchemaError(format!("the type {} is not defined before its use", Quoted::new(name))));
            }
        };
        Ok(self.add(node))
    }

    /// Gives a name to a new node, which is to be filled in.
    fn define(&mut self, name: FullName<'a>) -> Result<NodeId, SchemaError> {
        let id = self.add(Node::Endless);
        match self.named.insert(name, id) {
            None => Ok(id),
            Some(_) => Err(SchemaError(format!("the type {} is defined twice", Quoted::new(name.1)))),
        }
    }

    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId::try_from(self.nodes.len() - 1).expect("limits bound the length of a schema, and each node takes some of it")
    }

    fn add_children(&mut self, ids: &[NodeId]) -> Children {
        let first = u32::try_from(self.children.len()).expect("limits bound the length of a schema, and each child takes some of it");
        self.children.extend_from_slice(ids);
        Children { first, count: u32::try_from(ids.len()).expect("as above") }
    }

    fn node(&self, id: NodeId) -> Node {
        self.nodes[id as usize]
    }

    /// The node that records of one field lead to. They lead outwards only, so this comes to an end.
    fn follow(&self, mut id: NodeId) -> NodeId {
        while let Node::Same(next) = self.nodes[id as usize] {
            id = next;
        }
        id
    }

    fn finish(mut self, top: NodeId) -> Layout {
        let top = self.follow(top);
        self.children = self.children.iter().map(|child| self.follow(*child)).collect();
        let nodes = self.nodes.iter().map(|node| match *node {
            Node::Array(items) => Node::Array(self.follow(items)),
            Node::Map(values) => Node::Map(self.follow(values)),
            node => node,
        });
        Layout { nodes: nodes.collect(), children: self.children, top }
    }
}

fn what(object: &Map<String, Json>) -> &'static str {
    match object.get("type").and_then(Json::as_str) {
        Some("array") => "array",
        Some("map") => "map",
        _ => "field",
    }
}

fn list<'a>(object: &'a Map<String, Json>, key: &str) -> Result<&'a [Json], SchemaError> {
    match object.get(key) {
        Some(Json::Array(list)) => Ok(list),
        _ => Err(SchemaError(format!("a type has no list of {key}"))),
    }
}

fn text<'a>(object: &'a Map<String, Json>, key: &str) -> Result<&'a str, SchemaError> {
    match object.get(key) {
        Some(Json::String(text)) => Ok(text),
        _ => Err(SchemaError(format!("a type or a field has no {key}"))),
    }
}

/// The full name of a type that is defined in the namespace `space`.
fn full_name<'a>(object: &'a Map<String, Json>, space: &'a str) -> Result<FullName<'a>, SchemaError> {
    let name = text(object, "name")?;
    let full = match (split_name(name), object.get("namespace")) {
        (Some(full), _) => full,
        (None, Some(Json::String(own))) => (own.as_str(), name),
        (None, _) => (space, name),
    };
    if full.1.is_empty() {
        return Err(SchemaError("a name is empty".to_owned()));
    }
    if full.0.len() + full.1.len() > limits::AVRO_NAME {
        return Err(SchemaError(format!("the name {} is longer than {} bytes", Quoted::new(name), limits::AVRO_NAME)));
    }
    Ok(full)
}

/// A name with dots is a full one.
fn split_name(name: &str) -> Option<FullName<'_>> {
    name.rsplit_once('.')
}
