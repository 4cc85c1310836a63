use axum::body::Body;
use serde_json::{Value, json};

use super::{Host, N, S, host_with_stream};

/// A stream with this format and these events, read under the format: each event's record, or the text of its error.
async fn read_as(format: Value, bodies: &[&[u8]]) -> Vec<Result<Value, String>> {
    let host = host_with_stream().await;
    host.put(&format!("{S}/properties"), json!({"format": format})).await.is_empty(200);
    for body in bodies {
        host.post(S, Body::from(body.to_vec())).await.is_empty(200);
    }
    let events = host.events(&format!("{S}/events?format=true")).await;
    assert_eq!(events.len(), bodies.len());
    events.into_iter().map(record).collect()
}

fn record(mut event: Value) -> Result<Value, String> {
    let members = event.as_object_mut().unwrap();
    assert_eq!(members.len(), 4, "{members:?}");
    assert!(["timestamp", "headers", "body"].iter().all(|name| members.contains_key(*name)), "{members:?}");
    members.remove("record").ok_or_else(|| members["error"].as_str().unwrap().to_owned())
}

fn schema(fields: &[(&str, Value)]) -> Value {
    let fields: Vec<Value> = fields.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
    json!({"type": "record", "name": "r", "fields": fields})
}

#[tokio::test]
async fn records_come_compressed_where_that_is_accepted() {
    let host = host_with_stream().await;
    host.post(S, "a body").await.is_empty(200);
    let answer = host.send("GET", &format!("{S}/events?format=true"), &[("accept-encoding", "gzip")], "").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-encoding"), &answer.body[..2]), (200, "gzip", &b"\x1f\x8b"[..]));
}

#[tokio::test]
async fn text_is_decoded_under_its_charset() {
    let read = read_as(json!({"name": "text"}), &[b"a,\"b\"", b"", b"\xff\xc3\xa9"]).await;
    assert_eq!(read, [Ok(json!({"body": "a,\"b\""})), Ok(json!({"body": ""})), Ok(json!({"body": "\u{fffd}é"}))]);
    let read = read_as(json!({"name": "text", "settings": {"charset": "ISO-8859-1"}}), &[b"\xe9"]).await;
    assert_eq!(read, [Ok(json!({"body": "é"}))]);
}

#[tokio::test]
async fn separated_values_are_split_without_quotes_or_escapes() {
    let default = read_as(json!({"name": "csv"}), &[b"userX,actionY,itemZ", b"a,\"b,c\"", b"", b","]).await;
    let wanted = [json!(["userX", "actionY", "itemZ"]), json!(["a", "\"b", "c\""]), json!([""]), json!(["", ""])];
    assert_eq!(default, wanted.map(|values| Ok(json!({"body": values}))));
    assert_eq!(read_as(json!({"name": "tsv"}), &[b"a\tb,c"]).await, [Ok(json!({"body": ["a", "b,c"]}))]);
    let blank = json!({"name": "csv", "settings": {"delimiter": "::"}});
    assert_eq!(read_as(blank, &[b"a::b:c"]).await, [Ok(json!({"body": ["a", "b:c"]}))]);
}

