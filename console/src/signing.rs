//! Signing in and out.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use headwater_web::{Content, Problem};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::form::Posted;
use crate::guard::Guard;
use crate::{Console, assets, page, paths, protect};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    style: &'static str,
    to: String,
    why: Why,
}

/// Why one is asked to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    First,
    Wrong,
    /// A form was sent behind the end of a session.
    Ended,
}

impl SignIn {
    fn is(&self, why: Why) -> bool {
        self.why == why
    }

    fn page(status: StatusCode, to: &str, why: Why) -> Response {
        page::show(status, &Self { style: assets::path("console.css"), to: own_path(to).to_owned(), why })
    }
}

/// The page for whoever sent a form and is signed in no longer.
pub(crate) fn ended(to: &str) -> Response {
    let mut response = SignIn::page(StatusCode::UNAUTHORIZED, to, Why::Ended);
    protect(response.headers_mut());
    response
}

#[derive(Debug, Deserialize)]
pub(crate) struct Way {
    #[serde(default)]
    to: String,
}

/// A path of this server, whatever was asked for: nobody is sent to another site.
fn own_path(to: &str) -> &str {
    let is_own = to.starts_with('/') && !to.starts_with("//") && !to.contains('\\') && !to.contains(|letter: char| letter.is_control());
    if is_own { to } else { "/" }
}

pub(crate) async fn show(State(console): State<Console>, headers: HeaderMap, Query(way): Query<Way>) -> Response {
    match console.guard.session(&headers) {
        Some(_) => Redirect::to(own_path(&way.to)).into_response(),
        None => SignIn::page(StatusCode::OK, &way.to, Why::First),
    }
}

/// The token in, a cookie out. There is no session yet whose code the form could carry; a form from another site is refused by what the
/// browser says of it, and could not know the token.
pub(crate) async fn sign_in(State(console): State<Console>, headers: HeaderMap, Content(body): Content) -> Result<Response, Problem> {
    let field = |name: &str| form_urlencoded::parse(&body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let to = field("to").unwrap_or_default();
    if !console.guard.asks() {
        return Ok(Redirect::to(own_path(&to)).into_response());
    }
    let over_tls = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"));
    match console.guard.sign_in(&field("token").unwrap_or_default(), over_tls) {
        Some(cookie) => Ok(([(SET_COOKIE, cookie)], Redirect::to(own_path(&to))).into_response()),
        None => Ok(SignIn::page(StatusCode::FORBIDDEN, &to, Why::Wrong)),
    }
}

pub(crate) async fn sign_out(_: Posted) -> Response {
    ([(SET_COOKIE, Guard::sign_out())], Redirect::to(paths::SIGN_IN)).into_response()
}
