use std::f64::consts::TAU;

use num_bigint::BigInt;
use proptest::prelude::*;

use super::super::SampleRate;
use super::*;
use crate::mistakes::Findings;

fn read(json: &Value) -> Result<Signal, String> {
    let findings = Findings::default();
    let signal = Signal::read(&Node::top(json, "source.signal", &findings));
    findings.conclude(signal).map_err(|mistakes| mistakes.to_string())
}

fn signal(json: &Value) -> Signal {
    read(json).unwrap_or_else(|mistakes| panic!("{json}: {mistakes}"))
}

fn rate(text: &str) -> SampleRate {
    text.parse().unwrap()
}

fn filled(json: &Value, at: &str, first: u64, count: usize) -> Vec<f64> {
    let mut out = vec![f64::NAN; count];
    signal(json).fill(rate(at), first, &mut out);
    out
}

#[track_caller]
fn assert_near(values: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(values.len(), expected.len());
    for (i, (value, expected)) in values.iter().zip(expected).enumerate() {
        assert!((value - expected).abs() <= tolerance, "at {i}: {value}, not {expected}");
    }
}

#[test]
fn a_sine_is_a_cosine() {
    let values = filled(&json!({"sine": {"frequency": 440}}), "44100", 0, 5);
    assert_near(&values, &[1.0, 0.998_035_664, 0.992_150_375, 0.982_367_253, 0.968_724_733], 1e-9);
    let quarters = filled(&json!({"sine": {"frequency": 250, "amplitude": 2}}), "1000", 0, 5);
    assert_eq!(quarters, [2.0, 0.0, -2.0, 0.0, 2.0]);
    assert!(quarters.iter().all(|value| value.to_bits() != (-0.0f64).to_bits()), "{quarters:?}");
    let shifted = filled(&json!({"sine": {"frequency": 250, "amplitude": -1, "phase": std::f64::consts::FRAC_PI_2}}), "1000", 0, 4);
    assert_eq!(shifted, [0.0, 1.0, 0.0, -1.0]);
}

#[test]
fn a_square_and_a_saw_turn_exactly_where_they_should() {
    let square = json!({"square": {"frequency": 0.1, "amplitude": 3, "duty": 0.3}});
    let period = [3.0, 3.0, 3.0, -3.0, -3.0, -3.0, -3.0, -3.0, -3.0, -3.0];
    let saw = json!({"saw": {"frequency": 100}});
    let rising = [-1.0, -0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8];
    // A tenth of a turn is no binary fraction: each of these indices is at the edge of a period.
    for first in [0, 10, 1_000_000, 10_000_000_000, 10_000_000_000_000_000_000] {
        assert_eq!(filled(&square, "1", first, 10), period, "{first}");
        assert_near(&filled(&saw, "1000", first, 10), &rising, 1e-15);
    }
    assert_eq!(filled(&json!({"square": {"frequency": 250}}), "1000", 0, 4), [1.0, 1.0, -1.0, -1.0]);
}

#[test]
fn noise_is_uniform_and_belongs_to_its_seed_and_index() {
    let noise = |seed: i64| filled(&json!({"noise": {"amplitude": 2, "seed": seed}}), "44100", 0, 100_000);
    let values = noise(7);
    assert_eq!(values, noise(7));
    assert_ne!(values[..10], noise(8)[..10]);
    assert!(values.iter().all(|value| (-2.0..2.0).contains(value)));
    let moment = |power: i32| values.iter().map(|value| value.powi(power)).sum::<f64>() / 100_000.0;
    // Means of 100 000 draws from [-2, 2): 0 and 4/3, each within five standard errors; and neighbours are unrelated.
    assert!(moment(1).abs() < 0.019, "{}", moment(1));
    assert!((moment(2) - 4.0 / 3.0).abs() < 0.019, "{}", moment(2));
    let neighbours = values.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / 99_999.0;
    assert!(neighbours.abs() < 0.022, "{neighbours}");
    // What a seed means must never change.
    assert_near(&values[..3], &GOLDEN_NOISE, 0.0);
}

const GOLDEN_NOISE: [f64; 3] = [0.2992491142909115, 0.9410126508676329, 0.39985550449126794];

