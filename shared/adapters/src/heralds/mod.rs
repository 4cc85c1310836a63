//! Who is told that streams grow, as the host's configuration names them: an HTTP endpoint, a queue of SQS.

#[cfg(feature = "aws")]
mod sqs;
mod webhook;

#[cfg(feature = "aws")]
pub use sqs::SqsHerald;
pub use webhook::WebhookHerald;
