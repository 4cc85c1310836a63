//! The target `iothub`: a job is one device of a hub, and speaks as one over MQTT.

use std::sync::Arc;

use headwater_core::ports::{Clock, Committed, SinkError};
use headwater_core::targets::IotHubTarget;

use super::mqtt::{Client, MqttSink, Password, TopicOf};
use crate::iot_hub::{IotHubConfig, SigningKey, resource, user};
use crate::mqtt::{Port, Trust};

pub(super) fn open(
    target: &IotHubTarget,
    config: &IotHubConfig,
    clock: Arc<dyn Clock>,
    committed: Committed,
) -> Result<MqttSink, SinkError> {
    let key = SigningKey::new(&target.key).map_err(SinkError::Fatal)?;
    let trust = Trust::new(config.authorities()?.as_deref()).map_err(|problem| config.wrong_authorities(&problem))?;
    let (resource, policy) = (resource(&target.host, &target.device), target.policy.clone());
    let client = Client {
        id: target.device.clone(),
        user: Some(user(&target.host, &target.device)),
        password: Password::Token {
            life: config.token_life,
            make: Box::new(move |expiry| key.token(&resource, policy.as_deref(), expiry)),
        },
    };
    // What a record is; hubs route by the members of bodies that say so.
    let topic = format!("devices/{}/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8", target.device);
    let port = Port { host: target.host.clone(), port: config.mqtt_port, tls: Some(trust) };
    Ok(MqttSink::new(port, client, TopicOf::Fixed(topic), clock, committed))
}
