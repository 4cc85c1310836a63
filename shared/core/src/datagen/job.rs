//! What jobs are made of: the request, the launch that a task is made from, and the report.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::calendar;
use super::run::Run;
use crate::ids::{JobName, SpecName};
use crate::limits;
use crate::mistakes::{Findings, Mistakes, Node, kind_of};
use crate::ports::{Committed, Timestamp};
use crate::targets::{Target, mask_secrets};
use crate::tasks::{Phase, Task};

/// The value of `config_file` for a job whose specification came with the request.
pub(super) const CUSTOM: &str = "__custom__";

/// What stands between a start timestamp and the first record, as in the original.
const START_OFFSET: Duration = Duration::from_millis(1);

/// Where a request's specification is.
#[derive(Debug, Clone, PartialEq)]
pub enum Config {
    /// In the request.
    Inline(Json),
    /// Under a name of the list.
    File(SpecName),
}

/// The clock that a job runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeType {
    /// Simulated, from now.
    Simulated,
    /// The wall clock.
    Real,
    /// From this moment: what is past is caught up with, then the wall clock is followed. From a moment in the future:
    /// simulated.
    From(Timestamp),
}

/// What `/start` and `/preview` share.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The specification.
    pub config: Config,
    /// Most entities.
    pub concurrency: u64,
    /// Limit in records.
    pub total_events: Option<u64>,
    /// Limit in job time, in nanoseconds.
    pub time: Option<u64>,
    /// The clock.
    pub time_type: TimeType,
    /// The seed, if one is asked for.
    pub seed: Option<i64>,
}

/// A checked `/start` request.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRequest {
    /// The job's name.
    pub name: JobName,
    /// Where its records go.
    pub target: Target,
    /// The target object as it was given.
    pub target_given: Map<String, Json>,
    /// The rest.
    pub settings: Settings,
}

impl JobRequest {
    /// Checks a `/start` body.
    ///
    /// # Errors
    /// Every mistake with its path.
    pub fn parse(body: &Json) -> Result<Self, Mistakes> {
        let findings = Findings::default();
        let node = Node::top(body, "", &findings);
        let request = read_request(&node);
        findings.conclude(request)
    }

    /// The request as it is echoed: as given, with the path that the file will have and secrets masked, and with the mark of
    /// an inline specification.
    #[must_use]
    pub fn echo(&self, body: &Json) -> Json {
        let mut echo = body.clone();
        echo["target"] = Json::Object(self.target.shown(&self.target_given));
        if matches!(self.settings.config, Config::Inline(_)) {
            echo["config"]["config_file"] = json!(CUSTOM);
            // The target that a specification may bring along is not used, but its secrets are secrets all the same.
            if let Some(target) = echo["config"].get_mut("target").and_then(Json::as_object_mut) {
                mask_secrets(target);
            }
        }
        echo
    }
}

impl Settings {
    /// Checks a `/preview` body: a `/start` body without name and target.
    ///
    /// # Errors
    /// Every mistake with its path.
    pub fn parse_preview(body: &Json) -> Result<Self, Mistakes> {
        let findings = Findings::default();
        let node = Node::top(body, "", &findings);
        let settings = read_settings(&node).and_then(|settings| match settings.total_events {
            Some(count) if count > limits::PREVIEW_MOST => {
                node.get("total_events")?.wrong(format!("a preview has at most {} records", limits::PREVIEW_MOST))
            }
            given => Some(Self { total_events: Some(given.unwrap_or(limits::PREVIEW_DEFAULT)), ..settings }),
        });
        findings.conclude(settings)
    }

    /// How the plan is run when the job begins at `now`.
    #[must_use]
    pub fn run(&self, seed: i64, now: Timestamp) -> Run {
        let start = match self.time_type {
            TimeType::Simulated | TimeType::Real => now,
            TimeType::From(moment) => moment.plus(START_OFFSET),
        };
        Run { seed, start, concurrency: self.concurrency, total_events: self.total_events, time_limit: self.time }
    }
}

fn read_request(node: &Node<'_>) -> Option<JobRequest> {
    node.expect_object()?;
    let name = node.required("name").and_then(|name| {
        let text = name.text()?;
        JobName::try_from(text).or_else(|error| name.wrong::<JobName>(error.to_string()).ok_or(())).ok()
    });
    let target = node.required("target").and_then(|target| {
        target.expect_object()?;
        match Target::parse(target.value()) {
            Ok(parsed) => Some((parsed, target.value().as_object()?.clone())),
            Err(mistakes) => {
                for mistake in mistakes.as_slice() {
                    node.findings().note(mistake.path.clone(), mistake.problem.clone());
                }
                None
            }
        }
    });
    let settings = read_settings(node);
    let (name, (target, target_given), settings) = (name?, target?, settings?);
    Some(JobRequest { name, target, target_given, settings })
}

