//! What all pages share.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use headwater_core::ports::PortError;
use http::StatusCode;
use http::request::Parts;

use crate::assets;
use crate::guard::Session;
use crate::{Console, paths};

/// The frame of a page: its title, and what its menu and its forms need.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) title: String,
    /// The path of the section in the menu that it belongs to.
    pub(crate) section: &'static str,
    pub(crate) form_code: String,
    pub(crate) signed_in: bool,
    pub(crate) version: &'static str,
}

/// The sections of the menu: path and name.
pub(crate) const SECTIONS: [(&str, &str); 6] = [
    (paths::OVERVIEW, "Overview"),
    ("/console/jobs", "Jobs"),
    ("/console/simulations", "Simulations"),
    ("/console/streams", "Streams"),
    ("/console/tables", "Tables"),
    ("/console/load-tests", "Load tests"),
];

impl Page {
    /// A page for a session. Its section is that of its path; see [`Page::in_section`].
    pub(crate) fn of(console: &Console, session: &Session, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            section: "",
            form_code: console.guard.form_code(session),
            signed_in: session.signed_in,
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// The page as one of a section.
    pub(crate) fn in_section(self, section: &'static str) -> Self {
        Self { section, ..self }
    }

    /// The sections of the menu: path, name, and whether this page belongs to it.
    pub(crate) fn menu(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> + '_ {
        SECTIONS.iter().map(|(path, name)| (*path, *name, *path == self.section))
    }

    /// The address of a style sheet or script.
    #[expect(clippy::unused_self, reason = "templates reach it through their page")]
    pub(crate) fn asset(&self, name: &str) -> &'static str {
        assets::path(name)
    }

    /// A page that only says something.
    pub(crate) fn notice(self, status: StatusCode, text: impl Into<String>) -> Response {
        let failed = status.is_client_error() || status.is_server_error();
        show(status, &Notice { page: self, text: text.into(), failed })
    }

    /// The page for when the store failed.
    pub(crate) fn store_failed(mut self, error: &PortError) -> Response {
        tracing::error!(error = error as &dyn std::error::Error, "a page could not be made");
        self.title = "The store does not answer".to_owned();
        self.notice(StatusCode::SERVICE_UNAVAILABLE, "This cannot be shown at the moment. Try again in a while; the log says more.")
    }
}

#[derive(Template)]
#[template(path = "notice.html")]
struct Notice {
    page: Page,
    text: String,
    failed: bool,
}

/// Renders a page.
pub(crate) fn show(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Whoever looks at a page. A host with a token lets nobody in who may not, so this asks for no more than the session.
impl FromRequestParts<Console> for Session {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        // Whoever comes with the token itself has no cookie, and is shown the page without forms that would work.
        console.guard.session(&parts.headers).ok_or_else(|| Redirect::to(paths::SIGN_IN).into_response())
    }
}
