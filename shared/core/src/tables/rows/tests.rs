use proptest::prelude::*;

use super::*;

fn elements() -> impl Strategy<Value = (ElementType, Vec<String>)> {
    let number =
        || prop_oneof![(-1000_i32..1000).prop_map(|number| number.to_string()), (-1e9_f64..1e9).prop_map(|number| format!("{number:?}"))];
    let array = move || prop::collection::vec(number(), 0..5).prop_map(|numbers| format!("[{}]", numbers.join(" , ")));
    prop_oneof![
        prop::collection::vec(number(), 0..40).prop_map(|all| (ElementType::Sample, all)),
        prop::collection::vec(array(), 0..40).prop_map(|all| (ElementType::Vector, all)),
        prop::collection::vec(array(), 0..40).prop_map(|all| (ElementType::List, all)),
        prop::collection::vec(array().prop_map(|array| format!("{{ \"a \\\" b\": {array} }}")), 0..40)
            .prop_map(|all| (ElementType::Json, all)),
    ]
}

fn rows_of(element: ElementType, all: &[String]) -> Rows {
    let mut rows = Rows::new(element, 3);
    for one in all {
        rows.push_json(one.as_bytes()).unwrap();
    }
    rows
}

proptest! {
    #[test]
    fn what_is_packed_is_unpacked((element, all) in elements()) {
        let rows = rows_of(element, &all);
        prop_assert_eq!(rows.len(), all.len());
        let packed = rows.pack();
        prop_assert_eq!(Rows::unpack(element, 3, &packed.bytes, packed.width), Some(rows));
    }

    #[test]
    fn parts_are_the_whole((element, all) in elements(), at in 0_usize..40) {
        let rows = rows_of(element, &all);
        let at = at.min(rows.len());
        let (mut front, behind) = (rows.slice(0..at), rows.slice(at..rows.len()));
        prop_assert_eq!((front.len(), front.span() + behind.span()), (at, rows.span()));
        prop_assert_eq!(rows.span_before(at), front.span());
        front.append(&behind, 0..behind.len());
        prop_assert_eq!(&front, &rows);
        front.drop_front(at);
        prop_assert_eq!(front, behind);
    }

    #[test]
    fn the_element_at_a_sample_is_the_first_that_begins_there((element, all) in elements(), sample in 0_u64..150) {
        let rows = rows_of(element, &all);
        let wanted = (0..rows.len()).find(|&number| rows.span_before(number) >= sample).unwrap_or(rows.len());
        prop_assert_eq!(rows.begin_before(sample), wanted);
    }

    #[test]
    fn damaged_bytes_are_noticed_or_harmless((element, all) in elements(), at: prop::sample::Index, to: u8, cut in 0_usize..20) {
        let packed = rows_of(element, &all).pack();
        let mut bytes = packed.bytes.to_vec();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = to;
            bytes.truncate(bytes.len().saturating_sub(cut));
        }
        if let Some(rows) = Rows::unpack(element, 3, &bytes, packed.width) {
            for number in 0..rows.len() {
                let _ = (rows.text(number), rows.numbers(number..number + 1), rows.span_before(number));
            }
        }
    }
}

#[test]
fn what_is_something_else_is_refused_and_adds_nothing() {
    for (element, wrong) in [
        (ElementType::Sample, vec!["\"1\"", "[1]", "null", "true", "1 2", ""]),
        (ElementType::Vector, vec!["1", "[\"a\"]", "[[1]]", "{}", "[1,null]", "[1"]),
        (ElementType::List, vec!["1", "[null]", "[{}]", "[\"a\"]", "[1,[true]]", "[1]x"]),
        (ElementType::Json, vec!["1", "[1]", "\"{}\"", "null", "{", "{} {}"]),
    ] {
        let mut rows = Rows::new(element, 1);
        for wrong in wrong {
            assert!(rows.push_json(wrong.as_bytes()).is_err(), "{wrong} as {element:?}");
        }
        assert!(rows.is_empty());
        assert_eq!((rows.span(), rows.pack().bytes.len() % 4), (0, 0));
    }
}

#[test]
fn samples_that_fit_into_singles_take_half_of_the_space() {
    let halves = Rows::of_samples(vec![0.5, -0.25, 0.0, -0.0, f64::INFINITY]);
    assert_eq!((halves.pack().width, halves.pack().bytes.len()), (4, 20));
    let tenths = Rows::of_samples(vec![0.1, 0.5]);
    assert_eq!((tenths.pack().width, tenths.pack().bytes.len()), (8, 16));
}
