use headwater_core::ports::{Clock, Committed, Entropy, Hub as _, SinkError};
use headwater_core::secret::Secret;
use headwater_core::simulations::model::Protocol;
use headwater_core::simulations::{ConnectionString, RateLimits};

use crate::fleet::{FREE, config, connection, devices, open};
use headwater_tests::registry_service::{RegistryService, key};

#[tokio::test]
async fn devices_are_registered_by_the_hundred_and_removed_again() {
    let service = RegistryService::start().await;
    let mut hub = open(&config(&service), &FREE);
    let fleet = devices("many", 250, Protocol::Mqtt);
    hub.register(&fleet[..10]).await.unwrap();
    hub.register(&fleet).await.unwrap(); // Those that are there stay.
    {
        let held = service.held();
        assert_eq!((held.devices.len(), &held.batches[..]), (250, &[10, 100, 100, 50][..]));
        let device = &held.devices[&*fleet[249].id];
        assert_eq!(device["tags"]["IsSimulated"], "Y");
        assert_eq!(device["authentication"]["symmetricKey"]["primaryKey"], key());
    }
    assert_eq!(hub.registered(&fleet[7].id).await.unwrap().unwrap().status, "enabled");
    assert_eq!(hub.list_registered().await.unwrap().len(), 250);
    hub.unregister(&fleet).await.unwrap();
    assert!(service.held().devices.is_empty());
    hub.unregister(&fleet[..3]).await.unwrap(); // Those that are not there are passed over.
    assert_eq!(hub.registered(&fleet[7].id).await.unwrap(), None);
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let service = RegistryService::start().await;
    let mut hub = open(&config(&service), &FREE);
    service.held().instead.extend([(429, ""), (503, "busy"), (500, "")]);
    hub.register(&devices("again", 1, Protocol::Mqtt)).await.unwrap();
    assert_eq!(service.held().devices.len(), 1);
    service.held().instead.extend([(500, ""); 4]);
    let error = hub.register(&devices("never", 1, Protocol::Mqtt)).await.unwrap_err();
    assert!(matches!(&error, SinkError::Retry(said) if said == "localhost answered 500 Internal Server Error"), "{error:?}");
}

#[tokio::test]
async fn a_device_that_is_refused_is_named() {
    let service = RegistryService::start().await;
    let mut hub = open(&config(&service), &FREE);
    let cursed = devices("cursed", 1, Protocol::Mqtt);
    let error = hub.register(&cursed).await.unwrap_err();
    let said = format!("localhost: the device {} failed: InvalidFieldLength that id brings bad luck", cursed[0].id);
    assert!(matches!(&error, SinkError::Fatal(text) if *text == said), "{error:?}");
}

#[tokio::test]
async fn a_hub_that_is_full_may_have_room_later() {
    let service = RegistryService::start().await;
    let mut hub = open(&config(&service), &FREE);
    service.held().instead.push_back((403, r#"{"Message":"ErrorCode:IotHubQuotaExceeded"}"#));
    assert!(matches!(hub.register(&devices("full", 1, Protocol::Mqtt)).await, Err(SinkError::Retry(_))));
}

fn open_with(connection: &ConnectionString, service: &RegistryService) -> Result<headwater_adapters::iot_hub::IotHub, SinkError> {
    let (clock, entropy) = (headwater_adapters::SystemClock::new(), headwater_adapters::OsEntropy);
    let (clock, entropy): (std::sync::Arc<dyn Clock>, std::sync::Arc<dyn Entropy>) =
        (std::sync::Arc::new(clock), std::sync::Arc::new(entropy));
    headwater_adapters::iot_hub::IotHub::open(&config(service), connection, Committed::default(), &FREE, &clock, &entropy)
}

#[tokio::test]
async fn a_wrong_key_is_told_without_being_shown() {
    let service = RegistryService::start().await;
    let wrong = ConnectionString { key: Secret::new("c2VjcmV0"), ..connection() };
    let error = open_with(&wrong, &service).unwrap().register(&devices("d", 1, Protocol::Mqtt)).await.unwrap_err();
    assert!(matches!(&error, SinkError::Fatal(said) if said == "localhost does not take the key of the policy iothubowner"), "{error:?}");
    let none = ConnectionString { key: Secret::new("not base64"), ..connection() };
    let error = open_with(&none, &service).unwrap_err();
    assert!(matches!(&error, SinkError::Fatal(said) if !said.contains("not base64;")), "{error:?}");
}

#[tokio::test]
async fn operations_keep_to_their_limit() {
    let service = RegistryService::start().await;
    let mut hub = open(&config(&service), &RateLimits { registry_operations_per_minute: 2, ..FREE });
    let fleet = devices("slow", 250, Protocol::Mqtt);
    let registering = tokio::time::timeout(std::time::Duration::from_millis(700), hub.register(&fleet)).await;
    assert!(registering.is_err(), "the third batch waits for the next minute");
    assert_eq!(service.held().devices.len(), 200);
}
