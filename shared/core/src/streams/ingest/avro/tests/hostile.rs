//! Files that are made to do harm. Each of these tests takes no time; what it shows is that the reader does not either.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;
use crate::streams::ingest::avro::{CodecError, DatumError};

const LONG: &str = r#""long""#;

fn entry(key: &str, value: &[u8]) -> Vec<u8> {
    [sized(key.as_bytes()), sized(value)].concat()
}

#[test]
fn other_files_are_told_by_their_first_bytes() {
    for bytes in [&b"not avro"[..], b"n", b"Obx", b"Obj\x02", b"Objects"] {
        assert_eq!(problem(bytes), AvroProblem::Magic);
    }
    assert_eq!(problem(b""), AvroProblem::CutOff { within: "its header" });
    assert_eq!(problem(b"Obj"), AvroProblem::CutOff { within: "its header" });
}

#[test]
fn lengths_in_the_header_are_not_believed() {
    let magic = b"Obj\x01".to_vec();
    for length in [i64::MAX, 1 << 40, limits::AVRO_HEADER as i64 + 1] {
        assert_eq!(problem(&[magic.clone(), long(1), long(length)].concat()), AvroProblem::HeaderSize);
        assert_eq!(problem(&[magic.clone(), long(1), sized(b"k"), long(length)].concat()), AvroProblem::HeaderSize);
    }
    for length in [-1, i64::MIN] {
        assert!(matches!(problem(&[magic.clone(), long(1), long(length)].concat()), AvroProblem::Negative { .. }));
    }
    assert_eq!(problem(&[magic.clone(), vec![0xff; 20]].concat()), AvroProblem::Number);
    // Entries without end, of nothing.
    let entries = [magic.clone(), long(i64::MAX), vec![0; 2 * limits::AVRO_HEADER]].concat();
    assert_eq!(problem(&entries), AvroProblem::HeaderSize);
    let counts = [magic, [long(1), entry("k", &[0; 1000])].concat().repeat(2000)].concat();
    assert_eq!(problem(&counts), AvroProblem::HeaderSize);
}

#[test]
fn a_header_may_say_its_size_and_come_in_parts() {
    let [codec, schema] = [entry("avro.codec", b"null"), entry("avro.schema", LONG.as_bytes())];
    let first = [long(-1), long(codec.len() as i64), codec].concat();
    let second = [long(1), schema, long(0), SYNC.to_vec()].concat();
    assert_eq!(datums(&[b"Obj\x01".to_vec(), first, second, block(1, b"\x02")].concat()), ["\x02"]);
    // The codec may be missing.
    assert_eq!(datums(&[header(&[("avro.schema", LONG.as_bytes())]), block(1, b"\x02")].concat()), ["\x02"]);
}

#[test]
fn a_header_must_have_a_schema_and_a_known_codec() {
    assert_eq!(problem(&header(&[("avro.codec", b"null")])), AvroProblem::NoSchema);
    assert!(matches!(problem(&header(&[("avro.schema", b"\"\xff\"")])), AvroProblem::Schema(_)));
    for codec in ["xz", "", "Null", "\n"] {
        let problem = problem(&coded_file(LONG, codec, 0, b"")).to_string();
        assert!(problem.starts_with(&format!("the codec {codec:?} is not among")), "{problem}");
    }
}

