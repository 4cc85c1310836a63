//! Base elements, packed.

use std::ops::Range;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::list_text::{Entries, without_blanks};
use super::number;

/// What the base elements of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// A number.
    Sample,
    /// An array of numbers; it spans as many samples as it has.
    Vector,
    /// An array of numbers and of such arrays; it spans as many samples as there are numbers in it.
    List,
    /// An object; the table says how many samples it spans.
    Json,
}

impl ElementType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sample, Self::Vector, Self::List, Self::Json];

    /// Its name in definitions.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Vector => "vector",
            Self::List => "list",
            Self::Json => "json",
        }
    }

    /// The element of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|element| element.name() == name)
    }

    /// What one of them is, with its article.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Self::Sample => "a number",
            Self::Vector => "an array of numbers",
            Self::List => "an array of numbers or of such arrays",
            Self::Json => "an object",
        }
    }

    /// Whether every element spans the same number of samples.
    #[must_use]
    pub fn is_even(self) -> bool {
        matches!(self, Self::Sample | Self::Json)
    }
}

/// A JSON value that is no element of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnElement {
    /// It is something else.
    #[error("must be {}", .0.described())]
    Kind(ElementType),
    /// It is no JSON, or too great a number.
    #[error("is not valid JSON: {0}")]
    Json(String),
}

/// Base elements of one type, one behind the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    element: ElementType,
    /// Samples that one spans, where all span the same.
    measure: u32,
    body: Body,
}

#[derive(Debug, Clone, PartialEq)]
enum Body {
    Samples(Vec<f64>),
    /// The numbers of all vectors, and how many there are up to the end of each.
    Vectors {
        values: Vec<f64>,
        ends: Vec<u32>,
    },
    /// The texts of all elements, how long they are up to the end of each, and how many samples all up to it span.
    Texts {
        text: Vec<u8>,
        ends: Vec<u32>,
        spans: Vec<u64>,
    },
}

/// Bytes one behind the other, many at a time.
fn joined<const N: usize>(parts: impl ExactSizeIterator<Item = [u8; N]>) -> Bytes {
    let mut bytes = vec![0; parts.len() * N];
    bytes.as_chunks_mut().0.iter_mut().zip(parts).for_each(|(bytes, part)| *bytes = part);
    bytes.into()
}

/// How samples lie in a chunk.
const SINGLE: u8 = 4;
const DOUBLE: u8 = 8;
const OTHER: u8 = 0;

/// Bytes that stand for rows, and what has to be known to read them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Packed {
    pub(super) bytes: Bytes,
    /// Bytes that one sample takes; 0 for other elements, which can only be read together.
    pub(super) width: u8,
}

impl Rows {
    /// No elements yet; `measure` is how many samples a `json` element spans.
    #[must_use]
    pub fn new(element: ElementType, measure: u32) -> Self {
        let body = match element {
            ElementType::Sample => Body::Samples(Vec::new()),
            ElementType::Vector => Body::Vectors { values: Vec::new(), ends: Vec::new() },
            ElementType::List | ElementType::Json => Body::Texts { text: Vec::new(), ends: Vec::new(), spans: Vec::new() },
        };
        Self { element, measure: if element == ElementType::Json { measure } else { 1 }, body }
    }

    /// These samples.
    #[must_use]
    pub fn of_samples(samples: Vec<f64>) -> Self {
        Self { element: ElementType::Sample, measure: 1, body: Body::Samples(samples) }
    }

