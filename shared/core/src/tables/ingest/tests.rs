use proptest::prelude::*;

use super::super::wav::{BitDepth, encode, header};
use super::*;

/// The rows of a body that arrives in pieces.
fn read<'a>(kind: IngestKind, element: ElementType, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Rows, IngestError> {
    let mut ingest = Ingest::new(kind, element, SampleRate::from_f64(1000.0).unwrap(), 7)?;
    let mut all = Rows::new(element, 7);
    let mut add = |rows: Rows| all.append(&rows, 0..rows.len());
    for piece in pieces {
        add(ingest.push(piece)?);
    }
    add(ingest.finish()?);
    Ok(all)
}

fn whole(kind: IngestKind, element: ElementType, body: impl AsRef<[u8]>) -> Result<Rows, IngestError> {
    read(kind, element, [body.as_ref()])
}

fn refused(kind: IngestKind, element: ElementType, body: impl AsRef<[u8]>) -> String {
    let rows = whole(kind, element, body.as_ref());
    rows.expect_err(&format!("{:?} was taken", String::from_utf8_lossy(body.as_ref()))).to_string()
}

#[test]
fn content_types_are_told_apart() {
    for (text, wanted) in [
        ("application/x-ndjson", Some(IngestKind::Lines)),
        ("Application/JSON; charset=utf-8", Some(IngestKind::Array)),
        ("application/octet-stream", Some(IngestKind::Octets)),
        ("audio/x-wav", Some(IngestKind::Wav)),
        ("audio/wave ;a=b", Some(IngestKind::Wav)),
        ("application/json2", None),
        ("audio/mpeg", None),
        ("", None),
    ] {
        assert_eq!(IngestKind::of(text), wanted, "{text}");
    }
}

