//! The description of this group in OpenAPI: shapes of what goes in and out. What each endpoint does is said at its handler.
#![allow(dead_code, reason = "shapes that are described and never made")]

use std::sync::LazyLock;

use bytes::Bytes;
use headwater_core::limits;
use headwater_web::openapi::Group;
use headwater_web::shapes;
use serde_json::{Value, json};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::{download, handlers};

/// The name of this group.
pub(crate) const TAG: &str = "datagen";

const GROUP: Group = Group {
    name: TAG,
    about: "Generating: a specification describes a state machine, a job runs it and writes its records to a target.",
    dialects: &[],
    bodies_left_out: &[],
    problem: None,
};

#[derive(OpenApi)]
#[openapi(
    paths(
        handlers::list,
        handlers::start,
        handlers::preview,
        handlers::jobs,
        handlers::status,
        handlers::stop,
        handlers::files,
        download::file,
        specification_schema,
        described,
    ),
    components(schemas(DatagenSpecification, Target))
)]
struct Handlers;

/// The description of this group
///
/// In OpenAPI 3.1. `/openapi.json` of the local server has that of all groups.
#[utoipa::path(
    get, path = crate::paths::OPENAPI, tag = TAG, operation_id = "describeDatagen",
    responses((status = 200, description = "The description.", body = Object,
        example = json!({"openapi": "3.1.0", "info": {"title": "Headwater", "version": env!("CARGO_PKG_VERSION")}, "paths": {}}))),
)]
fn described() {}

/// The JSON Schema of specifications
///
/// In the version 2020-12; what it cannot express is checked when a job starts.
#[utoipa::path(
    get, path = crate::paths::SCHEMA, tag = TAG, operation_id = "getSpecificationSchema",
    responses((status = 200, description = "The schema.", body = Object, content_type = "application/schema+json",
        example = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Headwater datagen specification",
            "description": "What `headwater generate` and the jobs of `headwater serve` run. The body of `POST /start` is `#/$defs/StartRequest`.",
            "$defs": {"Specification": {"type": "object"}},
        }))),
)]
fn specification_schema() {}

/// The description of this group, as JSON.
#[must_use]
pub fn document() -> Value {
    GROUP.describe(&Handlers::openapi())
}

/// The same as text; made once.
pub(crate) static TEXT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

/// The job that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct Named {
    /// The name of a job.
    #[param(min_length = 1, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "doors")]
    name: String,
}

/// The file that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FilePath {
    /// The name of a file, which may lie in folders: slashes are part of it.
    #[param(pattern = r"^[^\\\x00-\x1f\x7f-\x9f]+$", max_length = 1024, example = "doors.json")]
    path: String,
}

/// Which part of a file is asked for, and which version is known.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Asked {
    /// One range of bytes. Any other is ignored, and the whole file is sent.
    #[param(rename = "Range", example = "bytes=0-999")]
    range: Option<String>,
    /// The version that a range is wanted of; if the file has another one, all of it is sent.
    #[param(rename = "If-Range")]
    if_range: Option<String>,
    /// Versions that are known already.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

shapes! {
    Job = {
        let mut job = settings();
        job["description"] = "A job to start. Members that are not listed are ignored, and `null` counts as absent.".into();
        job["required"] = json!(["name", "target"]);
        job["properties"]["name"] = json!({
            "description": "Any text without control characters, 1 to 255 bytes.",
            "type": "string", "minLength": 1, "maxLength": 255, "pattern": NAME, "examples": ["doors"],
        });
        job["properties"]["target"] = json!({"$ref": "#/components/schemas/Target"});
        job["examples"] = json!([{
            "name": "sensors", "config_file": "iot/sensors.json", "target": {"type": "file", "path": "sensors.json"}, "total_events": 3, "seed": 1,
        }]);
        job
    };
    Preview = settings();
    Target = json!({
        "description": "Where records go: an object with a `type` and the members of that type.",
        "type": "object", "required": ["type"],
        "properties": {"type": {
            "type": "string",
            "description": "`file`, `stdout`, `http`, `kafka`, `confluent`, `stream`, `table`, `s3`, `sqs`, `kinesis`, `mqtt`, `iothub` or `influxdb`.",
        }},
        "examples": [
            {"type": "file", "path": "doors.json"},
            {"type": "stream", "stream": "doors"},
            {"type": "kafka", "endpoint": "localhost:9092", "topic": "doors", "topic_key": ["badge"]},
        ],
    });
    // All that a schema can say of it is at that address; tools that make requests from descriptions do not come through so much of it.
    DatagenSpecification = json!({
        "description": format!("A specification, or a file to replay. Its JSON Schema is at `{}`.", crate::paths::SCHEMA),
        "type": "object",
        "externalDocs": {"url": crate::paths::SCHEMA},
    });
}

