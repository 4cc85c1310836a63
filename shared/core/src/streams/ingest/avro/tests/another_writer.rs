//! Files that another implementation of Avro wrote.

use std::collections::BTreeMap;

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Bzip2Settings, Codec, DeflateSettings, Schema, Writer};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::random::{Draw, FieldId, SeedKey};

/// A type, of which schemas and values are made.
#[derive(Debug, Clone)]
enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    Enum(usize),
    Record(Vec<Type>),
    Array(Box<Type>),
    Map(Box<Type>),
    /// Of null and the other.
    Union(Box<Type>),
}

fn types() -> impl Strategy<Value = Type> {
    let simple = prop_oneof![
        Just(Type::Null),
        Just(Type::Boolean),
        Just(Type::Int),
        Just(Type::Long),
        Just(Type::Float),
        Just(Type::Double),
        Just(Type::Bytes),
        Just(Type::String),
        (0usize..40).prop_map(Type::Fixed),
        (1usize..200).prop_map(Type::Enum),
    ];
    simple.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Type::Record),
            inner.clone().prop_map(|items| Type::Array(items.into())),
            inner.clone().prop_map(|values| Type::Map(values.into())),
            inner.prop_map(|other| match other {
                Type::Null | Type::Union(_) => other,
                other => Type::Union(other.into()),
            }),
        ]
    })
}

impl Type {
    fn schema(&self, names: &mut u32) -> Json {
        *names += 1;
        let name = format!("t{names}");
        match self {
            Self::Null => json!("null"),
            Self::Boolean => json!({"type": "boolean"}),
            Self::Int => json!({"type": "int", "logicalType": "date"}),
            Self::Long => json!("long"),
            Self::Float => json!("float"),
            Self::Double => json!("double"),
            Self::Bytes => json!("bytes"),
            Self::String => json!("string"),
            Self::Fixed(size) => json!({"type": "fixed", "name": name, "size": size}),
            Self::Enum(symbols) => {
                let symbols: Vec<String> = (0..*symbols).map(|symbol| format!("s{symbol}")).collect();
                json!({"type": "enum", "name": name, "namespace": "of.enums", "symbols": symbols})
            }
            Self::Record(fields) => {
                let fields: Vec<Json> =
                    fields.iter().enumerate().map(|(n, field)| json!({"name": format!("f{n}"), "type": field.schema(names)})).collect();
                json!({"type": "record", "name": name, "fields": fields})
            }
            Self::Array(items) => json!({"type": "array", "items": items.schema(names)}),
            Self::Map(values) => json!({"type": "map", "values": values.schema(names)}),
            Self::Union(other) => json!(["null", other.schema(names)]),
        }
    }

    fn value(&self, draw: &mut Draw) -> Value {
        let word = draw.word();
        let some = (word % 5) as usize;
        match self {
            Self::Null => Value::Null,
            Self::Boolean => Value::Boolean(word & 1 == 1),
            Self::Int => Value::Date((word as i32) >> (draw.word() % 32)),
            Self::Long => Value::Long(word.cast_signed() >> (draw.word() % 64)),
            Self::Float => Value::Float(word as f32),
            Self::Double => Value::Double(word as f64),
            Self::Bytes => Value::Bytes(vec![word as u8; (word % 100) as usize]),
            Self::String => Value::String("é".repeat((word % 70) as usize)),
            Self::Fixed(size) => Value::Fixed(*size, vec![word as u8; *size]),
            Self::Enum(symbols) => {
                let symbol = (word % *symbols as u64) as u32;
                Value::Enum(symbol, format!("s{symbol}"))
            }
            Self::Record(fields) => {
                Value::Record(fields.iter().enumerate().map(|(n, field)| (format!("f{n}"), field.value(draw))).collect())
            }
            Self::Array(items) => Value::Array((0..some).map(|_| items.value(draw)).collect()),
            Self::Map(values) => Value::Map((0..some).map(|n| (format!("key {n}"), values.value(draw))).collect()),
            Self::Union(_) if word & 1 == 0 => Value::Union(0, Value::Null.into()),
            Self::Union(other) => Value::Union(1, other.value(draw).into()),
        }
    }
}

const CODECS: usize = 4;

