//! The tables endpoint group: `/table/…` and `/audio/…`.
//!
//! A handler reads the request, calls [`TableService`] and renders the answer; what tables are is in `headwater_core::tables`. Start at
//! [`router`]. Errors are plain text here. Pictures of tables are drawn in `plot`.
//! [`openapi`] describes all of it.

mod answers;
mod appending;
mod handlers;
pub mod openapi;
mod plot;
mod problems;
mod request;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::routing::{MethodRouter, get, post};
use headwater_core::tables::TableService;
use headwater_web::Dialect;
use tower_http::compression::CompressionLayer;

/// The paths of this group. Each but the last is also answered with a `/` behind it.
pub mod paths {
    /// All tables.
    pub const TABLES: &str = "/table";
    /// A table; elements for it.
    pub const TABLE: &str = "/table/{tableName}";
    /// Nothing more comes.
    pub const FINISH: &str = "/table/{tableName}/finish";
    /// The newest rows.
    pub const LAST: &str = "/table/{tableName}/last";
    /// The rows of a span of time.
    pub const TIME_RANGE: &str = "/table/{tableName}/timeRange";
    /// A picture of the newest rows.
    pub const PLOT: &str = "/table/{tableName}/plot.svg";
    /// A table as sound.
    pub const AUDIO: &str = "/audio/{tableName}/stream/{format}";

    /// The description of these paths, in OpenAPI.
    pub const OPENAPI: &str = "/openapi/tables.json";

    /// All of them.
    pub const ALL: [&str; 8] = [TABLES, TABLE, FINISH, LAST, TIME_RANGE, PLOT, AUDIO, OPENAPI];
}

/// Problems of this group are plain text: their originals' are.
pub const DIALECTS: [Dialect; 2] = [Dialect::plain_text("/table"), Dialect::plain_text("/audio")];

/// The routes of this group over its service.
pub fn router(service: TableService) -> Router {
    let tables: [(&str, MethodRouter<TableService>); 6] = [
        (paths::TABLES, get(handlers::list)),
        (paths::TABLE, get(handlers::describe).put(handlers::define).post(appending::append).delete(handlers::remove)),
        (paths::FINISH, post(handlers::finish)),
        (paths::LAST, get(answers::last)),
        (paths::TIME_RANGE, get(answers::time_range)),
        (paths::PLOT, get(answers::plot)),
    ];
    // Sound is not compressed: what is held back for that would be heard too late.
    let sound = [(paths::AUDIO, get(answers::audio))];
    let tables = with_routes(tables).route(paths::OPENAPI, headwater_web::openapi::served(&openapi::TEXT));
    tables.layer(CompressionLayer::new()).merge(with_routes(sound)).with_state(service)
}

fn with_routes<const N: usize>(routes: [(&str, MethodRouter<TableService>); N]) -> Router<TableService> {
    routes.into_iter().fold(Router::new(), |router, (path, methods)| {
        let with_slash = format!("{path}/");
        router.route(path, methods.clone()).route(&with_slash, methods)
    })
}
