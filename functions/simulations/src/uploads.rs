//! Scripts, and files to replay.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use headwater_core::simulations::{Kept, Replays, SimulationService, Text, UploadError};
use headwater_web::{Problem, Segment};
use http::StatusCode;
use serde_json::json;

use crate::problems;
use crate::request::{self, Form, Reply};

pub(crate) async fn scripts(State(service): State<SimulationService>) -> Result<Reply, Problem> {
    let all = service.scripts().list().await?;
    Ok(request::list(all.iter().map(Kept::<Text>::shown_as_script), "DeviceModelScriptList;1", "/v1/devicemodelscripts"))
}

pub(crate) async fn script(State(service): State<SimulationService>, Segment(id): Segment) -> Result<Reply, Problem> {
    Ok(Reply(service.scripts().get(&id).await.map_err(problems::upload)?.shown_as_script()))
}

pub(crate) async fn create_script(State(service): State<SimulationService>, form: Form) -> Result<Reply, Problem> {
    Ok(Reply(service.scripts().create(form.file()?).await.map_err(problems::upload)?.shown_as_script()))
}

pub(crate) async fn replace_script(State(service): State<SimulationService>, Segment(id): Segment, form: Form) -> Result<Reply, Problem> {
    let (file, etag) = (form.file()?, form.etag()?);
    Ok(Reply(service.scripts().replace(&id, etag, file).await.map_err(problems::upload)?.shown_as_script()))
}

pub(crate) async fn delete_script(State(service): State<SimulationService>, Segment(id): Segment) -> Result<StatusCode, Problem> {
    service.scripts().delete(&id).await.map_err(problems::upload)?;
    Ok(StatusCode::OK)
}

pub(crate) async fn check_script(State(service): State<SimulationService>, form: Form) -> Result<Response, Problem> {
    verdict(service.scripts().check(form.file()?).await)
}

pub(crate) async fn replay(State(service): State<SimulationService>, Segment(id): Segment) -> Result<Reply, Problem> {
    Ok(Reply(service.replays().get(&id).await.map_err(problems::upload)?.shown_as_replay()))
}

pub(crate) async fn create_replay(State(service): State<SimulationService>, form: Form) -> Result<Reply, Problem> {
    Ok(Reply(service.replays().create(form.file()?).await.map_err(problems::upload)?.shown_as_replay()))
}

pub(crate) async fn delete_replay(State(service): State<SimulationService>, Segment(id): Segment) -> Result<StatusCode, Problem> {
    service.replays().delete(&id).await.map_err(problems::upload)?;
    Ok(StatusCode::OK)
}

pub(crate) async fn check_replay(form: Form) -> Result<Response, Problem> {
    verdict(Replays::check(form.file()?))
}

/// What is wrong with a file's content is the answer to the question; anything else is a problem with the request.
fn verdict(checked: Result<(), UploadError>) -> Result<Response, Problem> {
    match checked {
        Ok(()) => Ok(Reply(json!({ "IsValid": true })).into_response()),
        Err(UploadError::Content(text)) => {
            Ok((StatusCode::BAD_REQUEST, Reply(json!({ "IsValid": false, "Messages": [text] }))).into_response())
        }
        Err(error) => Err(problems::upload(error)),
    }
}
