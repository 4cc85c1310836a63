//! Elements in.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use futures::StreamExt as _;
use headwater_core::tables::ingest::{Ingest, IngestKind};
use headwater_core::tables::{Append, TableService};
use headwater_web::Problem;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::handlers::whatever_comes;
use crate::openapi::{Appended, Binary, OfTable, TAG};
use crate::request::Named;
use crate::{paths, problems};

/// Bytes of a body that are read at a time. Samples take up to eight bytes for two of text, so this bounds what a piece becomes.
const AT_ONCE: usize = 256 * 1024;

/// What bodies may be.
const TAKEN: HeaderValue = HeaderValue::from_static("application/x-ndjson, application/json, application/octet-stream, audio/wav");

/// Append elements
///
/// A body may be of any length. It is taken whole or not at all: when it is answered with 200, all of it is on disk.
#[utoipa::path(
    post, path = paths::TABLE, tag = TAG, operation_id = "appendElements", params(OfTable),
    request_body(description = "Elements: one a line, an array of them, or samples as little-endian doubles or as a WAV file.", content(
        (String = "application/x-ndjson", example = json!("1.0\n2.0\n")),
        (Vec<Value> = "application/json", example = json!([1.0, 2.0])),
        (Binary = "application/octet-stream"),
        (Binary = "audio/wav"),
    )),
    responses(
        (status = 200, description = "They are stored.", body = Appended),
        (status = 400, description = "An element does not fit; nothing is kept.", body = String, example = json!("line 3: must be a number, not a text; nothing of the body is kept")),
        (status = 404, description = "There is no such table.", body = String, example = json!("tone is not found")),
        (status = 409, description = "The table is finished, or takes its elements from a source.", body = String, example = json!("tone is finished: nothing can be appended any more")),
        (status = 415, description = "Elements do not come so.", body = String, headers(("Accept" = String, description = "How they do.")), example = json!("there is no Content-Type; elements are taken as application/x-ndjson, application/json, application/octet-stream, audio/wav")),
    ),
)]
pub(crate) async fn append(
    State(tables): State<TableService>,
    Named(name): Named,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    // All that is wrong so far is said before any of the body is read.
    let kind = kind(&headers)?;
    let append = tables.append(&name).await.map_err(problems::table)?;
    let ingest = Ingest::new(kind, append.element(), append.rate(), append.measure()).map_err(|error| problems::ingest(&error))?;
    let appended = whatever_comes(take(append, ingest, body)).await?;
    Ok(Json(json!({ "appended": appended })))
}

/// Appends a body, or leaves nothing of it.
async fn take(mut append: Append, ingest: Ingest, body: Body) -> Result<u64, Problem> {
    match hand_in(&mut append, ingest, body).await {
        Ok(()) => append.commit().await.map_err(problems::table),
        Err(problem) => {
            append.abandon().await;
            Err(problem)
        }
    }
}

async fn hand_in(append: &mut Append, mut ingest: Ingest, body: Body) -> Result<(), Problem> {
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Problem::bad_request("the body could not be read to its end; nothing of it is kept"))?;
        for part in piece.chunks(AT_ONCE) {
            let rows = ingest.push(part).map_err(|error| problems::ingest(&error))?;
            append.push(rows).await.map_err(problems::table)?;
        }
    }
    let rows = ingest.finish().map_err(|error| problems::ingest(&error))?;
    append.push(rows).await.map_err(problems::table)
}

/// What the body is declared as.
fn kind(headers: &HeaderMap) -> Result<IngestKind, Problem> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let refused = |what: String| {
        let message = format!("{what}; elements are taken as {}", TAKEN.to_str().unwrap_or_default());
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).header(ACCEPT, TAKEN)
    };
    // Compressed numbers would still be numbers.
    if let Some(encoding) = headers.get(CONTENT_ENCODING).map(text).filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(refused(format!("a body cannot be encoded as {encoding} here")));
    }
    let declared = headers.get(CONTENT_TYPE).map(text).ok_or_else(|| refused("there is no Content-Type".to_owned()))?;
    IngestKind::of(&declared).ok_or_else(|| refused(format!("elements cannot be {declared}")))
}
