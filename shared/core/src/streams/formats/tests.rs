use serde_json::{Value, json};

use super::*;

mod refusals;

fn format(value: &Value) -> Format {
    Format::from_json(value).unwrap_or_else(|error| panic!("{value}: {error}"))
}

/// A record of these fields; a type that ends in `?` is nullable.
fn record(fields: &[(&str, &str)]) -> Value {
    let field = |(name, kind): &(&str, &str)| match kind.strip_suffix('?') {
        Some(kind) => json!({"name": name, "type": [kind, "null"]}),
        None => json!({"name": name, "type": kind}),
    };
    json!({"type": "record", "name": "r", "fields": fields.iter().map(field).collect::<Vec<_>>()})
}

fn try_read(format: &Format, body: &[u8]) -> Result<String, String> {
    let mut out = b"before".to_vec();
    let read = format.reader().read(body, &|_| None, &mut out);
    let text = String::from_utf8(out).unwrap();
    let text = text.strip_prefix("before").unwrap();
    match read {
        Ok(()) => Ok(text.to_owned()),
        Err(misfit) => {
            assert_eq!(text, "", "what an error leaves behind");
            let misfit = misfit.to_string();
            assert!(!misfit.contains('\n'), "{misfit}");
            Err(misfit)
        }
    }
}

fn read(value: &Value, body: impl AsRef<[u8]>) -> Value {
    let text = try_read(&format(value), body.as_ref()).unwrap_or_else(|misfit| panic!("{value}: {misfit}"));
    serde_json::from_str(&text).unwrap()
}

fn misfit(value: &Value, body: impl AsRef<[u8]>) -> String {
    try_read(&format(value), body.as_ref()).expect_err("a misfit")
}

#[test]
fn the_default_format_is_text() {
    assert_eq!(Format::default(), format(&json!({"name": "text"})));
    assert_eq!(
        Format::default().to_json().to_string(),
        r#"{"name":"text","schema":{"type":"record","name":"stringBody","fields":[{"name":"body","type":"string"}]},"settings":{}}"#
    );
}

#[test]
fn a_format_that_is_reported_reads_as_itself() {
    let people = record(&[("name", "string"), ("age", "int?")]);
    let sent = [
        json!({"name": "Text", "settings": {"n": 1, "b": true, "r": 1.5, "s": "x", "none": null}}),
        json!({"name": "csv", "schema": people, "settings": {"mapping": "1:age,0:name", "delimiter": "::"}}),
        json!({"name": "TSV", "schema": null, "settings": null}),
        json!({"name": "clf"}),
        json!({"name": "grok", "schema": people, "settings": {"pattern": "%{USER:name}"}}),
        json!({"name": "syslog"}),
        json!({"name": "avro", "schema": people}),
    ];
    for sent in sent {
        let first = format(&sent);
        assert_eq!(first.name(), sent["name"]);
        let reported = first.to_json();
        assert_eq!(reported.as_object().unwrap().keys().collect::<Vec<_>>(), ["name", "schema", "settings"]);
        assert_eq!(format(&reported), first);
        assert_eq!(format(&reported).to_json().to_string(), reported.to_string());
    }
    assert_eq!(
        format(&json!({"name": "text", "settings": {"n": 1, "b": true, "none": null}})).to_json()["settings"],
        json!({"n": "1", "b": "true"})
    );
}

#[test]
fn default_schemas_are_reported_in_full() {
    let schema = |name: &str| format(&json!({"name": name})).to_json()["schema"].clone();
    let lines =
        json!({"type": "record", "name": "streamEvent", "fields": [{"name": "body", "type": {"type": "array", "items": "string"}}]});
    assert_eq!(schema("csv"), lines);
    assert_eq!(schema("tsv"), lines);
    let fields = |name: &str| schema(name)["fields"].as_array().unwrap().clone();
    let nullable = |name: &str, kind: &str| json!({"name": name, "type": [kind, "null"]});
    assert_eq!(fields("grok"), [nullable("body", "string")]);
    assert_eq!(fields("syslog"), ["timestamp", "logsource", "program", "message", "pid"].map(|name| nullable(name, "string")));
    assert_eq!(
        fields("clf"),
        [
            nullable("remote_host", "string"),
            nullable("remote_login", "string"),
            nullable("auth_user", "string"),
            nullable("request_time", "string"),
            nullable("request", "string"),
            nullable("status", "int"),
            nullable("content_length", "int"),
            nullable("referrer", "string"),
            nullable("user_agent", "string"),
        ]
    );
}

#[test]
fn text_takes_the_whole_body_in_its_charset() {
    assert_eq!(read(&json!({"name": "text"}), b"caf\xC3\xA9\n\"x\""), json!({"body": "café\n\"x\""}));
    let latin = json!({"name": "text", "schema": record(&[("line", "string")]), "settings": {"charset": "ISO-8859-1"}});
    assert_eq!(read(&latin, b"caf\xE9"), json!({"line": "café"}));
}

