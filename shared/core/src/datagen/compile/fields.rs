//! Compiles dimensions: one per kind of field.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::distributions::{self, Reading};
use super::{Compiler, all, type_of};
use crate::datagen::draws::{Chance, Index};
use crate::datagen::plan::{Count, CounterPlan, Field, Value};
use crate::datagen::text::{Output, json_string, push_float};
use crate::limits;
use crate::mistakes::Node;
use crate::random::FieldId;

/// The 100 printable ASCII characters of Python's `string.printable`.
const PRINTABLE: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\r\u{b}\u{c}";

/// Where a dimension stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Directly in an emitter, or inside an object or list: numbers are JSON numbers.
    Member,
    /// A state's variable: its own number is a JSON text.
    Variable,
    /// Inside something that has a pool, which is filled before there is any entity.
    Pooled,
}

impl Place {
    /// Where the dimensions inside an object or list stand.
    fn inside(self) -> Self {
        match self {
            Self::Member | Self::Variable => Self::Member,
            Self::Pooled => Self::Pooled,
        }
    }
}

/// Whether all values of a dimension are known when it is compiled: those of an enum or a pool.
pub(super) fn has_prepared_values(dimension: &Json) -> bool {
    match type_of(dimension).as_deref() {
        Some("enum") => true,
        Some("counter" | "variable") | None => false,
        Some(_) => dimension.get("cardinality").and_then(Json::as_f64).is_some_and(|cardinality| cardinality >= 1.0),
    }
}

/// The name of a dimension, if no other one of its kind has it: `doubled` says what is wrong then.
pub(super) fn name_once<'a>(dimension: &Node<'a>, seen: &mut BTreeSet<&'a str>, doubled: impl Fn(&str) -> String) -> Option<&'a str> {
    let node = dimension.required("name")?;
    let name = node.text()?;
    if seen.insert(name) { Some(name) } else { node.wrong(doubled(name)) }
}

/// The chances of a dimension to be missing and to be null.
pub(super) fn chances(node: &Node<'_>) -> (Option<Chance>, Option<Chance>) {
    (chance(node, "percent_missing"), chance(node, "percent_nulls"))
}

/// A percentage as a chance; absent means never.
fn chance(node: &Node<'_>, member: &str) -> Option<Chance> {
    let Some(percent) = node.optional(member) else { return Some(Chance::NEVER) };
    let value = percent.number()?;
    if (0.0..=100.0).contains(&value) {
        Some(Chance::of(value / 100.0))
    } else {
        percent.wrong(format!("must be from 0 to 100, not {value}"))
    }
}

/// The cardinality, 0 when absent.
fn cardinality(node: &Node<'_>) -> Option<usize> {
    let Some(member) = node.optional("cardinality") else { return Some(0) };
    #[expect(clippy::cast_possible_wrap, reason = "a small limit")]
    let cardinality = member.integer_within(0, limits::POOL as i64)?;
    Some(usize::try_from(cardinality).expect("checked not to be negative"))
}

impl Compiler {
    /// A dimension whose values are drawn, or that draws among prepared ones.
    pub(super) fn field(&mut self, node: &Node<'_>, id: FieldId, place: Place, depth: usize) -> Option<Field> {
        self.fields += 1;
        if depth > limits::NESTING {
            return node.wrong(format!("objects and lists nest deeper than {}", limits::NESTING));
        }
        let (missing, null) = chances(node);
        let value = if has_prepared_values(node.value()) {
            let prepared = self.prepared_values_at(node, id, place, depth);
            prepared.map(|(texts, index)| Value::Prepared { index, base: self.add_pieces(texts.iter()) })
        } else {
            self.drawn_value(node, id, place, depth)
        };
        Some(Field { id, missing: missing?, null: null?, value: value? })
    }

    /// The values of an enum or a pool, rendered, with the draw of their index.
    pub(super) fn prepared_values(&mut self, node: &Node<'_>, id: FieldId, place: Place) -> Option<(Vec<Vec<u8>>, Index)> {
        self.prepared_values_at(node, id, place, 0)
    }

    fn prepared_values_at(&mut self, node: &Node<'_>, id: FieldId, place: Place, depth: usize) -> Option<(Vec<Vec<u8>>, Index)> {
        let is_enum = type_of(node.value()).as_deref() == Some("enum");
        let texts = if is_enum { enum_texts(node) } else { cardinality(node).and_then(|size| self.pool(node, id, place, depth, size)) };
        let picked = distributions::real(&node.required("cardinality_distribution")?, Reading::Truncated);
        let (texts, picked) = (texts?, picked?);
        let index = Index::clamped(&picked, texts.len());
        Some((texts, index))
    }

    /// A value that is drawn afresh at every record.
    pub(super) fn drawn_value(&mut self, node: &Node<'_>, id: FieldId, place: Place, depth: usize) -> Option<Value> {
        let word = node.required("type")?;
        let kind = word.text()?.to_ascii_lowercase();
        if kind != "counter" && kind != "variable" {
            // Unused here, but not to be wrong.
            cardinality(node);
            if let Some(unused) = node.optional("cardinality_distribution") {
                distributions::real(&unused, Reading::Truncated);
            }
        }
        let quoted = place == Place::Variable;
        match kind.as_str() {
            "counter" => self.counter(node),
            "string" => self.text(node),
            "int" => Some(Value::Integer { draw: distributions::integer(&node.required("distribution")?)?, quoted }),
            "float" => {
                let draw = node.required("distribution").and_then(|distribution| distributions::real(&distribution, Reading::Plain));
                let precision = match node.optional("precision") {
                    None => Some(None),
                    Some(precision) => precision.integer_within(0, 30).map(|decimals| usize::try_from(decimals).ok()),
                };
                Some(Value::Float { draw: draw?, precision: precision?, quoted })
            }
            "timestamp" => Some(Value::Moment { draw: distributions::moment(&node.required("distribution")?)? }),
            "ipaddress" => Some(Value::Address { draw: distributions::address(&node.required("distribution")?)? }),
            "variable" => self.variable(node, place),
            "object" => self.object(node, id, place, depth),
            "list" => self.list(node, id, place, depth),
            _ => word.wrong(format!(
                "unknown dimension type {:?}; known are counter, enum, string, int, float, timestamp, ipaddress, variable, object, list",
                word.text()?
            )),
        }
    }

