use serde_json::{Value, json};

use super::{N, S, host, host_with_stream};

#[tokio::test]
async fn a_stream_has_the_defaults_of_the_manual() {
    let host = host_with_stream().await;
    let answer = host.get(S).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let schema = json!({"type": "record", "name": "stringBody", "fields": [{"name": "body", "type": "string"}]});
    let format = json!({"name": "text", "schema": schema, "settings": {}});
    assert_eq!(answer.json(), json!({"ttl": 9_223_372_036_854_775_i64, "format": format, "notification.threshold.mb": 1024}));
}

#[tokio::test]
async fn ids_are_letters_digits_hyphens_and_underscores_of_either_case() {
    let host = host();
    for id in ["A-b_9", "_hidden", "-", "0", "purchases", "Purchases", "%6Cetter"] {
        host.put(&format!("{N}/streams/{id}"), "").await.is_empty(200);
    }
    let names: Vec<_> =
        host.get(&format!("{N}/streams")).await.json().as_array().unwrap().iter().map(|stream| stream["name"].clone()).collect();
    assert_eq!(names, ["-", "0", "A-b_9", "Purchases", "_hidden", "letter", "purchases"]);
    for id in ["inv@lidStreamName", "inv%40lid", "a.b", "a%20b", "a$b", "a~b", "a%2Fb", "%C3%A9", "%FF", "a%00", "..", "a:b", "a+b"] {
        for (method, behind) in EVERY_REQUEST {
            let answer = host.send(method, &format!("{N}/streams/{id}{behind}"), &[("content-type", "text/plain")], "{}").await;
            answer.refuses(400, "");
        }
    }
}

/// Every request about a stream.
const EVERY_REQUEST: [(&str, &str); 14] = [
    ("PUT", ""),
    ("GET", ""),
    ("POST", ""),
    ("DELETE", ""),
    ("PUT", "/properties"),
    ("POST", "/async"),
    ("POST", "/batch"),
    ("GET", "/events"),
    ("POST", "/truncate"),
    ("GET", "/notifications"),
    ("GET", "/views"),
    ("GET", "/views/v"),
    ("DELETE", "/views/v"),
    ("GET", "/programs"),
];

