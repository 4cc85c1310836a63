//! Bodies of requests that append to a table, cut into elements as they arrive. Pure, whatever pieces a body comes in.

mod array;
mod lines;
mod octets;
#[cfg(test)]
mod tests;

use std::fmt;

use super::wav::{WavError, WavReader};
use super::{ElementType, NotAnElement, Rows, SampleRate};
use crate::limits;

/// What a body can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngestKind {
    /// JSON, one element on each line.
    Lines,
    /// One JSON array of elements.
    Array,
    /// Samples as little-endian doubles.
    Octets,
    /// Samples as a WAV file.
    Wav,
}

impl IngestKind {
    /// What a content type means; its parameters do not matter.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/x-ndjson" | "application/ndjson" => Some(Self::Lines),
            "application/json" => Some(Self::Array),
            "application/octet-stream" => Some(Self::Octets),
            "audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => Some(Self::Wav),
            _ => None,
        }
    }

    /// The content type of such bodies.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Lines => "application/x-ndjson",
            Self::Array => "application/json",
            Self::Octets => "application/octet-stream",
            Self::Wav => "audio/wav",
        }
    }
}

/// Where something is in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line; the first is 1, and blank ones count.
    Line(u64),
    /// An element of an array; the first is 1.
    Element(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Element(number) => write!(f, "element {number} of the array"),
        }
    }
}

/// Why a body is not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum IngestError {
    /// An element is not one of this table.
    #[error("{0}: {1}")]
    Element(Place, NotAnElement),
    /// The text of an element is longer than [`limits::ELEMENT_TEXT`].
    #[error("{0} is longer than {most} bytes", most = limits::ELEMENT_TEXT)]
    TooLong(Place),
    /// The body is no JSON array.
    #[error("the body is not a JSON array of elements: {0}")]
    Array(&'static str),
    /// The body ends within a double.
    #[error("the body ends {0} bytes after a whole number of doubles of 8 bytes")]
    Octets(usize),
    /// The body is no WAV file that can be read.
    #[error("the body is not a WAV file that can be read: {0}")]
    Wav(#[from] WavError),
    /// The WAV file has another rate than the table.
    #[error("the WAV file has {file} samples a second, and the table {table}")]
    Rate {
        /// The rate of the file.
        file: u32,
        /// The rate of the table.
        table: SampleRate,
    },
    /// Such a body holds samples, and the table does not.
    #[error("{} is for tables of samples; send application/x-ndjson or application/json to this one", .0.content_type())]
    Unfit(IngestKind),
}

/// Reads one body. The rows do not depend on how it was cut into pieces.
///
/// Nothing is known to be whole before [`Self::finish`], so rows that were read are to be kept only after that.
#[derive(Debug)]
pub struct Ingest {
    reader: Reader,
    packer: Packer,
    rate: SampleRate,
}

#[derive(Debug)]
enum Reader {
    Lines(lines::Lines),
    Array(array::Array),
    Octets(octets::Octets),
    Wav(Box<WavReader>),
}

impl Ingest {
    /// Reads a body of this kind for a table with these elements at this rate; `measure` is how many samples a JSON object spans.
    ///
    /// # Errors
    /// [`IngestError::Unfit`] when such bodies hold samples, and the table does not.
    pub fn new(kind: IngestKind, element: ElementType, rate: SampleRate, measure: u32) -> Result<Self, IngestError> {
        if matches!(kind, IngestKind::Octets | IngestKind::Wav) && element != ElementType::Sample {
            return Err(IngestError::Unfit(kind));
        }
        let reader = match kind {
            IngestKind::Lines => Reader::Lines(lines::Lines::default()),
            IngestKind::Array => Reader::Array(array::Array::default()),
            IngestKind::Octets => Reader::Octets(octets::Octets::default()),
            IngestKind::Wav => Reader::Wav(Box::default()),
        };
        Ok(Self { reader, packer: Packer { element, measure, rows: Rows::new(element, measure), samples: Vec::new() }, rate })
    }

    /// Takes the next piece of the body: the rows that end within it.
    ///
    /// # Errors
    /// What is wrong with the body. Nothing is to follow.
    pub fn push(&mut self, piece: &[u8]) -> Result<Rows, IngestError> {
        let Self { reader, packer, rate } = self;
        match reader {
            Reader::Lines(lines) => lines.push(piece, packer)?,
            Reader::Array(array) => array.push(piece, packer)?,
            Reader::Octets(octets) => octets.push(piece, &mut packer.samples),
            Reader::Wav(wav) => {
                wav.push(piece, &mut packer.samples)?;
                if let Some(file) = wav.rate().filter(|file| f64::from(*file) != rate.as_f64()) {
                    return Err(IngestError::Rate { file, table: *rate });
                }
            }
        }
        Ok(packer.take())
    }

    /// Ends the body: the rows that only its end has ended.
    ///
    /// # Errors
    /// The body is not whole.
    pub fn finish(self) -> Result<Rows, IngestError> {
        let Self { reader, mut packer, .. } = self;
        match reader {
            Reader::Lines(lines) => lines.finish(&mut packer)?,
            Reader::Array(array) => array.finish()?,
            Reader::Octets(octets) => octets.finish()?,
            Reader::Wav(wav) => wav.finish()?,
        }
        Ok(packer.take())
    }
}

/// Packs elements into rows.
#[derive(Debug)]
struct Packer {
    element: ElementType,
    measure: u32,
    rows: Rows,
    /// Samples that are not among the rows yet.
    samples: Vec<f64>,
}

impl Packer {
    /// Takes the text of one element.
    fn element(&mut self, text: &[u8], place: impl FnOnce() -> Place) -> Result<(), IngestError> {
        self.rows.push_json(text).map_err(|reason| IngestError::Element(place(), reason))
    }

    fn take(&mut self) -> Rows {
        if !self.samples.is_empty() {
            self.rows.push_samples(&self.samples);
            self.samples.clear();
        }
        std::mem::replace(&mut self.rows, Rows::new(self.element, self.measure))
    }
}

/// Whether this is nothing but what JSON takes for blanks.
fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}
