//! Methods that are called at a hub, and what devices report there.

use std::sync::{Arc, Mutex};

use headwater_core::ports::MethodCall;
use serde_json::{Value, json};

use crate::hub_double::{Desk, Doubles};
use crate::{House, Process, millis, seconds};

async fn chillers() -> (House, Process, Arc<Mutex<Desk>>) {
    let doubles = Doubles::default();
    let desk = Arc::clone(&doubles.desk);
    let house = House::with_hubs(Arc::new(doubles));
    let process = house.process("one");
    let hub = json!({"ConnectionString": "HostName=h.azure-devices.net;SharedAccessKeyName=p;SharedAccessKey=MTIz"});
    let chillers = json!([{"Id": "chiller-01", "Count": 2, "Override": {"Telemetry": [{"Interval": "00:00:01"}]}}]);
    process.post(house.simulation(json!({"IoTHub": hub, "DeviceModels": chillers}))).await.unwrap();
    house.pass(millis(5_100)).await;
    (house, process, desk)
}

fn call(device: &str, method: &str, payload: Value) -> MethodCall {
    MethodCall { device: device.into(), method: method.to_owned(), payload }
}

const UPDATE: [&str; 5] = [
    "Command received, updating firmware to 2.7",
    "Downloading the firmware",
    "Checking the firmware",
    "Installing the firmware",
    "Firmware updated to 2.7",
];

#[tokio::test]
async fn devices_report_what_they_are_once_they_are_connected() {
    let (_house, process, desk) = chillers().await;
    let desk = desk.lock().unwrap();
    assert_eq!(desk.reported("chiller-01.0", "Type"), ["Chiller"]);
    assert!(desk.of("chiller-01.1").len() >= 4);
    drop(process);
}

#[tokio::test]
async fn a_firmware_update_walks_through_its_texts_by_the_clock() {
    let (house, _process, desk) = chillers().await;
    desk.lock().unwrap().calls.push(call("chiller-01.1", "FirmwareUpdate", json!({"Firmware": "2.7"})));
    for (at, texts) in [(2_000, 1), (6_000, 2), (13_500, 3), (18_500, 4), (23_500, 5)] {
        let now = house.clock.now_millis();
        let began = crate::START + 5_100;
        house.pass(millis(u64::try_from(began + at - now).unwrap())).await;
        let said = desk.lock().unwrap().reported("chiller-01.1", "FirmwareUpdateStatus");
        assert_eq!(said, UPDATE[..texts], "after {at} ms");
    }
    assert_eq!(desk.lock().unwrap().reported("chiller-01.1", "Firmware").last(), Some(&json!("2.7")));
    assert_eq!(desk.lock().unwrap().reported("chiller-01.0", "FirmwareUpdateStatus").len(), 0);
}

#[tokio::test]
async fn a_method_goes_on_across_crashes_at_any_moment() {
    for first in [30, 400, 900, 1_600] {
        let (house, mut process, desk) = chillers().await;
        desk.lock().unwrap().calls.push(call("chiller-01.0", "FirmwareUpdate", json!({"Firmware": "2.7"})));
        while !desk.lock().unwrap().calls.is_empty() {
            house.pass(millis(1)).await;
        }
        for pause in [first, 2_100, 4_900, 3_300, 5_700, 700] {
            house.pass(millis(pause)).await;
            process.kill().await;
            process = house.recovered("next").await;
        }
        house.pass(seconds(15)).await;
        let mut said = desk.lock().unwrap().reported("chiller-01.0", "FirmwareUpdateStatus");
        said.dedup();
        // Whoever connects again reports all anew, so a text may come again, but none is left out and none goes back.
        assert_eq!(said, UPDATE, "first crash after {first} ms");
        drop(process);
    }
}

#[tokio::test]
async fn a_reboot_silences_a_device_for_twenty_seconds() {
    let (house, _process, desk) = chillers().await;
    desk.lock().unwrap().calls.push(call("chiller-01.0", "Reboot", Value::Null));
    house.pass(seconds(40)).await;
    let desk = desk.lock().unwrap();
    let (silent, other) = (desk.of("chiller-01.0"), desk.of("chiller-01.1"));
    let gaps = silent.windows(2).map(|pair| pair[1].created - pair[0].created).filter(|gap| *gap > 1000).collect::<Vec<_>>();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!((20_000..=22_000).contains(&gaps[0]) && gaps[0] % 1000 == 0, "{gaps:?}");
    assert!(other.windows(2).all(|pair| pair[1].created - pair[0].created == 1000));
}

#[tokio::test]
async fn a_call_that_comes_with_an_edit_or_with_the_end_of_a_pause_is_heard() {
    let (house, process, desk) = chillers().await;
    let hub = json!({"ConnectionString": "HostName=h.azure-devices.net;SharedAccessKeyName=p;SharedAccessKey="});
    let chillers =
        json!([{"Id": "chiller-01", "Count": 2, "Override": {"Telemetry": [{"Interval": "00:00:01"}]}}, {"Id": "truck-01", "Count": 1}]);
    for (round, device) in [(0, "chiller-01.0"), (1, "chiller-01.1")] {
        desk.lock().unwrap().calls.push(call(device, "FirmwareUpdate", json!({"Firmware": "2.7"})));
        process.put(house.simulation(json!({"IoTHub": hub, "Name": format!("round {round}"), "DeviceModels": chillers}))).await;
        house.pass(seconds(40)).await;
        let said = desk.lock().unwrap().reported(device, "FirmwareUpdateStatus");
        assert_eq!(said, UPDATE, "{device}");
    }
}

#[tokio::test]
async fn calls_that_make_no_sense_count_as_failed_scripts_and_hurt_nobody() {
    let (house, process, desk) = chillers().await;
    desk.lock().unwrap().calls.extend([
        call("chiller-01.0", "Explode", Value::Null),
        call("chiller-01.0", "FirmwareUpdate", json!(["2.7"])),
        call("chiller-01.9", "Reboot", Value::Null),
        call("", "", Value::Null),
    ]);
    house.pass(seconds(5)).await;
    assert_eq!(process.get().await["Statistics"]["FailedScriptsCount"], 2);
    assert!(desk.lock().unwrap().of("chiller-01.0").len() >= 9);
}
