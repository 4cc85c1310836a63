//! What requests say: read and checked, with every mistake at its path.

use std::time::Duration;

use serde_json::{Map, Value};

use super::span::{IDLES, span};
use super::values::{Kind, Values, is_known, number};
use crate::limits;
use crate::mistakes::{Findings, Mistakes, Node, kind_of};
use crate::ports::Timestamp;

/// The tags of a measurement that clients may send.
const TAGS: [&str; 4] = ["targetHost", "hostname", "mode", "method"];

/// Texts that describe a run, for its record.
pub(super) const TEXTS: [&str; 8] = ["testPlan", "name", "description", "environment", "version", "profile", "gitRef", "commandLine"];

/// Names that tags of users must not have, beside those of live values: points have tags or fields of these names already, or databases keep
/// them for themselves.
const RESERVED: [&str; 17] = [
    "targetHost",
    "hostname",
    "mode",
    "method",
    "name",
    "time",
    "run",
    "generator",
    "requestStats",
    "duration",
    "exitCode",
    "title",
    "text",
    "tags",
    "minResponseTime",
    "maxResponseTime",
    "averageContentLength",
];

/// Numbers below this are seconds, the others milliseconds: seconds get there in the year 5138, milliseconds were there in 1973.
const FIRST_MILLISECONDS: f64 = 1e11;

/// Names with their values, in the order in which they came.
pub(super) type Texts = Map<String, Value>;

/// A run that begins.
#[derive(Debug)]
pub(super) struct Register {
    pub(super) host: String,
    pub(super) started: Option<Timestamp>,
    pub(super) idle: Option<Duration>,
    pub(super) tags: Texts,
    pub(super) run_tags: Texts,
    pub(super) about: Texts,
    pub(super) values: Values,
}

/// Which run a request is about, and whose it is.
#[derive(Debug)]
pub(super) struct About {
    pub(super) uuid: String,
    pub(super) host: String,
}

/// New live values.
#[derive(Debug)]
pub(super) struct Update {
    pub(super) about: About,
    pub(super) values: Values,
}

/// Something that happened.
#[derive(Debug)]
pub(super) struct Annotate {
    pub(super) about: About,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) tags: Vec<String>,
    pub(super) at: Option<Timestamp>,
}

/// A run that ends.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) about: About,
    pub(super) ended: Option<Timestamp>,
    pub(super) target: Option<String>,
    pub(super) tags: Texts,
    pub(super) values: Values,
    pub(super) exit_code: Option<i64>,
    /// The result, as JSON.
    pub(super) stats: Value,
}

