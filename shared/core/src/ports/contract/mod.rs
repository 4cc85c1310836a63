//! The contract suites: one function per port, which holds an adapter to every promise in the port's documentation.
//!
//! A suite is a plain async function that takes the port by reference and panics with what it expected. Adapters call it
//! from their tests; whatever can only be seen across a restart (durability) stands in the adapter's own tests. A suite
//! works below names of its own that begin with `contract`, and wants none of them to exist yet. Where time matters it waits
//! for some hundredths of a second on the clock that the adapter was given.

mod chunks;
mod documents;
mod event_log;
mod files;
mod task_queue;

use std::error::Error as _;

use super::PortError;

pub use chunks::chunks;
pub use documents::documents;
pub use event_log::event_log;
pub use files::files;
pub use task_queue::task_queue;

/// The answer, or a panic that names what was being done and every cause.
#[track_caller]
fn done<T>(what: &str, answer: Result<T, PortError>) -> T {
    answer.unwrap_or_else(|error| {
        let mut causes = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            causes.push_str(": ");
            causes.push_str(&cause.to_string());
            next = cause.source();
        }
        panic!("{what}: {causes}")
    })
}

/// Panics unless the answer is a conflict.
#[track_caller]
fn refused<T>(what: &str, answer: Result<T, PortError>) {
    match answer {
        Err(PortError::Conflict { .. }) => {}
        Err(other) => panic!("{what}: expected a conflict, met {other:?}"),
        Ok(_) => panic!("{what}: expected a conflict, but it was done"),
    }
}
