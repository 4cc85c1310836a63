//! The datagen endpoint group: `/list`, `/start`, `/preview`, `/jobs`, `/status/{name}`, `/stop/{name}`, `/files`,
//! `/file/{path}`, `/schemas/datagen-specification.json`. [`openapi`] describes them.
//!
//! A handler reads the request, calls [`DatagenService`] and renders the answer; what jobs are and do is in
//! `headwater_core::datagen`. Start at [`router`].

mod download;
mod handlers;
pub mod openapi;
mod problems;

use axum::Router;
use axum::routing::{get, post};
use headwater_core::datagen::DatagenService;
use headwater_web::Schema;

/// The paths of this group, as an API gateway routes them.
pub mod paths {
    /// Names of specifications.
    pub const LIST: &str = "/list";
    /// Starts a job.
    pub const START: &str = "/start";
    /// First records of what a job would write.
    pub const PREVIEW: &str = "/preview";
    /// Reports of all jobs.
    pub const JOBS: &str = "/jobs";
    /// Report of one job.
    pub const STATUS: &str = "/status/{name}";
    /// Stops a job.
    pub const STOP: &str = "/stop/{name}";
    /// Names of files.
    pub const FILES: &str = "/files";
    /// A file's bytes.
    pub const FILE: &str = "/file/{*path}";

    /// The description of these paths, in OpenAPI.
    pub const OPENAPI: &str = "/openapi/datagen.json";

    /// The JSON Schema of specifications.
    pub const SCHEMA: &str = "/schemas/datagen-specification.json";

    /// All of them.
    pub const ALL: [&str; 10] = [LIST, START, PREVIEW, JOBS, STATUS, STOP, FILES, FILE, SCHEMA, OPENAPI];
}

/// The routes of this group over a service.
pub fn router(service: DatagenService) -> Router {
    Router::new()
        .route(paths::LIST, get(handlers::list))
        .route(paths::START, post(handlers::start))
        .route(paths::PREVIEW, post(handlers::preview))
        .route(paths::JOBS, get(handlers::jobs))
        .route(paths::STATUS, get(handlers::status))
        .route(paths::STOP, post(handlers::stop))
        .route(paths::FILES, get(handlers::files))
        .route(paths::FILE, get(download::file))
        .route(paths::OPENAPI, headwater_web::openapi::served(&openapi::TEXT))
        .route(paths::SCHEMA, get(|| async { Schema(headwater_core::datagen::SCHEMA) }))
        .with_state(service)
}

#[cfg(test)]
mod tests;