fn read_settings(node: &Node<'_>) -> Option<Settings> {
    node.expect_object()?;
    let config = read_config(node);
    #[expect(clippy::cast_possible_wrap, reason = "a small limit")]
    let concurrency = match node.optional("concurrency") {
        None => Some(100),
        Some(member) => member.integer_within(1, limits::CONCURRENCY as i64).map(i64::unsigned_abs),
    };
    let total_events = optional(node, "total_events", |member| member.integer().map(|count| count.max(0).unsigned_abs()));
    let time = optional(node, "time", |member| {
        let text = member.text()?;
        parse_span(text)
            .or_else(|| member.wrong(format!("{text:?} is no time limit: an integer followed by s, m, h or d, such as 90s or 48h")))
    });
    let time_type = match node.optional("time_type") {
        None => Some(TimeType::Simulated),
        Some(member) => {
            let text = member.text()?;
            parse_time_type(text).or_else(|| member.wrong(format!("{text:?} is neither SIM, REAL nor an ISO 8601 date or date and time")))
        }
    };
    let seed = optional(node, "seed", Node::integer);
    Some(Settings {
        config: config?,
        concurrency: concurrency?,
        total_events: total_events?,
        time: time?,
        time_type: time_type?,
        seed: seed?,
    })
}

/// An optional member: `Some(None)` when absent or null, `None` when it is wrong.
fn optional<'a, T>(node: &Node<'a>, member: &str, read: impl Fn(&Node<'a>) -> Option<T>) -> Option<Option<T>> {
    match node.optional(member) {
        None => Some(None),
        Some(member) => read(&member).map(Some),
    }
}

fn read_config(node: &Node<'_>) -> Option<Config> {
    if let Some(file) = node.optional("config_file") {
        let text = file.text()?;
        return match SpecName::try_from(text) {
            Ok(name) => Some(Config::File(name)),
            Err(error) => file.wrong(format!("{text:?} {error}")),
        };
    }
    let Some(config) = node.optional("config") else {
        return node.wrong("one of config (a specification) and config_file (a name from /list) is required");
    };
    match config.value() {
        Json::Object(_) => Some(Config::Inline(config.value().clone())),
        Json::String(_) => config.wrong("must be an object, not a text; a name from /list goes into config_file"),
        other => config.wrong(format!("must be an object, not {}", kind_of(other))),
    }
}

/// A span of job time in nanoseconds: an integer followed by `s`, `m`, `h` or `d`, either case.
#[must_use]
pub fn parse_span(text: &str) -> Option<u64> {
    let unit = match text.chars().last()?.to_ascii_lowercase() {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(unit)?.checked_mul(1_000_000_000)
}

/// `SIM`, `REAL` in any case, or a moment.
#[must_use]
pub fn parse_time_type(text: &str) -> Option<TimeType> {
    if text.eq_ignore_ascii_case("SIM") {
        return Some(TimeType::Simulated);
    }
    if text.eq_ignore_ascii_case("REAL") {
        return Some(TimeType::Real);
    }
    calendar::parse(text).map(TimeType::From)
}

/// A launched job: the specification of its task. Everything a run depends on, settled once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Launch {
    /// The job's name.
    pub name: JobName,
    /// The name of its specification, or `__custom__`.
    pub config_file: String,
    /// The specification itself, as it was at the launch.
    pub specification: Json,
    /// Whether a data file was stored with the task.
    pub has_source: bool,
    /// The target as it was given, secrets included: this stays in the store.
    pub target: Map<String, Json>,
    /// The seed, given or drawn.
    pub seed: i64,
    /// Where job time begins, in microseconds since 1970.
    pub start: Timestamp,
    /// What the report shows as `start_time`.
    pub start_shown: Timestamp,
    /// Whether job time follows the wall clock.
    pub paced: bool,
    /// Most entities.
    pub concurrency: u64,
    /// Limit in records.
    pub total_events: Option<u64>,
    /// Limit in job time, in nanoseconds.
    pub time_limit: Option<u64>,
    /// When it was launched, by the wall clock.
    pub launched: Timestamp,
}

impl Launch {
    /// How the plan is run.
    #[must_use]
    pub fn run(&self) -> Run {
        Run {
            seed: self.seed,
            start: self.start,
            concurrency: self.concurrency,
            total_events: self.total_events,
            time_limit: self.time_limit,
        }
    }
}

/// What a job's steps leave for reports, and for the next step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Records written.
    pub total_records: u64,
    /// Entities alive.
    pub active_sessions: u64,
    /// Job time passed, in nanoseconds.
    pub run_time: u64,
    /// What is durable at the target; at least what the snapshot stands at.
    pub committed: Committed,
}

/// A job as `/status` and `/jobs` show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The job's name.
    pub name: JobName,
    /// The name of its specification, or `__custom__`.
    pub config_file: String,
    /// The target, with the path it is served under and secrets masked.
    pub target: Map<String, Json>,
    /// Entities alive.
    pub active_sessions: u64,
    /// Records written.
    pub total_records: u64,
    /// Where job time began, `YYYY-MM-DD HH:MM:SS`.
    pub start_time: String,
    /// Job time passed, in seconds.
    pub run_time: f64,
    /// `RUNNING`, `COMPLETE` or `FAILED`.
    pub status: &'static str,
    /// What it is doing, waiting for, or failed of.
    pub status_msg: String,
    /// The seed that gives the same records again.
    pub seed: i64,
    /// When it was launched, by the wall clock, `YYYY-MM-DD HH:MM:SS`.
    pub launch_time: String,
}

