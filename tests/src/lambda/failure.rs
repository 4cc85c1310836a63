//! Why an invocation brought no answer.

use std::time::Duration;

/// Why an invocation brought no answer. `log` is the end of what the process wrote to its standard output and error.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InvokeError {
    /// The event is larger than the service takes. No process saw it.
    #[error("{bytes} byte payload is too large for the RequestResponse invocation type (limit {limit} bytes)")]
    TooLarge {
        /// The event's size.
        bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// As many invocations as are allowed are running. No process saw the event.
    #[error("Rate Exceeded.")]
    Throttled,
    /// The function answered with an error, ended, or was killed; or its answer was too large.
    #[error("{error_type}: {message}\n{log}")]
    Failed {
        /// As the service names it, for example `Runtime.ExitError`; or what the function says of itself.
        error_type: String,
        /// The error in words.
        message: String,
        /// The end of the log.
        log: String,
    },
    /// The function did not answer in time. Its process was killed.
    #[error("Task timed out after {:.2} seconds\n{log}", after.as_secs_f64())]
    TimedOut {
        /// How long it was given.
        after: Duration,
        /// The end of the log.
        log: String,
    },
    /// The function has been dropped.
    #[error("the function is no longer deployed")]
    Gone,
}