/// Reads an object; what is wrong with it is noted along the way.
fn read<T>(request: &Value, read: impl FnOnce(&Node<'_>) -> Option<T>) -> Result<T, Mistakes> {
    let findings = Findings::default();
    let top = Node::top(request, "", &findings);
    let value = top.expect_object().and_then(|()| read(&top));
    findings.conclude(value)
}

impl Register {
    pub(super) fn read(request: &Value) -> Result<Self, Mistakes> {
        read(request, |top| {
            let host = host(top);
            let started = moment(top, "startedAt");
            let idle = idle(top);
            let run_tags = run_tags(top);
            let about = texts(top);
            let (tags, fields) = measurement(top);
            let values = fields.as_ref().and_then(|fields| at_least_one(fields, Values::read(fields, &[])?));
            Some(Self { host: host?, started: started?, idle: idle?, tags: tags?, run_tags: run_tags?, about: about?, values: values? })
        })
    }
}

impl Update {
    pub(super) fn read(request: &Value) -> Result<Self, Mistakes> {
        read(request, |top| {
            let about = About::of(top);
            let (tags, fields) = measurement(top);
            let values = fields.as_ref().and_then(|fields| at_least_one(fields, Values::read(fields, &[])?));
            tags.and(Some(Self { about: about?, values: values? }))
        })
    }
}

impl Annotate {
    pub(super) fn read(request: &Value) -> Result<Self, Mistakes> {
        read(request, |top| {
            let about = About::of(top);
            let text = top.required("text").and_then(|node| filled(&node, limits::ANNOTATION_TEXT));
            let title = top.optional("title").map_or(Some(String::new()), |node| filled(&node, limits::RUN_TEXT));
            let tags = top.optional("tags").map_or(Some(Vec::new()), |node| {
                let tags = node.elements()?.iter().map(|tag| filled(tag, limits::RUN_TAG)).collect::<Option<Vec<_>>>()?;
                if tags.len() > limits::RUN_TAGS { node.wrong(format!("has more than {} tags", limits::RUN_TAGS)) } else { Some(tags) }
            });
            let at = moment(top, "at");
            Some(Self { about: about?, title: title?, text: text?, tags: tags?, at: at? })
        })
    }
}

impl Commit {
    pub(super) fn read(request: &Value) -> Result<Self, Mistakes> {
        read(request, |top| {
            let about = About::of(top);
            let ended = moment(top, "startedAt");
            let target = top.optional("targetHost").map_or(Some(None), |node| tag_text(&node).map(Some));
            let exit_code = top.optional("exitCode").map_or(Some(None), |node| Some(number(&node, Kind::Whole)?.as_i64()));
            let (tags, fields) = measurement(top);
            let (values, stats) = match &fields {
                Some(fields) => (Values::read(fields, &["requestStats"]), fields.required("requestStats").map(|node| node.value().clone())),
                None => (None, None),
            };
            let (about, tags, values, stats) = (about?, tags?, values?, stats?);
            Some(Self { about, ended: ended?, target: target?, tags, values, exit_code: exit_code?, stats })
        })
    }
}

impl About {
    fn of(top: &Node<'_>) -> Option<Self> {
        let uuid = top.required("uuid").and_then(|node| node.text().map(str::to_owned));
        let host = host(top);
        Some(Self { uuid: uuid?, host: host? })
    }
}

/// The generator of the load, under either of its names.
fn host(top: &Node<'_>) -> Option<String> {
    let node = match top.optional("hostname").or_else(|| top.optional("host")) {
        Some(node) => node,
        None => return top.lacks("hostname"),
    };
    filled(&node, limits::RUN_HOST)
}

/// A text that is not empty.
fn filled(node: &Node<'_>, most: usize) -> Option<String> {
    match node.text()? {
        "" => node.wrong("must not be empty"),
        text if text.len() > most => node.wrong(format!("has {} bytes; at most {most} are taken", text.len())),
        text => Some(text.to_owned()),
    }
}

/// The tags and the fields of the measurement.
fn measurement<'a>(top: &Node<'a>) -> (Option<Texts>, Option<Node<'a>>) {
    let Some(measurement) = top.required("measurement").filter(|node| node.expect_object().is_some()) else { return (None, None) };
    for (name, node) in measurement.entries().unwrap_or_default() {
        if !matches!(name, "fields" | "tags") {
            node.wrong::<()>("is no member of a measurement; known are fields, tags");
        }
    }
    let tags = measurement.optional("tags").map_or(Some(Texts::new()), |tags| known_tags(&tags));
    (tags, measurement.required("fields").filter(|fields| fields.expect_object().is_some()))
}

fn known_tags(tags: &Node<'_>) -> Option<Texts> {
    let (mut read, before) = (Texts::new(), tags.findings().count());
    for (name, node) in tags.entries()? {
        if !TAGS.contains(&name) {
            node.wrong::<()>(format!("is no known tag; known are {}; others go into runTags", TAGS.join(", ")));
        } else if !node.value().is_null() {
            read.extend(tag_text(&node).map(|text| (name.to_owned(), text.into())));
        }
    }
    (tags.findings().count() == before).then_some(read)
}

/// The tags that users gave a run, for all its points.
fn run_tags(top: &Node<'_>) -> Option<Texts> {
    let Some(tags) = top.optional("runTags") else { return Some(Texts::new()) };
    let (mut read, before) = (Texts::new(), tags.findings().count());
    let entries = tags.entries()?;
    if entries.len() > limits::RUN_TAGS {
        return tags.wrong(format!("has {} tags; at most {} are taken", entries.len(), limits::RUN_TAGS));
    }
    for (name, node) in entries {
        if name.is_empty() || name.len() > limits::RUN_TAG {
            node.wrong::<()>(format!("the name of a tag has 1 to {} bytes", limits::RUN_TAG));
        } else if RESERVED.contains(&name) || is_known(name) || name.starts_with('_') {
            node.wrong::<()>("is the name of a tag or field that points have anyway, or that databases keep for themselves");
        } else if !node.value().is_null() {
            read.extend(tag_text(&node).map(|text| (name.to_owned(), text.into())));
        }
    }
    (tags.findings().count() == before).then_some(read)
}

