//! The local hub: devices are registered in the store, and their messages are events of a stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::created_at;
use crate::ports::{
    AppendKey, Committed, Condition, DeviceMessage, Documents, DocumentsExt as _, Event, Headers, Hub, HubDevice, Key, News, Owner,
    PortError, SinkError, TwinReport,
};
use crate::simulations::devices_stream;
use crate::streams::{Stream, StreamError, StreamService};

/// The headers of an event.
const NAMES: [&str; 4] = ["deviceId", "deviceModel", "schema", "createdAt"];

/// The local hub, for one fleet.
///
/// Messages are numbered from the fleet's first one, and the stream leaves out what it has of this fleet already: a step that is
/// repeated after a crash adds nothing twice.
#[derive(Debug)]
pub struct LocalHub {
    documents: Arc<dyn Documents>,
    streams: StreamService,
    stream: Arc<Stream>,
    writer: String,
    committed: Committed,
}

/// The devices of a fleet in the registry: for each model, the numbers from the first up to below the second.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Registered {
    devices: BTreeMap<String, (u32, u32)>,
}

impl LocalHub {
    /// Opens the hub for a fleet, to go on behind what is committed. Its stream is made if it is not there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(
        documents: Arc<dyn Documents>,
        streams: StreamService,
        owner: &Owner,
        committed: Committed,
    ) -> Result<Self, SinkError> {
        let name = devices_stream();
        let stream = match streams.get(&name).await {
            Err(StreamError::NoStream(_)) => {
                streams.create(&name, &[]).await.map_err(|error| trouble(&error))?;
                streams.get(&name).await
            }
            found => found,
        };
        let stream = stream.map_err(|error| trouble(&error))?;
        Ok(Self { documents, streams, stream, writer: owner.0.clone(), committed })
    }

    fn key(&self) -> Key {
        Key::root("simulations/registry").child(&self.writer).expect("an owner is a short word")
    }

    async fn registered(&self) -> Result<Registered, SinkError> {
        let found = self.documents.get_json(&self.key()).await.map_err(|error| unavailable(&error))?;
        Ok(found.map(|(registered, _)| registered).unwrap_or_default())
    }
}

fn trouble(error: &StreamError) -> SinkError {
    tracing::warn!(error = error as &dyn std::error::Error, "writing the stream of the local hub failed");
    SinkError::Retry("the stream of the local hub cannot be written".to_owned())
}

fn unavailable(error: &PortError) -> SinkError {
    tracing::warn!(error = error as &dyn std::error::Error, "the registry of the local hub failed");
    SinkError::Retry("the registry of the local hub is not available".to_owned())
}

/// The number of a device within its model.
fn number(device: &HubDevice) -> Option<u32> {
    device.id.rsplit_once('.')?.1.parse().ok()
}

#[async_trait]
impl Hub for LocalHub {
    async fn register(&mut self, devices: &[HubDevice]) -> Result<(), SinkError> {
        let mut registered = self.registered().await?;
        for (device, number) in devices.iter().filter_map(|device| Some((device, number(device)?))) {
            let range = registered.devices.entry(device.model.to_string()).or_insert((number, number));
            *range = (range.0.min(number), range.1.max(number + 1));
        }
        self.documents.put_json(&self.key(), &registered, Condition::Any).await.map(drop).map_err(|error| unavailable(&error))
    }

    async fn unregister(&mut self, devices: &[HubDevice]) -> Result<(), SinkError> {
        // A fleet shrinks from its last device on, so what is left of a model is always the numbers below those that go.
        let mut registered = self.registered().await?;
        for (device, number) in devices.iter().filter_map(|device| Some((device, number(device)?))) {
            if let Some(range) = registered.devices.get_mut(&*device.model) {
                range.1 = range.1.min(number);
            }
        }
        registered.devices.retain(|_, range| range.0 < range.1);
        let written = if registered.devices.is_empty() {
            self.documents.delete(&self.key(), Condition::Any).await
        } else {
            self.documents.put_json(&self.key(), &registered, Condition::Any).await.map(drop)
        };
        written.map_err(|error| unavailable(&error))
    }

    async fn connect(&mut self, _: Vec<HubDevice>) -> Result<(), SinkError> {
        Ok(())
    }

    async fn disconnect(&mut self, _: &[Arc<str>]) {}

    async fn send(&mut self, messages: Vec<DeviceMessage>) -> Result<(), SinkError> {
        let count = messages.len() as u64;
        let bytes: usize = messages.iter().map(|message| message.body.len()).sum();
        let events = messages.into_iter().map(|message| {
            let values = [message.device.to_string(), message.model.to_string(), message.schema.name.clone(), created_at(message.created)];
            let headers = NAMES.iter().map(|name| (*name).to_owned()).zip(values).collect::<Vec<_>>();
            Event { headers: Headers::from(headers), body: message.body }
        });
        let key = AppendKey { writer: self.writer.clone(), first: self.committed.records + 1 };
        self.streams.append(&self.stream, events.collect(), key).await.map_err(|error| trouble(&error))?;
        self.committed.records += count;
        self.committed.bytes += bytes as u64;
        Ok(())
    }

    async fn report(&mut self, _: Vec<TwinReport>) -> Result<(), SinkError> {
        Ok(())
    }

    fn news(&mut self) -> News {
        News::default()
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        // What was appended is durable. But not every log can tell, when something is appended, that it was removed.
        let now = self.streams.get(&self.stream.name).await.map_err(|error| trouble(&error))?;
        if now.log == self.stream.log { Ok(()) } else { Err(SinkError::Retry("the stream of the local hub was removed".to_owned())) }
    }

    fn committed(&self) -> Committed {
        self.committed
    }
}
