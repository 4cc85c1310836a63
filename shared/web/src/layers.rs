use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use headwater_core::limits;
use headwater_core::ports::{Clock, Entropy};
use http::header::{ALLOW, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{Instrument as _, debug, info, info_span};

use crate::auth::{self, Token};
use crate::dialect::Dialect;
use crate::problem::Problem;

/// What a host hands to its layers.
#[derive(Debug, Clone)]
pub struct House {
    /// Required of every request, when there is one.
    pub token: Option<Token>,
    /// To time requests.
    pub clock: Arc<dyn Clock>,
    /// For request ids.
    pub entropy: Arc<dyn Entropy>,
    /// The longest body in bytes that a reply may have where the host cannot carry any; handlers find it as [`LargestReply`].
    pub largest_reply: Option<u64>,
    /// Those of the groups whose routes it has.
    pub dialects: &'static [Dialect],
}

/// The longest body in bytes that a reply may have on this host. In the extensions of every request to a host that has such a bound.
#[derive(Debug, Clone, Copy)]
pub struct LargestReply(pub u64);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the layers of the house around the merged routers of a host. Called once, after merging: two routers with
/// fallbacks of their own cannot be merged.
pub fn with_house_layers(routes: Router, house: House) -> Router {
    let routes = routes.fallback(nothing_there).method_not_allowed_fallback(not_taken);
    let (again, dialects) = (routes.clone(), house.dialects);
    let routes = routes.fallback(move |request| respelled(again, dialects, request)).layer(DefaultBodyLimit::max(limits::REQUEST_BODY));
    let routes = match house.largest_reply {
        Some(bytes) => routes.layer(Extension(LargestReply(bytes))),
        None => routes,
    };
    let routes = match &house.token {
        Some(token) => routes.layer(from_fn_with_state(token.clone(), auth::require)),
        None => routes,
    };
    routes.layer(CatchPanicLayer::custom(panicked)).layer(from_fn_with_state(house, observed))
}

/// Answers at a path that no route has.
pub async fn nothing_there(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

/// Answers a method that a path does not take.
pub async fn not_taken(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take the method {method}", uri.path()))
}

/// Asks the routes again, for the path that a group takes this one for. Only what no route has comes here.
async fn respelled(routes: Router, dialects: &'static [Dialect], mut request: Request) -> Response {
    let uri = request.uri();
    let path = Dialect::at(uri.path(), dialects).and_then(|dialect| (dialect.respell)(uri.path()));
    let Some(path) = path.filter(|path| path != uri.path()) else { return nothing_there(uri.clone()).await.into_response() };
    let path_and_query = uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = path_and_query.parse().ok();
    let Ok(meant) = Uri::from_parts(parts) else { return nothing_there(uri.clone()).await.into_response() };
    *request.uri_mut() = meant;
    routes.oneshot(request).await.into_response()
}

/// Times, counts and logs a request, and gives it an id that the log and the answer share. In the log a success is a detail.
async fn observed(State(house): State<House>, request: Request, next: Next) -> Response {
    let started = house.clock.now();
    let id = format!("{:016x}", house.entropy.draw());
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let span = info_span!("request", id, %method, path = request.uri().path());
    let dialect = Dialect::at(request.uri().path(), house.dialects);
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(dialect) = dialect {
        response = dialect.tell(response);
    } else if method == Method::OPTIONS && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = allowed_methods(&response);
    }
    let status = response.status().as_u16();
    let took: Duration = house.clock.now().since(started);
    // Successes come by the thousand a second; the metrics count them.
    span.in_scope(|| match response.status().is_success() {
        true => debug!(status, micros = took.as_micros(), "answered"),
        false => info!(status, micros = took.as_micros(), "answered"),
    });
    let labels = [("method", method.to_string()), ("path", path), ("status", status.to_string())];
    metrics::counter!("headwater_http_requests_total", &labels).increment(1);
    metrics::histogram!("headwater_http_request_seconds").record(took.as_secs_f64());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// `OPTIONS` lists the methods of a path.
fn allowed_methods(refused: &Response) -> Response {
    let allow = refused.headers().get(ALLOW).cloned();
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands over the payload")]
fn panicked(payload: Box<dyn std::any::Any + Send>) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("?"), "a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong on our side").into_response()
}
