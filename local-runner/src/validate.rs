//! `headwater validate`: all that is wrong with specifications, requests to start jobs, and device models.
//!
//! The checks are those of the server: a document that is `ok` here is taken there, as far as that depends on the document.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use bytes::Bytes;
use headwater_core::datagen::{Config, JobRequest, Plan, source_of};
use headwater_core::mistakes::{Mistake, Mistakes};
use headwater_core::simulations::DeviceModel;
use serde_json::{Map, Value, json};

use crate::args::{Kind, Validate};
use crate::output::{ReaderGone, write_out};
use crate::specification::{find_source, read_text, stock};

/// How it ends when something cannot be read.
const UNREADABLE: u8 = 2;

/// What became of a document.
struct Checked<'a> {
    name: &'a str,
    kind: Option<Kind>,
    /// What is wrong with it; or why it could not be read.
    outcome: Result<Vec<Mistake>, String>,
}

pub(crate) fn run(options: &Validate) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime cannot be started")?;
    let mut all = Vec::new();
    for name in &options.names {
        all.push(runtime.block_on(check(name, options.kind)));
    }
    let mut text = if options.is_json() {
        let shown: Vec<Value> = all.iter().map(Checked::as_json).collect();
        serde_json::to_vec_pretty(&shown).context("the findings cannot be written")?
    } else {
        all.iter().map(Checked::as_lines).collect::<String>().into_bytes()
    };
    if options.is_json() {
        text.push(b'\n');
    }
    for checked in &all {
        if let Err(why) = &checked.outcome {
            eprintln!("headwater: {why}");
        }
    }
    match write_out(&mut text) {
        // The verdict counts, also when nobody reads to its end.
        Err(error) if !error.is::<ReaderGone>() => return Err(error),
        _ => {}
    }
    let is_wrong = |checked: &Checked<'_>| checked.outcome.as_ref().is_ok_and(|mistakes| !mistakes.is_empty());
    Ok(match () {
        () if all.iter().any(|checked| checked.outcome.is_err()) => ExitCode::from(UNREADABLE),
        () if all.iter().any(is_wrong) => ExitCode::FAILURE,
        () => ExitCode::SUCCESS,
    })
}

impl Checked<'_> {
    fn as_lines(&self) -> String {
        match &self.outcome {
            Err(_) => String::new(), // It is said beside the output.
            Ok(mistakes) if mistakes.is_empty() => format!("{}: ok\n", self.name),
            Ok(mistakes) => mistakes.iter().map(|mistake| format!("{}: {}\n", self.name, mistake.to_string().replace('\n', " "))).collect(),
        }
    }

    fn as_json(&self) -> Value {
        let kind = self.kind.map(|kind| match kind {
            Kind::Specification => "specification",
            Kind::Start => "start",
            Kind::DeviceModel => "device-model",
        });
        match &self.outcome {
            Err(why) => json!({"name": self.name, "kind": kind, "ok": false, "error": why, "mistakes": []}),
            Ok(mistakes) => {
                let shown: Vec<Value> = mistakes.iter().map(|mistake| json!({"path": mistake.path, "problem": mistake.problem})).collect();
                json!({"name": self.name, "kind": kind, "ok": mistakes.is_empty(), "mistakes": shown})
            }
        }
    }
}

async fn check(name: &str, kind: Option<Kind>) -> Checked<'_> {
    let (text, beside) = match read_text(name).await {
        Ok(read) => read,
        Err(error) => return Checked { name, kind, outcome: Err(format!("{error:#}")) },
    };
    let document: Value = match serde_json::from_slice(&text) {
        Ok(document) => document,
        Err(error) => return Checked { name, kind, outcome: Ok(vec![Mistake::new("", format!("is not JSON: {error}"))]) },
    };
    let Some(kind) = kind.or_else(|| kind_of(&document)) else {
        let problem = "is neither a specification (states, emitters, interarrival) nor a request (config, config_file, target) nor a device \
                       model (Simulation, Telemetry, Protocol); --kind says which it is to be";
        return Checked { name, kind: None, outcome: Ok(vec![Mistake::new("", problem)]) };
    };
    let outcome = match kind {
        Kind::Specification => specification(&document, beside.as_deref()).await.map(drop),
        Kind::Start => request(&document, beside.as_deref()).await,
        Kind::DeviceModel => DeviceModel::parse(&document, "").map(drop),
    };
    let mistakes = outcome.err().map(|mistakes| mistakes.as_slice().to_vec()).unwrap_or_default();
    Checked { name, kind: Some(kind), outcome: Ok(mistakes) }
}

