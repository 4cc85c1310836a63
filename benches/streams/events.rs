//! The events that all of this is about: 200 bytes each.

/// Bytes of an event's body.
pub(crate) const BODY: usize = 200;

/// Bytes of an event's line in a batch.
pub(crate) const LINE: usize = BODY + 1;

/// The body of an event. Nothing in it is escaped, in JSON or elsewhere.
pub(crate) fn body() -> String {
    (0..BODY).map(|at| char::from(b'a' + (at % 26) as u8)).collect()
}

/// Lines of a batch, each an event.
pub(crate) fn lines(count: usize) -> Vec<u8> {
    format!("{}\n", body()).repeat(count).into_bytes()
}
