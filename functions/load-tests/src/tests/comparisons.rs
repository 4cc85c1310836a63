//! Two runs side by side.

use serde_json::{Value, json};

use super::{Host, host};

/// Commits a run with one endpoint; answers its id.
async fn committed(host: &Host, name: &str, failures: u64, p95: f64) -> String {
    let uuid = host.registered(name).await;
    let row =
        json!({"method": "GET", "name": "/cart", "num_requests": 100, "num_failures": failures, "response_time_percentile_0.95": p95});
    let all =
        json!({"method": "", "name": "Aggregated", "num_requests": 100, "num_failures": failures, "response_time_percentile_0.95": p95});
    let fields = json!({"requestStats": {"stats": [row, all]}});
    host.json("commit", &json!({"hostname": name, "uuid": uuid, "measurement": {"fields": fields}})).await.is(200);
    uuid
}

#[tokio::test]
async fn runs_are_compared_by_the_rules_of_the_query() {
    let host = host();
    let (base, candidate) = (committed(&host, "h1", 0, 100.0).await, committed(&host, "h2", 0, 109.0).await);
    let path = format!("/apiv0.1/events/compare?base={base}&candidate={candidate}");
    let usual = host.get(&path).await.is(200);
    assert_eq!((usual.header("content-type"), usual.header("vary")), ("application/json", "accept"));
    let usual = usual.json();
    assert_eq!(
        (&usual["verdict"], &usual["rules"]),
        (&json!("pass"), &json!(["p95 of total>10%", "failureRatio of total>1pp"])),
        "{usual}"
    );
    assert_eq!((&usual["base"]["uuid"], &usual["candidate"]["host"]), (&json!(base), &json!("h2")));
    assert_eq!(usual["total"]["p95"]["percent"], json!(9));
    let strict = host.get(&format!("{path}&failOn=p95%3E5%25&failOn=p99%20of%20total%3C1")).await.is(200).json();
    let names = |member: &str| strict[member].as_array().unwrap().iter().map(|it| it["endpoint"]["name"].clone()).collect::<Vec<_>>();
    assert_eq!(
        (&strict["verdict"], names("failed"), names("unjudged")),
        (&json!("fail"), vec![Value::Null, json!("/cart")], vec![Value::Null])
    );
    assert_eq!(strict["failed"][1]["rule"], json!("p95>5%"));
    let unjudged = host.get(&format!("{path}&failOn=p99%20of%20total%3C1")).await.is(200).json();
    assert_eq!(unjudged["verdict"], json!("unjudged"));
}

#[tokio::test]
async fn a_comparison_is_a_table_as_well() {
    let host = host();
    let (base, candidate) = (committed(&host, "h1", 0, 100.0).await, committed(&host, "h2", 3, 109.0).await);
    let path = format!("/apiv0.1/events/compare?base={base}&candidate={candidate}");
    let csv = host.get(&format!("{path}&format=csv")).await.is(200);
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(csv.header("content-disposition"), format!("attachment; filename=\"load-test-{base}-{candidate}.csv\""));
    assert!(csv.text().contains("\r\nboth,GET,/cart,failures,0,3,3,,worse\r\n"), "{}", csv.text());
    assert_eq!(host.send("GET", &path, &[("accept", "text/csv")], "").await.is(200).text(), csv.text());
    host.get(&format!("{path}&format=xml")).await.refuses(400, "invalid", Some("format"));
}

#[tokio::test]
async fn what_cannot_be_compared_is_named() {
    let host = host();
    let (over, running) = (committed(&host, "h1", 0, 100.0).await, host.registered("h2").await);
    for (query, status, code, field) in [
        (format!("base={over}"), 400, "invalid", "candidate"),
        (format!("candidate={over}"), 400, "invalid", "base"),
        (format!("base={over}&candidate={over}&failOn=p95"), 400, "invalid", "failOn"),
        (format!("base={over}&candidate={over}&failOn=p95%3E1&failOn=p96%3E1"), 400, "invalid", "failOn"),
        (format!("base={over}&candidate={over}{}", "&failOn=p95%3E1".repeat(101)), 400, "invalid", "failOn"),
        (format!("base={over}&candidate=nobody"), 404, "not_found", "candidate"),
        (format!("base=..%2F&candidate={over}"), 404, "not_found", "base"),
        (format!("base={over}&candidate={running}"), 409, "no_result", "candidate"),
        (format!("base={running}&candidate={over}"), 409, "no_result", "base"),
    ] {
        let message = host.get(&format!("/apiv0.1/events/compare?{query}")).await.refuses(status, code, Some(field));
        assert!(status == 400 || message.contains(field), "{query}: {message}");
    }
}
