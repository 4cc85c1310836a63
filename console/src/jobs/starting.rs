//! Starting a job: a form, what it would write, and what is wrong with it.

use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use headwater_core::datagen::StartError;
use headwater_core::ids::SpecName;
use headwater_core::mistakes::Mistake;
use headwater_core::ports::{PortError, SinkError};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;

use super::SECTION;
use super::request::{CLOCKS, Fields, TARGETS, text_of};
use crate::Console;
use crate::form::Posted;
use crate::guard::Session;
use crate::page::{Page, show as show_page};

/// Records of a preview: as many as one takes in at a glance.
const PREVIEWED: i64 = 10;

/// The seed of a preview where none is asked for: what is shown changes with the specification, and not at every keystroke.
const PREVIEW_SEED: i64 = 1;

#[derive(Template)]
#[template(path = "job_new.html")]
struct NewJob {
    page: Page,
    fields: Fields,
    specifications: Vec<SpecName>,
    mistakes: Vec<Mistake>,
    /// The first records, if they were asked for.
    records: Option<String>,
}

impl NewJob {
    /// What is wrong with a field, or nothing.
    fn wrong(&self, field: &str) -> String {
        let here = self.mistakes.iter().filter(|mistake| self.fields.field_of(&mistake.path) == Some(field));
        here.map(|mistake| mistake.problem.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// What is wrong with the specification.
    fn in_editor(&self) -> Vec<&Mistake> {
        self.mistakes.iter().filter(|mistake| self.fields.field_of(&mistake.path).is_none()).collect()
    }

    fn targets(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> + '_ {
        TARGETS.into_iter().map(|(word, text)| (word, text, self.fields.target == word))
    }

    fn clocks(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> + '_ {
        CLOCKS.into_iter().map(|(word, text)| (word, text, self.fields.clock == word))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    specification: String,
}

pub(super) async fn show(State(console): State<Console>, session: Session, Query(choice): Query<Choice>) -> Response {
    let mut fields = Fields::fresh();
    let mistakes = match choose(&console, &mut fields, &choice.specification).await {
        Ok(mistake) => mistake.into_iter().collect(),
        Err(error) => return Page::of(&console, &session, "Start a job").in_section(SECTION).store_failed(&error),
    };
    render(&console, &session, fields, mistakes, None, StatusCode::OK).await
}

/// Puts a specification into the editor.
async fn choose(console: &Console, fields: &mut Fields, name: &str) -> Result<Option<Mistake>, PortError> {
    if name.is_empty() {
        return Ok(None);
    }
    let Some(text) = text_of(&console.services.datagen, name).await? else {
        return Ok(Some(Mistake::new("config_file", format!("there is no specification {name:?}"))));
    };
    (fields.specification, fields.shown, fields.config) = (name.to_owned(), name.to_owned(), text);
    if fields.name.is_empty() {
        let file = name.rsplit('/').next().unwrap_or(name);
        fields.name = file.strip_suffix(".json").unwrap_or(file).to_owned();
    }
    if fields.path.is_empty() {
        fields.path = format!("{}.json", fields.name);
    }
    Ok(None)
}

/// The text of a specification, for the editor.
pub(super) async fn specification(State(console): State<Console>, session: Session, Query(choice): Query<Choice>) -> Response {
    match text_of(&console.services.datagen, &choice.specification).await {
        Ok(Some(text)) => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => Page::of(&console, &session, "Start a job").store_failed(&error),
    }
}

/// The form was sent: to show a specification, to preview it, or to start the job.
pub(super) async fn send(State(console): State<Console>, posted: Posted) -> Response {
    let mut fields = Fields::of(&posted);
    let outcome = match posted.text("do") {
        "show" => {
            let name = fields.specification.clone();
            let chosen = choose(&console, &mut fields, &name).await;
            chosen.map(|mistake| mistake.map_or(Outcome::Shown(None), |mistake| Outcome::wrong(vec![mistake])))
        }
        "preview" => previewed(&console, &fields).await,
        _ => started(&console, &fields).await,
    };
    let session = &posted.session;
    match outcome {
        Ok(Outcome::Started) => Redirect::to(&super::job::address(&fields.name)).into_response(),
        Ok(Outcome::Shown(records)) => render(&console, session, fields, Vec::new(), records, StatusCode::OK).await,
        Ok(Outcome::Refused(status, mistakes)) => render(&console, session, fields, mistakes, None, status).await,
        Err(error) => Page::of(&console, session, "Start a job").in_section(SECTION).store_failed(&error),
    }
}

/// What becomes of a form.
enum Outcome {
    Started,
    /// The form once more, with records if those were asked for.
    Shown(Option<String>),
    /// The form once more, with what is wrong.
    Refused(StatusCode, Vec<Mistake>),
}

impl Outcome {
    fn wrong(mistakes: Vec<Mistake>) -> Self {
        Self::Refused(StatusCode::BAD_REQUEST, mistakes)
    }
}

async fn started(console: &Console, fields: &Fields) -> Result<Outcome, PortError> {
    let service = &console.services.datagen;
    match fields.body(service).await? {
        Err(mistakes) => Ok(Outcome::wrong(mistakes)),
        Ok(body) => match service.start(&body).await {
            Ok(_) => Ok(Outcome::Started),
            Err(error) => refused(error),
        },
    }
}

/// A refusal, with the mistakes where they are.
fn refused(error: StartError) -> Result<Outcome, PortError> {
    let told = error.to_string();
    let at = |path: &str| vec![Mistake::new(path, told.clone())];
    Ok(match error {
        StartError::Wrong(mistakes) => Outcome::wrong(mistakes.as_slice().to_vec()),
        StartError::NameTaken(name) => {
            let problem = format!("a job of the name {name} is running; stop it first, or choose another name");
            Outcome::Refused(StatusCode::CONFLICT, vec![Mistake::new("name", problem)])
        }
        StartError::FileTaken { .. } => Outcome::Refused(StatusCode::CONFLICT, at("target.path")),
        StartError::TooMany => Outcome::Refused(StatusCode::TOO_MANY_REQUESTS, at("")),
        StartError::Target(SinkError::Fatal(_)) => Outcome::Refused(StatusCode::BAD_REQUEST, at("target")),
        StartError::Target(SinkError::Retry(_)) => Outcome::Refused(StatusCode::SERVICE_UNAVAILABLE, at("target")),
        StartError::Store(error) => return Err(error),
    })
}

/// The first records that the job would write. It needs no name and no target yet.
async fn previewed(console: &Console, fields: &Fields) -> Result<Outcome, PortError> {
    let service = &console.services.datagen;
    let fields = Fields { target: "stdout".to_owned(), ..fields.clone() };
    let mut body = match fields.body(service).await? {
        Ok(body) => body,
        Err(mistakes) => return Ok(Outcome::wrong(mistakes)),
    };
    body["total_events"] = match body.get("total_events") {
        None => json!(PREVIEWED),
        Some(asked) => match asked.as_i64() {
            Some(count) => json!(count.min(PREVIEWED)),
            None => asked.clone(), // The service says what is wrong with it.
        },
    };
    if body.get("seed").is_none() {
        body["seed"] = json!(PREVIEW_SEED);
    }
    match service.preview(&body).await {
        Ok(records) => Ok(Outcome::Shown(Some(String::from_utf8_lossy(&records).into_owned()))),
        Err(error) => refused(error),
    }
}

/// A preview for the script: records, or mistakes with their fields.
pub(super) async fn preview(State(console): State<Console>, posted: Posted) -> Response {
    let fields = Fields::of(&posted);
    let (records, mistakes) = match previewed(&console, &fields).await {
        Ok(Outcome::Shown(records)) => (records, Vec::new()),
        Ok(Outcome::Refused(_, mistakes)) => (None, mistakes),
        Ok(Outcome::Started) => (None, Vec::new()),
        Err(error) => return Page::of(&console, &posted.session, "Start a job").store_failed(&error),
    };
    let told = |mistake: &Mistake| json!({ "field": fields.field_of(&mistake.path), "path": mistake.path, "problem": mistake.problem });
    Json(json!({ "records": records, "mistakes": mistakes.iter().map(told).collect::<Vec<_>>() })).into_response()
}

async fn render(
    console: &Console,
    session: &Session,
    fields: Fields,
    mistakes: Vec<Mistake>,
    records: Option<String>,
    status: StatusCode,
) -> Response {
    let page = Page::of(console, session, "Start a job").in_section(SECTION);
    match console.services.datagen.list().await {
        Ok(specifications) => show_page(status, &NewJob { page, fields, specifications, mistakes, records }),
        Err(error) => page.store_failed(&error),
    }
}
