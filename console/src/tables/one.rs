//! One table: what it is, its pictures, its newest rows, and what is done with it.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use headwater_core::ids::TableName;
use headwater_core::tables::{Description, Pace, TableError, TimeMeasure, Watch};
use http::StatusCode;
use serde_json::Value;

use super::appending::NotTaken;
use super::list::state;
use super::picture::{Kind, ROWS};
use super::spectra::Newest;
use super::watch::Wanted;
use super::{SECTION, appending, named, not_found, path_of, status, to_its_end, words};
use crate::Console;
use crate::form::Posted;
use crate::guard::Session;
use crate::naming::Named;
use crate::page::{self, Page};
use crate::shown;

/// A span that may be shown.
struct Choice {
    value: String,
    words: String,
    chosen: bool,
}

/// What a form says when it is shown again.
#[derive(Default)]
struct Again {
    text: String,
    format: String,
    mistake: Option<String>,
    unsure: bool,
}

#[derive(Template)]
#[template(path = "table.html")]
struct One {
    page: Page,
    name: String,
    path: String,
    table: Description,
    definition: String,
    state: &'static str,
    first: String,
    last: String,
    operations: String,
    source: String,
    kind: Kind,
    spans: Vec<Choice>,
    span: String,
    window: usize,
    audible: bool,
    rows: Vec<(String, String)>,
    again: Again,
}

impl One {
    fn has_wave(&self) -> bool {
        matches!(self.kind, Kind::Wave | Kind::Windows { .. } | Kind::Fields)
    }

    fn has_spectrum(&self) -> bool {
        matches!(self.kind, Kind::Wave | Kind::Windows { .. } | Kind::Spectra { .. })
    }

    fn has_spectrogram(&self) -> bool {
        matches!(self.kind, Kind::Spectra { .. })
    }

    /// Whether the API draws a picture of it.
    fn has_plot(&self) -> bool {
        !matches!(self.kind, Kind::Fields | Kind::Text)
    }

    /// The span as the API takes it.
    fn interval(&self) -> String {
        let seconds: f64 = self.span.parse().unwrap_or(1.0);
        format!("{}ms", (seconds * 1000.0) as u64)
    }

    fn is_pushed(&self) -> bool {
        !self.table.definition.contains_key("source") && !self.table.finished
    }

    fn takes_numbers(&self) -> bool {
        matches!(self.table.definition.get("element").and_then(Value::as_str), Some("sample" | "vector"))
    }

    /// What the spectrum is of.
    fn spectrum_of(&self) -> String {
        match &self.kind {
            Kind::Spectra { .. } => "Spectrum of the newest window".to_owned(),
            Kind::Windows { .. } => "Spectrum of the newest window, times a Hamming window".to_owned(),
            _ => format!("Spectrum of the newest {} samples, times a Hamming window", self.window),
        }
    }
}

pub(super) async fn show(State(console): State<Console>, session: Session, name: Named, Query(wanted): Query<Wanted>) -> Response {
    let page = page_of(&console, &session, &name);
    match named(&name, &page) {
        Ok(table) => render(&console, page, &table, &wanted, (StatusCode::OK, Again::default())).await,
        Err(page) => page,
    }
}

fn page_of(console: &Console, session: &Session, Named(name): &Named) -> Page {
    Page::of(console, session, format!("Table {name}")).in_section(SECTION)
}

async fn render(console: &Console, page: Page, name: &TableName, wanted: &Wanted, (code, again): (StatusCode, Again)) -> Response {
    match gather(console, page.clone(), name, wanted, again).await {
        Ok(one) => page::show(code, &one),
        Err(error) => failed(page, name, &error),
    }
}

fn failed(page: Page, name: &TableName, error: &TableError) -> Response {
    match (error, status(error)) {
        (TableError::NotFound(_), _) => not_found(page, name.as_str()),
        (TableError::Store(error), _) => page.store_failed(error),
        (_, code) => page.notice(code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), error.to_string()),
    }
}

