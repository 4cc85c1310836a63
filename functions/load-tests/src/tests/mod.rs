//! The router without a socket, over stores in memory and a clock that stands still: what a request is answered, whatever the host.

mod bodies;
mod comparisons;
mod dialect;
mod runs;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use headwater_adapters::{ManualClock, OsEntropy, Stores};
use headwater_core::load_tests::Settings;
use headwater_core::ports::{Clock, Entropy, Timestamp};
use headwater_core::secret::Secret;
use headwater_web::{House, Token, with_house_layers};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{DIALECT, router};

const FORM: &str = "application/x-www-form-urlencoded";

struct Host {
    routes: Router,
    clock: Arc<ManualClock>,
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

fn host() -> Host {
    host_with(None)
}

fn host_with(token: Option<&str>) -> Host {
    host_carrying(token, None)
}

/// A host whose answers have so many bytes at most.
fn host_carrying(token: Option<&str>, largest_reply: Option<u64>) -> Host {
    let manual = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_123)));
    let clock: Arc<dyn Clock> = Arc::clone(&manual) as _;
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let service = Stores::in_memory(&clock).load_tests(&clock, &entropy, Settings::default());
    let routes = router(service, Arc::clone(&clock));
    let token = token.map(|token| Token::new(Secret::new(token)));
    Host { routes: with_house_layers(routes, House { token, clock, entropy, largest_reply, dialects: &[DIALECT] }), clock: manual }
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

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Body::empty()).await
    }

    /// Posts something to a path below `/apiv0.1/events`.
    async fn post(&self, event: &str, kind: &str, body: impl Into<Body>) -> Answer {
        self.send("POST", &format!("/apiv0.1/events/{event}"), &[("content-type", kind)], body).await
    }

    async fn json(&self, event: &str, body: &Value) -> Answer {
        self.post(event, "application/json", body.to_string()).await
    }

    /// Registers a run of a host; answers its id.
    async fn registered(&self, host: &str) -> String {
        let answer = self.json("register", &registration(host)).await.is(200).json();
        answer["data"]["uuid"].as_str().expect("an id").to_owned()
    }

    fn later(&self, by: Duration) {
        self.clock.advance(by);
    }
}

fn registration(host: &str) -> Value {
    json!({
        "startedAt": 1_479_000_000,
        "hostname": host,
        "measurement": {"fields": {"clients": 10, "hatchRate": 0.1, "requests": 100}, "tags": {"hostname": "aws.com", "mode": "single"}},
    })
}

fn result(host: &str, uuid: &str) -> Value {
    json!({
        "startedAt": 1_479_000_060,
        "hostname": host,
        "uuid": uuid,
        "targetHost": "http://t",
        "measurement": {"fields": {"requestStats": {"GET /": {"num_requests": 5, "avg": 12.5}}}, "tags": {"hostname": "aws.com"}},
    })
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

    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// Checks that it is a problem as this group tells them, of this kind and about this field; answers its message.
    #[track_caller]
    fn refuses(&self, status: u16, code: &str, field: Option<&str>) -> String {
        assert_eq!((self.status.as_u16(), self.header("content-type")), (status, "application/json"), "{}", self.text());
        let body = self.json();
        let error = body["error"].as_object().expect("an error");
        assert_eq!(body.as_object().map(serde_json::Map::len), Some(1), "{body}");
        assert_eq!((error.get("code"), error.get("field").and_then(Value::as_str)), (Some(&json!(code)), field), "{body}");
        assert_eq!(error.len(), 2 + usize::from(field.is_some()), "{body}");
        let message = error["message"].as_str().expect("a message").to_owned();
        assert!(!message.is_empty(), "{body}");
        message
    }
}
