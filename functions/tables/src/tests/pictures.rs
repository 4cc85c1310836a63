//! Pictures of tables.

use serde_json::json;

use super::{Answer, Host, host};

impl Host {
    async fn picture(&self, path: &str) -> Answer {
        let answer = self.get(&format!("/table/{path}")).await.is(200);
        assert_eq!(answer.header("content-type"), "image/svg+xml");
        assert!(answer.text().starts_with("<svg ") && answer.text().trim_end().ends_with("</svg>"), "{}", answer.text());
        answer
    }
}

#[tokio::test]
async fn every_kind_of_rows_that_can_be_drawn_has_its_picture() {
    let host = host().with_fixtures().await;
    for (table, parts) in [
        ("ramp", &["<polyline", "time, ms", "<title>ramp</title>", "width=\"800\" height=\"300\""][..]),
        ("sine", &["<polyline", "time, ms"]),
        ("live", &["<polyline"]),
        ("vec", &["<polyline", "time, ms"]),
        ("win", &["<polyline", "time, ms"]),
        ("fft", &["frequency, Hz", "time, ms", "dB"]),
        ("silence", &["frequency, kHz", "magnitude, dB"]),
        ("empty", &["no data"]),
    ] {
        let picture = host.picture(&format!("{table}/plot.svg")).await;
        for part in parts {
            assert!(picture.text().contains(part), "{table}: {part} is not in {}", picture.text());
        }
        assert_eq!(picture.text().contains("no data"), table == "empty", "{table}");
    }
}

#[tokio::test]
async fn a_picture_shows_the_interval_in_the_size_that_is_asked_for() {
    let host = host().with_fixtures().await;
    let picture = host.picture("ramp/plot.svg?width=400&height=100&interval=10ms").await;
    assert!(picture.text().contains("width=\"400\" height=\"100\""), "{}", picture.text());
    assert!(picture.text().contains("0.99") && !picture.text().contains("0.98"), "{}", picture.text());
    assert!(host.picture("ramp/plot.svg?interval=0s").await.text().contains("no data"));
}

#[tokio::test]
async fn a_picture_of_overlapping_windows_shows_each_of_them() {
    let host = host().with_fixtures().await;
    let picture = host.picture("win/plot.svg").await;
    assert_eq!(picture.text().matches("stroke=\"#1F77B4\"").count(), 5, "{}", picture.text());
}

#[tokio::test]
async fn windows_of_windows_have_a_picture() {
    let host = host();
    let operations = json!([{"window": {"size": 4, "step": 2}}, {"window": {"size": 2, "step": 2}}]);
    host.table("t", json!({"element": "sample", "sampleRate": 1000, "operations": operations}), (0..20).map(|i| json!(i))).await;
    host.picture("t/plot.svg").await;
}

#[tokio::test]
async fn what_cannot_be_drawn_is_said() {
    let host = host().with_fixtures().await;
    for table in ["list", "obj"] {
        host.get(&format!("/table/{table}/plot.svg")).await.refuses(400, table);
    }
    for (query, part) in [
        ("width=99", "width `99` is not recognized: it must be a whole number from 100 to 4000"),
        ("height=4001", "height `4001`"),
        ("width=", "width ``"),
        ("height=300.5", "height `300.5`"),
        ("interval=10", "interval `10`"),
    ] {
        for table in ["ramp", "nope"] {
            host.get(&format!("/table/{table}/plot.svg?{query}")).await.refuses(400, &format!("Query parameter {part}"));
        }
    }
    host.get("/table/nope/plot.svg?width=100").await.says(404, "nope is not found");
}

#[tokio::test]
async fn a_name_is_text_in_its_picture() {
    let (host, name) = (host(), "%3Cscript%3Ealert(1)%3Cscript%3E");
    host.table(name, json!({"element": "sample"}), [json!(1)]).await;
    let picture = host.picture(&format!("{name}/plot.svg")).await;
    assert!(!picture.text().contains("<script"), "{}", picture.text());
}
