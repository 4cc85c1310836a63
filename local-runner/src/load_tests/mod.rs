//! `headwater load-tests`: looks into the load tests that a running server has recorded, over its HTTP API.
//!
//! `compare` is the verb, `table` what it prints.

mod compare;
mod table;

use std::process::ExitCode;

use crate::args::{LoadTests, LoadTestsCommand};
use crate::output::ReaderGone;

/// How it ends when no verdict was possible; what is wrong on the command line ends so, too.
const UNDECIDED: u8 = 2;

pub(crate) fn run(options: &LoadTests) -> anyhow::Result<ExitCode> {
    let LoadTestsCommand::Compare(compare) = &options.command;
    match compare::run(&options.server, compare) {
        // Whoever closes a pipe has read enough.
        Err(error) if error.is::<ReaderGone>() => Ok(ExitCode::SUCCESS),
        // Not 1: that says that the candidate is worse.
        Err(error) => {
            crate::complain(&error);
            Ok(ExitCode::from(UNDECIDED))
        }
        decided => decided,
    }
}
