//! Runs as points.

use serde_json::Value;

use super::request::Texts;
use super::run::{Annotation, End, Run};
use super::statistics::Endpoint;
use crate::line_protocol::{FieldValue, Point, write_point};
use crate::ports::Timestamp;

/// Heartbeats.
const HEARTBEAT: &str = "load_testing";
/// Results.
const RESULT: &str = "load_testing_result";
/// What Locust measured of an endpoint.
const ENDPOINT: &str = "load_testing_endpoint";
/// Annotations.
const EVENT: &str = "load_testing_event";

/// A line that is written again and again with other times.
#[derive(Debug, Clone)]
pub(super) struct Heartbeat {
    /// All of it but the time, with the blank before that.
    line: Box<str>,
}

impl Heartbeat {
    pub(super) fn of(run: &Run) -> Self {
        let mut line = render(HEARTBEAT, &tags(&run.tags, run), &run.values.fields().chain(identity(run)).collect::<Vec<_>>(), None);
        line.push(' ');
        Self { line: line.into_boxed_str() }
    }

    /// The point at a moment in nanoseconds.
    pub(super) fn at(&self, nanos: i64) -> String {
        format!("{}{nanos}", self.line)
    }
}

/// The points of a run that is over.
pub(super) fn of_end(run: &Run, end: &End, endpoints: &[Endpoint]) -> Vec<String> {
    let mut fields: Vec<(&str, FieldValue<'_>)> = Vec::new();
    if let Some(stats) = &end.stats {
        fields.push(("requestStats", FieldValue::Text(stats)));
    }
    let mut totals = end.totals.clone();
    totals.renew(&end.values);
    fields.extend(totals.fields());
    let (began, ended) = (run.started.unwrap_or(run.registered), end.ended.map_or(end.at / 1000, Timestamp::as_micros));
    #[expect(clippy::cast_precision_loss, reason = "a span of microseconds")]
    let duration = ended.saturating_sub(began.as_micros()) as f64 / 1e6;
    fields.push(("duration", FieldValue::Float(duration)));
    if let Some(code) = end.exit_code {
        fields.push(("exitCode", FieldValue::Integer(code)));
    }
    fields.extend(identity(run));
    let mut lines = vec![render(RESULT, &tags(&end.tags, run), &fields, Some(end.at))];
    lines.extend(endpoints.iter().map(|endpoint| of_endpoint(run, end, endpoint)));
    lines
}

fn of_endpoint(run: &Run, end: &End, endpoint: &Endpoint) -> String {
    let mut tags = tags(&end.tags, run);
    // The endpoint's own method stands for that of the run.
    tags.retain(|(name, _)| *name != "method");
    tags.extend(endpoint.method.as_deref().map(|method| ("method", method)));
    tags.push(("name", &endpoint.name));
    let numbers = [
        ("averageResponseTime", endpoint.average_response_time),
        ("minResponseTime", endpoint.min_response_time),
        ("maxResponseTime", endpoint.max_response_time),
        ("p50", endpoint.p50),
        ("p90", endpoint.p90),
        ("p95", endpoint.p95),
        ("p99", endpoint.p99),
        ("requestsPerSecond", endpoint.requests_per_second),
        ("failuresPerSecond", endpoint.failures_per_second),
        ("averageContentLength", endpoint.average_content_length),
    ];
    let counts = [("requests", endpoint.requests), ("failures", endpoint.failures)].map(|(name, count)| (name, FieldValue::Integer(count)));
    let numbers = numbers.into_iter().filter_map(|(name, number)| Some((name, FieldValue::Float(number?))));
    render(ENDPOINT, &tags, &counts.into_iter().chain(numbers).chain(identity(run)).collect::<Vec<_>>(), Some(end.at))
}

/// The point of an annotation.
pub(super) fn event(run: &Run, annotation: &Annotation) -> String {
    let (joined, title) = (annotation.tags.join(","), annotation.title.as_str());
    let mut fields = vec![("text", FieldValue::Text(&annotation.text))];
    fields.extend((!title.is_empty()).then_some(("title", FieldValue::Text(title))));
    fields.extend((!joined.is_empty()).then_some(("tags", FieldValue::Text(&joined))));
    fields.extend(identity(run));
    render(EVENT, &tags(&run.tags, run), &fields, Some(annotation.at))
}

/// The point that tells of a run's silence.
pub(super) fn lost(run: &Run, at: i64) -> String {
    let text = "nothing was heard of the run for too long".to_owned();
    event(run, &Annotation { at, title: "lost".to_owned(), text, tags: vec!["lost".to_owned()] })
}

/// The tags of a measurement and those of the user, in order of their names, which databases like best.
fn tags<'a>(own: &'a Texts, run: &'a Run) -> Vec<(&'a str, &'a str)> {
    own.iter().chain(&run.run_tags).filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
}

/// Which run it is. These are fields, since a tag would make a series of each run.
fn identity(run: &Run) -> [(&'static str, FieldValue<'_>); 2] {
    [("run", FieldValue::Text(run.uuid.as_str())), ("generator", FieldValue::Text(&run.host))]
}

/// A line without its line feed.
fn render(measurement: &str, tags: &[(&str, &str)], fields: &[(&str, FieldValue<'_>)], nanos: Option<i64>) -> String {
    let (mut line, mut tags) = (String::new(), tags.to_vec());
    tags.sort_unstable();
    write_point(&mut line, &Point { measurement, tags: &tags, fields, nanos });
    line.truncate(line.trim_end_matches('\n').len());
    line
}

/// JSON as text. A result that is text is encoded, too, so that what stands in the database is always JSON.
pub(super) fn stats_text(stats: &Value) -> String {
    stats.to_string()
}
