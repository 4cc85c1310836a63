//! Simulations that are edited while their devices live.

use crate::dying::Fate;
use serde_json::{Value, json};

use crate::{House, Process, counting, counting_by, millis, seconds};

async fn begun(models: Value) -> (House, Process) {
    let house = House::new();
    let process = house.process("one");
    process.post(house.simulation(json!({"DeviceModels": models}))).await.unwrap();
    house.pass(millis(3_300)).await;
    (house, process)
}

#[tokio::test]
async fn a_count_that_grows_and_shrinks_touches_no_other_device() {
    let (house, process) = begun(json!([counting("counter", 3), counting("truck-02", 1)])).await;
    process.put(house.simulation(json!({"DeviceModels": [counting("counter", 5), counting("truck-02", 1)]}))).await;
    house.pass(millis(3_000)).await;
    assert_eq!(house.registered().await, [("custom".to_owned(), 5), ("truck-02".to_owned(), 1)].into());
    process.put(house.simulation(json!({"DeviceModels": [counting("counter", 2), counting("truck-02", 1)]}))).await;
    house.pass(millis(1_000)).await;
    let ended = house.seen().await;
    house.pass(millis(3_000)).await;
    let seen = house.seen().await;
    seen.is_whole(1000);
    assert_eq!(house.registered().await, [("custom".to_owned(), 2), ("truck-02".to_owned(), 1)].into());
    for device in ["custom.0", "custom.1", "truck-02.0"] {
        assert!(seen.bodies(device).len() >= 10, "{device}");
        assert_eq!(seen.0[device].last().unwrap().n(), (seen.bodies(device).len() - 1) as f64, "{device} began anew");
    }
    for device in ["custom.2", "custom.3", "custom.4"] {
        assert_eq!(seen.bodies(device), ended.bodies(device), "{device} goes on after its end");
        assert_eq!(seen.0[device][0].n(), 0.0, "{device}");
    }
    assert_eq!(process.get().await["Statistics"]["ActiveDevicesCount"], 3);
}

#[tokio::test]
async fn an_override_that_changes_has_the_devices_of_its_model_begin_anew() {
    let (house, process) = begun(json!([counting("counter", 2), counting("truck-02", 2)])).await;
    process.put(house.simulation(json!({"DeviceModels": [counting("counter", 2), counting_by("truck-02", 2, "00:00:00.500")]}))).await;
    house.pass(millis(4_000)).await;
    let mut seen = house.seen().await;
    for device in ["truck-02.0", "truck-02.1"] {
        let sent = seen.0.remove(device).unwrap();
        let anew = sent.iter().rposition(|message| message.n() == 0.0).unwrap();
        assert!(anew > 2, "{device} has not begun anew");
        for pair in sent[anew..].windows(2) {
            assert_eq!(pair[1].created - pair[0].created, 500, "{device}");
        }
    }
    seen.is_whole(1000);
    assert!(seen.bodies("custom.0").len() >= 7);
}

#[tokio::test]
async fn a_model_that_comes_and_goes_is_registered_and_removed() {
    let (house, process) = begun(json!([counting("counter", 2)])).await;
    process.put(house.simulation(json!({"DeviceModels": [counting("truck-02", 2), counting("counter", 2)]}))).await;
    house.pass(seconds(2)).await;
    assert_eq!(house.registered().await, [("custom".to_owned(), 2), ("truck-02".to_owned(), 2)].into());
    process.put(house.simulation(json!({"DeviceModels": [counting("truck-02", 2)]}))).await;
    house.pass(seconds(1)).await;
    let ended = house.seen().await;
    house.pass(seconds(2)).await;
    let seen = house.seen().await;
    seen.is_whole(1000);
    assert_eq!(house.registered().await, [("truck-02".to_owned(), 2)].into());
    assert_eq!(seen.bodies("custom.0"), ended.bodies("custom.0"));
    assert!(seen.bodies("truck-02.1").len() >= 4);
}

#[tokio::test]
async fn a_name_disturbs_nobody() {
    let (house, process) = begun(json!([counting("counter", 3)])).await;
    let before = process.get().await["Statistics"]["TotalMessagesSent"].as_u64().unwrap();
    for round in 0..20 {
        process.put(house.simulation(json!({"Name": format!("name {round}")}))).await;
        house.pass(millis(170)).await;
    }
    house.pass(seconds(3)).await;
    let seen = house.seen().await;
    seen.is_whole(1000);
    assert_eq!(seen.0["custom.1"].last().unwrap().n(), (seen.bodies("custom.1").len() - 1) as f64);
    let after = process.get().await;
    assert_eq!(after["Name"], "name 19");
    let kept = house.keys("simulations/runs").await;
    assert!(kept.len() <= 3, "editions that nobody goes on from are kept: {kept:?}");
    assert!(after["Statistics"]["TotalMessagesSent"].as_u64().unwrap() >= before + 9);
}

