//! Waiting for what happens by itself, and where nobody is yet.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
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

/// An address on loopback that nobody listens at, yet; below the range from which systems take ports for whoever names none, so that nobody
/// is given it meanwhile.
pub(crate) fn free_loopback() -> SocketAddr {
    static DRAWN: AtomicU32 = AtomicU32::new(0);
    loop {
        let drawn = DRAWN.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id().wrapping_mul(37)) % 12_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 20_000 + u16::try_from(drawn).expect("it is below twelve thousand")));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
