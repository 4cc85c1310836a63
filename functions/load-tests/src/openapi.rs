//! The description of this group in OpenAPI: shapes of what goes in and out. What each endpoint does is said at its handler.
#![allow(dead_code, reason = "shapes that are described and never made")]

mod comparison;
mod records;
mod requests;

use std::sync::LazyLock;

use bytes::Bytes;
use headwater_web::openapi::Group;
use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::{DIALECT, handlers};

pub(crate) use comparison::Comparison;
pub(crate) use records::{Committed, Found, IsRunning, Pong, Run, Runs, States};
pub(crate) use requests::{
    Annotate, AnnotateForm, Commit, CommitForm, Compared, Page, Record, Register, RegisterForm, Update, UpdateForm, WhichRun,
};

/// The name of this group.
pub(crate) const TAG: &str = "load-tests";

const GROUP: Group = Group {
    name: TAG,
    about: "Recording load tests: a run is registered, updated while it goes on, annotated, and committed with its result.",
    dialects: &[DIALECT],
    bodies_left_out: &[],
    problem: Some(problem),
};

#[derive(OpenApi)]
#[openapi(
    paths(
        handlers::ping,
        handlers::register,
        handlers::update,
        handlers::annotate,
        handlers::commit,
        handlers::is_running,
        handlers::runs,
        handlers::run,
        handlers::compare,
        handlers::states,
        described,
    ),
    components(schemas(requests::Tag))
)]
struct Handlers;

/// The description of this group
///
/// In OpenAPI 3.1. `/openapi.json` of the local server has that of all groups.
#[utoipa::path(
    get, path = crate::paths::OPENAPI, tag = TAG, operation_id = "describeLoadTests",
    responses((status = 200, description = "The description.", body = Object,
        example = json!({"openapi": "3.1.0", "info": {"title": "Headwater", "version": env!("CARGO_PKG_VERSION")}, "paths": {}}))),
)]
fn described() {}

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
        "required": ["error"],
        "properties": {"error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "Of which kind the problem is, for programs.", "pattern": "^[a-z_]+$"},
                "message": {"type": "string", "description": "All that is wrong, for people."},
                "field": {"type": "string", "description": "Where the first mistake is."},
            },
        }},
    });
    ("LoadTestProblem", schema)
}
