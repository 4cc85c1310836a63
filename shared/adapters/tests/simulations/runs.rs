//! Runs: how they begin, end, and follow each other.

use serde_json::{Value, json};

use crate::{House, Process, counting, millis, seconds};

async fn begun(members: Value) -> (House, Process) {
    let house = House::new();
    let process = house.process("one");
    process.post(house.simulation(members)).await.unwrap();
    house.pass(millis(3_300)).await;
    (house, process)
}

fn statistics(shown: &Value, member: &str) -> u64 {
    shown["Statistics"][member].as_u64().unwrap_or_else(|| panic!("{shown}"))
}

#[tokio::test]
async fn a_simulation_that_is_enabled_again_begins_anew() {
    let (house, process) = begun(json!({})).await;
    let disabled = process.enable(false).await;
    assert_eq!((&disabled["Enabled"], &disabled["ActiveNow"], &disabled["Running"]), (&json!(false), &json!(false), &json!(false)));
    house.pass(seconds(1)).await;
    let (ended, shown) = (house.seen().await, process.get().await);
    house.pass(seconds(5)).await;
    assert_eq!(house.seen().await, ended, "devices live on");
    assert_eq!(statistics(&shown, "TotalMessagesSent"), ended.total() as u64, "the counters of a run stay after it");
    assert_eq!(statistics(&shown, "ActiveDevicesCount"), 0);
    assert_eq!(house.registered().await, [("custom".to_owned(), 3)].into(), "nobody asked for their removal");

    process.enable(true).await;
    house.pass(seconds(4)).await;
    let (seen, shown) = (house.seen().await, process.get().await);
    assert!(statistics(&shown, "TotalMessagesSent") <= (seen.total() - ended.total()) as u64);
    for (device, arrived) in &seen.0 {
        let anew = &arrived[ended.0[device].len()..];
        assert!(anew.len() >= 3, "{device}");
        for (slot, message) in (0u32..).zip(anew) {
            assert_eq!(message.n(), f64::from(slot), "{device}");
        }
    }
    assert_eq!(house.registered().await, [("custom".to_owned(), 3)].into());
    assert_eq!(process.tasks.all().await.unwrap().len(), 1, "the tasks of the former run are gone");
}

#[tokio::test]
async fn a_simulation_may_be_switched_as_fast_as_one_can_click() {
    let (house, process) = begun(json!({})).await;
    for round in 0..30 {
        process.enable(round % 2 == 1).await;
        house.pass(millis(round * 23 % 131)).await;
    }
    house.pass(seconds(3)).await;
    let seen = house.seen().await;
    let shown = process.get().await;
    assert_eq!((&shown["Running"], statistics(&shown, "ActiveDevicesCount")), (&json!(true), 3), "{:?}", process.tasks.all().await);
    let anew = seen.0["custom.1"].iter().rposition(|message| message.n() == 0.0).unwrap();
    assert!(seen.0["custom.1"].len() - anew >= 2, "the last run does not live");
    house.pass(seconds(120)).await;
    assert_eq!(process.tasks.all().await.unwrap().len(), 1);
    assert_eq!(house.registered().await, [("custom".to_owned(), 3)].into());
}

#[tokio::test]
async fn devices_are_removed_when_the_run_ends_where_that_is_asked_for() {
    let (house, process) = begun(json!({"DeleteDevicesWhenSimulationEnds": true})).await;
    assert_eq!(house.registered().await, [("custom".to_owned(), 3)].into());
    process.enable(false).await;
    house.pass(seconds(1)).await;
    assert_eq!(house.registered().await, [].into());
    process.enable(true).await;
    house.pass(seconds(1)).await;
    assert_eq!(house.registered().await, [("custom".to_owned(), 3)].into());
}

#[tokio::test]
async fn a_start_in_the_future_is_waited_for() {
    let (house, process) = begun(json!({"StartTime": "NOW+PT90S"})).await;
    let shown = process.get().await;
    assert_eq!((&shown["Running"], &shown["ActiveNow"], house.seen().await.total()), (&json!(false), &json!(false), 0));
    house.pass(seconds(86)).await;
    assert_eq!(house.seen().await.total(), 0);
    house.pass(seconds(4)).await;
    let seen = house.seen().await;
    seen.is_whole(1000);
    assert!(seen.bodies("custom.0").len() >= 2);
    let lateness = seen.0["custom.0"][0].created - crate::START - 90_000;
    assert!((0..100).contains(&lateness), "it begins {lateness} ms late");
    assert_eq!(process.get().await["Running"], true);
}

