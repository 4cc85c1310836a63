//! The pages of streams.
//!
//! `listing` is all of them, and what makes new ones; `detail` one stream, `changing` what its forms do, `properties` the form that both
//! have. `reading` answers what is asked about events, by time or place, `finding` finds them, `event` shows them, `tail` follows those
//! that come.

mod changing;
mod detail;
mod event;
mod finding;
mod listing;
mod properties;
mod reading;
mod tail;

use std::sync::Arc;

use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use headwater_core::ids::{NamespaceId, StreamId, StreamName};
use headwater_core::limits;
use headwater_core::streams::StreamError;
use http::StatusCode;
use tokio::sync::Semaphore;

pub(crate) use self::finding::{Most, PAGE_BYTES, last as last_events};
use crate::Console;
use crate::page::Page;

/// The path of the section.
const SECTION: &str = "/console/streams";

/// Turns at what keeps a thread busy: some patterns take long with some bodies.
#[derive(Debug, Clone)]
struct Formatting(Arc<Semaphore>);

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route(SECTION, get(listing::show).post(listing::create))
        .route("/console/streams/namespaces", post(listing::create_namespace))
        .route("/console/streams/{namespace}/{stream}", get(detail::show))
        .route("/console/streams/{namespace}/{stream}/properties", post(changing::properties))
        .route("/console/streams/{namespace}/{stream}/send", post(changing::send))
        .route("/console/streams/{namespace}/{stream}/truncate", post(changing::truncate))
        .route("/console/streams/{namespace}/{stream}/delete", post(changing::delete))
        .route("/console/streams/{namespace}/{stream}/tail", get(tail::follow))
        .layer(Extension(Formatting(Arc::new(Semaphore::new(limits::BUSY_THREADS)))))
        .layer(Extension(tail::Places::new()))
}

/// Where the page of a stream is.
fn path_of(name: &StreamName) -> String {
    format!("{SECTION}/{}/{}", name.namespace, name.stream)
}

/// The stream that a path names; it need not exist. A text that is no name names no stream.
fn name_of((namespace, stream): &(String, String)) -> Option<StreamName> {
    let (namespace, stream) = (NamespaceId::try_from(namespace.as_str()).ok()?, StreamId::try_from(stream.as_str()).ok()?);
    Some(StreamName { namespace, stream })
}

fn not_found(mut page: Page) -> Response {
    page.title = "There is no such stream".to_owned();
    page.notice(StatusCode::NOT_FOUND, "It may have been deleted. All streams that there are stand under Streams.")
}

/// The status for a request that was refused.
fn status_of(error: &StreamError) -> StatusCode {
    match error {
        StreamError::NoNamespace(_) | StreamError::NoStream(_) | StreamError::NoView(..) => StatusCode::NOT_FOUND,
        StreamError::Reserved(_) | StreamError::NotOwner { .. } => StatusCode::FORBIDDEN,
        StreamError::NotEmpty(_) => StatusCode::CONFLICT,
        StreamError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        StreamError::Properties(_) | StreamError::TooLarge { .. } | StreamError::TooManyViews(_) => StatusCode::BAD_REQUEST,
    }
}

/// The page for when a stream could not be looked into or changed.
fn refused(mut page: Page, error: &StreamError) -> Response {
    match error {
        StreamError::Store(error) => page.store_failed(error),
        StreamError::NoNamespace(_) | StreamError::NoStream(_) => not_found(page),
        error => {
            page.title = "Nothing was changed".to_owned();
            page.notice(status_of(error), error.to_string())
        }
    }
}