fn codec(number: usize) -> Codec {
    match number % CODECS {
        0 => Codec::Null,
        1 => Codec::Deflate(DeflateSettings::default()),
        2 => Codec::Snappy,
        _ => Codec::Bzip2(Bzip2Settings::default()),
    }
}

/// A file of these values in blocks of three, and the encodings of the values.
fn written(schema: &Schema, codec: Codec, values: &[Value]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut writer = Writer::with_codec(schema, Vec::new(), codec).unwrap();
    for values in values.chunks(3) {
        for value in values {
            writer.append_value_ref(value).unwrap();
        }
        writer.flush().unwrap();
    }
    let datum = GenericDatumWriter::builder(schema).build().unwrap();
    let encodings = values.iter().map(|value| datum.write_value_to_vec(value.clone()).unwrap()).collect();
    (writer.into_inner().unwrap(), encodings)
}

fn written_of(of: &Type, codec_number: usize, seed: i64, count: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let schema = Schema::parse(&of.schema(&mut 0)).unwrap();
    let mut draw = SeedKey::new(seed).entity(0).step(0).draw(FieldId::ROOT);
    let values: Vec<Value> = (0..count).map(|_| of.value(&mut draw)).collect();
    written(&schema, codec(codec_number), &values)
}

#[test]
fn schemas_of_every_shape_give_exactly_their_datums() {
    let tree = r#"{"type": "record", "name": "Node", "namespace": "a.b", "fields": [
        {"name": "label", "type": "string", "default": "none", "doc": "what it says"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "aliases": ["Sort"], "symbols": ["LEAF", "FORK"]}},
        {"name": "left", "type": ["null", "Node"]},
        {"name": "right", "type": ["null", "a.b.Node"]},
        {"name": "again", "type": "Kind"}]}"#;
    let node = |left: Value, right: Value| {
        Value::Record(vec![
            ("label".to_owned(), Value::String("x".repeat(70))),
            ("kind".to_owned(), Value::Enum(1, "FORK".to_owned())),
            ("left".to_owned(), left),
            ("right".to_owned(), right),
            ("again".to_owned(), Value::Enum(0, "LEAF".to_owned())),
        ])
    };
    let none = || Value::Union(0, Value::Null.into());
    let some = |node: Value| Value::Union(1, node.into());
    let leaf = || node(none(), none());
    let values = [leaf(), node(some(leaf()), none()), node(some(node(some(leaf()), some(leaf()))), some(leaf()))];
    for number in 0..CODECS {
        let (file, wanted) = written(&Schema::parse_str(tree).unwrap(), codec(number), &values);
        assert_eq!(datums(&file), wanted, "{:?}", codec(number));
    }
}

