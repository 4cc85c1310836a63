//! Simulations, and how the service is.

use axum::extract::State;
use headwater_core::simulations::{SimulationService, SimulationView};
use headwater_web::{Problem, Segment};
use http::StatusCode;
use serde_json::json;

use crate::problems;
use crate::request::{self, Body, Reply, Template};

pub(crate) async fn list(State(service): State<SimulationService>) -> Result<Reply, Problem> {
    let all = service.list().await.map_err(problems::simulation)?;
    Ok(request::list(all.iter().map(SimulationView::to_json), "SimulationList;1", "/v1/simulations"))
}

pub(crate) async fn describe(State(service): State<SimulationService>, Segment(id): Segment) -> Result<Reply, Problem> {
    Ok(Reply(service.get(&id).await.map_err(problems::simulation)?.to_json()))
}

/// Without a template there must be a body.
pub(crate) async fn create(State(service): State<SimulationService>, Template(template): Template, body: Body) -> Result<Reply, Problem> {
    let body = if template.is_some() { body.0.unwrap_or_else(|| json!({})) } else { body.required()? };
    Ok(Reply(service.create(template.as_deref(), &body).await.map_err(problems::simulation)?.to_json()))
}

pub(crate) async fn replace(State(service): State<SimulationService>, Segment(id): Segment, body: Body) -> Result<Reply, Problem> {
    Ok(Reply(service.replace(&id, &body.required()?).await.map_err(problems::simulation)?.to_json()))
}

pub(crate) async fn change(State(service): State<SimulationService>, Segment(id): Segment, body: Body) -> Result<Reply, Problem> {
    Ok(Reply(service.patch(&id, &body.required()?).await.map_err(problems::simulation)?.to_json()))
}

pub(crate) async fn delete(State(service): State<SimulationService>, Segment(id): Segment) -> Result<StatusCode, Problem> {
    service.delete(&id).await.map_err(problems::simulation)?;
    Ok(StatusCode::OK)
}

pub(crate) async fn status(State(service): State<SimulationService>) -> Reply {
    Reply(service.status().await.to_json())
}