/// A tag's value: a text, or a number or truth value as one.
fn tag_text(node: &Node<'_>) -> Option<String> {
    let text = match node.value() {
        Value::String(text) => text.clone(),
        value @ (Value::Number(_) | Value::Bool(_)) => value.to_string(),
        other => return node.wrong(format!("must be a text, not {}", kind_of(other))),
    };
    if text.len() > limits::RUN_TEXT {
        return node.wrong(format!("has {} bytes; at most {} are taken", text.len(), limits::RUN_TEXT));
    }
    Some(text)
}

fn texts(top: &Node<'_>) -> Option<Texts> {
    let (mut read, before) = (Texts::new(), top.findings().count());
    for name in TEXTS {
        let text = top.optional(name).and_then(|node| match node.text()? {
            text if text.len() > limits::ANNOTATION_TEXT => node.wrong(format!("has more than {} bytes", limits::ANNOTATION_TEXT)),
            text => Some(text),
        });
        read.extend(text.map(|text| (name.to_owned(), text.into())));
    }
    (top.findings().count() == before).then_some(read)
}

fn at_least_one(fields: &Node<'_>, values: Values) -> Option<Values> {
    if values.is_empty() { fields.wrong("has no value") } else { Some(values) }
}

/// How long a run may say nothing.
fn idle(top: &Node<'_>) -> Option<Option<Duration>> {
    let Some(node) = top.optional("idleTimeout") else { return Some(None) };
    let read = match node.value() {
        Value::Number(seconds) => seconds.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        Value::String(text) => span(text).or_else(|| Duration::try_from_secs_f64(text.trim().parse().ok()?).ok()),
        other => return node.wrong(format!("must be seconds or a span such as 90s, not {}", kind_of(other))),
    };
    match read {
        Some(idle) if IDLES.contains(&idle) => Some(Some(idle)),
        Some(_) => node.wrong("must be from 1s to 30d"),
        None => node.wrong("must be seconds or a span such as 90s, 5m or 2h"),
    }
}

