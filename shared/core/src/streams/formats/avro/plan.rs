//! What data of one schema mean in another: Avro's schema resolution.
//!
//! Fields are matched by name, whatever their order; an int may be read as a long, a float or a double, a long as a float or a double, a
//! float as a double, and strings and bytes as each other. In a union the branch of the same type is taken, or else the first that the value
//! can be read as. What cannot be resolved is an error only for the data that come to it.

use std::collections::BTreeMap;

use super::types::{Id, Node, Record, Types};
use crate::limits;
use crate::streams::formats::json;
use crate::streams::formats::schema::Simple;
use crate::streams::quoted::quoted;

/// The place of a step in its plan.
pub(super) type StepId = usize;

/// How a datum is read.
#[derive(Debug)]
pub(super) struct Plan {
    steps: Vec<Step>,
}

/// How a value is read.
#[derive(Debug)]
pub(super) enum Step {
    Null,
    Boolean,
    Int(Number),
    Long(Number),
    Float(Number),
    Double,
    String,
    Bytes,
    /// For each symbol of the writer: its text in JSON, if the reader has it.
    Enum(Vec<Option<String>>),
    Array(StepId),
    Map(StepId),
    Record(Fields),
    /// For each branch of the writer: how it is read.
    Union(Vec<StepId>),
    /// It is not: for this reason.
    Never(String),
}

/// What a number is read as.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Integer,
    Float,
    Double,
}

/// The fields of a record.
#[derive(Debug)]
pub(super) struct Fields {
    /// Those that are read, in the reader's order.
    pub(super) read: Vec<FieldStep>,
    /// The types of all that are there, in the writer's order.
    pub(super) written: Vec<Id>,
    /// Whether the fields that are read come in the writer's order too.
    pub(super) in_order: bool,
}

/// A field that is read.
#[derive(Debug)]
pub(super) struct FieldStep {
    pub(super) name: String,
    pub(super) key: String,
    /// Its place among the writer's fields.
    pub(super) place: usize,
    pub(super) step: StepId,
}

impl Plan {
    /// Where every plan begins.
    pub(super) const ROOT: StepId = 0;

    /// Works out how data of the writer's types are read as the reader's.
    ///
    /// # Errors
    /// The schemas are too great.
    pub(super) fn new(writer: &Types, reader: &Types) -> Result<Self, String> {
        let mut planning = Planning { writer, reader, ids: BTreeMap::new(), waiting: Vec::new(), comparisons: 0 };
        planning.step(writer.root(), reader.root())?;
        // Not by recursion: a chain of types that refer to each other may be as long as the schema.
        let mut steps = Vec::new();
        while let Some(&(written, read)) = planning.waiting.get(steps.len()) {
            steps.push(planning.resolve(written, read)?);
        }
        Ok(Self { steps })
    }

    pub(super) fn get(&self, id: StepId) -> &Step {
        &self.steps[id]
    }
}

struct Planning<'a> {
    writer: &'a Types,
    reader: &'a Types,
    /// The steps that have their place in the plan.
    ids: BTreeMap<(Id, Id), StepId>,
    /// The pairs that they are for, in the order of the plan.
    waiting: Vec<(Id, Id)>,
    comparisons: usize,
}

