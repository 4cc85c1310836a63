//! Tables: series of elements at a sample rate, looked into by time.
//!
//! A table keeps its *base* elements (samples, vectors, lists, objects) packed in chunks; its *rows* are what its operations
//! (windows, window functions, FFT) make of them, computed when somebody asks.
