//! Azure IoT Hub behind the port [`Hub`].
//!
//! | module | what it does |
//! |---|---|
//! | `sas` | tokens |
//! | `registry` | which devices there are, over HTTPS |
//! | `topics` | what a device and the hub call things over MQTT |
//! | `device` | a device, and what waits for it |
//! | `mqtt_device` | its connection over MQTT with TLS, which is made again when it breaks |
//! | `https_device` | or its requests, for models of that protocol and for hosts that cannot keep connections |
//! | `traffic` | what all devices share: turns, and what has happened |
//! | `back_off` | pauses that grow |
//!
//! All devices sign with the key of the hub's policy, which they are registered with. Devices of AMQP models speak MQTT.

mod back_off;
mod device;
mod https_device;
mod mqtt_device;
mod registry;
mod sas;
mod topics;
mod traffic;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use headwater_core::ports::{Clock, Committed, DeviceMessage, Entropy, Hub, HubDevice, News, SinkError, TwinReport};
use headwater_core::simulations::model::Protocol;
use headwater_core::simulations::{ConnectionString, RateLimits};
use tokio::task::JoinSet;

use crate::mqtt::{Port, Trust};
use crate::targets::http_client_trusting;
use back_off::BackOff;
use device::Device;
use registry::{Registry, Surroundings};
use traffic::{Parts, Traffic};

pub use registry::RegisteredDevice;
pub(crate) use sas::SigningKey;
pub(crate) use topics::{resource, user};

/// The version of the services that is asked for: the newest that is no preview, which Microsoft's own current clients of the registry
/// ask for, too.
const API_VERSION: &str = "2021-04-12";

/// Requests over HTTPS at the same time.
const REQUESTS: usize = 64;

/// How hubs are spoken to.
#[derive(Debug, Clone)]
pub struct IotHubConfig {
    /// Port of MQTT over TLS.
    pub mqtt_port: u16,
    /// Where the registry is, instead of `https://HOST`: for tests and gateways. Never with a slash at its end.
    pub https_base: Option<String>,
    /// A PEM file with authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// No connections: all devices send over HTTPS, whatever their models say. For hosts that live for seconds.
    pub https_only: bool,
    /// How long a device's token is good. It is renewed before that ends.
    pub token_life: Duration,
    /// The pause after the first failure; pauses double up to a minute.
    pub first_pause: Duration,
}

impl Default for IotHubConfig {
    fn default() -> Self {
        Self {
            mqtt_port: 8883,
            https_base: None,
            ca_file: None,
            https_only: false,
            token_life: Duration::from_secs(3600),
            first_pause: Duration::from_secs(1),
        }
    }
}

impl IotHubConfig {
    /// The PEM text of further authorities.
    pub(crate) fn authorities(&self) -> Result<Option<Vec<u8>>, SinkError> {
        let Some(path) = &self.ca_file else { return Ok(None) };
        let read = std::fs::read(path).map_err(|error| SinkError::Fatal(format!("{} cannot be read: {error}", path.display())))?;
        Ok(Some(read))
    }

    /// What is told when that text is wrong.
    pub(crate) fn wrong_authorities(&self, problem: &str) -> SinkError {
        SinkError::Fatal(self.ca_file.as_ref().map_or_else(|| problem.to_owned(), |path| format!("{} {problem}", path.display())))
    }
}

/// An Azure IoT Hub that a fleet speaks to. When it is dropped, its connections end.
#[derive(Debug)]
pub struct IotHub {
    traffic: Arc<Traffic>,
    devices: HashMap<Arc<str>, Arc<Device>>,
    tasks: JoinSet<()>,
    https_only: bool,
    /// Messages that may be on their way before a sender has to wait: about what passes within two seconds.
    most_open: usize,
}

