//! The description of this group in OpenAPI: shapes of what goes in and out. What each endpoint does is said at its handler.
#![allow(dead_code, reason = "shapes that are described and never made")]

mod shapes;

use std::sync::LazyLock;

use bytes::Bytes;
use headwater_web::openapi::Group;
use serde_json::Value;
use utoipa::OpenApi;

use crate::{DIALECTS, answers, appending, handlers};

pub(crate) use shapes::{Appended, Binary, Definition, Drawn, Heard, Last, OfTable, Sound, Table, TimeRange};

/// The name of this group.
pub(crate) const TAG: &str = "tables";

const GROUP: Group = Group {
    name: TAG,
    about: "Looking into series: tables of samples, windows and spectra of them, pictures, sound.",
    dialects: &DIALECTS,
    bodies_left_out: &[],
    problem: None,
};

#[derive(OpenApi)]
#[openapi(
    paths(
        handlers::list,
        handlers::describe,
        handlers::define,
        appending::append,
        handlers::remove,
        handlers::finish,
        answers::last,
        answers::time_range,
        answers::plot,
        answers::audio,
        described,
    ),
    components(schemas(shapes::TableName, shapes::TimeMeasure, shapes::SampleRate, shapes::BitDepth, shapes::Signal))
)]
struct Handlers;

/// The description of this group
///
/// In OpenAPI 3.1. `/openapi.json` of the local server has that of all groups.
#[utoipa::path(
    get, path = crate::paths::OPENAPI, tag = TAG, operation_id = "describeTables",
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
