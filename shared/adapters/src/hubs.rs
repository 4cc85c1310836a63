//! The hubs that devices of simulations can speak to.

use std::sync::Arc;

use async_trait::async_trait;
use headwater_core::ports::{Clock, Committed, Documents, Entropy, Hub, Hubs, Owner, SinkError, Targets};
use headwater_core::simulations::hubs::{LocalHub, TargetHub};
use headwater_core::simulations::{HubChoice, RateLimits};
use headwater_core::streams::StreamService;
use headwater_core::targets::Target;
use serde_json::Value;

use crate::iot_hub::{IotHub, IotHubConfig};
use crate::targets::OutboundHosts;

/// Every hub that this build can speak to.
#[derive(Debug, Clone)]
pub struct HubSet {
    documents: Arc<dyn Documents>,
    streams: StreamService,
    targets: Arc<dyn Targets>,
    iot_hub: IotHubConfig,
    outbound: OutboundHosts,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl HubSet {
    /// The local hub over these stores, these targets, and hubs of Azure that are spoken to like this, on hosts that are allowed.
    #[must_use]
    pub fn new(
        documents: Arc<dyn Documents>,
        streams: StreamService,
        targets: Arc<dyn Targets>,
        (iot_hub, outbound): (IotHubConfig, OutboundHosts),
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Self {
        Self { documents, streams, targets, iot_hub, outbound, clock: Arc::clone(clock), entropy: Arc::clone(entropy) }
    }
}

#[async_trait]
impl Hubs for HubSet {
    fn supports(&self, hub: &HubChoice) -> Result<(), String> {
        match hub {
            HubChoice::Local => Ok(()),
            HubChoice::IotHub(connection) => {
                let refused = |refused| format!("IoTHub.ConnectionString: {refused}");
                self.outbound.check(&connection.host, Some(self.iot_hub.mqtt_port)).map_err(refused)
            }
            HubChoice::Target(target) => {
                let target = Target::parse(&Value::Object(target.clone())).map_err(|mistakes| mistakes.to_string())?;
                self.targets.supports(&target).map_err(|mistake| mistake.to_string())
            }
        }
    }

    async fn open(&self, hub: &HubChoice, owner: &Owner, committed: Committed, limits: &RateLimits) -> Result<Box<dyn Hub>, SinkError> {
        Ok(match hub {
            HubChoice::Local => Box::new(LocalHub::open(Arc::clone(&self.documents), self.streams.clone(), owner, committed).await?),
            HubChoice::IotHub(connection) => {
                Box::new(IotHub::open(&self.iot_hub, connection, committed, limits, &self.clock, &self.entropy)?)
            }
            HubChoice::Target(target) => Box::new(TargetHub::open(Arc::clone(&self.targets), target, owner, committed)?),
        })
    }
}
