//! An API gateway: an HTTP API of AWS, with payloads of format 2.0.
//!
//! What it does with a request follows what has been recorded of the real one where that differs from what its documentation
//! says, above all with the [path].

mod answer;
mod event;
mod path;
mod routes;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::routes::Routes;

use super::RUNTIME;
use super::failure::InvokeError;
use super::function::new_request_id;
use super::trouble::Trouble;

/// The most that a request's body may weigh.
const BODY_LIMIT: usize = 10 << 20;

/// How much of a body is read, so that a client that has sent too much can come to read the answer.
const READ_LIMIT: usize = 64 << 20;

/// A gateway on a port of its own. It stops when it is dropped.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    trouble: Arc<Trouble>,
    server: JoinHandle<()>,
}

/// What requests are handled with.
struct Front {
    routes: Routes,
    trouble: Arc<Trouble>,
}

impl Gateway {
    /// Starts a gateway with these routes.
    ///
    /// # Panics
    /// When the machine has no port left.
    #[must_use]
    pub fn start(routes: Routes) -> Self {
        let trouble = Arc::new(Trouble::default());
        let front = Arc::new(Front { routes, trouble: Arc::clone(&trouble) });
        let listener = RUNTIME.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let router = Router::new().fallback(handle).with_state(front);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = RUNTIME.spawn(async move {
            let _ = axum::serve(listener, service).await;
        });
        Self { address, trouble, server }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was behind answers of 5xx that the gateway itself gave; clients are not told.
    #[must_use]
    pub fn trouble(&self) -> Vec<String> {
        self.trouble.list()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn handle(State(front): State<Arc<Front>>, ConnectInfo(client): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let request_id = new_request_id();
    let mut answer = match front.forward(client, request, &request_id).await {
        Ok(answer) => answer,
        Err(status) => refusal(status),
    };
    answer.headers_mut().insert("apigw-requestid", request_id.parse().expect("an id is ASCII"));
    answer
}

impl Front {
    /// Has the function of the request's route answer it; or the status that the gateway refuses it with.
    async fn forward(&self, client: SocketAddr, request: Request, request_id: &str) -> Result<Response, StatusCode> {
        let (head, body) = request.into_parts();
        let front_path = path::read(head.uri.path()).ok_or(StatusCode::BAD_REQUEST)?;
        let path = path::decode(&front_path).ok_or(StatusCode::BAD_REQUEST)?;
        let found = self.routes.find(&head.method, &front_path).ok_or(StatusCode::NOT_FOUND)?;
        let body = to_bytes(body, READ_LIMIT).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        if body.len() > BODY_LIMIT {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let event = event::build(&head, &body, &path, &found, client, request_id);
        let invocation = found.function.invoke(event.to_string().into());
        let Ok(ended) = tokio::time::timeout(self.routes.time_limit, invocation).await else {
            self.trouble.note(format_args!("{} {path}: no answer within {:?}", head.method, self.routes.time_limit));
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        };
        let answered = match ended {
            Ok(answer) => answer::read(&head.method, &answer).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error)),
            Err(error) => Err((status_of(&error), error.to_string())),
        };
        answered.map_err(|(status, error)| {
            if status.is_server_error() {
                self.trouble.note(format_args!("{} {path}: {error}", head.method));
            }
            status
        })
    }
}

fn status_of(error: &InvokeError) -> StatusCode {
    match error {
        InvokeError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        InvokeError::Throttled => StatusCode::SERVICE_UNAVAILABLE,
        InvokeError::Failed { .. } | InvokeError::TimedOut { .. } | InvokeError::Gone => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An answer of the gateway's own.
fn refusal(status: StatusCode) -> Response {
    let message = match status {
        // The name that the gateway still has for it.
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        other => other.canonical_reason().unwrap_or_default(),
    };
    let body = json!({"message": message}).to_string();
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    answer.body(Body::from(body)).expect("the headers are ASCII")
}
