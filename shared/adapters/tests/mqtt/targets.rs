//! The targets `mqtt` and `iothub`.

use std::sync::Arc;

use bytes::Bytes;
use headwater_adapters::SystemClock;
use headwater_adapters::iot_hub::IotHubConfig;
use headwater_adapters::memory::MemoryFiles;
use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_core::ports::{Batch, Committed, Owner, Sink, SinkError, Targets as _};
use headwater_core::targets::Target;
use serde_json::{Value, json};

use crate::broker::{Broker, broker, broker_alone};
use crate::side_by_side::tls_in_front_of;
use headwater_tests::registry_service::{POLICY, is_genuine, key};

fn set() -> TargetSet {
    TargetSet::new(Arc::new(MemoryFiles::new(Arc::new(SystemClock::new()))), OutboundHosts::default())
}

async fn sink(set: &TargetSet, target: &Value) -> Result<Box<dyn Sink>, SinkError> {
    let target = Target::parse(target).unwrap();
    set.supports(&target).unwrap();
    set.open(&target, &Owner("task".to_owned()), Committed::default()).await
}

fn batch(records: impl IntoIterator<Item = String>) -> Batch {
    let (mut text, mut ends) = (String::new(), Vec::new());
    for record in records {
        text.push_str(&record);
        text.push('\n');
        ends.push(u32::try_from(text.len()).unwrap());
    }
    Batch { text: Bytes::from(text), ends }
}

fn numbered(count: usize) -> Batch {
    batch((0..count).map(|number| json!({"site": format!("s{}", number % 2), "n": number}).to_string()))
}

fn url<Guard>(broker: &Broker<Guard>) -> String {
    format!("mqtt://127.0.0.1:{}", broker.setting("MQTT_PLAIN"))
}

