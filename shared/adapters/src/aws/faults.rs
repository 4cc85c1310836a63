//! LocalStack with trouble: a proxy before it that refuses, breaks off, keeps silent or loses answers, as told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use tokio::task::JoinHandle;

/// What becomes of a request.
pub(crate) enum Fault {
    /// It is carried out and answered.
    None,
    /// It is not carried out, and answered like this.
    Refuse(u16, String),
    /// It is not carried out, and the connection breaks off.
    BreakOff,
    /// It is not carried out, and not answered either.
    Silence,
    /// It is carried out, and the connection breaks off.
    LoseAnswer,
    /// It is carried out with this body instead, and the answer then made into another one.
    Change(Value, Box<dyn FnOnce(Value) -> Value + Send>),
}

/// A request, as far as faults depend on it.
pub(crate) struct Call {
    pub(crate) method: String,
    /// The operation, of services that name it.
    pub(crate) target: String,
    pub(crate) body: Bytes,
}

impl Call {
    /// How the service says that it is asked too much.
    pub(crate) fn throttled(&self) -> Fault {
        match self.target.split('.').next() {
            Some("AmazonSQS") => Fault::Refuse(400, r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slowly"}"#.to_owned()),
            Some(kinesis) if kinesis.starts_with("Kinesis") => {
                Fault::Refuse(400, r#"{"__type":"ProvisionedThroughputExceededException","message":"slowly"}"#.to_owned())
            }
            _ => Fault::Refuse(503, "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>".to_owned()),
        }
    }

    /// The body of a request of SQS or Kinesis.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

type Plan = dyn Fn(usize, &Call) -> Fault + Send + Sync;

/// The proxy; ends with the test.
pub(crate) struct Faults {
    pub(crate) endpoint: String,
    state: Arc<Proxy>,
    server: JoinHandle<()>,
}

struct Proxy {
    upstream: String,
    http: reqwest::Client,
    plan: Box<Plan>,
    calls: AtomicUsize,
    injected: AtomicUsize,
}

impl Faults {
    /// A proxy before LocalStack. `plan` is asked what becomes of each request; the first has number 1.
    pub(crate) async fn new(plan: impl Fn(usize, &Call) -> Fault + Send + Sync + 'static) -> Self {
        let state = Arc::new(Proxy {
            upstream: super::test_endpoint::endpoint(),
            http: crate::targets::http_client(),
            plan: Box::new(plan),
            calls: AtomicUsize::new(0),
            injected: AtomicUsize::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { endpoint, state, server }
    }

    /// How many requests met a fault.
    pub(crate) fn injected(&self) -> usize {
        self.state.injected.load(Ordering::Relaxed)
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Ends the connection without an answer.
fn break_off() -> ! {
    std::panic::resume_unwind(Box::new(()))
}

async fn answer(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default().to_owned();
    let call = Call { method: parts.method.to_string(), target, body };
    let fault = (proxy.plan)(proxy.calls.fetch_add(1, Ordering::Relaxed) + 1, &call);
    if !matches!(fault, Fault::None) {
        proxy.injected.fetch_add(1, Ordering::Relaxed);
    }
    let forward = async |body: Bytes| {
        let mut headers = parts.headers.clone();
        headers.remove("content-length");
        let url = format!("{}{}", proxy.upstream, parts.uri);
        proxy.http.request(parts.method.clone(), url).headers(headers).body(body).send().await.unwrap()
    };
    match fault {
        Fault::None => pass(forward(call.body).await).await,
        Fault::Refuse(status, text) => Response::builder().status(status).body(Body::from(text)).unwrap(),
        Fault::BreakOff => break_off(),
        Fault::Silence => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            break_off()
        }
        Fault::LoseAnswer => {
            forward(call.body).await;
            break_off()
        }
        Fault::Change(body, then) => {
            let answer = forward(body.to_string().into()).await;
            let told: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            Response::new(Body::from(then(told).to_string()))
        }
    }
}

async fn pass(answer: reqwest::Response) -> Response {
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers().iter().filter(|(name, _)| !["transfer-encoding", "connection"].contains(&name.as_str())) {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
}
