//! The binary `headwater`: hosts every endpoint group on one port, and brings the generator to the command line.
//!
//! `args` is what a user can say, `app` composes stores, services and routers, `serve` runs them with their background
//! worker, `generate` is the command-line generator, `streams` writes and reads the streams of a running server.
#![allow(missing_docs, reason = "a program")]

mod app;
mod args;
#[cfg(feature = "aws")]
mod cloud;
mod demo;
mod generate;
mod logs;
mod serve;
mod steps;
mod streams;
mod streams_upkeep;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use args::{Arguments, Command};

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(options) => serve::run(*options),
        Command::Generate(options) => generate::run(&options),
        Command::Streams(options) => streams::run(&options),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "headwater", &mut script);
            let _ = std::io::stdout().write_all(&script); // A pipe that nobody reads any more wants no more of it.
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|error| {
        // One line: what was being done, and why it failed.
        eprintln!("headwater: {}", format!("{error:#}").replace('\n', " "));
        ExitCode::FAILURE
    })
}
