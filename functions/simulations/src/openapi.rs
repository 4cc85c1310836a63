//! The description of this group in OpenAPI: shapes of what goes in and out. What each endpoint does is said at its handler.
#![allow(dead_code, reason = "shapes that are described and never made")]

mod answers;
mod bodies;

use std::sync::LazyLock;

use bytes::Bytes;
use headwater_web::openapi::Group;
use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::{DIALECT, handlers, models, uploads};

pub(crate) use answers::{
    Checked, DeviceModelList, DeviceModelShown, PropertyList, ReplayFile, Script, ScriptList, SimulationList, SimulationShown, Status,
    Verdict,
};
pub(crate) use bodies::{Change, DeviceModel, FromTemplate, NewSimulation, OfModel, OfReplay, OfScript, OfSimulation, Replaced, Uploaded};

/// The name of this group.
pub(crate) const TAG: &str = "simulations";

const GROUP: Group = Group {
    name: TAG,
    about: "Simulating devices: models say what a kind of device is, a simulation says how many of which live. Letters of either case are \
the same in paths, but for ids, and in the names of members.",
    dialects: &[DIALECT],
    bodies_left_out: &["createSimulation"],
    problem: Some(problem),
};

#[derive(OpenApi)]
#[openapi(
    paths(
        handlers::list,
        handlers::create,
        handlers::describe,
        handlers::replace,
        handlers::change,
        handlers::delete,
        handlers::status,
        models::list,
        models::create,
        models::describe,
        models::replace,
        models::delete,
        models::properties,
        uploads::scripts,
        uploads::create_script,
        uploads::script,
        uploads::replace_script,
        uploads::delete_script,
        uploads::check_script,
        uploads::create_replay,
        uploads::replay,
        uploads::delete_replay,
        uploads::check_replay,
        model_schema,
        described,
    ),
    components(schemas(answers::Verdict))
)]
struct Handlers;

/// The description of this group
///
/// In OpenAPI 3.1. `/openapi.json` of the local server has that of all groups.
#[utoipa::path(
    get, path = crate::paths::OPENAPI, tag = TAG, operation_id = "describeSimulations",
    responses((status = 200, description = "The description.", body = Object,
        example = json!({"openapi": "3.1.0", "info": {"title": "Headwater", "version": env!("CARGO_PKG_VERSION")}, "paths": {}}))),
)]
fn described() {}

/// The JSON Schema of device models
///
/// In the version 2020-12; what it cannot express is checked when a model is stored or used.
#[utoipa::path(
    get, path = crate::paths::SCHEMA, tag = TAG, operation_id = "getDeviceModelSchema",
    responses((status = 200, description = "The schema.", body = Object, content_type = "application/schema+json",
        example = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Headwater device model",
            "description": "A model of simulated devices, as `POST /v1/devicemodels` takes it.",
            "$defs": {"DeviceModel": {"type": "object"}},
        }))),
)]
fn model_schema() {}

/// The description of this group, as JSON.
#[must_use]
pub fn document() -> Value {
    GROUP.describe(&Handlers::openapi())
}

/// The same as text; made once.
pub(crate) static TEXT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

fn problem() -> (&'static str, Value) {
    let schema = json!({
        "type": "object",
        "description": "What is wrong.",
        "required": ["Message", "ExceptionMessage", "ExceptionType"],
        "properties": {
            "Message": {"type": "string", "description": "The same for every problem."},
            "ExceptionMessage": {"type": "string", "description": "What is wrong, for people."},
            "ExceptionType": {"type": "string", "description": "Of which kind the problem is, for programs.", "pattern": "Exception$"},
        },
    });
    ("SimulationProblem", schema)
}
