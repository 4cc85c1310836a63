//! The handlers: read, call, render.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use headwater_core::datagen::{DatagenService, Report};
use headwater_core::ids::{FileName, SpecName};
use headwater_web::{JsonBody, Problem, Segment};
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::openapi::{Job, Named, Preview, Said, Started, TAG};
use crate::{paths, problems};

/// Names of all specifications
///
/// Those of the stock, and those of the folder that the server was given. A job can be started of each.
#[utoipa::path(
    get, path = paths::LIST, tag = TAG, operation_id = "listSpecifications",
    responses((status = 200, description = "Their names, sorted.", body = Vec<String>, example = json!(["iot/sensors.json", "shop/orders.json"]))),
)]
pub(crate) async fn list(State(service): State<DatagenService>) -> Result<Json<Vec<SpecName>>, Problem> {
    Ok(Json(service.list().await?))
}

/// Start a job
///
/// The job runs in the background; the answer comes when it is stored and will run. The content type of the request does not matter.
#[utoipa::path(
    post, path = paths::START, tag = TAG, operation_id = "startJob",
    request_body(content = Job, content_type = "application/json", description = "What to write, and where to.", examples(
        ("of the stock" = (value = json!({"name": "shop", "config_file": "shop/orders.json", "target": {"type": "file", "path": "shop.json"}, "total_events": 1000, "seed": 7}))),
        ("of your own" = (value = json!({
            "name": "doors", "target": {"type": "file", "path": "doors.json"}, "time_type": "2026-01-01", "total_events": 1000, "concurrency": 3,
            "config": {
                "interarrival": {"type": "exponential", "mean": 2},
                "emitters": [{"name": "door", "dimensions": [{"type": "int", "name": "badge", "distribution": {"type": "uniform", "min": 1, "max": 500}}]}],
                "states": [{"name": "passing", "emitter": "door", "delay": {"type": "exponential", "mean": 5}, "transitions": [{"next": "stop", "probability": 1}]}],
            },
        }))),
    )),
    responses(
        (status = 200, description = "It is started. The request is repeated, with the path that its file has and without secrets.", body = Started),
        (status = 400, description = "Something is wrong with the request or the specification, or a running job has this name or this file. Nothing has changed.",
            body = String, example = json!({"message": "target.topic: is required", "mistakes": ["target.topic: is required"]})),
        (status = 429, description = "Too many jobs are running.", body = String, example = json!("500 jobs are running already, which is the most")),
    ),
)]
pub(crate) async fn start(State(service): State<DatagenService>, JsonBody(body): JsonBody) -> Result<Json<Value>, Problem> {
    let request = service.start(&body).await.map_err(problems::start)?;
    Ok(Json(json!({"message": "Starting generator for request.", "request": request})))
}

/// The first records of a job, without starting it
///
/// It always simulates, and leaves nothing behind. After 3 MiB it begins no further record.
#[utoipa::path(
    post, path = paths::PREVIEW, tag = TAG, operation_id = "previewJob",
    request_body(content = Preview, content_type = "application/json", description = "What would be written.",
        example = json!({"config_file": "iot/sensors.json", "total_events": 3, "seed": 1})),
    responses(
        (status = 200, description = "The records, one a line.", body = String, content_type = "application/x-ndjson",
            example = json!("{\"time\":\"2026-01-01T00:00:00.001\",\"device_id\":\"1001\"}\n")),
        (status = 400, description = "Something is wrong with the request or the specification.",
            body = String, example = json!({"message": "config.states: is required", "mistakes": ["config.states: is required"]})),
        (status = 429, description = "Too many jobs are running.", body = String, example = json!("500 jobs are running already, which is the most")),
    ),
)]
pub(crate) async fn preview(State(service): State<DatagenService>, JsonBody(body): JsonBody) -> Result<Response, Problem> {
    let records = service.preview(&body).await.map_err(problems::start)?;
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], records).into_response())
}

/// All jobs
#[utoipa::path(
    get, path = paths::JOBS, tag = TAG, operation_id = "listJobs",
    responses((status = 200, description = "A report of each, oldest first, or a message where there are none.", body = crate::openapi::Jobs)),
)]
pub(crate) async fn jobs(State(service): State<DatagenService>) -> Result<Response, Problem> {
    let jobs = service.jobs().await?;
    if jobs.is_empty() {
        return Ok(Json(json!({"message": "Data generation is NOT running."})).into_response());
    }
    Ok(Json(jobs).into_response())
}

/// One job
#[utoipa::path(
    get, path = paths::STATUS, tag = TAG, operation_id = "getJob", params(Named),
    responses(
        (status = 200, description = "Its report. A running job reports anew about once a second.", body = crate::openapi::Report),
        (status = 400, description = "There is no such job.", body = String, example = json!("Job [doors] not found")),
    ),
)]
pub(crate) async fn status(State(service): State<DatagenService>, Segment(name): Segment) -> Result<Json<Report>, Problem> {
    match service.status(&name).await? {
        Some(report) => Ok(Json(report)),
        None => Err(Problem::bad_request(format!("Job [{name}] not found"))),
    }
}

/// Stop a job
///
/// It is removed from the list; its file stays.
#[utoipa::path(
    post, path = paths::STOP, tag = TAG, operation_id = "stopJob", params(Named),
    responses(
        (status = 200, description = "It is stopped.", body = Said, example = json!({"message": "Job [doors] stopped successfully."})),
        (status = 400, description = "There is no such job.", body = String, example = json!("Job [doors] not found")),
        (status = 507, description = "No space is left.", body = String, example = json!("there is no space left to store this; try again later")),
    ),
)]
pub(crate) async fn stop(State(service): State<DatagenService>, Segment(name): Segment) -> Result<Json<Value>, Problem> {
    service.stop(&name).await.map_err(problems::stop)?;
    Ok(Json(json!({"message": format!("Job [{name}] stopped successfully.")})))
}

/// Names of all files
#[utoipa::path(
    get, path = paths::FILES, tag = TAG, operation_id = "listFiles",
    responses((status = 200, description = "Their names, sorted.", body = Vec<String>, example = json!(["doors.json", "load-tests/points-2026-01-31.lp"]))),
)]
pub(crate) async fn files(State(service): State<DatagenService>) -> Result<Json<Vec<FileName>>, Problem> {
    Ok(Json(service.files().await?))
}
