//! Who uses which stream.

use axum::Json;
use axum::extract::State;
use headwater_core::ids::StreamName;
use headwater_core::streams::{Program, ProgramKind};
use headwater_web::Problem;
use serde_json::{Value, json};

use crate::Group;
use crate::problems;
use crate::request::{Named, Parameters, namespace};

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

pub(crate) async fn of_stream(State(group): State<Group>, Named(name): Named) -> Result<Json<Value>, Problem> {
    let programs = group.usage.programs(&name).await.map_err(problems::stream)?;
    Ok(Json(programs.iter().map(|program| shown_program(&name, program)).collect()))
}

pub(crate) async fn streams_of_application(
    State(group): State<Group>,
    Parameters((ns, application)): Parameters<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let streams = group.usage.streams(&namespace(&ns)?, &application, None).await.map_err(problems::stream)?;
    Ok(Json(streams.iter().map(shown_stream).collect()))
}

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
