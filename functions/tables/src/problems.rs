//! What went wrong, as answers.

use headwater_core::tables::TableError;
use headwater_core::tables::ingest::IngestError;
use headwater_web::Problem;
use http::StatusCode;

pub(crate) fn table(error: TableError) -> Problem {
    let status = match error {
        TableError::NotFound(_) => StatusCode::NOT_FOUND,
        TableError::Taken(_) | TableError::Finished(_) | TableError::Fed { .. } => StatusCode::CONFLICT,
        TableError::Unfit(_) => StatusCode::BAD_REQUEST,
        TableError::TooManyFed => StatusCode::TOO_MANY_REQUESTS,
        TableError::Store(error) => return error.into(),
    };
    Problem::new(status, error.to_string())
}

pub(crate) fn ingest(error: &IngestError) -> Problem {
    let status = match error {
        IngestError::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
        IngestError::Element(..)
        | IngestError::Array(_)
        | IngestError::Octets(_)
        | IngestError::Wav(_)
        | IngestError::Rate { .. }
        | IngestError::Unfit(_) => StatusCode::BAD_REQUEST,
    };
    Problem::new(status, format!("{error}; nothing of the body is kept"))
}

/// A parameter of the query that is not what it must be; without a value it is missing.
pub(crate) fn parameter(name: &str, value: Option<&str>) -> String {
    format!("Query parameter {name} `{}` is not recognized", value.unwrap_or("null"))
}

/// A part of the path that is not what it must be.
pub(crate) fn path_parameter(name: &str, value: &str) -> String {
    format!("Path parameter {name} `{value}` is not recognized")
}
