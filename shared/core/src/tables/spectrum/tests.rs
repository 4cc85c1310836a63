#![expect(clippy::approx_constant, reason = "angles are given with the digits of the published vectors")]

use std::f64::consts::{PI, TAU};

use proptest::prelude::*;

use super::super::WindowFunction;
use super::*;

/// A bin of digital silence, whatever round-off leaves of it; its phase means nothing.
const Z: f64 = f64::NEG_INFINITY;

fn spectrum(window: &[f64], bin_count: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut magnitude, mut phase) = (Vec::new(), Vec::new());
    Spectrum::new(bin_count).transform(window, &mut magnitude, &mut phase);
    assert_eq!((magnitude.len(), phase.len()), (bin_count / 2, bin_count / 2));
    (magnitude, phase)
}

fn assert_spectrum(name: &str, window: &[f64], bin_count: usize, magnitude: &[f64], phase: &[f64]) {
    let (magnitudes, phases) = spectrum(window, bin_count);
    for (k, (expected, angle)) in magnitude.iter().zip(phase).enumerate() {
        if *expected == Z {
            assert!(magnitudes[k] < -200.0, "{name}, bin {k}: {}", magnitudes[k]);
            continue;
        }
        assert!((magnitudes[k] - expected).abs() < 1e-6, "{name}, bin {k}: {} dB, not {expected}", magnitudes[k]);
        assert!((phases[k] - angle).abs() < 1e-6, "{name}, bin {k}: {} rad, not {angle}", phases[k]);
    }
}

/// One bin that is not silent.
fn only(bin: usize, value: f64, count: usize, elsewhere: f64) -> Vec<f64> {
    (0..count).map(|k| if k == bin { value } else { elsewhere }).collect()
}

const V9: [f64; 8] = [0.5, -0.25, 0.125, 1.0, -1.0, 0.75, -0.5, 0.25];

#[test]
fn short_windows_have_the_spectra_that_numpy_finds() {
    let eight = |at: usize| only(at, 1.0, 8, 0.0);
    assert_spectrum("V1", &[1.0, 2.0, 3.0, 4.0], 4, &[20.0, 9.030899870], &[0.0, -0.785398163]);
    assert_spectrum("V1b", &[4.0, 3.0, 2.0, 1.0], 4, &[20.0, 9.030899870], &[0.0, 2.356194490]);
    assert_spectrum("V2", &eight(0), 8, &[0.0; 4], &[0.0, PI, 0.0, PI]);
    assert_spectrum("V3", &eight(4), 8, &[0.0; 4], &[0.0; 4]);
    assert_spectrum(
        "V4",
        &[1.0, 2.0, 3.0, 4.0, 5.0],
        8,
        &[23.521825181, 19.125916216, 11.139433523, 9.154234426],
        &[0.0, -0.641929273, -2.553590050, 2.018776101],
    );
    assert_spectrum(
        "V5",
        &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
        8,
        &[28.943160627, 20.384406615, 15.051499783, 12.728892908],
        &[0.0, -1.178097245, 2.356194490, -0.392699082],
    );
    assert_spectrum("V8", &[1.0; 4], 4, &[12.041199827, Z], &[0.0, 0.0]);
    assert_spectrum("V9", &V9, 8, &[-1.159838940, -5.688879911, -2.379782499, 9.104326365], &[0.0, 2.100699117, 1.735945004, -2.856668527]);
    let mut hamming = V9;
    WindowFunction::Hamming.apply(&mut hamming);
    assert_spectrum(
        "V10",
        &hamming,
        8,
        &[-8.978867256, -7.622872202, -1.716938725, 6.575469921],
        &[0.0, 1.502199635, 2.731870006, -3.017181481],
    );
    assert_spectrum(
        "V11",
        &[1.0, 2.0, 3.0],
        8,
        &[15.563025008, 14.033557747, 9.030899870, 4.291531380],
        &[0.0, -0.284924127, -0.785398163, -2.100699117],
    );
}

#[test]
fn waves_have_the_spectra_that_numpy_finds() {
    let wave = |n: u32, amplitude: f64, of: fn(f64) -> f64, turns: f64| -> Vec<f64> {
        (0..n).map(|i| amplitude * of(TAU * turns * f64::from(i))).collect()
    };
    let v6 = wave(16, 1.0, libm::cos, 2.0 / 16.0);
    assert_spectrum("V6", &v6, 16, &only(2, 18.061799740, 8, Z), &[0.0; 8]);
    let v7 = wave(16, 0.5, libm::sin, 3.0 / 16.0);
    assert_spectrum("V7", &v7, 16, &only(3, 12.041199827, 8, Z), &only(3, 1.570796327, 8, 0.0));
    let v12 = wave(401, 1.0, libm::cos, 440.0 / 44100.0);
    assert_spectrum(
        "V12",
        &v12,
        512,
        &[
            -20.829969951,
            12.470122807,
            23.217982116,
            28.103484468,
            28.285255630,
            45.847495398,
            38.078261296,
            33.931317362,
            28.111816985,
            12.126663220,
            20.932700109,
            24.949191769,
        ],
        &[
            0.0,
            2.999381598,
            -0.072599411,
            3.093006787,
            -0.036506000,
            -0.029099911,
            -0.024275656,
            3.120803180,
            -0.018146129,
            3.125786987,
            3.126944027,
            -0.013244293,
        ],
    );
    let v13 = wave(256, 0.5, libm::cos, 32.0 / 128.0);
    assert_spectrum("V13", &v13, 256, &only(64, 36.123599480, 128, Z), &[0.0; 128]);
}

