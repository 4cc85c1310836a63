//! What a comparison says.

use headwater_core::load_tests::Measure;
use headwater_web::shapes;
use serde_json::{Value, json};

shapes! {
    Comparison = {
        let findings = json!({"type": "array", "items": finding()});
        json!({
            "type": "object",
            "description": "Two runs side by side, and what is said of the candidate.",
            "required": ["base", "candidate", "verdict", "rules", "failed", "unjudged", "total", "endpoints"],
            "properties": {
                "base": run("The run that the other one is held against."),
                "candidate": run("The run that is judged."),
                "verdict": {
                    "enum": ["pass", "fail", "unjudged"],
                    "description": "Whether a rule applied; `unjudged` where none did, but one could not be judged.",
                },
                "rules": {"type": "array", "items": {"type": "string"}, "description": "The rules that it was judged by."},
                "failed": findings,
                "unjudged": findings,
                "total": changes("All endpoints together."),
                "endpoints": {"type": "array", "items": {
                    "type": "object",
                    "required": ["method", "name", "in", "measures"],
                    "properties": {
                        "method": {"type": ["string", "null"]},
                        "name": {"type": "string"},
                        "in": {"enum": ["both", "base", "candidate"], "description": "Which of the runs have it."},
                        "measures": changes("What was measured of it."),
                    },
                }},
            },
            "examples": [example()],
        })
    };
}

/// A comparison of two runs of one endpoint, with the measures that matter most.
fn example() -> Value {
    let run = |uuid: &str, version: &str| {
        json!({
            "uuid": uuid, "host": "generator-1", "testPlan": "checkout", "name": null, "version": version,
            "startedAt": "2026-01-31T09:00:00Z", "endedAt": "2026-01-31T09:30:00Z",
        })
    };
    let measures = json!({
        "requests": {"base": 7230, "candidate": 7250, "difference": 20, "percent": 0.276_625_172_890_733_1, "moreIsWorse": null, "change": null},
        "p95": {"base": 80, "candidate": 91, "difference": 11, "percent": 13.75, "moreIsWorse": true, "change": "worse"},
    });
    json!({
        "base": run("kTq7mBnX4cYpRzH2a", "6"),
        "candidate": run("vHxghgSQELwJwbCKc", "7"),
        "verdict": "fail",
        "rules": ["p95 of total>10%", "failureRatio of total>1pp"],
        "failed": [{"rule": "p95 of total>10%", "endpoint": null, "measure": "p95", "base": 80, "candidate": 91, "percent": 13.75}],
        "unjudged": [],
        "total": measures,
        "endpoints": [{"method": "GET", "name": "/cart", "in": "both", "measures": measures}],
    })
}

fn run(about: &str) -> Value {
    let text = json!({"type": ["string", "null"]});
    json!({
        "type": "object",
        "description": about,
        "properties": {
            "uuid": text, "host": text, "testPlan": text, "name": text, "version": text, "startedAt": text, "endedAt": text,
        },
    })
}

fn changes(about: &str) -> Value {
    let number = json!({"type": ["number", "null"]});
    let change = json!({
        "type": "object",
        "required": ["base", "candidate", "difference", "percent", "moreIsWorse", "change"],
        "properties": {
            "base": number,
            "candidate": number,
            "difference": number,
            "percent": {"type": ["number", "null"], "description": "The difference in percent of the base."},
            "moreIsWorse": {"type": ["boolean", "null"]},
            "change": {"enum": ["better", "worse", "same", null]},
        },
    });
    let names = Measure::ALL.map(Measure::name);
    json!({"type": "object", "description": about, "propertyNames": {"enum": names}, "additionalProperties": change})
}

fn finding() -> Value {
    let number = json!({"type": ["number", "null"]});
    json!({
        "type": "object",
        "description": "A rule, and where it applied or could not be judged.",
        "required": ["rule", "endpoint", "measure", "base", "candidate", "percent"],
        "properties": {
            "rule": {"type": "string"},
            "endpoint": {
                "type": ["object", "null"],
                "description": "Of which endpoint; nothing for the total.",
                "properties": {"method": {"type": ["string", "null"]}, "name": {"type": "string"}},
            },
            "measure": {"type": "string"},
            "base": number,
            "candidate": number,
            "percent": number,
        },
    })
}
