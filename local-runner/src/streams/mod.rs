//! `headwater streams`: writes and reads the streams of a running server, over its HTTP API.
//!
//! Each verb is a module. `client` makes the requests, `events` reads what a read answers, piece by piece (`elements` cuts the array
//! that it is); `input`, `batches` and `upload` are what `put` reads, cuts and sends.

mod batches;
mod cat;
mod client;
mod elements;
mod events;
mod input;
mod ls;
mod progress;
mod put;
mod tail;
mod upload;

use std::process::ExitCode;

use anyhow::Context as _;

use crate::args::{Streams, StreamsCommand};
use crate::output::ReaderGone;
use client::Client;

pub(crate) fn run(options: &Streams) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime cannot be started")?;
    let client = Client::new(options)?;
    let outcome = runtime.block_on(async {
        match &options.command {
            StreamsCommand::Put(options) => put::run(&client, options).await,
            StreamsCommand::Cat(options) => cat::run(&client, options).await,
            StreamsCommand::Tail(options) => tail::run(&client, options).await,
            StreamsCommand::Ls(options) => ls::run(&client, options).await,
        }
    });
    runtime.shutdown_background();
    match outcome {
        // Whoever closes a pipe has read enough.
        Err(error) if error.is::<ReaderGone>() => Ok(ExitCode::SUCCESS),
        other => other,
    }
}
