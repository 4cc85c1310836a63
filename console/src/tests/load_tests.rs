use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use super::{Host, host};

/// Registers a run with this many users.
async fn registered(host: &Host, users: i64) -> String {
    let request = json!({"hostname": "generator-<1>", "testPlan": "check<out>", "runTags": {"team": "web"},
        "measurement": {"fields": {"users": users, "p95": 80.25}, "tags": {"mode": "single"}}});
    host.console.services.load_tests.register(&request).await.unwrap()
}

async fn committed(host: &Host, uuid: &str, p95: f64, failures: i64) {
    let row = |name: &str, method: &str| {
        json!({"method": method, "name": name, "num_requests": 1000, "num_failures": failures,
        "avg_response_time": 20.5, "response_time_percentile_0.95": p95, "total_rps": 100.0})
    };
    let request = json!({"hostname": "generator-<1>", "uuid": uuid, "exitCode": 1,
        "measurement": {"fields": {"requestStats": {"stats": [row("/<cart>", "GET"), row("Aggregated", "")]}}}});
    host.console.services.load_tests.commit(&request).await.unwrap();
}

#[tokio::test]
async fn runs_are_listed_with_what_is_known_of_them() {
    let host = host();
    let empty = host.page("/console/load-tests").await;
    assert!(
        empty.status.is_success() && empty.text.contains("No run yet") && empty.text.contains("import headwater_locust"),
        "{}",
        empty.text
    );
    let uuid = registered(&host, 1250).await;
    host.clock.advance(Duration::from_secs(2));
    let page = host.page("/console/load-tests").await;
    assert!(page.text.contains(&format!("/console/load-tests/{uuid}")) && page.text.contains("1\u{202f}250"), "{}", page.text);
    assert!(page.text.contains("generator-&#60;1&#62;") && !page.text.contains("generator-<1>"), "{}", page.text);
    assert!(page.text.contains("1 running, 0 lost, 0 finished"), "{}", page.text);
    assert_eq!(host.page("/console/load-tests?after=nonsense").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_run_has_its_record_its_result_and_its_downloads() {
    let host = host();
    let uuid = registered(&host, 50).await;
    let page = host.page(&format!("/console/load-tests/{uuid}")).await;
    for part in [
        "check&#60;out&#62;",
        "<dt>Tag team</dt><dd>web</dd>",
        "<dt>p95 in ms</dt><dd>80.25</dd>",
        "They come with the result",
        "data-renew",
    ] {
        assert!(page.text.contains(part), "{part} in {}", page.text);
    }
    committed(&host, &uuid, 90.0, 3).await;
    let page = host.page(&format!("/console/load-tests/{uuid}")).await;
    for part in ["/&#60;cart&#62;", "<dd class=\"worse\">1</dd>", "format=csv", "wait for the database"] {
        assert!(page.text.contains(part), "{part} in {}", page.text);
    }
    assert!(!page.text.contains("action=\"/console/load-tests/"), "a run that is over is not annotated");
    let missing = host.page("/console/load-tests/nobody").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn numbers_beyond_all_measure_are_drawn_all_the_same() {
    let host = host();
    let uuid = registered(&host, 50).await;
    for value in [1.7e308, -1.7e308, 5e-324] {
        host.clock.advance(Duration::from_secs(20));
        let update =
            json!({"hostname": "generator-<1>", "uuid": uuid, "measurement": {"fields": {"requestsPerSecond": value, "p95": value}}});
        host.console.services.load_tests.update(&update).await.unwrap();
    }
    let page = host.page(&format!("/console/load-tests/{uuid}")).await;
    assert!(page.status == StatusCode::OK && page.text.len() < 100_000, "{}", page.text.len());
}

#[tokio::test]
async fn a_running_run_is_annotated_by_its_form() {
    let host = host();
    let uuid = registered(&host, 50).await;
    let path = format!("/console/load-tests/{uuid}/annotate");
    let page = host.page(&format!("/console/load-tests/{uuid}")).await;
    let wrong = host.post(&page, &path, &[("text", ""), ("title", "Deployed")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.text.contains("id=\"text-mistake\">must not be empty") && wrong.text.contains("value=\"Deployed\""), "{}", wrong.text);
    let fields = [("text", "version <7>"), ("title", "Deployed"), ("tags", "web, shop")];
    let noted = host.post(&page, &path, &fields).await;
    assert_eq!(
        (noted.status, noted.header("location")),
        (StatusCode::SEE_OTHER, &*format!("/console/load-tests/{uuid}?did=annotated#annotations"))
    );
    let page = host.page(&format!("/console/load-tests/{uuid}?did=annotated")).await;
    for part in ["It was noted", "<strong>Deployed</strong> version &#60;7&#62;", "<span class=\"badge\">shop</span>"] {
        assert!(page.text.contains(part), "{part} in {}", page.text);
    }
    committed(&host, &uuid, 90.0, 0).await;
    assert_eq!(host.post(&page, &path, &fields).await.status, StatusCode::CONFLICT);
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(host.send("POST", &path, &kind, "text=x").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn two_runs_stand_side_by_side_with_what_became_of_each_measure() {
    let host = host();
    let (base, candidate, open) = (registered(&host, 50).await, registered(&host, 50).await, registered(&host, 50).await);
    committed(&host, &base, 100.0, 0).await;
    committed(&host, &candidate, 150.0, 10).await;
    let listed = host.page("/console/load-tests").await;
    assert!(listed.text.contains("action=\"/console/load-tests/compare\""), "{}", listed.text);
    let page = host.page(&format!("/console/load-tests/compare?base={base}&candidate={candidate}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    for part in ["Failed: a rule applied", "GET /&#60;cart&#62;", "+50.0 %", "<td class=\"worse\">worse</td>", "+10<", "1 %"] {
        assert!(page.text.contains(part), "{part} in {}", page.text);
    }
    let better = host.page(&format!("/console/load-tests/compare?base={candidate}&candidate={base}&rules=p95%3E10%25")).await;
    assert!(better.text.contains("Passed") && better.text.contains("<td class=\"better\">better</td>"), "{}", better.text);
    let wrong = host.page(&format!("/console/load-tests/compare?base={base}&candidate={candidate}&rules=speed%3E10%25")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.text.contains("rules-mistake") && wrong.text.contains("speed"), "{}", wrong.text);
    let many = vec!["requests%3E0"; 101].join(",");
    let many = host.page(&format!("/console/load-tests/compare?base={base}&candidate={candidate}&rules={many}")).await;
    assert!(many.status == StatusCode::BAD_REQUEST && many.text.contains("at most 100"), "{}", many.text);
    let unfinished = host.page(&format!("/console/load-tests/compare?base={base}&candidate={open}")).await;
    assert!(unfinished.status == StatusCode::CONFLICT && unfinished.text.contains("has no result yet"), "{}", unfinished.text);
    assert_eq!(host.page("/console/load-tests/compare?base=a&candidate=b").await.status, StatusCode::NOT_FOUND);
}
