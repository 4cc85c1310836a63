#![allow(clippy::needless_pass_by_value, reason = "json!({..}) reads best where it is handed over")]

use serde_json::{Value, json};

use super::{Answer, Host, N, S, host, host_with_stream};

impl Host {
    async fn set(&self, properties: Value) -> Answer {
        self.put(&format!("{S}/properties"), properties).await
    }

    async fn described(&self) -> Value {
        self.get(S).await.json()
    }
}

fn record(fields: Value) -> Value {
    json!({"type": "record", "name": "r", "fields": fields})
}

/// A format with one field of each of these types.
fn of_types(name: &str, types: &[Value]) -> Value {
    let fields: Vec<Value> = types.iter().enumerate().map(|(number, kind)| json!({"name": format!("f{number}"), "type": kind})).collect();
    json!({"format": {"name": name, "schema": record(json!(fields))}})
}

#[tokio::test]
async fn what_is_not_named_stays_as_it_is() {
    let host = host_with_stream().await;
    let defaults = host.described().await;
    host.set(json!({"ttl": 86400})).await.is_empty(200);
    let mut wanted = defaults.clone();
    wanted["ttl"] = json!(86400);
    assert_eq!(host.described().await, wanted);
    let fields = json!([{"name": "f1", "type": "string"}, {"name": "f2", "type": ["string", "null"]}]);
    let format = json!({"name": "CSV", "schema": record(fields), "settings": {"delimiter": " "}});
    host.set(json!({"ttl": 100_000, "format": format, "notification.threshold.mb": 1000})).await.is_empty(200);
    host.set(json!({"description": "d", "colour": "blue"})).await.is_empty(200);
    host.set(json!({})).await.is_empty(200);
    let wanted = json!({"ttl": 100_000, "format": format, "notification.threshold.mb": 1000, "description": "d"});
    assert_eq!(host.described().await, wanted);
    host.set(json!({"description": ""})).await.is_empty(200);
    assert_eq!(host.described().await["description"], "");
}

#[tokio::test]
async fn a_format_is_replaced_as_a_whole() {
    let host = host_with_stream().await;
    host.set(json!({"format": {"name": "csv", "schema": record(json!([{"name": "a", "type": "int"}])), "settings": {"delimiter": ";"}}}))
        .await
        .is_empty(200);
    host.set(json!({"format": {"name": "csv"}})).await.is_empty(200);
    let array = json!({"type": "array", "items": "string"});
    let schema = json!({"type": "record", "name": "streamEvent", "fields": [{"name": "body", "type": array}]});
    assert_eq!(host.described().await["format"], json!({"name": "csv", "schema": schema, "settings": {}}));
}

#[tokio::test]
async fn formats_bring_their_default_schemas() {
    let host = host_with_stream().await;
    let nullable = |name: &str, kind: &str| json!({"name": name, "type": [kind, "null"]});
    let clf: Vec<Value> = [
        ("remote_host", "string"),
        ("remote_login", "string"),
        ("auth_user", "string"),
        ("request_time", "string"),
        ("request", "string"),
        ("status", "int"),
        ("content_length", "int"),
        ("referrer", "string"),
        ("user_agent", "string"),
    ]
    .map(|(name, kind)| nullable(name, kind))
    .into();
    let syslog: Vec<Value> = ["timestamp", "logsource", "program", "message", "pid"].map(|name| nullable(name, "string")).into();
    for (name, fields) in [("clf", clf), ("syslog", syslog), ("grok", vec![nullable("body", "string")])] {
        host.set(json!({"format": {"name": name, "schema": null, "settings": null}})).await.is_empty(200);
        let format = &host.described().await["format"];
        assert_eq!((&format["name"], &format["settings"]), (&json!(name), &json!({})));
        assert_eq!(format["schema"], json!({"type": "record", "name": "streamEvent", "fields": fields}), "{name}");
    }
}