#[tokio::test]
async fn values_are_read_as_the_types_of_their_fields() {
    let nullable = |kind: &str| json!([kind, "null"]);
    let fields = schema(&[
        ("f1", nullable("boolean")),
        ("f2", nullable("int")),
        ("f3", nullable("float")),
        ("f4", nullable("double")),
        ("f5", json!(["bytes", "null"])),
        ("f6", nullable("string")),
        ("f7", json!({"type": "array", "items": "string"})),
    ]);
    let bodies: [&[u8]; 6] = [
        br"false,2147483647,1.5,-2e3,\x00\x01\x02,foo bar,extra1,extra2",
        b"true,,3.25,,,hello world,extra1",
        b"yes",
        b"true,2147483648,0,0,,,",
        b"true, 1,0,0,,,",
        b"true,1,x,0,,,",
    ];
    let read = read_as(json!({"name": "csv", "schema": fields}), &bodies).await;
    let first = json!({"f1": false, "f2": i32::MAX, "f3": 1.5, "f4": -2000.0, "f5": "\\x00\\x01\\x02", "f6": "foo bar", "f7": ["extra1", "extra2"]});
    assert_eq!(read[0], Ok(first));
    let second = json!({"f1": true, "f2": null, "f3": 3.25, "f4": null, "f5": null, "f6": "hello world", "f7": ["extra1"]});
    assert_eq!(read[1], Ok(second));
    assert_eq!(read[2], Ok(json!({"f1": false, "f2": null, "f3": null, "f4": null, "f5": null, "f6": null, "f7": []})));
    for (misfit, field) in read[3..].iter().zip(["f2", "f2", "f3"]) {
        assert!(misfit.as_ref().unwrap_err().starts_with(field), "{misfit:?}");
    }
}

#[tokio::test]
async fn an_event_that_does_not_fit_does_not_spoil_the_others() {
    let fields = schema(&[("n", json!("int")), ("t", json!("string"))]);
    let read = read_as(json!({"name": "csv", "schema": fields}), &[b"1,a", b"x,b", b"3", b",c", b"5,", b"6,d,surplus"]).await;
    assert_eq!(
        (&read[0], &read[4], &read[5]),
        (&Ok(json!({"n": 1, "t": "a"})), &Ok(json!({"n": 5, "t": ""})), &Ok(json!({"n": 6, "t": "d"})))
    );
    for (number, field) in [(1, "n"), (2, "t"), (3, "n")] {
        assert!(read[number].as_ref().unwrap_err().starts_with(field), "{:?}", read[number]);
    }
}

#[tokio::test]
async fn a_mapping_takes_values_from_where_it_says() {
    let fields = schema(&[("age", json!("int")), ("name", json!("string"))]);
    let format = json!({"name": "csv", "schema": fields, "settings": {"mapping": "1:age,0:name"}});
    assert_eq!(read_as(format, &[b"foo,123,82"]).await, [Ok(json!({"age": 123, "name": "foo"}))]);
}

