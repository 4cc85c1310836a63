//! What answers say.

use std::collections::HashMap;

use serde_json::Value;
use utoipa::ToSchema;

/// That somebody is there.
#[derive(ToSchema)]
#[schema(example = json!({"res": "PONG!"}))]
pub(crate) struct Pong {
    #[schema(example = "PONG!")]
    res: String,
}

/// The id of a run, in both places where clients look for it.
#[derive(ToSchema)]
#[schema(example = json!({"uuid": "kTq7mBnX4cYpRzH2a", "data": {"uuid": "kTq7mBnX4cYpRzH2a"}}))]
pub(crate) struct Found {
    #[schema(example = "kTq7mBnX4cYpRzH2a")]
    uuid: String,
    data: Id,
}

/// An id.
#[derive(ToSchema)]
#[schema(as = RunId)]
struct Id {
    #[schema(example = "kTq7mBnX4cYpRzH2a")]
    uuid: String,
}

/// That a run is over.
#[derive(ToSchema)]
#[schema(example = json!({"data": {"description": "The work of load testing of host generator-1 has been committed."}}))]
pub(crate) struct Committed {
    data: Sentence,
}

/// A sentence.
#[derive(ToSchema)]
struct Sentence {
    description: String,
}

/// Runs by the name of their generator and their id, joined by a hyphen: whether they go on.
#[derive(ToSchema)]
#[schema(example = json!({"generator-1-kTq7mBnX4cYpRzH2a": true}))]
pub(crate) struct IsRunning(HashMap<String, bool>);

/// Records of runs.
#[derive(ToSchema)]
#[schema(example = json!({"runs": [{
    "uuid": "kTq7mBnX4cYpRzH2a", "host": "generator-1", "state": "finished", "registeredAt": "2026-01-31T09:00:00.042211Z",
    "startedAt": "2026-01-31T09:00:00Z", "lastHeardAt": "2026-01-31T09:30:01.677381Z", "endedAt": "2026-01-31T09:30:00Z",
    "testPlan": "checkout", "tags": {"targetHost": "https://shop.example", "mode": "single"}, "runTags": {},
    "fields": {
        "clients": 50, "hatchRate": 0.5, "requestsPerSecond": 120.5, "p95": 80.0, "requests": 7230, "failures": 0, "averageResponseTime": 45.2,
    },
    "exitCode": 0, "recorded": "written",
}], "next": null}))]
pub(crate) struct Runs {
    /// Newest first, without annotations, history, endpoints and result.
    runs: Vec<Summary>,
    /// What to ask for as `after` to get those behind them; `null` at the end.
    #[schema(required = true)]
    next: Option<String>,
}

/// What is known of a run.
#[derive(ToSchema)]
#[schema(as = RunSummary)]
#[serde(rename_all = "camelCase")]
struct Summary {
    #[schema(example = "kTq7mBnX4cYpRzH2a")]
    uuid: String,
    /// Its generator.
    #[schema(example = "generator-1")]
    host: String,
    state: State,
    #[schema(format = DateTime)]
    registered_at: String,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(format = DateTime)]
    last_heard_at: String,
    #[schema(format = DateTime, required = true)]
    ended_at: Option<String>,
    test_plan: Option<String>,
    name: Option<String>,
    description: Option<String>,
    environment: Option<String>,
    version: Option<String>,
    profile: Option<String>,
    git_ref: Option<String>,
    command_line: Option<String>,
    /// Tags of the measurement.
    #[schema(value_type = HashMap<String, String>)]
    tags: Value,
    /// Tags that the user gave.
    #[schema(value_type = HashMap<String, String>)]
    run_tags: Value,
    /// The latest values; of a finished run, the final ones.
    #[schema(value_type = HashMap<String, f64>)]
    fields: Value,
    #[schema(required = true)]
    exit_code: Option<i64>,
    /// Of a finished run: what has become of its points.
    #[schema(required = true)]
    recorded: Option<Recorded>,
    /// Why the database has refused them.
    refused: Option<String>,
}

/// Whether a run goes on.
#[derive(ToSchema)]
#[schema(as = RunState, rename_all = "lowercase")]
enum State {
    Running,
    Finished,
    Lost,
}

/// What has become of points.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Recorded {
    Queued,
    Written,
    Refused,
}

