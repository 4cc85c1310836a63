//! Scripts, and files to replay.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use headwater_core::simulations::{Kept, Replays, SimulationService, Text, UploadError};
use headwater_web::{Problem, Segment};
use http::StatusCode;
use serde_json::json;

use crate::openapi::{Checked, OfReplay, OfScript, Replaced, ReplayFile, Script, ScriptList, TAG, Uploaded, Verdict};
use crate::request::{self, Form, Reply};
use crate::{paths, problems};

/// All scripts that were uploaded
#[utoipa::path(
    get, path = paths::SCRIPTS, tag = TAG, operation_id = "listScripts",
    responses(
        (status = 200, description = "They.", body = ScriptList, content_type = "application/json"),
    ),
)]
pub(crate) async fn scripts(State(service): State<SimulationService>) -> Result<Reply, Problem> {
    let all = service.scripts().list().await?;
    Ok(request::list(all.iter().map(Kept::<Text>::shown_as_script), "DeviceModelScriptList;1", "/v1/devicemodelscripts"))
}

/// A script
#[utoipa::path(
    get, path = paths::SCRIPT, tag = TAG, operation_id = "getScript", params(OfScript),
    responses(
        (status = 200, description = "It.", body = Script, content_type = "application/json"),
        (status = 400, description = "The id is none.", body = String, example = json!({"message": "the id must have letters, digits, points, hyphens and underscores", "ExceptionType": "InvalidInputException"})),
        (status = 404, description = "It is not there.", body = String, example = json!("there is no simulation 2")),
    ),
)]
pub(crate) async fn script(State(service): State<SimulationService>, Segment(id): Segment) -> Result<Reply, Problem> {
    Ok(Reply(service.scripts().get(&id).await.map_err(problems::upload)?.shown_as_script()))
}

/// Upload a script
#[utoipa::path(
    post, path = paths::SCRIPTS, tag = TAG, operation_id = "uploadScript",
    request_body(content = Uploaded, content_type = "multipart/form-data", description = "A form with the part `file`.",
        example = json!({"file": "function main(context, previousState) {\n  previousState.temperature += 0.1;\n  updateState(previousState);\n}\n"})),
    responses(
        (status = 200, description = "It is stored.", body = Script, content_type = "application/json"),
        (status = 400, description = "The form is incomplete, or the file cannot be used.", body = String, example = json!({"message": "there is no file: upload a form of the type multipart/form-data with a part file", "ExceptionType": "BadRequestException"})),
        (status = 415, description = "The body is declared as something else.", body = String, example = json!("the body must be declared as application/json, not as \"text/plain\"")),
    ),
)]
pub(crate) async fn create_script(State(service): State<SimulationService>, form: Form) -> Result<Reply, Problem> {
    Ok(Reply(service.scripts().create(form.file()?).await.map_err(problems::upload)?.shown_as_script()))
}

/// Replace a script
#[utoipa::path(
    put, path = paths::SCRIPT, tag = TAG, operation_id = "replaceScript", params(OfScript),
    request_body(content = Replaced, content_type = "multipart/form-data", description = "A form with the part `file`, and the part `ETag`.",
        example = json!({"file": "function main(context, previousState) {\n  previousState.temperature += 0.1;\n  updateState(previousState);\n}\n", "ETag": "5a6b4c88dfcc39"})),
    responses(
        (status = 200, description = "It is stored.", body = Script, content_type = "application/json"),
        (status = 400, description = "The form is incomplete, or the file cannot be used.", body = String, example = json!({"message": "there is no file: upload a form of the type multipart/form-data with a part file", "ExceptionType": "BadRequestException"})),
        (status = 404, description = "It is not there.", body = String, example = json!("there is no simulation 2")),
        (status = 409, description = "There is one already, or the ETag is not the current one.", body = String, example = json!({"message": "there is a simulation already", "ExceptionType": "ConflictingResourceException"})),
        (status = 415, description = "The body is declared as something else.", body = String, example = json!("the body must be declared as application/json, not as \"text/plain\"")),
    ),
)]
pub(crate) async fn replace_script(State(service): State<SimulationService>, Segment(id): Segment, form: Form) -> Result<Reply, Problem> {
    let (file, etag) = (form.file()?, form.etag()?);
    Ok(Reply(service.scripts().replace(&id, etag, file).await.map_err(problems::upload)?.shown_as_script()))
}

/// Delete a script
#[utoipa::path(
    delete, path = paths::SCRIPT, tag = TAG, operation_id = "deleteScript", params(OfScript),
    responses(
        (status = 200, description = "It is gone."),
        (status = 400, description = "The id is none.", body = String, example = json!({"message": "the id must have letters, digits, points, hyphens and underscores", "ExceptionType": "InvalidInputException"})),
        (status = 404, description = "It is not there.", body = String, example = json!("there is no simulation 2")),
        (status = 507, description = "No space is left.", body = String, example = json!("there is no space left to store this; try again later")),
    ),
)]
pub(crate) async fn delete_script(State(service): State<SimulationService>, Segment(id): Segment) -> Result<StatusCode, Problem> {
    service.scripts().delete(&id).await.map_err(problems::upload)?;
    Ok(StatusCode::OK)
}