    fn counter(&mut self, node: &Node<'_>) -> Option<Value> {
        let count = |member: &str, default: i128| match node.optional(member) {
            None => Some(Count::Whole(default)),
            Some(number) => match number.value().as_i64() {
                Some(whole) => Some(Count::Whole(whole.into())),
                None => number.number().map(Count::Real),
            },
        };
        let (start, increment) = (count("start", 0), count("increment", 1));
        self.counters.push(CounterPlan { start: start?, increment: increment? });
        Some(Value::Counter { counter: self.counters.len() - 1 })
    }

    fn text(&mut self, node: &Node<'_>) -> Option<Value> {
        let length = node.required("length_distribution").and_then(|length| distributions::length(&length));
        let letters = letters(node);
        let (length, letters) = (length?, letters?);
        let alphabet = self.add_pieces(letters.iter());
        Some(Value::Text { length, alphabet, letters: u32::try_from(letters.len()).expect("a request is smaller than that") })
    }

    fn variable(&mut self, node: &Node<'_>, place: Place) -> Option<Value> {
        let variable = node.required("variable")?;
        let name = variable.text()?;
        if place == Place::Pooled {
            return variable
                .wrong("a variable cannot stand inside something with a cardinality: its pool is filled before there is any entity");
        }
        match self.variables.get(name) {
            Some(found) => Some(Value::Variable(found.slot)),
            None => variable.wrong(format!("no state sets a variable called {name:?}")),
        }
    }

    fn object(&mut self, node: &Node<'_>, id: FieldId, place: Place, depth: usize) -> Option<Value> {
        let dimensions = node.required("dimensions")?.elements()?;
        let mut seen = BTreeSet::new();
        let members = all(dimensions.iter().map(|dimension| {
            dimension.expect_object()?;
            let name = name_once(dimension, &mut seen, |name| format!("this object has {name:?} already"));
            let field = self.field(dimension, id.child(name.unwrap_or_default()), place.inside(), depth + 1);
            let (name, field) = (name?, field?);
            Some((self.pieces.add(&[json_string(name).as_slice(), b":"].concat()), field))
        }));
        Some(Value::Object { members: members? })
    }

    fn list(&mut self, node: &Node<'_>, id: FieldId, place: Place, depth: usize) -> Option<Value> {
        let elements = node.required("elements").and_then(|elements| {
            let nodes = elements.elements()?;
            if nodes.is_empty() {
                return elements.wrong("must hold at least one element");
            }
            all(nodes.iter().enumerate().map(|(i, element)| {
                element.expect_object()?;
                self.field(element, id.child(&format!("[{i}]")), place.inside(), depth + 1)
            }))
        });
        let length = node.required("length_distribution").and_then(|length| distributions::length(&length));
        let selection = node.required("selection_distribution").and_then(|selection| distributions::real(&selection, Reading::Truncated));
        let (elements, length, selection) = (elements?, length?, selection?);
        let selection = Index::clamped(&selection, elements.len());
        Some(Value::List { elements, length, selection })
    }
}

/// The letters of a string as JSON text without quotes: the characters of `chars`, or its items.
fn letters(node: &Node<'_>) -> Option<Vec<Vec<u8>>> {
    let escaped = |text: &str| {
        let quoted = json_string(text);
        quoted[1..quoted.len() - 1].to_vec()
    };
    let each = |text: &str| text.chars().map(|letter| escaped(letter.encode_utf8(&mut [0; 4]))).collect();
    let Some(chars) = node.optional("chars") else { return Some(each(PRINTABLE)) };
    let letters: Vec<Vec<u8>> = match chars.value() {
        Json::Array(_) => all(chars.elements()?.iter().map(|item| item.text().map(escaped)))?,
        Json::String(text) => each(text),
        _ => return chars.wrong("must be a text or an array of texts"),
    };
    if letters.is_empty() { chars.wrong("must hold at least one character") } else { Some(letters) }
}

/// The values of an enum as JSON: texts and numbers quoted, `null`, truth values, objects and arrays as they are.
fn enum_texts(node: &Node<'_>) -> Option<Vec<Vec<u8>>> {
    let values = node.required("values")?;
    let Json::Array(items) = values.value() else { return values.wrong("must be an array") };
    if items.is_empty() {
        return values.wrong("must hold at least one value");
    }
    Some(items.iter().map(enum_text).collect())
}

fn enum_text(value: &Json) -> Vec<u8> {
    match value {
        Json::Number(number) => {
            let mut output = Output::default();
            match number.as_f64() {
                Some(real) if !number.is_i64() && !number.is_u64() => push_float(&mut output, real),
                _ => output.push(number.to_string().as_bytes()),
            }
            [b"\"", output.into_bytes().as_slice(), b"\""].concat()
        }
        other => serde_json::to_vec(other).expect("a JSON value is always JSON"),
    }
}
