//! The router without a socket, over stores in memory and a clock that stands still: what a request is answered, whatever the host.

mod batches;
mod events;
mod namespaces;
mod notifications;
mod programs;
mod properties;
mod records;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use headwater_adapters::{ManualClock, OsEntropy, Stores};
use headwater_core::ports::{Clock, Entropy, Timestamp};
use headwater_core::streams::{StreamService, StreamUsage, StreamUsers};
use headwater_web::{House, with_house_layers};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{DIALECT, router};

/// When every test begins, in milliseconds; not at a whole second.
const START: i64 = 1_700_000_000_123;

/// The paths of the default namespace.
const N: &str = "/v3/namespaces/default";

/// A stream that tests of one stream use.
const S: &str = "/v3/namespaces/default/streams/s";

struct Host {
    routes: Router,
    streams: StreamService,
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

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}, not JSON: {:?}", self.status, self.text()))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that it has this status and no body.
    #[track_caller]
    fn is_empty(&self, status: u16) {
        assert_eq!((self.status.as_u16(), self.text()), (status, ""));
    }

    /// Checks that it is a problem as this group tells them: plain text that has this part.
    #[track_caller]
    fn refuses(&self, status: u16, part: &str) {
        assert_eq!((self.status.as_u16(), self.header("content-type")), (status, "text/plain; charset=utf-8"), "{}", self.text());
        assert!(self.text().contains(part) && !self.text().is_empty(), "{part:?} is not in {:?}", self.text());
        assert!(!self.text().trim_start().starts_with('{'), "a problem is JSON: {}", self.text());
    }
}

fn host() -> Host {
    host_over(|streams| streams, Vec::new(), None)
}

/// A host with an empty stream `s`.
async fn host_with_stream() -> Host {
    let host = host();
    host.put(S, "").await.is_empty(200);
    host
}

fn host_over(service: impl FnOnce(StreamService) -> StreamService, users: Vec<Arc<dyn StreamUsers>>, largest_reply: Option<u64>) -> Host {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START)));
    let (port, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (clock.clone(), Arc::new(OsEntropy));
    let streams = service(Stores::in_memory(&port).streams(&port, &entropy));
    let routes = router(streams.clone(), StreamUsage::new(streams.clone(), users));
    Host {
        routes: with_house_layers(routes, House { token: None, clock: port, entropy, largest_reply, dialects: &[DIALECT] }),
        streams,
        clock,
    }
}

impl Host {
    /// The answer's head, and its body as it comes.
    async fn open(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.routes.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap()
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let (parts, body) = self.open(method, path, headers, body).await.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, usize::MAX).await.unwrap().to_vec() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Body::empty()).await
    }

    async fn put(&self, path: &str, body: impl ToString) -> Answer {
        self.send("PUT", path, &[], body.to_string()).await
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send("POST", path, &[], body).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], Body::empty()).await
    }

    /// The events of a stream, or of a window of it.
    #[track_caller]
    fn events(&self, path: &str) -> impl Future<Output = Vec<Value>> {
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.get(path).await;
            if answer.status == StatusCode::NO_CONTENT {
                assert!(answer.body.is_empty(), "a 204 has a body at {caller}");
                return Vec::new();
            }
            assert_eq!(answer.status, StatusCode::OK, "{} at {caller}", answer.text());
            let events: Vec<Value> = serde_json::from_slice(&answer.body).expect("events are a JSON array");
            assert!(!events.is_empty(), "a 200 without events at {caller}");
            events
        }
    }

    /// The bodies of the events of `s`.
    async fn bodies(&self) -> Vec<String> {
        self.events(&format!("{S}/events")).await.iter().map(|event| event["body"].as_str().unwrap().to_owned()).collect()
    }

    fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }
}