#[tokio::test]
async fn a_fleet_moves_to_a_file_and_back() {
    let (house, process) = begun(json!([counting("counter", 3)])).await;
    process.put(house.simulation(json!({"Target": {"type": "file", "path": "fleet.json"}}))).await;
    house.pass(millis(3_000)).await;
    assert_eq!(process.only_task().await.message, "Running: 3 devices.");
    assert_eq!(house.registered().await, [].into(), "they are not known to the local hub any more");
    process.put(house.simulation(json!({}))).await;
    house.pass(millis(3_000)).await;
    assert_eq!(house.registered().await, [("custom".to_owned(), 3)].into());
    let (local, file) = (house.seen().await, crate::seen::Seen::of_records(&house.file("fleet.json").await));
    local.keeps_its_grid(1000);
    file.is_whole(1000);
    for device in ["custom.0", "custom.1", "custom.2"] {
        let mut all: Vec<_> = local.0[device].iter().chain(&file.0[device]).collect();
        all.sort_by_key(|message| message.n() as u64);
        assert!(file.0[device].len() >= 2 && all.len() >= 9, "{device}");
        let numbers: Vec<_> = all.iter().map(|message| message.n() as usize).collect();
        assert_eq!(numbers, (0..all.len()).collect::<Vec<_>>(), "{device} goes on with its state, and nothing is lost or doubled");
    }
}

#[tokio::test]
async fn a_fleet_moves_between_files_across_crashes() {
    let (house, mut process) = begun(json!([counting("counter", 3)])).await;
    for round in 0..6 {
        let target = json!({"type": "file", "path": format!("{round}.json")});
        process.put(house.simulation(json!({"Target": target}))).await;
        process.kill().await;
        process = house.recovered("next").await;
        house.pass(millis(2_000)).await;
        process.kill().await;
        process = house.recovered("next").await;
    }
    house.pass(millis(2_000)).await;
    let local = house.seen().await;
    let mut numbers: Vec<usize> = local.0["custom.1"].iter().map(|message| message.n() as usize).collect();
    for round in 0..6 {
        let file = crate::seen::Seen::of_records(&house.file(&format!("{round}.json")).await);
        file.is_whole(1000);
        numbers.extend(file.0.get("custom.1").into_iter().flatten().map(|message| message.n() as usize));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>());
    assert!(numbers.len() >= 14, "{numbers:?}");
}

#[tokio::test]
async fn edits_right_after_crashes_hold() {
    let (house, mut process) = begun(json!([counting("counter", 1)])).await;
    for count in [2, 4, 3, 6, 1, 5] {
        process.kill().await;
        process = house.recovered("next").await;
        process.put(house.simulation(json!({"DeviceModels": [counting("counter", count)]}))).await;
        process.kill().await;
        house.clock.skip(millis(700));
        process = house.recovered("next").await;
        house.pass(millis(900)).await;
        assert_eq!(house.registered().await, [("custom".to_owned(), u64::from(count))].into());
    }
    house.pass(millis(900)).await;
    let seen = house.seen().await;
    let first = &seen.0["custom.0"];
    for (slot, message) in first.iter().enumerate() {
        assert_eq!(message.n() as usize, slot);
    }
    assert!(first.len() > 10);
}

#[tokio::test]
async fn a_put_that_lost_its_turn_leaves_no_trace_of_what_it_asked_for() {
    let (house, process) = begun(json!([counting("counter", 2)])).await;
    let etag = process.get().await["ETag"].clone();
    let busy = house.process_of("busy", Fate::waits_its_turn());
    let bodies = [3, 4, 5, 6].map(|count| house.simulation(json!({"ETag": etag, "DeviceModels": [counting("counter", count)]})));
    let answers = futures::future::join_all(bodies.iter().map(|body| busy.service.replace("1", body))).await;
    let won: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    house.pass(seconds(3)).await;
    let count = won[0].simulation.settings.models[0].count;
    assert_eq!(house.registered().await, [("custom".to_owned(), u64::from(count))].into());
    assert_eq!(house.seen().await.devices().len(), count as usize);
}
