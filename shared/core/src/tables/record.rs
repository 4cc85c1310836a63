//! A table as it is stored: one small document that says which chunks hold its elements.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::rows::{Packed, Rows};
use super::{Definition, ElementType};
use crate::ids::TaskId;
use crate::limits;
use crate::ports::{Key, Timestamp};

/// Writers whose numbers are remembered: more than jobs and parts of fleets may run at once.
const WRITERS: usize = 2 * limits::RUNNING_JOBS;

/// Commits that are remembered. So many others would have to come between a write and the look at what became of it.
const COMMITS: usize = 32;

/// A place in a table: before which element, counted from the first one that ever was, and before which sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) element: u64,
    pub(super) sample: u64,
}

impl Place {
    pub(super) fn behind(self, elements: u64, span: u64) -> Self {
        Self { element: self.element + elements, sample: self.sample + span }
    }
}

/// A run of elements in one chunk. Stored as an array: a table has many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u64, u64, u8)", into = "(u64, u64, u64, u64, u8)")]
pub(super) struct Chunk {
    /// The chunk's name within the table.
    pub(super) id: u64,
    /// Elements in it.
    pub(super) elements: u64,
    /// Samples that they span.
    pub(super) span: u64,
    /// Bytes that it has.
    pub(super) bytes: u64,
    /// Bytes that each sample takes; 0 for other elements.
    pub(super) width: u8,
}

impl From<(u64, u64, u64, u64, u8)> for Chunk {
    fn from((id, elements, span, bytes, width): (u64, u64, u64, u64, u8)) -> Self {
        Self { id, elements, span, bytes, width }
    }
}

impl From<Chunk> for (u64, u64, u64, u64, u8) {
    fn from(chunk: Chunk) -> Self {
        (chunk.id, chunk.elements, chunk.span, chunk.bytes, chunk.width)
    }
}

/// A run of chunks whose list is a chunk itself, so that the document of a long table stays small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    /// The chunk that holds the list.
    pub(super) id: u64,
    /// Bytes of the list.
    pub(super) bytes: u64,
    /// Elements in all its chunks.
    pub(super) elements: u64,
    /// Samples that they span.
    pub(super) span: u64,
}

/// The newest elements, as long as they are too few for a chunk.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tail(pub(super) Packed);

impl Serialize for Tail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (STANDARD.encode(&self.0.bytes), self.0.width).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (text, width) = <(String, u8)>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
        Ok(Self(Packed { bytes: bytes.into(), width }))
    }
}

/// How far the source of a table has been followed. Written together with the elements that came of it, so none comes twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Followed {
    /// A signal in real time: the sample `from` was due at `began`.
    Signal { began: Timestamp, from: u64 },
    /// The other table of this id, from its beginning on. Elements have the same numbers here and there.
    Table { id: String, begun: bool },
    /// A stream, up to an event.
    Stream { log: String, position: Option<(i64, u64)>, held: Option<Held> },
}

/// The number of a stream that holds until the next one comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    /// The time of the first event of all, in milliseconds since 1970: where the table begins.
    pub(super) origin: i64,
    /// The bits of the number.
    pub(super) value: u64,
}

/// A table as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// Tells it from another table that had the same name.
    pub(super) id: String,
    /// The definition as it is shown.
    pub(super) definition: Value,
    /// The operations that its source has been through already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) inherited: Vec<Value>,
    /// The task that follows its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) task: Option<TaskId>,
    /// Where the first chunk begins.
    pub(super) first: Place,
    /// Where the newest element begins.
    pub(super) newest: Place,
    /// Where the newest element ends.
    pub(super) end: Place,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) pages: Vec<Page>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) chunks: Vec<Chunk>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tail: Option<Tail>,
    pub(super) finished: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) followed: Option<Followed>,
    /// Up to which number there is what writers have numbered; whoever has appended last is the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) writers: Vec<(String, u64)>,
    /// The last commits, each under a number of its own: where the answer to a write was lost, this tells whether it was made.
    #[serde(default)]
    pub(super) commits: Vec<u64>,
    /// Why its source cannot be followed, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trouble: Option<String>,
}

impl Record {
    pub(super) fn new(id: String, definition: &Definition) -> Self {
        Self {
            id,
            definition: Value::Object(definition.to_json()),
            inherited: Vec::new(),
            task: None,
            first: Place::default(),
            newest: Place::default(),
            end: Place::default(),
            pages: Vec::new(),
            chunks: Vec::new(),
            tail: None,
            finished: false,
            followed: None,
            writers: Vec::new(),
            commits: Vec::new(),
            trouble: None,
        }
    }

    /// Up to which number there is what a writer has numbered.
    pub(super) fn taken(&self, writer: &str) -> u64 {
        self.writers.iter().find(|(name, _)| name == writer).map_or(0, |(_, taken)| *taken)
    }

    /// Notes up to which number there is what a writer has numbered.
    pub(super) fn note_taken(&mut self, writer: &str, taken: u64) {
        self.writers.retain(|(name, _)| name != writer);
        let surplus = (self.writers.len() + 1).saturating_sub(WRITERS);
        self.writers.drain(..surplus);
        self.writers.push((writer.to_owned(), taken));
    }

    /// Notes a commit.
    pub(super) fn note_commit(&mut self, commit: u64) {
        let surplus = (self.commits.len() + 1).saturating_sub(COMMITS);
        self.commits.drain(..surplus);
        self.commits.push(commit);
    }

    /// The prefix of its chunks.
    pub(super) fn prefix(&self) -> Key {
        prefix_of(&self.id)
    }

    pub(super) fn chunk_key(&self, id: u64) -> Key {
        self.prefix().child(&format!("{id:013x}")).expect("a number is short")
    }

    /// The elements that are in no chunk.
    pub(super) fn tail_rows(&self, element: ElementType, measure: u32) -> Option<Rows> {
        match &self.tail {
            None => Some(Rows::new(element, measure)),
            Some(Tail(packed)) => Rows::unpack(element, measure, &packed.bytes, packed.width),
        }
    }
}

/// What all chunks of a table begin with.
pub(super) fn prefix_of(id: &str) -> Key {
    Key::root("tables").child(id).expect("an id is short")
}
