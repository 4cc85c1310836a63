//! The registry of a hub: which devices there are. Over HTTPS, with the rights of the policy in the connection string.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use headwater_core::ports::{Clock, Entropy, SinkError};
use headwater_core::secret::Secret;
use headwater_core::simulations::{ConnectionString, RateLimiter};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sas::{SigningKey, encoded};
use super::{API_VERSION, BackOff};

/// Devices of one call: what the service takes.
const BATCH: usize = 100;

/// How often a call is tried before its trouble is somebody else's.
const TRIES: u32 = 4;

/// How long a token of a call is good. It is made for each.
const TOKEN_LIFE: Duration = Duration::from_secs(300);

/// A hub's registry.
#[derive(Debug)]
pub(super) struct Registry {
    client: Client,
    /// `https://HOST:PORT`.
    base: String,
    host: String,
    policy: String,
    key: SigningKey,
    /// What every device signs with: the policy's key.
    device_key: Secret,
    turns: Mutex<RateLimiter>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    first_pause: Duration,
}

/// A device, as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredDevice {
    /// Its id.
    pub device_id: String,
    /// `enabled` or `disabled`.
    pub status: String,
}

/// What the service says about a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BatchAnswer {
    errors: Vec<BatchError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BatchError {
    device_id: String,
    /// A name or a number, by the version of the service.
    error_code: Value,
    error_status: String,
}

impl BatchError {
    fn is(&self, name: &str, number: u64) -> bool {
        self.error_code.as_str() == Some(name) || self.error_code.as_u64() == Some(number)
    }
}

/// What is done to each device of a batch.
#[derive(Debug, Clone, Copy)]
enum Import {
    Create,
    Delete,
}

