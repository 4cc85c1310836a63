//! Where devices send their messages.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Committed, Owner, SinkError, Timestamp};
use crate::simulations::model::{MessageSchema, Protocol};
use crate::simulations::{HubChoice, RateLimits};

/// A device as a hub knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubDevice {
    /// Its id, such as `truck-01.7`. Of letters, digits and `-.%_#*?!(),=@$'` by the rules of Azure, 128 at most.
    pub id: Arc<str>,
    /// The id of its model.
    pub model: Arc<str>,
    /// How it wants to speak.
    pub protocol: Protocol,
    /// The names of the methods that it can be told to run.
    pub methods: Arc<[String]>,
}

/// A message on its way from a device.
#[derive(Debug, Clone)]
pub struct DeviceMessage {
    /// The device's id.
    pub device: Arc<str>,
    /// The id of the device's model.
    pub model: Arc<str>,
    /// What the message is.
    pub schema: Arc<MessageSchema>,
    /// When it was due.
    pub created: Timestamp,
    /// Its bytes, encoded as the schema says.
    pub body: Bytes,
}

/// What a device reports about itself: members that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct TwinReport {
    /// The device's id.
    pub device: Arc<str>,
    /// The members to write; `null` removes one.
    pub reported: Map<String, Value>,
}

/// A method that somebody at the hub has called. The call has been acknowledged already.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodCall {
    /// The device's id.
    pub device: Arc<str>,
    /// The method's name.
    pub method: String,
    /// What came with the call.
    pub payload: Value,
}

/// What happened at a hub since it was last asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct News {
    /// Devices that have become able to send, or are again.
    pub connected: Vec<Arc<str>>,
    /// Messages that were given to [`Hub::send`] and did not arrive.
    pub failed_messages: u64,
    /// Attempts to connect that failed.
    pub failed_connections: u64,
    /// Reports that did not arrive. The devices' whole reports are due again.
    pub failed_reports: Vec<Arc<str>>,
    /// Methods that were called.
    pub calls: Vec<MethodCall>,
    /// Desired properties that came, by device.
    pub desired: Vec<(Arc<str>, Map<String, Value>)>,
}

/// A hub that one fleet speaks to.
#[async_trait]
pub trait Hub: Send + Debug {
    /// Makes these devices known to the hub's registry, as simulated ones. Those that are known already stay as they are.
    async fn register(&mut self, devices: &[HubDevice]) -> Result<(), SinkError>;

    /// Removes devices from the registry, connected or not. Those that are not known are passed over.
    async fn unregister(&mut self, devices: &[HubDevice]) -> Result<(), SinkError>;

    /// Begins to connect devices that are registered. Those that have been connected when this returns are in the next
    /// [`News::connected`]; the others follow in later ones, as soon as they are. A connection that breaks is made again, after pauses
    /// that grow.
    async fn connect(&mut self, devices: Vec<HubDevice>) -> Result<(), SinkError>;

    /// Ends connections.
    async fn disconnect(&mut self, devices: &[Arc<str>]);

    /// Hands over messages, in order. A hub that numbers them keeps them once however often they are repeated; one that cannot keep a
    /// single message says so in [`News::failed_messages`] and goes on.
    async fn send(&mut self, messages: Vec<DeviceMessage>) -> Result<(), SinkError>;

    /// Hands over reports of devices that are connected. They go when the hub takes them, and newer ones may replace those that wait:
    /// neither messages nor [`flush`](Self::flush) wait for them. Devices that are connected anew report everything anew.
    async fn report(&mut self, reports: Vec<TwinReport>) -> Result<(), SinkError>;

    /// Whether the hub has something to tell while nothing is sent.
    fn listens(&self) -> bool {
        false
    }

    /// What happened meanwhile. Does not wait.
    fn news(&mut self) -> News;

    /// Returns once all messages that were sent are durable at the hub, or have failed.
    async fn flush(&mut self) -> Result<(), SinkError>;

    /// What is known to be durable of what was sent, counted from the fleet's first message to this hub.
    fn committed(&self) -> Committed;
}

/// Opens hubs. One implementation composes all that a host was built with.
#[async_trait]
pub trait Hubs: Send + Sync + Debug {
    /// Whether this host can speak to such a hub at all; otherwise why not.
    ///
    /// # Errors
    /// What stands against it, for users.
    fn supports(&self, hub: &HubChoice) -> Result<(), String>;

    /// Opens a hub for a fleet, to go on behind what is committed.
    async fn open(&self, hub: &HubChoice, owner: &Owner, committed: Committed, limits: &RateLimits) -> Result<Box<dyn Hub>, SinkError>;
}
