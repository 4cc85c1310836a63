use async_trait::async_trait;
use aws_sdk_sqs::Client;
use headwater_core::ids::StreamName;
use headwater_core::streams::{Herald, Notice};

use crate::aws::said;

/// Sends each notice to a queue, as a message that is a JSON object.
#[derive(Debug)]
pub struct SqsHerald {
    sqs: Client,
    queue_url: String,
}

impl SqsHerald {
    /// A herald that sends to this queue.
    #[must_use]
    pub fn new(sqs: Client, queue_url: &str) -> Self {
        Self { sqs, queue_url: queue_url.to_owned() }
    }
}

#[async_trait]
impl Herald for SqsHerald {
    async fn announce(&self, stream: &StreamName, notice: &Notice) -> Result<(), String> {
        let message = notice.to_json(stream).to_string();
        let sent = self.sqs.send_message().queue_url(&self.queue_url).message_body(message).send().await;
        sent.map(drop).map_err(|error| said(&error))
    }
}
