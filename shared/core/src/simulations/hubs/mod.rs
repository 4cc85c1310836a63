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
mod tests {
    use super::*;

    #[test]
    fn moments_have_milliseconds_before_their_offset() {
        assert_eq!(created_at(Timestamp::from_micros(1_795_287_645_069_999)), "2026-11-21T19:00:45.069+00:00");
        assert_eq!(created_at(Timestamp::from_micros(0)), "1970-01-01T00:00:00.000+00:00");
        assert_eq!(created_at(Timestamp::from_micros(-1)), "1969-12-31T23:59:59.999+00:00");
    }
}
