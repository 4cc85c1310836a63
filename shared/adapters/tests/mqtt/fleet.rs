//! A hub under test, and what is done with it again and again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_adapters::iot_hub::{IotHub, IotHubConfig};
use headwater_adapters::{OsEntropy, SystemClock};
use headwater_core::ports::{Clock, Committed, DeviceMessage, Entropy, Hub as _, HubDevice, News, Timestamp};
use headwater_core::secret::Secret;
use headwater_core::simulations::model::{MessageSchema, Protocol};
use headwater_core::simulations::{ConnectionString, RateLimits};
use headwater_tests::registry_service::{POLICY, RegistryService, key};

/// Limits that no test meets.
pub(crate) const FREE: RateLimits = RateLimits {
    registry_operations_per_minute: 100_000,
    twin_reads_per_second: 100_000,
    twin_writes_per_second: 100_000,
    connections_per_second: 100_000,
    messages_per_second: 100_000,
};

pub(crate) fn connection() -> ConnectionString {
    ConnectionString { host: "localhost".to_owned(), policy: POLICY.to_owned(), key: Secret::new(key()) }
}

pub(crate) fn config(service: &RegistryService) -> IotHubConfig {
    IotHubConfig { https_base: Some(service.base.clone()), first_pause: Duration::from_millis(50), ..IotHubConfig::default() }
}

pub(crate) fn open(config: &IotHubConfig, limits: &RateLimits) -> IotHub {
    open_at(config, limits, Arc::new(SystemClock::new()))
}

pub(crate) fn open_at(config: &IotHubConfig, limits: &RateLimits, clock: Arc<dyn Clock>) -> IotHub {
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    IotHub::open(config, &connection(), Committed::default(), limits, &clock, &entropy).unwrap()
}

/// Devices whose ids no other test has.
pub(crate) fn devices(test: &str, count: usize, protocol: Protocol) -> Vec<HubDevice> {
    let run = std::process::id();
    let device = |number| HubDevice {
        id: Arc::from(format!("{test}-{run}.{number}")),
        model: Arc::from(test),
        protocol,
        methods: Arc::from(["Reboot".to_owned()]),
    };
    (0..count).map(device).collect()
}

pub(crate) fn message(device: &HubDevice, body: &str) -> DeviceMessage {
    let schema = MessageSchema { name: "truck-sensors;v1".to_owned(), ..MessageSchema::default() };
    DeviceMessage {
        device: Arc::clone(&device.id),
        model: Arc::clone(&device.model),
        schema: Arc::new(schema),
        created: Timestamp::from_millis(1_700_000_000_987),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

/// Collects news until they are as they should be.
pub(crate) async fn news_until(hub: &mut IotHub, mut done: impl FnMut(&News) -> bool) -> News {
    let mut all = News::default();
    for _ in 0..600 {
        let news = hub.news();
        all.connected.extend(news.connected);
        all.failed_messages += news.failed_messages;
        all.failed_connections += news.failed_connections;
        all.failed_reports.extend(news.failed_reports);
        all.calls.extend(news.calls);
        all.desired.extend(news.desired);
        if done(&all) {
            return all;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("what is waited for does not come: {all:?}");
}

pub(crate) async fn connect(hub: &mut IotHub, devices: &[HubDevice]) {
    hub.connect(devices.to_vec()).await.unwrap();
    news_until(hub, |news| news.connected.len() == devices.len()).await;
}
