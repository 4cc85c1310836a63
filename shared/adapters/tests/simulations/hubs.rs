//! Hubs that refuse, for a while or for good.

use std::sync::Arc;

use headwater_core::tasks::Phase;
use serde_json::{Value, json};

use crate::hub_double::{Desk, Doubles, Refusal};
use crate::{House, millis, seconds};

fn house() -> (House, Arc<std::sync::Mutex<Desk>>) {
    let doubles = Doubles::default();
    let desk = Arc::clone(&doubles.desk);
    (House::with_hubs(Arc::new(doubles)), desk)
}

/// Checks that all devices have sent at all moments of their grids, each message once.
#[track_caller]
fn is_whole(desk: &Desk, at_least: usize) {
    for device in ["custom.0", "custom.1", "custom.2"] {
        let taken = desk.of(device);
        assert!(taken.len() >= at_least, "{device}: {} messages", taken.len());
        for (slot, message) in (0i64..).zip(&taken) {
            assert_eq!(message.created, taken[0].created + slot * 1000, "{device}");
            let body: Value = serde_json::from_str(&message.body).unwrap();
            assert_eq!(body["n"].as_f64(), Some(slot as f64), "{device}");
        }
    }
}

#[tokio::test]
async fn a_hub_that_refuses_for_a_while_loses_nothing() {
    for takes in [0, 1, 2] {
        let (house, desk) = house();
        let process = house.process("one");
        process.post(house.simulation(json!({}))).await.unwrap();
        house.pass(millis(3_300)).await;
        (desk.lock().unwrap().refusal, desk.lock().unwrap().takes) = (Some(Refusal::Later), takes);
        house.pass(seconds(150)).await;
        assert!(process.only_task().await.message.contains("the hub is tired"), "{}", process.only_task().await.message);
        desk.lock().unwrap().refusal = None;
        house.pass(seconds(40)).await;
        let desk = desk.lock().unwrap();
        is_whole(&desk, 190);
        assert_eq!(desk.repeated, 0, "the hub said what it had taken");
    }
}

#[tokio::test]
async fn a_hub_that_refuses_across_crashes_loses_nothing() {
    let (house, desk) = house();
    let mut process = house.process("one");
    process.post(house.simulation(json!({}))).await.unwrap();
    house.pass(millis(2_300)).await;
    (desk.lock().unwrap().refusal, desk.lock().unwrap().takes) = (Some(Refusal::Later), 1);
    for _ in 0..20 {
        house.pass(millis(1_700)).await;
        process.kill().await;
        process = house.recovered("next").await;
    }
    desk.lock().unwrap().refusal = None;
    house.pass(seconds(35)).await;
    is_whole(&desk.lock().unwrap(), 60);
}

#[tokio::test]
async fn a_hub_that_refuses_for_good_fails_the_task_and_the_statistics_stay() {
    let (house, desk) = house();
    let process = house.process("one");
    process.post(house.simulation(json!({}))).await.unwrap();
    house.pass(millis(5_300)).await;
    desk.lock().unwrap().refusal = Some(Refusal::Never);
    house.pass(seconds(5)).await;
    let task = process.only_task().await;
    assert_eq!((task.phase, task.message.as_str()), (Phase::Failed, "Failed: the hub has had enough"));
    let shown = process.get().await;
    assert_eq!((&shown["Running"], &shown["ActiveNow"]), (&json!(false), &json!(true)));
    assert!(shown["Statistics"]["TotalMessagesSent"].as_u64().unwrap() >= 12, "{shown}");
    desk.lock().unwrap().refusal = None;
    process.put(house.simulation(json!({}))).await;
    house.pass(seconds(3)).await;
    assert_eq!(process.get().await["Running"], true);
    let again: Vec<_> =
        desk.lock().unwrap().of("custom.1").iter().filter(|taken| taken.body.starts_with("{\"n\":0,")).map(|taken| taken.created).collect();
    assert_eq!(again.len(), 2, "a fleet that failed begins anew");
}

#[tokio::test]
async fn a_fleet_can_leave_a_hub_that_refuses_or_does_not_answer() {
    for refusal in [Refusal::Later, Refusal::Silence] {
        let (house, desk) = house();
        let process = house.process("one");
        process.post(house.simulation(json!({}))).await.unwrap();
        house.pass(millis(3_300)).await;
        desk.lock().unwrap().refusal = Some(refusal.clone());
        house.pass(seconds(20)).await;
        process.put(house.simulation(json!({"Target": {"type": "file", "path": "elsewhere.json"}}))).await;
        house.pass(seconds(1)).await;
        // The double stands for both: what is written under another name is the other hub.
        desk.lock().unwrap().refusal = None;
        house.pass(seconds(60)).await;
        let task = process.only_task().await;
        assert_eq!((task.phase, task.message.as_str()), (Phase::Running, "Running: 3 devices."), "{refusal:?}");
        let desk = desk.lock().unwrap();
        let elsewhere: usize = desk.taken.iter().filter(|(writer, _)| writer.starts_with("a target")).map(|(_, taken)| taken.len()).sum();
        assert!(elsewhere >= 120, "{refusal:?}: {elsewhere} messages");
    }
}

#[tokio::test]
async fn a_fleet_whose_hub_stays_dead_follows_an_edit_of_the_hub() {
    let (house, desk) = house();
    let process = house.process("one");
    process.post(house.simulation(json!({}))).await.unwrap();
    house.pass(millis(3_300)).await;
    desk.lock().unwrap().refusal = Some(Refusal::Later);
    house.pass(seconds(20)).await;
    process.put(house.simulation(json!({"Target": {"type": "file", "path": "elsewhere.json"}}))).await;
    house.pass(seconds(40)).await;
    let moved = desk.lock().unwrap().registry.iter().filter(|(added, _)| !added).count();
    assert!(moved >= 3, "the devices have not left the hub that refuses");
}

#[tokio::test]
async fn a_simulation_is_deleted_although_its_hub_does_not_answer() {
    let (house, desk) = house();
    let process = house.process("one");
    process.post(house.simulation(json!({}))).await.unwrap();
    house.pass(millis(3_300)).await;
    desk.lock().unwrap().refusal = Some(Refusal::Silence);
    house.pass(seconds(20)).await;
    process.service.delete("1").await.unwrap();
    house.pass(seconds(30)).await;
    assert_eq!(process.tasks.all().await.unwrap(), vec![]);
    assert!(desk.lock().unwrap().registered.is_empty());
}

#[tokio::test]
async fn a_stream_of_the_local_hub_that_is_removed_is_made_anew() {
    use headwater_core::ports::{Clock, Entropy};
    let house = House::new();
    let process = house.process("one");
    process.post(house.simulation(json!({}))).await.unwrap();
    house.pass(millis(3_300)).await;
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (house.clock.clone(), Arc::new(headwater_adapters::OsEntropy));
    let streams = house.stores.streams(&clock, &entropy);
    streams.delete(&headwater_core::simulations::devices_stream()).await.unwrap();
    house.pass(seconds(10)).await;
    let seen = house.seen().await;
    assert_eq!(seen.devices().len(), 3);
    seen.is_whole(1000);
    assert!(seen.bodies("custom.0").len() >= 7, "{} messages since", seen.bodies("custom.0").len());
    assert!(seen.0["custom.0"][0].n() >= 1.0, "the devices go on");
}
