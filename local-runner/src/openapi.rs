//! The description of all that this host answers, in OpenAPI 3.1, and the page that shows it to people.
#![allow(dead_code, reason = "endpoints and shapes that are described here, and are elsewhere")]

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use headwater_web::Problem;
use headwater_web::openapi::{Group, merged, served};
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use serde_json::Value;
use utoipa::OpenApi;
use utoipa_swagger_ui::Config;

const TAG: &str = "host";

const GROUP: Group =
    Group { name: TAG, about: "What the local server answers itself, for all groups.", dialects: &[], bodies_left_out: &[], problem: None };

/// Where the whole description is.
const DESCRIPTION: &str = "/openapi.json";

/// What the page may do: load what is beside it, ask this server, and show the small pictures that its style sheet brings. Swagger UI
/// writes styles into what it shows, which is why those are allowed; scripts are not.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The description of all groups, as JSON.
fn document() -> Value {
    merged([
        GROUP.describe(&Handlers::openapi()),
        headwater_datagen::openapi::document(),
        headwater_simulations::openapi::document(),
        headwater_streams::openapi::document(),
        headwater_tables::openapi::document(),
        headwater_load_tests::openapi::document(),
    ])
}

/// The same, as the file `docs/openapi.json` has it.
pub(crate) fn pretty() -> String {
    format!("{:#}\n", document())
}

static TEXT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    // Without a validator: that of Swagger is somebody else's server. Who signs in does so until the page is left.
    let config = Config::new([DESCRIPTION]).validator_url("none").doc_expansion("none").persist_authorization(false).filter(true);
    Arc::new(config.default_models_expand_depth(0).display_operation_id(true))
});

/// The description, and the page.
pub(crate) fn routes() -> Router {
    Router::new()
        .route(DESCRIPTION, served(&TEXT))
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(async || file("index.html")))
        .route("/docs/{*file}", get(async |Path(name): Path<String>| file(&name)))
}

/// A file of the page.
fn file(name: &str) -> Response {
    let Ok(Some(file)) = utoipa_swagger_ui::serve(name, Arc::clone(&PAGE)) else {
        return Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at /docs/{name}")).into_response();
    };
    let packed: &[(HeaderName, &str)] = if file.gzpipped { &[(CONTENT_ENCODING, "gzip")] } else { &[] };
    let headers = [
        (CONTENT_TYPE, file.content_type.as_str()),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ];
    let mut response = (headers, file.bytes.into_owned()).into_response();
    response.headers_mut().extend(packed.iter().map(|(name, value)| (name.clone(), http::HeaderValue::from_static(value))));
    response
}

#[derive(OpenApi)]
#[openapi(paths(greeting, health, live, metrics, whole))]
struct Handlers;

/// What this is
///
/// A message for programs; for browsers, which accept `text/html`, the console.
#[utoipa::path(
    get, path = "/", tag = TAG, operation_id = "greet",
    responses(
        (status = 200, description = "A message, or the console.", content(
            (Greeting = "application/json"),
            (String = "text/html", example = json!("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Overview · Headwater</title>\n</head>\n</html>\n")),
        )),
        (status = 303, description = "A browser is sent to where it signs in.", headers(("Location" = String, description = "Where that is."))),
    ),
)]
fn greeting() {}

/// What runs now
///
/// Server-sent events, once a second, or one object for whoever accepts `application/json` only. The event is called `now`, and its data is
/// that object: jobs, fleets, streams, tables and load tests with their rates, and what went wrong lately.
#[utoipa::path(
    get, path = "/live", tag = TAG, operation_id = "watchLive",
    responses(
        (status = 200, description = "What runs.", content(
            (String = "text/event-stream", example = json!("retry: 2000\n\nevent: now\ndata: {\"at\":1795338221686,\"version\":\"0.1.0\",\"uptime\":47,\"perSecond\":0.0,\"storedBytes\":0,\"jobs\":[],\"moreJobs\":0,\"fleets\":[],\"streams\":[],\"moreStreams\":0,\"tables\":[],\"moreTables\":0,\"runs\":[],\"troubles\":[]}\n\n")),
            (Now = "application/json"),
        )),
        (status = 503, description = "Too many watch, or the store cannot be used.", body = String, example = json!("500 watch already, which is the most")),
    ),
)]
fn live() {}

