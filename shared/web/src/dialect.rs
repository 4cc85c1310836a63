//! How a group of endpoints speaks where it does not speak as the house does.

use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value};

/// How the paths of a group are spelled and its problems told. A group brings one to every host of its routes; one without speaks as
/// the house does: JSON with a `message`, and paths as they are.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// What the paths of the group begin with, in letters of either case.
    pub prefix: &'static str,
    /// A problem's content type and body.
    pub render: fn(&Told) -> (&'static str, String),
    /// The path that one means which no route has, if it may mean another one.
    pub respell: fn(&str) -> Option<String>,
}

/// What a problem says, beside the answer as the house would give it.
#[derive(Debug, Clone)]
pub struct Told {
    /// The status.
    pub status: StatusCode,
    /// The message for whoever asked.
    pub message: String,
    /// What was added to it.
    pub members: Map<String, Value>,
}

impl Dialect {
    /// Problems are plain text: their message.
    #[must_use]
    pub const fn plain_text(prefix: &'static str) -> Self {
        Self { prefix, render: |told| ("text/plain; charset=utf-8", told.message.clone()), respell: |_| None }
    }

    /// The dialect that is spoken at a path.
    pub(crate) fn at(path: &str, all: &'static [Self]) -> Option<&'static Self> {
        all.iter().find(|dialect| path.get(..dialect.prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(dialect.prefix)))
    }

    /// The answer again, in this dialect if it is a problem.
    pub(crate) fn tell(&self, mut response: Response) -> Response {
        let Some(told) = response.extensions_mut().remove::<Told>() else { return response };
        let (kind, body) = (self.render)(&told);
        let (mut parts, _) = response.into_parts();
        // The body that these told of is gone, packed or not.
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.remove(CONTENT_ENCODING);
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Response::from_parts(parts, body.into())
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    const ALL: &[Dialect] = &[Dialect::plain_text("/v3/"), Dialect::plain_text("/é/")];

    #[test]
    fn a_dialect_is_spoken_at_the_paths_that_begin_with_its_prefix() {
        for path in ["/v3/", "/V3/namespaces", "/v3//"] {
            assert!(Dialect::at(path, ALL).is_some_and(|dialect| dialect.prefix == "/v3/"), "{path}");
        }
        for path in ["/v3", "/", "", "/v33/", "/list", "/é", "//v3/"] {
            assert!(Dialect::at(path, ALL).is_none(), "{path}");
        }
    }

    #[test]
    fn a_problem_that_was_packed_is_told_unpacked() {
        let told = Told { status: StatusCode::NOT_FOUND, message: "nothing is here".to_owned(), members: Map::new() };
        let packed = [(CONTENT_ENCODING, "gzip"), (CONTENT_LENGTH, "20")];
        let mut response = (StatusCode::NOT_FOUND, packed, "packed").into_response();
        response.extensions_mut().insert(told);
        let response = ALL[0].tell(response);
        assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), "text/plain; charset=utf-8");
        assert!([CONTENT_ENCODING, CONTENT_LENGTH].iter().all(|name| !response.headers().contains_key(name)));
    }
}
