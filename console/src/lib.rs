//! The console: what runs, in a browser.
//!
//! Pages are rendered on the server from templates that escape whatever they are given; a script of our own makes live what has to be.
//! Everything can be read, and every form sent, without it. Start at [`Console`]: a module for each kind of page (`overview`, `jobs`, …),
//! `page` is what all of them share, `guard` says who may look and whose forms are taken, `live` what runs now, for pages and programs.

mod assets;
mod form;
mod guard;
mod jobs;
pub mod live;
mod load_tests;
mod naming;
mod overview;
mod page;
mod plot;
mod recent;
mod refusing;
mod shown;
mod signing;
mod simulations;
mod streaming;
mod streams;
mod tables;
mod troubles;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Redirect, Response};
use axum::routing::{any, get};
use headwater_core::datagen::DatagenService;
use headwater_core::load_tests::LoadTestService;
use headwater_core::ports::{Clock, Entropy};
use headwater_core::secret::Secret;
use headwater_core::simulations::SimulationService;
use headwater_core::streams::{StreamService, StreamUsage};
use headwater_core::tables::TableService;
use headwater_web::{Door, not_taken, nothing_there};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

pub use guard::same_site;
pub use troubles::Troubles;

use crate::guard::Guard;
use crate::live::Live;

/// The paths of the console.
pub mod paths {
    /// The overview, where a browser asks.
    pub const OVERVIEW: &str = "/";
    /// What runs now, for programs and scripts: server-sent events, or one JSON object.
    pub const LIVE: &str = "/live";
    /// What all pages but the overview begin with.
    pub const PREFIX: &str = "/console/";
    /// What style sheet and script begin with.
    pub const ASSETS: &str = "/console/assets/";
    /// Where one signs in.
    pub const SIGN_IN: &str = "/console/sign-in";
    /// Where one signs out.
    pub const SIGN_OUT: &str = "/console/sign-out";
}

/// What the console looks into.
#[derive(Debug, Clone)]
pub struct Services {
    /// Jobs.
    pub datagen: DatagenService,
    /// Fleets.
    pub simulations: SimulationService,
    /// Streams.
    pub streams: StreamService,
    /// Who uses them.
    pub usage: StreamUsage,
    /// Tables.
    pub tables: TableService,
    /// Runs of load tests.
    pub load_tests: LoadTestService,
}

/// What a [`Console`] is made of.
#[derive(Debug)]
pub struct Setup {
    /// What it looks into.
    pub services: Services,
    /// What goes wrong.
    pub troubles: Troubles,
    /// What one signs in with, if anything.
    pub token: Option<Secret>,
    /// How often what runs is looked at.
    pub period: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The console of a host. Clones share what they know.
#[derive(Debug, Clone)]
pub struct Console {
    pub(crate) services: Services,
    pub(crate) live: Live,
    pub(crate) guard: Guard,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Console {
    /// The console over a host's services.
    #[must_use]
    pub fn new(setup: Setup, entropy: &dyn Entropy) -> Self {
        let Setup { services, troubles, token, period, clock } = setup;
        Self {
            live: Live::new(services.clone(), troubles, Arc::clone(&clock), period),
            guard: Guard::new(token, Arc::clone(&clock), entropy),
            services,
            clock,
        }
    }

    /// What runs now. The host drives it ([`Live::run`]) and ends it.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The door for browsers that have signed in.
    #[must_use]
    pub fn door(&self) -> Arc<dyn Door> {
        Arc::new(self.guard.clone())
    }

    /// The console's routes.
    pub fn router(self) -> Router {
        Router::new()
            .route(paths::OVERVIEW, get(overview::show))
            .merge(jobs::routes())
            .merge(simulations::routes())
            .merge(streams::routes())
            .merge(tables::routes())
            .merge(load_tests::routes())
            .route(paths::SIGN_IN, get(signing::show).post(signing::sign_in))
            .route(paths::SIGN_OUT, axum::routing::post(signing::sign_out))
            .route("/console", get(|| async { Redirect::permanent(paths::OVERVIEW) }))
            .route(paths::PREFIX, get(|| async { Redirect::permanent(paths::OVERVIEW) }))
            .route("/console/{*path}", any(nothing_there))
            .method_not_allowed_fallback(not_taken)
            .layer(from_fn_with_state(self.clone(), guarded))
            .route("/console/assets/{name}", get(assets::serve))
            .route(paths::LIVE, get(streaming::live))
            .with_state(self)
    }
}

/// No page takes anything from elsewhere, runs what is not ours, or is shown within another site's page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

async fn guarded(State(console): State<Console>, request: Request, next: Next) -> Response {
    let asked = refusing::Asked::of(&request);
    let response = next.run(request).await;
    // A form that has done something sends its sender on.
    if response.status() == StatusCode::SEE_OTHER {
        console.live.changed();
    }
    let mut response = asked.answered(&console, response).await;
    protect(response.headers_mut());
    response
}

/// What every page carries.
pub(crate) fn protect(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    // What runs has changed by the time that somebody goes back.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
