//! What requests say.

use headwater_web::shapes;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// The run that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct WhichRun {
    /// The id of a run.
    #[param(min_length = 1, example = "kTq7mBnX4cYpRzH2a")]
    uuid: String,
}

/// Which records are wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// How many at most; 50 without it.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// What an earlier answer has named as `next`: its records are those behind it.
    #[param(pattern = "^[0-9A-Za-z._~-]+$")]
    after: Option<String>,
}

/// What is wanted of a record.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Record {
    /// JSON, or a table as CSV. `Accept: text/csv` asks for the latter as well.
    #[param(inline)]
    format: Option<Format>,
    /// Which table.
    #[param(inline)]
    part: Option<Part>,
}

/// Which runs are compared, and when the candidate fails.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Compared {
    /// The id of the run that the other one is held against.
    #[param(min_length = 1, example = "kTq7mBnX4cYpRzH2a")]
    base: String,
    /// The id of the run that is judged.
    #[param(min_length = 1, example = "vHxghgSQELwJwbCKc")]
    candidate: String,
    /// When it fails, such as `p95>10%` or `failureRatio of total>0.01`; may be given up to a hundred times. Without it two usual rules count.
    #[param(rename = "failOn", max_items = 100, example = json!(["p95>10%"]))]
    fail_on: Option<Vec<String>>,
    /// JSON, or a table as CSV. `Accept: text/csv` asks for the latter as well.
    #[param(inline)]
    format: Option<Format>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Format {
    Json,
    Csv,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Part {
    Endpoints,
    History,
}

shapes! {
    Count = json!({
        "description": "A whole number, or a text that says one. Fractions are dropped.",
        "type": ["number", "string"], "pattern": "^[0-9]{1,15}$",
    });
    Measure = json!({
        "description": "A number, or a text that says one.",
        "type": ["number", "string"], "pattern": r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$",
    });
    Tag = json!({
        "description": "A text, or a number or truth value as one; null is none.",
        "type": ["string", "number", "boolean", "null"], "maxLength": 1000,
    });
    RunTags = json!({
        "type": "object", "maxProperties": 20, "additionalProperties": {"$ref": "#/components/schemas/Tag"},
        "propertyNames": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,24}$"}, "examples": [{"team": "web"}],
    });
    AnnotationTags = json!({"type": "array", "maxItems": 20, "items": {"type": "string", "minLength": 1, "maxLength": 100}});
    RunMoment = json!({
        "description": "A moment: RFC 3339, or seconds or milliseconds since 1970.",
        "type": ["string", "number"], "format": "date-time", "examples": ["2026-01-31T09:15:00Z"],
    });
    Span = json!({
        "description": "A span of time: seconds, or a text such as `60s` or `5m`. From a second to 30 days.",
        "type": ["string", "number"], "pattern": "^[1-9][0-9]{0,2}[sm]$", "minimum": 1, "maximum": 2_592_000, "examples": ["60s"],
    });
}

/// Live values. Where a value has two names and both are given, the first counts.
#[derive(ToSchema)]
#[schema(min_properties = 1, example = json!({"users": 50, "spawnRate": 0.5}))]
#[serde(deny_unknown_fields)]
#[serde(rename_all = "camelCase")]
struct Fields {
    /// Simulated users.
    clients: Option<Count>,
    /// The same.
    users: Option<Count>,
    /// Users started a second.
    hatch_rate: Option<Measure>,
    /// The same.
    spawn_rate: Option<Measure>,
    /// So far.
    requests: Option<Count>,
    /// So far.
    failures: Option<Count>,
    requests_per_second: Option<Measure>,
    /// The same.
    rps: Option<Measure>,
    failures_per_second: Option<Measure>,
    /// In milliseconds, as those that follow.
    average_response_time: Option<Measure>,
    /// Half of the requests took at most so long.
    p50: Option<Measure>,
    /// The same.
    median_response_time: Option<Measure>,
    p90: Option<Measure>,
    p95: Option<Measure>,
    p99: Option<Measure>,
}

/// What is known of the test; each different value makes a series of its own in the database.
#[derive(ToSchema)]
#[schema(example = json!({"targetHost": "https://shop.example", "mode": "single"}))]
#[serde(deny_unknown_fields)]
#[serde(rename_all = "camelCase")]
struct Tags {
    /// What is tested.
    target_host: Option<Tag>,
    hostname: Option<Tag>,
    /// Such as `single` or `cluster`.
    mode: Option<Tag>,
    method: Option<Tag>,
}

/// What is known of a run when it begins.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Measurement {
    fields: Fields,
    tags: Option<Tags>,
}

/// A run that begins.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "hostname": "generator-1", "testPlan": "checkout",
    "measurement": {"fields": {"users": 50, "spawnRate": 0.5}, "tags": {"targetHost": "https://shop.example", "mode": "single"}},
}))]
pub(crate) struct Register {
    /// Which generator this is; `host` is another name of this member.
    #[schema(min_length = 1, max_length = 255)]
    hostname: String,
    measurement: Measurement,
    /// When the test began; now without it.
    started_at: Option<RunMoment>,
    /// After so long without a word the run is lost; a day without it.
    idle_timeout: Option<Span>,
    /// Tags for every point of the run.
    run_tags: Option<RunTags>,
    #[schema(max_length = 4000)]
    test_plan: Option<String>,
    #[schema(max_length = 4000)]
    name: Option<String>,
    #[schema(max_length = 4000)]
    description: Option<String>,
    #[schema(max_length = 4000)]
    environment: Option<String>,
    #[schema(max_length = 4000)]
    version: Option<String>,
    #[schema(max_length = 4000)]
    profile: Option<String>,
    #[schema(max_length = 4000)]
    git_ref: Option<String>,
    #[schema(max_length = 4000)]
    command_line: Option<String>,
}

