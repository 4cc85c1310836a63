//! Refusals as pages.
//!
//! Handlers, extractors and routes refuse in the words of the house, which programs read. Whoever wants pages is told the same by one.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use headwater_web::Told;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, Method, StatusCode};

use crate::Console;
use crate::guard::wants_page;
use crate::page::Page;

/// The longest refusal that is read again.
const LONGEST: usize = 64 * 1024;

/// Who asked, where a page is wanted.
pub(crate) struct Asked(Option<HeaderMap>);

impl Asked {
    pub(crate) fn of(request: &Request) -> Self {
        let tells = *request.method() != Method::OPTIONS && wants_page(request.headers());
        Self(tells.then(|| request.headers().clone()))
    }

    /// The answer, as a page if it is a refusal that is none.
    pub(crate) async fn answered(self, console: &Console, response: Response) -> Response {
        let status = response.status();
        let kind = response.headers().get(CONTENT_TYPE).map_or(&b""[..], http::HeaderValue::as_bytes);
        let refused = status.is_client_error() || status.is_server_error();
        let Some(headers) = self.0.filter(|_| refused && !kind.starts_with(b"text/html")) else { return response };
        let Some(session) = console.guard.session(&headers) else { return response };
        let (mut parts, body) = response.into_parts();
        let text = match parts.extensions.remove::<Told>() {
            Some(told) => told.message,
            // What the framework refuses by itself.
            None => to_bytes(body, LONGEST).await.ok().and_then(|bytes| String::from_utf8(bytes.into()).ok()).unwrap_or_default(),
        };
        let title = match status {
            StatusCode::NOT_FOUND => "There is nothing here",
            _ => "This cannot be done",
        };
        let text = if text.is_empty() { status.canonical_reason().unwrap_or("refused").to_owned() } else { text };
        let mut page = Page::of(console, &session, title).notice(status, text).into_response();
        let kept = |name: &HeaderName| *name != CONTENT_TYPE && *name != CONTENT_LENGTH;
        page.headers_mut().extend(parts.headers.into_iter().filter(|(name, _)| name.as_ref().is_some_and(kept)));
        page
    }
}
