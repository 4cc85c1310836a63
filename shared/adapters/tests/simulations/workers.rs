//! Several processes over the same stores.

use serde_json::json;

use crate::dying::Fate;
use crate::{House, counting, millis, seconds};

#[tokio::test]
async fn two_processes_share_a_fleet_and_double_nothing() {
    let house = House::new();
    let (one, other) = (house.process("one"), house.process("other"));
    one.post(house.simulation(json!({}))).await.unwrap();
    house.pass(millis(5_300)).await;
    other.put(house.simulation(json!({"DeviceModels": [counting("counter", 3), counting("truck-02", 2)]}))).await;
    house.pass(millis(5_000)).await;
    let seen = house.seen().await;
    seen.is_whole(1000);
    assert_eq!(seen.devices().len(), 5);
    assert!(seen.bodies("custom.0").len() >= 10);
    assert_eq!(one.get().await["Statistics"], other.get().await["Statistics"]);
}

#[tokio::test]
async fn a_process_that_freezes_in_a_step_is_followed_by_another_and_does_no_harm_when_it_wakes() {
    for moment in [3_010, 3_300, 3_690, 4_001, 4_444] {
        let house = House::new();
        let fate = Fate::lives();
        let frozen = house.process_of("frozen", std::sync::Arc::clone(&fate));
        frozen.post(house.simulation(json!({}))).await.unwrap();
        house.pass(millis(moment)).await;
        fate.freezes(true);
        let other = house.process("other");
        // Its lease has to lapse first.
        house.pass(seconds(50)).await;
        let others = house.seen().await.total();
        assert!(others >= 100, "frozen after {moment} ms: the other process did not take over: {others} messages");
        fate.freezes(false);
        house.pass(seconds(10)).await;
        let seen = house.seen().await;
        seen.is_whole(1000);
        assert!(seen.bodies("custom.1").len() >= 60, "frozen after {moment} ms");
        drop(other);
    }
}

#[tokio::test]
async fn processes_that_ask_for_the_same_at_the_same_time_make_one_fleet() {
    let house = House::new();
    let processes: Vec<_> = (0..4).map(|number| house.process_of(&format!("p{number}"), Fate::waits_its_turn())).collect();
    let body = house.simulation(json!({}));
    let put = processes.iter().map(|process| process.service.replace("1", &body));
    assert!(futures::future::join_all(put).await.iter().all(Result::is_ok));
    house.pass(seconds(5)).await;
    assert_eq!(processes[0].tasks.all().await.unwrap().len(), 1);
    let seen = house.seen().await;
    let total = seen.total();
    for (device, arrived) in &seen.0 {
        let anew = arrived.iter().rposition(|message| message.n() == 0.0).unwrap();
        assert!(arrived.len() - anew >= 4, "{device}: {total} messages");
        for pair in arrived[anew..].windows(2) {
            assert_eq!(pair[1].created - pair[0].created, 1000, "{device} lives twice");
        }
    }
    assert_eq!(house.registered().await, [("custom".to_owned(), 3)].into());
}

#[tokio::test]
async fn switches_by_several_processes_at_once_end_in_what_is_stored() {
    let house = House::new();
    let processes: Vec<_> = (0..3).map(|number| house.process_of(&format!("p{number}"), Fate::waits_its_turn())).collect();
    processes[0].put(house.simulation(json!({}))).await;
    for round in 0u64..12 {
        let bodies: Vec<_> = (0..3u64).map(|number| house.simulation(json!({"Enabled": (number + round) % 2 == 0}))).collect();
        let put = processes.iter().zip(&bodies).map(|(process, body)| process.service.replace("1", body));
        assert!(futures::future::join_all(put).await.iter().all(Result::is_ok));
        house.pass(millis(round * 97 % 450)).await;
    }
    processes[1].put(house.simulation(json!({"Enabled": true, "Name": "last"}))).await;
    house.pass(seconds(40)).await;
    let all = processes[0].tasks.all().await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    let before = house.seen().await.bodies("custom.0").len();
    house.pass(seconds(10)).await;
    let seen = house.seen().await;
    assert_eq!(seen.bodies("custom.0").len() - before, 10);
    assert_eq!(processes[2].get().await["Running"], true);
}

#[tokio::test]
async fn an_edit_that_comes_at_any_call_of_a_step_is_followed_soon() {
    // Without ticks there is only a message every ten minutes, so nothing but the edit wakes the devices.
    let quiet = |count: u32| {
        let schema = json!({"Name": "q;v1", "Format": "JSON", "Fields": {}});
        let telemetry = json!([{"Interval": "00:10:00", "MessageTemplate": "{}", "MessageSchema": schema}]);
        json!({"ETag": "*", "Seed": 1, "DeviceModels": [{"Id": "custom", "Count": count, "Override": {"Telemetry": telemetry}}]})
    };
    for nth in 1.. {
        let house = House::new();
        let mut asking = house.process("asking");
        asking.running.abort_all();
        while asking.running.join_next().await.is_some() {}
        asking.put(quiet(1)).await;
        let fate = Fate::freezes_at(nth);
        let working = house.process_of("working", std::sync::Arc::clone(&fate));
        for _ in 0..150 {
            if fate.is_frozen() {
                break;
            }
            house.pass(seconds(1)).await;
        }
        if !fate.is_frozen() {
            assert!(nth > 10, "only {nth} calls");
            return;
        }
        asking.put(quiet(2)).await;
        house.pass(millis(200)).await;
        fate.freezes(false);
        house.pass(seconds(3)).await;
        assert_eq!(house.registered().await, [("custom".to_owned(), 2)].into(), "frozen at call {nth}");
        drop(working);
    }
}