/// What a document is, by its members. A specification comes first: it may have a member `target` of its own.
fn kind_of(document: &Value) -> Option<Kind> {
    let members: &Map<String, Value> = document.as_object()?;
    let has = |names: &[&str]| names.iter().any(|name| members.contains_key(*name));
    let has_in_any_case = |names: &[&str]| members.keys().any(|member| names.iter().any(|name| member.eq_ignore_ascii_case(name)));
    let is_replay = || members.get("type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("replay"));
    if has(&["states", "emitters", "interarrival"]) || is_replay() {
        Some(Kind::Specification)
    } else if has(&["config", "config_file", "target"]) {
        Some(Kind::Start)
    } else if has_in_any_case(&["Simulation", "Telemetry", "Protocol"]) {
        Some(Kind::DeviceModel)
    } else {
        None
    }
}

async fn specification(document: &Value, beside: Option<&Path>) -> Result<Plan, Mistakes> {
    let source: Option<Bytes> = match source_of(document) {
        Some(name) => find_source(&name, beside).await.map_err(|error| Mistakes::one("source_file", format!("{error:#}")))?,
        None => None,
    };
    Plan::compile(document, 0, source.as_deref())
}

/// A request, with the specification in it, or the one of the stock that it names. One that only a server knows is not looked into.
async fn request(body: &Value, beside: Option<&Path>) -> Result<(), Mistakes> {
    let parsed = JobRequest::parse(body);
    let inline = body.get("config").filter(|config| config.is_object() && body.get("config_file").is_none_or(Value::is_null));
    let named = match &parsed {
        Ok(JobRequest { settings, .. }) => match &settings.config {
            Config::File(name) => stock(name.as_str()).await.and_then(|text| serde_json::from_slice::<Value>(&text).ok()),
            Config::Inline(_) => None,
        },
        Err(_) => None,
    };
    let plan = match inline.or(named.as_ref()) {
        Some(config) => specification(config, beside).await.map(Some).map_err(|mistakes| below("config", &mistakes)),
        None => Ok(None),
    };
    match (parsed, plan) {
        (Err(first), Err(more)) => Err(first.and(more)),
        (Err(mistakes), Ok(_)) | (Ok(_), Err(mistakes)) => Err(mistakes),
        (Ok(request), Ok(Some(plan))) if plan.stands_still() && request.settings.total_events.is_none() => {
            Err(Mistakes::one("total_events", "is required here: job time never passes"))
        }
        (Ok(_), Ok(_)) => Ok(()),
    }
}

/// Mistakes in what a member holds.
fn below(member: &str, mistakes: &Mistakes) -> Mistakes {
    let path = |mistake: &Mistake| if mistake.path.is_empty() { member.to_owned() } else { format!("{member}.{}", mistake.path) };
    let moved = mistakes.as_slice().iter().map(|mistake| Mistakes::one(path(mistake), mistake.problem.clone()));
    moved.reduce(Mistakes::and).unwrap_or_else(|| mistakes.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_told_apart_by_their_members() {
        for (document, kind) in [
            (json!({"states": [], "target": {}}), Some(Kind::Specification)),
            (json!({"type": "Replay"}), Some(Kind::Specification)),
            (json!({"name": "x", "config_file": "a.json"}), Some(Kind::Start)),
            (json!({"name": "x", "target": {}}), Some(Kind::Start)),
            (json!({"Name": "x", "telemetry": []}), Some(Kind::DeviceModel)),
            (json!({"name": "x"}), None),
            (json!([]), None),
        ] {
            assert_eq!(kind_of(&document), kind, "{document}");
        }
    }
}