/// A moment: RFC 3339, seconds or milliseconds since 1970, in a number or in the text of one.
fn moment(top: &Node<'_>, member: &str) -> Option<Option<Timestamp>> {
    let Some(node) = top.optional(member) else { return Some(None) };
    let number = match node.value() {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) => Some(number),
            Err(_) => match text.trim().parse::<jiff::Timestamp>() {
                Ok(moment) => return Some(Some(Timestamp::from_micros(moment.as_microsecond()))),
                Err(_) => return node.wrong("must be a moment as in RFC 3339, or seconds or milliseconds since 1970"),
            },
        },
        other => return node.wrong(format!("must be a moment, not {}", kind_of(other))),
    };
    let Some(number) = number.filter(|number| (0.0..1e15).contains(number)) else { return node.wrong("is no moment since 1970") };
    let seconds = if number < FIRST_MILLISECONDS { number } else { number / 1000.0 };
    #[expect(clippy::cast_possible_truncation, reason = "below 1e12 seconds")]
    let micros = (seconds * 1e6).round() as i64;
    Some(Some(Timestamp::from_micros(micros)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(change: impl FnOnce(&mut Value)) -> Value {
        let mut body = json!({"startedAt": 1_479_000_000, "hostname": "h1", "measurement": {
            "fields": {"clients": 10, "hatchRate": 0.1, "requests": 100}, "tags": {"hostname": "aws.com", "mode": "single"}}});
        change(&mut body);
        body
    }

    fn refused(change: impl FnOnce(&mut Value)) -> String {
        Register::read(&with(change)).unwrap_err().to_string()
    }

    #[test]
    fn a_moment_is_text_seconds_or_milliseconds() {
        for value in [
            json!(1_479_000_000),
            json!(1_479_000_000_000_i64),
            json!("2016-11-13T01:20:00Z"),
            json!("1479000000"),
            json!("2016-11-13T02:20:00+01:00"),
        ] {
            let read = Register::read(&with(|body| body["startedAt"] = value.clone())).unwrap();
            assert_eq!(read.started, Some(Timestamp::from_millis(1_479_000_000_000)), "{value}");
        }
        let read = Register::read(&with(|body| body["startedAt"] = json!(1_479_000_000.25))).unwrap();
        assert_eq!(read.started, Some(Timestamp::from_millis(1_479_000_000_250)));
        for value in [
            json!("yesterday"),
            json!("2016-13-45T01:20:00Z"),
            json!("2016-11-13"),
            json!(true),
            json!([1]),
            json!({}),
            json!(-1),
            json!(1e300),
            json!("nan"),
        ] {
            assert!(refused(|body| body["startedAt"] = value.clone()).starts_with("startedAt: "), "{value}");
        }
        assert_eq!(Register::read(&with(|body| body["startedAt"] = Value::Null)).unwrap().started, None);
    }

    #[test]
    fn the_host_has_two_names_and_must_be_there() {
        assert_eq!(Register::read(&with(|body| body["host"] = json!("other"))).unwrap().host, "h1");
        let seed = with(|body| {
            body.as_object_mut().unwrap().remove("hostname");
            body["host"] = json!("other");
        });
        assert_eq!(Register::read(&seed).unwrap().host, "other");
        assert_eq!(refused(|body| drop(body.as_object_mut().unwrap().remove("hostname"))), "hostname: is required");
        assert!(refused(|body| body["hostname"] = json!("")).starts_with("hostname: "));
        assert!(refused(|body| body["hostname"] = json!("h".repeat(256))).starts_with("hostname: "));
    }

    #[test]
    fn what_is_not_known_is_named() {
        assert!(refused(|body| body["measurement"]["fields"]["foo"] = json!(1)).starts_with("measurement.fields.foo: "));
        assert!(refused(|body| body["measurement"]["tags"]["colour"] = json!("red")).starts_with("measurement.tags.colour: "));
        assert!(refused(|body| body["measurement"]["tag"] = json!({})).starts_with("measurement.tag: "));
        assert!(refused(|body| body["measurement"] = json!("load")).starts_with("measurement: "));
        assert_eq!(refused(|body| drop(body.as_object_mut().unwrap().remove("measurement"))), "measurement: is required");
        assert_eq!(refused(|body| body["measurement"]["fields"] = json!({})), "measurement.fields: has no value");
        assert_eq!(refused(|body| body["measurement"]["fields"] = json!({"clients": null})), "measurement.fields: has no value");
        assert_eq!(refused(|body| drop(body["measurement"].as_object_mut().unwrap().remove("fields"))), "measurement.fields: is required");
    }

    #[test]
    fn tags_of_users_cannot_take_the_names_of_others() {
        let read = Register::read(&with(|body| body["runTags"] = json!({"team": "web", "build": 7, "none": null}))).unwrap();
        assert_eq!(Value::Object(read.run_tags), json!({"team": "web", "build": "7"}));
        for name in ["hostname", "time", "run", "p95", "users", "duration", "_field", ""] {
            assert!(refused(|body| body["runTags"] = json!({name: "x"})).starts_with("runTags."), "{name}");
        }
    }

    #[test]
    fn silence_is_bounded() {
        for (value, seconds) in [(json!(90), 90), (json!("90s"), 90), (json!("5m"), 300), (json!("90"), 90)] {
            assert_eq!(Register::read(&with(|body| body["idleTimeout"] = value)).unwrap().idle, Some(Duration::from_secs(seconds)));
        }
        for value in [json!(0), json!("31d"), json!("soon"), json!([]), json!(-1)] {
            assert!(refused(|body| body["idleTimeout"] = value.clone()).starts_with("idleTimeout: "), "{value}");
        }
    }

    #[test]
    fn a_commit_needs_its_result() {
        let body = json!({"hostname": "h", "uuid": "u", "targetHost": "t", "exitCode": "3",
            "measurement": {"fields": {"requestStats": "str", "requests": 5}, "tags": {"method": "POST"}}});
        let commit = Commit::read(&body).unwrap();
        assert_eq!((commit.stats, commit.exit_code, commit.target.as_deref()), (json!("str"), Some(3), Some("t")));
        let without = json!({"hostname": "h", "measurement": {"fields": {}}});
        assert_eq!(Commit::read(&without).unwrap_err().to_string(), "uuid: is required; measurement.fields.requestStats: is required");
        assert!(Commit::read(&json!([])).unwrap_err().to_string().contains("must be an object"));
    }
}
