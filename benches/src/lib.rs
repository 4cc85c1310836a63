//! The measurements stand beside this file, one a question; `cargo bench -p headwater-benches --bench NAME` runs one.
//! Here is what they share.
#![allow(clippy::disallowed_methods, reason = "a bench takes the time")]

pub mod http;
pub mod processes;
pub mod table;
