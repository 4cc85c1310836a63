//! Jobs that publish to Mosquitto; `mosquitto_sub`, a client that is not ours, hears what arrives.
//!
//! `tests/run` starts the broker and names its folder in `MOSQUITTO_DIR`. Tests share it, but for one that takes it away.

use std::sync::{PoisonError, RwLock};

use serde_json::{Value, json};

use crate::component::Component;
use crate::listener::Listener;
use crate::server::Home;
use crate::specs::{job, wide, with};
use crate::waiting::seconds;

/// Held for reading by tests that need the broker to be there, for writing by those that stop it.
static BROKER: RwLock<()> = RwLock::new(());

fn broker() -> Component {
    Component::named("mosquitto", "MOSQUITTO_DIR")
}

fn topic(name: &str) -> String {
    format!("acceptance/{name}-{}", std::process::id())
}

fn number(listener: &Listener) -> u64 {
    let record: Value = serde_json::from_str(&listener.next().payload).expect("a message is a record");
    record["n"].as_str().and_then(|text| text.parse().ok()).expect("records are numbered")
}

#[test]
fn messages_are_the_records_in_order_under_topics_of_their_own() {
    let (_guard, home, broker) = (BROKER.read().unwrap_or_else(PoisonError::into_inner), Home::new(), broker());
    let server = home.serve();
    let topic = topic("plain");
    let listener = Listener::new(&broker, &format!("{topic}/+"));
    let (user, password, port) = (broker.setting("MQTT_USERNAME"), broker.setting("MQTT_PASSWORD"), broker.setting("MQTT_PASSWORD_PORT"));
    let target = json!({"type": "mqtt", "url": format!("mqtt://{user}:{password}@127.0.0.1:{port}"), "topic": format!("{topic}/{{n}}")});
    server.start_job(&with(job("j", target), json!({"total_events": 300})));
    let report = server.wait_complete("j");
    assert!(!report.to_string().contains(password), "{report}");
    for number in 0..300_u64 {
        let heard = listener.next();
        assert_eq!(heard.topic, format!("{topic}/{number}"));
        assert!(heard.payload.contains(&format!("\"n\":\"{number}\"")), "{}", heard.payload);
    }
}

#[test]
fn every_record_is_published_although_the_server_is_killed() {
    let (_guard, home, broker) = (BROKER.read().unwrap_or_else(PoisonError::into_inner), Home::new(), broker());
    let mut server = home.serve();
    let topic = topic("killed");
    let listener = Listener::new(&broker, &topic);
    let target = json!({"type": "mqtt", "url": format!("mqtt://127.0.0.1:{}", broker.setting("MQTT_PLAIN")), "topic": topic});
    server.start_job(&with(job("j", target), json!({"config": wide(100), "total_events": 200_000, "seed": 9})));
    let mut had = 0;
    for _ in 0..3 {
        let report = server.wait_status("j", "progress", seconds(60), |report| {
            report["total_records"].as_u64() > Some(had) || report["status"] != "RUNNING"
        });
        had = report["total_records"].as_u64().unwrap();
        server.kill();
        server = home.serve();
    }
    server.wait_complete("j");
    let (mut next, mut heard) = (0, 0_u64);
    while next < 200_000 {
        let number = number(&listener);
        assert!(number <= next, "{number} came where {next} was due");
        next = next.max(number + 1);
        heard += 1;
    }
    println!("{heard} messages for 200000 records");
}

#[test]
fn a_broker_that_goes_is_waited_for() {
    let (_guard, home, broker) = (BROKER.write().unwrap_or_else(PoisonError::into_inner), Home::new(), broker());
    let server = home.serve();
    let topic = topic("gone");
    let target = json!({"type": "mqtt", "url": format!("mqtt://127.0.0.1:{}", broker.setting("MQTT_PLAIN")), "topic": topic});
    broker.run("stop");
    server.start_job(&with(job("j", target), json!({"total_events": 50})));
    let report = server.wait_status("j", "the wait in the report", seconds(40), |report| {
        report["status_msg"].as_str().unwrap().starts_with("Waiting, attempt")
    });
    assert!(report["status_msg"].as_str().unwrap().contains("127.0.0.1 cannot be reached"), "{report}");
    broker.run("start");
    assert_eq!(server.wait_complete("j")["total_records"], 50);
}

#[test]
fn brokers_that_are_not_listed_are_not_called() {
    let home = Home::new();
    let server = home.serve_with(&["--allow-outbound", "127.0.0.1:9"]);
    let refused = server.post("/start", &job("j", json!({"type": "mqtt", "url": "mqtt://127.0.0.1:1883", "topic": "t"})));
    assert_eq!(refused.status, 400);
    assert!(refused.message().contains("target.url") && refused.message().contains("may not call"), "{}", refused.message());
}
