use std::fmt::Debug;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use headwater_core::secret::Secret;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use subtle::ConstantTimeEq as _;

use crate::Problem;

/// The bearer token that every request but `/healthz` must carry, unless a door is open to it.
#[derive(Debug, Clone)]
pub struct Token {
    secret: Secret,
    door: Option<Arc<dyn Door>>,
}

/// Another way in than the token.
pub trait Door: Send + Sync + Debug {
    /// Whether a request without the token may come in.
    fn entry(&self, request: &Parts) -> Entry;
}

/// What a door does about a request.
#[derive(Debug)]
pub enum Entry {
    /// It may come in.
    Open,
    /// It may not.
    Closed,
    /// It may not, and is answered like this.
    Elsewhere(Box<Response>),
}

impl Token {
    /// Wraps a token.
    #[must_use]
    pub fn new(token: Secret) -> Self {
        Self { secret: token, door: None }
    }

    /// With another way in.
    #[must_use]
    pub fn with_door(self, door: Arc<dyn Door>) -> Self {
        Self { door: Some(door), ..self }
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        bears(headers, &self.secret)
    }
}

/// Whether a request carries this token as its bearer.
#[must_use]
pub fn bears(headers: &HeaderMap, token: &Secret) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().split_first_chunk::<7>());
    given.is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(given.ct_eq(token.expose().as_bytes())))
}

pub(crate) async fn require(State(token): State<Token>, request: Request, next: Next) -> Response {
    if request.uri().path() == "/healthz" || token.is_in(request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    match token.door.as_ref().map_or(Entry::Closed, |door| door.entry(&parts)) {
        Entry::Open => return next.run(Request::from_parts(parts, body)).await,
        Entry::Elsewhere(answer) => return *answer,
        Entry::Closed => {}
    }
    Problem::new(StatusCode::UNAUTHORIZED, "this server wants a token: send it as `Authorization: Bearer TOKEN`")
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
        .into_response()
}
