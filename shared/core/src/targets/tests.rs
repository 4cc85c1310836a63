use serde_json::json;

use super::*;

fn mistakes(value: &Value) -> String {
    Target::parse(value).unwrap_err().to_string()
}

#[test]
fn a_file_keeps_its_base_name_only() {
    let given = json!({"type": "FILE", "path": "../../x/k.json"});
    let target = Target::parse(&given).unwrap();
    assert_eq!(target.file().unwrap().as_str(), "k.json");
    assert_eq!(target.shown(given.as_object().unwrap())["path"], "/files/k.json");
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    assert_eq!(mistakes(&json!("file")), "target: must be an object, not a text");
    assert_eq!(mistakes(&json!({"path": "q"})), "target.type: is required");
    assert!(mistakes(&json!({"type": "carrier-pigeon"})).contains("carrier-pigeon"));
    assert_eq!(mistakes(&json!({"type": "kafka"})), "target.endpoint: is required; target.topic: is required");
    let confluent = mistakes(&json!({"type": "confluent"}));
    for member in ["servers", "topic", "username", "password"] {
        assert!(confluent.contains(&format!("target.{member}: is required")), "{confluent}");
    }
    assert_eq!(mistakes(&json!({"type": "http"})), "target.url: is required");
    assert!(mistakes(&json!({"type": "http", "url": "file:///etc/passwd"})).starts_with("target.url"));
    for url in ["http://u:pa55@[x/", "http://", "http:///x", "http://h:99999/", "http://a b/", "http://h:x", "http://<h>"] {
        let said = mistakes(&json!({"type": "http", "url": url}));
        assert!(said.starts_with("target.url") && !said.contains("pa55"), "{url}: {said}");
    }
    for url in ["http://h", "https://u:p@h.example:8080/a?b#c", "http://[::1]:9/", "http://[::1]", "HTTP://127.0.0.1:9/in"] {
        assert!(Target::parse(&json!({"type": "http", "url": url})).is_ok(), "{url}");
    }
    assert!(mistakes(&json!({"type": "kafka", "endpoint": "k", "topic": "a b"})).starts_with("target.topic"));
}

#[test]
fn secrets_are_masked_wherever_a_target_is_shown() {
    let given =
        json!({"type": "kafka", "endpoint": "k", "topic": "t", "security_protocol": "SASL_SSL", "username": "u", "password": "pa55"});
    let target = Target::parse(&given).unwrap();
    assert!(!format!("{target:?}").contains("pa55"));
    assert_eq!(target.shown(given.as_object().unwrap())["password"], MASK);
    let given = json!({"type": "http", "url": "http://me:pa55@h/x@y?key=pa55", "headers": {"Authorization": "pa55"}, "Sasl_Plain_Password": "pa55"});
    let shown = serde_json::to_string(&Target::parse(&given).unwrap().shown(given.as_object().unwrap())).unwrap();
    assert!(!shown.contains("pa55") && shown.contains("@h/x@y"), "{shown}");
}

#[test]
fn servers_get_the_default_port() {
    assert_eq!(with_default_port("a, b:1,[::1]:2"), "a:9092,b:1,[::1]:2");
}

#[test]
fn a_key_joins_the_values_of_its_members() {
    let fields = |names: &[&str]| match Target::parse(&json!({"type": "kafka", "endpoint": "k", "topic": "t", "topic_key": names})) {
        Ok(Target::Kafka(target)) => target.key,
        other => panic!("{other:?}"),
    };
    let record = br#"{"time":"t","a":"1","b":"log\"in","n":7,"o":{"x":1},"z":null}"#;
    assert_eq!(fields(&["a", "b"]).of(record).unwrap(), b"1log\"in");
    assert_eq!(fields(&["b", "a", "a"]).of(record).unwrap(), b"log\"in11");
    assert_eq!(fields(&["n", "o"]).of(record).unwrap(), b"7{\"x\":1}");
    assert_eq!(fields(&["z", "nope"]).of(record).unwrap(), b"");
    assert_eq!(fields(&[]).of(record), None);
}
