//! All tables, and the form that defines one.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use headwater_core::ids::TableName;
use headwater_core::mistakes::Mistake;
use headwater_core::tables::{Definition, Description, TableError, WindowFunction};
use http::StatusCode;
use serde_json::Value;

use super::draft::{self, Draft};
use super::{SECTION, path_of, status, to_its_end, words};
use crate::Console;
use crate::form::Posted;
use crate::guard::Session;
use crate::live::MOST;
use crate::page::{self, Page};
use crate::shown;

/// A table of the list.
struct Item {
    name: String,
    path: String,
    element: String,
    rate: String,
    operations: String,
    source: String,
    rows: u64,
    first: String,
    last: String,
    state: &'static str,
    trouble: Option<String>,
}

impl Item {
    fn of(table: &Description) -> Self {
        Self {
            name: table.name.to_string(),
            path: path_of(&table.name),
            element: table.definition.get("element").and_then(Value::as_str).unwrap_or_default().to_owned(),
            rate: table.definition.get("sampleRate").map(Value::to_string).unwrap_or_default(),
            operations: words::operations(&table.definition),
            source: words::source(&table.definition),
            rows: table.rows,
            first: words::marker(table.first_marker),
            last: words::marker(table.last_marker),
            state: state(table),
            trouble: table.trouble.clone(),
        }
    }
}

/// Whether something comes.
pub(super) fn state(table: &Description) -> &'static str {
    match (table.finished, &table.trouble) {
        (true, _) => "finished",
        (false, Some(_)) => "waiting",
        (false, None) => "open",
    }
}

#[derive(Template)]
#[template(path = "tables.html")]
struct Tables {
    page: Page,
    items: Vec<Item>,
    count: usize,
    draft: Draft,
    functions: [&'static str; 4],
}

pub(super) async fn show(State(console): State<Console>, session: Session) -> Response {
    render(&console, &session, StatusCode::OK, Draft::new()).await
}

async fn render(console: &Console, session: &Session, status: StatusCode, draft: Draft) -> Response {
    let page = Page::of(console, session, "Tables").in_section(SECTION);
    match console.services.tables.list().await {
        Ok(all) => {
            // As many as the live list tells of.
            let items = all.iter().take(MOST).map(Item::of).collect();
            page::show(status, &Tables { page, items, count: all.len(), draft, functions: WindowFunction::ALL.map(WindowFunction::name) })
        }
        Err(TableError::Store(error)) => page.store_failed(&error),
        Err(other) => page.notice(StatusCode::INTERNAL_SERVER_ERROR, other.to_string()),
    }
}

pub(super) async fn define(State(console): State<Console>, posted: Posted) -> Response {
    let mut draft = Draft::sent(&posted);
    let name = TableName::try_from(draft.value("name")).map_err(|error| draft.mistakes.push(Mistake::new("name", error.to_string())));
    let definition = Definition::parse(&draft.definition()).map_err(|mistakes| draft.mistakes.extend(mistakes.as_slice().iter().cloned()));
    let (Ok(name), Ok(definition)) = (name, definition) else {
        return render(&console, &posted.session, StatusCode::BAD_REQUEST, draft).await;
    };
    let (tables, table) = (console.services.tables.clone(), name.clone());
    match to_its_end(async move { tables.define(&table, definition).await }).await {
        Ok(_) => Redirect::to(&path_of(&name)).into_response(),
        Err(TableError::Store(error)) => Page::of(&console, &posted.session, "Tables").in_section(SECTION).store_failed(&error),
        Err(error) => {
            draft.mistakes.push(match &error {
                TableError::Taken(_) => Mistake::new("name", error.to_string()),
                other => draft::refusal(&other.to_string()),
            });
            render(&console, &posted.session, status(&error).unwrap_or(StatusCode::BAD_REQUEST), draft).await
        }
    }
}