impl Report {
    /// The report of a task.
    ///
    /// # Errors
    /// When the task is not one of a datagen job.
    pub fn of(task: &Task) -> Result<Self, serde_json::Error> {
        let launch = Launch::deserialize(&task.specification)?;
        let progress = Progress::deserialize(&task.progress)?;
        let target = match Target::parse(&Json::Object(launch.target.clone())) {
            Ok(target) => target.shown(&launch.target),
            Err(_) => Map::new(),
        };
        Ok(Self {
            name: launch.name,
            config_file: launch.config_file,
            target,
            active_sessions: if task.phase == Phase::Running { progress.active_sessions } else { 0 },
            total_records: progress.total_records,
            start_time: calendar::with_seconds(launch.start_shown),
            #[expect(clippy::cast_precision_loss, reason = "a report in seconds")]
            run_time: progress.run_time as f64 / 1e9,
            status: match task.phase {
                Phase::Running => "RUNNING",
                Phase::Complete => "COMPLETE",
                Phase::Failed => "FAILED",
            },
            status_msg: task.message.clone(),
            seed: launch.seed,
            launch_time: calendar::with_seconds(launch.launched),
        })
    }
}

/// The job clock in words: `2023-01-01 00:00:19.123456`.
#[must_use]
pub fn clock_text(run: &Run, now: u64) -> String {
    let micros = run.moment(now).unwrap_or(calendar::LAST);
    String::from_utf8_lossy(&calendar::with_micros(micros)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Json {
        json!({"name": "j", "target": {"type": "file", "path": "x/j.json"}, "config": {"states": []}, "concurrency": 1, "total_events": 10})
    }

    fn with(member: &str, value: Json) -> Json {
        let mut body = body();
        body[member] = value;
        body
    }

    #[test]
    fn a_request_is_echoed_as_it_was_understood() {
        let request = JobRequest::parse(&body()).unwrap();
        let echo = request.echo(&body());
        assert_eq!((&echo["target"]["path"], &echo["config"]["config_file"]), (&json!("/files/j.json"), &json!(CUSTOM)));
    }

    #[test]
    fn null_members_are_absent_ones() {
        let mut nulls = body();
        for member in ["time", "time_type", "concurrency", "total_events", "seed"] {
            nulls[member] = Json::Null;
        }
        let settings = JobRequest::parse(&nulls).unwrap().settings;
        assert_eq!(
            (settings.concurrency, settings.total_events, settings.time, settings.time_type),
            (100, None, None, TimeType::Simulated)
        );
    }

    #[test]
    fn every_wrong_member_is_named() {
        for (member, values) in [
            ("name", json!([123, true, {}, "", "a\nb"])),
            ("target", json!(["file", {"path": "q"}, {"type": "nope"}, {"type": "file", "path": ".."}])),
            ("config", json!(["iot/iot_twin.json", 5, []])),
            ("config_file", json!(["../x.json", "/etc/passwd", "", 5, "clickstream"])),
            ("concurrency", json!([0, -1, "2", 2.5, true, []])),
            ("total_events", json!(["10", 2.5, [], true])),
            ("time", json!([15, "", "x", "s", "-5s", "5 s s", "1.5m", [], "99999999999999999999h"])),
            ("time_type", json!(["yesterday", 5, "2020-13-01", "", ["SIM"]])),
            ("seed", json!(["abc", "5", 1.5, true, [1], {}])),
        ] {
            for value in values.as_array().unwrap() {
                let mistakes = JobRequest::parse(&with(member, value.clone())).expect_err(&value.to_string()).to_string();
                assert!(mistakes.starts_with(member), "{member} {value}: {mistakes}");
            }
        }
    }

    #[test]
    fn all_mistakes_of_a_request_come_at_once() {
        let mistakes = JobRequest::parse(&json!({"time": 5, "target": {"type": "kafka"}})).unwrap_err().to_string();
        for part in ["name: is required", "target.endpoint", "target.topic", "time: must be a text", "config_file"] {
            assert!(mistakes.contains(part), "{part} is not in {mistakes}");
        }
    }

    #[test]
    fn spans_are_integers_with_a_unit() {
        assert_eq!(parse_span("90s"), Some(90_000_000_000));
        assert_eq!(parse_span("2M"), Some(120_000_000_000));
        assert_eq!(parse_span("48h"), Some(172_800_000_000_000));
        assert_eq!(parse_span("é"), None);
    }

    #[test]
    fn a_preview_has_ten_records_unless_asked_and_a_thousand_at_most() {
        let of = |count: Json| Settings::parse_preview(&with("total_events", count)).map(|settings| settings.total_events);
        assert_eq!(of(Json::Null), Ok(Some(10)));
        assert_eq!(of(json!(1000)), Ok(Some(1000)));
        assert!(of(json!(1001)).unwrap_err().to_string().starts_with("total_events"));
    }
}
