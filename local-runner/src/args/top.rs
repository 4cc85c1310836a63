//! Options of `top`.

use clap::Args;

use super::ServerOptions;

/// Options of `top`.
#[derive(Debug, Args)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) server: ServerOptions,

    /// Print what runs now as plain text, and end; so too when standard output is no terminal.
    #[arg(long)]
    pub(crate) once: bool,
}
