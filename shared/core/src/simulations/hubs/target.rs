//! Any target instead of a hub: there is no registry and nothing to connect to; each message is a record.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::created_at;
use crate::ports::{Batch, Committed, DeviceMessage, Hub, HubDevice, News, Owner, Sink, SinkError, Targets, TwinReport};
use crate::simulations::Moment;
use crate::simulations::model::{MessageFormat, Word as _};
use crate::targets::Target;

/// A target, for one fleet.
///
/// A record has what a hub would know of a message: `deviceId`, `deviceModel`, `body`, `contentType`, `contentEncoding`, `createdAt` and
/// `properties`. A body that is JSON stands there as JSON; any other is a text, in base64 if it is no text.
#[derive(Debug)]
pub struct TargetHub {
    targets: Arc<dyn Targets>,
    target: Target,
    owner: Owner,
    committed: Committed,
    sink: Option<Box<dyn Sink>>,
}

impl TargetHub {
    /// Opens a target for a fleet, to go on behind what is committed.
    ///
    /// # Errors
    /// When the object describes no target.
    pub fn open(targets: Arc<dyn Targets>, target: &Map<String, Value>, owner: &Owner, committed: Committed) -> Result<Self, SinkError> {
        let target = Target::parse(&Value::Object(target.clone())).map_err(|mistakes| SinkError::Fatal(mistakes.to_string()))?;
        Ok(Self { targets, target, owner: Owner(owner.0.clone()), committed, sink: None })
    }

    async fn sink(&mut self) -> Result<&mut Box<dyn Sink>, SinkError> {
        if self.sink.is_none() {
            self.sink = Some(self.targets.open(&self.target, &self.owner, self.committed).await?);
        }
        Ok(self.sink.as_mut().expect("just opened"))
    }
}

/// A message as a record, with its line feed.
fn record(message: &DeviceMessage, output: &mut Vec<u8>) {
    let created = Moment::utc(message.created).to_string();
    let format = message.schema.format.word();
    let mut properties = json!({"$$CreationTimeUtc": created, "$$MessageSchema": message.schema.name, "$$ContentType": format});
    let mut record = json!({"deviceId": *message.device, "deviceModel": *message.model, "createdAt": created_at(message.created)});
    let json = message.schema.format == MessageFormat::Json;
    if json {
        record["contentType"] = "application/json".into();
        record["contentEncoding"] = "utf-8".into();
    } else {
        properties["$$ClassName"] = message.schema.class_name.clone().into();
    }
    record["properties"] = properties;
    let text = serde_json::to_string(&record).expect("JSON serialises");
    // The body goes in as it is, without being read into values: a number keeps every digit.
    output.extend_from_slice(&text.as_bytes()[..text.len() - 1]);
    output.extend_from_slice(b",\"body\":");
    match std::str::from_utf8(&message.body) {
        Ok(body) if json && serde_json::from_str::<&RawValue>(body).is_ok() => {
            // A record is a line.
            output.extend(body.trim().bytes().map(|byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }));
        }
        Ok(body) if json => output.extend_from_slice(Value::from(body).to_string().as_bytes()),
        _ => output.extend_from_slice(Value::from(base64(&message.body)).to_string().as_bytes()),
    }
    output.extend_from_slice(b"}\n");
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[async_trait]
impl Hub for TargetHub {
    /// Readies the target: nothing has been sent before the first devices are registered.
    async fn register(&mut self, _: &[HubDevice]) -> Result<(), SinkError> {
        if self.committed.records == 0 && self.sink.is_none() {
            self.targets.prepare(&self.target, &self.owner).await?;
        }
        Ok(())
    }

    async fn unregister(&mut self, _: &[HubDevice]) -> Result<(), SinkError> {
        Ok(())
    }

    async fn connect(&mut self, _: Vec<HubDevice>) -> Result<(), SinkError> {
        Ok(())
    }

    async fn disconnect(&mut self, _: &[Arc<str>]) {}

    async fn send(&mut self, messages: Vec<DeviceMessage>) -> Result<(), SinkError> {
        let (mut text, mut ends) = (Vec::new(), Vec::with_capacity(messages.len()));
        for message in &messages {
            record(message, &mut text);
            ends.push(u32::try_from(text.len()).map_err(|_| SinkError::Fatal("the messages of one moment are too long".to_owned()))?);
        }
        self.sink().await?.write(&Batch { text: Bytes::from(text), ends }).await
    }

    async fn report(&mut self, _: Vec<TwinReport>) -> Result<(), SinkError> {
        Ok(())
    }

    fn news(&mut self) -> News {
        News::default()
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        match &mut self.sink {
            Some(sink) => sink.flush().await,
            None => Ok(()),
        }
    }

    fn committed(&self) -> Committed {
        self.sink.as_ref().map_or(self.committed, |sink| sink.committed())
    }
}
