//! The router without a socket, over stores in memory and a clock that stands still: what a request is answered, whatever the host.

mod appending;
mod audio;
mod defining;
mod functions;
mod operations;
mod pictures;
mod selecting;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use headwater_adapters::{ManualClock, OsEntropy, Stores};
use headwater_core::ports::{Clock, Entropy, Timestamp};
use headwater_web::{House, with_house_layers};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{DIALECTS, router};

struct Host {
    routes: Router,
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

fn host_with(largest_reply: Option<u64>) -> Host {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_123)));
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let stores = Stores::in_memory(&clock);
    let routes = router(stores.tables(&stores.streams(&clock, &entropy), &clock, &entropy));
    Host { routes: with_house_layers(routes, House { token: None, clock, entropy, largest_reply, dialects: &DIALECTS }) }
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

    async fn post(&self, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
        self.send("POST", path, &[("content-type", kind)], body).await
    }

    /// Appends lines.
    async fn lines(&self, table: &str, body: impl Into<Body>) -> Answer {
        self.post(&format!("/table/{table}"), "application/x-ndjson", body).await
    }

    /// A table that is not finished.
    async fn open_table(&self, name: &str, definition: Value, elements: impl IntoIterator<Item = Value>) {
        self.put(&format!("/table/{name}"), definition).await.is(201);
        let body: String = elements.into_iter().map(|element| format!("{element}\n")).collect();
        self.lines(name, body).await.is(200);
    }

    /// A finished table.
    async fn table(&self, name: &str, definition: Value, elements: impl IntoIterator<Item = Value>) {
        self.open_table(name, definition, elements).await;
        self.send("POST", &format!("/table/{name}/finish"), &[], "").await.is(200);
    }

    /// The tables that the published cases look into.
    async fn with_fixtures(self) -> Self {
        let numbers = |range: std::ops::Range<i32>| range.map(|i| json!(i));
        let ramp = || (0..1000).map(|i| json!(f64::from(i) / 1000.0));
        let sine = (0..4410).map(|i| json!(libm::cos(2.0 * std::f64::consts::PI * 440.0 * f64::from(i) / 44_100.0)));
        let window = |size, step| json!({"window": {"size": size, "step": step}});
        let fft = |bins| json!({"fft": {"binCount": bins}});
        let vectors = (0..10).map(|v| (0..100).map(|i| f64::from(100 * v + i) / 1000.0).collect::<Value>());
        let with = |operations: &[Value]| json!({"element": "sample", "sampleRate": 1000, "operations": operations});
        self.table("ramp", with(&[]), ramp()).await;
        self.table("sine", json!({"element": "sample", "sampleRate": 44100}), sine).await;
        self.table("win", with(&[window(4, 2)]), numbers(0..10)).await;
        self.table("fft", with(&[window(4, 4), fft(4)]), [1, 2, 3, 4, 4, 3, 2, 1].map(|i| json!(i))).await;
        self.table("vec", json!({"element": "vector", "sampleRate": 1000}), vectors).await;
        self.table("list", json!({"element": "list", "sampleRate": 1000}), [json!([1, 2, 3]), json!([4, 5]), json!([6])]).await;
        self.table("obj", json!({"element": "json", "sampleRate": 100, "measure": 1}), (0..10).map(|v| json!({"v": v}))).await;
        self.table("empty", with(&[]), []).await;
        self.open_table("live", with(&[]), ramp()).await;
        self.table("ret", json!({"element": "sample", "sampleRate": 1000, "retention": "25ms"}), numbers(0..50)).await;
        let silence = json!({"element": "sample", "sampleRate": 8000, "operations": [window(8, 8), fft(8)]});
        self.table("silence", silence, vec![json!(0); 8]).await;
        self
    }

    /// The rows of an answer: offset and value.
    async fn rows(&self, path: &str) -> Vec<(i64, Value)> {
        let answer = self.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/x-ndjson"), "{path}: {}", answer.text());
        if answer.body.is_empty() {
            return Vec::new();
        }
        let lines = answer.text().strip_suffix('\n').expect("the last line ends, too").split('\n');
        let row = |line: &str| {
            let row: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{path}: a line is not JSON: {line:?}"));
            let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["offset", "value"], "{line}");
            (row["offset"].as_i64().unwrap(), row["value"].clone())
        };
        lines.map(row).collect()
    }

    async fn describe(&self, name: &str) -> Value {
        self.get(&format!("/table/{name}")).await.is(200).json()
    }
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

    /// Checks that it is a problem as this group tells them: plain text that has this part.
    #[track_caller]
    fn refuses(&self, status: u16, part: &str) {
        assert_eq!((self.status.as_u16(), self.header("content-type")), (status, "text/plain; charset=utf-8"), "{}", self.text());
        assert!(self.text().contains(part) && !self.text().is_empty(), "{part:?} is not in {:?}", self.text());
        assert!(!self.text().trim_start().starts_with('{'), "a problem is JSON: {}", self.text());
    }

    /// Checks that it is a problem with this message.
    #[track_caller]
    fn says(&self, status: u16, message: &str) {
        self.refuses(status, "");
        assert_eq!(self.text(), message);
    }
}

fn numbers(rows: &[(i64, Value)]) -> Vec<f64> {
    rows.iter().map(|(_, value)| value.as_f64().unwrap()).collect()
}

fn offsets(rows: &[(i64, Value)]) -> Vec<i64> {
    rows.iter().map(|(offset, _)| *offset).collect()
}
