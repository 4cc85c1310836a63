//! What runs now, at a glance.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::VARY;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::guard::wants_page;
use crate::live::Now;
use crate::page::{Page, show as show_page};
use crate::{Console, naming, paths, shown};

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    page: Page,
    now: Arc<Now>,
}

/// The overview for browsers, and for programs the message that this path always had.
pub(crate) async fn show(State(console): State<Console>, headers: HeaderMap) -> Response {
    let vary = [(VARY, "accept")];
    if !wants_page(&headers) {
        let message = "Data Generator server. POST to /start to initiate an data generator.";
        return (vary, Json(json!({ "message": message }))).into_response();
    }
    let Some(session) = console.guard.session(&headers) else {
        return axum::response::Redirect::to(paths::SIGN_IN).into_response();
    };
    let page = Page::of(&console, &session, "Overview").in_section(paths::OVERVIEW);
    match console.live.now().await {
        Ok(now) => (vary, show_page(StatusCode::OK, &Overview { page, now })).into_response(),
        Err(error) => page.store_failed(&error),
    }
}
