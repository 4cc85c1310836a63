//! A device that speaks HTTPS: it sends and hears nothing. Reports and methods need a connection, which it has not.

use std::sync::Arc;

use headwater_core::ports::DeviceMessage;
use headwater_core::secret::Secret;
use reqwest::StatusCode;
use reqwest::header::AUTHORIZATION;

use super::device::Device;
use super::sas::encoded;
use super::topics;
use super::traffic::{Traffic, Turn};
use super::{API_VERSION, BackOff};

/// Sends what a device is given until it is asked to end.
pub(super) async fn run(device: Arc<Device>, traffic: Arc<Traffic>) {
    device.enable();
    traffic.connected(&device.id);
    let mut token = None;
    while !device.is_closing() {
        match device.next() {
            None => {
                device.take_report(); // Over HTTPS a hub has no way of taking it, so that is nobody's failure.
                device.changed().await;
            }
            Some(message) => {
                traffic.clock.sleep(traffic.book(Turn::Message)).await;
                let arrived = post(&device, &traffic, &message, &mut token).await;
                traffic.settle_message(arrived);
            }
        }
    }
    device.disable(&traffic);
}

/// A token, and when a new one is due.
type Token = Option<(Secret, headwater_core::ports::Timestamp)>;

async fn post(device: &Device, traffic: &Traffic, message: &DeviceMessage, token: &mut Token) -> bool {
    let now = traffic.clock.now();
    if token.as_ref().is_none_or(|(_, renewal)| *renewal <= now) {
        let fresh = traffic.token(&device.id, now.plus(traffic.token_life));
        *token = Some((fresh, now.plus(traffic.token_life.mul_f64(0.8))));
    }
    let (secret, _) = token.as_ref().expect("just made where there was none");
    let url = format!("{}/devices/{}/messages/events?api-version={API_VERSION}", traffic.base, encoded(&device.id));
    let mut request = traffic.client.post(url).header(AUTHORIZATION, secret.expose()).body(message.body.clone());
    for property in topics::properties(message) {
        request = match property.system {
            Some((_, name)) => request.header(name, property.value),
            None => request.header(format!("iothub-app-{}", property.name), property.value),
        };
    }
    let answer = {
        let _permit = traffic.requests.acquire().await.expect("the semaphore is never closed");
        request.send().await
    };
    match answer {
        Ok(answer) if answer.status().is_success() => true,
        Ok(answer) => {
            refused(device, traffic, answer).await;
            false
        }
        Err(error) => {
            tracing::debug!(device = &*device.id, error = &error.without_url() as &dyn std::error::Error, "a message was not taken");
            traffic.connection_failed();
            let pause = BackOff::new(traffic.first_pause).next(traffic.entropy.as_ref());
            traffic.clock.sleep(pause).await;
            false
        }
    }
}

async fn refused(device: &Device, traffic: &Traffic, answer: reqwest::Response) {
    let status = answer.status();
    let body = answer.bytes().await.unwrap_or_default();
    let says = |word: &str| body.windows(word.len()).any(|part| part == word.as_bytes());
    if status == StatusCode::FORBIDDEN && (says("Quota") || says("403002")) {
        traffic.quota_is_used_up();
    } else if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND) {
        if let Err(error) = traffic.register_unknown(&device.id).await {
            tracing::warn!(
                device = &*device.id,
                error = &error as &dyn std::error::Error,
                "the hub refused a device, and did not register it"
            );
        }
    } else if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        traffic.clock.sleep(BackOff::new(traffic.first_pause).next(traffic.entropy.as_ref())).await;
    }
    tracing::debug!(device = &*device.id, %status, "a message was refused");
}
