//! The targets in Amazon's cloud: `s3`, `sqs` and `kinesis`.

mod kinesis;
mod s3;
mod sqs;

#[cfg(test)]
mod tests;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use headwater_core::ports::SinkError;

use crate::aws::{code, said};

pub(super) use kinesis::KinesisSink;
pub(super) use s3::S3Sink;
pub(super) use sqs::SqsSink;

/// How often the part of a request that a service refused for the moment is sent before the job says that it waits.
const ATTEMPTS: u32 = 8;

/// Answers that another try cannot better.
const FINAL: [&str; 22] = [
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "EntityTooLarge",
    "InvalidAccessKeyId",
    "InvalidAddress",
    "InvalidArgumentException",
    "InvalidBucketName",
    "InvalidMessageContents",
    "InvalidParameterValue",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSNotFoundException",
    "MissingParameter",
    "NoSuchBucket",
    "PermanentRedirect",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "ValidationException",
];

/// What a failed request means for the job. `place` is where the records were to go.
fn verdict<E, R>(place: &str, error: &SdkError<E, R>) -> SinkError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    tracing::warn!(error = said(error), place, "records were not taken");
    match code(error) {
        // Nobody answered; what the SDK met is in the log.
        "" => SinkError::Retry(format!("{place} cannot be reached")),
        code if FINAL.contains(&code) => SinkError::Fatal(format!("{place} refuses the records: {code}")),
        code => SinkError::Retry(format!("{place} does not take the records for now: {code}")),
    }
}
