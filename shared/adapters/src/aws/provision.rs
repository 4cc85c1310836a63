//! What the deployment's template makes in an account, made by hand where there is none.

use std::time::Duration;

use aws_sdk_kinesis::types::StreamStatus;
use aws_sdk_sqs::types::QueueAttributeName;
use headwater_core::ports::PortError;

use super::{Clients, code, unavailable};

/// Deliveries after which a message is set aside.
const DELIVERIES: u32 = 10;

/// How long a new stream may take before it can be written to, and how often it is looked at.
const STREAM_IS_MADE_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// Makes the bucket, the stream with one shard, and the queue with its dead-letter queue, as far as they are not there: for LocalStack
/// and its like. Answers the queue's URL.
///
/// # Errors
/// What the services say.
pub async fn provision(clients: &Clients, bucket: &str, queue: &str, event_stream: &str) -> Result<String, PortError> {
    match clients.s3.create_bucket().bucket(bucket).send().await {
        Ok(_) => {}
        Err(error) if matches!(code(&error), "BucketAlreadyOwnedByYou" | "BucketAlreadyExists") => {}
        Err(error) => return Err(unavailable("making the bucket", error)),
    }
    make_stream(clients, event_stream).await?;
    let dead = make_queue(clients, &format!("{queue}-dead"), None).await?;
    let attributes = clients.sqs.get_queue_attributes().queue_url(dead).attribute_names(QueueAttributeName::QueueArn).send().await;
    let attributes = attributes.map_err(|error| unavailable("looking at the dead-letter queue", error))?.attributes.unwrap_or_default();
    let dead = attributes.get(&QueueAttributeName::QueueArn).map(String::as_str).unwrap_or_default();
    make_queue(clients, queue, Some(format!(r#"{{"deadLetterTargetArn":"{dead}","maxReceiveCount":{DELIVERIES}}}"#))).await
}

async fn make_queue(clients: &Clients, name: &str, redrive: Option<String>) -> Result<String, PortError> {
    let request = clients.sqs.create_queue().queue_name(name);
    let request = match redrive {
        Some(policy) => request.attributes(QueueAttributeName::RedrivePolicy, policy),
        None => request,
    };
    let made = request.send().await.map_err(|error| unavailable("making a queue", error))?;
    Ok(made.queue_url.unwrap_or_default())
}

/// Makes a stream, and waits until it can be written to.
async fn make_stream(clients: &Clients, name: &str) -> Result<(), PortError> {
    const MAKING: &str = "making the stream";
    match clients.kinesis.create_stream().stream_name(name).shard_count(1).send().await {
        Ok(_) => {}
        Err(error) if code(&error) == "ResourceInUseException" => {}
        Err(error) => return Err(unavailable(MAKING, error)),
    }
    let is_active = async || {
        loop {
            let summary = clients.kinesis.describe_stream_summary().stream_name(name).send().await;
            let summary = summary.map_err(|error| unavailable(MAKING, error))?.stream_description_summary;
            if summary.is_some_and(|summary| matches!(summary.stream_status, StreamStatus::Active | StreamStatus::Updating)) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let active = tokio::time::timeout(STREAM_IS_MADE_WITHIN, is_active()).await;
    active.unwrap_or_else(|late| Err(PortError::unavailable(MAKING, late)))
}
