//! What the form of a run's page does.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use headwater_core::load_tests::LoadTestError;
use http::StatusCode;
use serde_json::{Value, json};

use super::detail::{Annotating, render};
use super::{SECTION, failure, not_found};
use crate::Console;
use crate::form::Posted;
use crate::page::Page;

/// Notes that something happened in a run.
pub(super) async fn annotate(State(console): State<Console>, Path(uuid): Path<String>, posted: Posted) -> Response {
    let page = || Page::of(&console, &posted.session, "Nothing was noted").in_section(SECTION);
    let service = &console.services.load_tests;
    let run = match service.run(&uuid).await.map_err(failure) {
        Ok(Some(run)) => run,
        Ok(None) => return not_found(page()),
        Err(error) => return page().store_failed(&error),
    };
    let lines = posted.lines("text").trim().to_owned();
    let mut form =
        Annotating { title: posted.text("title").to_owned(), text: lines, tags: posted.text("tags").to_owned(), mistakes: Vec::new() };
    let tags: Vec<&str> = form.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
    let title = Some(form.title.as_str()).filter(|title| !title.is_empty());
    let host = run.get("host").and_then(Value::as_str);
    let request = json!({"uuid": uuid, "hostname": host, "title": title, "text": form.text, "tags": tags});
    // To its end, even if the browser leaves.
    let service = service.clone();
    let noted = tokio::spawn(async move { service.annotate(&request).await }).await;
    match noted.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic())) {
        Ok(_) => Redirect::to(&format!("{SECTION}/{uuid}?did=annotated#annotations")).into_response(),
        Err(LoadTestError::Wrong(mistakes)) => {
            let field = |path: &str| path.split('[').next().unwrap_or_default().to_owned();
            form.mistakes = mistakes.as_slice().iter().map(|mistake| (field(&mistake.path), mistake.problem.clone())).collect();
            render(&console, &posted.session, &uuid, StatusCode::BAD_REQUEST, form, false).await
        }
        Err(LoadTestError::Store(error)) => page().store_failed(&error),
        Err(error @ LoadTestError::NotFound { .. }) => page().notice(StatusCode::NOT_FOUND, error.to_string()),
        Err(error) => page().notice(StatusCode::CONFLICT, error.to_string()),
    }
}
