use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(value: &Value) -> Result<Schema, String> {
    Schema::from_json(value).map_err(|mistake| mistake.to_string())
}

fn one_field(kind: &Value) -> Value {
    json!({"type": "record", "name": "r", "fields": [{"name": "a", "type": kind}]})
}

#[test]
fn a_schema_is_printed_in_its_fixed_order_and_without_what_is_unknown() {
    let sent = json!({
        "fields": [
            {"doc": "x", "type": {"items": "STRING", "type": "Array"}, "name": "tags"},
            {"name": "m", "type": {"type": "map", "values": ["null", "int"], "keys": "string"}},
            {"name": "e", "type": {"type": "enum", "symbols": ["A", "B"]}},
            {"name": "inner", "type": {"type": "record", "name": "point", "fields": [{"name": "x", "type": {"type": "Int"}}]}},
            {"name": "again", "type": ["point", "null"]},
            {"name": "self", "type": ["r", "null"]},
        ],
        "namespace": "ignored", "name": "r", "type": "record",
    });
    let printed = read(&sent).unwrap().to_json().to_string();
    let wanted = concat!(
        r#"{"type":"record","name":"r","fields":[{"name":"tags","type":{"type":"array","items":"string"}},"#,
        r#"{"name":"m","type":{"type":"map","keys":"string","values":["null","int"]}},"#,
        r#"{"name":"e","type":{"type":"enum","symbols":["A","B"]}},"#,
        r#"{"name":"inner","type":{"type":"record","name":"point","fields":[{"name":"x","type":"int"}]}},"#,
        r#"{"name":"again","type":["point","null"]},{"name":"self","type":["r","null"]}]}"#
    );
    assert_eq!(printed, wanted);
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    let cases = [
        (json!("string"), ": must be a record"),
        (json!(5), "must be a type, not a number"),
        (json!({"type": "array", "items": "string"}), "must be a record"),
        (json!({"type": "record", "name": "r", "fields": []}), ".fields: must not be empty"),
        (json!({"type": "record", "name": "r"}), ".fields: is required"),
        (json!({"type": "record", "fields": [{"name": "a", "type": "int"}]}), ".name: is required"),
        (json!({"type": "record", "name": "r", "fields": {"a": "int"}}), ".fields: must be an array"),
        (json!({"type": "record", "name": "r", "fields": [{"type": "int"}]}), ".fields[0].name: is required"),
        (json!({"type": "record", "name": "r", "fields": [{"name": "a"}]}), ".fields[0].type: is required"),
        (json!({"type": "record", "name": "r", "fields": ["a"]}), ".fields[0]: must be an object"),
        (one_field(&json!("integer")), ".fields[0].type: \"integer\" is no type"),
        (one_field(&json!([])), ".fields[0].type: a union must have"),
        (one_field(&json!(["int", "later"])), ".fields[0].type[1]: \"later\" is no type"),
        (one_field(&json!({"type": "map", "values": "string"})), ".fields[0].type.keys: is required"),
        (one_field(&json!({"type": "array"})), ".fields[0].type.items: is required"),
        (one_field(&json!({"type": "enum", "symbols": []})), ".fields[0].type.symbols: must not be empty"),
        (one_field(&json!({"type": "enum", "symbols": ["A", "A"]})), "more than one symbol \"A\""),
        (one_field(&json!({"type": "fixed", "name": "f", "size": 3})), ".fields[0].type.type: \"fixed\" is no type"),
        (one_field(&json!({"type": "record", "name": "r", "fields": [{"name": "a", "type": "int"}]})), "already defined"),
        (
            json!({"type": "record", "name": "r", "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}),
            "more than one field",
        ),
    ];
    for (schema, wanted) in cases {
        let mistake = read(&schema).unwrap_err();
        assert!(mistake.contains(wanted.trim_start_matches(": ")), "{schema} is refused with: {mistake}");
    }
}

#[test]
fn a_schema_that_is_nested_too_deeply_or_too_great_is_refused() {
    let mut deep = json!("int");
    for _ in 0..100 {
        deep = json!({"type": "array", "items": deep});
    }
    assert!(read(&one_field(&deep)).unwrap_err().contains("nested at most"));
    let fields: Vec<_> = (0..=limits::SCHEMA_TYPES).map(|i| json!({"name": format!("f{i}"), "type": "int"})).collect();
    assert!(read(&json!({"type": "record", "name": "r", "fields": fields})).unwrap_err().contains("at most 5000 types"));
    let long = "n".repeat(limits::SCHEMA_NAME_BYTES + 1);
    assert!(read(&json!({"type": "record", "name": long, "fields": [{"name": "a", "type": "int"}]})).unwrap_err().contains("longer"));
}

#[test]
fn a_union_of_a_type_and_null_is_that_type_nullable() {
    let kind = |kind: &Value| read(&one_field(kind)).unwrap().fields()[0].kind.clone();
    let int = Type::Simple(Simple::Int);
    assert_eq!(kind(&json!(["int", "null"])).nullable(), (&int, true));
    assert_eq!(kind(&json!(["null", "int"])).nullable(), (&int, true));
    assert_eq!(kind(&json!("int")).nullable(), (&int, false));
    for other in [json!(["int"]), json!(["null", "null"]), json!(["int", "string"]), json!(["int", "string", "null"])] {
        let kind = kind(&other);
        assert_eq!(kind.nullable(), (&kind, false), "{other}");
    }
}

fn any_type() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        proptest::sample::select(&Simple::ALL[..]).prop_map(Type::Simple),
        Just(Type::Named("top".to_owned())),
        proptest::collection::btree_set("[A-Z]{1,3}", 1..4)
            .prop_map(|symbols| Type::Enum { name: None, symbols: symbols.into_iter().collect() }),
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| Type::Array(Box::new(items))),
            (inner.clone(), inner.clone()).prop_map(|(keys, values)| Type::Map(Box::new(keys), Box::new(values))),
            proptest::collection::vec(inner, 1..4).prop_map(Type::Union),
        ]
    })
}

proptest! {
    #[test]
    fn reading_a_printed_schema_gives_an_equal_one(kinds in proptest::collection::vec(any_type(), 1..5)) {
        let fields = kinds.into_iter().enumerate().map(|(i, kind)| Field { name: format!("f {i}"), kind }).collect();
        let schema = Schema(Record { name: "top".to_owned(), fields });
        let printed = schema.to_json();
        let read = Schema::from_json(&printed).unwrap();
        prop_assert_eq!(&read, &schema);
        prop_assert_eq!(read.to_json().to_string(), printed.to_string());
    }

    #[test]
    fn no_text_of_json_breaks_the_reading_of_a_schema(text in r#"[\[{]("(type|name|fields|record|array|items|int|null|a)"|[\[\]{}:,]){0,30}"#) {
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            let _ = Schema::from_json(&value);
        }
    }
}
