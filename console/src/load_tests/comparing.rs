//! Two runs side by side.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use headwater_core::load_tests::{
    Change, Changes, ComparedRun, Comparison, ComparisonError, Direction, EndpointName, Finding, FoundIn, Measure, Rule, Verdict,
};
use http::StatusCode;
use serde::Deserialize;

use super::{SECTION, number};
use crate::Console;
use crate::guard::Session;
use crate::page::{Page, show as show_page};

/// Endpoints that are shown: each is a table of its own.
const ENDPOINTS: usize = 100;

/// Places that are named where rules applied, or could not be judged.
const FINDINGS: usize = 100;

#[derive(Template)]
#[template(path = "load_test_comparison.html")]
struct ComparisonPage {
    page: Page,
    asked: Asked,
    /// What is wrong with the rules.
    mistake: Option<String>,
    shown: Option<Shown>,
}

/// Which runs, and by which rules, as the form says it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    base: String,
    candidate: String,
    /// With commas or line ends between them; nothing for the usual ones.
    rules: String,
}

/// A comparison as it is shown.
struct Shown {
    base: ComparedRun,
    candidate: ComparedRun,
    verdict: Verdict,
    rules: String,
    failed: Vec<String>,
    unjudged: Vec<String>,
    total: Vec<Row>,
    endpoints: Vec<Endpoint>,
    /// How many there are.
    all: usize,
}

/// An endpoint of one run or of both.
struct Endpoint {
    name: String,
    only_in: Option<&'static str>,
    rows: Vec<Row>,
}

/// A measure in both runs.
struct Row {
    measure: &'static str,
    base: String,
    candidate: String,
    difference: String,
    percent: String,
    /// `better`, `worse`, `same` or nothing.
    became: &'static str,
}

impl Shown {
    fn new(comparison: Comparison) -> Self {
        let all = comparison.endpoints.len();
        let endpoints = comparison.endpoints.iter().take(ENDPOINTS).map(|endpoint| Endpoint {
            name: named(&endpoint.endpoint),
            only_in: match endpoint.found_in {
                FoundIn::Both => None,
                FoundIn::Base => Some("only the base has it"),
                FoundIn::Candidate => Some("only the candidate has it"),
            },
            rows: rows(&endpoint.measures),
        });
        Self {
            endpoints: endpoints.collect(),
            all,
            total: rows(&comparison.total),
            failed: told_of(&comparison.failed),
            unjudged: told_of(&comparison.unjudged),
            rules: comparison.rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            verdict: comparison.verdict,
            base: comparison.base,
            candidate: comparison.candidate,
        }
    }

    /// The two runs, with what they are here.
    fn sides(&self) -> [(&'static str, &ComparedRun); 2] {
        [("Base", &self.base), ("Candidate", &self.candidate)]
    }

    /// The class and the words of the verdict.
    fn verdict(&self) -> (&'static str, &'static str) {
        match self.verdict {
            Verdict::Pass => ("better", "Passed: no rule applied."),
            Verdict::Fail => ("worse", "Failed: a rule applied."),
            Verdict::Unjudged => ("", "Not judged: values are missing that a rule is about."),
        }
    }
}

/// The rows of measures that at least one run has.
fn rows(measures: &Changes) -> Vec<Row> {
    let known = |change: &Change| change.base.is_some() || change.candidate.is_some();
    measures.iter().filter(|(_, change)| known(change)).map(|(measure, change)| row(*measure, change)).collect()
}

fn row(measure: Measure, change: &Change) -> Row {
    let value = |value: Option<f64>| value.map(|value| written(measure, value)).unwrap_or_default();
    let signed = |value: f64, text: String| if value > 0.0 { format!("+{text}") } else { text };
    Row {
        measure: word(measure),
        base: value(change.base),
        candidate: value(change.candidate),
        difference: change.difference.map(|difference| signed(difference, written(measure, difference))).unwrap_or_default(),
        percent: change.percent.map(|percent| signed(percent, format!("{percent:.1} %"))).unwrap_or_default(),
        became: match change.change {
            Some(Direction::Better) => "better",
            Some(Direction::Worse) => "worse",
            Some(Direction::Same) => "same",
            None => "",
        },
    }
}

/// A value with its unit, where that is not in the measure's name.
fn written(measure: Measure, value: f64) -> String {
    match measure {
        Measure::FailureRatio => format!("{} %", number(&(value * 100.0))),
        _ => number(&value),
    }
}

fn word(measure: Measure) -> &'static str {
    match measure {
        Measure::Requests => "Requests",
        Measure::Failures => "Failures",
        Measure::FailureRatio => "Share of failures",
        Measure::RequestsPerSecond => "Requests per second",
        Measure::FailuresPerSecond => "Failures per second",
        Measure::AverageResponseTime => "Average in ms",
        Measure::MinResponseTime => "Least in ms",
        Measure::MaxResponseTime => "Most in ms",
        Measure::P50 => "p50 in ms",
        Measure::P90 => "p90 in ms",
        Measure::P95 => "p95 in ms",
        Measure::P99 => "p99 in ms",
    }
}

fn named(endpoint: &EndpointName) -> String {
    endpoint.method.as_ref().map_or_else(|| endpoint.name.clone(), |method| format!("{method} {}", endpoint.name))
}

/// Where a rule applied, or could not be judged.
fn told(finding: &Finding) -> String {
    let place = finding.endpoint.as_ref().map_or_else(|| "the total".to_owned(), named);
    let value = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |value| written(finding.measure, value));
    format!("{}, of {place}: {} before, {} now", finding.rule, value(finding.base), value(finding.candidate))
}

/// The first of them in words, and how many more there are.
fn told_of(findings: &[Finding]) -> Vec<String> {
    let more = findings.len().saturating_sub(FINDINGS);
    findings.iter().take(FINDINGS).map(told).chain((more > 0).then(|| format!("and {more} more"))).collect()
}

/// Rules with commas or line ends between them.
fn rules(text: &str) -> Result<Vec<Rule>, String> {
    let texts: Vec<&str> = text.split([',', '\n']).map(str::trim).filter(|rule| !rule.is_empty()).collect();
    if texts.len() > Rule::MOST {
        return Err(format!("{} rules are given; at most {} are taken", texts.len(), Rule::MOST));
    }
    texts.into_iter().map(|rule| rule.parse().map_err(|error: headwater_core::load_tests::BadRule| error.to_string())).collect()
}

pub(super) async fn show(State(console): State<Console>, session: Session, Query(asked): Query<Asked>) -> Response {
    let mut page = Page::of(&console, &session, "Two runs").in_section(SECTION);
    let rules = match rules(&asked.rules) {
        Ok(rules) => rules,
        Err(mistake) => {
            return show_page(StatusCode::BAD_REQUEST, &ComparisonPage { page, asked, mistake: Some(mistake), shown: None });
        }
    };
    match console.services.load_tests.compare(&asked.base, &asked.candidate, &rules).await {
        Ok(comparison) => show_page(StatusCode::OK, &ComparisonPage { page, asked, mistake: None, shown: Some(Shown::new(comparison)) }),
        Err(ComparisonError::Store(error)) => page.store_failed(&error),
        Err(error) => {
            page.title = "These runs cannot be compared".to_owned();
            let status = match error {
                ComparisonError::NotFound { .. } => StatusCode::NOT_FOUND,
                _ => StatusCode::CONFLICT,
            };
            page.notice(status, error.to_string())
        }
    }
}
