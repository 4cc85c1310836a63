//! Turns the service's errors into answers.

use headwater_core::streams::{BatchError, StreamError};
use headwater_web::Problem;
use http::StatusCode;

pub(crate) fn stream(error: StreamError) -> Problem {
    let status = match error {
        StreamError::NoNamespace(_) | StreamError::NoStream(_) | StreamError::NoView(..) => StatusCode::NOT_FOUND,
        StreamError::Reserved(_) | StreamError::NotOwner { .. } => StatusCode::FORBIDDEN,
        StreamError::NotEmpty(_) => StatusCode::CONFLICT,
        StreamError::Properties(_) | StreamError::TooManyViews(_) | StreamError::TooLarge { .. } => StatusCode::BAD_REQUEST,
        StreamError::Store(error) => return error.into(),
    };
    Problem::new(status, error.to_string())
}

pub(crate) fn batch(error: BatchError) -> Problem {
    match error {
        BatchError::TooLong(_) => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
        BatchError::Avro(_) => Problem::bad_request(error.to_string()),
        BatchError::Stream(error) => stream(error),
    }
}