impl Planning<'_> {
    fn compare(&mut self) -> Result<(), String> {
        self.comparisons += 1;
        if self.comparisons > limits::AVRO_COMPARISONS { Err("it is too great".to_owned()) } else { Ok(()) }
    }

    fn step(&mut self, written: Id, read: Id) -> Result<StepId, String> {
        self.compare()?;
        let next = self.waiting.len();
        let id = *self.ids.entry((written, read)).or_insert(next);
        if id == next {
            self.waiting.push((written, read));
        }
        Ok(id)
    }

    fn resolve(&mut self, written: Id, read: Id) -> Result<Step, String> {
        let (writer, reader) = (self.writer, self.reader);
        if let Node::Union(branches) = writer.get(written) {
            return branches.iter().map(|&branch| self.step(branch, read)).collect::<Result<_, _>>().map(Step::Union);
        }
        if let Node::Union(branches) = reader.get(read) {
            return match self.branch(written, branches)? {
                Some(branch) => self.resolve(written, branch),
                None => Ok(Step::Never(format!("{} is none of the types of the field", kind(writer.get(written))))),
            };
        }
        Ok(match (writer.get(written), reader.get(read)) {
            (Node::Simple(written), Node::Simple(read)) => simple(*written, *read),
            (Node::Enum { symbols, .. }, Node::Enum { symbols: known, .. }) => {
                for _ in known {
                    self.compare()?;
                }
                let known: std::collections::BTreeSet<_> = known.iter().collect();
                let text = |symbol: &String| known.contains(symbol).then(|| serde_json::Value::from(symbol.as_str()).to_string());
                Step::Enum(symbols.iter().map(text).collect())
            }
            (Node::Array(written), Node::Array(read)) => Step::Array(self.step(*written, *read)?),
            (Node::Map { .. }, Node::Map { keys_are_strings: false, .. }) => {
                Step::Never("a map whose keys are not strings cannot be read".to_owned())
            }
            (Node::Map { values: written, .. }, Node::Map { values: read, .. }) => Step::Map(self.step(*written, *read)?),
            (Node::Record(written), Node::Record(read)) => self.record(written, read)?,
            (written, read) => unlike(kind(written), kind(read)),
        })
    }

    /// The branch of the reader's that a value of the writer's type is read as.
    fn branch(&mut self, written: Id, branches: &[Id]) -> Result<Option<Id>, String> {
        let written = self.writer.get(written);
        let mut found = None;
        for &branch in branches {
            self.compare()?;
            let closeness = closeness(written, self.reader.get(branch));
            // The first of the closest.
            if closeness > found.map_or(0, |(_, closeness)| closeness) {
                found = Some((branch, closeness));
            }
        }
        Ok(found.map(|(branch, _)| branch))
    }

    fn record(&mut self, written: &Record, read: &Record) -> Result<Step, String> {
        let mut fields = Vec::with_capacity(read.fields.len());
        for (name, kind) in &read.fields {
            let Some(&place) = written.places.get(name) else {
                return Ok(Step::Never(format!("was written without the field {}", quoted(name))));
            };
            let step = self.step(written.fields[place].1, *kind)?;
            fields.push(FieldStep { name: name.clone(), key: json::key(name), place, step });
        }
        for _ in &written.fields {
            self.compare()?;
        }
        let in_order = fields.is_sorted_by_key(|field| field.place);
        let written = written.fields.iter().map(|(_, kind)| *kind).collect();
        Ok(Step::Record(Fields { read: fields, written, in_order }))
    }
}

/// How close a written type is to a read one: 3 the same, 2 of the same kind under another name, 1 one that it can be read as, 0 neither.
fn closeness(written: &Node, read: &Node) -> u8 {
    fn same_name(a: &str, b: &str) -> u8 {
        let last = |name: &str| name.rfind('.').map_or(0, |dot| dot + 1);
        if a[last(a)..] == b[last(b)..] { 3 } else { 2 }
    }
    match (written, read) {
        (Node::Simple(written), Node::Simple(read)) if written == read => 3,
        (Node::Simple(written), Node::Simple(read)) => u8::from(!matches!(simple(*written, *read), Step::Never(_))),
        (Node::Array(_), Node::Array(_)) | (Node::Map { .. }, Node::Map { .. }) => 3,
        (Node::Record(written), Node::Record(read)) => same_name(&written.name, &read.name),
        (Node::Enum { name: written, .. }, Node::Enum { name: read, .. }) => same_name(written, read),
        _ => 0,
    }
}

fn simple(written: Simple, read: Simple) -> Step {
    match (written, read) {
        (Simple::Null, Simple::Null) => Step::Null,
        (Simple::Boolean, Simple::Boolean) => Step::Boolean,
        (Simple::Int, Simple::Int | Simple::Long) => Step::Int(Number::Integer),
        (Simple::Int, Simple::Float) => Step::Int(Number::Float),
        (Simple::Int, Simple::Double) => Step::Int(Number::Double),
        (Simple::Long, Simple::Long) => Step::Long(Number::Integer),
        (Simple::Long, Simple::Float) => Step::Long(Number::Float),
        (Simple::Long, Simple::Double) => Step::Long(Number::Double),
        (Simple::Float, Simple::Float) => Step::Float(Number::Float),
        (Simple::Float, Simple::Double) => Step::Float(Number::Double),
        (Simple::Double, Simple::Double) => Step::Double,
        (Simple::String | Simple::Bytes, Simple::String) => Step::String,
        (Simple::String | Simple::Bytes, Simple::Bytes) => Step::Bytes,
        _ => unlike(written.name(), read.name()),
    }
}

fn unlike(written: &str, read: &str) -> Step {
    Step::Never(format!("was written as {written}, which cannot be read as {read}"))
}

fn kind(node: &Node) -> &'static str {
    match node {
        Node::Simple(simple) => simple.name(),
        Node::Fixed(_) => "fixed",
        Node::Enum { .. } => "enum",
        Node::Array(_) => "array",
        Node::Map { .. } => "map",
        Node::Record(_) => "record",
        Node::Union(_) => "union",
    }
}