#[tokio::test]
async fn lines_of_web_servers_are_read() {
    let bodies: [&[u8]; 4] = [
        br#"10.10.10.10 - - [01/Feb/2015:09:58:24 +0000] "-" 408 - "-" "-""#,
        br#"1.2.3.4 - ann [01/Feb/2015:06:47:10 +0000] "GET /browse/X HTTP/1.1" 301 256 "-" "Mozilla/5.0 (compatible)""#,
        br#"h - - [t] "r" 200 1 "-" "\"Mozilla/5.0\"""#,
        b"10.10.10.10[01/Feb/2015:06:47:10 +0000",
    ];
    let read = read_as(json!({"name": "clf"}), &bodies).await;
    let mut wanted = json!({"remote_host": "10.10.10.10", "remote_login": null, "auth_user": null, "request_time": "01/Feb/2015:09:58:24 +0000",
        "request": null, "status": 408, "content_length": null, "referrer": null, "user_agent": null});
    assert_eq!(read[0].as_ref(), Ok(&wanted));
    wanted["remote_host"] = json!("1.2.3.4");
    wanted["auth_user"] = json!("ann");
    wanted["request_time"] = json!("01/Feb/2015:06:47:10 +0000");
    wanted["request"] = json!("GET /browse/X HTTP/1.1");
    wanted["status"] = json!(301);
    wanted["content_length"] = json!(256);
    wanted["user_agent"] = json!("Mozilla/5.0 (compatible)");
    assert_eq!(read[1].as_ref(), Ok(&wanted));
    assert_eq!(read[2].as_ref().unwrap()["user_agent"], r#"\"Mozilla/5.0\""#);
    assert!(read[3].is_err());
}

#[tokio::test]
async fn what_a_pattern_captures_is_a_record() {
    let fields = schema(&[("user", json!("string")), ("body", json!(["string", "null"]))]);
    let format = json!({"name": "grok", "schema": fields, "settings": {"pattern": "%{USER:user}:%{GREEDYDATA:body}"}});
    let read = read_as(format, &[b"nitin:abc def", b"::"]).await;
    assert_eq!(read[0], Ok(json!({"user": "nitin", "body": "abc def"})));
    assert!(read[1].as_ref().unwrap_err().starts_with("user"), "{:?}", read[1]);
    assert_eq!(read_as(json!({"name": "grok"}), &[b"any line"]).await, [Ok(json!({"body": "any line"}))]);
}

#[tokio::test]
async fn lines_of_system_logs_are_read() {
    let read = read_as(json!({"name": "syslog"}), &[b"Oct 17 08:59:00 suod newsyslog[6215]: logfile turned over", b"?"]).await;
    let wanted = json!({"timestamp": "Oct 17 08:59:00", "logsource": "suod", "program": "newsyslog", "message": "logfile turned over", "pid": "6215"});
    assert_eq!(read[0], Ok(wanted));
    assert_eq!(read[1], Ok(json!({"timestamp": null, "logsource": null, "program": null, "message": null, "pid": null})));
}

#[tokio::test]
async fn avro_is_read_by_the_schema_of_its_writer() {
    let host = host_with_stream().await;
    let format = json!({"name": "avro", "schema": schema(&[("name", json!(["string", "null"]))])});
    host.put(&format!("{S}/properties"), json!({"format": format})).await.is_empty(200);
    let writer = schema(&[("id", json!("int")), ("name", json!("string"))]).to_string();
    host.send("POST", S, &[("s.schema", &writer)], Body::from(&b"\x02\x0avalue"[..])).await.is_empty(200);
    host.post(S, Body::from(&b"\x00\x06own"[..])).await.is_empty(200);
    host.post(S, Body::from(&b"\x00"[..])).await.is_empty(200);
    host.send("POST", S, &[("s.schema", "{")], "x").await.is_empty(200);
    let read: Vec<_> = host.events(&format!("{S}/events?format=true")).await.into_iter().map(record).collect();
    assert_eq!(read[..2], [Ok(json!({"name": "value"})), Ok(json!({"name": "own"}))]);
    assert!(read[2].is_err() && read[3].is_err(), "{read:?}");
}

#[tokio::test]
async fn records_are_asked_for_with_true() {
    let host = host_with_stream().await;
    host.post(S, "a<b").await.is_empty(200);
    for query in ["", "?format=false"] {
        assert_eq!(host.events(&format!("{S}/events{query}")).await[0].as_object().map(serde_json::Map::len), Some(3), "{query}");
    }
    for query in ["format=", "format=TRUE", "format=1", "format=csv"] {
        host.get(&format!("{S}/events?{query}")).await.refuses(400, "format");
    }
    let answer = host.get(&format!("{S}/events?format=true")).await;
    assert!(answer.text().ends_with(r#""body":"a\u003cb","record":{"body":"a\u003cb"}}]"#), "{}", answer.text());
    host.post(&format!("{S}/truncate"), "").await.is_empty(200);
    host.get(&format!("{S}/events?format=true")).await.is_empty(204);
}

#[tokio::test]
async fn a_format_that_reads_thousands_of_events_reads_all_of_them_in_order() {
    let host = host_with_stream().await;
    host.put(&format!("{S}/properties"), json!({"format": {"name": "csv", "schema": schema(&[("n", json!("int"))])}})).await.is_empty(200);
    let lines: Vec<String> = (0..5000).map(|number| number.to_string()).collect();
    host.send("POST", &format!("{S}/batch"), &[("content-type", "text/csv")], lines.join("\n")).await.is_empty(200);
    let events = host.events(&format!("{S}/events?format=true&limit=4999")).await;
    assert_eq!(events.len(), 4999);
    assert!(events.iter().enumerate().all(|(number, event)| event["record"]["n"] == number));
}

impl Host {
    async fn view(&self, view: &str, format: Value) -> u16 {
        self.put(&format!("{S}/views/{view}"), json!({"format": format})).await.status.as_u16()
    }
}

#[tokio::test]
async fn a_view_is_made_replaced_described_listed_and_removed() {
    let host = host_with_stream().await;
    assert_eq!(host.get(&format!("{S}/views")).await.json(), json!([]));
    assert_eq!(host.view("My-View", json!({"name": "csv"})).await, 201);
    assert_eq!(host.view("a", json!({"name": "text"})).await, 201);
    let format = json!({"name": "csv", "schema": schema(&[("n", json!("int"))]), "settings": {"delimiter": ";"}});
    assert_eq!(host.view("My-View", format.clone()).await, 200);
    let described = host.get(&format!("{S}/views/My-View/")).await.json();
    assert_eq!(described, json!({"id": "My-View", "format": format, "tableName": "stream_s_my_view"}));
    assert_eq!(host.get(&format!("{S}/views")).await.json(), json!(["My-View", "a"]));
    host.delete(&format!("{S}/views/a")).await.is_empty(200);
    host.delete(&format!("{S}/views/a")).await.refuses(404, "a");
    host.get(&format!("{S}/views/a")).await.refuses(404, "a");
    assert_eq!(host.get(&format!("{S}/views")).await.json(), json!(["My-View"]));
    assert_eq!(host.get(S).await.json()["format"]["name"], "text", "a view changed its stream");
}

#[tokio::test]
async fn a_view_that_is_wrong_is_refused() {
    let host = host_with_stream().await;
    for body in ["", "{}", "[]", "{", r#"{"format":{}}"#, r#"{"format":{"name":"avro"}}"#, r#"{"format":null}"#] {
        host.put(&format!("{S}/views/v"), body).await.refuses(400, "");
    }
    for id in ["a.b", "%20", "a%2Fb"] {
        host.put(&format!("{S}/views/{id}"), json!({"format": {"name": "text"}})).await.refuses(400, "view id");
        host.get(&format!("{S}/views/{id}")).await.refuses(400, "view id");
        host.delete(&format!("{S}/views/{id}")).await.refuses(400, "view id");
    }
    host.put(&format!("{N}/streams/nope/views/v"), "{").await.refuses(404, "stream:default.nope");
    assert_eq!(host.get(&format!("{S}/views")).await.json(), json!([]));
}

#[tokio::test]
async fn a_stream_has_so_many_views_and_no_more() {
    let host = host_with_stream().await;
    for number in 0..headwater_core::limits::VIEWS {
        assert_eq!(host.view(&format!("v{number}"), json!({"name": "text"})).await, 201);
    }
    assert_eq!(host.view("more", json!({"name": "text"})).await, 400);
    assert_eq!(host.view("v1", json!({"name": "csv"})).await, 200);
    host.delete(&format!("{S}/views/v0")).await.is_empty(200);
    assert_eq!(host.view("more", json!({"name": "text"})).await, 201);
}

#[tokio::test]
async fn a_stream_is_read_through_its_views() {
    let host = host_with_stream().await;
    host.view("numbers", json!({"name": "csv", "schema": schema(&[("n", json!("int"))])})).await;
    host.post(S, "7,x").await.is_empty(200);
    let events = host.events(&format!("{S}/events?view=numbers")).await;
    assert_eq!(record(events[0].clone()), Ok(json!({"n": 7})));
    let both = host.events(&format!("{S}/events?format=true&view=numbers")).await;
    assert_eq!(record(both[0].clone()), Ok(json!({"n": 7})), "a view goes before the stream's own format");
    host.get(&format!("{S}/events?view=none")).await.refuses(404, "none");
    host.get(&format!("{S}/events?view=a.b")).await.refuses(400, "");
    host.get(&format!("{N}/streams/nope/events?view=numbers")).await.is_empty(404);
    host.put(&format!("{S}/properties"), json!({"ttl": 5})).await.is_empty(200);
    assert_eq!(host.get(&format!("{S}/views")).await.json(), json!(["numbers"]), "other changes take views away");
}
