//! Samples of several kinds: how many digits they have is what rendering them depends on.

use std::f64::consts::TAU;

/// Samples a second.
pub(crate) const RATE: f64 = 44_100.0;

/// 440 Hz.
pub(crate) fn sine(count: usize) -> Vec<f64> {
    (0..count).map(|i| (TAU * 440.0 * i as f64 / RATE).sin()).collect()
}

/// Noise of all 53 bits, between -1 and 1.
pub(crate) fn noise(count: usize) -> Vec<f64> {
    let mut state = 1u64;
    let draw = move || {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    std::iter::repeat_with(draw).take(count).collect()
}

/// The sine as 16 bits hold it.
pub(crate) fn sound(count: usize) -> Vec<f64> {
    sine(count).into_iter().map(|sample| (sample * 32_767.0).round() / 32_768.0).collect()
}

/// Whole numbers, as a counter or a thermometer sends them.
pub(crate) fn whole(count: usize) -> Vec<f64> {
    sine(count).into_iter().map(|sample| (sample * 100.0).round()).collect()
}
