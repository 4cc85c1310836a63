//! Namespaces, streams and what is set about them.

use axum::Json;
use axum::extract::State;
use headwater_core::ids::StreamName;
use headwater_web::{Content, Problem};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::Group;
use crate::openapi::{NamespaceShown, OfNamespace, OfStream, Properties, Shown, StreamShown, TAG};
use crate::request::{Named, Parameters, namespace, stream_id};
use crate::{paths, problems};

/// All namespaces
#[utoipa::path(
    get, path = paths::NAMESPACES, tag = TAG, operation_id = "listNamespaces",
    responses(
        (status = 200, description = "They, sorted.", body = Vec<NamespaceShown>, example = json!([{"name": "default"}, {"name": "shop"}])),
    ),
)]
pub(crate) async fn namespaces(State(group): State<Group>) -> Result<Json<Value>, Problem> {
    let all = group.streams.namespaces().await?;
    Ok(Json(all.iter().map(|namespace| json!({"name": namespace})).collect()))
}

/// A namespace
#[utoipa::path(
    get, path = paths::NAMESPACE, tag = TAG, operation_id = "getNamespace", params(OfNamespace),
    responses(
        (status = 200, description = "It.", body = NamespaceShown),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
    ),
)]
pub(crate) async fn describe_namespace(State(group): State<Group>, Parameters(text): Parameters<String>) -> Result<Json<Value>, Problem> {
    let namespace = namespace(&text)?;
    group.streams.expect_namespace(&namespace).await.map_err(problems::stream)?;
    Ok(Json(json!({"name": namespace})))
}

/// Make a namespace
///
/// One that is there stays.
#[utoipa::path(
    put, path = paths::NAMESPACE, tag = TAG, operation_id = "createNamespace", params(OfNamespace),
    responses(
        (status = 200, description = "It is there."),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 403, description = "The namespace is reserved.", body = String, example = json!("the namespace system is reserved")),
        (status = 507, description = "No space is left.", body = String, example = json!("there is no space left to store this; try again later")),
    ),
)]
pub(crate) async fn create_namespace(State(group): State<Group>, Parameters(text): Parameters<String>) -> Result<StatusCode, Problem> {
    group.streams.create_namespace(&namespace(&text)?).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}

/// Delete a namespace
///
/// It must have no streams.
#[utoipa::path(
    delete, path = paths::NAMESPACE, tag = TAG, operation_id = "deleteNamespace", params(OfNamespace),
    responses(
        (status = 200, description = "It is gone."),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 403, description = "The namespace is reserved.", body = String, example = json!("the namespace system is reserved")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
        (status = 409, description = "It has streams.", body = String, example = json!("the namespace shop has streams")),
        (status = 507, description = "No space is left.", body = String, example = json!("there is no space left to store this; try again later")),
    ),
)]
pub(crate) async fn delete_namespace(State(group): State<Group>, Parameters(text): Parameters<String>) -> Result<StatusCode, Problem> {
    group.streams.delete_namespace(&namespace(&text)?).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}

/// All streams of a namespace
#[utoipa::path(
    get, path = paths::STREAMS, tag = TAG, operation_id = "listStreams", params(OfNamespace),
    responses(
        (status = 200, description = "They, sorted.", body = Vec<StreamShown>, example = json!([{"name": "clicks"}, {"name": "purchases"}])),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
    ),
)]
pub(crate) async fn list(State(group): State<Group>, Parameters(text): Parameters<String>) -> Result<Json<Value>, Problem> {
    let all = group.streams.list(&namespace(&text)?).await.map_err(problems::stream)?;
    Ok(Json(all.iter().map(|stream| json!({"name": stream})).collect()))
}

/// Make a stream
///
/// One that is there stays as it is; the body is checked all the same.
#[utoipa::path(
    put, path = paths::STREAM, tag = TAG, operation_id = "createStream", params(OfStream),
    request_body(content = Properties, content_type = "application/json", description = "What is set about it. The content type does not matter."),
    responses(
        (status = 200, description = "It is there."),
        (status = 400, description = "An id or a property is wrong; nothing has changed.", body = String, example = json!("ttl must not be negative, and is -1")),
        (status = 403, description = "The stream belongs to another principal.", body = String, example = json!("stream:default.purchases belongs to another principal")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
    ),
)]
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

/// A stream
///
/// What is set about it.
#[utoipa::path(
    get, path = paths::STREAM, tag = TAG, operation_id = "getStream", params(OfStream),
    responses(
        (status = 200, description = "Its properties.", body = Shown),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
    ),
)]
pub(crate) async fn describe(State(group): State<Group>, Named(name): Named) -> Result<Json<Map<String, Value>>, Problem> {
    Ok(Json(group.streams.get(&name).await.map_err(problems::stream)?.properties.to_json()))
}

/// Change what is set about a stream
#[utoipa::path(
    put, path = paths::PROPERTIES, tag = TAG, operation_id = "setProperties", params(OfStream),
    request_body(content = Properties, content_type = "application/json", description = "What is set about it. The content type does not matter."),
    responses(
        (status = 200, description = "It is changed."),
        (status = 400, description = "An id or a property is wrong; nothing has changed.", body = String, example = json!("ttl must not be negative, and is -1")),
        (status = 403, description = "The stream belongs to another principal.", body = String, example = json!("stream:default.purchases belongs to another principal")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
    ),
)]
pub(crate) async fn set_properties(State(group): State<Group>, Named(name): Named, Content(body): Content) -> Result<StatusCode, Problem> {
    group.streams.set_properties(&name, &body).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}

/// Remove all events
///
/// The properties stay.
#[utoipa::path(
    post, path = paths::TRUNCATE, tag = TAG, operation_id = "truncateStream", params(OfStream),
    responses(
        (status = 200, description = "They are gone."),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
        (status = 507, description = "No space is left.", body = String, example = json!("there is no space left to store this; try again later")),
    ),
)]
pub(crate) async fn truncate(State(group): State<Group>, Named(name): Named) -> Result<StatusCode, Problem> {
    group.streams.truncate(&name).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}

/// Delete a stream
///
/// With its events, properties and views.
#[utoipa::path(
    delete, path = paths::STREAM, tag = TAG, operation_id = "deleteStream", params(OfStream),
    responses(
        (status = 200, description = "It is gone."),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
        (status = 507, description = "No space is left.", body = String, example = json!("there is no space left to store this; try again later")),
    ),
)]
pub(crate) async fn delete(State(group): State<Group>, Named(name): Named) -> Result<StatusCode, Problem> {
    group.streams.delete(&name).await.map_err(problems::stream)?;
    Ok(StatusCode::OK)
}