#[tokio::test]
async fn whatever_is_asked_of_a_stream_that_is_not_there_is_404_and_makes_none() {
    let host = host();
    let path = format!("{N}/streams/nope");
    for (method, behind) in EVERY_REQUEST.into_iter().filter(|request| !matches!(request, ("PUT", "") | ("GET", "/programs" | "/events"))) {
        let answer = host.send(method, &format!("{path}{behind}"), &[("content-type", "text/plain")], r#"{"ttl":1}"#).await;
        answer.refuses(404, "stream:default.nope");
    }
    host.put(&format!("{path}/views/v"), json!({"format": {"name": "text"}})).await.refuses(404, "stream:default.nope");
    host.get(&format!("{path}/events")).await.is_empty(404);
    assert_eq!(host.get(&format!("{path}/programs")).await.json(), json!([]));
    assert_eq!(host.get(&format!("{N}/streams")).await.json(), json!([]));
}

#[tokio::test]
async fn successes_have_no_body() {
    let host = host();
    host.put(S, "").await.is_empty(200);
    host.put(S, "").await.is_empty(200);
    host.post(S, "x").await.is_empty(200);
    host.post(&format!("{S}/async"), "x").await.is_empty(202);
    host.send("POST", &format!("{S}/batch"), &[("content-type", "text/plain")], "a\nb").await.is_empty(200);
    host.put(&format!("{S}/properties"), "{}").await.is_empty(200);
    host.post(&format!("{S}/truncate"), "ignored").await.is_empty(200);
    host.delete(S).await.is_empty(200);
}

#[tokio::test]
async fn a_slash_at_the_end_names_the_same() {
    let host = host_with_stream().await;
    for (method, behind) in EVERY_REQUEST.into_iter().filter(|(method, behind)| *method != "DELETE" && *behind != "/notifications") {
        let plain = host.send(method, &format!("{S}{behind}"), &[("content-type", "text/plain")], "{}").await;
        let slashed = host.send(method, &format!("{S}{behind}/"), &[("content-type", "text/plain")], "{}").await;
        assert_eq!(plain.status, slashed.status, "{method} {behind}");
    }
    host.delete(&format!("{S}/")).await.is_empty(200);
    host.get(&format!("{N}/streams/")).await.json();
}

#[tokio::test]
async fn a_path_that_is_not_there_is_404_and_one_that_takes_other_methods_is_405() {
    let host = host_with_stream().await;
    for path in [format!("{S}/nothing"), "/v3/nowhere".to_owned(), format!("{S}//events"), format!("{N}/streams/s/views/v/w")] {
        host.get(&path).await.refuses(404, &path);
    }
    for (method, path, allow) in [
        ("PATCH", S.to_owned(), "GET,HEAD,PUT,POST,DELETE"),
        ("POST", format!("{N}/streams"), "GET,HEAD"),
        ("GET", format!("{S}/truncate"), "POST"),
        ("GET", format!("{S}/async"), "POST"),
        ("PUT", format!("{S}/batch/"), "POST"),
        ("POST", format!("{S}/properties"), "PUT"),
        ("DELETE", format!("{S}/events"), "GET,HEAD"),
        ("OPTIONS", S.to_owned(), "GET,HEAD,PUT,POST,DELETE"),
    ] {
        let answer = host.send(method, &path, &[], "").await;
        answer.refuses(405, &path);
        let mut given: Vec<&str> = answer.header("allow").split(',').collect();
        let mut wanted: Vec<&str> = allow.split(',').collect();
        given.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(given, wanted, "{method} {path}");
    }
    host.send("HEAD", S, &[], "").await.is_empty(200);
}

#[tokio::test]
async fn a_stream_that_is_there_is_left_as_it_is_by_a_creation() {
    let host = host();
    host.put(S, json!({"ttl": 1000, "description": "first", "notification.threshold.mb": 7})).await.is_empty(200);
    let before = host.get(S).await.json();
    host.post(S, "kept").await.is_empty(200);
    host.put(S, json!({"ttl": 1, "description": "second", "format": {"name": "csv"}})).await.is_empty(200);
    host.put(S, json!({"ttl": -1})).await.refuses(400, "-1");
    assert_eq!(host.get(S).await.json(), before);
    assert_eq!(host.bodies().await, ["kept"]);
}

#[tokio::test]
async fn a_refused_creation_leaves_no_stream() {
    let host = host();
    for body in [r#"{"ttl":-1}"#, "ttl:2", "[]", "7", "null", "{", r#"{"ttl":1,"principal":"a/b/c@R"}"#, r#"{"format":{}}"#, "\u{feff}{}"] {
        host.put(S, body).await.refuses(400, "");
        assert_eq!(host.get(S).await.status, 404, "{body}");
    }
    assert_eq!(host.get(&format!("{N}/streams")).await.json(), json!([]));
}

#[tokio::test]
async fn a_truncated_stream_keeps_what_is_set_and_takes_new_events_at_once() {
    let host = host();
    host.put(S, json!({"ttl": 86400, "description": "d"})).await.is_empty(200);
    let set = host.get(S).await.json();
    host.post(&format!("{S}/truncate"), "").await.is_empty(200);
    host.post(S, "old").await.is_empty(200);
    host.post(&format!("{S}/truncate"), "").await.is_empty(200);
    assert_eq!(host.bodies().await, [""; 0]);
    host.post(S, "new").await.is_empty(200); // In the same millisecond.
    assert_eq!(host.bodies().await, ["new"]);
    assert_eq!(host.get(S).await.json(), set);
}

#[tokio::test]
async fn a_stream_made_anew_has_nothing_of_the_one_before() {
    let host = host();
    host.put(S, json!({"ttl": 5, "description": "d", "principal": "alice", "format": {"name": "csv"}})).await.is_empty(200);
    host.send("POST", S, &[("x-headwater-program", "a/flows/f")], "old").await.is_empty(200);
    host.put(&format!("{S}/views/v"), json!({"format": {"name": "tsv"}})).await.is_empty(201);
    host.delete(S).await.is_empty(200);
    host.get(S).await.refuses(404, "stream:default.s");
    host.delete(S).await.refuses(404, "stream:default.s");
    host.put(S, "").await.is_empty(200);
    assert_eq!(host.bodies().await, [""; 0]);
    let stream = host.get(S).await.json();
    assert_eq!((&stream["ttl"], stream.get("description"), stream.get("principal")), (&json!(9_223_372_036_854_775_i64), None, None));
    for list in ["views", "programs"] {
        assert_eq!(host.get(&format!("{S}/{list}")).await.json(), json!([]), "{list}");
    }
    assert_eq!(host.get(&format!("{N}/apps/a/streams")).await.json(), json!([]));
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let host = host_with_stream().await;
    host.post(S, "x".repeat(10_000)).await.is_empty(200);
    let packed = host.send("GET", &format!("{S}/events"), &[("accept-encoding", "gzip")], "").await;
    assert_eq!((packed.status.as_u16(), packed.header("content-encoding")), (200, "gzip"));
    assert_eq!(packed.header("content-type"), "application/json; charset=utf-8");
    assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() < 1000, "{} bytes", packed.body.len());
    let plain = host.get(&format!("{S}/events")).await;
    assert_eq!((plain.header("content-encoding"), plain.json().as_array().map(Vec::len)), ("", Some(1)));
    host.post(&format!("{S}/truncate"), "").await.is_empty(200);
    let none = host.send("GET", &format!("{S}/events"), &[("accept-encoding", "gzip")], "").await;
    none.is_empty(204);
}

#[tokio::test]
async fn lists_of_streams_are_objects_with_one_name_sorted() {
    let host = host();
    for id in ["m", "a", "z", "B"] {
        host.put(&format!("{N}/streams/{id}"), "").await.is_empty(200);
    }
    let wanted: Vec<Value> = ["B", "a", "m", "z"].iter().map(|id| json!({"name": id})).collect();
    assert_eq!(host.get(&format!("{N}/streams")).await.json(), json!(wanted));
}
