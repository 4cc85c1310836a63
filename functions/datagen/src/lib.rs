//! The datagen endpoint group: `/list`, `/start`, `/preview`, `/jobs`, `/status/{name}`, `/stop/{name}`, `/files`,
//! `/file/{path}`.
//!
//! A handler reads the request, calls [`DatagenService`] and renders the answer; what jobs are and do is in
//! `headwater_core::datagen`. Start at [`router`].

mod download;
mod handlers;
mod problems;

use axum::Router;
use axum::routing::{get, post};
use headwater_core::datagen::DatagenService;

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

    /// All of them.
    pub const ALL: [&str; 8] = [LIST, START, PREVIEW, JOBS, STATUS, STOP, FILES, FILE];
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
        .with_state(service)
}

#[cfg(test)]
mod tests;
