//! All runs, and the recorder.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use headwater_core::load_tests::LoadTestError;
use headwater_core::ports::PortError;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{SECTION, failure, when};
use crate::Console;
use crate::guard::Session;
use crate::live::{MOST, Run};
use crate::page::{Page, show as show_page};
use crate::shown;

#[derive(Template)]
#[template(path = "load_tests.html")]
struct Runs {
    page: Page,
    /// Running ones first, and else newest first.
    runs: Vec<Run>,
    /// Whether these are the newest, which are live.
    newest: bool,
    next: Option<String>,
    states: States,
    /// What is compared unless somebody chooses otherwise.
    base: String,
    candidate: String,
}

/// How the recorder is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct States {
    runs: Map<String, Value>,
    points: Map<String, Value>,
    database: Database,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Database {
    kind: Option<String>,
    place: Option<String>,
    reachable: Option<bool>,
    last_error: Option<LastError>,
    last_write_at: Option<String>,
    refused: Vec<Refused>,
}

/// A line that the database did not want.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refused {
    line: String,
    why: String,
    at: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LastError {
    message: String,
    at: String,
}

impl States {
    /// A count of runs or points.
    fn count(all: &Map<String, Value>, name: &str) -> String {
        shown::count(&all.get(name).and_then(Value::as_u64).unwrap_or_default())
    }

    fn runs(&self, name: &str) -> String {
        Self::count(&self.runs, name)
    }

    fn points(&self, name: &str) -> String {
        Self::count(&self.points, name)
    }
}

impl Runs {
    /// How a run is called in a list to choose from.
    #[expect(clippy::unused_self, reason = "templates reach it through their page")]
    fn choice(&self, run: &Run) -> String {
        format!("{} · {} · {} · {}", when(&run.started_at), run.host, run.state, run.uuid)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    after: String,
}

pub(super) async fn show(State(console): State<Console>, session: Session, Query(asked): Query<Asked>) -> Response {
    let page = Page::of(&console, &session, "Load tests").in_section(SECTION);
    match gather(&console, &asked, page.clone()).await {
        Ok(shown) => show_page(StatusCode::OK, &shown),
        Err(LoadTestError::Store(error)) => page.store_failed(&error),
        Err(error) => page.notice(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

async fn gather(console: &Console, asked: &Asked, page: Page) -> Result<Runs, LoadTestError> {
    let service = &console.services.load_tests;
    let newest = asked.after.is_empty();
    let after = Some(asked.after.as_str()).filter(|_| !newest);
    let (listed, states) = futures::try_join!(service.runs(MOST, after), service.states())?;
    // The newest are those that everybody who watches is told of.
    let runs = if newest { console.live.now().await?.runs.clone() } else { listed.runs.iter().map(Run::of).collect() };
    let states = serde_json::from_value(Value::Object(states));
    let states = states.map_err(|error| failure(PortError::unavailable("the states of the recorder", error).into()))?;
    let mut finished: Vec<&Run> = runs.iter().filter(|run| run.state == "finished").collect();
    finished.sort_by(|one, other| other.started_at.cmp(&one.started_at));
    let nth = |at: usize| finished.get(at).map(|run| run.uuid.clone()).unwrap_or_default();
    let (base, candidate) = (nth(1), nth(0));
    Ok(Runs { page, runs, newest, next: listed.next, states, base, candidate })
}
