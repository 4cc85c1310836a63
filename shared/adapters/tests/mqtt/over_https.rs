use std::sync::Arc;
use std::time::Duration;

use headwater_adapters::{ManualClock, SystemClock};
use headwater_core::ports::{Clock as _, Hub as _, TwinReport};
use headwater_core::simulations::model::Protocol;
use serde_json::Map;

use crate::fleet::{FREE, config, connect, devices, message, open, open_at};
use headwater_tests::registry_service::RegistryService;

#[tokio::test]
async fn messages_arrive_with_their_properties_and_in_order() {
    let service = RegistryService::start().await;
    let mut hub = open(&config(&service), &FREE);
    let fleet = devices("https", 3, Protocol::Http);
    hub.register(&fleet).await.unwrap();
    connect(&mut hub, &fleet).await;
    for number in 0..20 {
        hub.send(fleet.iter().map(|device| message(device, &format!("{{\"n\":{number}}}"))).collect()).await.unwrap();
    }
    let report = TwinReport { device: fleet[0].id.clone(), reported: Map::new() };
    hub.report(vec![report]).await.unwrap();
    hub.flush().await.unwrap();
    assert_eq!((hub.committed().records, hub.news().failed_messages), (60, 0));
    let held = service.held();
    for device in &fleet {
        let posted: Vec<_> = held.posted.iter().filter(|posted| posted.device == *device.id).collect();
        let bodies: Vec<_> = posted.iter().map(|posted| String::from_utf8(posted.body.to_vec()).unwrap()).collect();
        assert_eq!(bodies, (0..20).map(|number| format!("{{\"n\":{number}}}")).collect::<Vec<_>>());
        for (name, value) in [
            ("iothub-contenttype", "application/json"),
            ("iothub-contentencoding", "utf-8"),
            ("iothub-messageschema", "truck-sensors;v1"),
            ("iothub-app-$$MessageSchema", "truck-sensors;v1"),
            ("iothub-app-$$ContentType", "JSON"),
            ("iothub-app-$$CreationTimeUtc", "2023-11-14T22:13:20+00:00"),
        ] {
            assert_eq!(posted[0].headers[name], value, "{name}");
        }
    }
}

#[tokio::test]
async fn where_no_connections_can_be_kept_all_devices_send_so() {
    let service = RegistryService::start().await;
    let mut hub = open(&headwater_adapters::iot_hub::IotHubConfig { https_only: true, ..config(&service) }, &FREE);
    let fleet = devices("lambda", 2, Protocol::Mqtt);
    hub.register(&fleet).await.unwrap();
    connect(&mut hub, &fleet).await;
    hub.send(vec![message(&fleet[1], "{}")]).await.unwrap();
    hub.flush().await.unwrap();
    assert_eq!(service.held().posted.len(), 1);
}

#[tokio::test]
async fn a_failed_message_is_counted_and_not_sent_again() {
    let service = RegistryService::start().await;
    let mut hub = open(&config(&service), &FREE);
    let fleet = devices("failing", 1, Protocol::Http);
    hub.register(&fleet).await.unwrap();
    connect(&mut hub, &fleet).await;
    service.held().instead.push_back((500, ""));
    hub.send(vec![message(&fleet[0], "1"), message(&fleet[0], "2")]).await.unwrap();
    hub.flush().await.unwrap();
    assert_eq!((hub.news().failed_messages, service.held().posted.len()), (1, 1));
    assert_eq!(hub.committed().records, 2);
}

#[tokio::test]
async fn a_device_that_somebody_removed_is_registered_anew() {
    let service = RegistryService::start().await;
    let mut hub = open(&config(&service), &FREE);
    let fleet = devices("removed", 1, Protocol::Http);
    connect(&mut hub, &fleet).await;
    hub.send(vec![message(&fleet[0], "1"), message(&fleet[0], "2")]).await.unwrap();
    hub.flush().await.unwrap();
    assert_eq!((hub.news().failed_messages, service.held().posted.len()), (1, 1));
}

#[tokio::test]
async fn a_quota_that_is_used_up_stops_all_messages_for_a_minute() {
    let service = RegistryService::start().await;
    let clock = Arc::new(ManualClock::new(SystemClock::new().now()));
    let mut hub = open_at(&config(&service), &FREE, clock.clone());
    let fleet = devices("quota", 2, Protocol::Http);
    hub.register(&fleet).await.unwrap();
    connect(&mut hub, &fleet).await;
    service.held().instead.push_back((403, r#"{"Message":"ErrorCode:IotHubQuotaExceeded;Total number of messages exceeded"}"#));
    hub.send(vec![message(&fleet[0], "1")]).await.unwrap();
    hub.flush().await.unwrap();
    hub.send(fleet.iter().map(|device| message(device, "2")).collect()).await.unwrap();
    hub.flush().await.unwrap();
    assert_eq!((hub.news().failed_messages, service.held().posted.len()), (3, 0));

    let quota = (403, r#"{"Message":"ErrorCode:IotHubQuotaExceeded"}"#);
    let both = || fleet.iter().map(|device| message(device, "3")).collect();
    service.held().instead.push_back(quota);
    clock.advance(Duration::from_secs(60));
    hub.send(both()).await.unwrap();
    hub.flush().await.unwrap();
    assert_eq!((hub.news().failed_messages, service.held().instead.len()), (2, 0), "one was tried, in vain");
    clock.advance(Duration::from_secs(59));
    hub.send(both()).await.unwrap();
    assert_eq!(hub.news().failed_messages, 2);
    clock.advance(Duration::from_secs(1));
    hub.send(both()).await.unwrap();
    hub.flush().await.unwrap();
    assert_eq!((hub.news().failed_messages, service.held().posted.len()), (1, 1), "one was tried, with success");
    hub.send(both()).await.unwrap();
    hub.flush().await.unwrap();
    assert_eq!((hub.news().failed_messages, service.held().posted.len()), (0, 3));
}
