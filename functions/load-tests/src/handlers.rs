//! The handlers: read, call, render.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use headwater_core::load_tests::{CsvPart, LoadTestError};
use headwater_web::{Problem, Segment};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use tracing::Instrument as _;

use crate::body::Fields;
use crate::openapi::{
    Annotate, AnnotateForm, Commit, CommitForm, Committed, Compared, Comparison, Found, IsRunning, Page, Pong, Record, Register,
    RegisterForm, Run, Runs, States, TAG, Update, UpdateForm, WhichRun,
};
use crate::request::Parameters;
use crate::{Host, paths, problems, process};

/// Whether the recorder is there
#[utoipa::path(
    get, path = paths::PING, tag = TAG, operation_id = "ping",
    responses(
        (status = 200, description = "It is.", body = Pong),
    ),
)]
pub(crate) async fn ping() -> Json<Value> {
    Json(json!({"res": "PONG!"}))
}

/// Begin a run
///
/// Not safe to repeat: it makes a new run each time.
#[utoipa::path(
    post, path = paths::REGISTER, tag = TAG, operation_id = "registerRun",
    request_body(description = "The run, as JSON or as a form.", content((Register = "application/json"), (RegisterForm = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is registered.", body = Found),
        (status = 400, description = "Something is wrong with the body; nothing has changed.", body = String,
            example = json!({"message": "measurement.fields.userss: is no known field", "field": "measurement.fields.userss"})),
        (status = 415, description = "The body is neither JSON nor a form.", body = String,
            example = json!("bodies are application/json or application/x-www-form-urlencoded in UTF-8, not \"text/plain\"")),
        (status = 503, description = "Too much is going on, or the store cannot be used: try again.", body = String,
            headers(("Retry-After" = String, description = "Seconds to wait.")), example = json!({"message": "there are 50000 runs", "code": "busy"})),
    ),
)]
pub(crate) async fn register(State(host): State<Host>, Fields(body): Fields) -> Result<Json<Value>, Problem> {
    answered(whatever_comes(async move { host.service.register(&body).await }).await)
}

/// Tell new live values
///
/// Values that are left out stay as they were.
#[utoipa::path(
    post, path = paths::UPDATE, tag = TAG, operation_id = "updateRun",
    request_body(description = "The run and its values.", content((Update = "application/json"), (UpdateForm = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "They are stored.", body = Found),
        (status = 400, description = "Something is wrong with the body; nothing has changed.", body = String,
            example = json!({"message": "measurement.fields.userss: is no known field", "field": "measurement.fields.userss"})),
        (status = 404, description = "This generator has no such run.", body = String, example = json!("there is no run \"x\" of host \"generator-1\"")),
        (status = 409, description = "The run was committed.", body = String, example = json!({"message": "the run is over", "code": "over"})),
        (status = 415, description = "The body is neither JSON nor a form.", body = String,
            example = json!("bodies are application/json or application/x-www-form-urlencoded in UTF-8, not \"text/plain\"")),
        (status = 503, description = "Too much is going on, or the store cannot be used: try again.", body = String,
            headers(("Retry-After" = String, description = "Seconds to wait.")), example = json!({"message": "there are 50000 runs", "code": "busy"})),
    ),
)]
pub(crate) async fn update(State(host): State<Host>, Fields(body): Fields) -> Result<Json<Value>, Problem> {
    answered(whatever_comes(async move { host.service.update(&body).await }).await)
}

/// Note that something happened
#[utoipa::path(
    post, path = paths::ANNOTATE, tag = TAG, operation_id = "annotateRun",
    request_body(description = "The run and what happened.", content((Annotate = "application/json"), (AnnotateForm = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is noted.", body = Found),
        (status = 400, description = "Something is wrong with the body; nothing has changed.", body = String,
            example = json!({"message": "measurement.fields.userss: is no known field", "field": "measurement.fields.userss"})),
        (status = 404, description = "This generator has no such run.", body = String, example = json!("there is no run \"x\" of host \"generator-1\"")),
        (status = 409, description = "The run was committed.", body = String, example = json!({"message": "the run is over", "code": "over"})),
        (status = 415, description = "The body is neither JSON nor a form.", body = String,
            example = json!("bodies are application/json or application/x-www-form-urlencoded in UTF-8, not \"text/plain\"")),
        (status = 503, description = "Too much is going on, or the store cannot be used: try again.", body = String,
            headers(("Retry-After" = String, description = "Seconds to wait.")), example = json!({"message": "there are 50000 runs", "code": "busy"})),
    ),
)]
pub(crate) async fn annotate(State(host): State<Host>, Fields(body): Fields) -> Result<Json<Value>, Problem> {
    answered(whatever_comes(async move { host.service.annotate(&body).await }).await)
}

