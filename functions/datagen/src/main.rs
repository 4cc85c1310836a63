//! The Lambda function of the datagen group: the router that the local runner hosts, behind the Lambda runtime.
//!
//! Its stores are in memory until the cloud adapters come: it answers, but what it starts lives as long as its instance.
#![allow(missing_docs, reason = "a program")]

use std::sync::Arc;

use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_adapters::{OsEntropy, Stores, SystemClock};
use headwater_core::datagen::Stock;
use headwater_core::ports::{Clock, Entropy};
use headwater_web::{House, with_house_layers};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    let stores = Stores::in_memory(&clock);
    let targets = Arc::new(TargetSet::new(Arc::clone(&stores.files), OutboundHosts::default()));
    let service = stores.datagen(Arc::new(Stock), targets, &clock, &entropy);
    let house = House { token: None, clock, entropy };
    lambda_http::run(with_house_layers(headwater_datagen::router(service), house)).await
}
