//! The simulations endpoint group: `/v1/simulations`, `/v1/devicemodels`, `/v1/devicemodelproperties`, `/v1/devicemodelscripts`,
//! `/v1/replayfile`, `/v1/status`, `/schemas/device-model.json`.
//!
//! A handler reads the request, calls [`SimulationService`] and renders the answer; what simulations are is in
//! `headwater_core::simulations`. Start at [`router`]; [`openapi`] describes all of it.

mod handlers;
mod models;
pub mod openapi;
mod problems;
mod request;
#[cfg(test)]
mod tests;
mod uploads;

use axum::Router;
use axum::routing::{get, post};
use headwater_core::simulations::SimulationService;
use headwater_web::{Dialect, Schema};

/// The paths of this group. Letters of either case are the same in them, but for ids and the schema.
pub mod paths {
    /// All simulations; a new one.
    pub const SIMULATIONS: &str = "/v1/simulations";
    /// A simulation.
    pub const SIMULATION: &str = "/v1/simulations/{id}";
    /// All device models; a new one.
    pub const MODELS: &str = "/v1/devicemodels";
    /// A device model.
    pub const MODEL: &str = "/v1/devicemodels/{id}";
    /// Names of properties that devices report.
    pub const PROPERTIES: &str = "/v1/devicemodelproperties";
    /// All scripts; a new one.
    pub const SCRIPTS: &str = "/v1/devicemodelscripts";
    /// A script.
    pub const SCRIPT: &str = "/v1/devicemodelscripts/{id}";
    /// Whether a file is a script.
    pub const SCRIPT_CHECK: &str = "/v1/devicemodelscripts!validate";
    /// A new file to replay.
    pub const REPLAYS: &str = "/v1/replayfile";
    /// A file to replay.
    pub const REPLAY: &str = "/v1/replayfile/{id}";
    /// Whether a file can be replayed.
    pub const REPLAY_CHECK: &str = "/v1/replayfile!validate";
    /// How the service is.
    pub const STATUS: &str = "/v1/status";

    /// The JSON Schema of device models. Not below [`PREFIX`], so its letters are as they are here.
    pub const SCHEMA: &str = "/schemas/device-model.json";
    /// The description of these paths, in OpenAPI.
    pub const OPENAPI: &str = "/openapi/simulations.json";

    /// All of them.
    pub const ALL: [&str; 14] = [
        SIMULATIONS,
        SIMULATION,
        MODELS,
        MODEL,
        PROPERTIES,
        SCRIPTS,
        SCRIPT,
        SCRIPT_CHECK,
        REPLAYS,
        REPLAY,
        REPLAY_CHECK,
        STATUS,
        SCHEMA,
        OPENAPI,
    ];

    /// What all of them begin with, but for the last two.
    pub const PREFIX: &str = "/v1/";
}

/// How problems of this group are told and its paths spelled: as clients of the original expect it.
pub const DIALECT: Dialect = Dialect { prefix: paths::PREFIX, render: problems::render, respell: request::respell };

/// The routes of this group over its service.
pub fn router(service: SimulationService) -> Router {
    Router::new()
        .route(paths::SIMULATIONS, get(handlers::list).post(handlers::create))
        .route(paths::SIMULATION, get(handlers::describe).put(handlers::replace).patch(handlers::change).delete(handlers::delete))
        .route(paths::MODELS, get(models::list).post(models::create))
        .route(paths::MODEL, get(models::describe).put(models::replace).delete(models::delete))
        .route(paths::PROPERTIES, get(models::properties))
        .route(paths::SCRIPTS, get(uploads::scripts).post(uploads::create_script))
        .route(paths::SCRIPT, get(uploads::script).put(uploads::replace_script).delete(uploads::delete_script))
        .route(paths::SCRIPT_CHECK, post(uploads::check_script))
        .route(paths::REPLAYS, post(uploads::create_replay))
        .route(paths::REPLAY, get(uploads::replay).delete(uploads::delete_replay))
        .route(paths::REPLAY_CHECK, post(uploads::check_replay))
        .route(paths::STATUS, get(handlers::status))
        .route(paths::OPENAPI, headwater_web::openapi::served(&openapi::TEXT))
        .route(paths::SCHEMA, get(|| async { Schema(headwater_core::simulations::MODEL_SCHEMA) }))
        .with_state(service)
}
