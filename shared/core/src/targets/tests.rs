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
    assert_eq!(kafka::with_default_port("a, b:1,[::1]:2"), "a:9092,b:1,[::1]:2");
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

#[test]
fn targets_in_the_cloud_are_read() {
    let read = |value: &Value| Target::parse(value).unwrap();
    assert_eq!(
        read(&json!({"type": "s3", "bucket": "my-bucket", "prefix": "clicks/2026/", "compression": "GZIP"})),
        Target::S3(S3Target { bucket: "my-bucket".to_owned(), prefix: "clicks/2026/".to_owned(), gzip: true })
    );
    assert_eq!(
        read(&json!({"type": "s3", "bucket": "abc"})),
        Target::S3(S3Target { bucket: "abc".to_owned(), prefix: String::new(), gzip: false })
    );
    let Target::Kinesis(target) = read(&json!({"type": "kinesis", "stream": "s.1", "partition_key": ["a", "b"]})) else { panic!() };
    assert_eq!((target.stream.as_str(), target.partition_key.names()), ("s.1", &["a".to_owned(), "b".to_owned()][..]));
    assert_eq!(read(&json!({"type": "sqs", "queue_url": "https://h/1/q"})).kind(), "sqs");
}

#[test]
fn mistakes_in_targets_in_the_cloud_are_named() {
    assert_eq!(mistakes(&json!({"type": "s3"})), "target.bucket: is required");
    assert_eq!(mistakes(&json!({"type": "sqs"})), "target.queue_url: is required");
    assert_eq!(mistakes(&json!({"type": "kinesis"})), "target.stream: is required");
    for bucket in ["", "ab", "A-bucket", "a/b", "-ab", "ab-", "a..b", &"a".repeat(64)] {
        assert!(mistakes(&json!({"type": "s3", "bucket": bucket})).starts_with("target.bucket: "), "{bucket}");
    }
    for prefix in ["/a", "a/../b", "a\u{0}", &"a".repeat(601)] {
        assert!(mistakes(&json!({"type": "s3", "bucket": "abc", "prefix": prefix})).starts_with("target.prefix: "), "{prefix}");
    }
    assert!(mistakes(&json!({"type": "s3", "bucket": "abc", "compression": "zip"})).contains("known are none, gzip"));
    assert!(mistakes(&json!({"type": "sqs", "queue_url": "queue"})).starts_with("target.queue_url: "));
    assert!(mistakes(&json!({"type": "kinesis", "stream": "a b"})).starts_with("target.stream: "));
    assert!(mistakes(&json!({"type": "kinesis", "stream": "s", "partition_key": "a"})).starts_with("target.partition_key: "));
}

