//! Comparing two runs: what was measured of each, how much it differs, and whether that breaks a rule.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize, Serializer};

use super::csv::cell;
use super::measure::{Measure, Measured};
use super::subject::{ComparedRun, EndpointName, Subject};
use super::threshold::{Bound, DEFAULT, Rule, Scope};

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The run that the other one is held against.
    pub base: ComparedRun,
    /// The run that is judged.
    pub candidate: ComparedRun,
    /// What is said of the candidate in the end.
    pub verdict: Verdict,
    /// The rules that it was judged by: those that were given, or else the usual ones.
    pub rules: Vec<Rule>,
    /// Where a rule applied.
    pub failed: Vec<Finding>,
    /// Where a rule could not be judged, because a value is missing.
    pub unjudged: Vec<Finding>,
    /// All endpoints together.
    pub total: Changes,
    /// Each of them: those of the base in its order, then those that only the candidate has.
    pub endpoints: Vec<EndpointChanges>,
}

/// What is said of the candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No rule applied.
    Pass,
    /// A rule applied.
    Fail,
    /// No rule applied, but one that was given could not be judged everywhere; or none of the usual ones could.
    Unjudged,
}

/// All measures of an endpoint or of the total.
pub type Changes = BTreeMap<Measure, Change>;

/// An endpoint in both runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointChanges {
    /// Which endpoint.
    #[serde(flatten)]
    pub endpoint: EndpointName,
    /// Which of the runs have it.
    #[serde(rename = "in")]
    pub found_in: FoundIn,
    /// What was measured.
    pub measures: Changes,
}

/// Which runs have an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FoundIn {
    /// Both.
    Both,
    /// Only the base.
    Base,
    /// Only the candidate.
    Candidate,
}

/// A measure in both runs. Whole numbers are written as such.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Its value in the base.
    #[serde(serialize_with = "plain")]
    pub base: Option<f64>,
    /// Its value in the candidate.
    #[serde(serialize_with = "plain")]
    pub candidate: Option<f64>,
    /// How much more it is in the candidate.
    #[serde(serialize_with = "plain")]
    pub difference: Option<f64>,
    /// The same in percent of the base; nothing where that is 0.
    #[serde(serialize_with = "plain")]
    pub percent: Option<f64>,
    /// Whether more of it is worse; nothing where it is neither.
    pub more_is_worse: Option<bool>,
    /// What became of it, by any difference at all.
    pub change: Option<Direction>,
}

/// What became of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It is better than in the base.
    Better,
    /// It is worse.
    Worse,
    /// It is as it was.
    Same,
}

/// A rule where it applied, or where it could not be judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// Of which endpoint; nothing for the total.
    pub endpoint: Option<EndpointName>,
    /// What it is about.
    pub measure: Measure,
    /// Its value in the base.
    #[serde(serialize_with = "plain")]
    pub base: Option<f64>,
    /// Its value in the candidate.
    #[serde(serialize_with = "plain")]
    pub candidate: Option<f64>,
    /// The difference in percent of the base.
    #[serde(serialize_with = "plain")]
    pub percent: Option<f64>,
}

/// A number as people write it: `260` where it is whole.
fn plain<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and in the range of exact whole numbers")]
        Some(whole) if whole.fract() == 0.0 && whole.abs() < 9e15 => serializer.serialize_i64(*whole as i64),
        Some(number) => serializer.serialize_f64(*number),
        None => serializer.serialize_none(),
    }
}

