//! A stream: what is set about it, how large it is, who uses it, what is in it.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use headwater_core::ids::StreamName;
use headwater_core::ports::LogSize;
use headwater_core::streams::StreamError;
use http::StatusCode;

use super::properties::PropertiesForm;
use super::reading::{self, Answer, Question};
use super::{Formatting, SECTION, name_of, not_found, refused};
use crate::Console;
use crate::guard::Session;
use crate::live::StreamNow;
use crate::page::{Page, show as show_page};
use crate::shown;

#[derive(Template)]
#[template(path = "stream.html")]
struct StreamPage {
    page: Page,
    namespace: String,
    name: String,
    size: LogSize,
    /// How it has grown lately; nothing where there are so many streams that it is not looked at.
    now: Option<StreamNow>,
    /// The format's name.
    format: String,
    views: Vec<(String, String)>,
    users: Vec<String>,
    question: Question,
    answer: Answer,
    forms: Forms,
}

/// The forms of the page, where they are not as they are at first.
#[derive(Debug, Default)]
pub(super) struct Forms {
    pub(super) properties: PropertiesForm,
    pub(super) sending: Sending,
    /// What is wrong with the box of truncating, and of deleting.
    pub(super) truncate: Option<String>,
    pub(super) delete: Option<String>,
}

/// An event that is sent by hand.
#[derive(Debug, Default)]
pub(super) struct Sending {
    pub(super) headers: String,
    pub(super) body: String,
    pub(super) mistake: Option<String>,
}

impl StreamPage {
    /// What has just been done.
    fn done(&self) -> Option<&'static str> {
        match self.question.did.as_str() {
            "changed" => Some("The properties were changed."),
            "sent" => Some("The event was sent, and is on disk."),
            "truncated" => Some("The events were removed."),
            _ => None,
        }
    }
}

pub(super) async fn show(
    State(console): State<Console>,
    Extension(turns): Extension<Formatting>,
    session: Session,
    Path(path): Path<(String, String)>,
    Query(question): Query<Question>,
) -> Response {
    match name_of(&path) {
        Some(name) => render(&console, &session, &turns, &name, StatusCode::OK, question, None).await,
        None => not_found(Page::of(&console, &session, "").in_section(SECTION)),
    }
}

/// The page of a stream. Without `forms` they are as they are at first.
pub(super) async fn render(
    console: &Console,
    session: &Session,
    turns: &Formatting,
    name: &StreamName,
    status: StatusCode,
    question: Question,
    forms: Option<Forms>,
) -> Response {
    let page = Page::of(console, session, format!("Stream {}", name.stream)).in_section(SECTION);
    match gather(console, turns, name, question, forms, page.clone()).await {
        Ok(shown) => {
            let status = if shown.answer.mistake.is_some() { StatusCode::BAD_REQUEST } else { status };
            show_page(status, &shown)
        }
        Err(error) => refused(page, &error),
    }
}

async fn gather(
    console: &Console,
    turns: &Formatting,
    name: &StreamName,
    question: Question,
    forms: Option<Forms>,
    page: Page,
) -> Result<StreamPage, StreamError> {
    let services = &console.services;
    let stream = services.streams.get(name).await?;
    let (size, users) = futures::try_join!(services.streams.size(name), services.usage.programs(name))?;
    let (now, answer) = futures::try_join!(console.live.now(), reading::answer(console, &stream, &question, turns))?;
    let is_meant = |other: &&StreamNow| other.namespace == name.namespace.as_str() && other.name == name.stream.as_str();
    Ok(StreamPage {
        page,
        namespace: name.namespace.to_string(),
        name: name.stream.to_string(),
        size,
        now: now.streams.iter().find(is_meant).cloned(),
        format: stream.properties.format.name().to_owned(),
        views: stream.views.iter().map(|(view, format)| (view.to_string(), format.name().to_owned())).collect(),
        users: users.iter().map(ToString::to_string).collect(),
        question,
        answer,
        forms: forms.unwrap_or_else(|| Forms { properties: PropertiesForm::of(&stream.properties), ..Forms::default() }),
    })
}
