use headwater_core::simulations::Counters;
use serde_json::json;

use super::{ALL, host, simulation};

#[tokio::test]
async fn the_status_of_an_idle_service() {
    let host = host();
    host.advance(90);
    let status = host.get("/v1/status").await.json();
    let names: Vec<&String> = status.as_object().unwrap().keys().collect();
    let wanted = "Name Status CurrentTime StartTime UpTime UID Properties Dependencies $metadata";
    assert_eq!(names, wanted.split(' ').collect::<Vec<_>>());
    assert_eq!(
        (&status["Name"], &status["Status"], &status["UpTime"]),
        (&json!("DeviceSimulation"), &json!("OK:Alive and well"), &json!(90))
    );
    assert_eq!(status["StartTime"], "2023-11-14T22:13:20+00:00");
    assert_eq!(status["CurrentTime"], "2023-11-14T22:14:50+00:00");
    assert!(status["UID"].as_str().unwrap().starts_with("WebService."));
    let properties = json!({
        "SimulationRunning": "false", "PreprovisionedIoTHub": "false", "ActiveDevicesCount": "0", "TotalMessagesCount": "0",
        "FailedMessagesCount": "0", "MessagesPerSecond": "0.00", "FailedDeviceConnectionsCount": "0",
        "FailedDeviceTwinUpdatesCount": "0", "SimulationErrorsCount": "0",
    });
    assert_eq!(status["Properties"], properties);
    assert_eq!(status["Dependencies"], json!({"Storage": "OK:Alive and well"}));
    assert_eq!(status["$metadata"], json!({"$type": "Status;1", "$uri": "/v1/status"}));
}

#[tokio::test]
async fn the_status_counts_while_a_simulation_is_active() {
    let host = host();
    let counters = Counters { messages: 7, failed_messages: 1, active_devices: 3, micros: 2_000_000, ..Counters::default() };
    *host.devices.counters.lock().unwrap() = counters;
    let body = simulation(&json!({"Enabled": true, "EndTime": "NOW+PT1M"}));
    host.post(ALL, body).await.json();
    let properties = host.get("/v1/status").await.json()["Properties"].clone();
    assert_eq!((&properties["SimulationRunning"], &properties["TotalMessagesCount"]), (&json!("true"), &json!("7")));
    assert_eq!((&properties["MessagesPerSecond"], &properties["ActiveDevicesCount"]), (&json!("3.50"), &json!("3")));
    host.advance(60);
    let properties = host.get("/v1/status").await.json()["Properties"].clone();
    assert_eq!((&properties["SimulationRunning"], &properties["TotalMessagesCount"]), (&json!("false"), &json!("0")));
}