/// What a registry needs to know of its surroundings.
pub(super) struct Surroundings {
    pub(super) client: Client,
    pub(super) base: String,
    pub(super) operations_per_minute: u32,
    pub(super) first_pause: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Registry {
    pub(super) fn new(connection: &ConnectionString, key: SigningKey, with: Surroundings) -> Self {
        Self {
            client: with.client,
            base: with.base,
            host: connection.host.clone(),
            policy: connection.policy.clone(),
            key,
            device_key: connection.key.clone(),
            turns: Mutex::new(RateLimiter::per_minute(with.operations_per_minute)),
            clock: with.clock,
            entropy: with.entropy,
            first_pause: with.first_pause,
        }
    }

    /// Makes devices, tagged as simulated ones. Those that are there already stay as they are.
    pub(super) async fn create(&self, devices: &[&str]) -> Result<(), SinkError> {
        self.import(devices, Import::Create).await
    }

    /// Removes devices, whatever has changed about them. Those that are not there are passed over.
    pub(super) async fn delete(&self, devices: &[&str]) -> Result<(), SinkError> {
        self.import(devices, Import::Delete).await
    }

    async fn import(&self, devices: &[&str], import: Import) -> Result<(), SinkError> {
        for batch in devices.chunks(BATCH) {
            let body: Vec<Value> = batch.iter().map(|device| self.entry(device, import)).collect();
            let (status, answer) = self.call(Method::POST, "/devices", Some(Value::from(body))).await?;
            // A batch in which a device failed is answered with 400, and the failures.
            let said: BatchAnswer = serde_json::from_slice(&answer).unwrap_or_default();
            if !status.is_success() && said.errors.is_empty() {
                return Err(self.refusal(status, &answer));
            }
            said.errors.iter().try_for_each(|error| self.weigh(error, import))?;
        }
        Ok(())
    }

    fn entry(&self, device: &str, import: Import) -> Value {
        match import {
            Import::Create => {
                let key = self.device_key.expose();
                let authentication = json!({"type": "sas", "symmetricKey": {"primaryKey": key, "secondaryKey": key}});
                let tags = json!({"IsSimulated": "Y"});
                json!({"id": device, "importMode": "create", "status": "enabled", "authentication": authentication, "tags": tags})
            }
            // Without an etag: forced.
            Import::Delete => json!({"id": device, "importMode": "delete"}),
        }
    }

    fn weigh(&self, error: &BatchError, import: Import) -> Result<(), SinkError> {
        let done = match import {
            Import::Create => error.is("DeviceAlreadyExists", 409_001),
            Import::Delete => error.is("DeviceNotFound", 404_001),
        };
        if done {
            return Ok(());
        }
        let code = error.error_code.as_str().map_or_else(|| error.error_code.to_string(), str::to_owned);
        let said = format!("{}: the device {} failed: {code} {}", self.host, error.device_id, error.error_status);
        let said = said.trim_end().to_owned();
        let number = error.error_code.as_u64().unwrap_or_default() / 1000;
        let may_pass = ["Quota", "Throttl", "ServerError", "Unavailable", "Timeout", "Maximum"].iter().any(|word| code.contains(word));
        Err(if may_pass || matches!(number, 429 | 500..=599) { SinkError::Retry(said) } else { SinkError::Fatal(said) })
    }

    /// A device, if there is one of this id.
    pub(super) async fn get(&self, device: &str) -> Result<Option<RegisteredDevice>, SinkError> {
        match self.call(Method::GET, &format!("/devices/{}", encoded(device)), None).await? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, answer) => self.read(status, &answer).map(Some),
        }
    }

    /// Devices in no particular order, a thousand at most: as many as the service lists.
    pub(super) async fn list(&self) -> Result<Vec<RegisteredDevice>, SinkError> {
        let (status, answer) = self.call(Method::GET, "/devices", None).await?;
        self.read(status, &answer)
    }

    fn read<T: serde::de::DeserializeOwned>(&self, status: StatusCode, answer: &[u8]) -> Result<T, SinkError> {
        if !status.is_success() {
            return Err(self.refusal(status, answer));
        }
        serde_json::from_slice(answer).map_err(|error| SinkError::Fatal(format!("{} answered what no hub does: {error}", self.host)))
    }

    /// Asks, and asks again while the trouble may pass. The answer is a success or a refusal of the request itself.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<(StatusCode, Bytes), SinkError> {
        let url = format!("{}{path}?api-version={API_VERSION}", self.base);
        let body = body.map(|body| Bytes::from(body.to_string()));
        let mut pauses = BackOff::new(self.first_pause);
        for attempt in 1.. {
            self.turn().await;
            let expiry = self.clock.now().plus(TOKEN_LIFE);
            let token = self.key.token(&self.host, Some(&self.policy), expiry);
            let mut request = self.client.request(method.clone(), &url).header(AUTHORIZATION, token.expose());
            if let Some(body) = &body {
                request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
            }
            let (said, asked) = match request.send().await {
                Ok(answer) => {
                    let status = answer.status();
                    let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                    let bytes = answer.bytes().await.unwrap_or_default();
                    if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS {
                        return Ok((status, bytes));
                    }
                    (format!("{} answered {status}", self.host), asked)
                }
                Err(error) => {
                    tracing::debug!(
                        error = &error.without_url() as &dyn std::error::Error,
                        host = self.host,
                        "the registry did not answer"
                    );
                    (format!("the registry of {} cannot be reached", self.host), None)
                }
            };
            if attempt >= TRIES {
                return Err(SinkError::Retry(said));
            }
            let asked = Duration::from_secs(asked.unwrap_or(0).min(30));
            self.clock.sleep(pauses.next(self.entropy.as_ref()).max(asked)).await;
        }
        unreachable!("the last attempt returns")
    }

    async fn turn(&self) {
        let wait = self.turns.lock().unwrap_or_else(PoisonError::into_inner).book(self.clock.now());
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
    }

    fn refusal(&self, status: StatusCode, answer: &[u8]) -> SinkError {
        let (host, policy) = (&self.host, &self.policy);
        if answer.windows(5).any(|word| word == b"Quota") {
            return SinkError::Retry(format!("{host} answered {status}: its quota is used up"));
        }
        SinkError::Fatal(match status {
            StatusCode::UNAUTHORIZED => format!("{host} does not take the key of the policy {policy}"),
            StatusCode::FORBIDDEN => format!("{host} does not let the policy {policy} change its registry"),
            _ => format!("{host} answered {status}"),
        })
    }
}