#[test]
fn a_sum_is_the_sum_of_its_members() {
    let [a, b, c] = [
        json!({"sine": {"frequency": 440, "amplitude": 0.3}}),
        json!({"saw": {"frequency": 3.5, "amplitude": 0.1}}),
        json!({"noise": {"amplitude": 0.01, "seed": 1}}),
    ];
    let sum = filled(&json!({"sum": [a, {"sum": [b, c]}]}), "8000", 5, 1000);
    let [a, b, c] = [a, b, c].map(|json| filled(&json, "8000", 5, 1000));
    let expected: Vec<f64> = (0..1000).map(|i| a[i] + b[i] + c[i]).collect();
    assert_eq!(sum, expected);
}

#[test]
fn a_sweep_reaches_its_end_and_begins_again_without_a_jump() {
    let sweep = json!({"sweep": {"from": 20, "to": 2000, "duration": "10s"}});
    // The time from one falling crossing of zero to the next is a period: at the ends of the sweep, those of its frequencies.
    let frequency = |first: u64, count: usize| {
        let values = filled(&sweep, "44100", first, count);
        let falling = values.windows(2).enumerate().filter(|(_, pair)| pair[0] > 0.0 && pair[1] <= 0.0);
        let crossings: Vec<f64> = falling.map(|(i, pair)| i as f64 + pair[0] / (pair[0] - pair[1])).collect();
        44_100.0 / (crossings.last().unwrap() - crossings[crossings.len() - 2])
    };
    assert!((frequency(441_000 - 200, 200) - 2000.0).abs() < 10.0, "{}", frequency(441_000 - 200, 200));
    assert!((frequency(220_500 - 200, 200) - 1010.0).abs() < 10.0);
    let begins = filled(&sweep, "44100", 441_000, 4410);
    let turns_before = (20.0 + 2000.0) / 2.0 * 10.0f64;
    assert_eq!(turns_before.fract(), 0.0);
    assert_near(&begins, &filled(&sweep, "44100", 0, 4410), 1e-9);
    // Where the turns of a sweep are no whole number, no step across the seam is larger than the fastest wave makes.
    let odd = json!({"sweep": {"from": 20, "to": 1000.3, "duration": "33333333ns"}});
    let values = filled(&odd, "44100", 0, 44_100);
    let steepest = TAU * 1000.3 / 44_100.0;
    assert!(values.windows(2).all(|pair| (pair[0] - pair[1]).abs() <= steepest));
}

#[test]
fn what_is_read_is_shown_whole_and_reads_the_same() {
    for (given, shown) in [
        (json!({"sine": {"frequency": 440}}), json!({"sine": {"frequency": 440, "amplitude": 1, "phase": 0}})),
        (
            json!({"sweep": {"from": 0, "to": 20e3, "duration": "10000ms"}, "length": "1s"}),
            json!({"sweep": {"from": 0, "to": 20_000, "duration": "10s", "amplitude": 1}}),
        ),
        (json!({"square": {"frequency": 0.5}}), json!({"square": {"frequency": 0.5, "amplitude": 1, "duty": 0.5}})),
        (json!({"sum": [{"saw": {"frequency": 1}}]}), json!({"sum": [{"saw": {"frequency": 1, "amplitude": 1}}]})),
        (json!({"noise": {"seed": -3}}), json!({"noise": {"amplitude": 1, "seed": -3}})),
    ] {
        assert_eq!(signal(&given).to_json(), shown);
        assert_eq!(signal(&shown), signal(&given));
    }
}

