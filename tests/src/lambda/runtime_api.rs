//! The runtime API: what a process asks for invocations, and tells their answers.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use super::deployment::Deployment;
use super::process::{Command, Record};

/// The most that an answer may weigh.
const ANSWER_LIMIT: usize = 6_291_556;

/// What a function answered.
pub(super) type Answer = Result<Bytes, Failure>;

/// An error that a function tells of, or that its answer is.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) error_type: String,
    pub(super) message: String,
}

/// An invocation on its way to a process.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) request_id: String,
    pub(super) event: Bytes,
    /// Told when the process has it.
    pub(super) take: oneshot::Sender<()>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// The invocation that the process is at.
#[derive(Debug)]
struct Current {
    request_id: String,
    answer: oneshot::Sender<Answer>,
}

/// The state behind a process's runtime API.
#[derive(Debug)]
pub(super) struct Api {
    record: Arc<Record>,
    arn: String,
    timeout: Duration,
    freezes: bool,
    jobs: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    commands: mpsc::UnboundedSender<Command>,
    current: Mutex<Option<Current>>,
    initialisation_error: OnceLock<Failure>,
}

impl Api {
    pub(super) fn new(
        deployment: &Deployment,
        record: Arc<Record>,
        jobs: mpsc::Receiver<Job>,
        commands: mpsc::UnboundedSender<Command>,
    ) -> Self {
        Self {
            record,
            arn: deployment.arn(),
            timeout: deployment.timeout,
            freezes: deployment.freezes,
            jobs: tokio::sync::Mutex::new(jobs),
            commands,
            current: Mutex::default(),
            initialisation_error: OnceLock::new(),
        }
    }

    /// Whether the process has an invocation that it has not answered.
    pub(super) fn is_busy(&self) -> bool {
        self.current().is_some()
    }

    /// Why the process says that it cannot start.
    pub(super) fn initialisation_error(&self) -> Option<Failure> {
        self.initialisation_error.get().cloned()
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next invocation. A process that has to wait for it is frozen until then; one that starts for it is not.
    async fn next_job(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock().await;
        if let Ok(job) = jobs.try_recv() {
            return Some(job);
        }
        if !self.freezes {
            return jobs.recv().await;
        }
        // Nobody listens only where the process has ended.
        let _ = self.commands.send(Command::Freeze);
        let job = jobs.recv().await;
        let _ = self.commands.send(Command::Thaw);
        job
    }

    /// Hands over an answer to the invocation that the process is at; whether it is at that one.
    fn finish(&self, request_id: &str, answer: Answer) -> bool {
        let Some(current) = self.current().take_if(|current| current.request_id == request_id) else { return false };
        // Nobody waits for it any more when it was late.
        let _ = current.answer.send(answer);
        true
    }
}

/// Serves a process until this is aborted.
pub(super) async fn serve(listener: TcpListener, api: Arc<Api>) {
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(initialisation_error))
        .layer(DefaultBodyLimit::disable())
        .with_state(api);
    let _ = axum::serve(listener, router).await;
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    api.record.polled();
    if api.is_busy() {
        return refusal(StatusCode::FORBIDDEN, "InvalidStateTransition", "the invocation before has no answer yet");
    }
    let Some(job) = api.next_job().await else {
        return refusal(StatusCode::GONE, "Runtime.Gone", "there are no more invocations");
    };
    let deadline = since_1970() + api.timeout;
    let answer = Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", &job.request_id)
        .header("Lambda-Runtime-Deadline-Ms", deadline.as_millis().to_string())
        .header("Lambda-Runtime-Invoked-Function-Arn", &api.arn)
        .header("Lambda-Runtime-Trace-Id", trace_id(&job.request_id))
        .body(Body::from(job.event))
        .expect("the headers are ASCII");
    *api.current() = Some(Current { request_id: job.request_id, answer: job.answer });
    let _ = job.take.send(());
    answer
}

async fn response(State(api): State<Arc<Api>>, Path(id): Path<String>, body: Bytes) -> Response {
    if body.len() > ANSWER_LIMIT {
        let message = format!("Response payload size exceeded maximum allowed payload size ({ANSWER_LIMIT} bytes).");
        let failure = Failure { error_type: "Function.ResponseSizeTooLarge".to_owned(), message: message.clone() };
        let known = api.finish(&id, Err(failure));
        return if known { refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message) } else { unknown_request() };
    }
    if api.finish(&id, Ok(body)) { accepted() } else { unknown_request() }
}

async fn error(State(api): State<Arc<Api>>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    if api.finish(&id, Err(read_failure(&headers, &body))) { accepted() } else { unknown_request() }
}

async fn initialisation_error(State(api): State<Arc<Api>>, headers: HeaderMap, body: Bytes) -> Response {
    let _ = api.initialisation_error.set(read_failure(&headers, &body));
    // The service does not wait for the process to end by itself.
    let _ = api.commands.send(Command::Kill);
    accepted()
}

fn read_failure(headers: &HeaderMap, body: &[u8]) -> Failure {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let header = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    let error_type = document["errorType"].as_str().or(header).unwrap_or("Runtime.Unknown").to_owned();
    let message = document["errorMessage"].as_str().map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    Failure { error_type, message }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, axum::Json(json!({"status": "OK"}))).into_response()
}

fn unknown_request() -> Response {
    refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
}

fn refusal(status: StatusCode, error_type: &str, message: &str) -> Response {
    (status, axum::Json(json!({"errorType": error_type, "errorMessage": message}))).into_response()
}

/// A trace that nobody records, in the form of X-Ray, made of the digits of a UUID.
fn trace_id(request_id: &str) -> String {
    let digits: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    format!("Root=1-{}-{};Parent={};Sampled=0", &digits[..8], &digits[8..32], &digits[16..32])
}

pub(super) fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970")
}
