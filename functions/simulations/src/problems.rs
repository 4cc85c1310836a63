//! Problems as this group tells them, and the service's errors as problems.

use headwater_core::simulations::{ModelError, ShelfError, SimulationError, UploadError};
use headwater_web::{Problem, Told};
use http::StatusCode;
use serde_json::json;

use crate::request::JSON;

/// The member that names the kind of a problem: the last part of what the original names there.
const KIND: &str = "ExceptionType";

/// A problem in the three texts that clients of the original know.
pub(crate) fn render(told: &Told) -> (&'static str, String) {
    let kind = told.members.get(KIND).and_then(|kind| kind.as_str()).unwrap_or_else(|| usual_kind(told.status));
    let body = json!({ "Message": "An error has occurred.", "ExceptionMessage": told.message, KIND: kind });
    (JSON, body.to_string())
}

/// The kind of a problem that nothing more is known of.
fn usual_kind(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "ResourceNotFoundException",
        StatusCode::CONFLICT => "ConflictingResourceException",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "UnauthorizedAccessException",
        status if status.is_server_error() => "ExternalDependencyException",
        _ => "BadRequestException",
    }
}

fn problem(status: StatusCode, kind: &str, error: &impl ToString) -> Problem {
    Problem::new(status, error.to_string()).member(KIND, kind)
}

pub(crate) fn simulation(error: SimulationError) -> Problem {
    use SimulationError as Error;
    let (status, kind) = match &error {
        Error::NotFound(_) => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
        Error::Exists(_) | Error::Changed(_) => (StatusCode::CONFLICT, "ConflictingResourceException"),
        Error::OutOfDate(_) => (StatusCode::CONFLICT, "ResourceOutOfDateException"),
        Error::Wrong(_) | Error::CannotRun(_) | Error::TooLarge(_) => (StatusCode::BAD_REQUEST, "BadRequestException"),
        Error::NoTemplate(_) | Error::OtherId(_) => (StatusCode::BAD_REQUEST, "InvalidInputException"),
        Error::Hub(_) => (StatusCode::BAD_REQUEST, "InvalidIotHubConnectionStringFormatException"),
        Error::NoKey => (StatusCode::BAD_REQUEST, "IotHubConnectionException"),
        Error::Store(_) => {
            let Error::Store(error) = error else { unreachable!("it was matched") };
            return error.into();
        }
    };
    problem(status, kind, &error)
}

pub(crate) fn model(error: ModelError) -> Problem {
    match error {
        ModelError::Wrong(_) => problem(StatusCode::BAD_REQUEST, "BadRequestException", &error),
        ModelError::StockReplaced(_) => problem(StatusCode::CONFLICT, "ConflictingResourceException", &error),
        ModelError::StockDeleted(_) => problem(StatusCode::FORBIDDEN, "UnauthorizedAccessException", &error),
        ModelError::Shelf(error) => shelf(error),
    }
}

pub(crate) fn upload(error: UploadError) -> Problem {
    match error {
        UploadError::File(_) | UploadError::Content(_) => problem(StatusCode::BAD_REQUEST, "BadRequestException", &error),
        UploadError::Shelf(error) => shelf(error),
    }
}

fn shelf(error: ShelfError) -> Problem {
    match error {
        ShelfError::NotFound { .. } => problem(StatusCode::NOT_FOUND, "ResourceNotFoundException", &error),
        ShelfError::Stale { .. } => problem(StatusCode::CONFLICT, "ConflictingResourceException", &error),
        ShelfError::Id(_) => problem(StatusCode::BAD_REQUEST, "InvalidInputException", &error),
        ShelfError::TooMany { .. } | ShelfError::TooLarge { .. } => problem(StatusCode::BAD_REQUEST, "BadRequestException", &error),
        ShelfError::Store(error) => error.into(),
    }
}