/// A job's name.
const NAME: &str = r"^[^\x00-\x1f\x7f-\x9f]+$";

/// What is to be written, and how. A name of the list wins over a specification that comes along, which is not looked at then.
fn settings() -> Value {
    json!({
        "description": "What is to be written, and how.",
        "type": "object",
        "properties": {
            "config_file": {
                "description": "A name of the list of specifications. It wins over `config`; one of the two is needed.",
                "type": ["string", "null"], "maxLength": 1024, "pattern": r"^[^\\\x00-\x1f\x7f-\x9f]+\.json$", "examples": ["iot/sensors.json"],
            },
            "config": {"description": "The specification itself."},
            "concurrency": {
                "description": "Most entities that are alive at once; 100 without it.",
                "type": ["integer", "null"], "minimum": 1, "maximum": limits::CONCURRENCY,
            },
            "total_events": {"description": "After how many records the job ends.", "type": ["integer", "null"]},
            "time": {
                "description": "After how much time of the job it ends: an integer and `s`, `m`, `h` or `d`.",
                "type": ["string", "null"], "pattern": "^[0-9]{1,9}[sSmMhHdD]$", "examples": ["48h"],
            },
            "time_type": {
                "description": "The clock: `SIM` (also without it), `REAL`, or the moment at which it begins, in ISO 8601.",
                "type": ["string", "null"], "examples": ["2026-01-01"],
            },
            "seed": {"description": "The same seed gives the same records.", "type": ["integer", "null"]},
        },
        "anyOf": [
            {"required": ["config_file"], "properties": {"config_file": {"type": "string"}}},
            {"required": ["config"], "properties": {"config": {"$ref": "#/components/schemas/DatagenSpecification"}}},
        ],
        "examples": [{"config_file": "iot/sensors.json", "total_events": 3, "seed": 1}],
    })
}

/// What has been started.
#[derive(ToSchema)]
#[schema(example = json!({
    "message": "Starting generator for request.",
    "request": {
        "name": "shop", "config_file": "shop/orders.json", "target": {"type": "file", "path": "/files/shop.json"}, "total_events": 1000, "seed": 7,
    },
}))]
pub(crate) struct Started {
    #[schema(example = "Starting generator for request.")]
    message: String,
    /// The request.
    #[schema(value_type = Object)]
    request: Value,
}

/// A message.
#[derive(ToSchema)]
pub(crate) struct Said {
    message: String,
}

/// All jobs, or that there are none.
#[derive(ToSchema)]
#[schema(examples(json!([]), json!({"message": "Data generation is NOT running."})))]
#[serde(untagged)]
pub(crate) enum Jobs {
    Some(Vec<Report>),
    None(Said),
}

/// How a job is.
#[derive(ToSchema)]
#[schema(example = json!({
    "name": "doors", "config_file": "__custom__", "target": {"type": "file", "path": "/files/doors.json"}, "active_sessions": 0,
    "total_records": 1000, "start_time": "2026-01-01 00:00:00", "run_time": 1824.072670587, "status": "COMPLETE",
    "status_msg": "Complete.", "seed": 42, "launch_time": "2026-11-20 20:21:09",
}))]
pub(crate) struct Report {
    /// Its name.
    name: String,
    /// The name of its specification, or `__custom__` for an inline one.
    config_file: String,
    /// Its target, with the path that its file has and without secrets.
    #[schema(value_type = Object)]
    target: Value,
    /// Entities alive; 0 when it has ended.
    active_sessions: u64,
    /// Records written.
    total_records: u64,
    /// Where the time of the job began.
    #[schema(pattern = r"^-?\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d$")]
    start_time: String,
    /// How many seconds of it have passed.
    run_time: f64,
    status: Status,
    /// What it is doing, what it is waiting for, or why it failed.
    status_msg: String,
    /// The seed that gives the same records again.
    seed: i64,
    /// When it was started, by the wall clock.
    #[schema(pattern = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")]
    launch_time: String,
}

/// Where a job stands.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Running,
    Complete,
    Failed,
}