/// The record of a run.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "uuid": "kTq7mBnX4cYpRzH2a", "host": "generator-1", "state": "finished", "registeredAt": "2026-01-31T09:00:00.042211Z",
    "startedAt": "2026-01-31T09:00:00Z", "lastHeardAt": "2026-01-31T09:30:01.677381Z", "endedAt": "2026-01-31T09:30:00Z",
    "testPlan": "checkout", "tags": {"targetHost": "https://shop.example", "mode": "single"}, "runTags": {},
    "fields": {
        "clients": 50, "hatchRate": 0.5, "requestsPerSecond": 120.5, "p95": 80.0, "requests": 7230, "failures": 0, "averageResponseTime": 45.2,
    },
    "exitCode": 0, "recorded": "written",
    "annotations": [{"at": "2026-01-31T09:15:00Z", "title": "Deployed", "text": "version 7 of the shop", "tags": []}],
    "history": [{"at": "2026-01-31T09:00:00.042Z", "fields": {"clients": 50, "hatchRate": 0.5}}],
    "endpoints": [{
        "method": "GET", "name": "/cart", "requests": 7230, "failures": 0, "averageResponseTime": 45.2, "minResponseTime": null,
        "maxResponseTime": null, "p50": 40.0, "p90": 40.0, "p95": 80.0, "p99": 80.0, "requestsPerSecond": null, "failuresPerSecond": null,
        "averageContentLength": null,
    }],
    "requestStats": [{
        "method": "GET", "name": "/cart", "num_requests": 7230, "num_failures": 0, "avg_response_time": 45.2,
        "response_times": {"40": 6830, "80": 350, "120": 50},
    }],
}))]
pub(crate) struct Run {
    #[serde(flatten)]
    summary: Summary,
    /// What happened.
    annotations: Vec<Annotation>,
    /// Values over time: one row for each period, and ever fewer for long tests.
    history: Vec<Row>,
    /// What the result says of each endpoint.
    endpoints: Vec<Endpoint>,
    /// The result, as it was committed; `null` before.
    #[schema(required = true)]
    request_stats: Value,
}

/// Something that happened.
#[derive(ToSchema)]
struct Annotation {
    #[schema(format = DateTime)]
    at: String,
    title: String,
    text: String,
    tags: Vec<String>,
}

/// Values at a moment.
#[derive(ToSchema)]
#[schema(as = HistoryRow)]
struct Row {
    #[schema(format = DateTime)]
    at: String,
    #[schema(value_type = HashMap<String, f64>)]
    fields: Value,
}

/// What was measured of one endpoint; times are in milliseconds, and `null` where the statistics do not say.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    method: Option<String>,
    name: String,
    requests: Option<f64>,
    failures: Option<f64>,
    average_response_time: Option<f64>,
    min_response_time: Option<f64>,
    max_response_time: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    requests_per_second: Option<f64>,
    failures_per_second: Option<f64>,
    average_content_length: Option<f64>,
}

/// How the recorder is.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "uptimeSeconds": 48, "residentBytes": 71_327_744, "runs": {"running": 1, "lost": 0, "finished": 2},
    "points": {"written": 4, "retried": 0, "dropped": 0, "queued": 0},
    "database": {
        "kind": "file", "place": "load-tests/points-2026-01-31.lp", "reachable": true, "lastError": null,
        "lastWriteAt": "2026-01-31T09:03:30.131612Z", "refused": [],
    },
}))]
pub(crate) struct States {
    uptime_seconds: u64,
    /// Where the system tells it.
    #[schema(required = true)]
    resident_bytes: Option<u64>,
    runs: RunCounts,
    points: PointCounts,
    database: Database,
}

/// How many runs there are.
#[derive(ToSchema)]
struct RunCounts {
    running: u64,
    lost: u64,
    finished: u64,
}

/// Points, since the data directory was made.
#[derive(ToSchema)]
struct PointCounts {
    written: u64,
    retried: u64,
    dropped: u64,
    queued: u64,
}

/// Where points go.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
struct Database {
    #[schema(required = true)]
    kind: Option<String>,
    #[schema(required = true)]
    place: Option<String>,
    #[schema(required = true)]
    reachable: Option<bool>,
    #[schema(required = true)]
    last_error: Option<LastError>,
    #[schema(format = DateTime, required = true)]
    last_write_at: Option<String>,
    /// The last ten lines that it did not want, and why.
    #[schema(value_type = Vec<Object>)]
    refused: Value,
}

/// What went wrong last.
#[derive(ToSchema)]
struct LastError {
    message: String,
    #[schema(format = DateTime)]
    at: String,
}
