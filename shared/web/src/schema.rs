//! JSON Schemas that groups serve.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

/// A JSON Schema as an answer: `application/schema+json`, which whoever asks may keep for an hour. It changes with the program only.
#[derive(Debug, Clone, Copy)]
pub struct Schema(pub &'static str);

impl IntoResponse for Schema {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/schema+json"), (CACHE_CONTROL, "max-age=3600")], self.0).into_response()
    }
}
