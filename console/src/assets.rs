//! The style sheet and the scripts. Their addresses change with what is in them, so browsers may keep them for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use ring::digest;

use crate::paths;

/// Names, kinds and contents.
const ASSETS: [(&str, &str, &str); 8] = [
    ("console.css", "text/css; charset=utf-8", include_str!("../assets/console.css")),
    ("console.js", "text/javascript; charset=utf-8", include_str!("../assets/console.js")),
    ("jobs.js", "text/javascript; charset=utf-8", include_str!("../assets/jobs.js")),
    ("simulations.js", "text/javascript; charset=utf-8", include_str!("../assets/simulations.js")),
    ("load-tests.js", "text/javascript; charset=utf-8", include_str!("../assets/load-tests.js")),
    ("streams.js", "text/javascript; charset=utf-8", include_str!("../assets/streams.js")),
    ("tables.js", "text/javascript; charset=utf-8", include_str!("../assets/tables.js")),
    ("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
];

/// A name for each state of each asset.
static PATHS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let path = |(name, _, text): &(&'static str, &str, &str)| {
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        let version: String = hash.as_ref()[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        (*name, format!("{}{name}?v={version}", paths::ASSETS))
    };
    ASSETS.iter().map(path).collect()
});

/// The address of an asset, as it is now.
pub(crate) fn path(name: &str) -> &'static str {
    PATHS.iter().find(|(other, _)| *other == name).map_or("", |(_, path)| path.as_str())
}

pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let Some((_, kind, text)) = ASSETS.iter().find(|(other, ..)| *other == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, *kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ];
    (headers, *text).into_response()
}
