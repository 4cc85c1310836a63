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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Timestamp;
    use crate::simulations::model::MessageSchema;

    fn recorded(body: &[u8], format: MessageFormat) -> Value {
        let class_name = (format == MessageFormat::Protobuf).then(|| "Fleet.Truck".to_owned());
        let schema = MessageSchema { name: "truck;v1".to_owned(), format, class_name, ..MessageSchema::default() };
        let message = DeviceMessage {
            device: "truck-02.7".into(),
            model: "truck-02".into(),
            schema: Arc::new(schema),
            created: Timestamp::from_micros(1_500_000),
            body: Bytes::copy_from_slice(body),
        };
        let mut output = Vec::new();
        record(&message, &mut output);
        assert_eq!(output.iter().filter(|byte| **byte == b'\n').count(), 1, "a record is a line");
        assert!(output.ends_with(b"}\n"));
        serde_json::from_slice(&output).unwrap()
    }

    #[test]
    fn a_record_tells_what_a_hub_would_know() {
        let expected = json!({
            "deviceId": "truck-02.7",
            "deviceModel": "truck-02",
            "createdAt": "1970-01-01T00:00:01.500+00:00",
            "contentType": "application/json",
            "contentEncoding": "utf-8",
            "properties": {"$$CreationTimeUtc": "1970-01-01T00:00:01+00:00", "$$MessageSchema": "truck;v1", "$$ContentType": "JSON"},
            "body": {"speed": 30, "unit": "mph"},
        });
        assert_eq!(recorded(br#"{"speed": 30, "unit":"mph"}"#, MessageFormat::Json), expected);
        assert_eq!(recorded(b"\n{\"speed\":\r\n30,\n\"unit\":\"mph\"}\n", MessageFormat::Json), expected);
    }

    #[test]
    fn a_body_that_is_no_json_is_a_text() {
        assert_eq!(recorded(b"{\"a\":${missing}}\n", MessageFormat::Json)["body"], "{\"a\":${missing}}\n");
        assert_eq!(recorded(b"", MessageFormat::Json)["body"], "");
    }

    #[test]
    fn bytes_are_in_base64_and_say_what_they_are() {
        let record = recorded(&[0x09, 0xff, 0x00], MessageFormat::Protobuf);
        assert_eq!((&record["body"], &record["contentType"]), (&json!("Cf8A"), &Value::Null));
        let properties = json!({"$$CreationTimeUtc": "1970-01-01T00:00:01+00:00", "$$MessageSchema": "truck;v1",
            "$$ContentType": "Protobuf", "$$ClassName": "Fleet.Truck"});
        assert_eq!(record["properties"], properties);
    }
}
