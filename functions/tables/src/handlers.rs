//! Tables as such: defined, described, finished, removed.

use axum::Json;
use axum::extract::State;
use headwater_core::tables::{Defined, Definition, Description, TableService};
use headwater_web::{Content, Problem};
use http::StatusCode;
use serde_json::Value;
use tracing::Instrument as _;

use crate::problems;
use crate::request::Named;

pub(crate) async fn list(State(tables): State<TableService>) -> Result<Json<Value>, Problem> {
    let all = tables.list().await.map_err(problems::table)?;
    Ok(Json(all.iter().map(Description::to_json).collect()))
}

pub(crate) async fn describe(State(tables): State<TableService>, Named(name): Named) -> Result<Json<Value>, Problem> {
    Ok(Json(tables.describe(&name).await.map_err(problems::table)?.to_json()))
}

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

pub(crate) async fn finish(State(tables): State<TableService>, Named(name): Named) -> Result<StatusCode, Problem> {
    whatever_comes(async move { tables.finish(&name).await }).await.map_err(problems::table)?;
    Ok(StatusCode::OK)
}

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
