//! The streams endpoint group: `/v3/namespaces/…`.
//!
//! A handler reads the request, calls [`StreamService`] and renders the answer; what streams are is in `headwater_core::streams`.
//! Start at [`router`]. Errors are plain text here, and most successes have no body. [`openapi`] describes all of it.

mod events;
mod handlers;
mod notifications;
pub mod openapi;
mod problems;
mod programs;
mod request;
#[cfg(test)]
mod tests;
mod views;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get, post, put};
use headwater_core::limits;
use headwater_core::streams::{StreamService, StreamUsage};
use headwater_web::Dialect;
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;

/// The paths of this group. Each but the last is also answered with a `/` behind it.
pub mod paths {
    /// Names of namespaces.
    pub const NAMESPACES: &str = "/v3/namespaces";
    /// A namespace.
    pub const NAMESPACE: &str = "/v3/namespaces/{namespace}";
    /// Names of streams.
    pub const STREAMS: &str = "/v3/namespaces/{namespace}/streams";
    /// A stream; an event for it.
    pub const STREAM: &str = "/v3/namespaces/{namespace}/streams/{stream}";
    /// What is set about a stream.
    pub const PROPERTIES: &str = "/v3/namespaces/{namespace}/streams/{stream}/properties";
    /// An event that is written later.
    pub const ASYNC: &str = "/v3/namespaces/{namespace}/streams/{stream}/async";
    /// Many events.
    pub const BATCH: &str = "/v3/namespaces/{namespace}/streams/{stream}/batch";
    /// Events of a window.
    pub const EVENTS: &str = "/v3/namespaces/{namespace}/streams/{stream}/events";
    /// Removes all events.
    pub const TRUNCATE: &str = "/v3/namespaces/{namespace}/streams/{stream}/truncate";
    /// That a stream grows, as server-sent events.
    pub const NOTIFICATIONS: &str = "/v3/namespaces/{namespace}/streams/{stream}/notifications";
    /// Names of a stream's views.
    pub const VIEWS: &str = "/v3/namespaces/{namespace}/streams/{stream}/views";
    /// A view.
    pub const VIEW: &str = "/v3/namespaces/{namespace}/streams/{stream}/views/{view}";
    /// Who uses a stream.
    pub const PROGRAMS: &str = "/v3/namespaces/{namespace}/streams/{stream}/programs";
    /// The same, under the path that the manual of the original shows.
    pub const DATASET_PROGRAMS: &str = "/v3/namespaces/{namespace}/data/datasets/{stream}/programs";
    /// What an application uses.
    pub const APPLICATION_STREAMS: &str = "/v3/namespaces/{namespace}/apps/{application}/streams";
    /// What a program uses.
    pub const PROGRAM_STREAMS: &str = "/v3/namespaces/{namespace}/apps/{application}/{kind}/{program}/streams";

    /// The description of these paths, in OpenAPI.
    pub const OPENAPI: &str = "/openapi/streams.json";

    /// All of them.
    pub const ALL: [&str; 17] = [
        NAMESPACES,
        NAMESPACE,
        STREAMS,
        STREAM,
        PROPERTIES,
        ASYNC,
        BATCH,
        EVENTS,
        TRUNCATE,
        NOTIFICATIONS,
        VIEWS,
        VIEW,
        PROGRAMS,
        DATASET_PROGRAMS,
        APPLICATION_STREAMS,
        PROGRAM_STREAMS,
        OPENAPI,
    ];

    /// What all of them but the last begin with.
    pub const PREFIX: &str = "/v3/";
}

/// Problems of this group are plain text: their originals' are, and clients read them so.
pub const DIALECT: Dialect = Dialect::plain_text(paths::PREFIX);

/// What the handlers need: shared, because every request clones it several times.
#[derive(Debug, Clone)]
pub(crate) struct Group(Arc<Services>);

#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) streams: StreamService,
    pub(crate) usage: StreamUsage,
    /// Turns at what keeps a thread busy.
    pub(crate) formatting: Arc<Semaphore>,
}

impl Deref for Group {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

/// The routes of this group over its service, and over what is known of who uses streams.
pub fn router(streams: StreamService, usage: StreamUsage) -> Router {
    let routes: [(&str, MethodRouter<Group>); 16] = [
        (paths::NAMESPACES, get(handlers::namespaces)),
        (paths::NAMESPACE, get(handlers::describe_namespace).put(handlers::create_namespace).delete(handlers::delete_namespace)),
        (paths::STREAMS, get(handlers::list)),
        (paths::STREAM, get(handlers::describe).put(handlers::create).post(events::write).delete(handlers::delete)),
        (paths::PROPERTIES, put(handlers::set_properties)),
        (paths::ASYNC, post(events::write_later)),
        (paths::BATCH, post(events::batch)),
        (paths::EVENTS, get(events::read)),
        (paths::TRUNCATE, post(handlers::truncate)),
        (paths::NOTIFICATIONS, get(notifications::follow)),
        (paths::VIEWS, get(views::list)),
        (paths::VIEW, get(views::describe).put(views::replace).delete(views::delete)),
        (paths::PROGRAMS, get(programs::of_stream)),
        (paths::DATASET_PROGRAMS, get(programs::of_dataset)),
        (paths::APPLICATION_STREAMS, get(programs::streams_of_application)),
        (paths::PROGRAM_STREAMS, get(programs::streams_of_program)),
    ];
    let router = routes.into_iter().fold(Router::new(), |router, (path, methods)| {
        let with_slash = format!("{path}/");
        router.route(path, methods.clone()).route(&with_slash, methods)
    });
    let router = router.route(paths::OPENAPI, headwater_web::openapi::served(&openapi::TEXT));
    let services = Services { streams, usage, formatting: Arc::new(Semaphore::new(limits::BUSY_THREADS)) };
    router.with_state(Group(Arc::new(services))).layer(CompressionLayer::new())
}
