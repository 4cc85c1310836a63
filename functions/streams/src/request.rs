//! What requests of this group have in common: names in the path, headers of events, the program that asks.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Path};
use headwater_core::ids::{NamespaceId, StreamId, StreamName};
use headwater_core::ports::Headers;
use headwater_core::streams::{Program, Stream};
use headwater_web::Problem;
use http::HeaderMap;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::Group;

/// The header by which a client says which program it is.
const PROGRAM: &str = "x-headwater-program";

/// The variable parts of a path, percent-decoded.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(parameters)) => Ok(Self(parameters)),
            Err(_) => Err(Problem::bad_request("the path is not percent-encoded UTF-8")),
        }
    }
}

/// The namespace of a path.
pub(crate) fn namespace(text: &str) -> Result<NamespaceId, Problem> {
    NamespaceId::try_from(text).map_err(|error| Problem::bad_request(format!("the namespace {error}")))
}

/// A stream's id in a path.
pub(crate) fn stream_id(text: &str) -> Result<StreamId, Problem> {
    StreamId::try_from(text).map_err(|error| Problem::bad_request(format!("the stream id {error}")))
}

/// The stream that a path names with its first two variable parts; it need not exist.
#[derive(Debug, Clone)]
pub(crate) struct Named(pub(crate) StreamName);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Parameters(all) = Parameters::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        let part = |wanted: &str| all.iter().find(|(name, _)| name == wanted).map_or("", |(_, text)| text.as_str());
        let namespace = namespace(part("namespace"))?;
        Ok(Self(StreamName { namespace, stream: stream_id(part("stream"))? }))
    }
}

/// The headers of an event: those of the request that begin with the stream's id and a dot, without that.
///
/// Letters of either case are the same here, and names are kept in lower case: HTTP/2 and gateways hand them on only so.
pub(crate) fn event_headers(name: &StreamName, headers: &HeaderMap, brought: &[(&str, &str)]) -> Headers {
    let prefix = format!("{}.", name.stream.as_str().to_ascii_lowercase());
    let mut all = BTreeMap::new();
    for (name, value) in headers {
        if let Some(name) = name.as_str().strip_prefix(&prefix).filter(|name| !name.is_empty()) {
            all.insert(name.to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned());
        }
    }
    all.extend(brought.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    all.into_iter().collect::<Vec<_>>().into()
}

/// The program that a request says it comes from.
pub(crate) struct Asking(Option<Program>);

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(PROGRAM).filter(|value| !value.is_empty()) else { return Ok(Self(None)) };
        let program = value.to_str().ok().and_then(|text| Program::parse(text).ok());
        let wrong = || Problem::bad_request("X-Headwater-Program: a program is named application/type/program, such as shop/flows/clicks");
        program.map(|program| Self(Some(program))).ok_or_else(wrong)
    }
}

impl Asking {
    /// Notes that the program has used the stream. That it could not be noted is no reason to refuse what it did.
    pub(crate) async fn has_used(&self, group: &Group, stream: &Stream) {
        if let Self(Some(program)) = self
            && let Err(error) = group.streams.note_use(stream, program).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, stream = %stream.name, %program, "a use of a stream could not be noted");
        }
    }
}