/// New live values of a run.
#[derive(ToSchema)]
#[schema(example = json!({
    "hostname": "generator-1", "uuid": "kTq7mBnX4cYpRzH2a",
    "measurement": {"fields": {"users": 50, "requestsPerSecond": 120.5, "p95": 80}},
}))]
pub(crate) struct Update {
    /// The generator that has registered the run.
    #[schema(min_length = 1, max_length = 255)]
    hostname: String,
    /// The run.
    uuid: String,
    measurement: Measurement,
}

/// Something that happened in a run.
#[derive(ToSchema)]
#[schema(example = json!({
    "hostname": "generator-1", "uuid": "kTq7mBnX4cYpRzH2a", "title": "Deployed", "text": "version 7 of the shop", "at": "2026-01-31T09:15:00Z",
}))]
pub(crate) struct Annotate {
    /// The generator that has registered the run.
    #[schema(min_length = 1, max_length = 255)]
    hostname: String,
    /// The run.
    uuid: String,
    /// What happened.
    #[schema(min_length = 1, max_length = 4000)]
    text: String,
    /// The same in a word.
    #[schema(min_length = 1, max_length = 1000)]
    title: Option<String>,
    tags: Option<AnnotationTags>,
    /// When; now without it. With it, the request is safe to repeat.
    at: Option<RunMoment>,
}

/// The result of a run.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "hostname": "generator-1", "uuid": "kTq7mBnX4cYpRzH2a", "exitCode": 0,
    "measurement": {"fields": {"requestStats": {"GET /": {"requests": 7230}}}},
}))]
pub(crate) struct Commit {
    /// The generator that has registered the run.
    #[schema(min_length = 1, max_length = 255)]
    hostname: String,
    /// The run.
    uuid: String,
    measurement: FinalMeasurement,
    exit_code: Option<Count>,
    /// In spite of its name, when the test ended; now without it.
    started_at: Option<RunMoment>,
    /// For the sentence of the answer.
    target_host: Option<Tag>,
}

#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct FinalMeasurement {
    fields: FinalFields,
    tags: Option<Tags>,
}

/// The result, and final values.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[serde(rename_all = "camelCase")]
struct FinalFields {
    /// Any JSON. Statistics of Locust become a table of endpoints.
    #[schema(value_type = Object)]
    request_stats: Value,
    clients: Option<Count>,
    users: Option<Count>,
    hatch_rate: Option<Measure>,
    spawn_rate: Option<Measure>,
    requests: Option<Count>,
    failures: Option<Count>,
    requests_per_second: Option<Measure>,
    rps: Option<Measure>,
    failures_per_second: Option<Measure>,
    average_response_time: Option<Measure>,
    p50: Option<Measure>,
    median_response_time: Option<Measure>,
    p90: Option<Measure>,
    p95: Option<Measure>,
    p99: Option<Measure>,
}

/// A run that begins, as a form: names within objects stand in brackets.
#[derive(ToSchema)]
#[schema(example = json!({"hostname": "generator-1", "measurement[fields][users]": 50, "measurement[tags][mode]": "single"}))]
pub(crate) struct RegisterForm {
    #[schema(min_length = 1, max_length = 255)]
    hostname: String,
    /// Simulated users. Fractions are dropped; a number that has one is below 9e15.
    #[schema(rename = "measurement[fields][users]")]
    users: f64,
    #[schema(rename = "measurement[fields][spawnRate]", value_type = f64, required = false)]
    spawn_rate: Option<f64>,
    #[schema(rename = "measurement[tags][targetHost]", value_type = String, required = false, max_length = 1000)]
    target_host: Option<String>,
    #[schema(rename = "measurement[tags][mode]", value_type = String, required = false, max_length = 1000)]
    mode: Option<String>,
}

/// New live values, as a form.
#[derive(ToSchema)]
#[schema(example = json!({"hostname": "generator-1", "uuid": "kTq7mBnX4cYpRzH2a", "measurement[fields][users]": 50}))]
pub(crate) struct UpdateForm {
    #[schema(min_length = 1, max_length = 255)]
    hostname: String,
    uuid: String,
    /// Simulated users. Fractions are dropped; a number that has one is below 9e15.
    #[schema(rename = "measurement[fields][users]")]
    users: f64,
}

/// Something that happened, as a form.
#[derive(ToSchema)]
#[schema(example = json!({"hostname": "generator-1", "uuid": "kTq7mBnX4cYpRzH2a", "text": "version 7 of the shop"}))]
pub(crate) struct AnnotateForm {
    #[schema(min_length = 1, max_length = 255)]
    hostname: String,
    uuid: String,
    #[schema(min_length = 1, max_length = 4000)]
    text: String,
    #[schema(value_type = String, required = false, min_length = 1, max_length = 1000)]
    title: Option<String>,
}

/// The result of a run, as a form.
#[derive(ToSchema)]
#[schema(example = json!({"hostname": "generator-1", "uuid": "kTq7mBnX4cYpRzH2a", "measurement[fields][requestStats][requests]": "7230"}))]
pub(crate) struct CommitForm {
    #[schema(min_length = 1, max_length = 255)]
    hostname: String,
    uuid: String,
    #[schema(rename = "measurement[fields][requestStats][requests]")]
    requests: String,
}
