use serde_json::{Value, json};

use super::{ONE, host, simulation, with_etag};

#[tokio::test]
async fn a_put_makes_one_where_there_is_none_whatever_etag_it_has() {
    for etag in [json!(null), json!("0123456789abcd"), json!("*")] {
        let host = host();
        let made = host.put(ONE, with_etag(&etag, &json!({"Id": "2"}))).await.json();
        assert_eq!((&made["Id"], &made["$metadata"]["$version"]), (&json!("1"), &json!("1")));
        assert_ne!(made["ETag"], etag);
        assert_eq!(host.get(ONE).await.json()["ETag"], made["ETag"]);
    }
}

#[tokio::test]
async fn there_is_no_other_id() {
    let host = host();
    let body = simulation(&json!({}));
    for id in ["2", "nope", "01", "%31x"] {
        host.put(&format!("/v1/simulations/{id}"), &body).await.refuses(400, "InvalidInputException");
        host.patch(&format!("/v1/simulations/{id}"), json!({"Enabled": true})).await.refuses(400, "InvalidInputException");
        host.delete(&format!("/v1/simulations/{id}")).await.refuses(404, "ResourceNotFoundException");
    }
    assert!(host.records.stored().await.unwrap().is_none());
}

#[tokio::test]
async fn a_put_with_the_etag_replaces_everything_but_the_date_of_creation() {
    let host = host();
    let first = host.create(&json!({"Enabled": true, "EndTime": "NOW+PT2H", "Name": "first", "Seed": 7, "RateLimits": {}})).await;
    host.advance(2);
    let second = host.put(ONE, with_etag(&first["ETag"], &json!({"DeviceModels": [{"Id": "truck-01", "Count": 4}]}))).await.json();
    assert_eq!(second["DeviceModels"], json!([{"Id": "truck-01", "Count": 4}]));
    for gone in ["EndTime", "Name", "RateLimits"] {
        assert_eq!(second.get(gone), None, "{gone}");
    }
    assert_eq!((&second["Seed"], &second["Enabled"]), (&json!(7), &json!(false)));
    assert_ne!(second["ETag"], first["ETag"]);
    let (before, after) = (&first["$metadata"], &second["$metadata"]);
    assert_eq!((&after["$version"], &after["$created"]), (&json!("2"), &before["$created"]));
    assert_eq!(after["$modified"], "2023-11-14T22:13:22+00:00");
    assert_eq!(host.devices.calls(), ["prepare 1", "settle 1 enabled", "prepare 2", "settle 2 disabled"]);
}

#[tokio::test]
async fn a_put_without_enabled_enables() {
    let host = host();
    let first = host.create(&json!({})).await;
    let body = json!({"ETag": first["ETag"], "DeviceModels": first["DeviceModels"]});
    assert_eq!(host.put(ONE, body).await.json()["Enabled"], true);
}

#[tokio::test]
async fn another_etag_is_a_conflict_and_a_star_is_any() {
    let host = host();
    let first = host.create(&json!({})).await;
    let other = json!({"DeviceModels": [{"Id": "engine-01", "Count": 2}]});
    for etag in [json!("nope"), json!(null), json!(""), json!(7), json!(first["ETag"].as_str().unwrap().to_uppercase() + "0")] {
        let answer = host.put(ONE, with_etag(&etag, &other)).await;
        if etag.is_number() {
            answer.refuses(400, "BadRequestException");
        } else {
            let said = answer.refuses(409, "ResourceOutOfDateException");
            assert!(said.contains(first["ETag"].as_str().unwrap()), "{said}");
        }
    }
    assert_eq!(host.get(ONE).await.json()["ETag"], first["ETag"]);
    let second = host.put(ONE, with_etag(&json!("*"), &other)).await.json();
    assert_eq!((&second["DeviceModels"], &second["$metadata"]["$version"]), (&other["DeviceModels"], &json!("2")));
    assert!(second["ETag"] != "*" && second["ETag"] != first["ETag"]);
}

