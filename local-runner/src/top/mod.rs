//! `headwater top`: what runs on a server, in the terminal.
//!
//! `feed` follows the server's live endpoint (`events` reads its form) and comes back to it; `lists` makes rows of what it tells, in which
//! `text` leaves nothing that a terminal would obey; `screen` draws them, `terminal` hears keys, and `plain` prints them once.

mod events;
mod feed;
mod lists;
mod plain;
mod screen;
mod terminal;
mod text;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::args::Top;
use crate::remote::Remote;
use feed::Feed;

pub(crate) fn run(options: &Top) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime cannot be started")?;
    let remote = Remote::new(&options.server)?;
    let server = text::clean(&remote.name());
    let feed = Feed::new(remote);
    let outcome = runtime.block_on(async {
        if options.once || !std::io::stdout().is_terminal() { plain::run(&feed, &server).await } else { terminal::run(feed, server).await }
    });
    // A key that is still waited for would hold up the end.
    runtime.shutdown_background();
    outcome
}
