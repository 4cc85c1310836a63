//! The pages of load tests.
//!
//! `listing` is all runs, and the recorder; `detail` one run, read by `record` and drawn by `chart`; `annotating` its form; `comparing` two
//! runs side by side.

mod annotating;
mod chart;
mod comparing;
mod detail;
mod listing;
mod record;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use headwater_core::load_tests::LoadTestError;
use headwater_core::ports::PortError;
use http::StatusCode;

use crate::Console;
use crate::page::Page;
use crate::shown;

/// The path of the section.
const SECTION: &str = "/console/load-tests";

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route(SECTION, get(listing::show))
        .route("/console/load-tests/compare", get(comparing::show))
        .route("/console/load-tests/{uuid}", get(detail::show))
        .route("/console/load-tests/{uuid}/annotate", post(annotating::annotate))
}

fn not_found(mut page: Page) -> Response {
    page.title = "There is no such run".to_owned();
    page.notice(StatusCode::NOT_FOUND, "Runs that are over are kept for some time only. All that there are stand under Load tests.")
}

/// What went wrong where only the store can.
fn failure(error: LoadTestError) -> PortError {
    match error {
        LoadTestError::Store(error) => error,
        other => PortError::unavailable("the runs of load tests", other),
    }
}

/// A number with as many decimals as anybody wants.
fn number(number: &f64) -> String {
    let size = number.abs();
    #[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
    let whole = libm::round(*number) as i64;
    #[expect(clippy::float_cmp, reason = "whole numbers are exact")]
    if size >= 1000.0 || libm::round(*number) == *number {
        shown::whole(&whole)
    } else if size >= 100.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.2}")
    }
}

/// A moment that is written as in RFC 3339, in milliseconds since 1970.
fn millis(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

/// The same as it is shown.
fn when(text: &str) -> String {
    millis(text).map_or_else(|| text.to_owned(), |millis| shown::moment(&millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_decimals_that_matter() {
        let all = [0.0, 12.0, 0.126, 99.999, 123.456, 1234.5, -3.5, f64::INFINITY].map(|value| number(&value));
        assert_eq!(all[..7], ["0", "12", "0.13", "100.00", "123.5", "1\u{202f}235", "-3.50"]);
        assert_eq!(when("2016-11-13T01:20:00Z"), "2016-11-13 01:20:00");
        assert_eq!(when("<soon>"), "<soon>");
    }
}
