use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::streams::formats::Format;

/// A datum, as it is built.
#[derive(Default, Clone)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn long(mut self, value: i64) -> Self {
        let mut zigzag = (value << 1 ^ value >> 63).cast_unsigned();
        while zigzag >= 0x80 {
            self.0.push((zigzag & 0x7F) as u8 | 0x80);
            zigzag >>= 7;
        }
        self.0.push(zigzag as u8);
        self
    }

    fn text(self, text: &str) -> Self {
        self.long(text.len() as i64).raw(text.as_bytes())
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

fn datum() -> Bytes {
    Bytes::default()
}

fn record(name: &str, fields: &[(&str, Value)]) -> Value {
    let fields: Vec<_> = fields.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect();
    json!({"type": "record", "name": name, "fields": fields})
}

fn format(schema: &Value) -> Format {
    Format::from_json(&json!({"name": "avro", "schema": schema})).unwrap_or_else(|error| panic!("{error}"))
}

fn read_with(format: &Format, writer: Option<&str>, body: &[u8]) -> Result<String, String> {
    let header = |name: &str| if name == "schema" { writer } else { None };
    let mut out = b"before".to_vec();
    let read = format.reader().read(body, &header, &mut out);
    let text = String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned();
    if read.is_err() {
        assert_eq!(text, "", "what an error leaves behind");
    }
    read.map(|()| text).map_err(|misfit| misfit.to_string())
}

fn read(schema: &Value, writer: Option<&Value>, body: &Bytes) -> Result<Value, String> {
    let writer = writer.map(ToString::to_string);
    let text = read_with(&format(schema), writer.as_deref(), &body.0)?;
    Ok(serde_json::from_str(&text).unwrap())
}

#[test]
fn an_event_is_read_by_the_schema_that_it_was_written_in() {
    let reader = record("user", &[("name", json!("string"))]);
    let writer = record("person", &[("id", json!("int")), ("name", json!(["string", "null"]))]);
    assert_eq!(read(&reader, Some(&writer), &datum().long(1).long(0).text("value")), Ok(json!({"name": "value"})));
    assert_eq!(
        read(&reader, Some(&writer), &datum().long(1).long(1)),
        Err("name: was written as null, which cannot be read as string".to_owned())
    );
}

#[test]
fn an_event_without_headers_is_written_in_the_schema_of_its_format() {
    let schema = record("user", &[("name", json!("string")), ("age", json!("int"))]);
    assert_eq!(read(&schema, None, &datum().text("jo").long(-7)), Ok(json!({"name": "jo", "age": -7})));
}

#[test]
fn every_type_has_its_value() {
    let schema = record(
        "all",
        &[
            ("nothing", json!("null")),
            ("yes", json!("boolean")),
            ("int", json!("int")),
            ("long", json!("long")),
            ("float", json!("float")),
            ("double", json!("double")),
            ("bytes", json!("bytes")),
            ("text", json!("string")),
            ("list", json!({"type": "array", "items": "int"})),
            ("map", json!({"type": "map", "keys": "string", "values": "string"})),
            ("unset", json!(["string", "null"])),
            ("set", json!(["null", "string"])),
            ("suit", json!({"type": "enum", "name": "suit", "symbols": ["HEARTS", "SPADES"]})),
            ("place", record("point", &[("x", json!("int"))])),
            ("again", json!(["point", "suit"])),
        ],
    );
    let body = datum().raw(&[1]).long(i64::from(i32::MIN)).long(i64::MAX);
    let body = body.raw(&3.25159_f32.to_le_bytes()).raw(&f64::MAX.to_le_bytes()).long(3).raw(b"\x00\xFF\\").text("é\"");
    // Two blocks, the second one with its size.
    let body = body.long(2).long(1).long(2).long(-1).long(1).long(3).long(0);
    let body = body.long(1).text("k").text("v").long(0).long(1).long(1).text("x").long(1).long(5).long(1).long(0);
    let wanted = json!({
        "nothing": null, "yes": true, "int": i32::MIN, "long": i64::MAX, "float": 3.25159, "double": f64::MAX, "bytes": "\\x00\\xFF\\",
        "text": "é\"", "list": [1, 2, 3], "map": {"k": "v"}, "unset": null, "set": "x", "suit": "SPADES", "place": {"x": 5}, "again": "HEARTS",
    });
    assert_eq!(read(&schema, None, &body), Ok(wanted));
}

#[test]
fn what_is_not_finite_becomes_a_string() {
    let schema = record("r", &[("a", json!("float")), ("b", json!("double")), ("c", json!("double"))]);
    let body = datum().raw(&f32::NAN.to_le_bytes()).raw(&f64::INFINITY.to_le_bytes()).raw(&f64::NEG_INFINITY.to_le_bytes());
    assert_eq!(read(&schema, None, &body), Ok(json!({"a": "NaN", "b": "Infinity", "c": "-Infinity"})));
}

#[test]
fn fields_are_matched_by_name_whatever_their_order() {
    let reader = record("r", &[("a", json!("string")), ("b", json!("int")), ("c", json!("boolean"))]);
    let skipped = json!([
        "null",
        {"type": "array", "items": {"type": "map", "values": "double"}},
        {"type": "enum", "name": "e", "symbols": ["X"]},
        {"type": "record", "name": "inner", "fields": [{"name": "f", "type": "float"}, {"name": "h", "type": {"type": "fixed", "name": "h", "size": 3}}]},
    ]);
    let writer =
        record("w", &[("c", json!("boolean")), ("skip", skipped), ("b", json!("int")), ("a", json!("string")), ("last", json!("e"))]);
    let wanted = json!({"a": "x", "b": 7, "c": true});
    let around = |middle: Bytes| datum().raw(&[1]).raw(&middle.0).long(7).text("x").long(0);
    assert_eq!(read(&reader, Some(&writer), &around(datum().long(0))), Ok(wanted.clone()));
    let maps = datum().long(1).long(2).long(1).text("k").raw(&[0; 8]).long(0).long(0).long(-5).long(3).raw(b"abc").long(0);
    assert_eq!(read(&reader, Some(&writer), &around(maps)), Ok(wanted.clone()));
    assert_eq!(read(&reader, Some(&writer), &around(datum().long(2).long(0))), Ok(wanted.clone()));
    assert_eq!(read(&reader, Some(&writer), &around(datum().long(3).raw(&[0; 7]))), Ok(wanted));
    let text = read_with(&format(&reader), Some(&writer.to_string()), &around(datum().long(0)).0).unwrap();
    assert_eq!(text, r#"{"a":"x","b":7,"c":true}"#);
}

#[test]
fn a_number_is_read_as_a_greater_one_but_not_as_a_lesser() {
    let one = |kind: &str| record("r", &[("n", json!(kind))]);
    let int = datum().long(3);
    let float = datum().raw(&0.5_f32.to_le_bytes());
    for (written, read_as, body, wanted) in [
        ("int", "long", &int, json!(3)),
        ("int", "float", &int, json!(3.0)),
        ("int", "double", &int, json!(3.0)),
        ("long", "float", &int, json!(3.0)),
        ("long", "double", &int, json!(3.0)),
        ("float", "double", &float, json!(0.5)),
        ("string", "bytes", &datum().text("é"), json!("\\xC3\\xA9")),
        ("bytes", "string", &datum().text("é"), json!("é")),
    ] {
        assert_eq!(read(&one(read_as), Some(&one(written)), body), Ok(json!({"n": wanted})), "{written} as {read_as}");
    }
    for (written, read_as) in
        [("long", "int"), ("double", "float"), ("float", "long"), ("int", "string"), ("boolean", "int"), ("null", "int")]
    {
        let refused = read(&one(read_as), Some(&one(written)), &int);
        assert_eq!(refused, Err(format!("n: was written as {written}, which cannot be read as {read_as}")));
    }
}

#[test]
fn a_value_takes_the_branch_of_its_type_or_the_first_that_it_can_be_read_as() {
    let reader = |kind: Value| record("r", &[("n", kind)]);
    let int = datum().long(3);
    assert_eq!(read(&reader(json!(["double", "int"])), Some(&reader(json!("int"))), &int), Ok(json!({"n": 3})));
    assert_eq!(read(&reader(json!(["null", "double"])), Some(&reader(json!("int"))), &int), Ok(json!({"n": 3.0})));
    assert!(read(&reader(json!(["null", "string"])), Some(&reader(json!("int"))), &int).unwrap_err().starts_with("n: int is none"));
    let a = record("space.a", &[("x", json!("int"))]);
    let b = record("b", &[("x", json!("int")), ("y", json!("int"))]);
    let writer = json!({"type": "record", "name": "b", "namespace": "other", "fields": [{"name": "x", "type": "int"}, {"name": "y", "type": "int"}]});
    assert_eq!(read(&reader(json!([a, b])), Some(&reader(writer)), &datum().long(1).long(2)), Ok(json!({"n": {"x": 1, "y": 2}})));
}

#[test]
fn a_field_that_was_not_written_is_a_misfit_even_if_it_may_be_null() {
    let reader = record("r", &[("a", json!("int")), ("b", json!(["null", "int"]))]);
    let refused = read(&reader, Some(&record("r", &[("a", json!("int"))])), &datum().long(1));
    assert_eq!(refused, Err("was written without the field \"b\"".to_owned()));
}

#[test]
fn a_map_whose_keys_are_not_strings_passes_but_cannot_be_read() {
    let schema = record("r", &[("m", json!({"type": "map", "keys": "int", "values": "int"}))]);
    assert_eq!(read(&schema, None, &datum().long(0)), Err("m: a map whose keys are not strings cannot be read".to_owned()));
}

#[test]
fn a_recursive_schema_reads_recursive_data() {
    let schema = record("list", &[("head", json!("int")), ("tail", json!(["null", "list"]))]);
    let body = datum().long(1).long(1).long(2).long(0);
    assert_eq!(read(&schema, None, &body), Ok(json!({"head": 1, "tail": {"head": 2, "tail": null}})));
}

#[test]
fn a_body_that_does_not_follow_its_schema_is_a_misfit() {
    let schema = record("r", &[("t", json!("string")), ("i", json!("int")), ("b", json!("boolean")), ("u", json!(["null", "int"]))]);
    let good = datum().text("x").long(1).raw(&[0]).long(0);
    assert!(read(&schema, None, &good).is_ok());
    let cases = [
        (datum(), "t: "),
        (datum().long(100).raw(b"short"), "t: breaks off"),
        (datum().long(-3), "t: has a negative length"),
        (datum().long(i64::MAX), "t: breaks off"),
        (datum().text("x").long(1 << 40), "i: 1099511627776 is no int"),
        (datum().text("x").raw(&[0xFF; 20]), "i: has a number that does not end"),
        (datum().text("x").long(1).raw(&[2]), "b: the byte 2 is no boolean"),
        (datum().text("x").long(1).raw(&[0]).long(2), "u: 2 is no branch"),
        (datum().text("x").long(1).raw(&[0]).long(-1), "u: -1 is no branch"),
        (good.raw(&[0]), "1 bytes are left"),
    ];
    for (body, wanted) in cases {
        let misfit = read(&schema, None, &body).unwrap_err();
        assert!(misfit.starts_with(wanted), "{misfit}");
    }
}

#[test]
fn a_schema_in_a_header_that_cannot_be_read_is_a_misfit_each_time() {
    let format = format(&record("r", &[("a", json!("int"))]));
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(100), "}".repeat(100));
    let long = "x".repeat(limits::AVRO_SCHEMA_BYTES + 1);
    let twice = r#"{"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#;
    for schema in
        ["", "{", "5", "[]x", "\"nothing\"", r#"{"type":"record"}"#, r#"{"type":"fixed","name":"f","size":-1}"#, &deep, &long, twice]
    {
        for _ in 0..2 {
            let misfit = read_with(&format, Some(schema), &[2]).unwrap_err();
            assert!(misfit.starts_with("the schema that it was written in"), "{schema}: {misfit}");
        }
    }
    // A schema may be a plain type, or one that no field of ours fits.
    assert!(read_with(&format, Some("\"int\""), &[2]).unwrap_err().contains("cannot be read as record"));
    assert!(read_with(&format, Some("[]"), &[0]).unwrap_err().contains("no branch"));
}

#[test]
fn many_writers_at_once_are_all_understood() {
    let format = format(&record("r", &[("a", json!("long"))]));
    let reader = format.reader();
    let writers: Vec<_> = (0..limits::AVRO_SCHEMAS * 3)
        .map(|i| {
            record(
                "r",
                &[
                    (if i % 2 == 0 { "a" } else { "z" }, json!("int")),
                    (if i % 2 == 0 { "z" } else { "a" }, json!("int")),
                    (&format!("f{i}"), json!("null")),
                ],
            )
            .to_string()
        })
        .collect();
    for _ in 0..3 {
        for (i, writer) in writers.iter().enumerate() {
            let mut out = Vec::new();
            reader.read(&[2, 4], &|_| Some(writer.as_str()), &mut out).unwrap();
            assert_eq!(out, if i % 2 == 0 { br#"{"a":1}"# } else { br#"{"a":2}"# });
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a hostile input takes is what is tested")]
fn within<T>(bound: Duration, what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    let taken = start.elapsed();
    assert!(taken < bound, "{what} took {taken:?}");
    done
}

#[test]
fn hostile_data_end_soon() {
    let soon = Duration::from_secs(10);
    let array_of = |kind: Value| record("r", &[("a", json!({"type": "array", "items": kind}))]);
    let refused = |what: &str, schema: &Value, writer: Option<&Value>, body: &Bytes| {
        within(soon, what, || read(schema, writer, body)).expect_err(what)
    };
    let endless = datum().long(1 << 60);
    for kind in [json!("null"), record("empty", &[("n", json!("null"))])] {
        assert!(refused("an array of 2^60 nulls", &array_of(kind.clone()), None, &endless).contains("too many values"));
        // The same where it is skipped, and where its size is said.
        let reader = record("r", &[("b", json!("int"))]);
        let writer = record("r", &[("a", json!({"type": "array", "items": kind})), ("b", json!("int"))]);
        assert!(refused("skipped nulls", &reader, Some(&writer), &endless).contains("too many values"));
        assert!(refused("a block of its own size", &array_of(kind), None, &datum().long(i64::MIN).long(0)).contains("too many values"));
    }
    assert!(
        refused("a long map", &record("r", &[("m", json!({"type": "map", "keys": "string", "values": "null"}))]), None, &endless)
            .contains("m: ")
    );
    assert!(refused("a long array", &array_of(json!("int")), None, &endless).contains("a: "));
    let forever = record("r", &[("a", json!("r"))]);
    assert!(refused("a record in itself", &forever, None, &datum()).contains("nested more than"));
    let nest = record("r", &[("a", json!({"type": "array", "items": "r"}))]);
    assert!(refused("arrays in arrays", &nest, None, &Bytes([2_u8; 100_000].to_vec())).contains("nested more than"));
    // Two of each in the one before: as many values as two to the number of records, and not one byte.
    let mut kind = json!("null");
    for i in 0..30 {
        kind = record(&format!("n{i}"), &[("x", kind), ("y", if i == 0 { json!("null") } else { json!(format!("n{}", i - 1)) })]);
    }
    assert!(refused("a doubling record", &record("r", &[("a", kind.clone())]), None, &datum()).contains("too many values"));
    let swapped = kind.to_string().replace("\"x\"", "\"t\"").replace("\"y\"", "\"x\"").replace("\"t\"", "\"y\"");
    let swapped = record("r", &[("a", serde_json::from_str(&swapped).unwrap())]);
    refused("a doubling record out of order", &record("r", &[("a", kind)]), Some(&swapped), &datum());
    // A long name for each value of a byte.
    let name = "n".repeat(250);
    let verbose = array_of(record("item", &[(&name, json!("int"))]));
    let body = datum().long(3_000_000).raw(&[0; 3_000_001]);
    assert!(refused("long names", &verbose, None, &body).ends_with("its record is too great"));
}

#[test]
fn hostile_schemas_in_headers_end_soon() {
    // Records that each refer to the one before. Where the fields of the other schema hold them in another order, every one of them meets
    // nearly every one of the others.
    let chain = |length: usize, place: &dyn Fn(usize) -> usize| {
        let mut fields = Vec::new();
        for i in 0..length {
            let kind = record(&format!("r{i}"), &[("next", json!(format!("r{}", i.saturating_sub(1))))]);
            fields.push(json!({"name": format!("f{}", place(i)), "type": kind}));
        }
        json!({"type": "record", "name": "top", "fields": fields})
    };
    let reader = format(&chain(601, &|i| i));
    let writer = chain(601, &|i| i * 7 % 601).to_string();
    let refused = within(Duration::from_secs(10), "a crossed chain", || read_with(&reader, Some(&writer), &[0; 1000]));
    assert!(refused.unwrap_err().ends_with("it is too great"));
    let refused = within(Duration::from_secs(10), "a chain", || read_with(&reader, Some(&chain(601, &|i| i).to_string()), &[0; 1000]));
    assert!(refused.unwrap_err().contains("nested more than"));
}

proptest! {
    #[test]
    fn no_body_breaks_the_reading(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let schema = record("r", &[
            ("a", json!({"type": "array", "items": {"type": "map", "keys": "string", "values": ["null", "r", "bytes"]}})),
            ("u", json!(["double", "string", "null"])),
        ]);
        if let Ok(text) = read_with(&format(&schema), None, &body) {
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
        }
    }

    #[test]
    fn no_schema_in_a_header_breaks_the_reading(
        schema in r#"[\[{]("(type|name|fields|record|array|items|int|null|a|enum|symbols)"|[\[\]{}:,]){0,30}"#,
        body in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let _ = read_with(&format(&record("r", &[("a", json!("int"))])), Some(&schema), &body);
    }

    #[test]
    fn integers_and_texts_come_back_as_they_were(int in any::<i32>(), long in any::<i64>(), text in ".{0,40}") {
        let schema = record("r", &[("i", json!("int")), ("l", json!("long")), ("t", json!("string"))]);
        let body = datum().long(i64::from(int)).long(long).text(&text);
        prop_assert_eq!(read(&schema, None, &body), Ok(json!({"i": int, "l": long, "t": text})));
    }
}