/// Holds a candidate against a base. Without rules the usual ones count.
#[must_use]
pub fn compare(base: &Subject, candidate: &Subject, rules: &[Rule]) -> Comparison {
    let (in_base, in_candidate) = (base.by_name(), candidate.by_name());
    let known: HashSet<&EndpointName> = base.endpoints.iter().map(|(name, _)| name).collect();
    let only_new = candidate.endpoints.iter().map(|(name, _)| name).filter(|name| !known.contains(name));
    let nothing = Measured::new();
    let endpoints = base.endpoints.iter().map(|(name, _)| name).chain(only_new).map(|name| {
        let (before, after) = (in_base.get(name), in_candidate.get(name));
        let found_in = match (before, after) {
            (Some(_), Some(_)) => FoundIn::Both,
            (_, None) => FoundIn::Base,
            (None, Some(_)) => FoundIn::Candidate,
        };
        let measures = changes(before.unwrap_or(&&nothing), after.unwrap_or(&&nothing));
        EndpointChanges { endpoint: name.clone(), found_in, measures }
    });
    let endpoints: Vec<EndpointChanges> = endpoints.collect();
    let total = changes(&base.total, &candidate.total);
    let given = !rules.is_empty();
    let rules = if given { rules.to_vec() } else { DEFAULT.to_vec() };
    let judged = judge(&rules, &total, &endpoints);
    let verdict = match &judged {
        Judged { failed, .. } if !failed.is_empty() => Verdict::Fail,
        Judged { unjudged, passed, .. } if !unjudged.is_empty() && (given || *passed == 0) => Verdict::Unjudged,
        Judged { .. } => Verdict::Pass,
    };
    let Judged { failed, unjudged, .. } = judged;
    Comparison { base: base.about.clone(), candidate: candidate.about.clone(), verdict, rules, failed, unjudged, total, endpoints }
}

fn changes(base: &Measured, candidate: &Measured) -> Changes {
    Measure::ALL.into_iter().map(|measure| (measure, change(measure, base.get(&measure), candidate.get(&measure)))).collect()
}

fn change(measure: Measure, base: Option<&f64>, candidate: Option<&f64>) -> Change {
    let (base, candidate, more_is_worse) = (base.copied(), candidate.copied(), measure.more_is_worse());
    let difference = base.zip(candidate).map(|(base, candidate)| candidate - base);
    let percent = difference.zip(base).map(|(difference, base)| difference * 100.0 / base).filter(|percent| percent.is_finite());
    let change = difference.zip(more_is_worse).map(|(difference, more_is_worse)| match difference {
        0.0 => Direction::Same,
        difference if (difference > 0.0) == more_is_worse => Direction::Worse,
        _ => Direction::Better,
    });
    Change { base, candidate, difference, percent, more_is_worse, change }
}

/// What rules come to.
#[derive(Debug, Default)]
struct Judged {
    failed: Vec<Finding>,
    unjudged: Vec<Finding>,
    /// How often a rule was judged and did not apply.
    passed: usize,
}

/// Judges every rule wherever it is for. An endpoint that one run does not have is no missing value: a rule about the difference is not for
/// it, and one about the candidate's own value is for what the candidate has.
fn judge(rules: &[Rule], total: &Changes, endpoints: &[EndpointChanges]) -> Judged {
    let mut judged = Judged::default();
    for rule in rules {
        let is_for = |endpoint: &&EndpointChanges| match endpoint.found_in {
            FoundIn::Both => true,
            FoundIn::Candidate => !rule.is_relative(),
            FoundIn::Base => false,
        };
        let each = endpoints.iter().filter(|_| rule.scope == Scope::Any).filter(is_for);
        let all = std::iter::once((None, total)).chain(each.map(|endpoint| (Some(&endpoint.endpoint), &endpoint.measures)));
        for (endpoint, measures) in all {
            let Some(Change { base, candidate, percent, .. }) = measures.get(&rule.measure).copied() else { continue };
            let finding = || Finding { rule: *rule, endpoint: endpoint.cloned(), measure: rule.measure, base, candidate, percent };
            let values = match rule.bound {
                Bound::Value(_) => candidate.map(|candidate| (candidate, candidate)),
                Bound::Percent(_) | Bound::Points(_) => base.zip(candidate),
            };
            match values {
                None => judged.unjudged.push(finding()),
                Some((base, candidate)) if rule.applies(base, candidate) => judged.failed.push(finding()),
                Some(_) => judged.passed += 1,
            }
        }
    }
    judged
}

