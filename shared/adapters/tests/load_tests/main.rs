//! Load tests over stores in memory, with a clock that stands still and a database of the test's own.
#![allow(missing_docs, reason = "tests")]

mod crashes;
mod delivering;
mod living;
mod world;
