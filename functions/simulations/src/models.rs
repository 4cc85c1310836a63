//! Device models.

use axum::extract::State;
use headwater_core::simulations::{KnownModel, SimulationService};
use headwater_web::{Problem, Segment};
use http::StatusCode;
use serde_json::Value;

use crate::problems;
use crate::request::{self, Body, Reply};

pub(crate) async fn list(State(service): State<SimulationService>) -> Result<Reply, Problem> {
    let all = service.models().list().await?;
    Ok(request::list(all.iter().map(KnownModel::shown), "DeviceModelList;1", "/v1/devicemodels"))
}

pub(crate) async fn describe(State(service): State<SimulationService>, Segment(id): Segment) -> Result<Reply, Problem> {
    Ok(Reply(service.models().get(&id).await.map_err(problems::model)?.shown()))
}

pub(crate) async fn create(State(service): State<SimulationService>, body: Body) -> Result<Reply, Problem> {
    Ok(Reply(service.models().create(&body.required()?).await.map_err(problems::model)?.shown()))
}

pub(crate) async fn replace(State(service): State<SimulationService>, Segment(id): Segment, body: Body) -> Result<Reply, Problem> {
    Ok(Reply(service.models().replace(&id, &body.required()?).await.map_err(problems::model)?.shown()))
}

pub(crate) async fn delete(State(service): State<SimulationService>, Segment(id): Segment) -> Result<StatusCode, Problem> {
    service.models().delete(&id).await.map_err(problems::model)?;
    Ok(StatusCode::OK)
}

pub(crate) async fn properties(State(service): State<SimulationService>) -> Result<Reply, Problem> {
    let names = service.models().property_names().await?.into_iter().map(Value::from);
    Ok(request::list(names, "DeviceModelPropertyList;1", "/v1/deviceModelProperties"))
}
