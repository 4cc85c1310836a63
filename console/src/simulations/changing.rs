//! Making, changing, enabling and deleting the simulation. Each form carries the ETag of what it was made from.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use headwater_core::ports::PortError;
use headwater_core::simulations::{ONLY, SimulationError, SimulationView};
use http::StatusCode;
use serde_json::json;

use super::request::Fields;
use super::{Failure, SECTION, render, stored};
use crate::Console;
use crate::form::Posted;
use crate::page::Page;

const CHANGED: &str = "Nothing was changed: somebody else has changed the simulation since this page was made. It is shown as it is now; \
                       send the form again if you still want to.";
const DELETED: &str =
    "Nothing was changed: the simulation has been deleted since this page was made. Sending the form again makes it anew.";

/// Makes the simulation, or changes it.
pub(super) async fn save(State(console): State<Console>, posted: Posted) -> Response {
    let fields = Fields::of(&posted);
    // A simulation may be made before its models are, but not by choosing from those that are there.
    let gone = match console.services.simulations.models().list().await {
        Ok(known) => fields.asked().map(|(id, _)| id.clone()).find(|id| known.iter().all(|known| known.model().id != *id)),
        Err(error) => return failed(&console, &posted, &error),
    };
    if let Some(id) = gone {
        let failure = Failure::told(format!("Nothing was changed: there is no device model {id:?}."));
        return match stored(&console).await {
            Ok(view) => render(&console, &posted.session, view, fields, failure, StatusCode::BAD_REQUEST).await,
            Err(error) => failed(&console, &posted, &error),
        };
    }
    let saved = match stored(&console).await {
        Ok(view) => {
            let body = fields.body(view.as_ref());
            let service = &console.services.simulations;
            match (&view, fields.etag.as_str()) {
                (_, "") => service.create(None, &body).await,
                (None, _) => Err(SimulationError::NotFound(ONLY.to_owned())),
                (Some(_), _) => service.replace(ONLY, &body).await,
            }
        }
        Err(error) => Err(error.into()),
    };
    finish(&console, &posted, fields, saved.map(drop)).await
}

/// Enables or disables it.
pub(super) async fn enable(State(console): State<Console>, posted: Posted) -> Response {
    let change = json!({ "ETag": posted.text("etag"), "Enabled": posted.text("enabled") == "true" });
    let changed = console.services.simulations.patch(ONLY, &change).await.map(drop);
    finish_as_stored(&console, &posted, changed).await
}

/// Deletes it, unless somebody has changed it since the page was made.
pub(super) async fn delete(State(console): State<Console>, posted: Posted) -> Response {
    let deleted = match stored(&console).await {
        Err(error) => Err(error.into()),
        Ok(None) => Err(SimulationError::NotFound(ONLY.to_owned())),
        Ok(Some(SimulationView { simulation, .. })) if simulation.etag != posted.text("etag") => {
            Err(SimulationError::Changed(simulation.etag))
        }
        Ok(Some(_)) => console.services.simulations.delete(ONLY).await,
    };
    finish_as_stored(&console, &posted, deleted).await
}

/// The same, for a form that changes nothing that is filled in.
async fn finish_as_stored(console: &Console, posted: &Posted, outcome: Result<(), SimulationError>) -> Response {
    match stored(console).await {
        Ok(view) => finish(console, posted, Fields::of_stored(view.as_ref()), outcome).await,
        Err(error) => failed(console, posted, &error),
    }
}

/// The page anew, or the form once more with what is wrong.
async fn finish(console: &Console, posted: &Posted, fields: Fields, outcome: Result<(), SimulationError>) -> Response {
    let error = match outcome {
        Ok(()) => return Redirect::to(SECTION).into_response(),
        Err(SimulationError::Store(error)) => return failed(console, posted, &error),
        Err(error) => error,
    };
    let view = match stored(console).await {
        Ok(view) => view,
        Err(error) => return failed(console, posted, &error),
    };
    let (status, failure) = match error {
        SimulationError::Wrong(mistakes) => (StatusCode::BAD_REQUEST, Failure { text: None, mistakes: mistakes.as_slice().to_vec() }),
        SimulationError::Exists(_) | SimulationError::Changed(_) | SimulationError::OutOfDate(_) => {
            (StatusCode::CONFLICT, Failure::told(CHANGED))
        }
        SimulationError::NotFound(_) => (StatusCode::CONFLICT, Failure::told(DELETED)),
        other => (StatusCode::BAD_REQUEST, Failure::told(other.to_string())),
    };
    // What is sent again counts against what is there now, which is shown above the form.
    let now = view.as_ref().map(|view| view.simulation.etag.clone()).unwrap_or_default();
    let etag = if status == StatusCode::CONFLICT { now } else { fields.etag };
    render(console, &posted.session, view, Fields { etag, ..fields }, failure, status).await
}

fn failed(console: &Console, posted: &Posted, error: &PortError) -> Response {
    Page::of(console, &posted.session, "Simulations").in_section(SECTION).store_failed(error)
}
