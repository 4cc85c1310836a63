//! Schemas: which ones are read, and what the bytes of their datums are.

use super::*;
use crate::streams::ingest::avro::DatumError;

fn field(name: &str, kind: &str) -> String {
    format!(r#"{{"name": "{name}", "type": {kind}}}"#)
}

fn record(name: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, kind)| field(name, kind)).collect();
    format!(r#"{{"type": "record", "name": "{name}", "fields": [{}]}}"#, fields.join(", "))
}

/// Whether these bytes are one datum of the schema.
fn is_datum(schema: &str, bytes: &[u8]) -> bool {
    let (datums, result) = read(&file(schema, 1, bytes));
    if let Err(AvroError { problem: AvroProblem::Schema(error), .. }) = &result {
        panic!("{error}: {schema}");
    }
    result.is_ok() && datums == [bytes]
}

#[test]
fn names_are_found_as_the_specification_says() {
    let pair = |namespace: &str, reference: &str| {
        format!(
            r#"{{"type": "record", "name": "outer", {namespace} "fields": [
                {{"name": "a", "type": {{"type": "fixed", "name": "inner", "size": 2}}}}, {{"name": "b", "type": "{reference}"}}]}}"#
        )
    };
    for (namespace, reference) in [
        ("", "inner"),
        (r#""namespace": "x.y","#, "inner"),
        (r#""namespace": "x.y","#, "x.y.inner"),
        (r#""namespace": "","#, "inner"),
        (r#""namespace": "x","#, "x.inner"),
    ] {
        assert!(is_datum(&pair(namespace, reference), b"abcd"), "{namespace} {reference}");
    }
    for (namespace, reference) in [("", "x.inner"), (r#""namespace": "x.y","#, "y.inner"), ("", "other")] {
        assert!(matches!(problem(&file(&pair(namespace, reference), 1, b"abcd")), AvroProblem::Schema(_)), "{namespace} {reference}");
    }
}

#[test]
fn dots_in_a_name_give_the_namespace_of_what_is_inside() {
    let schema = r#"{"type": "record", "name": "p.q.outer", "namespace": "ignored", "fields": [
        {"name": "a", "type": {"type": "fixed", "name": "inner", "size": 1}},
        {"name": "b", "type": "p.q.inner"},
        {"name": "c", "type": {"type": "fixed", "name": "inner", "namespace": "other", "size": 2}},
        {"name": "d", "type": "inner"},
        {"name": "e", "type": "other.inner"}]}"#;
    assert!(is_datum(schema, &[0; 1 + 1 + 2 + 1 + 2]));
}

#[test]
fn a_name_without_a_namespace_is_found_from_inside_one() {
    let schema = r#"["null", {"type": "fixed", "name": "bare", "size": 3},
        {"type": "record", "name": "x.r", "fields": [{"name": "a", "type": "bare"}]}]"#;
    assert!(is_datum(schema, b"\x04abc"));
}

#[test]
fn an_alias_is_no_name_of_the_writer() {
    let schema = r#"[{"type": "fixed", "name": "a", "aliases": ["b"], "size": 3}, {"type": "array", "items": "b"}]"#;
    assert_eq!(
        read(&file(schema, 0, b"")).1.unwrap_err().to_string(),
        "the Avro file cannot be read at byte 35: avro.schema: the type \"b\" is not defined before its use"
    );
}

#[test]
fn every_type_has_its_bytes() {
    for (schema, bytes) in [
        (r#""null""#, &b""[..]),
        (r#""boolean""#, b"\x01"),
        (r#""int""#, b"\xff\xff\xff\xff\x0f"),
        (r#""long""#, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        (r#""float""#, b"abcd"),
        (r#""double""#, b"abcdefgh"),
        (r#""bytes""#, b"\x06abc"),
        (r#""string""#, b"\x06\xff\xfe\xfd"),
        (r#"{"type": "string", "avro.java.string": "String"}"#, b"\x06abc"),
        (r#"{"type": {"type": "string"}}"#, b"\x06abc"),
        (r#"{"type": "bytes", "logicalType": "decimal", "precision": 4}"#, b"\x06abc"),
        (r#"{"type": "fixed", "name": "f", "size": 0}"#, b""),
        (r#"{"type": "enum", "name": "e", "symbols": ["A", "B"]}"#, b"\x02"),
        (r#"{"type": "error", "name": "e", "fields": [{"name": "f", "type": "int"}]}"#, b"\x02"),
        (r#"["null", "string"]"#, b"\x00"),
        (r#"["null", "string"]"#, b"\x02\x06abc"),
        (r#"{"type": "array", "items": "string"}"#, b"\x00"),
        (r#"{"type": "array", "items": "string"}"#, b"\x04\x02a\x02b\x02\x02c\x00"),
        (r#"{"type": "array", "items": "float"}"#, b"\x04abcdefgh\x02abcd\x00"),
        (r#"{"type": "array", "items": "null"}"#, b"\x90\x4e\x00"),
        (r#"{"type": "map", "values": "int"}"#, b"\x04\x02a\x02\x02b\x02\x00"),
        (r#"{"type": "map", "values": "null"}"#, b"\x04\x02a\x02b\x00"),
        // Blocks that begin with a negative count also say how long they are.
        (r#"{"type": "array", "items": "string"}"#, b"\x03\x08\x02a\x02b\x02\x02c\x01\x04\x02d\x00"),
        (r#"{"type": "map", "values": "int"}"#, b"\x03\x0c\x02a\x02\x02b\x02\x00"),
        (r#"{"type": "array", "items": "null"}"#, b"\x05\x00\x00"),
    ] {
        assert!(is_datum(schema, bytes), "{schema} {bytes:x?}");
    }
}

#[test]
fn records_are_their_fields() {
    let inner = record("inner", &[("n", r#""null""#), ("only", r#""string""#)]);
    let wide = record("wide", &[("a", r#""float""#), ("b", r#""null""#), ("c", &inner), ("d", r#""boolean""#), ("e", r#""double""#)]);
    assert!(is_datum(&wide, b"abcd\x04xy\x01abcdefgh"));
    assert!(is_datum(&record("fixed", &[("a", r#""float""#), ("b", r#""double""#)]), &[7; 12]));
    assert!(is_datum(&record("empty", &[("a", r#""null""#), ("b", &record("none", &[]))]), b""));
}

#[test]
fn a_type_may_contain_itself() {
    let list = record("list", &[("value", r#""int""#), ("next", r#"["null", "list"]"#)]);
    assert!(is_datum(&list, b"\x02\x02\x04\x02\x06\x00"));
    // Each of these records is only its one field, whatever that will turn out to be.
    let nested = record("a", &[("only", &format!(r#"["null", {}]"#, record("b", &[("only", r#""a""#)])))]);
    assert!(is_datum(&nested, b"\x02\x02\x02\x00"));
    let array = record("tree", &[("branches", r#"{"type": "array", "items": "tree"}"#)]);
    assert!(is_datum(&array, b"\x04\x00\x02\x00\x00\x00"));
    let map = record("m", &[("only", &record("n", &[("only", r#"{"type": "map", "values": "n"}"#)]))]);
    assert!(is_datum(&map, b"\x02\x02k\x00\x00"));
}

#[test]
fn what_contains_itself_without_an_end_has_no_datums() {
    let endless = record("a", &[("only", &record("b", &[("only", r#""a""#)]))]);
    let branching = record("c", &[("x", r#""c""#), ("y", r#""c""#)]);
    for schema in [endless, branching] {
        assert_eq!(datums(&file(&schema, 0, b"")), [""; 0]);
        let problem = problem(&file(&schema, 1, &[0; 100]));
        assert!(matches!(problem, AvroProblem::Datum { number: 1, error: DatumError::Nesting }), "{problem}");
    }
}

#[test]
fn what_is_no_schema_is_refused() {
    for (schema, part) in [
        ("", "not JSON"),
        ("nonsense", "not JSON"),
        ("7", "7 stands where a type should"),
        ("{}", r#"no "type""#),
        (r#""strin""#, r#""strin" is not defined"#),
        (r#"{"type": "record", "name": "r"}"#, "fields"),
        (r#"{"type": "record", "fields": []}"#, "name"),
        (r#"{"type": "record", "name": "", "fields": []}"#, "name"),
        (r#"{"type": "record", "name": "r", "fields": [{"name": "f"}]}"#, "type"),
        (r#"{"type": "record", "name": "r", "fields": ["f"]}"#, r#"field of "r""#),
        (r#"{"type": "record", "name": "r", "fields": [{"type": "int"}]}"#, "name"),
        (r#"{"type": "array"}"#, "items"),
        (r#"{"type": "map"}"#, "values"),
        (r#"{"type": "enum", "name": "e"}"#, "symbols"),
        (r#"{"type": "fixed", "name": "f", "size": -1}"#, "size"),
        (r#"{"type": "fixed", "name": "f"}"#, "size"),
        (r#"[["null"]]"#, "union"),
        (r#"[{"type": "fixed", "name": "f", "size": 1}, {"type": "fixed", "name": "f", "size": 1}]"#, "twice"),
    ] {
        let problem = problem(&file(schema, 1, b"")).to_string();
        assert!(problem.starts_with("avro.schema: ") && problem.contains(part), "{problem}");
    }
}
