use serde_json::json;

use super::{ONE, host};

#[tokio::test]
async fn start_and_end_are_dates_or_times_from_now() {
    for (start, end, shown) in [
        (json!("NOW"), json!("NOW+PT2H"), (json!("2023-11-14T22:13:20+00:00"), json!("2023-11-15T00:13:20+00:00"))),
        (json!("now-pt1h"), json!("NOW P7D"), (json!("2023-11-14T21:13:20+00:00"), json!("2023-11-21T22:13:20+00:00"))),
        (json!("2031-02-03"), json!("2031-02-03T14:00:00+02:00"), (json!("2031-02-03T00:00:00+00:00"), json!("2031-02-03T14:00:00+02:00"))),
        (json!(null), json!("NOW+P7D"), (json!(null), json!("2023-11-21T22:13:20+00:00"))),
        (json!("  "), json!(""), (json!(null), json!(null))),
    ] {
        let host = host();
        let made = host.create(&json!({"StartTime": start, "EndTime": end})).await;
        assert_eq!((made["StartTime"].clone(), made["EndTime"].clone()), shown, "{start} {end}");
        let seen = host.get(ONE).await.json();
        assert_eq!((seen["StartTime"].clone(), seen["EndTime"].clone()), shown, "{start} {end}");
    }
}

#[tokio::test]
async fn an_end_comes_after_the_start_and_after_now() {
    let host = host();
    for (start, end, part) in [
        (json!("2031-01-01T02:00:00Z"), json!("2031-01-01T02:00:00Z"), "EndTime: must be after StartTime"),
        (json!("2031-01-01T02:00:00Z"), json!("2031-01-01T03:59:59+02:00"), "EndTime: must be after StartTime"),
        (json!("NOW+PT2H"), json!("NOW+PT1H"), "EndTime: must be after StartTime"),
        (json!(null), json!("2017-05-31T01:21:37Z"), "EndTime: must be in the future"),
        (json!("NOW-P1D"), json!("NOW"), "EndTime: must be in the future"),
        (json!("tomorrow"), json!(null), "StartTime: must be a date"),
        (json!("NOW+0"), json!("NOW+2H"), "EndTime: needs a duration"),
        (json!(7), json!(null), "StartTime: must be a text"),
    ] {
        host.refuses(&json!({"StartTime": start, "EndTime": end}), part).await;
    }
}

#[tokio::test]
async fn overrides_are_shown_in_one_spelling_and_only_where_they_are() {
    let host = host();
    let overridden = json!({
        "Simulation": {"InitialState": {"t": 70, "u": 70.5}, "Interval": "00:10", "Scripts": [
            {"Type": "internal", "Path": "Math.Random.WithinRange", "Params": {"t": {"Min": 70, "Max": 90.25, "Unit": "F"}}}]},
        "Telemetry": [{"Interval": "00:00:01.5", "MessageTemplate": "${t}",
            "MessageSchema": {"Name": "x;v1", "Format": "json", "Fields": {"a": "double", "b": "TEXT", "c": "DateTime"}}}],
    });
    let models = json!([{"Id": "truck-01", "Count": 1, "Override": overridden}, {"Id": "truck-02", "Count": 1, "Override": {}}]);
    let made = host.create(&json!({"DeviceModels": models})).await;
    let shown = &made["DeviceModels"][0]["Override"];
    assert_eq!(shown["Simulation"]["InitialState"], overridden["Simulation"]["InitialState"]);
    assert_eq!(shown["Simulation"]["Interval"], "00:10:00");
    assert_eq!(shown["Simulation"]["Scripts"], overridden["Simulation"]["Scripts"]);
    assert_eq!(shown["Telemetry"][0]["Interval"], "00:00:01.5000000");
    let schema = json!({"Name": "x;v1", "Format": "JSON", "Fields": {"a": "Double", "b": "Text", "c": "DateTime"}});
    assert_eq!(shown["Telemetry"][0]["MessageSchema"], schema);
    assert_eq!(made["DeviceModels"][1], json!({"Id": "truck-02", "Count": 1}));
    assert_eq!(host.get(ONE).await.json()["DeviceModels"], made["DeviceModels"]);
    assert!(host.get(ONE).await.text().contains(r#"{"t":70,"u":70.5}"#), "whole numbers stay whole");
}

#[tokio::test]
async fn rate_limits_are_filled_up_with_the_defaults() {
    let host = host();
    let limits = json!({"deviceMessagesPerSecond": "500", "TwinReadsPerSecond": 0, "ConnectionsPerSecond": -1});
    let made = host.create(&json!({"RateLimits": limits})).await;
    let wanted = json!({"RegistryOperationsPerMinute": 100, "TwinReadsPerSecond": 10, "TwinWritesPerSecond": 10,
        "ConnectionsPerSecond": 120, "DeviceMessagesPerSecond": 500});
    assert_eq!(made["RateLimits"], wanted);
}

#[tokio::test]
async fn a_seed_is_drawn_unless_it_is_given() {
    let host = host();
    let drawn = host.create(&json!({})).await["Seed"].clone();
    assert!(drawn.is_i64());
    host.delete(ONE).await.is_empty();
    assert_ne!(host.create(&json!({})).await["Seed"], drawn);
    host.delete(ONE).await.is_empty();
    assert_eq!(host.create(&json!({"Seed": i64::MIN})).await["Seed"], i64::MIN);
}
