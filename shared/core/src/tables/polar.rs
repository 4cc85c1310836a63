//! Decibels and angles of complex numbers, for many at once.
//!
//! A spectrum spends far more time in logarithms and arc tangents than in its transform, and most of that in branches that nobody can
//! foretell. So here are both without branches: compilers turn a loop over them into one that takes several numbers at a time. They
//! consist of nothing but additions, multiplications and divisions in a fixed order, whose bits are the same on every machine. A unit
//! test holds them within a few units in the last place of `libm`'s.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, FRAC_PI_4, LN_10, LOG10_2, PI};

use realfft::num_complex::Complex64;

/// Appends the magnitudes (20·log10, in decibels) and the phases (radians, greater than -π and at most π) of numbers.
pub(super) fn append(numbers: &[Complex64], magnitude: &mut Vec<f64>, phase: &mut Vec<f64>) {
    let (first_magnitude, first_phase) = (magnitude.len(), phase.len());
    magnitude.extend(numbers.iter().map(|number| decibels(number.norm_sqr())));
    phase.extend(numbers.iter().map(|number| angle(number.im, number.re)));
    let (magnitude, phase) = (&mut magnitude[first_magnitude..], &mut phase[first_phase..]);
    for ((number, magnitude), phase) in numbers.iter().zip(magnitude).zip(phase) {
        // Zero, not finite, or so near to either that the square has lost its digits.
        if !(1e-290..1e290).contains(&number.norm_sqr()) {
            *magnitude = 20.0 * libm::log10(libm::hypot(number.re, number.im));
            // Adding zero makes negative zeros positive ones, so that the negative half of the axis has one angle only.
            *phase = libm::atan2(number.im + 0.0, number.re + 0.0);
        }
    }
}

/// 1, 1/3, 1/5 and so on, each with the sign of the one before times `sign`: what powers are multiplied by in the series below.
const fn odd_parts<const N: usize>(sign: f64) -> [f64; N] {
    let (mut parts, mut at, mut above) = ([0.0; N], 0, 1.0);
    while at < N {
        parts[at] = above / (2 * at + 1) as f64;
        above *= sign;
        at += 1;
    }
    parts
}

/// `parts[1]·x + parts[2]·x² + …`, with an odd number of parts.
#[inline(always)]
fn series<const N: usize>(parts: &[f64; N], x: f64) -> f64 {
    // Two sums, which do not wait for each other.
    let square = x * x;
    let (mut odd, mut even, mut at) = (0.0, 0.0, N);
    while at > 2 {
        at -= 2;
        odd = odd * square + parts[at];
        even = even * square + parts[at + 1];
    }
    x * odd + square * even
}

/// 10·log10 of a number that is positive, finite and normal.
#[inline(always)]
fn decibels(number: f64) -> f64 {
    // The number is 2^exponent · part, with a part from the root of a half to the root of two.
    const ROOT: u64 = FRAC_1_SQRT_2.to_bits();
    const ONE: u64 = 1.0_f64.to_bits();
    const FRACTION: u64 = (1 << 52) - 1;
    let shifted = number.to_bits().wrapping_add(ONE - ROOT);
    // As the fraction of 2^52 it is a float without being converted to one.
    const SHIFT: f64 = (1_u64 << 52) as f64;
    let exponent = f64::from_bits((shifted >> 52) | SHIFT.to_bits()) - (SHIFT + 1023.0);
    let part = f64::from_bits((shifted & FRACTION) + ROOT);
    // ln((1 + s) / (1 - s)) = 2(s + s³/3 + s⁵/5 + …), where s is at most 0.172: what is left out is less than 1e-18 of it.
    const PARTS: [f64; 11] = odd_parts(1.0);
    let s = (part - 1.0) / (part + 1.0);
    let logarithm = s + s * series(&PARTS, s * s);
    // 10·log10(2) in two: products of the first with an exponent are exact.
    const TWO: f64 = f64::from_bits((10.0 * LOG10_2).to_bits() & !0xfff_ffff);
    const TWO_REST: f64 = 3.560_404_535_057_059e-8;
    exponent * TWO + (exponent * TWO_REST + logarithm * (20.0 / LN_10))
}

/// The angle of a complex number whose parts are finite, and not both zero.
#[inline(always)]
fn angle(im: f64, re: f64) -> f64 {
    let (high, wide) = (im.abs(), re.abs());
    let (small, large) = if high > wide { (wide, high) } else { (high, wide) };
    // Angles near 45° are counted from there, so that the tangent is at most 0.415: what is left out is less than 1e-18 of it.
    let diagonal = small > large * 0.414;
    let (above, below) = if diagonal { (small - large, small + large) } else { (small, large) };
    const PARTS: [f64; 23] = odd_parts(-1.0);
    let tangent = above / below;
    let from = if diagonal { FRAC_PI_4 } else { 0.0 };
    let angle = from + (tangent + tangent * series(&PARTS, tangent * tangent));
    let angle = if high > wide { FRAC_PI_2 - angle } else { angle };
    let angle = if re < 0.0 { PI - angle } else { angle };
    if im < 0.0 { -angle } else { angle }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn both(re: f64, im: f64) -> (f64, f64) {
        let (mut magnitude, mut phase) = (Vec::new(), Vec::new());
        append(&[Complex64::new(re, im)], &mut magnitude, &mut phase);
        (magnitude[0], phase[0])
    }

    #[test]
    fn axes_and_diagonals_are_exact() {
        for (re, im, angle) in [
            (1.0, 0.0, 0.0),
            (1.0, -0.0, 0.0),
            (-1.0, 0.0, PI),
            (-1.0, -0.0, PI),
            (0.0, 2.0, FRAC_PI_2),
            (-0.0, -2.0, -FRAC_PI_2),
            (3.0, 3.0, FRAC_PI_4),
            (-3.0, -3.0, -3.0 * FRAC_PI_4),
            (0.0, 0.0, 0.0),
            (-0.0, -0.0, 0.0),
            (f64::INFINITY, 1.0, 0.0),
            (-1e200, 0.0, PI),
        ] {
            assert_eq!(both(re, im).1, angle, "{re} + {im}i");
        }
        assert_eq!(both(1.0, 0.0).0, 0.0);
        assert_eq!(both(0.0, 0.0).0, f64::NEG_INFINITY);
        assert_eq!(both(0.0, -10.0).0, 20.0);
        assert!(both(f64::NAN, 0.0).0.is_nan() && both(f64::NAN, 0.0).1.is_nan());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn both_are_what_libm_says_within_a_few_units_in_the_last_place(
            re in prop_oneof![-2.0..2.0, -1e-3..1e-3, prop::num::f64::ANY],
            im in prop_oneof![-2.0..2.0, -1e3..1e3, prop::num::f64::ANY],
        ) {
            let (magnitude, phase) = both(re, im);
            let decibels = 20.0 * libm::log10(libm::hypot(re, im));
            let close = |one: f64, other: f64, near: f64| one == other || one.is_nan() && other.is_nan() || (one - other).abs() < near;
            // Near one, the square has a rounding of its own.
            prop_assert!(close(magnitude, decibels, (decibels.abs() + 10.0) * 4.0 * f64::EPSILON), "{magnitude}, not {decibels}");
            let angle = libm::atan2(im + 0.0, re + 0.0);
            prop_assert!(close(phase, angle, angle.abs() * 4.0 * f64::EPSILON), "{phase}, not {angle}");
        }
    }
}
