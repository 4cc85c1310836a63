//! All streams, and what makes new ones.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use headwater_core::ids::{NamespaceId, StreamId, StreamName};
use headwater_core::ports::PortError;
use headwater_core::streams::{DEFAULT_NAMESPACE, StreamError};
use http::StatusCode;

use super::properties::PropertiesForm;
use super::{SECTION, path_of, status_of};
use crate::Console;
use crate::form::Posted;
use crate::guard::Session;
use crate::live::Now;
use crate::page::{Page, show as show_page};
use crate::shown;

/// Streams that are named beside those of which numbers are shown.
const NAMED: usize = 2000;

#[derive(Template)]
#[template(path = "streams.html")]
struct Streams {
    page: Page,
    now: Arc<Now>,
    /// Each with how many streams it has.
    namespaces: Vec<(String, usize)>,
    total: usize,
    /// Namespaces and ids of those of which no numbers are shown.
    others: Vec<(String, String)>,
    form: NewStream,
    new_namespace: NewNamespace,
}

/// The form that makes a stream.
#[derive(Debug)]
struct NewStream {
    namespace: String,
    name: String,
    mistake: Option<String>,
    properties: PropertiesForm,
}

impl Default for NewStream {
    fn default() -> Self {
        Self { namespace: DEFAULT_NAMESPACE.to_owned(), name: String::new(), mistake: None, properties: PropertiesForm::of_a_new_stream() }
    }
}

/// The form that makes a namespace.
#[derive(Debug, Default)]
struct NewNamespace {
    name: String,
    mistake: Option<String>,
}

pub(super) async fn show(State(console): State<Console>, session: Session) -> Response {
    render(&console, &session, StatusCode::OK, NewStream::default(), NewNamespace::default()).await
}

async fn render(console: &Console, session: &Session, status: StatusCode, form: NewStream, new_namespace: NewNamespace) -> Response {
    let page = Page::of(console, session, "Streams").in_section(SECTION);
    let gathered = futures::try_join!(console.live.now(), all(console));
    let (now, all) = match gathered {
        Ok(gathered) => gathered,
        Err(error) => return page.store_failed(&error),
    };
    let is_shown = |namespace: &str, name: &str| now.streams.iter().any(|stream| stream.namespace == namespace && stream.name == name);
    let total = all.iter().map(|(_, ids)| ids.len()).sum();
    let namespaces = all.iter().map(|(namespace, ids)| (namespace.to_string(), ids.len())).collect();
    let pairs = all.iter().flat_map(|(namespace, ids)| ids.iter().map(move |id| (namespace.to_string(), id.to_string())));
    let others = if total > now.streams.len() { pairs.filter(|(ns, id)| !is_shown(ns, id)).take(NAMED).collect() } else { Vec::new() };
    show_page(status, &Streams { page, now, namespaces, total, others, form, new_namespace })
}

/// Every namespace with its streams.
async fn all(console: &Console) -> Result<Vec<(NamespaceId, Vec<StreamId>)>, PortError> {
    let streams = &console.services.streams;
    let mut all = Vec::new();
    for namespace in streams.namespaces().await? {
        match streams.list(&namespace).await {
            Ok(ids) => all.push((namespace, ids)),
            Err(StreamError::Store(error)) => return Err(error),
            Err(_) => {} // Removed meanwhile.
        }
    }
    Ok(all)
}

pub(super) async fn create(State(console): State<Console>, posted: Posted) -> Response {
    let mut form = NewStream {
        namespace: posted.text("namespace").to_owned(),
        name: posted.text("name").to_owned(),
        mistake: None,
        properties: PropertiesForm::sent(&posted),
    };
    let status = match make(&console, &mut form).await {
        Ok(name) => return Redirect::to(&path_of(&name)).into_response(),
        Err(status) => status,
    };
    render(&console, &posted.session, status, form, NewNamespace::default()).await
}

/// Makes the stream that a form describes, or notes in it what is wrong.
async fn make(console: &Console, form: &mut NewStream) -> Result<StreamName, StatusCode> {
    let streams = &console.services.streams;
    let wrong = |form: &mut NewStream, text: String| {
        form.mistake = Some(text);
        StatusCode::BAD_REQUEST
    };
    let namespace = NamespaceId::try_from(form.namespace.as_str()).map_err(|error| wrong(form, format!("the namespace {error}")))?;
    let stream = StreamId::try_from(form.name.as_str()).map_err(|error| wrong(form, format!("the name {error}")))?;
    let name = StreamName { namespace, stream };
    let Some(body) = form.properties.body(false) else { return Err(StatusCode::BAD_REQUEST) };
    // One that is there would be left as it is, and nobody told.
    match streams.get(&name).await {
        Ok(_) => {
            form.mistake = Some(format!("{name} is there already"));
            return Err(StatusCode::CONFLICT);
        }
        Err(StreamError::NoStream(_)) => {}
        Err(error) => {
            form.mistake = Some(error.to_string());
            return Err(status_of(&error));
        }
    }
    streams.create(&name, &body).await.map_err(|error| {
        if !form.properties.refused(&error) {
            form.mistake = Some(error.to_string());
        }
        status_of(&error)
    })?;
    Ok(name)
}

pub(super) async fn create_namespace(State(console): State<Console>, posted: Posted) -> Response {
    let name = posted.text("name").to_owned();
    let (status, mistake) = match NamespaceId::try_from(name.as_str()) {
        Err(error) => (StatusCode::BAD_REQUEST, format!("the name {error}")),
        Ok(namespace) => match console.services.streams.create_namespace(&namespace).await {
            Ok(true) => return Redirect::to(SECTION).into_response(),
            Ok(false) => (StatusCode::CONFLICT, format!("the namespace {namespace} is there already")),
            Err(error) => (status_of(&error), error.to_string()),
        },
    };
    render(&console, &posted.session, status, NewStream::default(), NewNamespace { name, mistake: Some(mistake) }).await
}