fn topic(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn records_arrive_in_order_under_topics_of_their_own() {
    let (broker, topic) = (broker(), topic("records"));
    let mut listener = broker.listen(&format!("{topic}/+/x")).await;
    let target = json!({"type": "mqtt", "url": url(&broker), "topic": format!("{topic}/{{site}}/x")});
    let mut sink = sink(&set(), &target).await.unwrap();
    for _ in 0..2 {
        sink.write(&numbered(5000)).await.unwrap();
    }
    sink.finish().await.unwrap();
    assert_eq!((sink.committed().records, sink.committed().bytes), (10_000, 2 * numbered(5000).text.len() as u64));
    for number in (0..5000).chain(0..5000) {
        let heard = listener.next().await;
        assert_eq!(heard.topic, format!("{topic}/s{}/x", number % 2));
        assert_eq!(serde_json::from_str::<Value>(&heard.payload).unwrap()["n"], number);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn tls_and_passwords_are_kept_to() {
    let (broker, topic) = (broker(), topic("guarded"));
    let mut listener = broker.listen(&topic).await;
    let (tls, ca) = (format!("mqtts://localhost:{}", broker.setting("MQTT_TLS")), broker.setting("MQTT_CA"));
    let mut trusted = sink(&set(), &json!({"type": "mqtt", "url": tls, "topic": topic, "ssl_cafile": ca})).await.unwrap();
    trusted.write(&numbered(1)).await.unwrap();
    trusted.flush().await.unwrap();
    assert_eq!(listener.next().await.payload, r#"{"site":"s0","n":0}"#);
    let mut untrusted = sink(&set(), &json!({"type": "mqtt", "url": tls, "topic": topic})).await.unwrap();
    let error = untrusted.write(&numbered(1)).await.unwrap_err();
    assert!(matches!(&error, SinkError::Retry(said) if said.contains("certificate")), "{error}");
    let missing = sink(&set(), &json!({"type": "mqtt", "url": tls, "topic": topic, "ssl_cafile": "/no/such.pem"})).await.unwrap_err();
    assert!(matches!(&missing, SinkError::Fatal(said) if said.contains("/no/such.pem")), "{missing}");

    let (user, password, port) = (broker.setting("MQTT_USERNAME"), broker.setting("MQTT_PASSWORD"), broker.setting("MQTT_PASSWORD_PORT"));
    let with = |password: &str| json!({"type": "mqtt", "url": format!("mqtt://{user}:{password}@localhost:{port}"), "topic": topic});
    let mut right = sink(&set(), &with(&password.replace('-', "%2D"))).await.unwrap();
    right.write(&numbered(1)).await.unwrap();
    right.flush().await.unwrap();
    let mut wrong = sink(&set(), &with("not-it")).await.unwrap();
    let error = wrong.write(&numbered(1)).await.unwrap_err();
    assert!(matches!(&error, SinkError::Fatal(said) if said.starts_with("localhost refused the connection")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn a_broker_that_is_down_is_waited_for() {
    let (broker, topic) = (broker_alone(), topic("down"));
    let target = json!({"type": "mqtt", "url": url(&broker), "topic": topic});
    let mut before = sink(&set(), &target).await.unwrap();
    before.write(&numbered(3)).await.unwrap();
    before.flush().await.unwrap();
    broker.component("kill");
    let error = before.write(&numbered(3)).await.unwrap_err();
    assert!(matches!(&error, SinkError::Retry(said) if said.starts_with("127.0.0.1 cannot be reached")), "{error}");
    assert_eq!(before.committed().records, 3);
    broker.component("start");
    let mut listener = broker.listen(&topic).await;
    let mut after = sink(&set(), &target).await.unwrap();
    after.write(&numbered(1)).await.unwrap();
    after.flush().await.unwrap();
    listener.next().await;
    // A connection that ended while there was nothing to say is made again without a word.
    drop(listener);
    broker.component("stop");
    broker.component("start");
    after.write(&numbered(1)).await.unwrap();
    after.flush().await.unwrap();
    assert_eq!(after.committed().records, 2);
}

#[tokio::test]
async fn only_listed_brokers_are_called() {
    let listed =
        |hosts: &str| TargetSet::new(Arc::new(MemoryFiles::new(Arc::new(SystemClock::new()))), hosts.parse::<OutboundHosts>().unwrap());
    let broker = Target::parse(&json!({"type": "mqtt", "url": "mqtts://u:p@Broker.example", "topic": "t"})).unwrap();
    let connection = "HostName=h.azure-devices.net;DeviceId=d;SharedAccessKey=c2VjcmV0";
    let hub = Target::parse(&json!({"type": "iothub", "connection_string": connection})).unwrap();
    for (hosts, both) in
        [("broker.example:8883,*.azure-devices.net", true), ("broker.example:1883,h.azure-devices.net:443", false), ("", false)]
    {
        let set = listed(hosts);
        assert_eq!((set.supports(&broker).is_ok(), set.supports(&hub).is_ok()), (both, both), "{hosts}");
        assert!(both || set.open(&broker, &Owner("task".to_owned()), Committed::default()).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn a_job_is_a_device_of_a_hub() {
    let broker = broker();
    for (name, policy) in [("own", None), ("policys", Some(POLICY))] {
        let device = topic(name);
        let proxy = tls_in_front_of(&broker, broker.port("MQTT_PLAIN")).await;
        let config = IotHubConfig { mqtt_port: proxy.port, ca_file: Some(broker.setting("MQTT_CA").into()), ..IotHubConfig::default() };
        let target = match policy {
            None => {
                json!({"type": "iothub", "connection_string": format!("HostName=localhost;DeviceId={device};SharedAccessKey={}", key())})
            }
            Some(policy) => json!({"type": "iothub", "device": device,
                "connection_string": format!("HostName=localhost;SharedAccessKeyName={policy};SharedAccessKey={}", key())}),
        };
        let mut listener = broker.listen(&format!("devices/{device}/messages/events/#")).await;
        let mut sink = sink(&set().with_iot_hub(config), &target).await.unwrap();
        sink.write(&numbered(100)).await.unwrap();
        sink.finish().await.unwrap();
        assert_eq!(sink.committed().records, 100);
        let heard = listener.next().await;
        assert_eq!(heard.topic, format!("devices/{device}/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8"));
        assert_eq!(heard.payload, r#"{"site":"s0","n":0}"#);
        let introduction = proxy.only_introduction();
        assert_eq!(introduction.client_id, device);
        assert!(introduction.user.starts_with(&format!("localhost/{device}/?api-version=")), "{}", introduction.user);
        assert!(is_genuine(&introduction.password, &format!("localhost/devices/{device}"), policy));
    }
}
