//! The Lambda function of the datagen group: the router that the local runner hosts, behind the Lambda runtime.
//!
//! Its stores are in memory until the cloud adapters come: it answers, but what it starts lives as long as its instance.
#![allow(missing_docs, reason = "a program")]

use std::sync::Arc;

use headwater_adapters::memory::MemoryStore;
use headwater_adapters::{OsEntropy, SystemClock};
use headwater_core::ports::Clock;
use headwater_web::{House, with_house_layers};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    let (clock, entropy): (Arc<dyn Clock>, _) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    let service = MemoryStore::new(Arc::clone(&clock)).datagen(entropy.clone());
    let house = House { token: None, clock, entropy };
    lambda_http::run(with_house_layers(headwater_datagen::router(service), house)).await
}
