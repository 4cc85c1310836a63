//! What each kind of dimension writes, and how often.

use std::collections::BTreeMap;

use super::*;

fn constant(value: impl Into<Json>) -> Json {
    json!({"type": "constant", "value": value.into()})
}

fn uniform(min: impl Into<Json>, max: impl Into<Json>) -> Json {
    json!({"type": "uniform", "min": min.into(), "max": max.into()})
}

fn normal(mean: f64, stddev: f64) -> Json {
    json!({"type": "normal", "mean": mean, "stddev": stddev})
}

fn exponential(mean: f64) -> Json {
    json!({"type": "exponential", "mean": mean})
}

fn with(mut dimension: Json, members: &Json) -> Json {
    dimension.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    dimension
}

fn int(distribution: &Json) -> Json {
    json!({"type": "int", "name": "d", "distribution": distribution})
}

fn string(length: &Json, chars: &Json) -> Json {
    json!({"type": "string", "name": "d", "length_distribution": length, "chars": chars})
}

fn one_of(values: &Json) -> Json {
    let last = values.as_array().unwrap().len() - 1;
    json!({"type": "enum", "name": "d", "values": values, "cardinality_distribution": uniform(0, last)})
}

fn list(elements: &Json, length: &Json, selection: &Json) -> Json {
    json!({"type": "list", "name": "d", "elements": elements, "length_distribution": length, "selection_distribution": selection})
}

fn object(dimensions: &Json) -> Json {
    json!({"type": "object", "name": "d", "dimensions": dimensions})
}

/// The texts of the member that this dimension writes, without its name, of `n` records; `None` where it is missing.
fn texts_of(dimension: &Json, n: u64) -> Vec<Option<String>> {
    let mut named = dimension.clone();
    named["name"] = json!("d");
    let text = text_of(&looping(&json!([named])), run(Some(n), None, 1));
    let member = |line: &str| match line.split_once(r#","d":"#) {
        Some((_, value)) => Some(value.strip_suffix('}').unwrap().to_owned()),
        None => (line.len() == 34).then_some(None).expect("nothing but the time"),
    };
    text.split_terminator('\n').map(member).collect()
}

/// The text of the value in the only record.
fn text_of_one(dimension: &Json) -> String {
    texts_of(dimension, 1).remove(0).unwrap()
}

/// The values of `n` records, none of them missing.
fn values(dimension: &Json, n: u64) -> Vec<Json> {
    texts_of(dimension, n).into_iter().map(|text| serde_json::from_str(&text.expect("is there")).unwrap()).collect()
}

/// How large a part of `n` records each text has, in order of the texts.
#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn shares(dimension: &Json, n: u64) -> BTreeMap<String, f64> {
    let mut shares = BTreeMap::new();
    for text in texts_of(dimension, n) {
        *shares.entry(text.unwrap_or_else(|| "missing".to_owned())).or_insert(0.0) += 1.0 / n as f64;
    }
    shares
}

#[track_caller]
fn near(found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance, "{found} instead of {wanted} ± {tolerance}");
}

#[test]
fn numbers_are_written_as_the_original_writes_them() {
    let float = |value: f64| json!({"type": "float", "distribution": constant(value)});
    let rounded = |value: f64, precision: u32| with(float(value), &json!({"precision": precision}));
    for (dimension, wanted) in [
        (int(&constant(3.7)), "3"),
        (int(&constant(-3.7)), "-3"),
        (int(&constant(-0.5)), "0"),
        (int(&constant(i64::MAX)), "9223372036854775807"),
        (int(&normal(-2.9, 0.0)), "-2"),
        (int(&uniform(1.5, 2.9)), "2"),
        (float(3.0), "3.0"),
        (float(-0.25), "-0.25"),
        (float(1e20), "1e+20"),
        (float(1e-7), "1e-07"),
        (float(123_456_789_012_345.0), "123456789012345.0"),
        (rounded(0.125, 2), "0.12"),
        (rounded(0.375, 2), "0.38"),
        (rounded(2.5, 0), "2"),
        (rounded(3.5, 0), "4"),
        (rounded(1.0, 3), "1.000"),
        (rounded(-0.001, 2), "-0.00"),
        (rounded(1e21, 1), "1000000000000000000000.0"),
        (float(3.0), "3.0"),
        (with(float(3.0), &json!({"precision": null})), "3.0"),
        (with(int(&constant(3)), &json!({"cardinality": 1, "cardinality_distribution": constant(0)})), "3"),
        (with(rounded(0.125, 2), &json!({"cardinality": 1, "cardinality_distribution": constant(0)})), "0.12"),
    ] {
        assert_eq!(text_of_one(&dimension), wanted, "{dimension}");
    }
}

