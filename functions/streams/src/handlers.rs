//! Namespaces, streams and what is set about them.

use axum::Json;
use axum::extract::State;
use headwater_core::ids::StreamName;
use headwater_web::{Content, Problem};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::Group;
use crate::problems;
use crate::request::{Named, Parameters, namespace, stream_id};

pub(crate) async fn namespaces(State(group): State<Group>) -> Result<Json<Value>, Problem> {
    let all = group.streams.namespaces().await?;
    Ok(Json(all.iter().map(|namespace| json!({"name": namespace})).collect()))
}

pub(crate) async fn describe_namespace(State(group): State<Group>, Parameters(text): Parameters<String>) -> Result<Json<Value>, Problem> {
    let namespace = namespace(&text)?;
    group.streams.expect_namespace(&namespace).await.map_err(problems::stream)?;
    Ok(Json(json!({"name": namespace})))
}

pub(crate) async fn create_namespace(State(group): State<Group>, Parameters(text): Parameters<String>) -> Result<StatusCode, Problem> {
    group.streams.create_namespace(&namespace(&text)?).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}

pub(crate) async fn delete_namespace(State(group): State<Group>, Parameters(text): Parameters<String>) -> Result<StatusCode, Problem> {
    group.streams.delete_namespace(&namespace(&text)?).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}

pub(crate) async fn list(State(group): State<Group>, Parameters(text): Parameters<String>) -> Result<Json<Value>, Problem> {
    let all = group.streams.list(&namespace(&text)?).await.map_err(problems::stream)?;
    Ok(Json(all.iter().map(|stream| json!({"name": stream})).collect()))
}

pub(crate) async fn create(
    State(group): State<Group>,
    Parameters((namespace_text, stream)): Parameters<(String, String)>,
    Content(body): Content,
) -> Result<StatusCode, Problem> {
    let namespace = namespace(&namespace_text)?;
    // That the namespace is missing is said before what else is wrong.
    group.streams.expect_namespace(&namespace).await.map_err(problems::stream)?;
    let name = StreamName { namespace, stream: stream_id(&stream)? };
    group.streams.create(&name, &body).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}

pub(crate) async fn describe(State(group): State<Group>, Named(name): Named) -> Result<Json<Map<String, Value>>, Problem> {
    Ok(Json(group.streams.get(&name).await.map_err(problems::stream)?.properties.to_json()))
}

pub(crate) async fn set_properties(State(group): State<Group>, Named(name): Named, Content(body): Content) -> Result<StatusCode, Problem> {
    group.streams.set_properties(&name, &body).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}

pub(crate) async fn truncate(State(group): State<Group>, Named(name): Named) -> Result<StatusCode, Problem> {
    group.streams.truncate(&name).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}

pub(crate) async fn delete(State(group): State<Group>, Named(name): Named) -> Result<StatusCode, Problem> {
    group.streams.delete(&name).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}
