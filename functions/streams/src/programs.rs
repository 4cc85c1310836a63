//! Who uses which stream.

use axum::Json;
use axum::extract::State;
use headwater_core::ids::StreamName;
use headwater_core::streams::{Program, ProgramKind};
use headwater_web::Problem;
use serde_json::{Value, json};

use crate::openapi::{OfApplication, OfProgram, OfStream, TAG, UsedBy, Uses};
use crate::request::{Named, Parameters, namespace};
use crate::{Group, paths, problems};

fn shown_program(name: &StreamName, program: &Program) -> Value {
    json!({
        "namespace": name.namespace,
        "application": program.application,
        "type": program.kind.shown(),
        "program": program.name,
        "entity": "PROGRAM",
    })
}

fn shown_stream(name: &StreamName) -> Value {
    json!({"namespace": name.namespace, "stream": name.stream, "entity": "STREAM"})
}

/// Who uses a stream
#[utoipa::path(
    get, path = paths::PROGRAMS, tag = TAG, operation_id = "listPrograms", params(OfStream),
    responses(
        (status = 200, description = "Programs.", body = Vec<UsedBy>,
            example = json!([{"namespace": "default", "application": "datagen", "type": "Workflow", "program": "clicks", "entity": "PROGRAM"}])),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 404, description = "There is no such namespace.", body = String, example = json!("namespace:shop was not found")),
    ),
)]
pub(crate) async fn of_stream(State(group): State<Group>, Named(name): Named) -> Result<Json<Value>, Problem> {
    let programs = group.usage.programs(&name).await.map_err(problems::stream)?;
    Ok(Json(programs.iter().map(|program| shown_program(&name, program)).collect()))
}

/// Who uses a stream
///
/// The same, under the path that the manual of the original shows.
#[utoipa::path(
    get, path = paths::DATASET_PROGRAMS, tag = TAG, operation_id = "listDatasetPrograms", params(OfStream),
    responses(
        (status = 200, description = "Programs.", body = Vec<UsedBy>,
            example = json!([{"namespace": "default", "application": "datagen", "type": "Workflow", "program": "clicks", "entity": "PROGRAM"}])),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 404, description = "There is no such namespace.", body = String, example = json!("namespace:shop was not found")),
    ),
)]
pub(crate) async fn of_dataset(group: State<Group>, name: Named) -> Result<Json<Value>, Problem> {
    of_stream(group, name).await
}

/// What an application uses
#[utoipa::path(
    get, path = paths::APPLICATION_STREAMS, tag = TAG, operation_id = "listApplicationStreams", params(OfApplication),
    responses(
        (status = 200, description = "Streams.", body = Vec<Uses>,
            example = json!([{"namespace": "default", "stream": "clicks", "entity": "STREAM"}])),
        (status = 400, description = "An id is none.", body = String, example = json!("the stream id must be one or more ASCII letters, digits, _ and -, not \"a b\"")),
        (status = 404, description = "There is no such namespace.", body = String, example = json!("namespace:shop was not found")),
    ),
)]
pub(crate) async fn streams_of_application(
    State(group): State<Group>,
    Parameters((ns, application)): Parameters<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let streams = group.usage.streams(&namespace(&ns)?, &application, None).await.map_err(problems::stream)?;
    Ok(Json(streams.iter().map(shown_stream).collect()))
}

/// What a program uses
#[utoipa::path(
    get, path = paths::PROGRAM_STREAMS, tag = TAG, operation_id = "listProgramStreams", params(OfApplication, OfProgram),
    responses(
        (status = 200, description = "Streams.", body = Vec<Uses>,
            example = json!([{"namespace": "default", "stream": "clicks", "entity": "STREAM"}])),
        (status = 400, description = "There are no programs of this type.", body = String, example = json!("there are no programs of the type \"jobs\"")),
        (status = 404, description = "There is no such namespace.", body = String, example = json!("namespace:shop was not found")),
    ),
)]
pub(crate) async fn streams_of_program(
    State(group): State<Group>,
    Parameters((ns, application, kind, program)): Parameters<(String, String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let namespace = namespace(&ns)?;
    let Some(kind) = ProgramKind::parse(&kind) else {
        return Err(Problem::bad_request(format!("there are no programs of the type {kind:?}")));
    };
    let streams = group.usage.streams(&namespace, &application, Some((kind, &program))).await.map_err(problems::stream)?;
    Ok(Json(streams.iter().map(shown_stream).collect()))
}
