//! A fleet that nobody disturbs.

use serde_json::json;

use crate::{House, START, counting, counting_by, millis, seconds};

#[tokio::test]
async fn a_fleet_lives_on_its_grid_and_is_counted() {
    let house = House::new();
    let process = house.process("one");
    let made = process.post(house.simulation(json!({}))).await.unwrap();
    assert_eq!((&made["ETag"].is_string(), &made["ActiveNow"]), (&true, &json!(true)));
    house.pass(millis(10_500)).await;
    let seen = house.seen().await;
    assert_eq!(seen.devices(), ["custom.0", "custom.1", "custom.2"]);
    seen.is_whole(1000);
    let first = &seen.0["custom.1"][0];
    let names: Vec<_> = first.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["deviceId", "deviceModel", "schema", "createdAt"]);
    assert_eq!((first.headers[1].1.as_str(), first.headers[2].1.as_str()), ("custom", "counter;v1"));
    assert!((START..START + 1000).contains(&first.created), "{}", first.created);
    for (device, arrived) in &seen.0 {
        assert!(arrived.len() >= 10, "{device} has sent {} messages", arrived.len());
        for (slot, message) in (0u32..).zip(arrived) {
            assert_eq!(message.n(), f64::from(slot), "{device}");
        }
    }
    let shown = process.get().await;
    let statistics = &shown["Statistics"];
    assert_eq!((&shown["Running"], &statistics["ActiveDevicesCount"]), (&json!(true), &json!(3)));
    let counted = statistics["TotalMessagesSent"].as_u64().unwrap();
    assert!(counted > 0 && counted <= seen.total() as u64, "{counted} of {} are counted", seen.total());
    let rate = statistics["AverageMessagesPerSecond"].as_f64().unwrap();
    assert!((2.0..3.5).contains(&rate), "{rate} messages per second");
    for failed in ["FailedMessagesCount", "FailedDeviceConnectionsCount", "FailedDeviceTwinUpdatesCount", "FailedScriptsCount"] {
        assert_eq!(statistics[failed], 0, "{failed}");
    }
    assert_eq!(house.registered().await, [("custom".to_owned(), 3)].into());
}

#[tokio::test]
async fn equal_seeds_make_equal_devices_whenever_they_begin() {
    let bodies = async |wait| {
        let house = House::new();
        house.pass(wait).await;
        let process = house.process("one");
        process.post(house.simulation(json!({}))).await.unwrap();
        house.pass(millis(5_500)).await;
        let seen = house.seen().await;
        ["custom.0", "custom.2"].map(|device| seen.bodies(device)[..5].join(" "))
    };
    let (one, other) = (bodies(millis(0)).await, bodies(millis(12_345)).await);
    assert_eq!(one, other);
    assert_ne!(one[0], one[1], "devices draw differently");
}

#[tokio::test]
async fn models_with_scripts_live_beside_others() {
    let house = House::new();
    let process = house.process("one");
    let models = json!([counting_by("counter", 2, "00:00:02"), {"Id": "truck-01", "Count": 2}, {"Id": "elevator-01", "Count": 1}]);
    process.post(house.simulation(json!({"DeviceModels": models}))).await.unwrap();
    house.pass(seconds(21)).await;
    let seen = house.seen().await;
    assert_eq!(seen.devices(), ["custom.0", "custom.1", "elevator-01.0", "truck-01.0", "truck-01.1"]);
    let schemas: std::collections::BTreeSet<_> = seen.0["truck-01.0"].iter().map(|arrived| arrived.headers[2].1.clone()).collect();
    assert_eq!(schemas.len(), 3, "{schemas:?}");
    let statistics = process.get().await["Statistics"].clone();
    assert_eq!((&statistics["FailedScriptsCount"], &statistics["ActiveDevicesCount"]), (&json!(0), &json!(5)));
}

#[tokio::test]
async fn a_fleet_that_has_nothing_to_do_for_long_is_not_kept_busy() {
    let house = House::new();
    let process = house.process("one");
    process.post(house.simulation(json!({"DeviceModels": [counting_by("counter", 1, "00:10:00")]}))).await.unwrap();
    // Without ticks there is only a message every ten minutes.
    let quiet = json!([{"Id": "custom", "Count": 1, "Override": {"Telemetry": [
        {"Interval": "00:10:00", "MessageTemplate": "{}", "MessageSchema": {"Name": "q;v1", "Format": "JSON", "Fields": {}}}]}}]);
    process.put(house.simulation(json!({"DeviceModels": quiet}))).await;
    house.pass(seconds(10)).await;
    let before = process.only_task().await.step;
    house.pass(seconds(1200)).await;
    let steps = process.only_task().await.step - before;
    assert!(steps < 60, "{steps} steps in twenty minutes");
    let seen = house.seen().await;
    let sent = &seen.0["custom.0"];
    let last: Vec<i64> = sent.iter().map(|arrived| arrived.created).rev().take(2).collect();
    assert_eq!(last[0] - last[1], 600_000);
}

#[tokio::test]
async fn the_stream_of_the_local_hub_is_in_use_while_the_simulation_is_enabled() {
    use headwater_core::streams::StreamUsers as _;
    let house = House::new();
    let process = house.process("one");
    process.post(house.simulation(json!({}))).await.unwrap();
    assert_eq!(process.streams_used.uses().await.unwrap().len(), 1);
    process.enable(false).await;
    assert_eq!(process.streams_used.uses().await.unwrap().len(), 0);
    process.put(house.simulation(json!({"DeviceModels": [counting("counter", 1)]}))).await;
    assert_eq!(process.streams_used.uses().await.unwrap().len(), 1);
}
