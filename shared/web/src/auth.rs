use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use headwater_core::secret::Secret;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use subtle::ConstantTimeEq as _;

use crate::Problem;

/// The bearer token that every request but `/healthz` must carry.
#[derive(Debug, Clone)]
pub struct Token(Secret);

impl Token {
    /// Wraps a token.
    #[must_use]
    pub fn new(token: Secret) -> Self {
        Self(token)
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().split_first_chunk::<7>());
        given.is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(given.ct_eq(self.0.expose().as_bytes())))
    }
}

pub(crate) async fn require(State(token): State<Token>, request: Request, next: Next) -> Response {
    if request.uri().path() == "/healthz" || token.is_in(request.headers()) {
        return next.run(request).await;
    }
    Problem::new(StatusCode::UNAUTHORIZED, "this server wants a token: send it as `Authorization: Bearer TOKEN`")
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
        .into_response()
}