async fn gather(console: &Console, page: Page, name: &TableName, wanted: &Wanted, again: Again) -> Result<One, TableError> {
    let tables = &console.services.tables;
    let table = tables.describe(name).await?;
    let mut watch = tables.watch(name).await?;
    let kind = Kind::of(&watch);
    let spans = kind.spans(&watch);
    let span = wanted.span(&spans);
    let choice = |value: &f64| Choice { value: value.to_string(), words: span_words(*value), chosen: *value == span };
    Ok(One {
        page,
        name: name.to_string(),
        path: path_of(name),
        definition: serde_json::to_string_pretty(&table.definition).expect("JSON serialises"),
        state: state(&table),
        first: words::marker(table.first_marker),
        last: words::marker(table.last_marker),
        operations: words::operations(&table.definition),
        source: words::source(&table.definition),
        spans: spans.iter().map(choice).collect(),
        span: span.to_string(),
        window: Newest::size(watch.rate().as_f64()),
        audible: watch.is_audible(),
        rows: newest(&mut watch).await?,
        kind,
        table,
        again,
    })
}

/// The newest rows, the newest first: when each begins, and what it is.
async fn newest(watch: &mut Watch) -> Result<Vec<(String, String)>, TableError> {
    let pace = Pace { back: TimeMeasure::from_nanos(i64::MAX), every: 1, most: ROWS as u64 };
    let Some(mut reader) = watch.fresh(pace).await? else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    while let Some(piece) = reader.next().await? {
        rows.extend(piece.iter().map(|(marker, row)| (words::marker(Some(*marker)), words::row(row))));
    }
    rows.reverse();
    Ok(rows)
}

fn span_words(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 60.0 => format!("{seconds} s"),
        seconds if seconds < 3600.0 => format!("{} min", seconds / 60.0),
        seconds if seconds < 86_400.0 => format!("{} h", seconds / 3600.0),
        seconds => format!("{} d", seconds / 86_400.0),
    }
}

pub(super) async fn append(State(console): State<Console>, name: Named, posted: Posted) -> Response {
    let page = page_of(&console, &posted.session, &name);
    let table = match named(&name, &page) {
        Ok(table) => table,
        Err(page) => return page,
    };
    let (tables, of, format, text) =
        (console.services.tables.clone(), table.clone(), posted.text("format").to_owned(), posted.text("elements").to_owned());
    let appended = match text.is_empty() {
        true => Err(NotTaken::Elements("nothing was filled in".to_owned())),
        false => to_its_end(async move { appending::append(&tables, &of, &format, &text).await }).await,
    };
    let (code, mistake) = match appended {
        Ok(_) => return Redirect::to(&path_of(&table)).into_response(),
        Err(NotTaken::Table(error)) => match status(&error) {
            Some(code) if code != StatusCode::NOT_FOUND => (code, error.to_string()),
            _ => return failed(page, &table, &error),
        },
        Err(wrong @ NotTaken::Elements(_)) => (StatusCode::BAD_REQUEST, format!("{wrong}; nothing was appended")),
    };
    let (text, format) = (posted.text("elements").to_owned(), posted.text("format").to_owned());
    let again = Again { text, format, mistake: Some(mistake), unsure: false };
    render(&console, page, &table, &Wanted::default(), (code, again)).await
}

pub(super) async fn finish(State(console): State<Console>, name: Named, posted: Posted) -> Response {
    let page = page_of(&console, &posted.session, &name);
    let table = match named(&name, &page) {
        Ok(table) => table,
        Err(page) => return page,
    };
    let (tables, of) = (console.services.tables.clone(), table.clone());
    match to_its_end(async move { tables.finish(&of).await }).await {
        Ok(()) => Redirect::to(&path_of(&table)).into_response(),
        Err(error) => failed(page, &table, &error),
    }
}

pub(super) async fn delete(State(console): State<Console>, name: Named, posted: Posted) -> Response {
    let page = page_of(&console, &posted.session, &name);
    let table = match named(&name, &page) {
        Ok(table) => table,
        Err(page) => return page,
    };
    if !posted.ticked("sure") {
        let again = Again { unsure: true, ..Again::default() };
        return render(&console, page, &table, &Wanted::default(), (StatusCode::BAD_REQUEST, again)).await;
    }
    let (tables, of) = (console.services.tables.clone(), table.clone());
    match to_its_end(async move { tables.remove(&of).await }).await {
        Ok(()) => Redirect::to(SECTION).into_response(),
        Err(error) => failed(page, &table, &error),
    }
}