#[test]
fn a_counter_counts_in_texts() {
    let counter = |members: Json| -> Vec<String> {
        texts_of(&with(json!({"type": "counter"}), &members), 4).into_iter().map(Option::unwrap).collect()
    };
    assert_eq!(counter(json!({})), [r#""0""#, r#""1""#, r#""2""#, r#""3""#]);
    assert_eq!(counter(json!({"start": 10, "increment": -3})), [r#""10""#, r#""7""#, r#""4""#, r#""1""#]);
    assert_eq!(counter(json!({"start": 1, "increment": -1})), [r#""1""#, r#""0""#, r#""-1""#, r#""-2""#]);
    assert_eq!(counter(json!({"start": 0, "increment": 0.1})), [r#""0""#, r#""0.1""#, r#""0.2""#, r#""0.30000000000000004""#]);
    assert_eq!(counter(json!({"start": 2.0})), [r#""2.0""#, r#""3.0""#, r#""4.0""#, r#""5.0""#]);
    assert_eq!(
        counter(json!({"start": i64::MAX})),
        ["9223372036854775807", "9223372036854775808", "9223372036854775809", "9223372036854775810"].map(|n| format!("\"{n}\""))
    );
}

#[test]
fn a_counter_waits_while_it_is_missing_or_null() {
    for (member, left_out) in [("percent_missing", None), ("percent_nulls", Some("null".to_owned()))] {
        let texts = texts_of(&json!({"type": "counter", member: 50}), 200);
        let taken: Vec<&String> = texts.iter().filter(|text| **text != left_out).map(|text| text.as_ref().unwrap()).collect();
        assert!((70..130).contains(&taken.len()), "{member}: {} of 200", taken.len());
        for (n, text) in taken.into_iter().enumerate() {
            assert_eq!(*text, format!("\"{n}\""), "{member}");
        }
    }
}

#[test]
fn a_counter_is_shared_by_all_entities_and_states_that_use_its_emitter() {
    let counter = json!([{"type": "counter", "name": "c"}]);
    let mut specification = machine(&counter, &constant(0.3), "t");
    let mut second = specification["states"][0].clone();
    second["name"] = json!("t");
    second["transitions"][0]["next"] = json!("stop");
    specification["states"].as_array_mut().unwrap().push(second);
    let counted: Vec<Json> = lines(&specification, run(Some(300), None, 7)).into_iter().map(|record| record["c"].clone()).collect();
    assert_eq!(counted, (0..300).map(|n| json!(n.to_string())).collect::<Vec<_>>());
}

#[test]
fn the_values_of_an_enum_come_back_unchanged() {
    let wanted = json!(["he said \"hi\"", "back\\slash", "tab\there", "line\nbreak", "é☕", "\u{0}\u{1f}\u{7f}\u{2028}", ""]);
    let found = values(&one_of(&wanted), 300);
    for value in wanted.as_array().unwrap() {
        assert!(found.contains(value), "{value} never came");
    }
    assert!(found.iter().all(|value| wanted.as_array().unwrap().contains(value)));
}

#[test]
fn an_enum_keeps_null_and_structure_and_quotes_numbers() {
    let shares = shares(&one_of(&json!([null, "A", 2.5, 7, true, {"a": [1]}, [null], 3.0])), 800);
    let texts: Vec<&str> = shares.keys().map(String::as_str).collect();
    assert_eq!(texts, [r#""2.5""#, r#""3.0""#, r#""7""#, r#""A""#, "[null]", "null", "true", r#"{"a":[1]}"#]);
}

#[test]
fn repeated_values_of_an_enum_add_up() {
    let shares = shares(&one_of(&json!(["A", "B", "A", "A"])), 4000);
    near(shares[r#""A""#], 0.75, 0.03);
    near(shares[r#""B""#], 0.25, 0.03);
}

#[test]
fn strings_without_chars_hold_the_hundred_printable_characters() {
    let found = values(&json!({"type": "string", "length_distribution": uniform(1, 40)}), 1000);
    let mut seen = [0u32; 128];
    for value in &found {
        let text = value.as_str().unwrap();
        assert!((1..=40).contains(&text.len()));
        text.bytes().for_each(|b| seen[usize::from(b)] += 1);
    }
    let printable = |b: &usize| matches!(b, 9..=13 | 32..=126);
    assert!((0..128).all(|b| printable(&b) == (seen[b] > 100)), "{seen:?}");
    assert_eq!((0..128).filter(printable).count(), 100);
}

#[test]
fn strings_have_the_drawn_length() {
    let found = values(&string(&uniform(3, 6), &json!("abcdefg")), 4000);
    let mut lengths = [0.0; 8];
    for value in &found {
        let text = value.as_str().unwrap();
        assert!(text.bytes().all(|b| (b'a'..=b'g').contains(&b)));
        lengths[text.len()] += 1.0 / 4000.0;
    }
    assert_eq!(lengths.iter().sum::<f64>() - lengths[3..7].iter().sum::<f64>(), 0.0);
    lengths[3..7].iter().for_each(|share| near(*share, 0.25, 0.03));
    assert_eq!(text_of_one(&string(&constant(0), &json!("a"))), r#""""#);
    assert_eq!(text_of_one(&string(&constant(-2), &json!("a"))), r#""""#);
    assert_eq!(text_of_one(&string(&constant(2.9), &json!("é"))), r#""éé""#);
    assert_eq!(text_of_one(&string(&constant(1), &json!("\""))), r#""\"""#);
    for value in values(&string(&constant(2), &json!(["ab", "cd"])), 50) {
        assert!(["abab", "abcd", "cdab", "cdcd"].contains(&value.as_str().unwrap()), "{value}");
    }
}

#[test]
fn repeated_characters_raise_their_odds() {
    near(shares(&string(&constant(1), &json!("SSSA")), 4000)[r#""S""#], 0.75, 0.03);
    near(shares(&string(&constant(1), &json!(["S", "S", "A"])), 4000)[r#""S""#], 2.0 / 3.0, 0.03);
}

#[test]
fn a_length_beyond_all_bounds_is_cut() {
    assert_eq!(text_of_one(&string(&exponential(1e30), &json!("a"))).len(), crate::limits::DRAWN_LENGTH + 2);
}

#[test]
fn addresses_are_dotted_quads() {
    let address = |distribution: Json| json!({"type": "ipaddress", "distribution": distribution});
    assert_eq!(text_of_one(&address(constant(4_294_967_295_u32))), r#""255.255.255.255""#);
    assert_eq!(text_of_one(&address(constant(0x0102_0304))), r#""1.2.3.4""#);
    assert_eq!(text_of_one(&address(normal(1e15, 0.0))), r#""255.255.255.255""#);
    assert_eq!(text_of_one(&address(normal(-5.0, 0.0))), r#""0.0.0.0""#);
    let shares = shares(&address(uniform(2_130_706_433, 2_130_706_440)), 4000);
    let wanted: Vec<String> = (1..=8).map(|n| format!("\"127.0.0.{n}\"")).collect();
    assert_eq!(shares.keys().cloned().collect::<Vec<_>>(), wanted);
    shares.values().for_each(|share| near(*share, 0.125, 0.02));
}

#[test]
fn moments_are_written_in_utc_to_the_millisecond() {
    let moment = |distribution: Json| json!({"type": "timestamp", "distribution": distribution});
    for (text, wanted) in [
        ("2020-01-01T15:00", "2020-01-01T15:00:00.000"),
        ("2020-01-01T15:00:00.5Z", "2020-01-01T15:00:00.500"),
        ("2020-01-01T15:00:00+02:00", "2020-01-01T13:00:00.000"),
        ("2020-01-01 15:00:00.0009", "2020-01-01T15:00:00.000"),
        ("1969-12-31T23:59:59.9999", "1969-12-31T23:59:59.999"),
        ("20200101T150000", "2020-01-01T15:00:00.000"),
    ] {
        assert_eq!(text_of_one(&moment(constant(text))), format!("\"{wanted}\""), "{text}");
    }
    let found = values(&moment(uniform("1920-01-01", "1920-01-02")), 1000);
    let texts: Vec<&str> = found.iter().map(|value| value.as_str().unwrap()).collect();
    assert!(texts.iter().all(|text| text.len() == 23 && ("1920-01-01T00:00:00.000"..="1920-01-02T00:00:00.000").contains(text)));
    let morning = texts.iter().filter(|text| **text < "1920-01-01T12").count();
    assert!((430..570).contains(&morning), "{morning} of 1000 in the morning");
    let spread = values(&moment(json!({"type": "normal", "mean": "2020-01-01T12:00:00", "stddev": 3600})), 1000);
    let within = spread.iter().filter(|value| ("2020-01-01T11:00:00"..="2020-01-01T13:00:00").contains(&value.as_str().unwrap())).count();
    assert!((630..735).contains(&within), "{within} of 1000 within a standard deviation");
}

#[test]
fn uniform_floats_reach_from_min_to_max_and_no_farther() {
    let found: Vec<f64> =
        values(&json!({"type": "float", "distribution": uniform(0, 1)}), 4000).iter().map(|value| value.as_f64().unwrap()).collect();
    assert!(found.iter().all(|value| (0.0..=1.0).contains(value)));
    near(found.iter().sum::<f64>() / 4000.0, 0.5, 0.02);
    assert!(found.iter().any(|value| *value > 0.99) && found.iter().any(|value| *value < 0.01));
    let latitudes = values(&json!({"type": "float", "distribution": uniform(-90, 90)}), 4000);
    assert!(latitudes.iter().all(|value| value.as_f64().unwrap().abs() <= 90.0));
}

#[test]
fn uniform_integers_are_even_below_zero_too() {
    let even = shares(&int(&uniform(-2, 2)), 10_000);
    assert_eq!(even.keys().map(String::as_str).collect::<Vec<_>>(), ["-1", "-2", "0", "1", "2"]);
    even.values().for_each(|share| near(*share, 0.2, 0.02));
    assert_eq!(shares(&int(&uniform(5, 5)), 50).len(), 1);
    let wide = values(&int(&uniform(i64::MIN, i64::MAX)), 200);
    assert!(wide.iter().any(|value| value.as_i64().unwrap() < -(1 << 61)) && wide.iter().any(|value| value.as_i64().unwrap() > 1 << 61));
}

#[test]
fn other_integers_are_truncated_towards_zero() {
    let found: Vec<f64> = values(&int(&exponential(2.0)), 10_000).iter().map(|value| value.as_f64().unwrap()).collect();
    near(found.iter().sum::<f64>() / 1e4, 1.54, 0.08);
    let shares_of = shares(&int(&exponential(2.0)), 10_000);
    near(shares_of["0"], 0.393, 0.02);
    near(shares_of["1"], 0.239, 0.02);
    let normal = shares(&int(&normal(0.0, 1.0)), 10_000);
    near(normal["0"], 0.6827, 0.02); // From -1 to 1.
    near(normal["-1"], 0.1359, 0.015);
}

#[test]
fn a_pool_holds_exactly_its_cardinality_of_values() {
    let pooled = |index: &Json| with(int(&uniform(0, 1000)), &json!({"cardinality": 10, "cardinality_distribution": index}));
    let mut normal = shares(&pooled(&normal(5.0, 2.0)), 10_000).into_values().collect::<Vec<_>>();
    normal.sort_by(f64::total_cmp);
    let wanted = [0.0228, 0.0228, 0.0441, 0.0441, 0.0919, 0.0919, 0.1499, 0.1499, 0.1915, 0.1915];
    assert_eq!(normal.len(), wanted.len());
    normal.iter().zip(wanted).for_each(|(share, wanted)| near(*share, wanted, 0.015));
    let mut beyond = shares(&pooled(&uniform(0, 99)), 5000).into_values().collect::<Vec<_>>();
    beyond.sort_by(f64::total_cmp);
    assert_eq!(beyond.len(), 10);
    beyond[..9].iter().for_each(|share| near(*share, 0.01, 0.006));
    near(beyond[9], 0.91, 0.015);
}

#[test]
fn every_kind_of_value_can_have_a_pool() {
    let pool = json!({"cardinality": 5, "cardinality_distribution": uniform(0, 4)});
    for dimension in [
        string(&constant(8), &json!("abc")),
        int(&normal(0.0, 100.0)),
        json!({"type": "float", "distribution": normal(0.0, 1.0)}),
        json!({"type": "timestamp", "distribution": uniform("1950-01-01", "2000-01-01")}),
        json!({"type": "ipaddress", "distribution": uniform(0, 4_294_967_295_u32)}),
        object(&json!([with(int(&uniform(0, 9)), &json!({"name": "i"})), with(int(&uniform(0, 9)), &json!({"name": "j"}))])),
        object(&json!([{"type": "counter", "name": "c"}])),
        list(&json!([int(&uniform(0, 9))]), &constant(3), &constant(0)),
    ] {
        assert_eq!(shares(&with(dimension.clone(), &pool), 300).len(), 5, "{dimension}");
    }
}

#[test]
fn a_pool_as_large_as_what_can_come_out_holds_all_of_it() {
    let all = shares(&with(int(&uniform(-15, 35)), &json!({"cardinality": 51, "cardinality_distribution": uniform(0, 50)})), 5000);
    let mut numbers: Vec<i64> = all.keys().map(|text| text.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (-15..=35).collect::<Vec<_>>());
}

#[test]
fn pools_of_floats_are_distinct_before_their_precision() {
    let dimension = json!({"type": "float", "distribution": uniform(0, 1), "precision": 1, "cardinality": 200, "cardinality_distribution": uniform(0, 199)});
    let shares = shares(&dimension, 2000);
    assert_eq!(
        shares.keys().map(String::as_str).collect::<Vec<_>>(),
        ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0"]
    );
}

#[test]
fn emitters_share_no_pool_even_where_their_text_is_equal() {
    let pooled =
        |name: &str| with(int(&uniform(0, 1_000_000)), &json!({"name": name, "cardinality": 3, "cardinality_distribution": constant(0)}));
    let record = lines(&looping(&json!([pooled("a"), pooled("b")])), run(Some(1), None, 1)).remove(0);
    assert_ne!(record["a"], record["b"]);
}

#[test]
fn missing_is_decided_before_null() {
    let shares = shares(&with(int(&constant(1)), &json!({"percent_missing": 30, "percent_nulls": 20})), 20_000);
    near(shares["missing"], 0.30, 0.012);
    near(shares["null"], 0.14, 0.010);
    for dimension in
        [int(&constant(1)), one_of(&json!(["A", "B"])), json!({"type": "counter"}), object(&json!([])), string(&constant(1), &json!("a"))]
    {
        let always = |member: &str| texts_of(&with(dimension.clone(), &json!({member: 100})), 20);
        assert!(always("percent_missing").iter().all(Option::is_none), "{dimension}");
        assert!(always("percent_nulls").iter().all(|text| text.as_deref() == Some("null")), "{dimension}");
    }
}

#[test]
fn missing_and_null_members_of_different_dimensions_are_independent() {
    let named = |name: &str| with(int(&constant(1)), &json!({"name": name, "percent_missing": 50, "percent_nulls": 50}));
    let records = lines(&looping(&json!([named("a"), named("b")])), run(Some(4000), None, 1));
    let both_missing = records.iter().filter(|record| record.get("a").is_none() && record.get("b").is_none()).count();
    assert!((900..1100).contains(&both_missing), "{both_missing} of 4000");
    let both_null = records.iter().filter(|record| record.get("a") == Some(&Json::Null) && record.get("b") == Some(&Json::Null)).count();
    assert!((190..310).contains(&both_null), "{both_null} of 4000");
}

#[test]
fn objects_nest_and_keep_nulls() {
    let dimension = object(&json!([
        {"type": "int", "name": "i", "distribution": constant(5)},
        {"type": "string", "name": "time", "length_distribution": constant(2), "chars": "z"},
        with(one_of(&json!(["A"])), &json!({"name": "e", "percent_nulls": 100})),
        {"type": "object", "name": "o", "dimensions": [{"type": "float", "name": "quote\"d", "distribution": constant(1)}]}]));
    assert_eq!(text_of_one(&dimension), r#"{"i":5,"time":"zz","e":null,"o":{"quote\"d":1.0}}"#);
    assert_eq!(text_of_one(&object(&json!([]))), "{}");
    let pooled = with(
        object(&json!([{"type": "string", "name": "s", "length_distribution": constant(9)}])),
        &json!({"cardinality": 2, "cardinality_distribution": uniform(0, 1)}),
    );
    assert_eq!(shares(&pooled, 200).len(), 2);
}

#[test]
fn a_missing_member_of_an_object_is_absent() {
    let counter = |name: &str, percent: u32| json!({"type": "counter", "name": name, "percent_missing": percent});
    assert_eq!(
        text_of_one(&object(&json!([counter("a", 100), counter("b", 0), counter("c", 100), counter("d", 0)]))),
        r#"{"b":"0","d":"0"}"#
    );
    assert_eq!(text_of_one(&object(&json!([counter("a", 100)]))), "{}");
    near(shares(&object(&json!([with(int(&constant(1)), &json!({"name": "i", "percent_missing": 50}))])), 2000)["{}"], 0.5, 0.05);
}

#[test]
fn a_list_picks_among_its_elements() {
    let elements = json!([one_of(&json!(["E0"])), one_of(&json!(["E1"])), int(&constant(2))]);
    assert_eq!(text_of_one(&list(&elements, &constant(1), &constant(2))), "[2]");
    assert_eq!(text_of_one(&list(&elements, &constant(0), &constant(2))), "[]");
    assert_eq!(text_of_one(&list(&elements, &constant(-1), &constant(2))), "[]");
    assert_eq!(text_of_one(&list(&elements, &constant(3), &constant(99))), "[2,2,2]");
    assert_eq!(text_of_one(&list(&elements, &constant(2), &constant(-5))), r#"["E0","E0"]"#);
    let (mut places, mut last) = (0, 0);
    for value in values(&list(&elements, &constant(5), &uniform(0, 9)), 400) {
        let array = value.as_array().unwrap();
        assert_eq!(array.len(), 5);
        places += array.len();
        last += array.iter().filter(|element| **element == json!(2)).count();
    }
    assert!((1520..1680).contains(&last), "{last} of {places} places"); // 8 in 10.
    near(shares(&list(&json!([int(&constant(1))]), &uniform(0, 3), &constant(0)), 4000)["[1,1]"], 0.25, 0.03);
}

#[test]
fn a_list_may_hold_objects_lists_and_moments() {
    let elements = json!([
        object(&json!([{"type": "counter", "name": "c"}])),
        list(&json!([int(&constant(1))]), &constant(2), &constant(0)),
        {"type": "timestamp", "distribution": constant("2020-01-01")}]);
    let all = shares(&list(&elements, &constant(1), &uniform(0, 2)), 50).into_keys().collect::<Vec<_>>();
    assert!(
        all.contains(&r#"["2020-01-01T00:00:00.000"]"#.to_owned())
            && all.contains(&"[[1,1]]".to_owned())
            && all.contains(&r#"[{"c":"3"}]"#.to_owned())
    );
}

#[test]
fn a_missing_element_of_a_list_leaves_its_place_out() {
    let elements = json!([with(int(&constant(1)), &json!({"percent_missing": 100})), int(&constant(2))]);
    for value in values(&list(&elements, &constant(6), &uniform(0, 1)), 100) {
        let array = value.as_array().unwrap();
        assert!(array.len() <= 6 && array.iter().all(|element| *element == json!(2)), "{value}");
    }
    assert_eq!(text_of_one(&list(&elements, &constant(3), &constant(0))), "[]");
}

#[test]
fn the_places_of_a_list_are_drawn_apart() {
    for value in values(&list(&json!([int(&uniform(0, 1_000_000_000))]), &constant(4), &constant(0)), 50) {
        let array = value.as_array().unwrap();
        assert!((1..4).all(|i| !array[..i].contains(&array[i])), "{value}");
    }
}

/// A state that sets variable `v` and loops; the emitter shows it as `d`.
fn through_a_variable(variable: &Json, n: u64) -> Vec<String> {
    let mut specification = looping(&json!([{"type": "variable", "name": "d", "variable": "v"}]));
    specification["states"][0]["variables"] = json!([with(variable.clone(), &json!({"name": "v"}))]);
    let text = text_of(&specification, run(Some(n), None, 1));
    text.lines().map(|line| line[34 + 4..].strip_suffix('}').unwrap().to_owned()).collect()
}

#[test]
fn variables_are_texts_whatever_they_hold() {
    for (variable, wanted) in [
        (int(&constant(-5)), r#""-5""#),
        (json!({"type": "float", "distribution": constant(0.5)}), r#""0.5""#),
        (json!({"type": "float", "distribution": constant(0.125), "precision": 2}), r#""0.12""#),
        (json!({"type": "float", "distribution": constant(3), "precision": 0}), r#""3""#),
        (json!({"type": "counter"}), r#""0""#),
        (one_of(&json!(["he\"y"])), r#""he\"y""#),
        (one_of(&json!([2.5])), r#""2.5""#),
        (one_of(&json!([null])), "null"),
        (one_of(&json!([true])), "true"),
        (with(int(&constant(1)), &json!({"percent_nulls": 100})), "null"),
        (with(one_of(&json!(["A"])), &json!({"percent_nulls": 100})), "null"),
        (json!({"type": "timestamp", "distribution": constant("2020-01-01")}), r#""2020-01-01T00:00:00.000""#),
        (json!({"type": "ipaddress", "distribution": constant(1)}), r#""0.0.0.1""#),
        (string(&constant(40), &json!("é")), &format!("\"{}\"", "é".repeat(40))),
        (object(&json!([with(int(&constant(1)), &json!({"name": "i"}))])), r#"{"i":1}"#),
        (list(&json!([int(&constant(1)), one_of(&json!(["x"]))]), &constant(2), &constant(1)), r#"["x","x"]"#),
        (with(int(&constant(7)), &json!({"cardinality": 1, "cardinality_distribution": constant(0)})), r#""7""#),
        (
            with(
                object(&json!([with(int(&constant(1)), &json!({"name": "i"}))])),
                &json!({"cardinality": 1, "cardinality_distribution": constant(0)}),
            ),
            r#"{"i":1}"#,
        ),
    ] {
        assert_eq!(through_a_variable(&variable, 3)[0], wanted, "{variable}");
    }
}

#[test]
fn random_numbers_in_variables_are_texts_that_parse_as_numbers() {
    for text in through_a_variable(&int(&uniform(-1000, 1000)), 50) {
        let text: String = serde_json::from_str(&text).unwrap();
        assert!((-1000..=1000).contains(&text.parse::<i64>().unwrap()));
    }
    for text in through_a_variable(&json!({"type": "float", "distribution": uniform(0, 1)}), 50) {
        let text: String = serde_json::from_str(&text).unwrap();
        assert!(text.len() > 5 && (0.0..=1.0).contains(&text.parse::<f64>().unwrap()));
    }
}

#[test]
fn variables_honour_pools_and_nulls() {
    let pooled = with(int(&uniform(0, 1_000_000)), &json!({"cardinality": 2, "cardinality_distribution": uniform(0, 1)}));
    let mut found = through_a_variable(&pooled, 200);
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 2);
    for variable in [with(pooled, &json!({"percent_nulls": 25})), with(int(&constant(1)), &json!({"percent_nulls": 25}))] {
        let nulls = through_a_variable(&variable, 2000).iter().filter(|text| *text == "null").count();
        assert!((420..580).contains(&nulls), "{nulls} nulls of 2000 of {variable}");
    }
}

/// States a → b → a; a sets what is given, b sets nothing, both share an emitter that shows `v`.
fn two_states(variables: &Json, of_b: &Json) -> Json {
    let mut specification = machine(&json!([{"type": "variable", "name": "v", "variable": "v"}]), &constant(0.7), "b");
    let mut second = specification["states"][0].clone();
    second["name"] = json!("b");
    second["transitions"][0]["next"] = json!("s");
    second["variables"] = of_b.clone();
    specification["states"].as_array_mut().unwrap().push(second);
    specification["states"][0]["variables"] = variables.clone();
    specification
}

#[test]
fn a_variable_survives_the_states_that_do_not_set_it() {
    let pooled = json!({"cardinality": 500, "cardinality_distribution": uniform(0, 499)});
    let fresh = with(int(&uniform(0, 1_000_000)), &json!({"name": "v"}));
    for variable in [
        fresh.clone(),
        with(fresh, &pooled),
        with(object(&json!([with(string(&constant(50), &json!("abc")), &json!({"name": "s"}))])), &json!({"name": "v"})),
    ] {
        let records = lines(&two_states(&json!([variable]), &json!([])), run(Some(200), None, 1));
        let mut changes = 0;
        for pair in records.chunks(2) {
            assert_eq!(pair[0]["v"], pair[1]["v"]);
        }
        for pair in records[1..].chunks_exact(2) {
            changes += usize::from(pair[0]["v"] != pair[1]["v"]);
        }
        assert!(changes > 90, "{changes} of 99");
    }
}

#[test]
fn a_variable_is_overwritten_by_name_and_starts_as_null() {
    let set = |text: &str| json!([with(one_of(&json!([text])), &json!({"name": "v"}))]);
    let shown =
        |specification: &Json| lines(specification, run(Some(4), None, 1)).iter().map(|record| record["v"].clone()).collect::<Vec<_>>();
    assert_eq!(shown(&two_states(&set("A"), &set("B"))), ["A", "B", "A", "B"]);
    assert_eq!(shown(&two_states(&json!([]), &set("B"))), [json!(null), json!("B"), json!("B"), json!("B")]);
    // A name that one state takes from a list of values and another draws afresh.
    let mixed = two_states(&set("A"), &json!([{"type": "counter", "name": "v"}]));
    assert_eq!(shown(&mixed), ["A", "0", "A", "1"]);
}

#[test]
fn the_variables_of_one_entity_do_not_show_in_another() {
    // An entity that has just begun has no variables, whoever had its slot before.
    let set = |variable: Json| {
        let mut specification = two_states(&json!([]), &json!([with(variable, &json!({"name": "v"}))]));
        specification["states"][1]["transitions"][0]["next"] = json!("stop");
        specification
    };
    for specification in [set(json!({"type": "counter"})), set(one_of(&json!(["A", "B"])))] {
        for (i, record) in lines(&specification, run(Some(40), None, 1)).iter().enumerate() {
            assert_eq!(record["v"].is_null(), i % 2 == 0, "{record}");
        }
    }
}

#[test]
fn a_variable_can_hold_another_and_stand_inside_objects_and_lists() {
    let mut specification = looping(&json!([
        object(&json!([{"type": "variable", "name": "i", "variable": "v"}])),
        with(list(&json!([{"type": "variable", "variable": "o"}]), &constant(2), &constant(0)), &json!({"name": "l"})),
        {"type": "variable", "name": "n", "variable": "v", "percent_nulls": 100},
        {"type": "variable", "name": "m", "variable": "v", "percent_missing": 100}]));
    specification["states"][0]["variables"] = json!([
        {"type": "counter", "name": "v"},
        with(object(&json!([{"type": "variable", "name": "copy", "variable": "v"}])), &json!({"name": "o"}))]);
    let text = text_of(&specification, run(Some(2), None, 1));
    let second = text.lines().nth(1).unwrap();
    assert_eq!(&second[34..], r#""d":{"i":"1"},"l":[{"copy":"1"},{"copy":"1"}],"n":null}"#);
}

#[test]
fn type_names_are_read_in_any_case() {
    let dimensions = json!([
        {"type": "INT", "name": "i", "distribution": {"type": "CONSTANT", "value": 1}},
        {"type": "Enum", "name": "e", "values": ["A"], "cardinality_distribution": {"type": "Uniform", "min": 0, "max": 0}},
        {"type": "IpAddress", "name": "a", "distribution": {"type": "Normal", "mean": 5, "stddev": 0}},
        {"type": "COUNTER", "name": "c"}]);
    let text = text_of(&looping(&dimensions), run(Some(1), None, 1));
    assert_eq!(text, "{\"time\":\"2020-01-01T00:00:00.000\",\"i\":1,\"e\":\"A\",\"a\":\"0.0.0.5\",\"c\":\"0\"}\n");
}

#[test]
fn a_specification_without_dimensions_gives_the_time_alone() {
    assert_eq!(text_of(&looping(&json!([])), run(Some(1), None, 1)), "{\"time\":\"2020-01-01T00:00:00.000\"}\n");
}

#[test]
fn sessions_end_as_often_as_the_weights_say() {
    let mut specification = two_states(&json!([{"type": "counter", "name": "v"}]), &json!([]));
    specification["states"][1]["transitions"] =
        json!([{"next": "b", "probability": 5}, {"next": "STOP", "probability": 5}, {"next": "s", "probability": 0}]);
    let mut sizes = BTreeMap::new();
    for record in lines(&specification, run(Some(4000), None, 20)) {
        *sizes.entry(record["v"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    let ended = sizes.len() - 20;
    assert!((1250..1420).contains(&ended), "{ended} sessions in 4000 records"); // Three records each.
}

#[test]
fn waits_lie_within_the_bounds_of_their_distribution() {
    let mut specification = looping(&json!([]));
    specification["states"][0]["delay"] = uniform(5, 10);
    let times = times(&specification, run(Some(5000), None, 1));
    let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (4.999..=10.001).contains(gap)));
    near(gaps.iter().sum::<f64>() / 4999.0, 7.5, 0.1);
    specification["states"][0]["delay"] = constant(-1);
    assert_eq!(times_of_ten(&specification), [0.0; 10]);
}

fn times_of_ten(specification: &Json) -> Vec<f64> {
    times(specification, run(Some(10), None, 1))
}

#[test]
fn a_plan_stands_still_only_where_no_time_can_pass() {
    let stands_still = |delay: Json, interarrival: Json, next: &str| {
        let mut specification = machine(&json!([]), &interarrival, next);
        specification["states"][0]["delay"] = delay;
        Plan::compile(&specification, 1, None).unwrap().stands_still()
    };
    assert!(stands_still(constant(0), constant(1), "s"));
    assert!(stands_still(uniform(-3, 0), exponential(1.0), "s"));
    assert!(stands_still(exponential(0.0), constant(0), "stop"));
    assert!(!stands_still(constant(0), constant(4), "stop"));
    assert!(!stands_still(constant(0.1), constant(0), "s"));
    assert!(!stands_still(normal(-5.0, 1.0), constant(0), "s"));
    // What cannot be reached does not count.
    let mut specification = two_states(&json!([{"type": "counter", "name": "v"}]), &json!([]));
    specification["states"][0]["delay"] = constant(0);
    assert!(!Plan::compile(&specification, 1, None).unwrap().stands_still());
    specification["states"][0]["transitions"][0]["next"] = json!("s");
    assert!(Plan::compile(&specification, 1, None).unwrap().stands_still());
}

#[test]
fn entities_without_a_delay_follow_each_other_at_the_interarrival() {
    let mut specification = machine(&json!([]), &constant(4), "stop");
    specification["states"][0]["delay"] = constant(0);
    assert_eq!(times(&specification, run(None, Some(10), 1)), [0.0, 4.0, 8.0]);
}
