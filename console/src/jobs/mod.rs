//! The pages of jobs: all of them with their files; one that is being started; one that runs.

mod job;
mod request;
mod starting;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use headwater_core::ids::SpecName;
use headwater_core::limits;
use headwater_core::ports::PortError;
use http::StatusCode;

use crate::guard::Session;
use crate::live::Now;
use crate::page::{Page, show};
use crate::{Console, naming, shown};

/// The section of the menu.
const SECTION: &str = "/console/jobs";

/// Files that are listed.
const FILES: usize = 200;

// What is not a job's stands below `new`; see [`naming`] for a job of that name.
pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/jobs", get(list))
        .route("/console/jobs/new", get(starting::show).post(starting::send))
        .route("/console/jobs/new/preview", post(starting::preview))
        .route("/console/jobs/new/specification", get(starting::specification))
        .route("/console/jobs/{name}", get(job::show))
        .route("/console/jobs/{name}/records", get(job::records))
        .route("/console/jobs/{name}/stop", post(job::stop))
        .route("/console/jobs/{name}/again", post(job::again))
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct Jobs {
    page: Page,
    now: Arc<Now>,
    /// Whether there are more jobs than are listed.
    full: bool,
    specifications: Vec<SpecName>,
    files: Vec<File>,
    more_files: usize,
}

/// A file, its bytes, and when it was written last.
struct File {
    name: String,
    bytes: u64,
    modified: i64,
}

async fn list(State(console): State<Console>, session: Session) -> Response {
    let page = Page::of(&console, &session, "Jobs").in_section(SECTION);
    let services = &console.services.datagen;
    let found = futures::try_join!(console.live.now(), services.list(), files(&console));
    match found {
        Ok((now, specifications, (files, more_files))) => {
            let full = now.more_jobs > 0;
            show(StatusCode::OK, &Jobs { page, now, full, specifications, files, more_files })
        }
        Err(error) => page.store_failed(&error),
    }
}

/// The files, and how many more there are.
async fn files(console: &Console) -> Result<(Vec<File>, usize), PortError> {
    let service = &console.services.datagen;
    let names = service.files().await?;
    let more = names.len().saturating_sub(FILES);
    let infos = stream::iter(names.into_iter().take(FILES)).map(|name| async move {
        let info = service.file(&name).await?;
        Ok::<_, PortError>(info.map(|info| File { name: name.to_string(), bytes: info.length, modified: info.modified.as_millis() }))
    });
    let files: Vec<Option<File>> = infos.buffered(limits::READ_AT_ONCE).try_collect().await?;
    Ok((files.into_iter().flatten().collect(), more))
}
