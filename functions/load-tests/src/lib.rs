//! The load-tests endpoint group: `/apiv0.1/…`.
//!
//! A handler reads the request, calls [`LoadTestService`] and renders the answer; what runs of load tests are is in
//! `headwater_core::load_tests`. Start at [`router`]. Bodies are JSON or forms (`body.rs`, `form.rs`); errors are JSON objects with a
//! member `error` ([`DIALECT`]). [`openapi`] describes all of it.

mod body;
mod form;
mod handlers;
pub mod openapi;
mod problems;
mod process;
mod request;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use headwater_core::load_tests::LoadTestService;
use headwater_core::ports::{Clock, Timestamp};
use headwater_web::{Dialect, LargestReply, Problem};
use http::StatusCode;

/// The paths of this group. Each but the last is also answered with a `/` behind it.
pub mod paths {
    /// Whether anybody is there.
    pub const PING: &str = "/apiv0.1/ping";
    /// Begins a run.
    pub const REGISTER: &str = "/apiv0.1/events/register";
    /// New live values of a run.
    pub const UPDATE: &str = "/apiv0.1/events/update";
    /// Something that happened in a run.
    pub const ANNOTATE: &str = "/apiv0.1/events/annotate";
    /// Ends a run with its result.
    pub const COMMIT: &str = "/apiv0.1/events/commit";
    /// Which runs go on.
    pub const IS_RUNNING: &str = "/apiv0.1/events/isrunning";
    /// Records of runs.
    pub const RUNS: &str = "/apiv0.1/events/runs";
    /// The record of one run.
    pub const RUN: &str = "/apiv0.1/events/runs/{uuid}";
    /// Two runs side by side.
    pub const COMPARE: &str = "/apiv0.1/events/compare";
    /// How the recorder is.
    pub const STATES: &str = "/apiv0.1/states";

    /// The description of these paths, in OpenAPI.
    pub const OPENAPI: &str = "/openapi/load-tests.json";

    /// All of them.
    pub const ALL: [&str; 11] = [PING, REGISTER, UPDATE, ANNOTATE, COMMIT, IS_RUNNING, RUNS, RUN, COMPARE, STATES, OPENAPI];
}

/// Problems of this group are `{"error": {"code": …, "message": …, "field": …}}`.
pub const DIALECT: Dialect = Dialect { prefix: "/apiv0.1", render: problems::render, respell: |_| None };

/// What the handlers have.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    service: LoadTestService,
    clock: Arc<dyn Clock>,
    /// When this process began to answer.
    since: Timestamp,
}

/// The routes of this group over its service. The clock says how long they have been up.
pub fn router(service: LoadTestService, clock: Arc<dyn Clock>) -> Router {
    let routes: [(&str, MethodRouter<Host>); 10] = [
        (paths::PING, get(handlers::ping)),
        (paths::REGISTER, post(handlers::register)),
        (paths::UPDATE, post(handlers::update)),
        (paths::ANNOTATE, post(handlers::annotate)),
        (paths::COMMIT, post(handlers::commit)),
        (paths::IS_RUNNING, get(handlers::is_running)),
        (paths::RUNS, get(handlers::runs)),
        (paths::RUN, get(handlers::run)),
        (paths::COMPARE, get(handlers::compare)),
        (paths::STATES, get(handlers::states)),
    ];
    let since = clock.now();
    let with_slashes = routes.into_iter().fold(Router::new(), |router, (path, methods)| {
        let with_slash = format!("{path}/");
        router.route(path, methods.clone()).route(&with_slash, methods)
    });
    let with_slashes = with_slashes.route(paths::OPENAPI, headwater_web::openapi::served(&openapi::TEXT));
    with_slashes.layer(from_fn(carried)).with_state(Host { service, clock, since })
}

/// An answer that the host cannot carry becomes a problem that says what to ask for instead.
async fn carried(request: Request, next: Next) -> Response {
    let most = request.extensions().get::<LargestReply>().copied();
    let response = next.run(request).await;
    match (most, response.body().size_hint().exact()) {
        (Some(LargestReply(most)), Some(bytes)) if bytes > most => {
            let message = format!("the answer has {bytes} bytes, and at most {most} can be carried; ask for fewer runs, or for format=csv");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message).into_response()
        }
        _ => response,
    }
}
