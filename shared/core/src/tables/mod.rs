//! Tables: series of elements at a sample rate, looked into by time.
//!
//! A table keeps its *base elements* (samples, vectors, lists, objects) packed in chunks; its *rows* are what its operations (windows,
//! window functions, FFT) make of them, computed when somebody asks. So a table of spectra takes as much space as its samples, and the last,
//! partial windows come by themselves once it is finished.
//!
//! * [`TableService`] answers requests; [`TableStepper`] follows the sources of tables that have one.
//! * `definition` reads what a table is to be; `plan` which rows operations make of how many elements.
//! * `rows` packs elements; `record` and `store` keep them, `sweeping` removes what is left of them; `append` puts them in; `elements` finds and reads them.
//! * [`ingest`] cuts bodies of requests into elements.
//! * `row_reader` computes rows, `json` and `sample_lines` render them, `sound` lets them be heard.
//! * [`Watch`] looks at a table again and again, each time at what came since.
//! * `polar` turns spectra into decibels and angles.
//! * [`SampleRate`], [`TimeMeasure`], [`WindowFunction`], [`Spectrum`], [`Signal`] and [`wav`] know nothing of all that.

mod append;
mod definition;
mod elements;
mod follow;
pub mod ingest;
mod json;
mod list_text;
mod news;
mod number;
mod numbered;
mod plan;
mod polar;
mod record;
mod row_reader;
mod rows;
mod sample_lines;
mod sample_rate;
mod service;
mod signal;
mod sound;
mod spectrum;
mod stepper;
mod store;
mod streams_used;
mod sweeping;
mod time_measure;
mod watching;
pub mod wav;
mod window_function;

pub use append::Append;
pub use definition::{Definition, EventTime, Source, Span, StreamSource};
pub use json::Lines;
pub use numbered::Numbered;
pub use plan::{Operation, Plan};
pub use row_reader::{Row, RowReader, Selection, Window, WindowElements};
pub use rows::{ElementType, NotAnElement, Rows};
pub use sample_rate::{NotASampleRate, SampleRate};
pub use service::{Defined, Description, TableError, TableService};
pub use signal::Signal;
pub use sound::Sound;
pub use spectrum::{FftSample, Spectrum};
pub use stepper::TableStepper;
pub use streams_used::StreamsFollowed;
pub use time_measure::{NotATimeMeasure, TimeMeasure};
pub use watching::{Pace, Seen, Watch};
pub use wav::BitDepth;
pub use window_function::{PreparedWindow, WindowFunction};

/// The kind of the tasks that follow sources.
pub const KIND: &str = "table";
