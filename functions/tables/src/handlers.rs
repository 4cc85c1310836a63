//! Tables as such: defined, described, finished, removed.

use axum::Json;
use axum::extract::State;
use headwater_core::tables::{Defined, Definition, Description, TableService};
use headwater_web::{Content, Problem};
use http::StatusCode;
use serde_json::Value;
use tracing::Instrument as _;

use crate::openapi::{Definition as Defining, OfTable, TAG, Table};
use crate::request::Named;
use crate::{paths, problems};

/// All tables
#[utoipa::path(
    get, path = paths::TABLES, tag = TAG, operation_id = "listTables",
    responses(
        (status = 200, description = "Their descriptions, sorted by name.", body = Vec<Table>, example = json!([{
            "name": "tone", "element": "sample", "sampleRate": 8000, "retention": "1d", "measure": 1, "operations": [],
            "source": {"signal": {"sine": {"frequency": 440}}}, "rows": 55000, "firstMarker": 0, "lastMarker": 6_874_875_000_u64, "finished": false,
        }])),
    ),
)]
pub(crate) async fn list(State(tables): State<TableService>) -> Result<Json<Value>, Problem> {
    let all = tables.list().await.map_err(problems::table)?;
    Ok(Json(all.iter().map(Description::to_json).collect()))
}

/// A table
#[utoipa::path(
    get, path = paths::TABLE, tag = TAG, operation_id = "getTable", params(OfTable),
    responses(
        (status = 200, description = "Its description.", body = Table),
        (status = 400, description = "The name is none.", body = String, example = json!("Path parameter tableName `a/b` is not recognized: it must not hold a /")),
        (status = 404, description = "There is no such table.", body = String, example = json!("tone is not found")),
    ),
)]
pub(crate) async fn describe(State(tables): State<TableService>, Named(name): Named) -> Result<Json<Value>, Problem> {
    Ok(Json(tables.describe(&name).await.map_err(problems::table)?.to_json()))
}

/// Define a table
///
/// The content type does not matter.
#[utoipa::path(
    put, path = paths::TABLE, tag = TAG, operation_id = "defineTable", params(OfTable),
    request_body(content = Defining, content_type = "application/json", description = "What it is to hold."),
    responses(
        (status = 200, description = "It was there, with the same definition.", body = Table),
        (status = 201, description = "It is new.", body = Table),
        (status = 400, description = "Something is wrong with the definition, or with what it refers to.", body = String, example = json!("operations[1].fft.binCount: must be a power of two, not 3")),
        (status = 404, description = "There is no such table.", body = String, example = json!("tone is not found")),
        (status = 409, description = "There is a table of this name with another definition.", body = String, example = json!("tone is there already, and defined otherwise; delete it first, or take another name")),
        (status = 429, description = "Too many tables follow a source.", body = String, example = json!("200 tables are fed by a source already: finish or delete one first")),
    ),
)]
pub(crate) async fn define(
    State(tables): State<TableService>,
    Named(name): Named,
    Content(body): Content,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let definition = Definition::parse(&body).map_err(|mistakes| Problem::bad_request(mistakes.to_string()))?;
    let (service, table) = (tables.clone(), name.clone());
    let status = match whatever_comes(async move { service.define(&table, definition).await }).await.map_err(problems::table)? {
        Defined::New => StatusCode::CREATED,
        Defined::Same => StatusCode::OK,
    };
    // With all that the definition leaves to its defaults.
    Ok((status, Json(tables.describe(&name).await.map_err(problems::table)?.to_json())))
}

/// Say that no more will come
///
/// The last, shorter windows appear.
#[utoipa::path(
    post, path = paths::FINISH, tag = TAG, operation_id = "finishTable", params(OfTable),
    responses(
        (status = 200, description = "It is finished."),
        (status = 400, description = "The name is none.", body = String, example = json!("Path parameter tableName `a/b` is not recognized: it must not hold a /")),
        (status = 404, description = "There is no such table.", body = String, example = json!("tone is not found")),
        (status = 507, description = "No space is left.", body = String, example = json!("there is no space left to store this; try again later")),
    ),
)]
pub(crate) async fn finish(State(tables): State<TableService>, Named(name): Named) -> Result<StatusCode, Problem> {
    whatever_comes(async move { tables.finish(&name).await }).await.map_err(problems::table)?;
    Ok(StatusCode::OK)
}

/// Delete a table
///
/// With all that is in it.
#[utoipa::path(
    delete, path = paths::TABLE, tag = TAG, operation_id = "deleteTable", params(OfTable),
    responses(
        (status = 200, description = "It is gone."),
        (status = 400, description = "The name is none.", body = String, example = json!("Path parameter tableName `a/b` is not recognized: it must not hold a /")),
        (status = 404, description = "There is no such table.", body = String, example = json!("tone is not found")),
        (status = 507, description = "No space is left.", body = String, example = json!("there is no space left to store this; try again later")),
    ),
)]
pub(crate) async fn remove(State(tables): State<TableService>, Named(name): Named) -> Result<StatusCode, Problem> {
    whatever_comes(async move { tables.remove(&name).await }).await.map_err(problems::table)?;
    Ok(StatusCode::OK)
}

/// Does something to its end, even if the client breaks off and nobody waits for an answer any more: a table without its task would
/// be left, or chunks without their table.
pub(crate) async fn whatever_comes<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let done = tokio::spawn(work.in_current_span()).await;
    done.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
}
