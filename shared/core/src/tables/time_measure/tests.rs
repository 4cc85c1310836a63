use num_bigint::BigInt;
use proptest::prelude::*;

use super::*;

fn nanos(text: &str) -> Option<i64> {
    text.parse::<TimeMeasure>().ok().map(TimeMeasure::nanos)
}

#[test]
fn these_are_read_so() {
    let day = 86_400_000_000_000;
    for (text, expected) in [
        ("100ms", 100_000_000),
        ("1.ms", 1_000_000),
        ("1.0d", day),
        ("100Lms", 100_000_000),
        ("100lms", 100_000_000),
        ("100.2fs", 100_000_000_000),
        ("100.2Fs", 100_000_000_000),
        ("100.2ms", 100_000_000),
        ("1fd", day),
        ("1D", day),
        ("1M", 60_000_000_000),
        ("1MS", 1_000_000),
        ("1Ms", 1_000_000),
        ("2h", 7_200_000_000_000),
        ("3us", 3000),
        ("7nS", 7),
        ("1e2ms", 100_000_000),
        ("1E2MS", 100_000_000),
        ("1.E2Ms", 100_000_000),
        ("1.2e2ms", 120_000_000),
        ("1500e-3s", 1_000_000_000),
        ("1e-3s", 0),
        ("0.9s", 0),
        ("1.5s", 1_000_000_000),
        ("-1.9s", -1_000_000_000),
        ("-100ms", -100_000_000),
        ("-0s", 0),
        ("00012s", 12_000_000_000),
        ("1234567890123456ns", 1_234_567_890_123_456),
        ("9007199254740993ns", 9_007_199_254_740_992),
        ("9223372036854775807ns", i64::MAX),
        ("106751d", 106_751 * day),
        ("106752d", i64::MAX),
        ("1e300s", i64::MAX),
        ("-1e300s", i64::MIN),
        ("1e99999999999999999999d", i64::MAX),
        ("0e99999999999999999999d", 0),
    ] {
        assert_eq!(nanos(text), Some(expected), "{text}");
    }
}

#[test]
fn these_are_refused() {
    for text in [
        "100",
        "100L",
        "2.2",
        "s",
        "ms",
        "-s",
        ".5s",
        "-.5s",
        "1..s",
        "1.5.2s",
        "1 s",
        " 1s",
        "1s ",
        "+1s",
        "--1s",
        "1e+3ms",
        "1e1.5s",
        "1min",
        "1sec",
        "1w",
        "1megasecond",
        "1µs",
        "1_000s",
        "1,5s",
        "0x10s",
        "1ff",
        "1fl",
        "1fls",
        "1dd",
        "NaNs",
        "Infinitys",
        "infs",
        "",
        "1",
        "1es",
        "1e-s",
        "1e--1s",
        "1ee1s",
        "1-2s",
        "1-s",
        "1.2-3s",
        "1s\n",
        "1s\r\n",
        "\n1s",
        "1\0s",
        "١s",
        "1ſ",
        "1s1s",
        "1m s",
    ] {
        assert_eq!(nanos(text), None, "{text:?}");
    }
}

#[test]
fn a_refusal_repeats_the_text_cut_to_a_bounded_length() {
    let said = "1min".parse::<TimeMeasure>().unwrap_err().to_string();
    assert_eq!(said, "\"1min\" is not a time measure: a number and, right behind it, one of ns, us, ms, s, m, h, d, as in 100ms");
    assert!("é".repeat(10_000).parse::<TimeMeasure>().unwrap_err().to_string().len() < 300);
}

#[test]
fn measures_are_compared_and_added_whatever_their_units() {
    let measure = |text: &str| text.parse::<TimeMeasure>().unwrap();
    assert_eq!(measure("5d"), measure("432000s"));
    assert!(measure("1s") < measure("1200ms") && measure("4s") < measure("1e7us"));
    assert_eq!(measure("2s").saturating_add(measure("100ms")).nanos(), 2_100_000_000);
    assert_eq!(measure("119s").saturating_sub(measure("2m")).nanos(), -1_000_000_000);
    assert_eq!(measure("1e300s").saturating_add(measure("1s")).nanos(), i64::MAX);
    assert_eq!(measure("-1e300s").saturating_sub(measure("1s")).nanos(), i64::MIN);
}

#[test]
fn a_measure_is_shown_in_its_greatest_unit() {
    for (text, expected) in [("0h", "0s"), ("432000s", "5d"), ("90m", "90m"), ("120m", "2h"), ("-1500ms", "-1500ms"), ("1ns", "1ns")] {
        assert_eq!(text.parse::<TimeMeasure>().unwrap().to_string(), expected);
    }
}

/// Units by hand, so that the table above is held against another one.
fn unit() -> impl Strategy<Value = (&'static str, i64)> {
    let second = 1_000_000_000;
    prop_oneof![
        Just(("ns", 1)),
        Just(("us", 1000)),
        Just(("ms", 1_000_000)),
        Just(("s", second)),
        Just(("m", 60 * second)),
        Just(("h", 3600 * second)),
        Just(("d", 86_400 * second))
    ]
}

/// The letters of a text, some of them in upper case.
fn in_any_case(text: &str, upper: u64) -> String {
    text.chars().enumerate().map(|(i, c)| if upper >> (i % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect()
}

proptest! {
    #[test]
    fn whatever_the_grammar_makes_is_read_by_the_rule(
        number in "-?[0-9]{1,20}(\\.[0-9]{0,5})?(e-?[0-9]{1,3})?", suffix in "[fl]?", (unit, factor) in unit(), upper: u64,
    ) {
        let text = in_any_case(&format!("{number}{suffix}{unit}"), upper);
        let float: f64 = number.parse().unwrap();
        // The rule once more, in integers without bounds.
        let whole = if float.abs() < 1e30 { BigInt::from(float.trunc() as i128) } else { BigInt::from(float.signum() as i64) << 200 };
        let clamp = |value: BigInt| value.clamp(BigInt::from(i64::MIN), BigInt::from(i64::MAX));
        let expected = clamp(clamp(whole) * factor);
        prop_assert_eq!(nanos(&text).map(BigInt::from), Some(expected), "{}", text);
        let measure: TimeMeasure = text.parse().unwrap();
        prop_assert_eq!(measure.to_string().parse::<TimeMeasure>(), Ok(measure), "{} is shown as {}", text, measure);
    }

    /// Texts near the grammar: read exactly if they fit it, as this automaton says, which tries every split of the text.
    #[test]
    fn texts_near_the_grammar_are_read_if_and_only_if_they_fit(text in "-?[0-9.e]{0,4}[-+0-9.eflE ]{0,3}[numshdf]{0,2}") {
        let fits = |text: &str| {
            let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
            let units = ["ns", "us", "ms", "s", "m", "h", "d"];
            units.iter().filter_map(|unit| text.strip_suffix(unit)).any(|before| {
                ["", "f", "l"].iter().filter_map(|suffix| before.strip_suffix(suffix)).any(|number| {
                    let number = number.strip_prefix('-').unwrap_or(number);
                    let (mantissa, exponent) = number.split_once('e').map_or((number, None), |(m, e)| (m, Some(e)));
                    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
                    all_digits(whole)
                        && (fraction.is_empty() || all_digits(fraction))
                        && exponent.is_none_or(|e| all_digits(e.strip_prefix('-').unwrap_or(e)))
                })
            })
        };
        prop_assert_eq!(nanos(&text).is_some(), fits(&text.to_ascii_lowercase()), "{:?}", text);
    }
}
