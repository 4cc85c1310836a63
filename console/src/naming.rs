//! Names as parts of paths.
//!
//! A browser takes `.` and `..` for steps, however they are written, and `new` is a page of its own. So these, and those that look like
//! what they become, have a `~` before them.

use axum::extract::FromRequestParts;
use headwater_web::{Problem, Segment};
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a part of a path.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Names that no part of a path can be.
const TAKEN: [&str; 3] = [".", "..", "new"];

fn is_marked(name: &str) -> bool {
    TAKEN.contains(&name.trim_start_matches('~'))
}

/// A name as a part of a path.
pub(crate) fn part(name: &str) -> String {
    let mark = if is_marked(name) { "~" } else { "" };
    format!("{mark}{}", utf8_percent_encode(name, KEPT))
}

/// The name that a part of a path stands for.
#[derive(Debug, Clone)]
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Segment(text) = Segment::from_request_parts(parts, state).await?;
        Ok(Self(meant(text)))
    }
}

fn meant(text: String) -> String {
    match text.strip_prefix('~') {
        Some(rest) if is_marked(rest) => rest.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;

    use super::*;

    #[test]
    fn every_name_has_a_path_and_comes_back_from_it() {
        for (name, path) in [
            ("clicks", "clicks"),
            ("a b/c", "a%20b%2Fc"),
            ("a.b-c_d~", "a.b-c_d~"),
            ("é", "%C3%A9"),
            ("new", "~new"),
            ("~new", "~~new"),
            (".", "~."),
            ("..", "~.."),
            ("~~..", "~~~.."),
            ("newer", "newer"),
            ("~a", "~a"),
            ("~", "~"),
        ] {
            let decoded = percent_decode_str(path).decode_utf8().unwrap().into_owned();
            assert_eq!((part(name).as_str(), meant(decoded).as_str()), (path, name));
        }
    }
}