/// Whether a file is a script
#[utoipa::path(
    post, path = paths::SCRIPT_CHECK, tag = TAG, operation_id = "checkScript",
    request_body(content = Uploaded, content_type = "multipart/form-data", description = "A form with the part `file`.",
        example = json!({"file": "function main(context, previousState) {\n  previousState.temperature += 0.1;\n  updateState(previousState);\n}\n"})),
    responses(
        (status = 200, description = "It is.", body = Verdict, content_type = "application/json"),
        (status = 400, description = "It is not, or there is no file.", content((Checked = "application/json", example = json!({"IsValid": false, "Messages": ["SyntaxError: unexpected token in expression: ';', at freezer.js:2:31"]})))),
        (status = 415, description = "The body is declared as something else.", body = String, example = json!("the body must be declared as application/json, not as \"text/plain\"")),
    ),
)]
pub(crate) async fn check_script(State(service): State<SimulationService>, form: Form) -> Result<Response, Problem> {
    verdict(service.scripts().check(form.file()?).await)
}

/// A file to replay
#[utoipa::path(
    get, path = paths::REPLAY, tag = TAG, operation_id = "getReplayFile", params(OfReplay),
    responses(
        (status = 200, description = "It.", body = ReplayFile, content_type = "application/json"),
        (status = 400, description = "The id is none.", body = String, example = json!({"message": "the id must have letters, digits, points, hyphens and underscores", "ExceptionType": "InvalidInputException"})),
        (status = 404, description = "It is not there.", body = String, example = json!("there is no simulation 2")),
    ),
)]
pub(crate) async fn replay(State(service): State<SimulationService>, Segment(id): Segment) -> Result<Reply, Problem> {
    Ok(Reply(service.replays().get(&id).await.map_err(problems::upload)?.shown_as_replay()))
}

/// Upload a file to replay
///
/// Lines of `telemetry,hh:mm:ss,MESSAGE`.
#[utoipa::path(
    post, path = paths::REPLAYS, tag = TAG, operation_id = "uploadReplayFile",
    request_body(content = Uploaded, content_type = "multipart/form-data", description = "A form with the part `file`.",
        example = json!({"file": "telemetry,00:00:01,{\"speed\":30.5}\ntelemetry,00:00:03,{\"speed\":31.2}\n"})),
    responses(
        (status = 200, description = "It is stored.", body = ReplayFile, content_type = "application/json"),
        (status = 400, description = "The form is incomplete, or the file cannot be used.", body = String, example = json!({"message": "there is no file: upload a form of the type multipart/form-data with a part file", "ExceptionType": "BadRequestException"})),
        (status = 415, description = "The body is declared as something else.", body = String, example = json!("the body must be declared as application/json, not as \"text/plain\"")),
    ),
)]
pub(crate) async fn create_replay(State(service): State<SimulationService>, form: Form) -> Result<Reply, Problem> {
    Ok(Reply(service.replays().create(form.file()?).await.map_err(problems::upload)?.shown_as_replay()))
}

/// Delete a file to replay
#[utoipa::path(
    delete, path = paths::REPLAY, tag = TAG, operation_id = "deleteReplayFile", params(OfReplay),
    responses(
        (status = 200, description = "It is gone."),
        (status = 400, description = "The id is none.", body = String, example = json!({"message": "the id must have letters, digits, points, hyphens and underscores", "ExceptionType": "InvalidInputException"})),
        (status = 404, description = "It is not there.", body = String, example = json!("there is no simulation 2")),
        (status = 507, description = "No space is left.", body = String, example = json!("there is no space left to store this; try again later")),
    ),
)]
pub(crate) async fn delete_replay(State(service): State<SimulationService>, Segment(id): Segment) -> Result<StatusCode, Problem> {
    service.replays().delete(&id).await.map_err(problems::upload)?;
    Ok(StatusCode::OK)
}

/// Whether a file can be replayed
#[utoipa::path(
    post, path = paths::REPLAY_CHECK, tag = TAG, operation_id = "checkReplayFile",
    request_body(content = Uploaded, content_type = "multipart/form-data", description = "A form with the part `file`.",
        example = json!({"file": "telemetry,00:00:01,{\"speed\":30.5}\ntelemetry,00:00:03,{\"speed\":31.2}\n"})),
    responses(
        (status = 200, description = "It can.", body = Verdict, content_type = "application/json"),
        (status = 400, description = "It cannot, or there is none.", content((Checked = "application/json", example = json!({"IsValid": false, "Messages": ["line 1: the time \"1s\" must be an interval such as 00:00:10, or 1.06:00:00 for a day and six hours"]})))),
        (status = 415, description = "The body is declared as something else.", body = String, example = json!("the body must be declared as application/json, not as \"text/plain\"")),
    ),
)]
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
