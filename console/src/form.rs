//! Forms that were sent.

use std::collections::HashMap;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use headwater_web::{Content, Problem};
use http::StatusCode;

use crate::Console;
use crate::guard::Session;
use crate::page::Page;

/// The fields of a form that one of our pages made, and whose session it is. Any other is refused.
#[derive(Debug)]
pub(crate) struct Posted {
    fields: HashMap<String, String>,
    pub(crate) session: Session,
}

impl Posted {
    /// A field as it was sent, with the spaces around it taken off; nothing where there is no such field.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.trim())
    }

    /// A text of several lines as it was sent, spaces and all; only that lines end as everywhere but in forms.
    pub(crate) fn lines(&self, name: &str) -> String {
        self.fields.get(name).map_or_else(String::new, |value| value.replace("\r\n", "\n"))
    }

    /// The fields whose names begin so: the rest of the name, and what was filled in.
    pub(crate) fn beginning_with(&self, start: &str) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().filter_map(move |(name, value)| Some((name.strip_prefix(start)?, value.trim())))
    }

    /// Whether a box was ticked.
    pub(crate) fn ticked(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }
}

impl FromRequest<Console> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Response> {
        let Some(session) = console.guard.session(request.headers()) else {
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "sign in first").into_response());
        };
        let Content(body) = Content::from_request(request, console).await.map_err(IntoResponse::into_response)?;
        let fields: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
        let posted = Self { fields, session };
        if console.guard.knows_form(&posted.session, posted.text("form")) {
            return Ok(posted);
        }
        // Most likely the server was started anew since the page was made.
        let page = Page::of(console, &posted.session, "This form is too old");
        Err(page.notice(StatusCode::FORBIDDEN, "Nothing was changed. Go back, load the page again, and send the form once more."))
    }
}
