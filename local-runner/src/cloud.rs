//! The stores of an AWS account, or of LocalStack.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use headwater_adapters::Stores;
use headwater_adapters::aws::{Aws, provision};
use headwater_core::ports::{Clock, Entropy};

use crate::args::Serve;

/// What bucket and queue are called where nobody has named them and they are made.
const BUCKET: &str = "headwater";
const QUEUE: &str = "headwater-steps";

/// What the stores are kept in.
pub(crate) struct Names {
    pub(crate) bucket: String,
    pub(crate) queue_url: String,
}

/// Opens the stores. At an endpoint of one's own, what is missing there is made; in an account, the template has made it.
pub(crate) async fn stores(
    options: &Serve,
    aws: &Aws,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> anyhow::Result<(Stores, Names)> {
    let clients = aws.clients().await;
    let (bucket, queue_url) = match (&options.bucket, &options.queue_url, &options.endpoint_url) {
        (Some(bucket), Some(queue_url), _) => (bucket.clone(), queue_url.clone()),
        (bucket, queue_url, Some(endpoint)) => {
            let bucket = bucket.clone().unwrap_or_else(|| BUCKET.to_owned());
            let made = provision(clients, &bucket, QUEUE).await;
            let made = made.with_context(|| format!("--endpoint-url: the bucket and the queue cannot be made at {endpoint}"))?;
            (bucket, queue_url.clone().unwrap_or(made))
        }
        (None, _, None) => bail!("--store aws: name the --bucket"),
        (_, None, None) => bail!("--store aws: name the queue by its --queue-url"),
    };
    let stores = Stores::aws(clients, &bucket, &queue_url, clock, entropy);
    Ok((stores, Names { bucket, queue_url }))
}
