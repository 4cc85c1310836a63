use num_bigint::BigUint;
use proptest::prelude::*;

use super::*;

fn rate(text: &str) -> SampleRate {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A rate as a fraction without bounds, made from its text.
fn fraction(text: &str) -> (BigUint, BigUint) {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    (format!("{whole}{decimals}").parse().unwrap(), BigUint::from(10u32).pow(u32::try_from(decimals.len()).unwrap()))
}

#[test]
fn markers_are_those_of_the_exact_rate() {
    let first = |text: &str, n| (0..n).map(|i| rate(text).marker(i)).collect::<Vec<_>>();
    assert_eq!(first("44100", 8), [0, 22675, 45351, 68027, 90702, 113_378, 136_054, 158_730]);
    assert_eq!(first("4", 5), [0, 250_000_000, 500_000_000, 750_000_000, 1_000_000_000]);
    assert_eq!(first("0.1", 3), [0, 10_000_000_000, 20_000_000_000]);
    assert_eq!(first("3", 4), [0, 333_333_333, 666_666_666, 1_000_000_000]);
    assert_eq!(rate("44100").marker(4409), 99_977_324);
    assert_eq!(rate("0.000000001").marker(9), 9_000_000_000_000_000_000);
    assert_eq!(rate("0.000000001").marker(10), i64::MAX);
    assert_eq!(rate("1").marker(u64::MAX), i64::MAX);
}

#[test]
fn a_span_holds_whole_samples() {
    assert_eq!(rate("44100").samples_in(1_000_000_000), 44_100);
    assert_eq!(rate("44100").samples_in(1_000_000), 44);
    assert_eq!((rate("44100").samples_in(-1), rate("44100").samples_in(i64::MIN)), (0, 0));
    assert_eq!(rate("1000000000").samples_in(i64::MAX), i64::MAX.unsigned_abs());
}

#[test]
fn a_rate_is_shown_and_kept_as_it_was_written() {
    for (text, shown) in
        [("44100", "44100"), ("44100.0", "44100"), ("4.41e4", "44100"), ("0.5", "0.5"), ("1e-9", "0.000000001"), ("22050.25", "22050.25")]
    {
        let rate = rate(text);
        assert_eq!(rate.to_string(), shown);
        assert_eq!(rate.as_f64(), text.parse::<f64>().unwrap());
        let json = serde_json::to_string(&rate).unwrap();
        assert_eq!(serde_json::from_str::<SampleRate>(&json).unwrap(), rate);
    }
    assert_eq!(serde_json::to_string(&rate("44100.0")).unwrap(), "44100");
    assert_eq!(rate("44100.9").whole_hertz(), 44_100);
    assert_eq!((rate("44100").fraction(), rate("0.1").fraction(), rate("2.5").fraction()), ((44_100, 1), (1, 10), (5, 2)));
}

#[test]
fn what_is_no_rate_is_refused_with_the_bound() {
    for (text, said) in [
        ("abc", "must be a number"),
        ("", "must be a number"),
        ("1 ", "must be a number"),
        ("NaN", "must be a number"),
        ("inf", "must be a number"),
        ("1e", "must be a number"),
        ("0", "greater than 0"),
        ("-1", "greater than 0"),
        ("1e400", "at most 1000000000, not inf"),
        ("1000000001", "at most 1000000000"),
        ("0.0000000001", "at most 9 decimals"),
        ("0.30000000000000004", "at most 9 decimals"),
    ] {
        let error = text.parse::<SampleRate>().expect_err(text).to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
    assert!(SampleRate::from_f64(f64::NAN).is_err());
    assert!(serde_json::from_str::<SampleRate>("\"44100\"").is_err());
    assert!(serde_json::from_str::<SampleRate>("0").unwrap_err().to_string().contains("greater than 0"));
}

/// Rates that are hard for floating-point numbers, and any others.
fn rates() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["44100", "48000", "22050", "11025", "4", "3", "7", "0.1", "0.3", "29.97", "1000000000", "0.000000001"])
            .prop_map(str::to_owned),
        (1u64..=1_000_000_000).prop_map(|n| n.to_string()),
        (0u64..1_000_000, 1u64..1_000_000_000).prop_map(|(whole, nanos)| format!("{whole}.{nanos:09}")),
    ]
}

proptest! {
    #[test]
    fn markers_agree_with_integers_without_bounds(text in rates(), index in prop_oneof![0u64..1_000_000, any::<u64>()]) {
        let (numerator, denominator) = fraction(&text);
        let exact = BigUint::from(index) * 1_000_000_000u32 * denominator / numerator;
        let expected = exact.min(BigUint::from(i64::MAX.unsigned_abs()));
        prop_assert_eq!(BigUint::from(rate(&text).marker(index).unsigned_abs()), expected);
    }

    #[test]
    fn markers_in_a_row_are_the_same_as_alone(text in rates(), first in prop_oneof![0u64..1_000_000, 0..u64::MAX - 100]) {
        let rate = rate(&text);
        let alone: Vec<i64> = (first..first + 100).map(|index| rate.marker(index)).collect();
        prop_assert_eq!(rate.markers(first).take(100).collect::<Vec<_>>(), alone);
    }

    #[test]
    fn the_first_element_at_a_marker_is_the_first(text in rates(), marker in prop_oneof![any::<i64>(), 0i64..1_000_000_000_000]) {
        let rate = rate(&text);
        let first = rate.first_at(marker);
        prop_assert!(rate.marker(first) >= marker);
        prop_assert!(first == 0 || rate.marker(first - 1) < marker);
    }

    #[test]
    fn the_first_element_at_its_own_marker_is_itself_or_a_twin(text in rates(), index in 0u64..1_000_000_000_000) {
        let rate = rate(&text);
        let marker = rate.marker(index);
        let first = rate.first_at(marker);
        prop_assert!(first <= index && rate.marker(first) == marker);
    }

    #[test]
    fn spans_agree_with_integers_without_bounds(text in rates(), nanos in prop_oneof![any::<i64>(), 0i64..1_000_000_000_000]) {
        let (numerator, denominator) = fraction(&text);
        let expected = BigUint::from(nanos.max(0).unsigned_abs()) * numerator / (denominator * 1_000_000_000u32);
        prop_assert_eq!(BigUint::from(rate(&text).samples_in(nanos)), expected);
    }

    #[test]
    fn a_rate_survives_json_and_its_own_text(text in rates()) {
        let rate = rate(&text);
        prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        prop_assert_eq!(rate.as_f64(), text.parse::<f64>().unwrap());
        let json = serde_json::to_string(&rate).unwrap();
        prop_assert_eq!(serde_json::from_str::<SampleRate>(&json).unwrap(), rate);
    }
}
