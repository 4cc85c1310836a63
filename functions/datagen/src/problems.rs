//! Turns the service's errors into answers.

use headwater_core::datagen::{StartError, StopError};
use headwater_core::ports::SinkError;
use headwater_web::Problem;
use http::StatusCode;

/// The original answers every mistake with 400, and clients tell only success from failure.
pub(crate) fn start(error: StartError) -> Problem {
    match error {
        StartError::Wrong(mistakes) => {
            let all: Vec<String> = mistakes.as_slice().iter().map(ToString::to_string).collect();
            Problem::bad_request(mistakes.to_string()).member("mistakes", all)
        }
        StartError::NameTaken(_) | StartError::FileTaken { .. } => Problem::bad_request(error.to_string()),
        StartError::TooMany => Problem::new(StatusCode::TOO_MANY_REQUESTS, error.to_string()),
        StartError::Target(SinkError::Fatal(text)) => Problem::bad_request(format!("target: {text}")),
        StartError::Target(SinkError::Retry(text)) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("target: {text}")),
        StartError::Store(error) => error.into(),
    }
}

pub(crate) fn stop(error: StopError) -> Problem {
    match error {
        StopError::NotFound(_) => Problem::bad_request(error.to_string()),
        StopError::Store(error) => error.into(),
    }
}
