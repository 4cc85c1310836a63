//! Processes that die at every one of their calls, and long interruptions.

use std::time::Duration;

use serde_json::{Value, json};

use crate::dying::Fate;
use crate::seen::Seen;
use crate::{House, counting, millis, seconds};

/// How much of the stream an undisturbed fleet of three has made.
async fn undisturbed() -> Seen {
    let house = House::new();
    let process = house.process("calm");
    process.put(house.simulation(json!({}))).await;
    house.pass(seconds(12)).await;
    house.seen().await
}

/// Sends a request until it is answered by a process that lives long enough; the process.
async fn insist(house: &House, mut process: crate::Process, body: Value, down: Duration) -> crate::Process {
    loop {
        let (service, body) = (process.service.clone(), body.clone());
        let request = tokio::spawn(async move { service.replace("1", &body).await.map(|view| view.to_json()) });
        while !request.is_finished() && !process.fate.is_dead() {
            house.clock.settle().await;
        }
        if request.is_finished() {
            request.await.unwrap().unwrap();
            return process;
        }
        request.abort();
        process = resurrected(house, process, down).await;
    }
}

async fn resurrected(house: &House, process: crate::Process, down: Duration) -> crate::Process {
    process.kill().await;
    house.clock.skip(down);
    house.recovered("next").await
}

/// Dies at every call there is, one in each life, until a life needs no more calls. `living` gets a process of this fate and brings the
/// house to its end.
async fn at_every_call(what: &str, behind: bool, living: impl AsyncFn(&House, crate::Process, usize) -> bool) {
    for nth in 1.. {
        let house = House::new();
        let process = house.process_of("mortal", Fate::dies_at(nth, behind));
        let died = living(&house, process, usize::try_from(nth).unwrap()).await;
        if !died {
            assert!(nth > 20, "{what}: only {nth} calls");
            return;
        }
    }
}

fn assert_as_undisturbed(calm: &Seen, seen: &Seen, nth: usize) {
    seen.is_whole(1000);
    assert_eq!(seen.devices(), calm.devices(), "killed at call {nth}");
    for device in seen.devices() {
        let (was, is) = (calm.bodies(device), seen.bodies(device));
        assert!(is.len() >= 5, "killed at call {nth}: {device} has sent {}", is.len());
        let both = was.len().min(is.len());
        assert_eq!(was[..both], is[..both], "killed at call {nth}: {device}");
    }
}

async fn a_crash_at_every_call(behind: bool, down: Duration) {
    let calm = undisturbed().await;
    at_every_call("a fleet", behind, async |house, process, nth| {
        let mut process = insist(house, process, house.simulation(json!({})), down).await;
        let died = house.pass_unless_dead(&process, millis(3_300)).await;
        process.fate.is_averted();
        if died {
            process = resurrected(house, process, down).await;
        }
        house.pass(millis(6_500)).await;
        assert_as_undisturbed(&calm, &house.seen().await, nth);
        let statistics = process.get().await["Statistics"].clone();
        assert_eq!(statistics["ActiveDevicesCount"], 3, "killed at call {nth}");
        assert_eq!(house.registered().await, [("custom".to_owned(), 3)].into(), "killed at call {nth}");
        died || nth < 20
    })
    .await;
}

#[tokio::test]
async fn a_crash_at_any_call_leaves_every_record_of_a_file_once() {
    let calm = undisturbed().await;
    for behind in [false, true] {
        at_every_call("a fleet into a file", behind, async |house, process, nth| {
            let body = house.simulation(json!({"Target": {"type": "file", "path": "fleet.json"}}));
            let mut process = insist(house, process, body, millis(900)).await;
            let died = house.pass_unless_dead(&process, millis(3_300)).await;
            process.fate.is_averted();
            if died {
                process = resurrected(house, process, millis(900)).await;
            }
            house.pass(millis(6_500)).await;
            assert_as_undisturbed(&calm, &Seen::of_records(&house.file("fleet.json").await), nth);
            drop(process);
            died || nth < 20
        })
        .await;
    }
}

#[tokio::test]
async fn a_crash_before_any_call_leaves_what_an_undisturbed_run_does() {
    a_crash_at_every_call(false, Duration::ZERO).await;
}

#[tokio::test]
async fn a_crash_behind_any_call_leaves_what_an_undisturbed_run_does() {
    a_crash_at_every_call(true, Duration::ZERO).await;
}

#[tokio::test]
async fn a_crash_that_is_noticed_after_some_seconds_leaves_no_slot_out() {
    a_crash_at_every_call(true, millis(7_310)).await;
}