impl Comparison {
    /// A row for each measure of the total and of each endpoint, as CSV. `in` is `total` or says which runs have the endpoint.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut csv = "in,method,name,measure,base,candidate,difference,percent,change\r\n".to_owned();
        rows(&mut csv, "total", None, &self.total);
        for endpoint in &self.endpoints {
            let found_in = match endpoint.found_in {
                FoundIn::Both => "both",
                FoundIn::Base => "base",
                FoundIn::Candidate => "candidate",
            };
            rows(&mut csv, found_in, Some(&endpoint.endpoint), &endpoint.measures);
        }
        csv
    }
}

fn rows(csv: &mut String, found_in: &str, endpoint: Option<&EndpointName>, measures: &Changes) {
    let method = cell(endpoint.and_then(|endpoint| endpoint.method.as_deref()).unwrap_or_default());
    let name = cell(endpoint.map(|endpoint| endpoint.name.as_str()).unwrap_or_default());
    for (measure, change) in measures {
        let numbers = [change.base, change.candidate, change.difference, change.percent];
        let numbers = numbers.map(|number| number.map(|number| number.to_string()).unwrap_or_default()).join(",");
        let became = match change.change {
            Some(Direction::Better) => "better",
            Some(Direction::Worse) => "worse",
            Some(Direction::Same) => "same",
            None => "",
        };
        csv.push_str(&format!("{found_in},{method},{name},{},{numbers},{became}\r\n", measure.name()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Statistics of endpoints: name, requests, failures, 95 of a hundred.
    fn stats(rows: &[(&str, i64, i64, Option<f64>)]) -> Subject {
        let rows = rows.iter().map(|(name, requests, failures, p95)| {
            json!({"method": if *name == "Aggregated" { "" } else { "GET" }, "name": name, "num_requests": requests, "num_failures": failures,
                "response_time_percentile_0.95": p95, "total_rps": 2.5})
        });
        Subject::read(&json!({"stats": rows.collect::<Vec<_>>()})).unwrap()
    }

    fn compared(base: &Subject, candidate: &Subject, rules: &[&str]) -> Comparison {
        let rules: Vec<Rule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        compare(base, candidate, &rules)
    }

    fn named(findings: &[Finding]) -> Vec<(String, Option<&str>)> {
        findings.iter().map(|it| (it.rule.to_string(), it.endpoint.as_ref().map(|endpoint| endpoint.name.as_str()))).collect()
    }

    #[test]
    fn measures_differ_absolutely_and_in_percent() {
        let (base, candidate) = (stats(&[("/a", 200, 0, Some(80.0))]), stats(&[("/a", 100, 2, Some(90.0))]));
        let comparison = compared(&base, &candidate, &[]);
        let of = |measure| serde_json::to_value(comparison.endpoints[0].measures[&measure]).unwrap();
        assert_eq!(
            of(Measure::P95),
            json!({"base": 80, "candidate": 90, "difference": 10, "percent": 12.5, "moreIsWorse": true, "change": "worse"})
        );
        let wanted = json!({"base": 0, "candidate": 2, "difference": 2, "percent": null, "moreIsWorse": true, "change": "worse"});
        assert_eq!(of(Measure::Failures), wanted);
        assert_eq!(of(Measure::Requests)["change"], Value::Null);
        assert_eq!((&of(Measure::RequestsPerSecond)["change"], &of(Measure::RequestsPerSecond)["percent"]), (&json!("same"), &json!(0)));
        assert_eq!(of(Measure::P99)["difference"], Value::Null);
        assert_eq!(comparison.total[&Measure::FailureRatio].candidate, Some(0.02));
    }

    #[test]
    fn endpoints_of_one_run_only_are_said_to_be_so() {
        let base = stats(&[("/old", 1, 0, None), ("/a", 1, 0, None)]);
        let candidate = stats(&[("/new", 5, 5, Some(1.0)), ("/a", 1, 0, None)]);
        let comparison = compared(&base, &candidate, &["failures of any>10%", "failureRatio>0.5"]);
        let found: Vec<_> = comparison.endpoints.iter().map(|it| (it.endpoint.name.as_str(), it.found_in)).collect();
        assert_eq!(found, [("/old", FoundIn::Base), ("/a", FoundIn::Both), ("/new", FoundIn::Candidate)]);
        // The rule about differences is for the total and for /a, that about values for what the candidate has.
        assert_eq!(
            named(&comparison.failed),
            [("failures>10%".to_owned(), None), ("failureRatio>0.5".to_owned(), None), ("failureRatio>0.5".to_owned(), Some("/new"))]
        );
        assert_eq!((comparison.verdict, comparison.unjudged.len()), (Verdict::Fail, 0));
    }

    #[test]
    fn rules_are_for_the_total_and_each_unless_they_say_otherwise() {
        let base = stats(&[("/a", 100, 0, Some(100.0)), ("/b", 100, 0, Some(100.0)), ("Aggregated", 200, 0, Some(100.0))]);
        let candidate = stats(&[("/a", 100, 0, Some(111.0)), ("/b", 100, 0, Some(90.0)), ("Aggregated", 200, 0, Some(101.0))]);
        let comparison = compared(&base, &candidate, &["p95>10%"]);
        assert_eq!((named(&comparison.failed), comparison.verdict), (vec![("p95>10%".to_owned(), Some("/a"))], Verdict::Fail));
        assert_eq!(comparison.failed[0].percent, Some(11.0));
        assert_eq!(compared(&base, &candidate, &["p95 of total>10%"]).verdict, Verdict::Pass);
        assert_eq!(compared(&candidate, &base, &["p95 of total<-0.5%"]).verdict, Verdict::Fail);
        assert_eq!(compared(&base, &candidate, &[]).verdict, Verdict::Pass);
    }

    #[test]
    fn what_cannot_be_judged_does_not_pass_where_a_rule_was_given() {
        let (base, candidate) =
            (stats(&[("/a", 10, 0, Some(5.0)), ("/b", 10, 0, None)]), stats(&[("/a", 10, 0, None), ("/b", 10, 0, None)]));
        let comparison = compared(&base, &candidate, &["p95>10%", "requests<1"]);
        assert_eq!(comparison.verdict, Verdict::Unjudged);
        let p95 = |name| ("p95>10%".to_owned(), name);
        assert_eq!(named(&comparison.unjudged), [p95(None), p95(Some("/a")), p95(Some("/b"))]);
        // A rule that applied says more than one that could not be judged.
        assert_eq!(compared(&base, &candidate, &["p95>10%", "requests<100"]).verdict, Verdict::Fail);
        // Of the usual rules it is enough that one was judged.
        let usual = compared(&base, &candidate, &[]);
        assert_eq!((usual.verdict, named(&usual.unjudged)), (Verdict::Pass, vec![("p95 of total>10%".to_owned(), None)]));
        let nothing = stats(&[]);
        assert_eq!(compared(&nothing, &nothing, &[]).verdict, Verdict::Unjudged);
    }

    #[test]
    fn the_usual_rules_find_slower_and_failing_runs() {
        let base = stats(&[("Aggregated", 1000, 10, Some(100.0))]);
        for (failures, p95, wanted) in
            [(20, 110.0, Verdict::Pass), (21, 100.0, Verdict::Fail), (10, 110.5, Verdict::Fail), (0, 50.0, Verdict::Pass)]
        {
            assert_eq!(compared(&base, &stats(&[("Aggregated", 1000, failures, Some(p95))]), &[]).verdict, wanted, "{failures} {p95}");
        }
    }

    #[test]
    fn a_comparison_is_written_and_read_and_is_a_table() {
        let (base, candidate) = (stats(&[("/a,b", 3, 1, Some(7.5))]), stats(&[("/a,b", 6, 1, Some(15.0)), ("/c", 1, 1, None)]));
        let comparison = compared(&base, &candidate, &["p95 of any>10%", "p99>1"]);
        let read: Comparison = serde_json::from_str(&serde_json::to_string(&comparison).unwrap()).unwrap();
        assert_eq!(read, comparison);
        let csv = comparison.to_csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 1 + 3 * Measure::ALL.len());
        assert_eq!(lines[1], "total,,,requests,3,7,4,133.33333333333334,");
        assert!(lines.contains(&"both,GET,\"/a,b\",p95,7.5,15,7.5,100,worse"), "{csv}");
        assert!(lines.contains(&"candidate,GET,/c,failures,,1,,,"), "{csv}");
    }
}