#[test]
fn deep_and_wide_schemas_are_bounded() {
    let deep = format!("{}\"int\"{}", r#"{"type": "array", "items": "#.repeat(100_000 / 2), "}".repeat(100_000 / 2));
    let deep = deep.get(..limits::AVRO_HEADER / 2).unwrap_or(&deep);
    for schema in [deep, &"[".repeat(limits::AVRO_HEADER / 2), &"7".repeat(limits::AVRO_HEADER / 2)] {
        assert!(matches!(problem(&file(schema, 0, b"")), AvroProblem::Schema(_)));
    }
    let names = format!(r#"{{"type": "fixed", "size": 1, "name": "{}"}}"#, "n".repeat(limits::AVRO_NAME + 1));
    assert!(problem(&file(&names, 0, b"")).to_string().contains("longer than 1024 bytes"));
}

#[test]
fn a_schema_cannot_make_a_datum_take_longer_than_its_bytes() {
    // 50 records, each of which has the one before twice: 2^50 values.
    let doubled = |first: &str| {
        let doubles = (1..50).map(|n| {
            let before = n - 1;
            format!(
                r#"{{"type": "record", "name": "r{n}",
                    "fields": [{{"name": "a", "type": "r{before}"}}, {{"name": "b", "type": "r{before}"}}]}}"#
            )
        });
        let first = format!(r#"{{"type": "record", "name": "r0", "fields": [{{"name": "f", "type": "{first}"}}]}}"#);
        format!("[{}]", std::iter::once(first).chain(doubles).collect::<Vec<_>>().join(","))
    };
    assert_eq!(datums(&file(&doubled("null"), 1, &long(49))), [long(49)]);
    for first in ["float", "string"] {
        let bytes = [long(49), vec![0; 100_000]].concat();
        assert_eq!(problem(&file(&doubled(first), 1, &bytes)), AvroProblem::TooFewBytes { announced: 1, reached: 1 });
    }
    // A hundred thousand numbers, in 25 records around each other, each of which has a thousand nulls beside it.
    let mut chain = vec![r#"{"type": "record", "name": "c0", "fields": [{"name": "f", "type": "long"}]}"#.to_owned()];
    let nulls: Vec<String> = (0..1000).map(|n| format!(r#"{{"name": "n{n}", "type": "null"}}"#)).collect();
    for n in 1..25 {
        let nulls = nulls.join(",");
        chain.push(format!(r#"{{"type": "record", "name": "c{n}", "fields": [{nulls}, {{"name": "f", "type": "c{}"}}]}}"#, n - 1));
    }
    let schema = format!(r#"{{"type": "array", "items": [{}]}}"#, chain.join(","));
    let items = [long(24), long(7)].concat().repeat(100_000);
    let datum = [long(100_000), items, long(0)].concat();
    assert_eq!(datums(&file(&schema, 1, &datum)), [datum]);
}

#[test]
fn deep_datums_are_bounded() {
    let list =
        r#"{"type": "record", "name": "list", "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "list"]}]}"#;
    assert_eq!(datums(&file(list, 1, &[b"\x00\x02".repeat(200), vec![0, 0]].concat())).len(), 1);
    let problem = problem(&file(list, 1, &b"\x00\x02".repeat(1_000_000)));
    assert_eq!(problem, AvroProblem::Datum { number: 1, error: DatumError::Nesting });
}

#[test]
fn blocks_are_what_they_say() {
    let header = header(&[("avro.schema", LONG.as_bytes())]);
    let with = |block: &[u8]| [&header[..], block].concat();
    assert!(matches!(problem(&with(&long(-1))), AvroProblem::Negative { .. }));
    assert!(matches!(problem(&with(&[long(1), long(-1)].concat())), AvroProblem::Negative { .. }));
    for size in [limits::AVRO_BLOCK as i64 + 1, i64::MAX] {
        assert_eq!(problem(&with(&[long(1), long(size)].concat())), AvroProblem::BlockSize);
    }
    assert_eq!(problem(&with(&[long(1), sized(b"\x02"), b"another marker..".to_vec()].concat())), AvroProblem::Sync);
    assert_eq!(problem(&with(&block(1, b"\x02\x02"))), AvroProblem::TooManyBytes { announced: 1, left: 1 });
    assert_eq!(problem(&with(&block(0, b"\x02"))), AvroProblem::TooManyBytes { announced: 0, left: 1 });
    assert_eq!(problem(&with(&block(3, b"\x02\x02"))), AvroProblem::TooFewBytes { announced: 3, reached: 3 });
    assert_eq!(problem(&with(&block(i64::MAX, b"\x02\x02"))), AvroProblem::TooFewBytes { announced: i64::MAX as u64, reached: 3 });
    assert_eq!(datums(&with(&[block(0, b""), block(1, b"\x02"), block(0, b"")].concat())), ["\x02"]);
    for end in 1..block(1, b"\x02").len() {
        assert_eq!(problem(&with(&block(1, b"\x02")[..end])), AvroProblem::CutOff { within: "a block" });
    }
}

#[test]
fn an_error_is_the_last_word() {
    let bytes = Bytes::from([file(LONG, 2, b"\x02\x04"), block(1, b"")].concat());
    let mut reader = AvroFile::new(10);
    let mut out = Vec::new();
    let error = reader.push(&bytes, &mut out).unwrap_err();
    assert_eq!(out, ["\x02", "\x04"]);
    assert_eq!(error.at, bytes.len() as u64 - block(1, b"").len() as u64);
    assert_eq!(reader.push(&block(1, b"\x02").into(), &mut out), Err(error.clone()));
    assert_eq!(out.len(), 2);
    assert_eq!(reader.schema(), Some(LONG));
    assert_eq!(reader.finish(), Err(error));
}

#[test]
fn datums_are_bounded() {
    let text = [long(20), vec![b'x'; 20]].concat();
    let bytes = Bytes::from(file(r#""string""#, 2, &text.repeat(2)));
    let mut out = Vec::new();
    AvroFile::new(21).push(&bytes, &mut out).unwrap();
    assert_eq!(out.len(), 2);
    let error = AvroFile::new(20).push(&bytes, &mut out).unwrap_err();
    assert_eq!(error.problem, AvroProblem::DatumSize { number: 1, longest: 20 });
}

#[test]
fn datums_are_what_the_schema_says() {
    for (schema, bytes, error) in [
        (LONG, &[0xff; 10][..], DatumError::Number),
        (r#""int""#, &[0xff; 5], DatumError::Number),
        (r#""string""#, &[0x01], DatumError::NegativeLength),
        (r#"["null", "int"]"#, &[0x04], DatumError::Branch { number: 2, branches: 2 }),
        (r#"["null", "int"]"#, &[0x01], DatumError::Branch { number: -1, branches: 2 }),
        ("[]", &[0x00], DatumError::Branch { number: 0, branches: 0 }),
        (r#"{"type": "array", "items": "int"}"#, &[0x01, 0x01], DatumError::NegativeLength),
    ] {
        assert_eq!(problem(&file(schema, 1, bytes)), AvroProblem::Datum { number: 1, error }, "{schema}");
    }
}

#[test]
fn what_takes_no_bytes_is_counted() {
    assert_eq!(datums(&file(r#""null""#, 3, b"")), [""; 3]);
    assert_eq!(datums(&file(r#""null""#, limits::AVRO_EMPTY as i64, b"")).len() as u64, limits::AVRO_EMPTY);
    for count in [limits::AVRO_EMPTY as i64 + 1, i64::MAX] {
        assert_eq!(problem(&file(r#""null""#, count, b"")), AvroProblem::EmptyDatums);
    }
    let many = [file(r#""null""#, 0, b""), block(limits::AVRO_EMPTY as i64 / 2, b"").repeat(3)].concat();
    assert_eq!(problem(&many), AvroProblem::EmptyDatums);

    for items in [r#""null""#, r#"{"type": "record", "name": "r", "fields": [{"name": "n", "type": "null"}]}"#] {
        let schema = format!(r#"{{"type": "array", "items": {items}}}"#);
        for datum in [
            [long(1 << 60), long(0)].concat(),
            [long(-1 << 60), long(0), long(0)].concat(),
            [long(i64::MIN), long(0), long(0)].concat(),
            [long(limits::AVRO_EMPTY as i64 / 2).repeat(3), long(0)].concat(),
        ] {
            assert_eq!(problem(&file(&schema, 1, &datum)), AvroProblem::Datum { number: 1, error: DatumError::EmptyItems });
        }
    }
    // Items with bytes need no counting: they run out.
    for items in [r#""int""#, r#""float""#] {
        let schema = format!(r#"{{"type": "array", "items": {items}}}"#);
        assert_eq!(problem(&file(&schema, 1, &long(1 << 60))), AvroProblem::TooFewBytes { announced: 1, reached: 1 });
    }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn snapped(bytes: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    [snap::raw::Encoder::new().compress_vec(bytes).unwrap(), crc.sum().to_be_bytes().to_vec()].concat()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn bzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

type Encoder = fn(&[u8]) -> Vec<u8>;

const CODECS: [(&str, Encoder); 4] = [("deflate", deflated), ("snappy", snapped), ("zstandard", zstandard), ("bzip2", bzipped)];

#[test]
fn blocks_are_decompressed_up_to_their_bound_and_no_further() {
    let doubles = vec![0; limits::AVRO_BLOCK];
    for (codec, encode) in CODECS {
        let whole = coded_file(r#""double""#, codec, doubles.len() as i64 / 8, &encode(&doubles));
        assert_eq!(datums(&whole).len(), doubles.len() / 8, "{codec}");
        let more = [&doubles[..], &[0; 8]].concat();
        let bomb = coded_file(r#""double""#, codec, more.len() as i64 / 8, &encode(&more));
        assert_eq!(problem(&bomb), AvroProblem::Decompress(CodecError::TooLarge { codec }));
    }
    let claim = [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0; 20]].concat();
    assert_eq!(problem(&coded_file(LONG, "snappy", 1, &claim)), AvroProblem::Decompress(CodecError::TooLarge { codec: "snappy" }));
    // A frame that wants a window of a gigabyte.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3, 0x01, 0x00, 0x00];
    assert_eq!(problem(&coded_file(LONG, "zstandard", 1, &window)), AvroProblem::Decompress(CodecError::TooLarge { codec: "zstandard" }));
}

#[test]
fn damaged_blocks_are_refused_by_every_codec() {
    let bytes: Vec<u8> = (0..2000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    for (codec, encode) in CODECS {
        let encoded = encode(&bytes);
        let of = |block: &[u8]| problem(&coded_file(r#""double""#, codec, bytes.len() as i64 / 8, block));
        for cut in [0, 1, 3, encoded.len() / 2, encoded.len() - 1] {
            let problem = of(&encoded[..cut]);
            // To zstandard, nothing is no frame, and so a block without bytes.
            let is_refused = matches!(problem, AvroProblem::Decompress(_)) || (cut == 0 && codec == "zstandard");
            assert!(is_refused, "{codec} at {cut}: {problem}");
        }
        assert!(matches!(of(&[0x5a; 100]), AvroProblem::Decompress(CodecError::Damaged { .. })), "{codec}");
    }
    let mut wrong = snapped(&bytes);
    *wrong.last_mut().unwrap() ^= 1;
    assert_eq!(problem(&coded_file(LONG, "snappy", 1, &wrong)), AvroProblem::Decompress(CodecError::Checksum { codec: "snappy" }));
}

#[test]
fn every_codec_is_read_whatever_the_cuts() {
    for (codec, encode) in CODECS {
        let bytes: Vec<u8> = (0..10_000).flat_map(long).collect();
        let file = coded_file(LONG, codec, 10_000, &encode(&bytes));
        let whole = read(&file);
        assert_eq!(whole, ((0..10_000).map(|n| long(n).into()).collect(), Ok(())), "{codec}");
        assert_eq!(read_pieces(file.chunks(7)), whole, "{codec}");
    }
}

#[test]
fn bytes_behind_deflated_data_are_left_alone() {
    let block = [deflated(b"\x02"), b"sum".to_vec()].concat();
    assert_eq!(datums(&coded_file(LONG, "deflate", 1, &block)), ["\x02"]);
}
