//! Views: other formats in which a stream may be read.

use axum::Json;
use axum::extract::State;
use headwater_core::ids::StreamId;
use headwater_core::streams::formats::Format;
use headwater_web::{JsonBody, Problem};
use http::StatusCode;
use serde_json::{Value, json};

use crate::openapi::{OfStream, OfView, TAG, View, ViewShown};
use crate::request::{Named, Parameters};
use crate::{Group, paths, problems};

type ViewPath = Parameters<(String, String, String)>;

fn view_id(Parameters((_, _, view)): ViewPath) -> Result<StreamId, Problem> {
    StreamId::try_from(view).map_err(|error| Problem::bad_request(format!("the view id {error}")))
}

/// All views of a stream
#[utoipa::path(
    get, path = paths::VIEWS, tag = TAG, operation_id = "listViews", params(OfStream),
    responses(
        (status = 200, description = "Their names, sorted.", body = Vec<String>, example = json!(["fields", "words"])),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
    ),
)]
pub(crate) async fn list(State(group): State<Group>, Named(name): Named) -> Result<Json<Value>, Problem> {
    let stream = group.streams.get(&name).await.map_err(problems::stream)?;
    Ok(Json(stream.views.keys().map(|view| json!(view)).collect()))
}

/// A view
#[utoipa::path(
    get, path = paths::VIEW, tag = TAG, operation_id = "getView", params(OfStream, OfView),
    responses(
        (status = 200, description = "It.", body = ViewShown),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
    ),
)]
pub(crate) async fn describe(State(group): State<Group>, Named(name): Named, path: ViewPath) -> Result<Json<Value>, Problem> {
    let view = view_id(path)?;
    let format = group.streams.view(&name, &view).await.map_err(problems::stream)?;
    // As tables are named where streams are explored with SQL.
    let table = format!("stream_{}_{view}", name.stream).to_ascii_lowercase().replace('-', "_");
    Ok(Json(json!({"id": view, "format": format.to_json(), "tableName": table})))
}

/// Make or replace a view
#[utoipa::path(
    put, path = paths::VIEW, tag = TAG, operation_id = "putView", params(OfStream, OfView),
    request_body(content = View, content_type = "application/json", description = "The format. The content type does not matter."),
    responses(
        (status = 200, description = "It is replaced."),
        (status = 201, description = "It is new."),
        (status = 400, description = "An id or the format is wrong, or there are too many views.", body = String, example = json!("format: is missing")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
    ),
)]
pub(crate) async fn replace(
    State(group): State<Group>,
    Named(name): Named,
    path: ViewPath,
    body: Result<JsonBody, Problem>,
) -> Result<StatusCode, Problem> {
    let view = view_id(path)?;
    group.streams.get(&name).await.map_err(problems::stream)?;
    let JsonBody(body) = body?;
    let format = body.get("format").ok_or_else(|| Problem::bad_request("format: is missing"))?;
    let format = Format::from_json(format).map_err(|error| Problem::bad_request(error.to_string()))?;
    let is_new = group.streams.put_view(&name, &view, &format).await.map_err(problems::stream)?;
    Ok(if is_new { StatusCode::CREATED } else { StatusCode::OK })
}

/// Delete a view
#[utoipa::path(
    delete, path = paths::VIEW, tag = TAG, operation_id = "deleteView", params(OfStream, OfView),
    responses(
        (status = 200, description = "It is gone."),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
        (status = 507, description = "No space is left.", body = String, example = json!("there is no space left to store this; try again later")),
    ),
)]
pub(crate) async fn delete(State(group): State<Group>, Named(name): Named, path: ViewPath) -> Result<StatusCode, Problem> {
    group.streams.delete_view(&name, &view_id(path)?).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}
