//! What went wrong, as answers.

use headwater_core::load_tests::{ComparisonError, LoadTestError};
use headwater_core::mistakes::Mistakes;
use headwater_web::{Problem, Told};
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use serde_json::{Map, Value};

/// Seconds after which it is worth while to ask again where too much is going on: by then a run has ended, or points were written.
const BUSY: HeaderValue = HeaderValue::from_static("5");

/// The member of a problem that says of which kind it is, where its status does not.
const CODE: &str = "code";

/// The member of a problem that names the first mistake.
const FIELD: &str = "field";

pub(crate) fn load_test(error: LoadTestError) -> Problem {
    let message = error.to_string();
    match error {
        LoadTestError::Wrong(mistakes) => wrong(&mistakes),
        LoadTestError::NotFound { .. } => Problem::new(StatusCode::NOT_FOUND, message),
        LoadTestError::Over(_) => Problem::new(StatusCode::CONFLICT, message).member(CODE, "over"),
        LoadTestError::Busy(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, message).member(CODE, "busy").header(RETRY_AFTER, BUSY),
        LoadTestError::Store(error) => error.into(),
    }
}

pub(crate) fn comparison(error: ComparisonError) -> Problem {
    let message = error.to_string();
    match error {
        ComparisonError::NotFound { role, .. } => Problem::new(StatusCode::NOT_FOUND, message).member(FIELD, role.name()),
        ComparisonError::NoResult { role, .. } => {
            Problem::new(StatusCode::CONFLICT, message).member(CODE, "no_result").member(FIELD, role.name())
        }
        ComparisonError::Store(error) => error.into(),
    }
}

/// All that is wrong with a request; the first of it is named.
pub(crate) fn wrong(mistakes: &Mistakes) -> Problem {
    let problem = Problem::bad_request(mistakes.to_string());
    match mistakes.as_slice().first().map(|mistake| mistake.path.as_str()) {
        Some(path) if !path.is_empty() => problem.member(FIELD, path),
        _ => problem,
    }
}

/// One thing that is wrong with a request, and where.
pub(crate) fn wrong_at(field: &str, problem: &str) -> Problem {
    wrong(&Mistakes::one(field, problem))
}

/// A problem in the dialect of this group.
pub(crate) fn render(told: &Told) -> (&'static str, String) {
    let code = told.members.get(CODE).and_then(Value::as_str).unwrap_or_else(|| code_of(told.status));
    let mut error = Map::from_iter([(CODE.to_owned(), code.into()), ("message".to_owned(), told.message.as_str().into())]);
    if let Some(field) = told.members.get(FIELD) {
        error.insert(FIELD.to_owned(), field.clone());
    }
    ("application/json", Value::Object(Map::from_iter([("error".to_owned(), error.into())])).to_string())
}

/// The word for problems that are known by their status. Clients tell them apart by it, so it stays as it is.
fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::CONFLICT => "conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        StatusCode::TOO_MANY_REQUESTS => "too_many_requests",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        StatusCode::INSUFFICIENT_STORAGE => "full",
        status if status.is_server_error() => "internal",
        _ => "invalid",
    }
}