#[test]
fn mistakes_are_told_with_their_paths() {
    let deep = (0..=limits::SIGNAL_NESTING).fold(json!({"saw": {"frequency": 1}}), |inner, _| json!({"sum": [inner]}));
    let many = json!({"sum": vec![json!({"sum": vec![json!({"saw": {"frequency": 1}}); 33]}); 2]});
    for (given, said) in [
        (json!({}), "source.signal: must have one of the members sine, sweep"),
        (json!({"length": "1s"}), "source.signal: must have one of the members"),
        (json!(3), "source.signal: must be an object"),
        (json!({"triangle": {}}), "source.signal.triangle: is no signal; known are sine"),
        (json!({"sine": {"frequency": 1}, "saw": {"frequency": 1}}), "source.signal.saw: is one too many beside sine"),
        (json!({"sine": {}}), "source.signal.sine.frequency: is required"),
        (json!({"sine": {"frequency": 0}}), "source.signal.sine.frequency: must be from 1e-12 to 1e9 Hz, not 0"),
        (json!({"sine": {"frequency": -1}}), "source.signal.sine.frequency: must be from"),
        (json!({"sine": {"frequency": "440"}}), "source.signal.sine.frequency: must be a number"),
        (json!({"sine": {"frequency": 1, "amplitude": null}}), "source.signal.sine.amplitude: must be a number, not null"),
        (json!({"sine": {"frequency": 1, "amplitude": 1e101}}), "source.signal.sine.amplitude: must not be greater"),
        (json!({"sine": {"frequency": 1, "length": "1s"}}), "source.signal.sine.length: is no member of this signal"),
        (json!({"sum": [{"saw": {"frequency": 1}, "length": "1s"}]}), "source.signal.sum[0].length: is one too many"),
        (json!({"sweep": {"from": 1, "to": 2}}), "source.signal.sweep.duration: is required"),
        (json!({"sweep": {"from": 1, "to": 2, "duration": "10"}}), "source.signal.sweep.duration: \"10\" is not a time measure"),
        (json!({"sweep": {"from": 1, "to": 2, "duration": "0.9s"}}), "source.signal.sweep.duration: must be longer than 0"),
        (json!({"sweep": {"from": -1, "to": 1e10, "duration": "1s"}}), "source.signal.sweep.to: must be 0, or from"),
        (json!({"square": {"frequency": 1, "duty": 1}}), "source.signal.square.duty: must be greater than 0 and less than 1, not 1"),
        (json!({"square": {"frequency": 1, "duty": 0}}), "source.signal.square.duty: must be greater"),
        (json!({"noise": {}}), "source.signal.noise.seed: is required"),
        (json!({"noise": {"seed": 1.5}}), "source.signal.noise.seed: must be an integer"),
        (json!({"sum": []}), "source.signal.sum: must have 1 to 64 members, not 0"),
        (json!({"sum": {}}), "source.signal.sum: must be an array"),
        (json!({"sum": [{"noise": {}}, {"sine": {}}]}), "sum[0].noise.seed: is required; source.signal.sum[1].sine.frequency: is required"),
        (json!({"sum": vec![json!({"saw": {"frequency": 1}}); 65]}), "source.signal.sum: must have 1 to 64 members, not 65"),
        (many, "source.signal.sum[1].sum[31]: is one too many: a signal has at most 64 parts"),
        (deep, "nested too deeply"),
    ] {
        let mistakes = read(&given).expect_err(&given.to_string());
        assert!(mistakes.contains(said), "{given}: {mistakes}");
    }
}

/// A decimal as a fraction without bounds.
fn fraction(text: &str) -> (BigInt, BigInt) {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    (format!("{whole}{decimals}").parse().unwrap(), BigInt::from(10).pow(u32::try_from(decimals.len()).unwrap()))
}

/// The angle of this many turns, less all whole ones.
fn angle((numerator, denominator): &(BigInt, BigInt)) -> f64 {
    let rest: BigInt = numerator % denominator;
    let units: BigInt = (rest << 64) / denominator;
    u64::try_from(&units).unwrap() as f64 / 18_446_744_073_709_551_616.0 * TAU
}

fn decimals() -> impl Strategy<Value = String> {
    let dotted = (0u32..20_000, 1u32..1_000_000).prop_map(|(whole, rest)| format!("{whole}.{rest:06}"));
    prop_oneof![(1u32..20_000).prop_map(|n| n.to_string()), dotted, Just("0.000011574074074074073".to_owned())]
}

fn rates() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["44100", "48000", "8000", "1000", "3", "0.1", "22050.5", "1000000000"]).prop_map(str::to_owned),
        (1u32..200_000).prop_map(|n| n.to_string()),
    ]
}