#[tokio::test]
async fn schemas_that_a_format_cannot_fill_are_refused() {
    let host = host_with_stream().await;
    let array = |items: Value| json!({"type": "array", "items": items});
    let (string, or_null) = (json!("string"), json!(["string", "null"]));
    let simple: Vec<Value> = ["boolean", "int", "long", "float", "double", "bytes", "string", "null"].map(|name| json!(name)).into();
    for (name, types, fits) in [
        ("text", vec![string.clone()], true),
        ("text", vec![json!("double")], false),
        ("text", vec![or_null.clone()], false),
        ("text", vec![string.clone(), string.clone()], false),
        ("text", vec![], false),
        ("csv", simple.clone(), true),
        ("tsv", vec![or_null.clone(), array(string.clone())], true),
        ("csv", vec![array(or_null.clone())], true),
        ("csv", vec![json!([array(string.clone()), "null"])], true),
        ("csv", vec![array(string.clone()), string.clone()], false),
        ("csv", vec![array(json!("int"))], false),
        ("csv", vec![json!({"type": "map", "keys": "string", "values": "string"})], false),
        ("csv", vec![record(json!([{"name": "a", "type": "int"}]))], false),
        ("csv", vec![json!(["string", "int"])], false),
        ("csv", vec![json!({"type": "enum", "symbols": ["A"]})], false),
        ("clf", vec![string.clone(), json!(["int", "null"])], true),
        ("clf", vec![array(string.clone())], false),
        ("grok", vec![json!("int"), array(string.clone())], true),
        ("syslog", vec![json!("int")], true),
        ("avro", vec![array(json!("int")), json!({"type": "map", "keys": "string", "values": "long"})], true),
    ] {
        let status = host.set(of_types(name, &types)).await.status.as_u16();
        assert_eq!(status, if fits { 200 } else { 400 }, "{name} {types:?}");
    }
}

#[tokio::test]
async fn bad_properties_change_nothing_and_say_what_is_wrong() {
    let host = host_with_stream().await;
    host.set(json!({"ttl": 7, "description": "kept"})).await.is_empty(200);
    let before = host.described().await;
    let format = |format: Value| json!({"ttl": 5, "format": format});
    for (properties, part) in [
        (json!({"ttl": -1}), "-1"),
        (json!({"ttl": "5"}), "ttl"),
        (json!({"ttl": 1.5}), "1.5"),
        (json!({"ttl": null}), "ttl"),
        (json!({"ttl": true}), "ttl"),
        (json!({"ttl": 5, "notification.threshold.mb": 0}), "notification.threshold.mb"),
        (json!({"ttl": 5, "notification.threshold.mb": -20}), "-20"),
        (json!({"ttl": 5, "notification.threshold.mb": 2_147_483_648_u64}), "2147483648"),
        (json!({"ttl": 5, "notification.threshold.mb": "5"}), "notification.threshold.mb"),
        (json!({"ttl": 5, "notification.threshold.mb": 1.5}), "1.5"),
        (json!({"ttl": 5, "notification.threshold.mb": null}), "notification.threshold.mb"),
        (json!({"ttl": 5, "description": null}), "description"),
        (json!({"ttl": 5, "description": 5}), "description"),
        (json!({"ttl": 5, "principal": 5}), "principal"),
        (json!({"ttl": 5, "principal": "alice/bob/host@REALM"}), "alice/bob/host@REALM"),
        (json!({"ttl": 5, "principal": "a@b@c"}), "a@b@c"),
        (format(json!({})), "format.name"),
        (format(json!(null)), "format"),
        (format(json!("csv")), "format"),
        (format(json!({"name": "gibberish"})), "gibberish"),
        (format(json!({"name": "blob"})), "blob"),
        (format(json!({"name": "avro"})), "avro"),
        (format(json!({"name": "text", "settings": {"charset": "no-such-charset"}})), "no-such-charset"),
        (format(json!({"name": "csv", "settings": {"delimiter": ""}})), "delimiter"),
        (format(json!({"name": "csv", "settings": {"delimiter": {}}})), "delimiter"),
        (format(json!({"name": "csv", "settings": []})), "settings"),
        (format(json!({"name": "grok", "settings": {"pattern": "%{NOSUCH:x}"}})), "NOSUCH"),
        (format(json!({"name": "grok", "settings": {"pattern": "("}})), "pattern"),
        (format(json!({"name": "csv", "schema": "{\"type\":\"record\"}"})), "schema"),
        (format(json!({"name": "csv", "schema": {"type": "map", "values": "int"}})), "schema"),
        (of_types("csv", &[json!("float64")]), "float64"),
    ] {
        host.set(properties.clone()).await.refuses(400, part);
        assert_eq!(host.described().await, before, "{properties}");
    }
    for body in ["ttl:2", "", "[]", "\"x\"", "{", "{}{}"] {
        host.put(&format!("{S}/properties"), body).await.refuses(400, "");
    }
    host.put(&format!("{N}/streams/nope/properties"), "{").await.refuses(404, "stream:default.nope");
    host.put(&format!("{N}/streams/a.b/properties"), "{").await.refuses(400, "stream id");
}