#[test]
fn each_line_is_an_element_and_blank_ones_are_none() {
    for body in ["1\n-2.5\n3e2", "1\n-2.5\n3e2\n", "\n 1\t\r\n\r\n-2.5\n\n  3e2  \n \n"] {
        assert_eq!(whole(IngestKind::Lines, ElementType::Sample, body).unwrap().samples().unwrap(), [1.0, -2.5, 300.0], "{body:?}");
    }
    for body in ["", "\n", " \r\n\t\n"] {
        assert!(whole(IngestKind::Lines, ElementType::Sample, body).unwrap().is_empty(), "{body:?}");
    }
    let vectors = whole(IngestKind::Lines, ElementType::Vector, "[1, 2]\n[]\n[3]").unwrap();
    assert_eq!((vectors.len(), vectors.numbers(0..3).unwrap()), (3, &[1.0, 2.0, 3.0][..]));
    let objects = whole(IngestKind::Lines, ElementType::Json, "{\"a\": \"x y\"}\n{}").unwrap();
    assert_eq!((objects.text(0).unwrap(), objects.text(1).unwrap(), objects.span()), (&br#"{"a":"x y"}"#[..], &b"{}"[..], 14));
}

#[test]
fn a_line_that_is_no_element_is_named() {
    for (body, place) in [
        ("1\n\n\"2\"\n3", "line 3: "),
        ("1 2", "line 1: "),
        ("1\n[2]", "line 2: "),
        ("true\n", "line 1: "),
        ("1\n2\n1e999", "line 3: "),
        ("NaN", "line 1: "),
        ("null", "line 1: "),
    ] {
        let message = refused(IngestKind::Lines, ElementType::Sample, body);
        assert!(message.starts_with(place), "{body:?}: {message}");
    }
    for (element, body) in [
        (ElementType::Vector, "[1]\n1"),
        (ElementType::Vector, "[1]\n[\"a\"]"),
        (ElementType::Vector, "[1]\n[null]"),
        (ElementType::List, "[1]\n{}"),
        (ElementType::Json, "{}\n[]"),
        (ElementType::Json, "{}\n{} {}"),
        (ElementType::Json, "{}\n{\"a\":}"),
        (ElementType::Json, "{}\n\u{c}"),
    ] {
        let message = refused(IngestKind::Lines, element, body);
        assert!(message.starts_with("line 2: "), "{body:?}: {message}");
    }
}

#[test]
fn an_array_is_split_at_its_own_commas() {
    for body in ["[1,-2.5,3e2]", " \n[ 1 , -2.5\t,\r\n3e2 ] \n"] {
        assert_eq!(whole(IngestKind::Array, ElementType::Sample, body).unwrap().samples().unwrap(), [1.0, -2.5, 300.0], "{body:?}");
    }
    for body in ["[]", " [ ] "] {
        assert!(whole(IngestKind::Array, ElementType::Sample, body).unwrap().is_empty(), "{body:?}");
    }
    let objects = whole(IngestKind::Array, ElementType::Json, r#"[{"a":"],[\\\"}"},{"b":[1,[2,{}]]}]"#).unwrap();
    assert_eq!((objects.len(), objects.text(1).unwrap()), (2, &br#"{"b":[1,[2,{}]]}"#[..]));
    let lists = whole(IngestKind::Array, ElementType::List, "[[1,2,3],[4,[5,6]],[]]").unwrap();
    assert_eq!((lists.len(), lists.span()), (3, 6));
}

#[test]
fn what_is_no_array_of_elements_is_refused() {
    for (body, part) in [
        ("", "empty"),
        ("  ", "empty"),
        ("[1,2", "before its last ]"),
        ("[", "before its last ]"),
        ("{\"a\":1}", "begin"),
        ("7", "begin"),
        ("[1]2", "follows"),
        ("[1],", "follows"),
        ("[1}]", "closes nothing"),
        ("[,1]", "comma"),
        ("[1,]", "element 2 "),
        ("[1,,2]", "element 2 "),
        ("[1,[2]]", "element 2 "),
        ("[\"x\"]", "element 1 "),
        ("[1 2]", "element 1 "),
        ("[1,null]", "element 2 "),
        ("[1,\"a]", "before its last ]"),
    ] {
        let message = refused(IngestKind::Array, ElementType::Sample, body);
        assert!(message.contains(part), "{body:?}: {message}");
    }
}

#[test]
fn octets_are_doubles() {
    let samples = [0.1, -1.5, 1e-300, f64::MIN_POSITIVE];
    let body: Vec<u8> = samples.iter().flat_map(|sample: &f64| sample.to_le_bytes()).collect();
    assert_eq!(whole(IngestKind::Octets, ElementType::Sample, &body).unwrap().samples().unwrap(), samples);
    assert!(whole(IngestKind::Octets, ElementType::Sample, "").unwrap().is_empty());
    assert_eq!(
        refused(IngestKind::Octets, ElementType::Sample, &body[..27]),
        "the body ends 3 bytes after a whole number of doubles of 8 bytes"
    );
}

#[test]
fn a_wav_file_must_have_the_rate_of_the_table() {
    let file = |rate| {
        let mut body = header(SampleRate::from_f64(rate).unwrap(), BitDepth::Sixteen).to_vec();
        encode(&[0.0, 0.5, -1.0], BitDepth::Sixteen, &mut body);
        body
    };
    let rows = read(IngestKind::Wav, ElementType::Sample, file(1000.0).chunks(7)).unwrap();
    assert!(rows.samples().unwrap().iter().zip([0.0, 0.5, -1.0]).all(|(sample, wanted)| (sample - wanted).abs() < 1e-4), "{rows:?}");
    for pieces in [1, 1000] {
        let error = read(IngestKind::Wav, ElementType::Sample, file(8000.0).chunks(pieces)).unwrap_err();
        assert_eq!(error.to_string(), "the WAV file has 8000 samples a second, and the table 1000");
    }
    for (length, part) in [(10, "WAV"), (47, "WAV"), (0, "WAV")] {
        assert!(refused(IngestKind::Wav, ElementType::Sample, &file(1000.0)[..length]).contains(part));
    }
}

#[test]
fn samples_are_not_put_into_tables_of_other_elements() {
    for kind in [IngestKind::Octets, IngestKind::Wav] {
        for element in [ElementType::Vector, ElementType::List, ElementType::Json] {
            assert_eq!(whole(kind, element, "").unwrap_err(), IngestError::Unfit(kind));
        }
    }
}

#[test]
fn the_text_of_an_element_has_a_bound_in_whatever_pieces_it_comes() {
    let text = vec![b' '; limits::ELEMENT_TEXT];
    for size in [text.len(), 1000] {
        let lines = || [&b"1\n"[..]].into_iter().chain(text.chunks(size));
        assert_eq!(read(IngestKind::Lines, ElementType::Sample, lines()).unwrap().len(), 1);
        let longer = lines().chain([&b" "[..]]);
        assert_eq!(read(IngestKind::Lines, ElementType::Sample, longer).unwrap_err(), IngestError::TooLong(Place::Line(2)));
        let array = |rest: &'static [u8]| [&b"[1,2"[..]].into_iter().chain(text[1..].chunks(size)).chain([rest]);
        assert_eq!(read(IngestKind::Array, ElementType::Sample, array(b"]")).unwrap().len(), 2);
        assert_eq!(read(IngestKind::Array, ElementType::Sample, array(b" ]")).unwrap_err(), IngestError::TooLong(Place::Element(2)));
    }
}

/// JSON of the kinds that tables have, right or not.
fn element_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i32>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| format!("{number:e}")),
        Just("[1,2]".to_owned()),
        Just("[[1], 2]".to_owned()),
        Just(r#"{"a": "\\\"],[{", "b":[{}]}"#.to_owned()),
        Just("nonsense".to_owned()),
        Just(String::new()),
    ]
}

proptest! {
    #[test]
    fn the_cuts_of_a_body_do_not_matter(
        texts in prop::collection::vec(element_text(), 0..12),
        element in prop::sample::select(&ElementType::ALL[..]),
        as_lines: bool,
        mut cuts in prop::collection::vec(0usize..500, 0..20),
    ) {
        let (kind, body) = match as_lines {
            true => (IngestKind::Lines, texts.join("\r\n")),
            false => (IngestKind::Array, format!(" [{}]\n", texts.join(" ,\n"))),
        };
        cuts.iter_mut().for_each(|cut| *cut %= body.len() + 1);
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|ends| &body.as_bytes()[ends[0]..ends[1]]);
        prop_assert_eq!(read(kind, element, pieces), whole(kind, element, &body));
    }

    #[test]
    fn an_array_is_taken_if_serde_takes_it(body in r#"[\[\]{}, 1\\"a:]{0,12}"#) {
        let wanted = serde_json::from_str::<Vec<serde_json::Map<String, serde_json::Value>>>(&body);
        let rows = whole(IngestKind::Array, ElementType::Json, &body);
        prop_assert_eq!(rows.ok().map(|rows| rows.len()), wanted.ok().map(|elements| elements.len()));
    }

    #[test]
    fn the_cuts_of_doubles_do_not_matter(samples in prop::collection::vec(any::<i64>(), 0..50), size in 1usize..40) {
        let body: Vec<u8> = samples.iter().flat_map(|sample| (*sample as f64).to_le_bytes()).collect();
        prop_assert_eq!(read(IngestKind::Octets, ElementType::Sample, body.chunks(size)), whole(IngestKind::Octets, ElementType::Sample, &body));
    }
}
