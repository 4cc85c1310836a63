//! One job: how far it is, what it wrote last; stopping it, and starting it again.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use headwater_core::datagen::{JobDetail, StartAgainError, StartError, StopError, TimeType};
use headwater_core::ids::StreamName;
use headwater_core::ports::PortError;
use headwater_web::Problem;
use http::StatusCode;
use serde_json::json;

use super::SECTION;
use crate::form::Posted;
use crate::guard::Session;
use crate::live::Job as JobNow;
use crate::naming::{self, Named};
use crate::page::{Page, show as show_page};
use crate::{Console, recent, shown};

/// Records that are shown.
const RECORDS: usize = 10;

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage {
    page: Page,
    detail: JobDetail,
    /// What is known of its rates.
    now: JobNow,
    running: bool,
    target: String,
    specification: String,
    /// The last records, newest first, where they can be shown.
    records: Option<Vec<String>>,
    /// Why something that was asked for was not done.
    failed: Option<String>,
}

impl JobPage {
    /// Job time passed, in whole seconds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
    fn run_time(&self) -> u64 {
        self.detail.report.run_time as u64
    }

    fn most_lately(&self) -> f64 {
        self.now.rates.iter().copied().fold(0.0, f64::max)
    }

    fn clock(&self) -> &'static str {
        match self.detail.time_type {
            TimeType::Simulated => "simulated, from the launch",
            TimeType::Real => "the wall clock",
            TimeType::From(_) => "from a moment that was given",
        }
    }

    fn is_custom(&self) -> bool {
        self.detail.report.config_file.starts_with("__")
    }

    /// The table that it writes, if it does.
    fn table(&self) -> Option<&str> {
        let target = &self.detail.report.target;
        target.get("type").filter(|kind| kind.as_str() == Some("table")).and_then(|_| target.get("table")?.as_str())
    }
}

pub(super) async fn show(State(console): State<Console>, session: Session, Named(name): Named) -> Response {
    render(&console, &session, &name, StatusCode::OK, None).await
}

async fn render(console: &Console, session: &Session, name: &str, status: StatusCode, failed: Option<String>) -> Response {
    let page = Page::of(console, session, name).in_section(SECTION);
    match gather(console, name).await {
        Ok(Some((detail, now, records))) => {
            let running = detail.report.status == "RUNNING";
            let (target, specification) = (pretty(&detail.report.target), pretty(&detail.specification));
            show_page(status, &JobPage { page, detail, now, running, target, specification, records, failed })
        }
        Ok(None) => match failed {
            Some(failed) => page.notice(status, failed),
            None => no_such_job(page, name),
        },
        Err(error) => page.store_failed(&error),
    }
}

fn no_such_job(mut page: Page, name: &str) -> Response {
    page.title = "There is no such job".to_owned();
    page.notice(
        StatusCode::NOT_FOUND,
        format!("No job is called {name:?}. It may have been stopped, which takes it off the list; what it wrote stays."),
    )
}

async fn gather(console: &Console, name: &str) -> Result<Option<(JobDetail, JobNow, Option<Vec<String>>)>, PortError> {
    let Some(detail) = console.services.datagen.detail(name).await? else { return Ok(None) };
    let now = console.live.now().await?;
    let now = now.jobs.iter().find(|job| job.name == name).cloned().unwrap_or_default();
    let records = last_records(console, &detail).await?;
    Ok(Some((detail, now, records)))
}

/// What a job wrote last, if that can be read here.
async fn last_records(console: &Console, detail: &JobDetail) -> Result<Option<Vec<String>>, PortError> {
    if let Some(file) = &detail.file {
        return Ok(Some(recent::lines(&*console.services.datagen.files, file, RECORDS).await?));
    }
    let Some(stream) = &detail.stream else { return Ok(None) };
    let events = recent::events(&console.services.streams, stream, RECORDS, console.clock.now()).await?;
    Ok(Some(events.into_iter().map(|event| event.body).collect()))
}

/// The last records, for the script.
pub(super) async fn records(State(console): State<Console>, _: Session, Named(name): Named) -> Result<Response, Problem> {
    let detail = console.services.datagen.detail(&name).await?;
    let Some(detail) = detail else { return Err(Problem::new(StatusCode::NOT_FOUND, format!("there is no job {name:?}"))) };
    Ok(Json(json!({ "records": last_records(&console, &detail).await? })).into_response())
}

pub(super) async fn stop(State(console): State<Console>, Named(name): Named, posted: Posted) -> Response {
    let page = Page::of(&console, &posted.session, name.as_str()).in_section(SECTION);
    match console.services.datagen.stop(&name).await {
        Ok(()) => Redirect::to(SECTION).into_response(),
        Err(StopError::NotFound(_)) => no_such_job(page, &name),
        Err(StopError::Store(error)) => page.store_failed(&error),
    }
}

pub(super) async fn again(State(console): State<Console>, Named(name): Named, posted: Posted) -> Response {
    let page = Page::of(&console, &posted.session, name.as_str()).in_section(SECTION);
    let error = match console.services.datagen.start_again(&name).await {
        Ok(()) => return Redirect::to(&address(&name)).into_response(),
        Err(StartAgainError::NotFound(_)) => return no_such_job(page, &name),
        Err(StartAgainError::Start(StartError::Store(error))) => return page.store_failed(&error),
        Err(StartAgainError::Start(error)) => error,
    };
    render(&console, &posted.session, &name, StatusCode::CONFLICT, Some(format!("The job was not started again: {error}"))).await
}

/// Where a job is shown.
pub(super) fn address(name: &str) -> String {
    format!("{SECTION}/{}", naming::part(name))
}

/// Where a stream is shown.
fn stream_address(stream: &StreamName) -> String {
    format!("/console/streams/{}/{}", stream.namespace, stream.stream)
}

/// JSON as people read it.
fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use http::HeaderMap;

    use super::*;

    #[tokio::test]
    async fn what_was_not_done_is_told_though_the_job_is_gone() {
        let host = crate::tests::host();
        let session = host.console.guard.session(&HeaderMap::new()).unwrap();
        let page = render(&host.console, &session, "gone", StatusCode::CONFLICT, Some("There is no <table>.".to_owned())).await;
        assert_eq!(page.status(), StatusCode::CONFLICT);
        let text = to_bytes(page.into_body(), usize::MAX).await.unwrap();
        let text = std::str::from_utf8(&text).unwrap();
        assert!(text.contains("There is no &#60;table&#62;.") && !text.contains("No job is called"), "{text}");
    }
}
