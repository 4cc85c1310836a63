//! A run: its values, their course, what happened, its result.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::chart::Chart;
use super::record::{Endpoint, Record};
use super::{SECTION, failure, millis, not_found};
use crate::Console;
use crate::guard::Session;
use crate::page::{Page, show as show_page};
use crate::shown;

/// What is drawn: names in the record, and in words.
const DRAWN: [(&str, &str); 4] =
    [("clients", "Users"), ("requestsPerSecond", "Requests per second"), ("p95", "p95 in ms"), ("failures", "Failures")];

/// Endpoints that are shown.
const ENDPOINTS: usize = 500;

#[derive(Template)]
#[template(path = "load_test.html")]
struct RunPage {
    page: Page,
    run: Record,
    charts: Vec<Chart>,
    form: Annotating,
    annotated: bool,
}

/// The form that annotates.
#[derive(Debug, Default)]
pub(super) struct Annotating {
    pub(super) title: String,
    pub(super) text: String,
    pub(super) tags: String,
    /// Fields and what is wrong with them.
    pub(super) mistakes: Vec<(String, String)>,
}

impl Annotating {
    fn mistake(&self, field: &str) -> Option<&str> {
        self.mistakes.iter().find(|(of, _)| of == field).map(|(_, text)| text.as_str())
    }
}

impl RunPage {
    /// The endpoints that are shown.
    fn endpoints(&self) -> &[Endpoint] {
        &self.run.endpoints[..self.run.endpoints.len().min(ENDPOINTS)]
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    did: String,
}

pub(super) async fn show(
    State(console): State<Console>,
    session: Session,
    Path(uuid): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    render(&console, &session, &uuid, StatusCode::OK, Annotating::default(), asked.did == "annotated").await
}

pub(super) async fn render(
    console: &Console,
    session: &Session,
    uuid: &str,
    status: StatusCode,
    form: Annotating,
    annotated: bool,
) -> Response {
    let page = Page::of(console, session, "Load test").in_section(SECTION);
    let record = match console.services.load_tests.run(uuid).await.map_err(failure) {
        Ok(Some(record)) => record,
        Ok(None) => return not_found(page),
        Err(error) => return page.store_failed(&error),
    };
    match Record::read(record) {
        Ok(run) => {
            let charts = charts(&run);
            show_page(status, &RunPage { page, run, charts, form, annotated })
        }
        Err(error) => {
            tracing::error!(%error, uuid, "the record of a run could not be read");
            page.notice(StatusCode::INTERNAL_SERVER_ERROR, "The record of this run could not be read; the log says more.")
        }
    }
}

/// The values that are drawn, as far as the run has them, over the same time.
fn charts(run: &Record) -> Vec<Chart> {
    let courses = DRAWN.map(|(name, word)| (word, run.course(name)));
    let times = || courses.iter().flat_map(|(_, course)| course.iter().map(|(at, _)| *at));
    let (Some(from), Some(to)) = (times().min(), times().max()) else { return Vec::new() };
    let marks: Vec<(i64, String)> =
        run.annotations.iter().filter_map(|annotation| Some((millis(&annotation.at)?, annotation.word()))).collect();
    // What happened right before the first value, or behind the last one, has its place, too.
    let ends = marks.iter().map(|(at, _)| *at).filter(|at| (from - 60_000..to + 60_000).contains(at));
    let (from, to) = ends.fold((from, to), |(from, to), at| (from.min(at), to.max(at)));
    courses.iter().filter_map(|(word, course)| Chart::new(word, course, (from, to), &marks)).collect()
}