#[test]
fn bytes_that_are_no_text_become_replacement_characters() {
    assert_eq!(read(&json!({"name": "text"}), b"a\xFF\xC3b"), json!({"body": "a\u{FFFD}\u{FFFD}b"}));
}

#[test]
fn values_between_delimiters_are_an_array_by_default() {
    assert_eq!(read(&json!({"name": "csv"}), "userX,actionY,itemZ"), json!({"body": ["userX", "actionY", "itemZ"]}));
    assert_eq!(read(&json!({"name": "tsv"}), "userX\tactionY\titemZ"), json!({"body": ["userX", "actionY", "itemZ"]}));
    let blank = json!({"name": "csv", "settings": {"delimiter": " "}});
    assert_eq!(read(&blank, "userX actionY itemZ"), json!({"body": ["userX", "actionY", "itemZ"]}));
    let regex_like = json!({"name": "csv", "settings": {"delimiter": ".*"}});
    assert_eq!(read(&regex_like, "a.*b,c"), json!({"body": ["a", "b,c"]}));
}

#[test]
fn delimiters_always_give_one_value_more_and_quotes_stay() {
    let csv = json!({"name": "csv"});
    assert_eq!(read(&csv, r#"a,"b,c""#), json!({"body": ["a", "\"b", "c\""]}));
    assert_eq!(read(&csv, ""), json!({"body": [""]}));
    assert_eq!(read(&csv, ",, "), json!({"body": ["", "", " "]}));
}

/// One field of every simple type that may be null, and an array of what remains.
fn typed() -> Value {
    let mut schema =
        record(&[("f1", "boolean?"), ("f2", "int?"), ("f3", "float?"), ("f4", "double?"), ("f5", "bytes?"), ("f6", "string?")]);
    schema["fields"].as_array_mut().unwrap().push(json!({"name": "f7", "type": {"type": "array", "items": "string"}}));
    json!({"name": "csv", "schema": schema})
}

#[test]
fn values_are_read_as_their_types() {
    let body = r"false,2147483647,3.4028235E38,1.7976931348623157E308,\x00\x01\x02,foo bar,extra1,extra2,extra3";
    let text = try_read(&format(&typed()), body.as_bytes()).unwrap();
    let wanted = concat!(
        r#"{"f1":false,"f2":2147483647,"f3":3.4028235e38,"f4":1.7976931348623157e308,"#,
        r#""f5":"\\x00\\x01\\x02","f6":"foo bar","f7":["extra1","extra2","extra3"]}"#
    );
    assert_eq!(text.replace("e+", "e"), wanted);
    let body = "true,,3.25159,,,hello world,extra1";
    let wanted = json!({"f1": true, "f2": null, "f3": 3.25159, "f4": null, "f5": null, "f6": "hello world", "f7": ["extra1"]});
    assert_eq!(read(&typed(), body), wanted);
    assert_eq!(read(&typed(), "1"), json!({"f1": false, "f2": null, "f3": null, "f4": null, "f5": null, "f6": null, "f7": []}));
}

#[test]
fn an_empty_value_is_null_except_for_a_plain_string() {
    let csv = |kind: &str| json!({"name": "csv", "schema": record(&[("a", kind), ("b", "string?")])});
    assert_eq!(read(&csv("string"), ",x"), json!({"a": "", "b": "x"}));
    assert_eq!(read(&csv("string?"), ",x"), json!({"a": null, "b": "x"}));
    assert_eq!(read(&csv("int?"), ",x"), json!({"a": null, "b": "x"}));
    assert_eq!(read(&csv("null"), "anything"), json!({"a": null, "b": null}));
    assert_eq!(misfit(&csv("int"), ",x"), "a: has no value, and may not be null");
    let items = json!({"type": "array", "items": ["string", "null"]});
    let nullable_items = json!({"name": "csv", "schema": {"type": "record", "name": "r", "fields": [{"name": "a", "type": items}]}});
    assert_eq!(read(&nullable_items, "x,,y"), json!({"a": ["x", null, "y"]}));
}

#[test]
fn too_many_values_are_ignored_and_too_few_are_null_or_a_misfit() {
    let csv = json!({"name": "csv", "schema": record(&[("a", "int"), ("b", "string?")])});
    assert_eq!(read(&csv, "1,x,2,3"), json!({"a": 1, "b": "x"}));
    assert_eq!(read(&csv, "1"), json!({"a": 1, "b": null}));
    let csv = json!({"name": "csv", "schema": record(&[("a", "int"), ("b", "string")])});
    assert_eq!(misfit(&csv, "1"), "b: has no value, and may not be null");
}

#[test]
fn a_value_that_is_none_of_its_type_is_a_misfit_that_names_it() {
    let csv = |kind: &str| json!({"name": "csv", "schema": record(&[("n", kind)])});
    for (kind, body) in
        [("int", "x\ny"), ("int", " 1"), ("int", "2147483648"), ("int?", "1.0"), ("long", "9223372036854775808"), ("double", "1_0")]
    {
        let kind_name = kind.trim_end_matches('?');
        assert_eq!(misfit(&csv(kind), body), format!("n: {body:?} is no {kind_name}"));
    }
    for (kind, body, wanted) in
        [("long", "+9223372036854775807", json!(i64::MAX)), ("double", " NaN", json!("NaN")), ("float", "1e99", json!("Infinity"))]
    {
        assert_eq!(read(&csv(kind), body), json!({"n": wanted}));
    }
    assert_eq!(read(&csv("boolean"), "yes"), json!({"n": false}));
    assert_eq!(read(&csv("boolean"), "TRUE"), json!({"n": true}));
    assert!(misfit(&csv("int"), "9".repeat(100_000)).len() < 500);
}

#[test]
fn a_mapping_says_which_value_is_whose() {
    let sparse = json!({"name": "csv", "schema": record(&[("f3", "float?"), ("f4", "double?")]), "settings": {"mapping": "2:f3,3:f4"}});
    assert_eq!(read(&sparse, "false,7,1.5,2.5,x"), json!({"f3": 1.5, "f4": 2.5}));
    let people = json!({"name": "csv", "schema": record(&[("name", "string"), ("age", "int?")]), "settings": {"mapping": "1:age,0:name"}});
    assert_eq!(read(&people, "foo,123,82"), json!({"name": "foo", "age": 123}));
    assert_eq!(read(&people, "foo"), json!({"name": "foo", "age": null}));
    let far = json!({"name": "csv", "schema": record(&[("a", "int?"), ("b", "string")]), "settings": {"mapping": "4294967295:a,1:b"}});
    assert_eq!(read(&far, "x,y"), json!({"a": null, "b": "y"}));
}

#[test]
fn values_are_cut_after_decoding() {
    let wide = json!({"name": "csv", "settings": {"charset": "UTF-16LE"}});
    assert_eq!(read(&wide, b"a\x00,\x00b\x00"), json!({"body": ["a", "b"]}));
}

#[test]
fn a_combined_log_line_is_read_token_by_token() {
    let clf = json!({"name": "clf"});
    let line = r#"10.10.10.10 - - [01/Feb/2015:09:58:24 +0000] "-" 408 - "-" "-""#;
    let wanted = json!({
        "remote_host": "10.10.10.10", "remote_login": null, "auth_user": null, "request_time": "01/Feb/2015:09:58:24 +0000",
        "request": null, "status": 408, "content_length": null, "referrer": null, "user_agent": null,
    });
    assert_eq!(read(&clf, line), wanted);
    let line = concat!(
        r#"10.10.10.10 - - [01/Feb/2015:06:47:10 +0000] "GET /browse/X HTTP/1.1" 301 256 "-" "#,
        r#""Mozilla/5.0 (compatible; AhrefsBot/5.0; +http://ahrefs.com/robot/)" surplus"#
    );
    let found = read(&clf, line);
    assert_eq!(
        (&found["request"], &found["status"], &found["content_length"]),
        (&json!("GET /browse/X HTTP/1.1"), &json!(301), &json!(256))
    );
    assert_eq!(found["referrer"], json!(null));
    assert_eq!(found["user_agent"], json!("Mozilla/5.0 (compatible; AhrefsBot/5.0; +http://ahrefs.com/robot/)"));
    let line = r#"h - - [t] "r" 200 1 "-" "\"Mozilla/5.0 (X)\"""#;
    assert_eq!(read(&clf, line)["user_agent"], json!(r#"\"Mozilla/5.0 (X)\""#));
}

#[test]
fn a_token_that_does_not_end_is_a_misfit() {
    let clf = json!({"name": "clf"});
    assert!(misfit(&clf, "10.10.10.10[01/Feb/2015:06:47:10 +0000").starts_with("remote_login: "));
    assert!(misfit(&clf, r#"h - - [t] "r"#).starts_with("request: "));
    assert!(misfit(&clf, r#"h - - [t] "r" 200 17"#).starts_with("content_length: "));
    assert_eq!(read(&clf, r#"h - - [t] "r" 200 17 "#)["content_length"], json!(17));
    assert_eq!(read(&clf, "")["remote_host"], json!(null));
}

#[test]
fn a_dash_stays_in_a_plain_string() {
    let clf = json!({"name": "clf", "schema": record(&[("host", "string"), ("login", "string?"), ("n", "int")])});
    assert_eq!(read(&clf, "- - 5 "), json!({"host": "-", "login": null, "n": 5}));
    assert_eq!(misfit(&clf, "- - - "), "n: has no value, and may not be null");
}

#[test]
fn a_reader_is_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>(_: &T) {}
    shared(&Format::default().reader());
}
