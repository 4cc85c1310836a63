use super::*;

fn refused(value: &Value) -> String {
    Format::from_json(value).map(|_| panic!("{value} is accepted")).unwrap_err().to_string()
}

#[test]
fn a_format_needs_a_name_that_is_known() {
    for value in [json!({}), json!({"name": null}), json!({"schema": {}})] {
        assert_eq!(refused(&value), "format.name: is required");
    }
    for value in [json!("text"), json!([]), json!(null)] {
        assert!(refused(&value).starts_with("format: must be an object"));
    }
    assert!(refused(&json!({"name": 5})).contains("must be a text"));
    for name in ["gibberish", "blob", "stream", "json", "org.example.TextFormat", ""] {
        assert!(refused(&json!({"name": name})).contains(&format!("{name:?} is not a format")));
    }
}

#[test]
fn settings_must_be_flat() {
    for settings in [json!({"a": {"b": "c"}}), json!({"a": []}), json!([]), json!("delimiter=,"), json!(5)] {
        assert!(refused(&json!({"name": "csv", "settings": settings})).starts_with("format.settings: "));
    }
    let great = "x".repeat(limits::SETTINGS_BYTES);
    assert!(refused(&json!({"name": "text", "settings": {"a": great}})).contains("at most 65536 bytes"));
}

#[test]
fn an_unknown_charset_is_refused_and_named() {
    for name in ["text", "csv", "tsv"] {
        let message = refused(&json!({"name": name, "settings": {"charset": "no-such-charset"}}));
        assert_eq!(message, "format.settings.charset: \"no-such-charset\" is no known charset");
    }
}

#[test]
fn an_empty_delimiter_is_refused() {
    assert_eq!(refused(&json!({"name": "csv", "settings": {"delimiter": ""}})), "format.settings.delimiter: must not be empty");
}

#[test]
fn a_mapping_must_name_every_field_once() {
    let people = record(&[("name", "string"), ("age", "int?")]);
    let cases = [
        ("0:name", "lacks the field \"age\""),
        ("0:name,1:height", "\"height\" is no field"),
        ("0:name,1:age,2:extra", "\"extra\" is no field"),
        ("", "must be like"),
        ("name,age", "must be like"),
        ("x:name,1:age", "\"x\" is not the index"),
        ("+1:name,0:age", "\"+1\" is not the index"),
        ("-1:name,0:age", "\"-1\" is not the index"),
        ("99999999999:name,0:age", "is not the index"),
        ("0:name,1:age,2:age", "has the field \"age\" twice"),
        ("0:name,0:age", "has the index 0 twice"),
    ];
    for (mapping, wanted) in cases {
        let message = refused(&json!({"name": "csv", "schema": people, "settings": {"mapping": mapping}}));
        assert!(message.starts_with("format.settings.mapping: ") && message.contains(wanted), "{mapping}: {message}");
    }
    assert!(refused(&json!({"name": "csv", "settings": {"mapping": "0:body"}})).contains("cannot fill the array \"body\""));
}

/// Types by whether a format takes them: as its only field, and as one that is not the last.
fn takes(name: &str, kind: &Value) -> (bool, bool) {
    let field = json!({"name": "a", "type": kind});
    let accepts = |fields: Value| {
        let value = json!({"name": name, "schema": {"type": "record", "name": "top", "fields": fields}});
        Format::from_json(&value).inspect(|format| assert_eq!(format.to_json()["schema"], value["schema"])).is_ok()
    };
    (accepts(json!([field])), accepts(json!([field, {"name": "last", "type": "int"}])))
}

#[test]
fn each_format_takes_the_schemas_that_it_can_fill() {
    let simple = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"].map(|name| json!(name));
    for kind in &simple {
        for name in ["csv", "tsv", "clf", "grok", "syslog", "avro"] {
            assert_eq!(takes(name, kind), (true, true), "{name} {kind}");
            let nullable = *kind != json!("null");
            for union in [json!([kind, "null"]), json!(["null", kind])] {
                assert_eq!(takes(name, &union), (nullable, nullable), "{name} {union}");
            }
        }
        assert_eq!(takes("text", kind), (*kind == json!("string"), false));
        assert_eq!(takes("text", &json!([kind, "null"])), (false, false));
    }
    let text = json!({"type": "array", "items": "string"});
    let nullable_texts = json!({"type": "array", "items": ["string", "null"]});
    for array in [&text, &nullable_texts, &json!([text, "null"]), &json!(["null", nullable_texts])] {
        for name in ["csv", "tsv", "grok", "syslog"] {
            assert_eq!(takes(name, array), (true, false), "{name} {array}");
        }
        assert_eq!((takes("clf", array), takes("text", array), takes("avro", array)), ((false, false), (false, false), (true, true)));
    }
    let only_avro = [
        json!({"type": "array", "items": "int"}),
        json!({"type": "map", "keys": "string", "values": "string"}),
        json!({"type": "map", "keys": "int", "values": "string"}),
        json!({"type": "record", "name": "inner", "fields": [{"name": "x", "type": "int"}]}),
        json!({"type": "enum", "name": "named", "symbols": ["A", "B"]}),
        json!(["int", "string", "null"]),
        json!(["int", "string"]),
        json!(["int"]),
        json!(["top", "null"]),
    ];
    for kind in &only_avro {
        for name in ["csv", "tsv", "clf", "grok", "syslog", "text"] {
            assert_eq!(takes(name, kind), (false, false), "{name} {kind}");
        }
        assert_eq!(takes("avro", kind), (true, true), "{kind}");
    }
}

#[test]
fn avro_refuses_what_is_no_schema_of_avro() {
    let inner = json!({"type": "record", "name": "inner", "fields": [{"name": "x", "type": "int"}]});
    let cases = [
        json!(["string", "string"]),
        json!(["int", ["string", "null"]]),
        json!([{"type": "array", "items": "int"}, {"type": "array", "items": "string"}]),
        json!([inner, "inner"]),
        json!({"type": "enum", "symbols": ["A"]}),
        json!({"type": "enum", "name": "e", "symbols": ["A B"]}),
        json!({"type": "record", "name": "in-ner", "fields": [{"name": "x", "type": "int"}]}),
        json!({"type": "record", "name": "int", "fields": [{"name": "x", "type": "int"}]}),
        json!({"type": "record", "name": "inner", "fields": [{"name": "x y", "type": "int"}]}),
    ];
    for kind in cases {
        let message =
            refused(&json!({"name": "avro", "schema": {"type": "record", "name": "top", "fields": [{"name": "a", "type": kind}]}}));
        assert!(message.starts_with("format.schema: is no schema of Avro: "), "{kind}: {message}");
    }
    for value in [json!({"name": "avro"}), json!({"name": "avro", "schema": null})] {
        assert_eq!(refused(&value), "format.schema: is required for the format avro");
    }
}

#[test]
fn a_refusal_repeats_no_more_of_a_long_name_than_one_can_read() {
    assert!(refused(&json!({"name": "g".repeat(100_000)})).len() < 500);
    assert!(!refused(&json!({"name": "a\nb"})).contains('\n'));
}
