//! Comparing runs of load tests, over HTTP and as typed.

use serde_json::{Value, json};

use crate::load_tests_client::{registration, sample};
use crate::program::{Ran, run};
use crate::server::{Home, Server};

/// Locust's statistics as its web interface answers them, with one endpoint slower and failing.
fn worse() -> Value {
    let mut stats = sample("locust-stats-requests.json");
    for row in stats["stats"].as_array_mut().unwrap() {
        if row["name"] == "/" || row["name"] == "Aggregated" {
            row["response_time_percentile_0.95"] = json!(15);
            row["num_failures"] = json!(row["num_failures"].as_i64().unwrap() + 10);
        }
    }
    stats
}

fn committed(server: &Server, stats: Value) -> String {
    let uuid = server.begin(&registration("h1"));
    server.end("h1", &uuid, stats);
    uuid
}

fn compare(server: &Server, arguments: &[&str]) -> Ran {
    let url = format!("http://{}", server.address);
    run(&[&["load-tests", "compare", "--url", &url][..], arguments].concat())
}

#[test]
fn a_worse_run_fails_over_http_and_as_typed() {
    let home = Home::new();
    let server = home.serve();
    let (base, candidate) = (committed(&server, sample("locust-stats-requests.json")), committed(&server, worse()));
    let answer = server.recorded(&format!("events/compare?base={base}&candidate={candidate}")).json();
    assert_eq!(answer["verdict"], json!("fail"), "{answer:#}");
    let p95 = json!({"base": 12, "candidate": 15, "difference": 3, "percent": 25, "moreIsWorse": true, "change": "worse"});
    assert_eq!(answer["total"]["p95"], p95);
    let rules: Vec<_> = answer["failed"].as_array().unwrap().iter().map(|it| (it["rule"].clone(), it["endpoint"].clone())).collect();
    assert_eq!(rules, [(json!("p95 of total>10%"), Value::Null), (json!("failureRatio of total>1pp"), Value::Null)]);
    let endpoints = answer["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), 4);
    assert!(endpoints.iter().all(|endpoint| endpoint["in"] == "both"), "{answer:#}");

    let typed = compare(&server, &[&base, &candidate]);
    let text = String::from_utf8(typed.stdout).unwrap();
    assert_eq!((typed.code, typed.stderr.as_str()), (Some(1), ""), "{text}");
    assert!(text.contains("failed: p95 of total>10%: total went from 12 to 15, +25.0%\n"), "{text}");
    let printed = compare(&server, &[&base, &candidate, "--format", "json"]);
    assert_eq!(printed.code, Some(1));
    assert_eq!(serde_json::from_slice::<Value>(&printed.stdout).unwrap(), answer);

    // Rules of one's own take the place of the usual ones.
    let lenient = compare(&server, &[&base, &candidate, "--fail-on", "p95>30%", "--fail-on", "requestsPerSecond<-5%"]);
    assert!(lenient.code == Some(0) && lenient.stderr.is_empty(), "{lenient:?}");
    let undecided = compare(&server, &[&base, &candidate, "--fail-on", "p90>30%"]);
    let text = String::from_utf8(undecided.stdout).unwrap();
    assert!(undecided.code == Some(2) && text.contains("not judged: p90>30%: GET /: neither run has it"), "{text}");
    let csv = server.recorded(&format!("events/compare?base={base}&candidate={candidate}&format=csv"));
    assert!(csv.text().contains("\r\nboth,GET,/,p95,12,15,3,25,worse\r\n"), "{}", csv.text());
}

#[test]
fn a_run_is_held_against_a_file() {
    let home = Home::new();
    let server = home.serve();
    let uuid = committed(&server, sample("locust-json.json"));
    let (statistics, record) = (home.path().join("locust.json"), home.path().join("record.json"));
    std::fs::write(&statistics, sample("locust-json.json").to_string()).unwrap();
    std::fs::write(&record, server.record(&uuid).to_string()).unwrap();
    let (statistics, record) = (statistics.to_str().unwrap(), record.to_str().unwrap());
    for (base, candidate) in [(statistics, uuid.as_str()), (uuid.as_str(), record), (record, statistics)] {
        // All percentiles of the total are known: response times are counted in these statistics.
        let every = ["p50", "p90", "p95", "p99"].map(|measure| format!("{measure}>0%"));
        let rules: Vec<&str> = every.iter().flat_map(|rule| ["--fail-on", rule]).collect();
        let same = compare(&server, &[&[base, candidate][..], &rules].concat());
        assert!(same.code == Some(0) && same.stderr.is_empty(), "{base} {candidate}: {same:?}");
    }
    // Two files need no server.
    let alone = run(&["load-tests", "compare", "--url", "http://127.0.0.1:9", statistics, record]);
    assert_eq!(alone.code, Some(0), "{alone:?}");
}

#[test]
fn what_cannot_be_compared_ends_with_two_and_says_why() {
    let home = Home::new();
    let server = home.serve();
    let (over, goes_on) = (committed(&server, sample("locust-json.json")), server.begin(&registration("h2")));
    let nobody = "2".repeat(17);
    let no_json = home.path().join("no.json");
    std::fs::write(&no_json, "{").unwrap();
    for (arguments, named) in [
        (&[over.as_str(), &nobody][..], &[nobody.as_str(), "candidate", "404"][..]),
        (&[&goes_on, &over], &[&goes_on, "base", "has no result yet"]),
        (&[&over, "missing.json"], &["missing.json", "no id of a run"]),
        (&[no_json.to_str().unwrap(), &over], &["no.json", "not JSON"]),
        (&[&over, &over, "--fail-on", "p96>1"], &["p96", "--fail-on"]),
        (&[&over], &["CANDIDATE"]),
    ] {
        compare(&server, arguments).fails_naming(2, named);
    }
    let away = run(&["load-tests", "compare", "--server", "http://127.0.0.1:9", &over, &over]);
    away.fails_naming(2, &["http://127.0.0.1:9", "cannot be reached"]);
}
