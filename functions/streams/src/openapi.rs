//! The description of this group in OpenAPI: shapes of what goes in and out. What each endpoint does is said at its handler.
#![allow(dead_code, reason = "shapes that are described and never made")]

mod answers;
mod requests;

use std::sync::LazyLock;

use bytes::Bytes;
use headwater_web::openapi::Group;
use serde_json::Value;
use utoipa::OpenApi;

use crate::{DIALECT, events, handlers, notifications, programs, views};

pub(crate) use answers::{Event, NamespaceShown, Shown, StreamShown, UsedBy, Uses, ViewShown};
pub(crate) use requests::{Binary, Known, OfApplication, OfNamespace, OfProgram, OfStream, OfView, Program, Properties, View, Window};

/// The name of this group.
pub(crate) const TAG: &str = "streams";

const GROUP: Group = Group {
    name: TAG,
    about: "Keeping streams: durable sequences of events, which are bytes with headers and a time, read as they are or as records.",
    dialects: &[DIALECT],
    bodies_left_out: &["createStream", "writeEvent", "writeEventLater"],
    problem: None,
};

#[derive(OpenApi)]
#[openapi(
    paths(
        handlers::namespaces,
        handlers::describe_namespace,
        handlers::create_namespace,
        handlers::delete_namespace,
        handlers::list,
        handlers::create,
        handlers::describe,
        handlers::set_properties,
        handlers::truncate,
        handlers::delete,
        events::write,
        events::write_later,
        events::batch,
        events::read,
        notifications::follow,
        views::list,
        views::describe,
        views::replace,
        views::delete,
        programs::of_stream,
        programs::of_dataset,
        programs::streams_of_application,
        programs::streams_of_program,
        described,
    ),
    components(schemas(requests::NamespaceId, requests::StreamId, requests::Instant, requests::Schema, requests::Skip))
)]
struct Handlers;

/// The description of this group
///
/// In OpenAPI 3.1. `/openapi.json` of the local server has that of all groups.
#[utoipa::path(
    get, path = crate::paths::OPENAPI, tag = TAG, operation_id = "describeStreams",
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
