//! The stores of an AWS account, or of LocalStack.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use headwater_adapters::Stores;
use headwater_adapters::aws::{Aws, ShardPoller, provision};
use headwater_core::ports::{Clock, Entropy};

use crate::args::Serve;

/// What bucket, queue and stream are called where nobody has named them and they are made.
const BUCKET: &str = "headwater";
const QUEUE: &str = "headwater-steps";
const EVENT_STREAM: &str = "headwater-events";

/// What the stores are kept in.
pub(crate) struct Names {
    pub(crate) bucket: String,
    pub(crate) queue_url: String,
    pub(crate) event_stream: String,
}

/// Opens the stores. At an endpoint of one's own, what is missing there is made; in an account, the template has made it.
pub(crate) async fn stores(
    options: &Serve,
    aws: &Aws,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> anyhow::Result<(Stores, ShardPoller, Names)> {
    let clients = aws.clients().await;
    let Serve { bucket, queue_url, event_stream, endpoint_url, .. } = options;
    let names = match (bucket.clone(), queue_url.clone(), event_stream.clone(), endpoint_url) {
        (Some(bucket), Some(queue_url), Some(event_stream), _) => Names { bucket, queue_url, event_stream },
        (bucket, queue_url, event_stream, Some(endpoint)) => {
            let bucket = bucket.unwrap_or_else(|| BUCKET.to_owned());
            let event_stream = event_stream.unwrap_or_else(|| EVENT_STREAM.to_owned());
            let made = provision(clients, &bucket, QUEUE, &event_stream).await;
            let made = made.with_context(|| format!("--endpoint-url: bucket, queue and stream cannot be made at {endpoint}"))?;
            Names { bucket, queue_url: queue_url.unwrap_or(made), event_stream }
        }
        (None, _, _, None) => bail!("--store aws: name the --bucket"),
        (_, None, _, None) => bail!("--store aws: name the queue by its --queue-url"),
        (_, _, None, None) => bail!("--store aws: name the stream of events by its --event-stream"),
    };
    let (stores, flusher) = Stores::aws(clients, &names.bucket, &names.queue_url, &names.event_stream, clock, entropy);
    Ok((stores, ShardPoller::new(flusher), names))
}
