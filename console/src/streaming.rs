//! `/live`: what runs now, for whoever asks.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use headwater_core::limits;
use headwater_web::Problem;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use crate::Console;

/// Server-sent events, or one JSON object where that is what the request accepts.
pub(crate) async fn live(State(console): State<Console>, headers: HeaderMap) -> Result<Response, Problem> {
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("application/json") && !accepts.contains("text/event-stream") {
        let now = console.live.now().await?;
        return Ok(([(CACHE_CONTROL, "no-store")], Json(&*now)).into_response());
    }
    if console.live.followers() >= limits::WATCHERS {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("{} watch already, which is the most", limits::WATCHERS)));
    }
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(console.live.follow())).into_response())
}
