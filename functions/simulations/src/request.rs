//! What requests and answers of this group have in common: JSON bodies, uploaded files, the spelling of paths.

use axum::extract::{FromRequest, FromRequestParts, Multipart, Query, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use headwater_core::limits;
use headwater_core::mistakes::kind_of;
use headwater_core::simulations::Upload;
use headwater_web::{Content, Problem};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

/// An answer in JSON.
#[derive(Debug)]
pub(crate) struct Reply(pub(crate) Value);

/// The content type of all answers in JSON.
pub(crate) const JSON: &str = "application/json; charset=utf-8";

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, JSON)], self.0.to_string()).into_response()
    }
}

/// A list as answers have it.
pub(crate) fn list(items: impl Iterator<Item = Value>, kind: &str, uri: &str) -> Reply {
    Reply(json!({ "Items": items.collect::<Value>(), "$metadata": { "$type": kind, "$uri": uri } }))
}

/// A JSON object, if there is a body at all. A body must be declared as JSON.
#[derive(Debug)]
pub(crate) struct Body(pub(crate) Option<Value>);

impl Body {
    /// The object.
    pub(crate) fn required(self) -> Result<Value, Problem> {
        self.0.ok_or_else(|| Problem::bad_request("the body is empty; it must be a JSON object"))
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let declared = media_type(request.headers());
        let Content(bytes) = Content::from_request(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        let is_json = matches!(declared.as_str(), "application/json" | "text/json")
            || declared.starts_with("application/") && declared.ends_with("+json");
        if !is_json {
            return Err(unsupported("application/json", &declared));
        }
        match serde_json::from_slice::<Value>(without_mark(&bytes)) {
            Ok(value) if value.is_object() => Ok(Self(Some(value))),
            Ok(other) => Err(Problem::bad_request(format!("the body must be a JSON object, not {}", kind_of(&other)))),
            Err(error) => Err(Problem::bad_request(format!("the body is not JSON: {error}"))),
        }
    }
}

/// Without the mark that some clients put before UTF-8.
fn without_mark(bytes: &Bytes) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn media_type(headers: &HeaderMap) -> String {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn unsupported(wanted: &str, declared: &str) -> Problem {
    let declared = if declared.is_empty() { "nothing".to_owned() } else { format!("{declared:?}") };
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("the body must be declared as {wanted}, not as {declared}"))
}

/// An uploaded form: its part `file`, and its part `ETag`.
#[derive(Debug, Default)]
pub(crate) struct Form {
    file: Option<Upload>,
    etag: Option<String>,
}

impl Form {
    /// The file.
    pub(crate) fn file(&self) -> Result<&Upload, Problem> {
        self.file
            .as_ref()
            .ok_or_else(|| Problem::bad_request("there is no file: upload a form of the type multipart/form-data with a part file"))
    }

    /// The ETag.
    pub(crate) fn etag(&self) -> Result<&str, Problem> {
        self.etag.as_deref().ok_or_else(|| Problem::bad_request("there is no ETag: the form needs a part ETag beside the file"))
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let declared = media_type(request.headers());
        if declared != "multipart/form-data" {
            let Content(bytes) = Content::from_request(request, state).await?;
            return if bytes.is_empty() { Ok(Self::default()) } else { Err(unsupported("multipart/form-data", &declared)) };
        }
        let mut parts = Multipart::from_request(request, state).await.map_err(|error| Problem::bad_request(error.body_text()))?;
        let mut form = Self::default();
        while let Some(part) = parts.next_field().await.map_err(|error| broken(error.status()))? {
            let name = part.name().unwrap_or_default().to_ascii_lowercase();
            let (file, kind) = (part.file_name().map(str::to_owned), part.content_type().map(str::to_owned));
            let content = part.bytes().await.map_err(|error| broken(error.status()))?;
            match (name.as_str(), file) {
                ("file", Some(file)) if form.file.is_none() => form.file = Some(Upload { name: file, kind, content }),
                ("etag", _) if form.etag.is_none() => {
                    form.etag = Some(String::from_utf8_lossy(&content).trim().to_owned()).filter(|etag| !etag.is_empty());
                }
                _ => {}
            }
        }
        Ok(form)
    }
}

fn broken(status: StatusCode) -> Problem {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("the body is larger than {} bytes, which is the most that is taken", limits::REQUEST_BODY);
            Problem::new(status, message)
        }
        _ => Problem::bad_request("the body is not a form of the type multipart/form-data, or could not be read to its end"),
    }
}

/// The parameter `template` of a query; the first one, its name in letters of either case.
#[derive(Debug)]
pub(crate) struct Template(pub(crate) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Template {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<Vec<(String, String)>>::from_request_parts(parts, state).await {
            Ok(Query(all)) => {
                let template = all.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("template"));
                Ok(Self(template.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())))
            }
            Err(_) => Err(Problem::bad_request("the query is not percent-encoded UTF-8")),
        }
    }
}

/// The path that one is taken for: its first two parts in lower case, the id as it is, and nothing behind a last slash.
pub(crate) fn respell(path: &str) -> Option<String> {
    let mut parts = path.strip_prefix('/')?.splitn(3, '/');
    let (version, noun) = (parts.next()?.to_ascii_lowercase(), parts.next()?.to_ascii_lowercase());
    let id = parts.next().map(|id| id.strip_suffix('/').unwrap_or(id)).filter(|id| !id.is_empty());
    let respelled = id.map_or_else(|| format!("/{version}/{noun}"), |id| format!("/{version}/{noun}/{id}"));
    (respelled != path).then_some(respelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_id_is_respelled() {
        for (path, wanted) in [
            ("/V1/Simulations", "/v1/simulations"),
            ("/v1/DEVICEMODELS/Chiller-01", "/v1/devicemodels/Chiller-01"),
            ("/v1/devicemodelscripts!Validate", "/v1/devicemodelscripts!validate"),
            ("/v1/simulations/", "/v1/simulations"),
            ("/v1/simulations/1/", "/v1/simulations/1"),
            ("/v1/SIMULATIONS/1/X", "/v1/simulations/1/X"),
        ] {
            assert_eq!(respell(path).as_deref(), Some(wanted), "{path}");
        }
        for path in ["/v1/simulations", "/v1/devicemodels/Chiller-01", "/v1", "/", ""] {
            assert_eq!(respell(path), None, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_has_been_respelled_stays(path in "/[vV]1/[a-zA-Z!/]{0,12}") {
            if let Some(once) = respell(&path) {
                let twice = respell(&once).unwrap_or_else(|| once.clone());
                proptest::prop_assert_eq!(twice.trim_end_matches('/'), once.trim_end_matches('/'));
            }
        }
    }
}
