//! A comparison as people read it in a terminal.

use headwater_core::load_tests::{Change, Changes, ComparedRun, Comparison, EndpointName, Finding, FoundIn, Measure, Verdict};

/// What the table shows, and how its columns are named.
const COLUMNS: [(Measure, &str); 7] = [
    (Measure::Requests, "REQUESTS"),
    (Measure::FailureRatio, "FAILED"),
    (Measure::RequestsPerSecond, "PER SECOND"),
    (Measure::AverageResponseTime, "AVERAGE ms"),
    (Measure::P50, "P50 ms"),
    (Measure::P95, "P95 ms"),
    (Measure::P99, "P99 ms"),
];

/// The whole of it: which runs, a row for the total and for each endpoint, what failed, and the verdict.
pub(super) fn render(comparison: &Comparison, base: &str, candidate: &str) -> String {
    let mut text = format!("base       {}\n", run(&comparison.base, base));
    text.push_str(&format!("candidate  {}\n\n", run(&comparison.candidate, candidate)));
    let head = std::iter::once(String::new()).chain(COLUMNS.map(|(_, name)| name.to_owned()));
    let mut rows = vec![head.collect::<Vec<_>>(), row("total", &comparison.total)];
    for endpoint in &comparison.endpoints {
        let name = match endpoint.found_in {
            FoundIn::Both => shown(&endpoint.endpoint),
            FoundIn::Base => format!("{} (only in the base)", shown(&endpoint.endpoint)),
            FoundIn::Candidate => format!("{} (only in the candidate)", shown(&endpoint.endpoint)),
        };
        rows.push(row(&name, &endpoint.measures));
    }
    text.push_str(&aligned(&rows));
    text.push('\n');
    for finding in &comparison.failed {
        let (base, candidate) = (of(finding.measure, finding.base), of(finding.measure, finding.candidate));
        let percent = finding.percent.map(|percent| format!(", {percent:+.1}%")).unwrap_or_default();
        text.push_str(&format!("failed: {}: {} went from {base} to {candidate}{percent}\n", finding.rule, place(finding)));
    }
    for finding in &comparison.unjudged {
        let who = match (finding.base, finding.candidate) {
            (None, None) => "neither run has it",
            (None, Some(_)) => "the base does not have it",
            (Some(_), _) => "the candidate does not have it",
        };
        text.push_str(&format!("not judged: {}: {}: {who}\n", finding.rule, place(finding)));
    }
    let rules: Vec<String> = comparison.rules.iter().map(ToString::to_string).collect();
    let verdict = match comparison.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Unjudged => "not decided",
    };
    text.push_str(&format!("{verdict} ({})\n", rules.join(", ")));
    text
}

/// Which run it is: what the user called it, and what its record says.
fn run(run: &ComparedRun, called: &str) -> String {
    let parts = [
        Some(called),
        run.test_plan.as_deref(),
        run.name.as_deref(),
        run.version.as_deref(),
        run.host.as_deref(),
        run.started_at.as_deref(),
    ];
    parts.into_iter().flatten().map(clean).collect::<Vec<_>>().join("  ")
}

fn shown(endpoint: &EndpointName) -> String {
    match &endpoint.method {
        Some(method) => clean(&format!("{method} {}", endpoint.name)),
        None => clean(&endpoint.name),
    }
}

/// A text without what would move the cursor, or do worse, in a terminal.
fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

fn place(finding: &Finding) -> String {
    finding.endpoint.as_ref().map_or_else(|| "total".to_owned(), shown)
}

fn row(name: &str, measures: &Changes) -> Vec<String> {
    let cells = COLUMNS.map(|(measure, _)| measures.get(&measure).map(|change| cell(measure, change)).unwrap_or_default());
    std::iter::once(name.to_owned()).chain(cells).collect()
}

/// A value of the candidate, and how it changed.
fn cell(measure: Measure, change: &Change) -> String {
    let value = match (change.base, change.candidate) {
        (None, None) => return "-".to_owned(),
        (Some(base), None) => return format!("({})", of(measure, Some(base))),
        (_, candidate) => of(measure, candidate),
    };
    match (measure, change.difference, change.percent) {
        (_, None, _) => value,
        (_, Some(0.0), _) => format!("{value} ="),
        (Measure::FailureRatio, Some(difference), _) => format!("{value} {:+.2}pp", difference * 100.0),
        (_, _, Some(percent)) => format!("{value} {percent:+.1}%"),
        (_, Some(difference), None) => format!("{value} {difference:+}"),
    }
}

/// A value with as many digits as can be read.
fn of(measure: Measure, value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(ratio) if measure == Measure::FailureRatio => format!("{:.2}%", ratio * 100.0),
        Some(whole) if whole.fract() == 0.0 => format!("{whole}"),
        Some(value) if value.abs() < 10.0 => format!("{value:.2}"),
        Some(value) => format!("{value:.1}"),
    }
}

/// Rows with their columns below one another: names to the left, numbers to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 => format!("{cell:width$}"),
            _ => format!("  {cell:>width$}"),
        });
        cells.collect::<String>().trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use headwater_core::load_tests::{Subject, compare};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_comparison_reads_as_a_table() {
        let stats = |rows: serde_json::Value| Subject::read(&json!({"stats": rows})).unwrap();
        let row = |name: &str, requests: u64, failures: u64, p95: Option<f64>| {
            json!({"method": "GET", "name": name, "num_requests": requests, "num_failures": failures,
                "response_time_percentile_0.95": p95, "total_rps": 12.25})
        };
        let base = stats(json!([row("/cart", 200, 0, Some(80.0)), row("/old\u{1b}[2J", 7, 0, None)]));
        let candidate = stats(json!([row("/cart", 250, 3, Some(91.5))]));
        let rules = ["p95>10%".parse().unwrap(), "failureRatio of total<0.001".parse().unwrap()];
        let text = render(&compare(&base, &candidate, &rules), "before.json", "after.json");
        let wanted = "\
base       before.json
candidate  after.json

                                   REQUESTS         FAILED   PER SECOND  AVERAGE ms  P50 ms       P95 ms  P99 ms
total                            250 +20.8%  1.20% +1.20pp  12.2 -50.0%           -       -            -       -
GET /cart                        250 +25.0%  1.20% +1.20pp       12.2 =           -       -  91.5 +14.4%       -
GET /old\u{fffd}[2J (only in the base)         (7)        (0.00%)       (12.2)           -       -            -       -

failed: p95>10%: GET /cart went from 80 to 91.5, +14.4%
not judged: p95>10%: total: neither run has it
fail (p95>10%, failureRatio of total<0.001)
";
        assert_eq!(text, wanted);
    }
}
