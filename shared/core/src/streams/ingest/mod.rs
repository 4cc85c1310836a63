//! Cuts request bodies into events, as they arrive: [`Lines`] of text, and the datums of an [`AvroFile`].

pub mod avro;
mod lines;

pub use avro::AvroFile;
pub use lines::{Lines, TooLong};
