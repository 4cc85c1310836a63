//! Simulations, and how the service is.

use axum::extract::State;
use headwater_core::simulations::{SimulationService, SimulationView};
use headwater_web::{Problem, Segment};
use http::StatusCode;
use serde_json::json;

use crate::openapi::{Change, FromTemplate, NewSimulation, OfSimulation, SimulationList, SimulationShown, Status, TAG};
use crate::request::{self, Body, Reply, Template};
use crate::{paths, problems};

/// All simulations
///
/// There is one, or none.
#[utoipa::path(
    get, path = paths::SIMULATIONS, tag = TAG, operation_id = "listSimulations",
    responses(
        (status = 200, description = "They.", body = SimulationList, content_type = "application/json"),
    ),
)]
pub(crate) async fn list(State(service): State<SimulationService>) -> Result<Reply, Problem> {
    let all = service.list().await.map_err(problems::simulation)?;
    Ok(request::list(all.iter().map(SimulationView::to_json), "SimulationList;1", "/v1/simulations"))
}

/// A simulation
///
/// With its statistics.
#[utoipa::path(
    get, path = paths::SIMULATION, tag = TAG, operation_id = "getSimulation", params(OfSimulation),
    responses(
        (status = 200, description = "It.", body = SimulationShown, content_type = "application/json"),
        (status = 404, description = "It is not there.", body = String, example = json!("there is no simulation 2")),
    ),
)]
pub(crate) async fn describe(State(service): State<SimulationService>, Segment(id): Segment) -> Result<Reply, Problem> {
    Ok(Reply(service.get(&id).await.map_err(problems::simulation)?.to_json()))
}

/// Make a simulation
///
/// Of a body, or of a template, to which a body may add. Without a template there must be a body.
#[utoipa::path(
    post, path = paths::SIMULATIONS, tag = TAG, operation_id = "createSimulation", params(FromTemplate),
    request_body(content = NewSimulation, content_type = "application/json", description = "What is to live."),
    responses(
        (status = 200, description = "It is made.", body = SimulationShown, content_type = "application/json"),
        (status = 400, description = "Something is wrong with the request.", body = String, example = json!({"message": "DeviceModels[0].Count: must be at least 0, not -1", "ExceptionType": "BadRequestException"})),
        (status = 409, description = "There is one already, or the ETag is not the current one.", body = String, example = json!({"message": "there is a simulation already", "ExceptionType": "ConflictingResourceException"})),
        (status = 415, description = "The body is declared as something else.", body = String, example = json!("the body must be declared as application/json, not as \"text/plain\"")),
    ),
)]
pub(crate) async fn create(State(service): State<SimulationService>, Template(template): Template, body: Body) -> Result<Reply, Problem> {
    let body = if template.is_some() { body.0.unwrap_or_else(|| json!({})) } else { body.required()? };
    Ok(Reply(service.create(template.as_deref(), &body).await.map_err(problems::simulation)?.to_json()))
}

/// Make or replace a simulation
///
/// What changes takes effect within a second, and disturbs only what changed.
#[utoipa::path(
    put, path = paths::SIMULATION, tag = TAG, operation_id = "replaceSimulation", params(OfSimulation),
    request_body(content = NewSimulation, content_type = "application/json", description = "What is to live, with the current `ETag` or `*`."),
    responses(
        (status = 200, description = "It is stored.", body = SimulationShown, content_type = "application/json"),
        (status = 400, description = "Something is wrong with the request.", body = String, example = json!({"message": "DeviceModels[0].Count: must be at least 0, not -1", "ExceptionType": "BadRequestException"})),
        (status = 404, description = "It is not there.", body = String, example = json!("there is no simulation 2")),
        (status = 409, description = "There is one already, or the ETag is not the current one.", body = String, example = json!({"message": "there is a simulation already", "ExceptionType": "ConflictingResourceException"})),
        (status = 415, description = "The body is declared as something else.", body = String, example = json!("the body must be declared as application/json, not as \"text/plain\"")),
    ),
)]
pub(crate) async fn replace(State(service): State<SimulationService>, Segment(id): Segment, body: Body) -> Result<Reply, Problem> {
    Ok(Reply(service.replace(&id, &body.required()?).await.map_err(problems::simulation)?.to_json()))
}

/// Start or stop a simulation
#[utoipa::path(
    patch, path = paths::SIMULATION, tag = TAG, operation_id = "changeSimulation", params(OfSimulation),
    request_body(content = Change, content_type = "application/json", description = "The current `ETag`, and whether the devices live."),
    responses(
        (status = 200, description = "It is changed.", body = SimulationShown, content_type = "application/json"),
        (status = 400, description = "Something is wrong with the request.", body = String, example = json!({"message": "DeviceModels[0].Count: must be at least 0, not -1", "ExceptionType": "BadRequestException"})),
        (status = 404, description = "It is not there.", body = String, example = json!("there is no simulation 2")),
        (status = 409, description = "There is one already, or the ETag is not the current one.", body = String, example = json!({"message": "there is a simulation already", "ExceptionType": "ConflictingResourceException"})),
        (status = 415, description = "The body is declared as something else.", body = String, example = json!("the body must be declared as application/json, not as \"text/plain\"")),
    ),
)]
pub(crate) async fn change(State(service): State<SimulationService>, Segment(id): Segment, body: Body) -> Result<Reply, Problem> {
    Ok(Reply(service.patch(&id, &body.required()?).await.map_err(problems::simulation)?.to_json()))
}

/// Delete a simulation
///
/// Ends its devices and removes them from the hub.
#[utoipa::path(
    delete, path = paths::SIMULATION, tag = TAG, operation_id = "deleteSimulation", params(OfSimulation),
    responses(
        (status = 200, description = "It is gone."),
        (status = 404, description = "It is not there.", body = String, example = json!("there is no simulation 2")),
        (status = 409, description = "There is one already, or the ETag is not the current one.", body = String, example = json!({"message": "there is a simulation already", "ExceptionType": "ConflictingResourceException"})),
        (status = 507, description = "No space is left.", body = String, example = json!("there is no space left to store this; try again later")),
    ),
)]
pub(crate) async fn delete(State(service): State<SimulationService>, Segment(id): Segment) -> Result<StatusCode, Problem> {
    service.delete(&id).await.map_err(problems::simulation)?;
    Ok(StatusCode::OK)
}

/// How the service is
#[utoipa::path(
    get, path = paths::STATUS, tag = TAG, operation_id = "getStatus",
    responses(
        (status = 200, description = "It.", body = Status, content_type = "application/json"),
    ),
)]
pub(crate) async fn status(State(service): State<SimulationService>) -> Reply {
    Reply(service.status().await.to_json())
}
