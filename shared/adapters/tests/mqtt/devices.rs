use std::time::Duration;

use headwater_adapters::iot_hub::{IotHub, IotHubConfig};
use headwater_core::ports::{Hub as _, HubDevice, TwinReport};
use headwater_core::simulations::RateLimits;
use headwater_core::simulations::model::Protocol;
use serde_json::{Map, Value, json};

use crate::broker::{Broker, Heard, broker, broker_alone};
use crate::fleet::{FREE, config, connect, devices, message, news_until, open};
use headwater_tests::registry_service::RegistryService;

/// A hub whose devices speak to the broker with TLS.
async fn hub<Guard>(broker: &Broker<Guard>, limits: &RateLimits) -> (RegistryService, IotHub) {
    let service = RegistryService::start().await;
    let config = tls(broker, &service);
    (service, open(&config, limits))
}

fn tls<Guard>(broker: &Broker<Guard>, service: &RegistryService) -> IotHubConfig {
    IotHubConfig { mqtt_port: broker.port("MQTT_TLS"), ca_file: Some(broker.setting("MQTT_CA").into()), ..config(service) }
}

fn events(device: &HubDevice) -> String {
    format!("devices/{}/messages/events/#", device.id)
}

const BAG: &str = "%24.ct=application%2Fjson&%24.ce=utf-8&%24.schema=truck-sensors%3Bv1&%24.ctime=2023-11-14T22%3A13%3A20.987Z\
                   &%24%24ContentType=JSON&%24%24CreationTimeUtc=2023-11-14T22%3A13%3A20%2B00%3A00&%24%24MessageSchema=truck-sensors%3Bv1";

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn messages_arrive_as_devices_of_a_hub_send_them() {
    let broker = broker();
    let (_service, mut hub) = hub(&broker, &FREE).await;
    let fleet = devices("arrive", 3, Protocol::Amqp);
    hub.register(&fleet).await.unwrap();
    let mut listener = broker.listen(&events(&fleet[1])).await;
    connect(&mut hub, &fleet).await;
    for number in 0..100 {
        hub.send(fleet.iter().map(|device| message(device, &format!("{{\"n\":{number}}}"))).collect()).await.unwrap();
    }
    hub.flush().await.unwrap();
    assert_eq!((hub.committed().records, hub.news().failed_messages), (300, 0));
    for number in 0..100 {
        let topic = format!("devices/{}/messages/events/{BAG}", fleet[1].id);
        assert_eq!(listener.next().await, Heard { quality: "1".to_owned(), topic, payload: format!("{{\"n\":{number}}}") });
    }
    let user = format!("u'localhost/{}/?api-version=2021-04-12&DeviceClientType=headwater%2F", fleet[2].id);
    let log = broker.log();
    let line = log.lines().find(|line| line.contains(&user)).expect("the broker notes who connects");
    assert!(line.contains(&format!("as {} ", fleet[2].id)), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn two_hundred_and_fifty_devices_live_and_go() {
    let broker = broker();
    let (service, mut hub) = hub(&broker, &FREE).await;
    let fleet = devices("crowd", 250, Protocol::Mqtt);
    hub.register(&fleet).await.unwrap();
    connect(&mut hub, &fleet).await;
    for _ in 0..4 {
        hub.send(fleet.iter().map(|device| message(device, "{}")).collect()).await.unwrap();
    }
    hub.flush().await.unwrap();
    assert_eq!((hub.committed().records, hub.news().failed_messages), (1000, 0));
    let ids: Vec<_> = fleet.iter().map(|device| device.id.clone()).collect();
    hub.disconnect(&ids).await;
    hub.unregister(&fleet).await.unwrap();
    assert!(service.held().devices.is_empty());
    hub.send(vec![message(&fleet[0], "late")]).await.unwrap();
    hub.flush().await.unwrap();
    assert_eq!(hub.news().failed_messages, 1);
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn reports_are_answered_methods_acknowledged_and_wishes_heard() {
    let broker = broker_alone(); // A broker, unlike a hub, shows every device what is meant for one.
    let (_service, mut hub) = hub(&broker, &FREE).await;
    let fleet = devices("twin", 1, Protocol::Mqtt);
    let mut reports = broker.listen("$iothub/twin/PATCH/properties/reported/#").await;
    let mut answers = broker.listen("$iothub/methods/res/#").await;
    connect(&mut hub, &fleet).await;

    for status in [204, 429] {
        let reported = Map::from_iter([("Type".to_owned(), json!("Truck")), ("gone".to_owned(), Value::Null)]);
        hub.report(vec![TwinReport { device: fleet[0].id.clone(), reported }]).await.unwrap();
        let heard = reports.next().await;
        assert_eq!(heard.payload, r#"{"Type":"Truck","gone":null}"#);
        let request = heard.topic.strip_prefix("$iothub/twin/PATCH/properties/reported/?$rid=").unwrap();
        broker.publish(&format!("$iothub/twin/res/{status}/?$rid={request}&$version=2"), "");
    }
    let news = news_until(&mut hub, |news| !news.failed_reports.is_empty()).await;
    assert_eq!(news.failed_reports, [fleet[0].id.clone()]);

    broker.publish("$iothub/methods/POST/Reboot/?$rid=5f", r#"{"after":"5"}"#);
    let answer = answers.next().await;
    assert_eq!((answer.topic.as_str(), answer.payload.as_str()), ("$iothub/methods/res/200/?$rid=5f", ""));
    broker.publish("$iothub/twin/PATCH/properties/desired/?$version=3", r#"{"interval":7,"$version":3}"#);
    let news = news_until(&mut hub, |news| !news.calls.is_empty() && !news.desired.is_empty()).await;
    assert_eq!(
        (&*news.calls[0].device, news.calls[0].method.as_str(), &news.calls[0].payload),
        (&*fleet[0].id, "Reboot", &json!({"after": "5"}))
    );
    assert_eq!(news.desired, [(fleet[0].id.clone(), Map::from_iter([("interval".to_owned(), json!(7))]))]);
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn reports_wait_for_their_turn_and_hold_up_no_messages() {
    let broker = broker_alone(); // Reports are all under one topic.
    let mut took: Vec<Duration> = Vec::new();
    while took.iter().all(|sent| *sent >= TURN) {
        // On a busy machine, messages may take that long although nothing holds them up.
        assert!(took.len() < 3, "the messages took {took:?}");
        let test = format!("patient{}", took.len());
        took.push(messages_beside_reports(&broker, &test).await);
    }
}

/// A little less than the second that a report waits for its turn.
const TURN: Duration = Duration::from_millis(900);

/// Sends messages while reports wait for their turn; how long the messages took. If that was less than [`TURN`], it is also checked when
/// the reports came, and what was in them.
async fn messages_beside_reports<Guard>(broker: &Broker<Guard>, test: &str) -> Duration {
    let (_service, mut hub) = hub(broker, &RateLimits { twin_writes_per_second: 1, ..FREE }).await;
    let fleet = devices(test, 2, Protocol::Mqtt);
    connect(&mut hub, &fleet).await;
    let mut reports = broker.listen("$iothub/twin/PATCH/properties/reported/#").await;
    let began = std::time::Instant::now();
    let report = |reported: Value| {
        let reported = reported.as_object().unwrap().clone();
        fleet.iter().map(|device| TwinReport { device: device.id.clone(), reported: reported.clone() }).collect()
    };
    hub.report(report(json!({"first": 1}))).await.unwrap();
    let mut heard = vec![reports.next().await.payload];
    hub.report(report(json!({"second": 1, "third": 3}))).await.unwrap();
    hub.report(report(json!({"second": 2}))).await.unwrap();
    hub.send(fleet.iter().map(|device| message(device, "{}")).collect()).await.unwrap();
    hub.flush().await.unwrap();
    let sent = began.elapsed();
    assert_eq!((hub.committed().records, hub.news().failed_messages), (2, 0));
    if sent >= TURN {
        hub.disconnect(&fleet.iter().map(|device| device.id.clone()).collect::<Vec<_>>()).await;
        return sent;
    }
    heard.extend([reports.next().await.payload, reports.next().await.payload]);
    assert!(began.elapsed() > Duration::from_millis(1900), "{:?}", began.elapsed());
    heard.sort_unstable();
    // What one had not sent yet went with the rest.
    assert_eq!(heard, [r#"{"first":1,"second":2,"third":3}"#, r#"{"first":1}"#, r#"{"second":2,"third":3}"#]);
    sent
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn connections_that_break_are_made_again() {
    let broker = broker_alone();
    let (_service, mut hub) = hub(&broker, &FREE).await;
    let fleet = devices("broken", 20, Protocol::Mqtt);
    connect(&mut hub, &fleet).await;
    broker.component("kill");
    hub.send(fleet.iter().map(|device| message(device, "lost")).collect()).await.unwrap();
    hub.flush().await.unwrap();
    let news = news_until(&mut hub, |news| news.failed_messages == 20 && news.failed_connections > 0).await;
    assert!(news.connected.is_empty(), "{news:?}");
    broker.component("start");
    news_until(&mut hub, |news| news.connected.len() == 20).await;
    let mut listener = broker.listen(&events(&fleet[3])).await;
    hub.send(fleet.iter().map(|device| message(device, "again")).collect()).await.unwrap();
    hub.flush().await.unwrap();
    assert_eq!((listener.next().await.payload.as_str(), hub.news().failed_messages, hub.committed().records), ("again", 0, 40));
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn a_token_is_renewed_before_it_ends_and_nothing_is_lost() {
    let broker = broker();
    let service = RegistryService::start().await;
    let mut hub = open(&IotHubConfig { token_life: Duration::from_secs(2), ..tls(&broker, &service) }, &FREE);
    let fleet = devices("renewed", 2, Protocol::Mqtt);
    let began = std::time::Instant::now();
    connect(&mut hub, &fleet).await;
    for _ in 0..50 {
        hub.send(fleet.iter().map(|device| message(device, "{}")).collect()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    hub.flush().await.unwrap();
    let news = hub.news();
    assert_eq!((news.failed_messages, news.failed_connections, news.connected.len()), (0, 0, 0));
    let connections = broker.log().lines().filter(|line| line.contains(&format!("as {} ", fleet[0].id))).count();
    // A new token is due once four fifths of a token's life are over, at the earliest.
    let most = 2 + began.elapsed().as_millis() / 1600;
    assert!((2..=most).contains(&(connections as u128)), "{connections}, and {most} at most");
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn messages_and_connections_keep_to_their_limits() {
    let broker = broker();
    let (_service, mut hub) = hub(&broker, &RateLimits { connections_per_second: 5, messages_per_second: 10, ..FREE }).await;
    let fleet = devices("paced", 15, Protocol::Mqtt);
    let began = std::time::Instant::now();
    connect(&mut hub, &fleet).await;
    let connected = began.elapsed();
    assert!((1.9..8.0).contains(&connected.as_secs_f64()), "5 at once, 5 after each second: {connected:?}");
    let began = std::time::Instant::now();
    hub.send(fleet.iter().chain(&fleet).map(|device| message(device, "{}")).collect()).await.unwrap();
    hub.flush().await.unwrap();
    let sent = began.elapsed();
    assert!((1.9..8.0).contains(&sent.as_secs_f64()), "{sent:?}");
    assert_eq!(hub.news().failed_messages, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn a_broker_with_a_certificate_of_nobody_is_not_trusted() {
    let broker = broker();
    let service = RegistryService::start().await;
    let mut hub = open(&IotHubConfig { ca_file: None, ..tls(&broker, &service) }, &FREE);
    hub.connect(devices("untrusting", 1, Protocol::Mqtt)).await.unwrap();
    let news = news_until(&mut hub, |news| news.failed_connections >= 2).await;
    assert!(news.connected.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn a_device_that_is_refused_is_registered() {
    let broker = broker();
    let service = RegistryService::start().await;
    // This port takes nobody but a user of its own, with TLS or without.
    let proxy = crate::side_by_side::tls_in_front_of(&broker, broker.port("MQTT_PASSWORD_PORT")).await;
    let mut hub = open(&IotHubConfig { mqtt_port: proxy.port, ..tls(&broker, &service) }, &FREE);
    let fleet = devices("refused", 2, Protocol::Mqtt);
    hub.connect(fleet.clone()).await.unwrap();
    news_until(&mut hub, |news| news.failed_connections >= 4).await;
    for device in &fleet {
        assert!(service.held().devices.contains_key(&*device.id));
    }
}