#[test]
fn bins_stand_for_frequencies_up_to_half_the_rate() {
    let sample = |rate: &str, bin_count| FftSample {
        index: 0,
        bin_count,
        samples_count: 0,
        rate: rate.parse().unwrap(),
        magnitude: Vec::new(),
        phase: Vec::new(),
        time: 0,
    };
    assert_eq!((0..4).map(|k| sample("44100", 8).frequency(k)).collect::<Vec<_>>(), [0.0, 5512.5, 11025.0, 16537.5]);
    assert_eq!(sample("44100", 512).frequency(1), 86.132_812_5);
    assert_eq!(sample("128", 256).frequency(127), 63.5);
}

#[test]
fn silence_is_minus_infinity_and_has_no_angle() {
    for window in [&[0.0; 8][..], &[-0.0; 5], &[]] {
        assert_eq!(spectrum(window, 8), (vec![f64::NEG_INFINITY; 4], vec![0.0; 4]));
    }
}

#[test]
fn samples_near_the_ends_of_the_range_keep_their_magnitudes() {
    for exponent in [-300, -160, 160, 300] {
        let value = format!("1e{exponent}").parse().unwrap();
        let (magnitude, _) = spectrum(&[value, 0.0, 0.0, 0.0], 4);
        assert!((magnitude[1] - 20.0 * f64::from(exponent)).abs() < 1e-6, "1e{exponent}: {magnitude:?}");
    }
    assert!(spectrum(&[f64::NAN, 1.0], 2).0[0].is_nan());
}

#[test]
fn a_spectrum_is_used_again_without_a_trace_of_the_last_window() {
    let mut spectrum = Spectrum::new(8);
    let mut taken = |window: &[f64]| {
        let (mut magnitude, mut phase) = (Vec::new(), Vec::new());
        spectrum.transform(window, &mut magnitude, &mut phase);
        (magnitude, phase)
    };
    let first = taken(&[1.0, 2.0, 3.0]);
    taken(&V9);
    assert_eq!(taken(&[1.0, 2.0, 3.0]), first);
}

#[test]
fn bin_counts_are_powers_of_two_within_the_bound() {
    for good in [2, 4, 1024, limits::FFT_BINS] {
        assert!(Spectrum::takes(good));
        assert_eq!(Spectrum::new(good).bin_count(), good);
    }
    for bad in [0, 1, 3, 1000, limits::FFT_BINS * 2, usize::MAX] {
        assert!(!Spectrum::takes(bad), "{bad}");
    }
    let (magnitude, phase) = spectrum(&[1.0, -3.0], 2);
    assert!((magnitude[0] - 20.0 * libm::log10(2.0)).abs() < 1e-12 && phase[0] == PI);
}

/// The definition, term by term: bins 0 to N/2 of the rotated window.
fn by_definition(window: &[f64], n: usize) -> Vec<Complex64> {
    let middle = window.len() / 2;
    let place = |j: usize| if j >= middle { j - middle } else { n - middle + j };
    let term = |j: usize, k: usize| {
        let angle = -TAU * ((place(j) * k % n) as f64) / n as f64;
        Complex64::new(libm::cos(angle), libm::sin(angle)) * window[j]
    };
    (0..=n / 2).map(|k| (0..window.len()).map(|j| term(j, k)).sum()).collect()
}

fn complex((magnitude, phase): &(Vec<f64>, Vec<f64>)) -> Vec<Complex64> {
    let polar = |(decibels, angle): (&f64, &f64)| Complex64::from_polar(libm::pow(10.0, decibels / 20.0), *angle);
    magnitude.iter().zip(phase).map(polar).collect()
}

/// A bin count, and a window that is no longer.
fn windows() -> impl Strategy<Value = (usize, Vec<f64>)> {
    (1u32..9).prop_flat_map(|log| (Just(1 << log), prop::collection::vec(-1.0..1.0, 0..=1usize << log)))
}

proptest! {
    #[test]
    fn every_bin_is_as_defined((n, window) in windows()) {
        for (bin, expected) in complex(&spectrum(&window, n)).iter().zip(by_definition(&window, n)) {
            prop_assert!((bin - expected).norm() < 1e-10, "{} and not {}", bin, expected);
        }
    }

    /// Parseval: the squares of all bins are N times the squares of the samples.
    #[test]
    fn no_power_is_gained_or_lost((n, window) in windows()) {
        let bins = complex(&spectrum(&window, n));
        let nyquist = by_definition(&window, n)[n / 2];
        let mirrored: f64 = bins[1..].iter().map(Complex64::norm_sqr).sum();
        let power = bins[0].norm_sqr() + 2.0 * mirrored + nyquist.norm_sqr();
        let samples: f64 = window.iter().map(|sample| sample * sample).sum();
        prop_assert!((power - n as f64 * samples).abs() < 1e-9 * (1.0 + power), "{} and not {}", power, n as f64 * samples);
    }

    #[test]
    fn the_spectrum_of_a_sum_is_the_sum_of_spectra((n, window) in windows(), factor in -3.0..3.0f64) {
        let other: Vec<f64> = window.iter().rev().map(|sample| sample * sample).collect();
        let sum: Vec<f64> = window.iter().zip(&other).map(|(a, b)| a + factor * b).collect();
        let [a, b, both] = [&window, &other, &sum].map(|window| complex(&spectrum(window, n)));
        for ((a, b), both) in a.iter().zip(&b).zip(&both) {
            prop_assert!((a + b * factor - both).norm() < 1e-9);
        }
    }
}
