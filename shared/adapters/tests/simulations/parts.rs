//! Fleets of more devices than one task holds.

use serde_json::{Value, json};

use crate::{House, millis, seconds};

/// So many devices that speak every ten seconds.
fn many(count: u32) -> Value {
    let schema = json!({"Name": "m;v1", "Format": "JSON", "Fields": {"n": "double"}});
    json!([{"Id": "custom", "Count": count, "Override": {
        "Simulation": {"Interval": "00:00:10", "InitialState": {"n": 0}, "Scripts": [
            {"Type": "internal", "Path": "Math.Increasing", "Params": {"n": {"Min": 0, "Max": 1_000_000, "Step": 1}}}]},
        "Telemetry": [{"Interval": "00:00:10", "MessageTemplate": "{\"n\":${n}}", "MessageSchema": schema}],
    }}])
}

#[tokio::test]
async fn a_large_fleet_lives_in_parts_and_may_shrink_and_grow() {
    let house = House::new();
    let process = house.process("one");
    process.post(house.simulation(json!({"DeviceModels": many(21_000)}))).await.unwrap();
    house.pass(millis(14_500)).await;
    assert_eq!(process.tasks.all().await.unwrap().len(), 3);
    assert_eq!(house.registered().await, [("custom".to_owned(), 21_000)].into());
    assert_eq!(process.get().await["Statistics"]["ActiveDevicesCount"], 21_000);
    assert_eq!(house.seen().await.devices().len(), 21_000);
    let mut process = process;
    for count in [9_000, 10_001] {
        process.put(house.simulation(json!({"DeviceModels": many(count)}))).await;
        process.kill().await;
        process = house.recovered("next").await;
        house.pass(seconds(2)).await;
        assert_eq!(house.registered().await, [("custom".to_owned(), u64::from(count))].into());
    }
    house.pass(millis(12_000)).await;
    let seen = house.seen().await;
    seen.is_whole_of("custom.8999", 10_000);
    assert!(seen.bodies("custom.8999").len() >= 3);
    let again = &seen.0["custom.10000"];
    assert_eq!(again.iter().filter(|message| message.n() == 0.0).count(), 2, "it was removed, and is there anew");
    assert_eq!(process.get().await["Statistics"]["ActiveDevicesCount"], 10_001);
    process.service.delete("1").await.unwrap();
    house.pass(seconds(5)).await;
    assert_eq!((house.registered().await, process.tasks.all().await.unwrap()), ([].into(), vec![]));
}

#[tokio::test]
async fn a_large_fleet_that_moves_to_a_file_writes_it_alone_and_lives_once_when_it_is_back() {
    let house = House::new();
    let process = house.process("one");
    process.post(house.simulation(json!({"DeviceModels": many(10_500)}))).await.unwrap();
    house.pass(millis(3_000)).await;
    process.put(house.simulation(json!({"DeviceModels": many(10_500), "Target": {"type": "file", "path": "fleet.json"}}))).await;
    house.pass(seconds(14)).await;
    let file = crate::seen::Seen::of_records(&house.file("fleet.json").await);
    assert_eq!(file.devices().len(), 10_500, "all devices write the file");
    file.keeps_its_grid(10_000);
    let before = house.seen().await;
    process.put(house.simulation(json!({"DeviceModels": many(10_500)}))).await;
    house.pass(seconds(12)).await;
    let back = house.seen().await;
    assert_eq!(house.registered().await, [("custom".to_owned(), 10_500)].into());
    for (device, arrived) in &back.0 {
        let since = arrived.len() - before.0.get(device).map_or(0, Vec::len);
        assert!((1..=2).contains(&since), "{device} has sent {since} messages in twelve seconds");
    }
    assert_eq!(process.get().await["Statistics"]["ActiveDevicesCount"], 10_500);
}