impl IotHub {
    /// Opens a hub; nothing is connected yet.
    ///
    /// # Errors
    /// [`SinkError::Fatal`] when the connection string or the file of authorities are none.
    pub fn open(
        config: &IotHubConfig,
        connection: &ConnectionString,
        committed: Committed,
        limits: &RateLimits,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Self, SinkError> {
        let key = SigningKey::new(&connection.key).map_err(SinkError::Fatal)?;
        let authorities = config.authorities()?;
        let trust = Trust::new(authorities.as_deref()).map_err(|problem| config.wrong_authorities(&problem))?;
        let client = http_client_trusting(authorities.as_deref()).map_err(|problem| config.wrong_authorities(&problem))?;
        let base = config.https_base.clone().unwrap_or_else(|| format!("https://{}", connection.host));
        let surroundings = Surroundings {
            client: client.clone(),
            base: base.clone(),
            operations_per_minute: limits.registry_operations_per_minute,
            first_pause: config.first_pause,
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
        };
        let traffic = Traffic::new(Parts {
            host: connection.host.clone(),
            registry: Registry::new(connection, key.clone(), surroundings),
            key,
            port: Port { host: connection.host.clone(), port: config.mqtt_port, tls: Some(trust) },
            base,
            client,
            requests: REQUESTS,
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
            token_life: config.token_life,
            first_pause: config.first_pause,
            limits: *limits,
            committed,
        });
        let most_open = usize::try_from(limits.messages_per_second).unwrap_or(usize::MAX).saturating_mul(2).clamp(256, 65_536);
        Ok(Self { traffic: Arc::new(traffic), devices: HashMap::new(), tasks: JoinSet::new(), https_only: config.https_only, most_open })
    }

    /// A device of the registry.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub async fn registered(&self, device: &str) -> Result<Option<RegisteredDevice>, SinkError> {
        self.traffic.registry.get(device).await
    }

    /// Devices of the registry in no particular order, as many as it lists at once: a thousand.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub async fn list_registered(&self) -> Result<Vec<RegisteredDevice>, SinkError> {
        self.traffic.registry.list().await
    }
}

#[async_trait]
impl Hub for IotHub {
    async fn register(&mut self, devices: &[HubDevice]) -> Result<(), SinkError> {
        let ids: Vec<&str> = devices.iter().map(|device| &*device.id).collect();
        self.traffic.registry.create(&ids).await
    }

    async fn unregister(&mut self, devices: &[HubDevice]) -> Result<(), SinkError> {
        let ids: Vec<&str> = devices.iter().map(|device| &*device.id).collect();
        self.traffic.registry.delete(&ids).await
    }

    async fn connect(&mut self, devices: Vec<HubDevice>) -> Result<(), SinkError> {
        for HubDevice { id, protocol, .. } in devices {
            if self.devices.contains_key(&id) {
                continue;
            }
            let device = Arc::new(Device::new(Arc::clone(&id)));
            let traffic = Arc::clone(&self.traffic);
            if self.https_only || protocol == Protocol::Http {
                self.tasks.spawn(https_device::run(Arc::clone(&device), traffic));
            } else {
                self.tasks.spawn(mqtt_device::run(Arc::clone(&device), traffic));
            }
            self.devices.insert(id, device);
        }
        Ok(())
    }

    async fn disconnect(&mut self, devices: &[Arc<str>]) {
        for device in devices {
            if let Some(device) = self.devices.remove(device) {
                device.close();
            }
        }
    }

    async fn send(&mut self, messages: Vec<DeviceMessage>) -> Result<(), SinkError> {
        for message in messages {
            self.traffic.wait_open(self.most_open).await;
            let may_go = self.traffic.take_message(message.body.len());
            let device = self.devices.get(&message.device).filter(|_| may_go);
            if !device.is_some_and(|device| device.offer(message)) {
                self.traffic.settle_message(false);
            }
        }
        Ok(())
    }

    async fn report(&mut self, reports: Vec<TwinReport>) -> Result<(), SinkError> {
        for report in reports {
            match self.devices.get(&report.device) {
                Some(device) => device.offer_report(report.reported),
                None => self.traffic.report_failed(&report.device),
            }
        }
        Ok(())
    }

    fn listens(&self) -> bool {
        !self.https_only
    }

    fn news(&mut self) -> News {
        while self.tasks.try_join_next().is_some() {} // Devices that have ended.
        self.traffic.news()
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        self.traffic.wait_open(0).await;
        Ok(())
    }

    fn committed(&self) -> Committed {
        self.traffic.committed()
    }
}
