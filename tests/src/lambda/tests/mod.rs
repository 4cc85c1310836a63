//! The emulator, with functions on the real runtime.

mod function;
mod gateway;
mod process;
mod queue;

use std::time::{Duration, Instant};

use crate::lambda::Deployment;

/// A function that is this very program, started to do what [`process`] says.
fn deployment(kind: &str) -> Deployment {
    let program = std::env::current_exe().expect("a program knows its path");
    let arguments = ["--exact", "lambda::tests::process::function", "--ignored", "--nocapture"];
    let deployment = Deployment::new(kind, program).variable(process::KIND, kind).timeout(Duration::from_secs(20));
    arguments.into_iter().fold(deployment, Deployment::argument)
}

/// Looks every few milliseconds until it is so.
#[track_caller]
fn wait_until(what: &str, mut look: impl FnMut() -> bool) {
    let began = Instant::now();
    while !look() {
        assert!(began.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}
