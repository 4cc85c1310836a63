use std::error::Error as StdError;

/// What can go wrong behind a port, as far as a caller would act differently.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// A conditional write met another state than the condition asked for; nothing was written.
    #[error("{what} has changed meanwhile")]
    Conflict {
        /// The key or name whose condition failed.
        what: String,
    },
    /// The named thing is not there.
    #[error("{what} does not exist")]
    NotFound {
        /// The key or name that was asked for.
        what: String,
    },
    /// There is no room left to write; trying again helps once somebody has made some.
    #[error("no space is left for {what}")]
    Full {
        /// What was being written.
        what: String,
    },
    /// The store cannot be reached or failed; trying again later may help.
    #[error("{operation} failed")]
    Unavailable {
        /// What was being done, in a few words without insides.
        operation: &'static str,
        /// The adapter's own error, for the log.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// What was stored cannot be read back as what it should be; trying again does not help.
    #[error("{what} is damaged")]
    Corrupt {
        /// The key or name.
        what: String,
        /// What the reader met.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl PortError {
    /// A failure of the store itself, with the adapter's error kept for the log.
    pub fn unavailable(operation: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Unavailable { operation, source: source.into() }
    }

    /// Something stored that ends before what was asked of it does.
    pub fn too_short(what: &impl ToString) -> Self {
        Self::Corrupt { what: what.to_string(), source: "it is shorter than what was asked for".into() }
    }

    /// Whether a conditional write lost against another one.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}