    /// Whether those are of the same type, and span as much.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        (self.element, self.measure) == (other.element, other.measure)
    }

    /// What they are.
    #[must_use]
    pub fn element(&self) -> ElementType {
        self.element
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.body {
            Body::Samples(samples) => samples.len(),
            Body::Vectors { ends, .. } | Body::Texts { ends, .. } => ends.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that they take packed, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.body {
            Body::Samples(samples) => samples.len() * 8,
            Body::Vectors { values, ends } => values.len() * 8 + ends.len() * 4,
            Body::Texts { text, ends, .. } => text.len() + ends.len() * 8,
        }
    }

    /// Samples that all of them span.
    #[must_use]
    pub fn span(&self) -> u64 {
        self.span_before(self.len())
    }

    /// Samples that the first so many span.
    #[must_use]
    pub fn span_before(&self, index: usize) -> u64 {
        match &self.body {
            Body::Samples(_) => index as u64,
            Body::Vectors { ends, .. } => index.checked_sub(1).map_or(0, |last| ends[last].into()),
            Body::Texts { spans, .. } => index.checked_sub(1).map_or(0, |last| spans[last]),
        }
    }

    /// How many lie before the first one that begins `samples` samples or more behind the beginning of all.
    #[must_use]
    pub fn begin_before(&self, samples: u64) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.span_before(middle) < samples { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Adds an element that is JSON.
    ///
    /// # Errors
    /// When it is not of the type; nothing is added then.
    pub fn push_json(&mut self, json: &[u8]) -> Result<(), NotAnElement> {
        let element = self.element;
        let wrong = |error: serde_json::Error| match error.classify() {
            serde_json::error::Category::Data => NotAnElement::Kind(element),
            _ => NotAnElement::Json(error.to_string()),
        };
        match &mut self.body {
            Body::Samples(samples) => match number::read(json) {
                Some(sample) => samples.push(sample),
                None => return Err(number::complaint(json, element)),
            },
            Body::Vectors { values, ends } => {
                let before = values.len();
                if !number::read_all(json, values) {
                    values.truncate(before);
                    return Err(number::complaint(json, element));
                }
                ends.push(end_of(values.len()));
            }
            Body::Texts { text, ends, spans } => {
                let raw: &RawValue = serde_json::from_slice(json).map_err(wrong)?;
                let measure = match element {
                    ElementType::Json if raw.get().starts_with('{') => u64::from(self.measure),
                    ElementType::List => serde_json::from_str::<Entries>(raw.get()).map_err(wrong)?.0,
                    _ => return Err(NotAnElement::Kind(element)),
                };
                without_blanks(raw.get().as_bytes(), text);
                ends.push(end_of(text.len()));
                spans.push(spans.last().copied().unwrap_or(0) + measure);
            }
        }
        Ok(())
    }

    /// Adds samples; only for that type of element.
    ///
    /// # Panics
    /// When the elements are others.
    pub fn push_samples(&mut self, more: &[f64]) {
        match &mut self.body {
            Body::Samples(samples) => samples.extend_from_slice(more),
            _ => panic!("these are no samples"),
        }
    }

    /// The samples, if they are that.
    #[must_use]
    pub fn samples(&self) -> Option<&[f64]> {
        match &self.body {
            Body::Samples(samples) => Some(samples),
            _ => None,
        }
    }

    /// The numbers of samples or of vectors, of those in `range`.
    #[must_use]
    pub fn numbers(&self, range: Range<usize>) -> Option<&[f64]> {
        match &self.body {
            Body::Samples(samples) => Some(&samples[range]),
            Body::Vectors { values, .. } => Some(&values[self.span_before(range.start) as usize..self.span_before(range.end) as usize]),
            Body::Texts { .. } => None,
        }
    }

    /// The JSON of a list or an object.
    #[must_use]
    pub fn text(&self, index: usize) -> Option<&[u8]> {
        match &self.body {
            Body::Texts { text, ends, .. } => Some(&text[index.checked_sub(1).map_or(0, |last| ends[last] as usize)..ends[index] as usize]),
            _ => None,
        }
    }

    /// Those in `range`.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let mut part = Self::new(self.element, self.measure);
        part.append(self, range);
        part
    }

    /// Adds those of another set in `range`; both hold the same type of element.
    ///
    /// # Panics
    /// When they do not.
    pub fn append(&mut self, other: &Self, range: Range<usize>) {
        let begin = other.span_before(range.start);
        match (&mut self.body, &other.body) {
            (Body::Samples(samples), Body::Samples(more)) => samples.extend_from_slice(&more[range]),
            (Body::Vectors { values, ends }, Body::Vectors { values: more, ends: others }) => {
                let base = values.len();
                let from = begin as usize;
                ends.extend(others[range].iter().map(|end| end_of(base + *end as usize - from)));
                values.extend_from_slice(&more[from..from + (*ends.last().unwrap_or(&0) as usize).saturating_sub(base)]);
            }
            (Body::Texts { text, ends, spans }, Body::Texts { text: more, ends: others, spans: other_spans }) => {
                let (base, span) = (text.len(), spans.last().copied().unwrap_or(0));
                let from = range.start.checked_sub(1).map_or(0, |last| others[last] as usize);
                let until = range.end.checked_sub(1).map_or(0, |last| others[last] as usize).max(from);
                ends.extend(others[range.clone()].iter().map(|end| end_of(base + *end as usize - from)));
                spans.extend(other_spans[range].iter().map(|end| span + end - begin));
                text.extend_from_slice(&more[from..until]);
            }
            _ => panic!("two types of elements cannot be joined"),
        }
    }

    /// Takes the first so many away.
    pub fn drop_front(&mut self, count: usize) {
        match &mut self.body {
            Body::Samples(samples) => drop(samples.drain(..count)),
            _ => *self = self.slice(count..self.len()),
        }
    }

    /// The bytes that stand for them.
    pub(super) fn pack(&self) -> Packed {
        match &self.body {
            // Sound that came from 16 bits and signals of plain numbers fit into half of the space without a loss.
            Body::Samples(samples) if samples.iter().all(|&sample| is_single(sample)) => {
                #[expect(clippy::cast_possible_truncation, reason = "checked to lose nothing")]
                let packed = samples.iter().map(|&sample| (sample as f32).to_le_bytes());
                Packed { bytes: joined(packed), width: SINGLE }
            }
            Body::Samples(samples) => Packed { bytes: joined(samples.iter().map(|sample| sample.to_le_bytes())), width: DOUBLE },
            Body::Vectors { values, ends } => {
                let mut bytes = Vec::with_capacity(4 + ends.len() * 4 + values.len() * 8);
                bytes.extend(end_of(ends.len()).to_le_bytes());
                bytes.extend(ends.iter().flat_map(|end| end.to_le_bytes()));
                bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
                Packed { bytes: bytes.into(), width: OTHER }
            }
            Body::Texts { text, ends, spans } => {
                let mut bytes = Vec::with_capacity(4 + ends.len() * 12 + text.len());
                bytes.extend(end_of(ends.len()).to_le_bytes());
                bytes.extend(ends.iter().flat_map(|end| end.to_le_bytes()));
                if self.element == ElementType::List {
                    bytes.extend(spans.iter().flat_map(|span| span.to_le_bytes()));
                }
                bytes.extend_from_slice(text);
                Packed { bytes: bytes.into(), width: OTHER }
            }
        }
    }

    /// The elements that these bytes stand for; `None` when they are damaged.
    pub(super) fn unpack(element: ElementType, measure: u32, bytes: &[u8], width: u8) -> Option<Self> {
        let mut rows = Self::new(element, measure);
        let words = |bytes: &[u8]| -> Vec<u32> { bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect() };
        match &mut rows.body {
            Body::Samples(samples) if width == SINGLE => {
                let (singles, []) = bytes.as_chunks() else { return None };
                samples.extend(singles.iter().map(|single| f64::from(f32::from_le_bytes(*single))));
            }
            Body::Samples(samples) => {
                let (doubles, []) = bytes.as_chunks() else { return None };
                samples.extend(doubles.iter().map(|double| f64::from_le_bytes(*double)));
            }
            Body::Vectors { values, ends } => {
                let (count, rest) = bytes.split_first_chunk()?;
                let (head, rest) = rest.split_at_checked((u32::from_le_bytes(*count) as usize).checked_mul(4)?)?;
                let (doubles, []) = rest.as_chunks() else { return None };
                *ends = words(head);
                values.extend(doubles.iter().map(|double| f64::from_le_bytes(*double)));
                if !ends.is_sorted() || ends.last().map_or(0, |end| *end as usize) != values.len() {
                    return None;
                }
            }
            Body::Texts { text, ends, spans } => {
                let (count, rest) = bytes.split_first_chunk()?;
                let count = u32::from_le_bytes(*count) as usize;
                let (head, mut rest) = rest.split_at_checked(count.checked_mul(4)?)?;
                *ends = words(head);
                if element == ElementType::List {
                    let (head, behind) = rest.split_at_checked(count.checked_mul(8)?)?;
                    spans.extend(head.as_chunks().0.iter().map(|span| u64::from_le_bytes(*span)));
                    rest = behind;
                } else {
                    spans.extend((1..=count as u64).map(|number| number * u64::from(measure)));
                }
                if !ends.is_sorted() || !spans.is_sorted() || ends.last().map_or(0, |end| *end as usize) != rest.len() {
                    return None;
                }
                text.extend_from_slice(rest);
            }
        }
        Some(rows)
    }
}

/// What a chunk holds is far below this.
fn end_of(length: usize) -> u32 {
    u32::try_from(length).expect("a set of rows is below four gigabytes")
}

fn is_single(sample: f64) -> bool {
    #[expect(clippy::cast_possible_truncation, reason = "what is lost is looked at")]
    let single = f64::from(sample as f32);
    single.to_bits() == sample.to_bits()
}

#[cfg(test)]
mod tests;
