//! The hubs of this house: the local one, and any target.

mod local;
mod target;

pub use local::LocalHub;
pub use target::TargetHub;

use super::Moment;
use crate::ports::Timestamp;

/// A moment as messages say when they were made: with milliseconds, since two of one device may share a second.
fn created_at(moment: Timestamp) -> String {
    let mut text = Moment::utc(moment).to_string();
    let offset = text.rfind(['+', '-']).unwrap_or(text.len());
    text.insert_str(offset, &format!(".{:03}", moment.as_millis().rem_euclid(1000)));
    text
}

#[cfg(test)]
mod tests;
