use headwater_core::simulations::Counters;
use serde_json::json;

use super::{ALL, ONE, host, simulation};

#[tokio::test]
async fn a_patch_starts_and_stops_and_counts_versions() {
    let host = host();
    let first = host.create(&json!({"StartTime": "2020-01-01"})).await;
    host.devices.calls();
    host.advance(3);
    let second = host.patch(ONE, json!({"ETag": first["ETag"], "Enabled": true, "EndTime": "NOW+PT1H", "DeviceModels": []})).await.json();
    assert_eq!((&second["Enabled"], &second["$metadata"]["$version"], second.get("EndTime")), (&json!(true), &json!("2"), None));
    assert_eq!((&second["StartTime"], &second["DeviceModels"]), (&first["StartTime"], &first["DeviceModels"]));
    assert_eq!(second["$metadata"]["$modified"], "2023-11-14T22:13:23+00:00");
    assert_eq!(second.get("StoppedTime"), None);
    host.advance(3);
    let third = host.patch(ONE, json!({"etag": second["ETag"], "enabled": "false"})).await.json();
    assert_eq!((&third["Enabled"], &third["$metadata"]["$version"]), (&json!(false), &json!("3")));
    assert_eq!(third["StoppedTime"], "2023-11-14T22:13:26+00:00");
    assert!(first["ETag"] != second["ETag"] && second["ETag"] != third["ETag"] && third["ETag"] != first["ETag"]);
    assert_eq!(host.devices.calls(), ["prepare 2", "settle 2 enabled", "prepare 3", "settle 3 disabled"]);
}

#[tokio::test]
async fn a_patch_that_changes_nothing_writes_nothing() {
    let host = host();
    let first = host.create(&json!({})).await;
    host.devices.calls();
    for change in [json!({}), json!({"Enabled": null}), json!({"Enabled": false}), json!({"Name": "x"})] {
        let mut change = change;
        change["ETag"] = first["ETag"].clone();
        assert_eq!(host.patch(ONE, change).await.json(), first);
    }
    assert_eq!(host.devices.calls(), [""; 0]);
}

#[tokio::test]
async fn a_patch_needs_the_very_etag() {
    let host = host();
    let first = host.create(&json!({})).await;
    for etag in [json!("*"), json!(""), json!(null), json!("nope")] {
        host.patch(ONE, json!({"ETag": etag, "Enabled": true})).await.refuses(409, "ConflictingResourceException");
        // It is checked even if nothing would change.
        host.patch(ONE, json!({"ETag": etag})).await.refuses(409, "ConflictingResourceException");
    }
    let second = host.patch(ONE, json!({"ETag": first["ETag"], "Enabled": true})).await.json();
    host.patch(ONE, json!({"ETag": first["ETag"], "Enabled": false})).await.refuses(409, "ConflictingResourceException");
    assert_eq!(host.get(ONE).await.json()["ETag"], second["ETag"]);
    host.patch(ONE, json!({"ETag": second["ETag"], "Enabled": "maybe"})).await.refuses(400, "BadRequestException");
}

#[tokio::test]
async fn a_patch_of_nothing_is_not_found() {
    let host = host();
    host.patch(ONE, json!({"ETag": "x", "Enabled": true})).await.refuses(404, "ResourceNotFoundException");
    host.patch(ONE, "").await.refuses(400, "BadRequestException");
}

#[tokio::test]
async fn deleting_ends_the_devices_and_forgets_everything() {
    let host = host();
    let hub = "HostName=h.example.net;SharedAccessKeyName=p;SharedAccessKey=MTIz";
    let first = host.create(&json!({"Enabled": true, "IoTHub": {"ConnectionString": hub}})).await;
    host.devices.calls();
    host.delete("/v1/simulations/2").await.refuses(404, "ResourceNotFoundException");
    host.delete(ONE).await.is_empty();
    assert_eq!(host.devices.calls(), ["end"]);
    host.get(ONE).await.refuses(404, "ResourceNotFoundException");
    host.delete(ONE).await.refuses(404, "ResourceNotFoundException");
    assert_eq!(host.documents_with("").await, [""; 0]);
    let again = host.create(&json!({})).await;
    assert_eq!(again["$metadata"]["$version"], "1");
    assert_ne!(again["ETag"], first["ETag"]);
}

#[tokio::test]
async fn one_whose_devices_cannot_be_told_is_gone_all_the_same() {
    let host = host();
    host.create(&json!({})).await;
    *host.devices.broken.lock().unwrap() = true;
    assert_eq!(host.delete(ONE).await.status, 200);
    assert!(host.records.stored().await.unwrap().is_none());
}

#[tokio::test]
async fn an_active_simulation_says_so_and_whether_its_devices_live() {
    let host = host();
    let body = simulation(&json!({"Enabled": true, "StartTime": "NOW+PT10S", "EndTime": "NOW+PT20S"}));
    host.post(ALL, body).await.json();
    let says = async |active: bool, running: bool| {
        let seen = host.get(ONE).await.json();
        assert_eq!((&seen["ActiveNow"], &seen["Running"]), (&json!(active), &json!(running)));
    };
    host.devices.counters.lock().unwrap().running = true;
    says(false, false).await;
    host.advance(10);
    says(true, true).await;
    host.devices.counters.lock().unwrap().running = false;
    says(true, false).await;
    host.advance(10);
    says(false, false).await;
    assert_eq!(host.get(ONE).await.json()["Enabled"], true, "the end leaves the simulation as it was");
}

#[tokio::test]
async fn what_has_been_counted_is_shown_when_it_is_asked_for() {
    let host = host();
    let first = host.create(&json!({"Enabled": true})).await;
    assert_eq!(first.get("Statistics"), None);
    let counters = Counters {
        messages: 100,
        failed_messages: 2,
        failed_connections: 3,
        failed_reports: 4,
        active_devices: 5,
        failed_scripts: 6,
        micros: 60_000_000,
        running: true,
    };
    *host.devices.counters.lock().unwrap() = counters;
    let wanted = json!({
        "TotalMessagesSent": 100, "AverageMessagesPerSecond": 1.67, "FailedMessagesCount": 2, "FailedDeviceConnectionsCount": 3,
        "FailedDeviceTwinUpdatesCount": 4, "FailedScriptsCount": 6, "ActiveDevicesCount": 5,
    });
    assert_eq!(host.get(ONE).await.json()["Statistics"], wanted);
    assert_eq!(host.get(ALL).await.json()["Items"][0]["Statistics"], wanted);
    host.devices.counters.lock().unwrap().micros = 0;
    assert_eq!(host.get(ONE).await.json()["Statistics"]["AverageMessagesPerSecond"], 0.0);
}
