//! Bodies of requests: JSON, or a form that stands for an object of texts.

use axum::extract::{FromRequest, Request};
use headwater_core::mistakes::kind_of;
use headwater_web::{Content, Problem};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::{form, problems};

/// The body as an object, whichever way it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Fields(pub(crate) Value);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).map_or(Ok(Kind::Json), |value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            kind_named(&text).ok_or_else(|| {
                let message = format!("bodies are application/json or application/x-www-form-urlencoded in UTF-8, not {text:?}");
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
            })
        })?;
        let Content(bytes) = Content::from_request(request, state).await?;
        let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) else {
            return Err(Problem::bad_request("the body is empty; it must be an object"));
        };
        // `curl -d` says that whatever it sends is a form. No form begins with a brace: it would be escaped.
        if kind == Kind::Form && *first != b'{' {
            return form::parse(&bytes).map(Self).map_err(|wrong| problems::wrong_at(&wrong.key, wrong.problem));
        }
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(value) if value.is_object() => Ok(Self(value)),
            Ok(other) => Err(Problem::bad_request(format!("the body must be an object, not {}", kind_of(&other)))),
            Err(error) => Err(Problem::bad_request(format!("the body is not JSON: {error}"))),
        }
    }
}

/// What a content type says of the body; `None` when it is one that nobody reads here.
fn kind_named(content_type: &str) -> Option<Kind> {
    let mut parts = content_type.split(';').map(|part| part.trim().to_ascii_lowercase());
    let media = parts.next().unwrap_or_default();
    let charset = parts.find_map(|part| part.strip_prefix("charset=").map(|name| name.trim_matches('"').to_owned()));
    if charset.is_some_and(|name| !matches!(name.as_str(), "utf-8" | "utf8" | "us-ascii")) {
        return None;
    }
    match media.as_str() {
        "" | "application/json" => Some(Kind::Json),
        "application/x-www-form-urlencoded" => Some(Kind::Form),
        media => media.ends_with("+json").then_some(Kind::Json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_told_apart_by_their_media_type() {
        for (text, wanted) in [
            ("application/json", Some(Kind::Json)),
            ("Application/JSON; charset=UTF-8", Some(Kind::Json)),
            ("application/json;charset=\"utf-8\"; x=y", Some(Kind::Json)),
            ("application/vnd.api+json", Some(Kind::Json)),
            ("", Some(Kind::Json)),
            ("application/x-www-form-urlencoded", Some(Kind::Form)),
            ("application/x-www-form-urlencoded; charset=utf-8", Some(Kind::Form)),
            ("application/json; charset=latin1", None),
            ("text/plain", None),
            ("application/xml", None),
            ("multipart/form-data; boundary=x", None),
            ("jsonish", None),
        ] {
            assert_eq!(kind_named(text), wanted, "{text:?}");
        }
    }
}
