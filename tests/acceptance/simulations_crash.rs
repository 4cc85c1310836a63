//! What a `kill -9` may not do to simulated devices, whenever it comes.

use std::collections::BTreeSet;

use serde_json::json;

use crate::crash::Moments;
use crate::server::Home;
use crate::simulations_client::{ONE, assert_whole, counting};
use crate::waiting::{seconds, wait_for};

#[test]
fn ten_kills_take_no_message_of_hundreds_of_devices_and_bring_none_twice() {
    const KILLS: u32 = 10;
    const DEVICES: u32 = 400;
    let home = Home::new();
    let mut server = home.serve();
    server.simulate(json!({"DeviceModels": [counting("custom", DEVICES)], "Seed": 7}));
    let mut moments = Moments(5);
    let mut went_back = 0;
    let mut last = 0;
    for _ in 0..KILLS {
        std::thread::sleep(moments.millis(50, 2_500));
        let shown = server.simulation();
        let sent = shown["Statistics"]["TotalMessagesSent"].as_u64().expect("a count");
        went_back += u32::from(sent < last);
        last = sent;
        server.kill();
        server = home.serve();
    }
    server.wait_simulation("messages after the last kill", seconds(30), |shown| {
        shown["Statistics"]["TotalMessagesSent"].as_u64() >= Some(last + 3 * u64::from(DEVICES))
    });
    assert_eq!(went_back, 0, "the statistics went back behind what they had shown");
    let messages = server.messages();
    assert_eq!(messages.len(), DEVICES as usize);
    for (device, messages) in &messages {
        assert!(messages.len() >= 8, "{device} has sent {} messages", messages.len());
        assert_whole(device, messages);
        let last = messages.last().expect("it has sent");
        // A tick comes between any two messages; the two grids may lie so that one more or less has been counted.
        let slots = f64::from(u32::try_from(messages.len()).expect("few"));
        let count = last.1["n"].as_f64().expect("a number");
        assert!((count - slots).abs() <= 2.0, "{device} counts {count} after {slots} messages");
    }
    assert_eq!(server.simulation()["Statistics"]["ActiveDevicesCount"], DEVICES);
}

#[test]
fn a_simulation_that_was_acknowledged_lives_even_if_the_server_dies_at_once() {
    let home = Home::new();
    for round in 1..=6u32 {
        let server = home.serve();
        server.simulate(json!({"DeviceModels": [counting("custom", round)], "Name": format!("round {round}")}));
        server.kill();
        let server = home.serve();
        let shown = server.wait_simulation("the devices", seconds(10), |shown| shown["Statistics"]["ActiveDevicesCount"] == round);
        assert_eq!((&shown["Name"], &shown["Running"]), (&json!(format!("round {round}")), &json!(true)));
        server.kill();
    }
    let server = home.serve();
    wait_for("the last device", seconds(10), || server.messages().contains_key("custom.5").then_some(()));
    for (device, messages) in server.messages() {
        assert_whole(&device, &messages);
    }
}

#[test]
fn a_deletion_that_was_acknowledged_holds_after_a_kill() {
    let home = Home::new();
    for round in 0..4 {
        let server = home.serve();
        server.simulate(json!({"DeviceModels": [counting("custom", 20)]}));
        if round % 2 == 1 {
            server.wait_simulation("the devices", seconds(10), |shown| shown["Running"] == true);
        }
        assert_eq!(server.send("DELETE", ONE, &[], b"").status, 200);
        server.kill();
        let server = home.serve();
        assert_eq!(server.get(ONE).status, 404);
        std::thread::sleep(seconds(2));
        let quiet = if server.get("/v3/namespaces/default/streams/devices").status == 200 { server.events("devices").len() } else { 0 };
        std::thread::sleep(seconds(2));
        if quiet > 0 {
            assert_eq!(server.events("devices").len(), quiet, "round {round}: devices live on");
        }
        server.kill();
    }
}

#[test]
fn kills_amid_edits_leave_the_last_one_that_was_acknowledged() {
    const ROUNDS: u32 = 8;
    let home = Home::new();
    let mut moments = Moments(8);
    let mut server = home.serve();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let address = server.address;
        let (begun, begins) = std::sync::mpsc::channel();
        let edits = std::thread::spawn(move || {
            let api = crate::api_client::Api::at(address);
            let mut last = None;
            for number in 0.. {
                let count = 1 + (round * 7 + number) % 5;
                let body = json!({"ETag": "*", "DeviceModels": [counting("custom", count), counting("truck-01", 1)]}).to_string();
                match api.try_send("PUT", ONE, &[("content-type", "application/json")], body.as_bytes()) {
                    Some(answer) if answer.status == 200 => {
                        last = Some(count);
                        let _ = begun.send(()); // The first one is waited for.
                    }
                    Some(answer) => panic!("{}: {}", answer.status, answer.text()),
                    None => return last,
                }
            }
            last
        });
        begins.recv_timeout(seconds(30)).expect("an edit is acknowledged");
        std::thread::sleep(moments.millis(100, 900));
        server.kill();
        acknowledged += u32::from(edits.join().expect("every answer was a good one").is_some());
        server = home.serve();
        // The edit that got no answer may have been written, too.
        let count = server.simulation()["DeviceModels"][0]["Count"].as_u64().expect("a count");
        server.wait_simulation("the devices", seconds(10), |shown| shown["Statistics"]["ActiveDevicesCount"] == count + 1);
    }
    assert_eq!(acknowledged, ROUNDS, "not in every round was there an edit");
    std::thread::sleep(seconds(2));
    let messages = server.messages();
    assert_whole("truck-01.0", &messages["truck-01.0"]);
    assert_whole("custom.0", &messages["custom.0"]);
    for (device, messages) in &messages {
        let moments: BTreeSet<i64> = messages.iter().map(|(created, _)| *created).collect();
        assert_eq!(moments.len(), messages.len(), "{device} has sent twice at a moment");
    }
}