/// An edit at any moment of whose making the process may die: what is the same before and after goes on untouched.
async fn a_crash_around_an_edit(behind: bool, down: Duration) {
    let calm = undisturbed().await;
    let edited = |house: &House| house.simulation(json!({"DeviceModels": [counting("counter", 3), counting("truck-02", 2)]}));
    at_every_call("an edit", behind, async |house, process, nth| {
        let mut process = insist(house, process, house.simulation(json!({})), down).await;
        let mut died = house.pass_unless_dead(&process, millis(1_700)).await;
        if died {
            process = resurrected(house, process, down).await;
        }
        let recovered = !process.fate.is_dead() && died;
        process = insist(house, process, edited(house), down).await;
        if !recovered {
            died = house.pass_unless_dead(&process, millis(1_500)).await;
            if died {
                process = resurrected(house, process, down).await;
            }
        }
        process.fate.is_averted();
        house.pass(seconds(7)).await;
        let mut seen = house.seen().await;
        seen.is_whole(1000);
        let trucks: Vec<_> =
            seen.devices().iter().filter(|device| device.starts_with("truck")).map(|device| (*device).to_owned()).collect();
        assert_eq!(trucks, ["truck-02.0", "truck-02.1"], "killed at call {nth}");
        for truck in trucks {
            let sent = seen.0.remove(&truck).unwrap();
            assert_eq!(sent[0].n(), 0.0, "killed at call {nth}: {truck}");
            assert!(sent.len() >= 4, "killed at call {nth}: {truck}");
        }
        assert_as_undisturbed(&calm, &seen, nth);
        assert_eq!(house.registered().await, [("custom".to_owned(), 3), ("truck-02".to_owned(), 2)].into(), "killed at call {nth}");
        assert_eq!(process.get().await["Statistics"]["ActiveDevicesCount"], 5, "killed at call {nth}");
        died || nth < 20
    })
    .await;
}

#[tokio::test]
async fn a_crash_before_any_call_around_an_edit_disturbs_nothing_that_stays() {
    a_crash_around_an_edit(false, Duration::ZERO).await;
}

#[tokio::test]
async fn a_crash_behind_any_call_around_an_edit_disturbs_nothing_that_stays() {
    a_crash_around_an_edit(true, millis(1_100)).await;
}

#[tokio::test]
async fn what_was_due_in_an_interruption_of_minutes_is_passed_over_and_grid_and_state_stay() {
    let house = House::new();
    let process = house.process("one");
    process.post(house.simulation(json!({}))).await.unwrap();
    house.pass(millis(5_250)).await;
    process.kill().await;
    house.clock.skip(seconds(300));
    let back = house.clock.now_millis();
    let process = house.recovered("two").await;
    house.pass(seconds(5)).await;
    let seen = house.seen().await;
    seen.keeps_its_grid(1000);
    for (device, arrived) in &seen.0 {
        let late = arrived.iter().filter(|message| message.created < back && message.created > back - 290_000).count();
        assert_eq!(late, 0, "{device} has sent what was due while it was off");
        let gaps: Vec<_> = arrived.windows(2).filter(|pair| pair[1].created - pair[0].created > 1000).collect();
        assert_eq!(gaps.len(), 1, "{device}");
        let (before, after) = (gaps[0][0].n(), gaps[0][1].n());
        assert!((0.0..=2.0).contains(&(after - before)), "{device}: {before} is followed by {after}");
        assert!(arrived.iter().filter(|message| message.created >= back).count() >= 4, "{device}");
    }
    assert_eq!(process.get().await["Running"], true);
}

#[tokio::test]
async fn an_edit_right_after_an_interruption_of_minutes_does_not_make_up_for_it() {
    let house = House::new();
    let process = house.process("one");
    process.post(house.simulation(json!({}))).await.unwrap();
    house.pass(millis(5_250)).await;
    process.kill().await;
    house.clock.skip(seconds(300));
    let back = house.clock.now_millis();
    // The service answers before anybody steps.
    let process = house.recovered("two").await;
    process.put(house.simulation(json!({"Name": "renamed", "DeviceModels": [counting("counter", 4)]}))).await;
    house.pass(seconds(5)).await;
    let seen = house.seen().await;
    seen.keeps_its_grid(1000);
    assert_eq!(seen.devices().len(), 4);
    for (device, arrived) in &seen.0 {
        let late = arrived.iter().filter(|message| message.created < back && message.created > back - 290_000).count();
        assert_eq!(late, 0, "{device} has sent what was due while it was off");
    }
}

/// Crashes at any moments of a fleet some of whose devices run scripts.
async fn many_crashes(house: House, rounds: u64) {
    let mut process = house.process("first");
    let models = json!([counting("counter", 2), {"Id": "chiller-01", "Count": 2, "Override": {
        "Simulation": {"Interval": "00:00:01"}, "Telemetry": [{"Interval": "00:00:01"}]}}]);
    process.put(house.simulation(json!({"DeviceModels": models}))).await;
    for round in 0..rounds {
        house.pass(millis(1 + round * 37 % 911)).await;
        process.kill().await;
        house.clock.skip(millis(round * 53 % 400));
        process = house.recovered(&format!("process {round}")).await;
    }
    house.pass(seconds(3)).await;
    let seen = house.seen().await;
    assert_eq!(seen.devices().len(), 4);
    for (device, arrived) in &seen.0 {
        assert!(arrived.len() as u64 > rounds / 3, "{device} has sent {} messages", arrived.len());
        for pair in arrived.windows(2) {
            assert_eq!(pair[1].created - pair[0].created, 1000, "{device}");
        }
    }
    drop(process);
}

#[tokio::test]
async fn a_hundred_crashes_at_any_moment_of_a_fleet_with_scripts() {
    many_crashes(House::new(), 100).await;
}

#[tokio::test]
async fn crashes_over_the_embedded_store_at_any_moment_of_a_fleet_with_scripts() {
    let folder = tempfile::tempdir().unwrap();
    many_crashes(House::embedded(folder.path()), 40).await;
}
