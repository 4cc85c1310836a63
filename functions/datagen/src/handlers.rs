//! The handlers: read, call, render.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use headwater_core::datagen::{DatagenService, Report};
use headwater_core::ids::{FileName, SpecName};
use headwater_web::{JsonBody, Problem, Segment};
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::problems;

pub(crate) async fn list(State(service): State<DatagenService>) -> Result<Json<Vec<SpecName>>, Problem> {
    Ok(Json(service.list().await?))
}

pub(crate) async fn start(State(service): State<DatagenService>, JsonBody(body): JsonBody) -> Result<Json<Value>, Problem> {
    let request = service.start(&body).await.map_err(problems::start)?;
    Ok(Json(json!({"message": "Starting generator for request.", "request": request})))
}

pub(crate) async fn preview(State(service): State<DatagenService>, JsonBody(body): JsonBody) -> Result<Response, Problem> {
    let records = service.preview(&body).await.map_err(problems::start)?;
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], records).into_response())
}

pub(crate) async fn jobs(State(service): State<DatagenService>) -> Result<Response, Problem> {
    let jobs = service.jobs().await?;
    if jobs.is_empty() {
        return Ok(Json(json!({"message": "Data generation is NOT running."})).into_response());
    }
    Ok(Json(jobs).into_response())
}

pub(crate) async fn status(State(service): State<DatagenService>, Segment(name): Segment) -> Result<Json<Report>, Problem> {
    match service.status(&name).await? {
        Some(report) => Ok(Json(report)),
        None => Err(Problem::bad_request(format!("Job [{name}] not found"))),
    }
}

pub(crate) async fn stop(State(service): State<DatagenService>, Segment(name): Segment) -> Result<Json<Value>, Problem> {
    service.stop(&name).await.map_err(problems::stop)?;
    Ok(Json(json!({"message": format!("Job [{name}] stopped successfully.")})))
}

pub(crate) async fn files(State(service): State<DatagenService>) -> Result<Json<Vec<FileName>>, Problem> {
    Ok(Json(service.files().await?))
}