/// Whether the server is up
///
/// It needs no token.
#[utoipa::path(
    get, path = "/healthz", tag = TAG, operation_id = "checkHealth", security(()),
    responses((status = 200, description = "It is.", body = Health)),
)]
fn health() {}

/// Counters
///
/// In the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = TAG, operation_id = "readMetrics",
    responses((status = 200, description = "All of them.", body = String, example = json!("headwater_http_requests_total{method=\"GET\"} 3\n"))),
)]
fn metrics() {}

/// The description of all groups
///
/// In OpenAPI 3.1. `/docs` is a page for people that shows it.
#[utoipa::path(
    get, path = "/openapi.json", tag = TAG, operation_id = "describe",
    responses((status = 200, description = "The description.", body = Object,
        example = json!({"openapi": "3.1.0", "info": {"title": "Headwater", "version": env!("CARGO_PKG_VERSION")}, "paths": {}}))),
)]
fn whole() {}

/// A message.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({"message": "Data Generator server. POST to /start to initiate an data generator."}))]
struct Greeting {
    #[schema(example = "Data Generator server. POST to /start to initiate an data generator.")]
    message: String,
}

/// What runs at a moment.
#[derive(utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "at": 1_795_338_221_686_u64, "version": "0.1.0", "uptime": 47, "perSecond": 5.9, "storedBytes": 39037,
    "jobs": [{
        "name": "clicks", "status": "RUNNING", "message": "Running, Sim Clock: 2026-11-22 09:03:41.470023", "target": "stream",
        "records": 157, "sessions": 50, "runTime": 47.054154233, "perSecond": 3.3, "rates": [3.1, 3.3],
    }],
    "moreJobs": 0,
    "fleets": [{
        "id": "1", "name": "Demo", "enabled": true, "running": true, "devices": 6, "active": 6, "messages": 123, "failed": 0,
        "perSecond": 2.6, "rates": [2.6, 2.6],
    }],
    "streams": [{"namespace": "default", "name": "clicks", "events": 157, "bytes": 39037, "perSecond": 3.3, "rates": [3.1, 3.3]}],
    "moreStreams": 0,
    "tables": [{
        "name": "sine", "element": "sample", "rows": 375_272, "lastMarker": 46_908_875_000_u64, "finished": false, "trouble": null,
    }],
    "moreTables": 0,
    "runs": [{
        "uuid": "kTq7mBnX4cYpRzH2a", "host": "generator-1", "state": "running", "startedAt": "2026-11-22T09:02:54.746973Z",
        "endedAt": null, "clients": 31, "requests": 15593, "failures": 62, "p95": 99.76,
    }],
    "troubles": [],
}))]
struct Now {
    /// The moment, in milliseconds since 1970.
    at: i64,
    /// Headwater's version.
    version: String,
    /// Seconds since the server began.
    uptime: u64,
    /// Records and messages per second of all jobs and fleets.
    per_second: f64,
    /// Bytes of bodies that the listed streams have taken.
    stored_bytes: u64,
    #[schema(value_type = Vec<Object>)]
    jobs: Value,
    /// Jobs that are not listed.
    more_jobs: u64,
    #[schema(value_type = Vec<Object>)]
    fleets: Value,
    #[schema(value_type = Vec<Object>)]
    streams: Value,
    /// Streams that are not listed.
    more_streams: u64,
    #[schema(value_type = Vec<Object>)]
    tables: Value,
    /// Tables that are not listed.
    more_tables: u64,
    /// Runs of load tests.
    #[schema(value_type = Vec<Object>)]
    runs: Value,
    /// What went wrong in the last minutes, newest first.
    #[schema(value_type = Vec<Object>)]
    troubles: Value,
}

/// How the server is.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({"status": "ok"}))]
struct Health {
    #[schema(example = "ok")]
    status: String,
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod tests;