/// The id in both places where clients look for it.
fn answered(uuid: Result<String, LoadTestError>) -> Result<Json<Value>, Problem> {
    let uuid = uuid.map_err(problems::load_test)?;
    Ok(Json(json!({"uuid": uuid, "data": {"uuid": uuid}})))
}

/// End a run with its result
///
/// The same again gets the same answer and changes nothing. What was answered with 200 is durable, whatever the database does.
#[utoipa::path(
    post, path = paths::COMMIT, tag = TAG, operation_id = "commitRun",
    request_body(description = "The run and its result.", content((Commit = "application/json"), (CommitForm = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is over.", body = Committed),
        (status = 400, description = "Something is wrong with the body; nothing has changed.", body = String,
            example = json!({"message": "measurement.fields.userss: is no known field", "field": "measurement.fields.userss"})),
        (status = 404, description = "This generator has no such run.", body = String, example = json!("there is no run \"x\" of host \"generator-1\"")),
        (status = 415, description = "The body is neither JSON nor a form.", body = String,
            example = json!("bodies are application/json or application/x-www-form-urlencoded in UTF-8, not \"text/plain\"")),
        (status = 503, description = "Too much is going on, or the store cannot be used: try again.", body = String,
            headers(("Retry-After" = String, description = "Seconds to wait.")), example = json!({"message": "there are 50000 runs", "code": "busy"})),
    ),
)]
pub(crate) async fn commit(State(host): State<Host>, Fields(body): Fields) -> Result<Json<Value>, Problem> {
    let run = whatever_comes(async move { host.service.commit(&body).await }).await.map_err(problems::load_test)?;
    let description = format!("The work of load testing of host {} has been committed.", run.target);
    Ok(Json(json!({"data": {"description": description}})))
}

/// Which runs go on
///
/// Those that ended not long ago are `false`.
#[utoipa::path(
    get, path = paths::IS_RUNNING, tag = TAG, operation_id = "listRunning",
    responses(
        (status = 200, description = "Them.", body = IsRunning),
    ),
)]
pub(crate) async fn is_running(State(host): State<Host>) -> Result<Json<Map<String, Value>>, Problem> {
    Ok(Json(host.service.running().await.map_err(problems::load_test)?))
}

/// Records of runs
///
/// Newest first.
#[utoipa::path(
    get, path = paths::RUNS, tag = TAG, operation_id = "listRuns", params(Page),
    responses(
        (status = 200, description = "A page of them.", body = Runs),
        (status = 400, description = "A parameter is wrong.", body = String,
            example = json!({"message": "limit: must be an integer from 1 to 1000, not \"0\"", "field": "limit"})),
        (status = 413, description = "More than this host can send.", body = String,
            example = json!("the answer has 9000000 bytes, and at most 4194304 can be carried; ask for fewer runs, or for format=csv")),
    ),
)]
pub(crate) async fn runs(State(host): State<Host>, query: Parameters) -> Result<Json<Value>, Problem> {
    let page = host.service.runs(query.limit()?, query.text("after")).await.map_err(problems::load_test)?;
    Ok(Json(json!({"runs": page.runs, "next": page.next})))
}

/// The record of a run
///
/// With its result; or a table of it as CSV.
#[utoipa::path(
    get, path = paths::RUN, tag = TAG, operation_id = "getRun", params(WhichRun, Record),
    responses(
        (status = 200, description = "The record, or a table.", content(
            (Run = "application/json"),
            (String = "text/csv", example = json!("method,name,requests,failures,averageResponseTime,minResponseTime,maxResponseTime,p50,p90,p95,p99,requestsPerSecond,failuresPerSecond,averageContentLength\nGET,/cart,7230,0,45.2,,,40,40,80,80,,,\n")),
        ), headers(
            ("Vary" = String, description = "`accept`."), ("Content-Disposition" = String, description = "A name for the table."),
        )),
        (status = 400, description = "A parameter is wrong.", body = String,
            example = json!({"message": "format: must be json or csv, not \"xml\"", "field": "format"})),
        (status = 404, description = "There is no such run.", body = String, example = json!("there is no run \"x\"")),
        (status = 413, description = "More than this host can send.", body = String,
            example = json!("the answer has 9000000 bytes, and at most 4194304 can be carried; ask for fewer runs, or for format=csv")),
    ),
)]
pub(crate) async fn run(
    State(host): State<Host>,
    query: Parameters,
    headers: HeaderMap,
    Segment(uuid): Segment,
) -> Result<Response, Problem> {
    let nothing = || Problem::new(StatusCode::NOT_FOUND, format!("there is no run {uuid:?}"));
    // What is at the path depends on what is accepted, so caches must not mix the two.
    let vary = (VARY, "accept");
    let Some(part) = query.csv(&headers)? else {
        let record = host.service.run(&uuid).await.map_err(problems::load_test)?.ok_or_else(nothing)?;
        return Ok(([vary], Json(record)).into_response());
    };
    let rows = host.service.run_csv(&uuid, part).await.map_err(problems::load_test)?.ok_or_else(nothing)?;
    let suffix = match part {
        CsvPart::Endpoints => "endpoints",
        CsvPart::History => "history",
    };
    Ok(([vary], csv_file(&format!("{uuid}-{suffix}"), rows)).into_response())
}

