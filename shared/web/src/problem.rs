use axum::response::{IntoResponse, Response};
use headwater_core::ports::PortError;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderName, StatusCode};
use serde_json::{Map, Value, json};

use crate::dialect::Told;

/// An answer that is not a success: a status and a message for whoever asked. What went wrong inside goes to the log.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

/// Boxed, because most answers are none.
#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    message: String,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with this status and message.
    #[must_use]
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self(Box::new(Parts { status, message: message.into(), members: Map::new(), headers: Vec::new() }))
    }

    /// What is wrong with the request.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Adds a member to the body.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }
}

/// A failed store is our fault: the caller learns that it may try again, the log learns why.
impl From<PortError> for Problem {
    fn from(error: PortError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a request failed");
        match error {
            PortError::Full { .. } => Self::new(StatusCode::INSUFFICIENT_STORAGE, "there is no space left to store this; try again later"),
            PortError::Unavailable { .. } | PortError::Conflict { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "the store is not available; try again later")
            }
            PortError::NotFound { .. } | PortError::Corrupt { .. } => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "something that should be in the store is not")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Parts { status, message, members, headers } = *self.0;
        let told = Told { status, message, members };
        let (kind, body) = render(&told);
        let mut response = (status, body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().extend(headers);
        response.extensions_mut().insert(told);
        response
    }
}

/// A problem as the house tells it.
pub(crate) fn render(told: &Told) -> (&'static str, String) {
    let mut body = json!({ "message": told.message });
    if let Value::Object(body) = &mut body {
        body.extend(told.members.clone());
    }
    ("application/json", body.to_string())
}
