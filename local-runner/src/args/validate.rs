//! Options of `validate`.

use clap::{Args, ValueEnum};

/// Options of `validate`.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Stock specifications' names, paths, or `-` for standard input.
    #[arg(value_name = "SPEC", required = true)]
    pub(crate) names: Vec<String>,

    /// What they are. [default: as their members say]
    #[arg(long, value_enum)]
    pub(crate) kind: Option<Kind>,

    /// How the findings are printed.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    pub(crate) format: Form,
}

/// What can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A specification of a stream.
    Specification,
    /// The body of `POST /start`.
    Start,
    /// A device model.
    DeviceModel,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A line for each.
    Text,
    /// One JSON array, with an object for each document.
    Json,
}

impl Validate {
    /// Whether JSON is wanted.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Form::Json
    }
}