#[tokio::test]
async fn a_start_that_is_put_forward_is_followed_at_once() {
    let (house, process) = begun(json!({"StartTime": "NOW+PT2H"})).await;
    process.put(house.simulation(json!({}))).await;
    house.pass(seconds(2)).await;
    assert_eq!(house.seen().await.devices().len(), 3);
}

#[tokio::test]
async fn an_end_leaves_no_slot_out_before_it_and_none_behind_it() {
    for wait in [0, 7, 333] {
        let house = House::new();
        house.pass(millis(wait)).await;
        let process = house.process("one");
        let made = process.post(house.simulation(json!({"EndTime": "NOW+PT9S"}))).await.unwrap();
        house.pass(seconds(30)).await;
        let seen = house.seen().await;
        seen.is_whole(1000);
        let end = crate::START + i64::try_from(wait).unwrap() / 1000 * 1000 + 9_000;
        for (device, arrived) in &seen.0 {
            let last = arrived.last().unwrap().created;
            assert!(last < end + 1000 && last >= end - 1000, "{device}: the last message is of {last}, the end is {}", made["EndTime"]);
        }
        let shown = process.get().await;
        assert_eq!((&shown["Running"], &shown["Enabled"]), (&json!(false), &json!(true)));
        assert_eq!(statistics(&shown, "TotalMessagesSent"), seen.total() as u64);
        assert_eq!(statistics(&shown, "ActiveDevicesCount"), 0);
    }
}

#[tokio::test]
async fn an_end_that_passes_while_nothing_runs_leaves_no_slot_out() {
    let house = House::new();
    let process = house.process("one");
    process.post(house.simulation(json!({"EndTime": "NOW+PT9S"}))).await.unwrap();
    house.pass(millis(4_700)).await;
    process.kill().await;
    house.clock.skip(seconds(10));
    let process = house.recovered("two").await;
    house.pass(seconds(5)).await;
    let seen = house.seen().await;
    seen.is_whole(1000);
    for (device, arrived) in &seen.0 {
        assert_eq!(arrived.len(), 9, "{device}");
    }
    assert_eq!(statistics(&process.get().await, "TotalMessagesSent"), 27);
}

#[tokio::test]
async fn an_end_that_is_put_off_after_it_has_passed_brings_the_devices_back() {
    let (house, process) = begun(json!({"EndTime": "NOW+PT5S"})).await;
    house.pass(seconds(10)).await;
    let ended = house.seen().await;
    assert_eq!(process.get().await["Running"], false);
    process.put(house.simulation(json!({"EndTime": "NOW+PT1H"}))).await;
    house.pass(seconds(5)).await;
    let seen = house.seen().await;
    let shown = process.get().await;
    assert_eq!((&shown["Running"], statistics(&shown, "ActiveDevicesCount")), (&json!(true), 3));
    for (device, arrived) in &seen.0 {
        let anew = &arrived[ended.0[device].len()..];
        assert!(anew.len() >= 4, "{device} has sent {} messages since", anew.len());
        assert_eq!(anew[0].n(), 0.0, "{device}");
    }
    assert_eq!(house.registered().await, [("custom".to_owned(), 3)].into());
}

#[tokio::test]
async fn devices_that_an_edit_after_the_end_leaves_out_are_removed() {
    let (house, process) = begun(json!({"EndTime": "NOW+PT5S"})).await;
    house.pass(seconds(10)).await;
    assert_eq!(house.registered().await, [("custom".to_owned(), 3)].into());
    process.put(house.simulation(json!({"EndTime": "NOW+PT1H", "DeviceModels": [counting("counter", 1), counting("truck-02", 1)]}))).await;
    house.pass(seconds(2)).await;
    assert_eq!(house.registered().await, [("custom".to_owned(), 1), ("truck-02".to_owned(), 1)].into());
}

