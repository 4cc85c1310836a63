//! The pages of tables: what there are, one of them with its pictures, and what is done with it.
//!
//! * `list` shows all and defines one; `draft` reads the form that does; `one` shows a table and acts on it; `appending` reads what is typed in.
//! * `watch` sends what pictures are drawn from, frame by frame; `picture` gathers it, of `envelope` (values over time) and `spectra`.
//! * `words` says what tables and rows are.

mod appending;
mod draft;
mod envelope;
mod list;
mod one;
mod picture;
mod spectra;
mod watch;
mod words;

use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use headwater_core::ids::TableName;
use headwater_core::tables::TableError;
use http::StatusCode;
use tracing::Instrument as _;

use crate::Console;
use crate::naming::{self, Named};
use crate::page::Page;

/// The section of the menu, and the page of all tables.
const SECTION: &str = "/console/tables";

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route(SECTION, get(list::show).post(list::define))
        .route("/console/tables/{name}", get(one::show))
        .route("/console/tables/{name}/watch", get(watch::follow))
        .route("/console/tables/{name}/append", post(one::append))
        .route("/console/tables/{name}/finish", post(one::finish))
        .route("/console/tables/{name}/delete", post(one::delete))
        .layer(Extension(watch::Places::default()))
}

/// The page of a table.
fn path_of(name: &TableName) -> String {
    format!("{SECTION}/{}", naming::part(name.as_str()))
}

/// The table that a path names, or the page that says that there is none.
#[expect(clippy::result_large_err, reason = "an answer, once")]
fn named(Named(text): &Named, page: &Page) -> Result<TableName, Response> {
    TableName::try_from(text.as_str()).map_err(|_| not_found(page.clone(), text))
}

fn not_found(mut page: Page, name: &str) -> Response {
    page.title = "No such table".to_owned();
    page.notice(StatusCode::NOT_FOUND, format!("There is no table {name:?}. It may have been deleted."))
}

/// The status that tells of an error; `None` when the store failed.
fn status(error: &TableError) -> Option<StatusCode> {
    match error {
        TableError::NotFound(_) => Some(StatusCode::NOT_FOUND),
        TableError::Taken(_) | TableError::Finished(_) | TableError::Fed { .. } => Some(StatusCode::CONFLICT),
        TableError::Unfit(_) => Some(StatusCode::BAD_REQUEST),
        TableError::TooManyFed => Some(StatusCode::TOO_MANY_REQUESTS),
        TableError::Store(_) => None,
    }
}

/// Does something to its end, even if the browser is closed: a table without its task would be left.
async fn to_its_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let done = tokio::spawn(work.in_current_span()).await;
    done.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
}
