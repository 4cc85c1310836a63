//! Waiting for what happens by itself.

use std::time::{Duration, Instant};

/// Looks every 10 ms until there is something; panics, naming what was waited for, when it takes longer than it may.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, at_most: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < at_most, "waited {at_most:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