#[tokio::test]
async fn an_end_that_is_put_off_before_it_passes_is_nothing_to_the_devices() {
    let (house, process) = begun(json!({"EndTime": "NOW+PT5S"})).await;
    process.put(house.simulation(json!({"EndTime": "NOW+PT1H"}))).await;
    house.pass(seconds(5)).await;
    let seen = house.seen().await;
    seen.is_whole(1000);
    assert!(seen.bodies("custom.2").len() >= 8);
    drop(process);
}

#[tokio::test]
async fn a_deleted_simulation_leaves_nothing_but_its_messages() {
    for wait in [0, 1, 40, 900, 3_000] {
        let house = House::new();
        let process = house.process("one");
        process.post(house.simulation(json!({}))).await.unwrap();
        house.pass(millis(wait)).await;
        process.service.delete("1").await.unwrap();
        house.pass(seconds(5)).await;
        assert_eq!(house.registered().await, [].into(), "deleted after {wait} ms");
        assert_eq!(process.tasks.all().await.unwrap(), vec![], "deleted after {wait} ms");
        assert_eq!(house.keys("snapshots").await, Vec::<String>::new(), "deleted after {wait} ms");
        let seen = house.seen().await;
        house.pass(seconds(5)).await;
        assert_eq!(house.seen().await, seen, "devices live on");
    }
}

#[tokio::test]
async fn devices_of_a_simulation_that_has_ended_are_removed_with_it() {
    for end in ["disabled", "over"] {
        let (house, process) = begun(json!({"EndTime": "NOW+PT10S"})).await;
        if end == "disabled" {
            process.enable(false).await;
        }
        house.pass(seconds(20)).await;
        assert_eq!(house.registered().await, [("custom".to_owned(), 3)].into(), "{end}");
        process.service.delete("1").await.unwrap();
        house.pass(seconds(5)).await;
        assert_eq!(house.registered().await, [].into(), "{end}");
        assert_eq!(process.tasks.all().await.unwrap(), vec![], "{end}");
    }
}

#[tokio::test]
async fn a_simulation_that_follows_a_deleted_one_at_once_waits_for_its_devices_to_go() {
    let doubles = crate::hub_double::Doubles::default();
    let desk = std::sync::Arc::clone(&doubles.desk);
    let house = House::with_hubs(std::sync::Arc::new(doubles));
    let process = house.process("one");
    process.post(house.simulation(json!({}))).await.unwrap();
    house.pass(millis(3_300)).await;
    for _ in 0..4 {
        process.service.delete("1").await.unwrap();
        process.post(house.simulation(json!({"DeviceModels": [counting("counter", 2)]}))).await.unwrap();
        house.pass(millis(2_700)).await;
        let desk = desk.lock().unwrap();
        assert_eq!(desk.registered.iter().map(String::as_str).collect::<Vec<_>>(), ["custom.0", "custom.1"]);
        // Each device is removed before it is registered again.
        let mut known = std::collections::BTreeSet::new();
        for (added, device) in &desk.registry {
            assert_eq!(known.contains(device), !added, "{:?}", desk.registry);
            let _ = if *added { known.insert(device.clone()) } else { known.remove(device) };
        }
    }
    assert_eq!(process.tasks.all().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_fleet_is_not_running_before_its_devices_are() {
    let (house, process) = begun(json!({})).await;
    let mut broken = house.clock.now_millis();
    process.service.delete("1").await.unwrap();
    process.post(house.simulation(json!({}))).await.unwrap();
    while process.get().await["Running"] == false {
        assert_eq!(statistics(&process.get().await, "TotalMessagesSent"), 0);
        house.pass(millis(10)).await;
        broken += 10;
        assert!(house.clock.now_millis() < broken + 5_000);
    }
    assert_eq!(statistics(&process.get().await, "ActiveDevicesCount"), 3);
}

#[tokio::test]
async fn ends_that_are_put_off_again_and_again_lose_no_message_over_the_embedded_store() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::embedded(folder.path());
    let process = house.process("one");
    let mut sent = 0;
    for round in 0..5 {
        let body = house.simulation(json!({"Name": format!("round {round}"), "EndTime": "NOW+PT4S"}));
        process.put(body).await;
        house.pass(seconds(8)).await;
        let now = house.seen().await.total();
        assert!(now - sent >= 10, "{} messages in round {round}", now - sent);
        assert_eq!(statistics(&process.get().await, "TotalMessagesSent"), (now - sent) as u64);
        sent = now;
    }
}
