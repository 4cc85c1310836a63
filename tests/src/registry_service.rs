//! What an Azure IoT Hub called `localhost` answers over HTTPS: its registry and its devices' messages. It believes nobody whose
//! signature is wrong.
#![allow(clippy::disallowed_methods, reason = "a test lives in real time")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, http};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use ring::hmac;
use serde_json::{Value, json};

/// The policy that its clients act under.
pub const POLICY: &str = "iothubowner";

/// Its key, as portals show it.
#[must_use]
pub fn key() -> String {
    STANDARD.encode(b"thirty-two bytes of a hub's key.")
}

/// The connection string with that key, or with another one.
#[must_use]
pub fn connection_string(key: &str) -> String {
    format!("HostName=localhost;SharedAccessKeyName={POLICY};SharedAccessKey={key}")
}

/// A message that came over HTTPS.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Its sender.
    pub device: String,
    /// All of the request's headers.
    pub headers: HeaderMap,
    /// What it says.
    pub body: Bytes,
}

/// What the service has been told.
#[derive(Debug, Default)]
pub struct Held {
    /// The registry: entries by id, as they were asked for.
    pub devices: BTreeMap<String, Value>,
    /// Sizes of batches.
    pub batches: Vec<usize>,
    /// Messages over HTTPS.
    pub posted: Vec<Posted>,
    /// What the next requests are answered instead.
    pub instead: VecDeque<(u16, &'static str)>,
}

/// The service, on a port of its own.
#[derive(Debug, Clone)]
pub struct RegistryService {
    /// Its address, without a slash at the end.
    pub base: String,
    held: Arc<Mutex<Held>>,
}

impl RegistryService {
    /// Starts one.
    ///
    /// # Panics
    /// When there is no port for it.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let service = Self { base: format!("http://{}", listener.local_addr().unwrap()), held: Arc::default() };
        let routes = Router::new()
            .route("/devices", post(import).get(list))
            .route("/devices/{id}", get(one))
            .route("/devices/{id}/messages/events", post(message))
            .with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        service
    }

    /// What it has been told so far.
    ///
    /// # Panics
    /// When a request made it panic.
    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("no request makes it panic")
    }

    /// What stands against a request, beginning with the version.
    fn refuses(&self, query: &BTreeMap<String, String>, headers: &HeaderMap, resource: &str, policy: Option<&str>) -> Option<StatusCode> {
        if query.get("api-version").map(String::as_str) != Some("2021-04-12") {
            return Some(StatusCode::BAD_REQUEST);
        }
        let token = headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        (!is_genuine(token, resource, policy)).then_some(StatusCode::UNAUTHORIZED)
    }

    fn instead(&self) -> Option<axum::response::Response> {
        let (status, body) = self.held().instead.pop_front()?;
        Some((StatusCode::from_u16(status).unwrap(), body).into_response())
    }
}

/// Whether a token is signed with the key, for this resource, and still good.
///
/// # Panics
/// When the clock of the machine stands before 1970.
#[must_use]
pub fn is_genuine(token: &str, resource: &str, policy: Option<&str>) -> bool {
    let Some(members) = token.strip_prefix("SharedAccessSignature ") else { return false };
    let members: BTreeMap<&str, &str> = members.split('&').filter_map(|member| member.split_once('=')).collect();
    let decoded = |name: &str| members.get(name).map(|value| percent_decode_str(value).decode_utf8().unwrap().into_owned());
    let (Some(sr), Some(expiry)) = (members.get("sr"), members.get("se")) else { return false };
    let signature = STANDARD.decode(decoded("sig").unwrap_or_default()).unwrap_or_default();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(key()).unwrap());
    let signed = hmac::verify(&key, format!("{sr}\n{expiry}").as_bytes(), &signature).is_ok();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    signed && decoded("sr").as_deref() == Some(resource) && decoded("skn").as_deref() == policy && expiry.parse::<u64>().unwrap() > now
}

type Parameters = Query<BTreeMap<String, String>>;

async fn import(
    State(service): State<RegistryService>,
    Query(query): Parameters,
    headers: HeaderMap,
    Json(batch): Json<Vec<Value>>,
) -> axum::response::Response {
    if let Some(answer) = service.instead() {
        return answer;
    }
    if let Some(status) = service.refuses(&query, &headers, "localhost", Some(POLICY)) {
        return status.into_response();
    }
    if batch.len() > 100 {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let mut held = service.held();
    held.batches.push(batch.len());
    let mut errors = Vec::new();
    for entry in batch {
        let id = entry["id"].as_str().unwrap().to_owned();
        let mut fail = |code: Value, status: &str| errors.push(json!({"deviceId": id, "errorCode": code, "errorStatus": status}));
        match entry["importMode"].as_str().unwrap() {
            "create" if id.starts_with("cursed") => fail(json!("InvalidFieldLength"), "that id brings bad luck"),
            "create" if held.devices.contains_key(&id) => fail(json!("DeviceAlreadyExists"), "it is there"),
            "create" => {
                held.devices.insert(id, entry);
            }
            "delete" if held.devices.contains_key(&id) => {
                held.devices.remove(&id);
            }
            "delete" => fail(json!(404_001), "it is not there"),
            other => panic!("{other}"),
        }
    }
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    (status, Json(json!({"isSuccessful": errors.is_empty(), "errors": errors, "warnings": []}))).into_response()
}

fn identity(id: &str) -> Value {
    json!({"deviceId": id, "status": "enabled", "connectionState": "Disconnected"})
}

async fn list(State(service): State<RegistryService>, Query(query): Parameters, headers: HeaderMap) -> axum::response::Response {
    match service.refuses(&query, &headers, "localhost", Some(POLICY)) {
        Some(status) => status.into_response(),
        None => Json(service.held().devices.keys().map(|id| identity(id)).collect::<Vec<_>>()).into_response(),
    }
}

async fn one(
    State(service): State<RegistryService>,
    Path(id): Path<String>,
    Query(query): Parameters,
    headers: HeaderMap,
) -> axum::response::Response {
    match service.refuses(&query, &headers, "localhost", Some(POLICY)) {
        Some(status) => status.into_response(),
        None if service.held().devices.contains_key(&id) => Json(identity(&id)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn message(
    State(service): State<RegistryService>,
    Path(id): Path<String>,
    Query(query): Parameters,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    if let Some(answer) = service.instead() {
        return answer;
    }
    if let Some(status) = service.refuses(&query, &headers, &format!("localhost/devices/{id}"), None) {
        return status.into_response();
    }
    let mut held = service.held();
    if !held.devices.contains_key(&id) {
        return StatusCode::NOT_FOUND.into_response();
    }
    held.posted.push(Posted { device: id, headers, body });
    StatusCode::NO_CONTENT.into_response()
}