#[test]
fn blocks_of_items_may_say_how_long_they_are() {
    let schema = Schema::parse_str(r#"{"type": "array", "items": {"type": "map", "values": "string"}}"#).unwrap();
    let writer = GenericDatumWriter::builder(&schema).target_block_size(50).build().unwrap();
    let items: Vec<BTreeMap<String, String>> = (0..20).map(|n| [(format!("key {n}"), "x".repeat(n))].into()).collect();
    let mut datum = Vec::new();
    writer.write_ser(&mut datum, &items).unwrap();
    assert_eq!(datum[0] & 1, 1, "the first count is not negative");
    assert_eq!(datums(&file(&schema.canonical_form(), 2, &datum.repeat(2))), [&datum[..], &datum]);
}

#[test]
fn the_schema_and_its_hash_are_those_of_the_header() {
    let schema = Schema::parse_str(r#"{"type": "record", "name": "r", "fields": [{"name": "f", "type": "long"}]}"#).unwrap();
    let (bytes, _) = written(&schema, Codec::Null, &[]);
    let mut file = AvroFile::new(10);
    assert_eq!((file.schema(), file.schema_hash()), (None, None));
    file.push(&bytes.into(), &mut Vec::new()).unwrap();
    assert_eq!(serde_json::from_str::<Json>(file.schema().unwrap()).unwrap(), serde_json::to_value(&schema).unwrap());

    let mut file = AvroFile::new(10);
    file.push(&header(&[("avro.schema", br#" "long""#)]).into(), &mut Vec::new()).unwrap();
    assert_eq!(file.schema(), Some(r#" "long""#));
    assert_eq!(file.schema_hash(), Some("966e5fb14b478fbce79f7fe87ca23660"));
    file.finish().unwrap();
}

#[test]
fn a_hundred_thousand_datums_come_in_order_and_in_portions() {
    let schema = Schema::parse_str(r#""long""#).unwrap();
    let mut writer = Writer::with_codec(&schema, Vec::new(), Codec::Deflate(DeflateSettings::default())).unwrap();
    for number in 0..100_000 {
        writer.append_value(Value::Long(number)).unwrap();
    }
    let mut piece = Bytes::from(writer.into_inner().unwrap());
    let mut file = AvroFile::new(10);
    let mut portion = Vec::new();
    let mut next = 0;
    while file.pull(&mut piece, &mut portion).unwrap() {
        assert!(portion.len() <= limits::AVRO_DATUMS_AT_ONCE);
        for datum in portion.drain(..) {
            assert_eq!(datum, long(next));
            next += 1;
        }
    }
    assert_eq!(next, 100_000);
    assert!(piece.is_empty());
    file.finish().unwrap();
}

#[test]
fn frames_of_the_zstd_tool_are_read() {
    let plain = b"\x28\xb5\x2f\xfd\x00\x48\x21\x00\x00\x02\x04\x06\x08";
    let checked = b"\x28\xb5\x2f\xfd\x04\x68\x21\x00\x00\x02\x04\x06\x08\xb6\xc9\xb4\x7a";
    let skipped = b"\x50\x2a\x4d\x18\x02\x00\x00\x00..";
    for block in [plain.to_vec(), checked.to_vec(), [&skipped[..], checked].concat()] {
        assert_eq!(datums(&coded_file(r#""long""#, "zstandard", 4, &block)), ["\x02", "\x04", "\x06", "\x08"]);
    }
    let mut wrong = checked.to_vec();
    *wrong.last_mut().unwrap() ^= 1;
    let wrong = problem(&coded_file(r#""long""#, "zstandard", 4, &wrong));
    assert_eq!(wrong.to_string(), "the checksum of the block (zstandard) is wrong");
}

/// Where a file is cut: distances from one cut to the next.
fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![prop::collection::vec(1usize..40, 1..8), prop::collection::vec(1usize..2000, 1..4), Just(vec![1])]
}

fn cut<'a>(mut file: &'a [u8], distances: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for distance in distances.iter().cycle() {
        let (piece, rest) = file.split_at(file.len().min(*distance));
        pieces.push(piece);
        file = rest;
        if file.is_empty() {
            break;
        }
    }
    pieces
}

proptest! {
    #[test]
    fn any_cutting_of_a_file_gives_its_datums(of in types(), codec: usize, seed: i64, count in 0usize..10, cuts in cuts()) {
        let (file, wanted) = written_of(&of, codec, seed, count);
        prop_assert_eq!(datums(&file), &wanted[..]);
        prop_assert_eq!(read_pieces(cut(&file, &cuts)), (wanted.into_iter().map(Bytes::from).collect(), Ok(())));
    }

    #[test]
    fn a_file_that_is_cut_off_is_refused(of in types(), codec: usize, seed: i64, count in 1usize..5, at: prop::sample::Index) {
        let (file, wanted) = written_of(&of, codec, seed, count);
        let (datums, result) = read(&file[..at.index(file.len())]);
        // Only between two blocks does half a file look like a whole one.
        prop_assert!(result.is_err() || datums.len() % 3 == 0);
        prop_assert!(wanted.iter().zip(&datums).all(|(wanted, datum)| wanted == datum));
    }

    #[test]
    fn a_damaged_file_is_refused_or_read_but_never_upsets(
        of in types(), codec: usize, seed: i64, cuts in cuts(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..6),
    ) {
        let (mut file, _) = written_of(&of, codec, seed, 5);
        for (at, byte, kind) in damages {
            let at = at.index(file.len());
            match kind {
                0 => file[at] = byte,
                1 => file[at] ^= 1 << (byte % 8),
                2 => file.insert(at, byte),
                _ => drop(file.drain(at..(at + usize::from(byte)).min(file.len() - 1))),
            }
        }
        let outcome = read(&file);
        prop_assert_eq!(read_pieces(cut(&file, &cuts)), outcome);
    }
}
