//! Device models.

use axum::extract::State;
use headwater_core::simulations::{KnownModel, SimulationService};
use headwater_web::{Problem, Segment};
use http::StatusCode;
use serde_json::Value;

use crate::openapi::{DeviceModel, DeviceModelList, DeviceModelShown, OfModel, PropertyList, TAG};
use crate::request::{self, Body, Reply};
use crate::{paths, problems};

/// All device models
#[utoipa::path(
    get, path = paths::MODELS, tag = TAG, operation_id = "listDeviceModels",
    responses(
        (status = 200, description = "They.", body = DeviceModelList, content_type = "application/json"),
    ),
)]
pub(crate) async fn list(State(service): State<SimulationService>) -> Result<Reply, Problem> {
    let all = service.models().list().await?;
    Ok(request::list(all.iter().map(KnownModel::shown), "DeviceModelList;1", "/v1/devicemodels"))
}

/// A device model
#[utoipa::path(
    get, path = paths::MODEL, tag = TAG, operation_id = "getDeviceModel", params(OfModel),
    responses(
        (status = 200, description = "It.", body = DeviceModelShown, content_type = "application/json"),
        (status = 400, description = "The id is none.", body = String, example = json!({"message": "the id must have letters, digits, points, hyphens and underscores", "ExceptionType": "InvalidInputException"})),
        (status = 404, description = "It is not there.", body = String, example = json!("there is no simulation 2")),
    ),
)]
pub(crate) async fn describe(State(service): State<SimulationService>, Segment(id): Segment) -> Result<Reply, Problem> {
    Ok(Reply(service.models().get(&id).await.map_err(problems::model)?.shown()))
}

/// Add a device model
#[utoipa::path(
    post, path = paths::MODELS, tag = TAG, operation_id = "createDeviceModel",
    request_body(content = DeviceModel, content_type = "application/json", description = "The model."),
    responses(
        (status = 200, description = "It is stored.", body = DeviceModelShown, content_type = "application/json"),
        (status = 400, description = "Something is wrong with the request.", body = String, example = json!({"message": "DeviceModels[0].Count: must be at least 0, not -1", "ExceptionType": "BadRequestException"})),
        (status = 409, description = "There is one already, or the ETag is not the current one.", body = String, example = json!({"message": "there is a simulation already", "ExceptionType": "ConflictingResourceException"})),
        (status = 415, description = "The body is declared as something else.", body = String, example = json!("the body must be declared as application/json, not as \"text/plain\"")),
    ),
)]
pub(crate) async fn create(State(service): State<SimulationService>, body: Body) -> Result<Reply, Problem> {
    Ok(Reply(service.models().create(&body.required()?).await.map_err(problems::model)?.shown()))
}

/// Add or replace a device model
///
/// Simulations that run do not change before they are written again.
#[utoipa::path(
    put, path = paths::MODEL, tag = TAG, operation_id = "replaceDeviceModel", params(OfModel),
    request_body(content = DeviceModel, content_type = "application/json", description = "The model, with its current `ETag` if it is there."),
    responses(
        (status = 200, description = "It is stored.", body = DeviceModelShown, content_type = "application/json"),
        (status = 400, description = "Something is wrong with the request.", body = String, example = json!({"message": "DeviceModels[0].Count: must be at least 0, not -1", "ExceptionType": "BadRequestException"})),
        (status = 404, description = "It is not there.", body = String, example = json!("there is no simulation 2")),
        (status = 409, description = "There is one already, or the ETag is not the current one.", body = String, example = json!({"message": "there is a simulation already", "ExceptionType": "ConflictingResourceException"})),
        (status = 415, description = "The body is declared as something else.", body = String, example = json!("the body must be declared as application/json, not as \"text/plain\"")),
    ),
)]
pub(crate) async fn replace(State(service): State<SimulationService>, Segment(id): Segment, body: Body) -> Result<Reply, Problem> {
    Ok(Reply(service.models().replace(&id, &body.required()?).await.map_err(problems::model)?.shown()))
}

/// Delete a device model
#[utoipa::path(
    delete, path = paths::MODEL, tag = TAG, operation_id = "deleteDeviceModel", params(OfModel),
    responses(
        (status = 200, description = "It is gone."),
        (status = 400, description = "The id is none.", body = String, example = json!({"message": "the id must have letters, digits, points, hyphens and underscores", "ExceptionType": "InvalidInputException"})),
        (status = 403, description = "A stock model cannot be deleted.", body = String, example = json!({"message": "the stock model truck-01 cannot be deleted", "ExceptionType": "UnauthorizedAccessException"})),
        (status = 404, description = "It is not there.", body = String, example = json!("there is no simulation 2")),
        (status = 507, description = "No space is left.", body = String, example = json!("there is no space left to store this; try again later")),
    ),
)]
pub(crate) async fn delete(State(service): State<SimulationService>, Segment(id): Segment) -> Result<StatusCode, Problem> {
    service.models().delete(&id).await.map_err(problems::model)?;
    Ok(StatusCode::OK)
}

/// Names of properties that models report
#[utoipa::path(
    get, path = paths::PROPERTIES, tag = TAG, operation_id = "listProperties",
    responses(
        (status = 200, description = "They.", body = PropertyList, content_type = "application/json"),
    ),
)]
pub(crate) async fn properties(State(service): State<SimulationService>) -> Result<Reply, Problem> {
    let names = service.models().property_names().await?.into_iter().map(Value::from);
    Ok(request::list(names, "DeviceModelPropertyList;1", "/v1/deviceModelProperties"))
}