/// Compare two runs
///
/// Endpoint by endpoint and in total: what was measured of each, the difference, and whether that breaks a rule.
#[utoipa::path(
    get, path = paths::COMPARE, tag = TAG, operation_id = "compareRuns", params(Compared),
    responses(
        (status = 200, description = "Both side by side, or a table of it.", content(
            (Comparison = "application/json"),
            (String = "text/csv", example = json!("in,method,name,measure,base,candidate,difference,percent,change\ntotal,,,requests,7230,7250,20,0.2766251728907331,\ntotal,,,p95,80,91,11,13.75,worse\nboth,GET,/cart,p95,80,91,11,13.75,worse\n")),
        ), headers(
            ("Vary" = String, description = "`accept`."), ("Content-Disposition" = String, description = "A name for the table."),
        )),
        (status = 400, description = "A parameter is wrong.", body = String,
            example = json!({"message": "base: is required", "field": "base"})),
        (status = 404, description = "There is no such run.", body = String, example = json!({"message": "there is no run \"x\"", "field": "base"})),
        (status = 409, description = "A run has no result yet.", body = String,
            example = json!({"message": "the run has no result yet", "code": "no_result", "field": "candidate"})),
        (status = 413, description = "More than this host can send.", body = String,
            example = json!("the answer has 9000000 bytes, and at most 4194304 can be carried; ask for fewer runs, or for format=csv")),
    ),
)]
pub(crate) async fn compare(State(host): State<Host>, query: Parameters, headers: HeaderMap) -> Result<Response, Problem> {
    let (base, candidate, rules) = (query.required("base")?, query.required("candidate")?, query.rules()?);
    let csv = query.wants_csv(&headers)?;
    let comparison = host.service.compare(base, candidate, &rules).await.map_err(problems::comparison)?;
    let vary = (VARY, "accept");
    if !csv {
        return Ok(([vary], Json(comparison)).into_response());
    }
    Ok(([vary], csv_file(&format!("{base}-{candidate}"), comparison.to_csv())).into_response())
}

/// A table under a name.
fn csv_file(name: &str, rows: String) -> impl IntoResponse + use<> {
    // Ids are letters and digits, but what is in a header should not depend on it.
    let plain: String = name.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
    let disposition = format!("attachment; filename=\"load-test-{plain}.csv\"");
    let kind = "text/csv; charset=utf-8; header=present";
    ([(CONTENT_TYPE, kind)], [(CONTENT_DISPOSITION, disposition)], rows)
}

/// How the recorder is
///
/// It does not ask the database, so it always answers at once.
#[utoipa::path(
    get, path = paths::STATES, tag = TAG, operation_id = "getRecorder",
    responses(
        (status = 200, description = "Its counters.", body = States),
    ),
)]
pub(crate) async fn states(State(host): State<Host>) -> Result<Json<Map<String, Value>>, Problem> {
    let states = host.service.states().await.map_err(problems::load_test)?;
    let up = host.clock.now().since(host.since).as_secs();
    let mut all = Map::from_iter([("uptimeSeconds".to_owned(), json!(up)), ("residentBytes".to_owned(), json!(process::resident_bytes()))]);
    all.extend(states);
    Ok(Json(all))
}

/// Does something to its end, even if the client breaks off and nobody waits for an answer any more: a run without its beats would be
/// left, or a result without its points.
async fn whatever_comes<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let done = tokio::spawn(work.in_current_span()).await;
    done.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
}
