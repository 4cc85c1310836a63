//! Views: other formats in which a stream may be read.

use axum::Json;
use axum::extract::State;
use headwater_core::ids::StreamId;
use headwater_core::streams::formats::Format;
use headwater_web::{JsonBody, Problem};
use http::StatusCode;
use serde_json::{Value, json};

use crate::Group;
use crate::problems;
use crate::request::{Named, Parameters};

type ViewPath = Parameters<(String, String, String)>;

fn view_id(Parameters((_, _, view)): ViewPath) -> Result<StreamId, Problem> {
    StreamId::try_from(view).map_err(|error| Problem::bad_request(format!("the view id {error}")))
}

pub(crate) async fn list(State(group): State<Group>, Named(name): Named) -> Result<Json<Value>, Problem> {
    let stream = group.streams.get(&name).await.map_err(problems::stream)?;
    Ok(Json(stream.views.keys().map(|view| json!(view)).collect()))
}

pub(crate) async fn describe(State(group): State<Group>, Named(name): Named, path: ViewPath) -> Result<Json<Value>, Problem> {
    let view = view_id(path)?;
    let format = group.streams.view(&name, &view).await.map_err(problems::stream)?;
    // As tables are named where streams are explored with SQL.
    let table = format!("stream_{}_{view}", name.stream).to_ascii_lowercase().replace('-', "_");
    Ok(Json(json!({"id": view, "format": format.to_json(), "tableName": table})))
}

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

pub(crate) async fn delete(State(group): State<Group>, Named(name): Named, path: ViewPath) -> Result<StatusCode, Problem> {
    group.streams.delete_view(&name, &view_id(path)?).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}