fn indices() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..100_000, 0u64..10_000_000_000, Just(10_000_000_000), any::<u32>().prop_map(|n| u64::from(n) << 29)]
}

fn waves() -> impl Strategy<Value = Value> {
    let wave = prop_oneof![
        decimals().prop_map(|f| json!({"sine": {"frequency": f.parse::<f64>().unwrap(), "phase": 0.3}})),
        decimals().prop_map(|f| json!({"square": {"frequency": f.parse::<f64>().unwrap(), "duty": 0.1}})),
        decimals().prop_map(|f| json!({"saw": {"frequency": f.parse::<f64>().unwrap(), "amplitude": 3.25}})),
        any::<i32>().prop_map(|seed| json!({"noise": {"seed": seed}})),
        (0u32..5000, 0u32..5000, 1u64..10_000_000_000)
            .prop_map(|(from, to, nanos)| json!({"sweep": {"from": from, "to": to, "duration": format!("{nanos}ns")}})),
    ];
    wave.prop_recursive(2, 6, 3, |inner| prop::collection::vec(inner, 1..3).prop_map(|members| json!({"sum": members})))
}

proptest! {
    #[test]
    fn filling_in_pieces_gives_the_bits_of_filling_at_once(
        json in waves(), at in rates(), first in indices(), pieces in prop::collection::vec(0usize..50, 1..8),
    ) {
        let signal = signal(&json);
        prop_assert_eq!(read(&signal.to_json()), Ok(signal.clone()));
        let rate = rate(&at);
        let count: usize = pieces.iter().sum();
        let mut whole = vec![0.0; count];
        signal.fill(rate, first, &mut whole);
        let mut done = 0;
        for piece in pieces {
            let mut part = vec![f64::NAN; piece];
            signal.fill(rate, first + done as u64, &mut part);
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&part), bits(&whole[done..done + piece]));
            done += piece;
        }
    }

    #[test]
    fn a_wave_keeps_its_phase_for_ever(frequency in decimals(), at in rates(), index in indices()) {
        let ((f, f_scale), (r, r_scale)) = (fraction(&frequency), fraction(&at));
        let turns = (f * index * r_scale, f_scale * r);
        let frequency: f64 = frequency.parse().unwrap();
        let cosine = filled(&json!({"sine": {"frequency": frequency}}), &at, index, 1)[0];
        prop_assert!((cosine - libm::cos(angle(&turns))).abs() < 3e-15, "{} at {}", cosine, angle(&turns));
        let saw = filled(&json!({"saw": {"frequency": frequency}}), &at, index, 1)[0];
        prop_assert!((saw - (angle(&turns) / TAU * 2.0 - 1.0)).abs() < 1e-15);
        let square = filled(&json!({"square": {"frequency": frequency, "duty": 0.25}}), &at, index, 1)[0];
        let early = (&turns.0 % &turns.1) * 4 < turns.1;
        prop_assert_eq!(square, if early { 1.0 } else { -1.0 });
    }

    #[test]
    fn a_sweep_keeps_its_phase_for_ever(
        from in 0u32..20_000, to in 0u32..20_000, nanos in 1_000_000u64..1_000_000_000_000, at in 1000u32..200_000, index in 0u64..10_000_000_000,
    ) {
        let giga = BigInt::from(1_000_000_000);
        // All in nanoseconds over `at`: the time within this sweep, and the sweep's duration.
        let duration = BigInt::from(nanos) * at;
        let time = BigInt::from(index) * &giga;
        let (sweeps, within) = (&time / &duration, &time % &duration);
        // Twice the turns, over 10^9 * at * duration.
        let former = sweeps * (from + to) * &duration * &duration;
        let present = &within * (2 * from) * &duration + &within * &within * (i64::from(to) - i64::from(from));
        let turns = (former + present, giga * at * duration * 2);
        let json = json!({"sweep": {"from": from, "to": to, "duration": format!("{nanos}ns")}});
        let value = filled(&json, &at.to_string(), index, 1)[0];
        prop_assert!((value - libm::cos(angle(&turns))).abs() < 3e-15, "{} and not {}", value, libm::cos(angle(&turns)));
    }
}
