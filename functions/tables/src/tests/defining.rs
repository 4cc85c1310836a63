//! Tables as such.

use serde_json::{Value, json};

use super::host;

#[tokio::test]
async fn a_table_is_defined_once() {
    let host = host();
    let definition = json!({"element": "sample", "sampleRate": 1000, "operations": [{"window": {"size": 4, "step": 2}}]});
    let described = host.put("/table/t", &definition).await.is(201).json();
    assert_eq!(described, host.describe("t").await);
    assert_eq!((&described["name"], &described["rows"], &described["finished"]), (&json!("t"), &json!(0), &json!(false)));
    assert_eq!((&described["firstMarker"], &described["retention"]), (&Value::Null, &json!("1d")));
    host.put("/table/t", r#"{"operations":[{"window":{"step":2,"size":4}}],"sampleRate":1000.0,"element":"sample"}"#).await.is(200);
    host.put("/table/t", json!({"element": "sample", "sampleRate": 2000})).await.refuses(409, "t ");
    assert_eq!(host.describe("t").await, described);
}

#[tokio::test]
async fn a_definition_that_makes_no_sense_is_refused_with_what_is_wrong() {
    let host = host();
    for (definition, part) in [
        ("", "JSON"),
        ("[]", "object"),
        ("{}", "element"),
        (r#"{"element":"banana"}"#, "element"),
        (r#"{"element":"sample","sampleRate":0}"#, "sampleRate"),
        (r#"{"element":"sample","retention":"25"}"#, "retention"),
        (r#"{"element":"sample","operations":[{"reverse":{}}]}"#, "reverse"),
        (r#"{"element":"sample","operations":[{"fft":{"binCount":4}}]}"#, "operations[0]"),
        (r#"{"element":"sample","source":{"table":"nope"}}"#, "nope"),
    ] {
        host.put("/table/t", definition).await.refuses(400, part);
    }
    host.get("/table/t").await.says(404, "t is not found");
}

#[tokio::test]
async fn all_tables_are_listed_by_name() {
    let host = host();
    for name in ["c", "a%20b", "b"] {
        host.put(&format!("/table/{name}"), json!({"element": "sample"})).await.is(201);
    }
    let all = host.get("/table").await.is(200).json();
    let names: Vec<&str> = all.as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a b", "b", "c"]);
    assert_eq!(all[1], host.describe("b").await);
}

#[tokio::test]
async fn a_finished_table_takes_no_more_and_a_removed_one_is_gone() {
    let host = host();
    host.table("t", json!({"element": "sample", "sampleRate": 1000}), [json!(1), json!(2)]).await;
    host.lines("t", "3\n").await.refuses(409, "t is finished");
    host.send("POST", "/table/t/finish", &[], "").await.is(200);
    assert_eq!(host.describe("t").await["finished"], json!(true));
    assert_eq!(host.rows("/table/t/last?interval=1s").await.len(), 2);

    host.send("DELETE", "/table/t", &[], "").await.is(200);
    host.send("DELETE", "/table/t", &[], "").await.says(404, "t is not found");
    host.send("POST", "/table/t/finish", &[], "").await.says(404, "t is not found");
    host.lines("t", "1\n").await.says(404, "t is not found");
    host.get("/table/t/last?interval=1s").await.says(404, "t is not found");
    assert_eq!(host.get("/table").await.json(), json!([]));
}
