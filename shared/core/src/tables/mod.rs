//! Tables: series of elements at a sample rate, looked into by time.
//!
//! A table keeps its *base* elements (samples, vectors, lists, objects) packed in chunks; its *rows* are what its operations
//! (windows, window functions, FFT) make of them, computed when somebody asks.

mod sample_rate;
mod signal;
mod spectrum;
mod time_measure;
pub mod wav;
mod window_function;

pub use sample_rate::{NotASampleRate, SampleRate};
pub use signal::Signal;
pub use spectrum::{FftSample, Spectrum};
pub use time_measure::{NotATimeMeasure, TimeMeasure};
pub use wav::{BitDepth, WavError, WavReader};
pub use window_function::{PreparedWindow, WindowFunction};
