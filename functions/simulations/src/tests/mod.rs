//! The router without a socket, over stores in memory, a clock that stands still, and devices that only tell what is asked of them.

mod creating;
mod dialect;
mod fields;
mod hubs;
mod models;
mod races;
mod replacing;
mod starting;
mod status;
mod uploads;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_adapters::{ManualClock, OsEntropy, Stores};
use headwater_core::ports::{Clock, Entropy, Key, PortError, Script, ScriptCall, ScriptEngine, ScriptOutcome, Targets, Timestamp};
use headwater_core::simulations::{Counters, FleetError, Fleets, Simulation, SimulationRecords, SimulationService};
use headwater_web::{House, Token, with_house_layers};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{DIALECT, router};

/// When every test begins: 2023-11-14T22:13:20.123Z.
const START: i64 = 1_700_000_000_123;

const ALL: &str = "/v1/simulations";
const ONE: &str = "/v1/simulations/1";

/// Devices that do not live, but tell what was asked of them.
#[derive(Debug, Default)]
struct Told {
    calls: Mutex<Vec<String>>,
    counters: Mutex<Counters>,
    refusal: Mutex<Option<String>>,
    broken: Mutex<bool>,
}

impl Told {
    fn note(&self, what: String) -> Result<(), PortError> {
        self.calls.lock().unwrap().push(what);
        match *self.broken.lock().unwrap() {
            true => Err(PortError::unavailable("telling devices", "they are not there")),
            false => Ok(()),
        }
    }

    /// What was asked since the last time, in order.
    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

#[async_trait]
impl Fleets for Told {
    async fn prepare(&self, simulation: &Simulation) -> Result<(), FleetError> {
        self.calls.lock().unwrap().push(format!("prepare {}", simulation.version));
        match self.refusal.lock().unwrap().clone() {
            Some(text) => Err(FleetError::Settings(text)),
            None => Ok(()),
        }
    }

    async fn settle(&self, simulation: &Simulation) -> Result<(), PortError> {
        let enabled = if simulation.settings.enabled { "enabled" } else { "disabled" };
        self.note(format!("settle {} {enabled}", simulation.version))
    }

    async fn end(&self) -> Result<(), PortError> {
        self.note("end".to_owned())
    }

    async fn counters(&self, _: &Simulation) -> Result<Counters, PortError> {
        Ok(*self.counters.lock().unwrap())
    }
}

/// Takes any text with `main` in it for a script.
#[derive(Debug)]
struct Reader;

#[async_trait]
impl ScriptEngine for Reader {
    async fn check(&self, script: &Script) -> Result<(), String> {
        if script.text.contains("main(context") { Ok(()) } else { Err(format!("{}:1: there is no main", script.name)) }
    }

    async fn run(&self, _: Vec<ScriptCall>) -> Vec<ScriptOutcome> {
        Vec::new()
    }
}

struct Host {
    routes: Router,
    service: SimulationService,
    records: SimulationRecords,
    stores: Stores,
    devices: Arc<Told>,
    clock: Arc<ManualClock>,
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("an answer is UTF-8")
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of a success.
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!((self.status, self.header("content-type")), (StatusCode::OK, "application/json; charset=utf-8"), "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Checks that it is a problem as this group tells them; answers its message.
    #[track_caller]
    fn refuses(&self, status: u16, kind: &str) -> String {
        assert_eq!((self.status.as_u16(), self.header("content-type")), (status, "application/json; charset=utf-8"), "{}", self.text());
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        let names: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(names, ["Message", "ExceptionMessage", "ExceptionType"]);
        assert_eq!((body["Message"].as_str(), body["ExceptionType"].as_str()), (Some("An error has occurred."), Some(kind)), "{body}");
        body["ExceptionMessage"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn is_empty(&self) {
        assert_eq!((self.status, self.text()), (StatusCode::OK, ""));
    }
}

fn host() -> Host {
    host_with_token(None)
}

fn host_with_token(token: Option<Token>) -> Host {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START)));
    let (port, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (clock.clone(), Arc::new(OsEntropy));
    let (mut stores, devices) = (Stores::in_memory(&port), Arc::new(Told::default()));
    stores.documents = Arc::new(races::Slow(stores.documents));
    let streams = stores.streams(&port, &entropy);
    let targets: Arc<dyn Targets> = Arc::new(TargetSet::new(Arc::clone(&stores.files), OutboundHosts::default()).with_streams(streams));
    let service = stores.simulations(devices.clone(), Arc::new(Reader), targets, false, &port, &entropy);
    let house = House { token, clock: port, entropy, largest_reply: None, dialects: &[DIALECT] };
    let panics = Router::new().route("/v1/panics", axum::routing::get(async || -> StatusCode { panic!("on purpose") }));
    Host {
        routes: with_house_layers(router(service.clone()).merge(panics), house),
        service,
        records: SimulationRecords::new(Arc::clone(&stores.documents)),
        stores,
        devices,
        clock,
    }
}

impl Host {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.routes.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, usize::MAX).await.unwrap().to_vec() }
    }

    async fn with_json(&self, method: &str, path: &str, body: impl ToString) -> Answer {
        self.send(method, path, &[("content-type", "application/json")], body.to_string()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Body::empty()).await
    }

    async fn post(&self, path: &str, body: impl ToString) -> Answer {
        self.with_json("POST", path, body).await
    }

    async fn put(&self, path: &str, body: impl ToString) -> Answer {
        self.with_json("PUT", path, body).await
    }

    async fn patch(&self, path: &str, body: impl ToString) -> Answer {
        self.with_json("PATCH", path, body).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], Body::empty()).await
    }

    /// A disabled simulation of these models and members.
    async fn create(&self, members: &Value) -> Value {
        self.post(ALL, simulation(members)).await.json()
    }

    /// A body is refused, and makes no simulation.
    #[track_caller]
    fn refuses(&self, members: &Value, part: &str) -> impl Future<Output = ()> {
        let (body, part, caller) = (simulation(members), part.to_owned(), std::panic::Location::caller());
        async move {
            let answer = self.post(ALL, &body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body} at {caller}: {}", answer.text());
            assert!(answer.text().contains(&part), "{part:?} is not in {} at {caller}", answer.text());
            assert!(self.records.stored().await.unwrap().is_none(), "{body} was stored, at {caller}");
        }
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The keys of everything in the store, and whether any document of it has this text.
    async fn documents_with(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for listed in self.stores.documents.list(&Key::root("simulations"), None, 1000).await.unwrap() {
            let document = self.stores.documents.get(&listed.key).await.unwrap().unwrap();
            if String::from_utf8_lossy(&document.body).contains(text) {
                found.push(listed.key.to_string());
            }
        }
        found
    }
}

/// A body of a disabled simulation of one truck, with these members put over it.
fn simulation(members: &Value) -> Value {
    let mut body = json!({"Enabled": false, "DeviceModels": [{"Id": "truck-02", "Count": 1}]});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn with_etag(etag: &Value, members: &Value) -> Value {
    let mut body = simulation(members);
    body["ETag"] = etag.clone();
    body
}