#[tokio::test]
async fn a_put_that_is_repeated_is_answered_again_and_writes_nothing() {
    let host = host();
    let stale = host.create(&json!({})).await["ETag"].clone();
    let hub = json!({"ConnectionString": "HostName=h.example.net;SharedAccessKeyName=p;SharedAccessKey=MTIz"});
    for members in [
        json!({"DeviceModels": [{"Id": "truck-01", "Count": 2, "Override": {"Telemetry": [{"Interval": "0:1"}]}}], "Seed": 9}),
        json!({"StartTime": "2031-01-01T00:00:00Z", "Name": "x", "Target": {"type": "stream", "stream": "s"}}),
        json!({"IoTHub": hub}),
    ] {
        let first = host.put(ONE, with_etag(&json!("*"), &members)).await.json();
        host.advance(5);
        host.devices.calls();
        let again = host.put(ONE, with_etag(&stale, &members)).await.json();
        assert_eq!(again, first, "{members}");
        assert_eq!(host.devices.calls().len(), 1, "reality follows again, in case that it did not the first time");
        let different = with_etag(&stale, &json!({"Enabled": true}));
        host.put(ONE, different).await.refuses(409, "ResourceOutOfDateException");
    }
    let other_key = json!({"IoTHub": {"ConnectionString": "HostName=h.example.net;SharedAccessKeyName=p;SharedAccessKey=MTI0"}});
    host.put(ONE, with_etag(&stale, &other_key)).await.refuses(409, "ResourceOutOfDateException");
}

#[tokio::test]
async fn what_was_got_can_be_edited_and_put_back_whole() {
    let host = host();
    let everything = json!({
        "Name": "n", "Description": "d", "DeleteDevicesWhenSimulationEnds": true, "StartTime": "2023-01-01", "EndTime": "NOW+P1D",
        "RateLimits": {"ConnectionsPerSecond": 7, "TwinReadsPerSecond": -1}, "Seed": -5, "ReplayFileIndefinitely": "true",
        "DeviceModels": [{"Id": "truck-01", "Count": 2, "Override": {"Simulation": {"InitialState": {"a": 70}}, "Telemetry": [{}, {"Interval": "0:10"}]}}],
    });
    host.create(&everything).await;
    let mut seen = host.get(ONE).await.json();
    let again = host.put(ONE, &seen).await.json();
    let strip = |value: &Value| {
        let mut value = value.clone();
        ["ETag", "$metadata", "Statistics"].iter().for_each(|name| drop(value.as_object_mut().unwrap().remove(*name)));
        value
    };
    assert_eq!(strip(&again), strip(&seen));
    seen["DeviceModels"][0]["Count"] = json!(9);
    seen["ETag"] = again["ETag"].clone();
    assert_eq!(host.put(ONE, &seen).await.json()["DeviceModels"][0]["Count"], 9);
}

#[tokio::test]
async fn a_put_that_is_refused_changes_nothing() {
    let host = host();
    let made = host.create(&json!({})).await;
    for members in [
        json!({"DeviceModels": []}),
        json!({"DeviceModels": [{"Id": "truck-01", "Count": 0}]}),
        json!({"EndTime": "2017-05-31T01:21:37Z"}),
        json!({"StartTime": "tomorrow"}),
    ] {
        host.put(ONE, with_etag(&made["ETag"], &members)).await.refuses(400, "BadRequestException");
    }
    *host.devices.refusal.lock().unwrap() = Some("no".to_owned());
    host.put(ONE, with_etag(&made["ETag"], &json!({"Enabled": true}))).await.refuses(400, "BadRequestException");
    assert_eq!(host.get(ONE).await.json()["ETag"], made["ETag"]);
}

#[tokio::test]
async fn a_run_is_named_anew_only_when_the_simulation_becomes_enabled() {
    let host = host();
    let run = async || host.records.stored().await.unwrap().unwrap().run;
    host.create(&json!({})).await;
    assert_eq!(run().await, None);
    host.put(ONE, with_etag(&json!("*"), &json!({"Enabled": true}))).await.json();
    let first = run().await;
    assert!(first.is_some());
    host.put(ONE, with_etag(&json!("*"), &json!({"Enabled": true, "Name": "x"}))).await.json();
    assert_eq!(run().await, first);
    host.put(ONE, with_etag(&json!("*"), &json!({}))).await.json();
    assert_eq!(run().await, None, "it is in no run while it is disabled");
    host.put(ONE, with_etag(&json!("*"), &json!({"Enabled": true}))).await.json();
    assert_ne!(run().await, first);
}