#[tokio::test]
async fn the_text_of_a_refusal_names_a_member_once() {
    let host = host_with_stream().await;
    for (path, method) in [(format!("{S}/properties"), "PUT"), (format!("{S}/views/v"), "PUT")] {
        let answer = host.send(method, &path, &[], r#"{"format":{"name":"gibberish"}}"#).await;
        answer.refuses(400, "format.name: \"gibberish\"");
        assert!(answer.text().starts_with("format.name"), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn mappings_name_every_field_once() {
    let host = host_with_stream().await;
    let fields = json!([{"name": "name", "type": "string"}, {"name": "age", "type": "int"}]);
    let with = |mapping: &str| json!({"format": {"name": "csv", "schema": record(fields.clone()), "settings": {"mapping": mapping}}});
    host.set(with("1:age,0:name")).await.is_empty(200);
    for bad in ["", "0:name", "0:name,1:age,2:more", "0:name,0:age,1:name", "x:name,1:age", "-1:name,1:age", "0:nome,1:age", "0name,1:age"]
    {
        host.set(with(bad)).await.refuses(400, "mapping");
    }
    let array = json!([{"name": "f1", "type": {"type": "array", "items": "string"}}]);
    host.set(json!({"format": {"name": "csv", "schema": record(array), "settings": {"mapping": "0:f1"}}})).await.refuses(400, "mapping");
}

#[tokio::test]
async fn the_longest_ttl_is_reported_as_it_is_everywhere() {
    let host = host_with_stream().await;
    for ttl in ["9223372036854775", "9223372036854776", "9223372036854775807", "18446744073709551616"] {
        host.put(&format!("{S}/properties"), format!(r#"{{"ttl":{ttl}}}"#)).await.is_empty(200);
        assert_eq!(host.described().await["ttl"], json!(9_223_372_036_854_775_i64), "{ttl}");
    }
    host.set(json!({"ttl": 0, "notification.threshold.mb": i32::MAX})).await.is_empty(200);
    let described = host.described().await;
    assert_eq!((&described["ttl"], &described["notification.threshold.mb"]), (&json!(0), &json!(i32::MAX)));
}

#[tokio::test]
async fn a_stream_is_its_owners() {
    let alice = json!({"principal": "alice/somehost@SOMEKDC.NET"});
    let bob = json!({"principal": "bob@SOMEKDC.NET"});
    let host = host();
    host.put(S, json!({"principal": "alice/somehost@SOMEKDC.NET", "ttl": 5})).await.is_empty(200);
    assert_eq!(host.described().await["principal"], "alice/somehost@SOMEKDC.NET");
    host.put(S, "").await.is_empty(200);
    host.put(S, alice.clone()).await.is_empty(200);
    host.put(S, bob.clone()).await.refuses(403, "bob@SOMEKDC.NET");
    host.set(json!({"principal": "bob@SOMEKDC.NET", "ttl": 6})).await.refuses(403, "stream:default.s");
    let told = host.set(bob.clone()).await;
    assert!(!told.text().contains("alice"), "a stranger is told who owns the stream: {}", told.text());
    host.set(json!({"principal": "bob@SOMEKDC.NET", "ttl": -1})).await.refuses(400, "-1");
    assert_eq!(host.described().await["ttl"], 5);
    host.set(json!({"principal": "alice/somehost@SOMEKDC.NET", "ttl": 6})).await.is_empty(200);
    host.set(json!({"ttl": 7})).await.is_empty(200);
    assert_eq!(host.described().await["principal"], "alice/somehost@SOMEKDC.NET");

    let unowned = format!("{N}/streams/unowned");
    host.put(&unowned, "").await.is_empty(200);
    host.put(&unowned, bob.clone()).await.refuses(403, "unowned");
    host.put(&format!("{unowned}/properties"), bob).await.refuses(403, "unowned");
    assert_eq!(host.get(&unowned).await.json().get("principal"), None);
}

#[tokio::test]
async fn what_is_set_about_a_stream_does_not_change_what_is_read_of_it() {
    let host = host_with_stream().await;
    host.set(json!({"format": {"name": "csv"}})).await.is_empty(200);
    host.post(S, "a,b").await.is_empty(200);
    let events = host.events(&format!("{S}/events")).await;
    assert_eq!((&events[0]["body"], events[0].as_object().unwrap().len()), (&json!("a,b"), 3));
}
