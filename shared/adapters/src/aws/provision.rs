//! What the deployment's template makes in an account, made by hand where there is none.

use aws_sdk_sqs::types::QueueAttributeName;
use headwater_core::ports::PortError;

use super::{Clients, code, unavailable};

/// Deliveries after which a message is set aside.
const DELIVERIES: u32 = 10;

/// Makes the bucket and the queue with its dead-letter queue, as far as they are not there: for LocalStack and its like. Answers
/// the queue's URL.
///
/// # Errors
/// What the services say.
pub async fn provision(clients: &Clients, bucket: &str, queue: &str) -> Result<String, PortError> {
    match clients.s3.create_bucket().bucket(bucket).send().await {
        Ok(_) => {}
        Err(error) if matches!(code(&error), "BucketAlreadyOwnedByYou" | "BucketAlreadyExists") => {}
        Err(error) => return Err(unavailable("making the bucket", error)),
    }
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