#[test]
fn topics_take_values_of_the_record() {
    let topic = |template: &str| match Target::parse(&json!({"type": "mqtt", "url": "mqtt://h", "topic": template})) {
        Ok(Target::Mqtt(target)) => target.topic.of(br#"{"site":"a/b+#","n":7,"void":null,"o":{"x":1}}"#),
        other => panic!("{other:?}"),
    };
    assert_eq!(topic("plain/topic"), "plain/topic");
    assert_eq!(topic("{n}"), "7");
    assert_eq!(topic("s/{site}/{n}/{void}{absent}/{o}/end"), "s/a_b__/7//{\"x\":1}/end");
    for template in ["a/#", "+/b", "{", "a{}", "a/{x", "$SYS/x", "a\u{0}", " "] {
        let said = mistakes(&json!({"type": "mqtt", "url": "mqtt://h", "topic": template}));
        assert!(said.starts_with("target.topic: "), "{template}: {said}");
    }
}

#[test]
fn a_broker_has_an_address_whose_password_is_not_shown() {
    let given = json!({"type": "mqtt", "url": "mqtts://me:pa55@h:8883", "topic": "t"});
    let target = Target::parse(&given).unwrap();
    assert_eq!(target.kind(), "mqtt");
    let shown = format!("{target:?}{:?}", target.shown(given.as_object().unwrap()));
    assert!(!shown.contains("pa55") && shown.contains("@h:8883"), "{shown}");
    for url in ["http://h", "mqtt://", "h:1883", "mqtt://h:x"] {
        assert!(mistakes(&json!({"type": "mqtt", "url": url, "topic": "t"})).starts_with("target.url: "), "{url}");
    }
    assert_eq!(mistakes(&json!({"type": "mqtt"})), "target.url: is required; target.topic: is required");
}

#[test]
fn a_device_of_a_hub_is_named_by_its_connection_string_or_beside_a_policys() {
    let read = |value: &Value| match Target::parse(value) {
        Ok(Target::IotHub(target)) => target,
        other => panic!("{other:?}"),
    };
    let own = json!({"type": "iothub", "connection_string": "HostName=h.net;DeviceId=d.1;SharedAccessKey=c2VjcmV0=="});
    let target = read(&own);
    assert_eq!((target.host.as_str(), target.device.as_str(), target.policy.as_deref()), ("h.net", "d.1", None));
    assert_eq!(target.key.expose(), "c2VjcmV0==");
    let shown = format!("{target:?}{:?}", Target::parse(&own).unwrap().shown(own.as_object().unwrap()));
    assert!(!shown.contains("c2VjcmV0"), "{shown}");
    let policys = "HostName=h;SharedAccessKeyName=iothubowner;SharedAccessKey=c2VjcmV0";
    let target = read(&json!({"type": "iothub", "connection_string": policys, "device": "d"}));
    assert_eq!((target.device.as_str(), target.policy.as_deref()), ("d", Some("iothubowner")));
    for (connection, device, at) in [
        (policys, None, "target.device: is required"),
        (policys, Some("a/b"), "target.device: names no device"),
        ("HostName=h;DeviceId=d;SharedAccessKey=k", Some("d"), "target.device: is named"),
        ("HostName=h;DeviceId=d", None, "target.connection_string: must have the parts"),
        ("HostName=h/x;DeviceId=d;SharedAccessKey=k", None, "target.connection_string: has a HostName"),
        ("HostName=h;SharedAccessKey=k", None, "target.connection_string: must be a device's"),
    ] {
        let mut given = json!({"type": "iothub", "connection_string": connection});
        device.into_iter().for_each(|device| given["device"] = json!(device));
        assert!(mistakes(&given).starts_with(at), "{}", mistakes(&given));
    }
}

#[test]
fn members_of_a_record_become_tags_fields_and_time() {
    let read = |value: &Value| match Target::parse(value) {
        Ok(Target::InfluxDb(target)) => target,
        other => panic!("{other:?}"),
    };
    let bare = read(&json!({"type": "influxdb", "measurement": "m"}));
    assert_eq!((bare.tags.len(), bare.fields.len(), bare.time.as_str()), (0, 0, "time"));
    let target = read(&json!({"type": "influxdb", "measurement": "m", "tags": ["a"], "fields": ["p.q", "r.s"], "time": "at"}));
    let record = json!({"p": {"q": 1}, "r.s": 2, "r": {"s": 3}});
    let values: Vec<_> = target.fields.iter().map(|path| path.of(record.as_object().unwrap()).cloned()).collect();
    assert_eq!(values, [Some(json!(1)), Some(json!(2))]);
    assert_eq!(target.tags[0].of(record.as_object().unwrap()), None);
    assert_eq!(mistakes(&json!({"type": "influxdb"})), "target.measurement: is required");
    assert!(mistakes(&json!({"type": "influxdb", "measurement": "#m"})).starts_with("target.measurement: "));
    assert!(mistakes(&json!({"type": "influxdb", "measurement": "m", "tags": ["a..b"]})).starts_with("target.tags[0]: "));
    assert!(mistakes(&json!({"type": "influxdb", "measurement": "m", "time": ""})).starts_with("target.time: "));
}

#[test]
fn a_table_takes_records_or_a_member_of_each() {
    let read = |value: &Value| match Target::parse(value) {
        Ok(Target::Table(target)) => (target.table.to_string(), target.field.map(|field| field.as_str().to_owned())),
        other => panic!("{other:?}"),
    };
    assert_eq!(read(&json!({"type": "table", "table": "t", "field": "body.x"})), ("t".to_owned(), Some("body.x".to_owned())));
    assert_eq!(read(&json!({"type": "Table", "table": "my table ☕", "field": null})), ("my table ☕".to_owned(), None));
    assert_eq!(Target::parse(&json!({"type": "table", "table": "t"})).unwrap().kind(), "table");
    assert_eq!(mistakes(&json!({"type": "table"})), "target.table: is required");
    for (table, field, at) in [
        (json!("a/b"), json!("x"), "target.table"),
        (json!(""), json!("x"), "target.table"),
        (json!(5), json!("x"), "target.table"),
        (json!("t"), json!("a..b"), "target.field"),
        (json!("t"), json!(""), "target.field"),
        (json!("t"), json!(["x"]), "target.field"),
    ] {
        let said = mistakes(&json!({"type": "table", "table": table, "field": field}));
        assert!(said.starts_with(&format!("{at}: ")), "{said}");
    }
}
