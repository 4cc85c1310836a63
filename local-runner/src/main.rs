//! The binary `headwater`: hosts every endpoint group on one port, and brings the generator to the command line.
//!
//! `args` is what a user can say, `app` composes stores, services and routers, `serve` runs them with their background
//! worker, `openapi` describes what it answers. `generate` is the command-line generator, `validate` checks what others would run, and
//! `specification` finds it for both. `streams` writes and reads the streams of a running server, `load_tests` compares its load tests, `top`
//! shows what runs on it; `remote` is how these ask it, `output` what they print to.
#![allow(missing_docs, reason = "a program")]

mod app;
mod args;
#[cfg(feature = "aws")]
mod cloud;
mod demo;
mod generate;
mod load_tests;
mod logs;
mod openapi;
mod output;
mod remote;
mod serve;
mod specification;
mod steps;
mod streams;
mod streams_upkeep;
mod top;
mod validate;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use args::{Arguments, Command};

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(options) => serve::run(*options),
        Command::Generate(options) => generate::run(&options),
        Command::Validate(options) => validate::run(&options),
        Command::Streams(options) => streams::run(&options),
        Command::Top(options) => top::run(&options),
        Command::Openapi => {
            let _ = std::io::stdout().write_all(openapi::pretty().as_bytes()); // As below.
            Ok(ExitCode::SUCCESS)
        }
        Command::LoadTests(options) => load_tests::run(&options),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "headwater", &mut script);
            let _ = std::io::stdout().write_all(&script); // A pipe that nobody reads any more wants no more of it.
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::FAILURE
    })
}

/// Says in one line what was being done, and why it failed.
fn complain(error: &anyhow::Error) {
    eprintln!("headwater: {}", format!("{error:#}").replace('\n', " "));
}
