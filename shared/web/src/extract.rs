use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use headwater_core::limits;
use http::StatusCode;
use http::request::Parts;
use serde_json::Value;

use crate::Problem;

/// The body as JSON, whatever the content type says: `curl -d` sends a form type.
#[derive(Debug, Clone)]
pub struct JsonBody(pub Value);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unreadable(&rejection))?;
        if bytes.is_empty() {
            return Err(Problem::bad_request("the body is empty; it must be a JSON object"));
        }
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(value) if value.is_object() => Ok(Self(value)),
            Ok(other) => {
                Err(Problem::bad_request(format!("the body must be a JSON object, not {}", headwater_core::mistakes::kind_of(&other))))
            }
            Err(error) => Err(Problem::bad_request(format!("the body is not JSON: {error}"))),
        }
    }
}

/// The body, whatever it is.
#[derive(Debug, Clone)]
pub struct Content(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Content {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| unreadable(&rejection))
    }
}

fn unreadable(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("the body is larger than {} bytes, which is the most that is taken", limits::REQUEST_BODY);
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message);
    }
    Problem::bad_request("the body could not be read to its end")
}

/// The variable part of a path, percent-decoded.
#[derive(Debug, Clone)]
pub struct Segment(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(text)) => Ok(Self(text)),
            Err(_) => Err(Problem::bad_request("the path is not percent-encoded UTF-8")),
        }
    }
}
