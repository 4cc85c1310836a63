//! What went wrong where nobody waits for an answer.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

/// How many entries are kept. A test that fails reads the first few.
const KEPT: usize = 100;

/// A list of what went wrong, in the order of its happening; the first [`KEPT`] entries.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<Vec<String>>);

impl Trouble {
    pub(super) fn note(&self, what: impl Display) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() < KEPT {
            list.push(what.to_string());
        }
    }

    pub(super) fn list(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
