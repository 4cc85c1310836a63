//! Phases in fixed point: fractions of a turn in 128 bits.
//!
//! A phase that is computed as an `f64` product of frequency and time has lost its last digits after a minute, and more each day. Here
//! the turns of one sample are rounded once, to 2^-128, and multiplied by the index modulo one turn, which integers do by overflowing.
//! So the phase at any index is less than 2^-64 turns off. It is never early, since the rounding is upwards: a wave that jumps at a
//! sample jumps there and not one later.

/// A number that is not negative: its whole part, and a fraction in units of 2^-128.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fixed {
    pub(super) whole: u128,
    pub(super) fraction: u128,
}

impl Fixed {
    /// `number * factor / divisor`, rounded up. The number counts as its shortest decimal. It is at most 10^9 and has at most 29 decimals;
    /// some of the last are rounded when the divisor is great.
    pub(super) fn of(number: f64, factor: u64, divisor: u64) -> Self {
        let (mut digits, mut decimals) = decimal(number);
        let divisor = loop {
            // One bit is left for doubling remainders.
            match 10u128.pow(decimals).checked_mul(u128::from(divisor)) {
                Some(product) if product < 1 << 127 => break product,
                _ => {
                    digits = (digits + 5) / 10;
                    decimals -= 1;
                }
            }
        };
        let (whole, remainder) = product_over(digits, factor, divisor);
        Self { whole, fraction: fraction(remainder, divisor) }
    }

    /// `dividend / divisor`, rounded up; the divisor is less than 2^127.
    pub(super) fn ratio(dividend: u128, divisor: u128) -> Self {
        Self { whole: dividend / divisor, fraction: fraction(dividend % divisor, divisor) }
    }

    /// With 64 bits of fraction, modulo 2^64.
    pub(super) const fn half_and_half(self) -> u128 {
        self.whole << 64 | self.fraction >> 64
    }
}

/// Digits and decimals of the shortest decimal that says this number.
fn decimal(number: f64) -> (u128, u32) {
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').expect("`e` is asked for");
    let (whole, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u128 = format!("{whole}{rest}").parse().expect("digits of a number that is not negative");
    let exponent = exponent.parse::<i32>().expect("an exponent") - i32::try_from(rest.len()).expect("17 digits at most");
    match u32::try_from(exponent) {
        Ok(zeros) => (digits * 10u128.pow(zeros), 0),
        Err(_) => (digits, exponent.unsigned_abs()),
    }
}

/// `a * b / divisor` and the remainder, bit by bit, since the product may need more than 128.
fn product_over(a: u128, b: u64, divisor: u128) -> (u128, u128) {
    let (a_whole, a_rest) = (a / divisor, a % divisor);
    let (mut whole, mut rest) = (0, 0);
    for bit in (0..u64::BITS).rev() {
        whole *= 2;
        rest *= 2;
        if b >> bit & 1 == 1 {
            whole += a_whole;
            if rest >= divisor {
                rest -= divisor;
                whole += 1;
            }
            rest += a_rest;
        }
        if rest >= divisor {
            rest -= divisor;
            whole += 1;
        }
    }
    (whole, rest)
}

/// `remainder / divisor` in units of 2^-128, rounded up; both are less than 2^127, the remainder less than the divisor.
fn fraction(mut remainder: u128, divisor: u128) -> u128 {
    let mut fraction = 0u128;
    for _ in 0..u128::BITS {
        remainder *= 2;
        fraction *= 2;
        if remainder >= divisor {
            remainder -= divisor;
            fraction += 1;
        }
    }
    fraction + u128::from(remainder > 0)
}

/// The fraction of `a * b`, where `a` has 64 bits of fraction and `b` has 128 and no whole part.
#[inline]
pub(super) const fn fraction_of_product(a: u128, b: u128) -> u128 {
    let (a_whole, a_fraction) = (a >> 64, a & LOW);
    let (b_high, b_low) = (b >> 64, b & LOW);
    (a_whole.wrapping_mul(b_high) << 64)
        .wrapping_add(a_whole * b_low)
        .wrapping_add(a_fraction * b_high)
        .wrapping_add((a_fraction * b_low) >> 64)
}

/// The square of a fraction, rounded down.
#[inline]
pub(super) const fn square(x: u128) -> u128 {
    let (high, low) = (x >> 64, x & LOW);
    high * high + ((high * low) >> 63)
}

/// How often `fraction * count` passes a whole turn.
pub(super) const fn carries(fraction: u128, count: u64) -> u128 {
    let count = count as u128;
    ((fraction >> 64) * count + (((fraction & LOW) * count) >> 64)) >> 64
}

const LOW: u128 = u64::MAX as u128;

/// The cosine of a phase, as exact as [`libm::cos`] of the exact angle.
#[inline]
pub(super) fn cosine(phase: u128) -> f64 {
    // The nearest quarter turn, and how far the phase is from it. The angle is at most π/4, where no reduction is needed.
    let top = high_bits(phase);
    let quarter = top.wrapping_add(1 << 61) >> 62;
    let angle = signed(top.wrapping_sub(quarter << 62)) * (std::f64::consts::TAU / TWO_64);
    match quarter {
        0 => libm::cos(angle),
        1 => -libm::sin(angle),
        2 => -libm::cos(angle),
        _ => libm::sin(angle),
    }
}

/// A line from -1 at the beginning of a turn to 1 at its end.
#[inline]
pub(super) fn rise(phase: u128) -> f64 {
    signed(high_bits(phase) ^ 1 << 63) * (2.0 / TWO_64)
}

/// A fraction of a turn, from any angle in radians.
#[expect(clippy::cast_possible_truncation, reason = "half a turn is within 2^63 units, but for one value that a cast brings back")]
pub(super) fn turns_of(radians: f64) -> u128 {
    use std::f64::consts::{PI, TAU};
    let reduced = if radians.abs() <= PI { radians } else { libm::atan2(libm::sin(radians), libm::cos(radians)) };
    let units = (reduced / TAU * TWO_64) as i128;
    (units as u128) << 64
}

const TWO_64: f64 = 18_446_744_073_709_551_616.0;

#[inline]
const fn high_bits(phase: u128) -> u64 {
    (phase >> 64) as u64
}

#[inline]
#[expect(clippy::cast_precision_loss, reason = "53 bits are what there is")]
const fn signed(units: u64) -> f64 {
    units.cast_signed() as f64
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn big(fixed: Fixed) -> BigUint {
        (BigUint::from(fixed.whole) << 128) + fixed.fraction
    }

    #[test]
    fn a_number_counts_as_its_shortest_decimal() {
        assert_eq!(decimal(440.0), (440, 0));
        assert_eq!(decimal(0.1), (1, 1));
        assert_eq!(decimal(261.625_565_300_598_6), (2_616_255_653_005_986, 13));
        assert_eq!(decimal(1e9), (1_000_000_000, 0));
        assert_eq!(decimal(0.0), (0, 0));
        assert_eq!(decimal(1.0 / 86_400.0), (11_574_074_074_074_073, 21));
    }

    #[test]
    fn quarter_turns_are_exact() {
        let quarter = 1u128 << 126;
        assert_eq!([0, 1, 2, 3].map(|n| cosine(quarter * n) + 0.0), [1.0, 0.0, -1.0, 0.0]);
        assert_eq!([0, 1, 2, 3].map(|n| rise(quarter * n)), [-1.0, -0.5, 0.0, 0.5]);
        assert_eq!(turns_of(std::f64::consts::FRAC_PI_2), quarter);
        assert_eq!(turns_of(-std::f64::consts::FRAC_PI_2), quarter * 3);
        assert_eq!(turns_of(std::f64::consts::PI), quarter * 2);
        assert!(turns_of(1e6).abs_diff(turns_of(1e6 - 100_000.0 * std::f64::consts::TAU)) < 1 << 96);
    }

    proptest! {
        #[test]
        fn fixed_numbers_are_rounded_up_by_less_than_a_unit(
            number in prop_oneof![0.0..1e9f64, 1e-12..1.0f64, (1u32..1_000_000).prop_map(|n| f64::from(n) / 100.0)],
            factor: u64, divisor in 1u64..1_000_000_000,
        ) {
            let (digits, decimals) = decimal(number);
            let exact = (BigUint::from(digits) * factor) << 128;
            let divisor = BigUint::from(10u32).pow(decimals) * divisor;
            if divisor < (BigUint::from(1u32) << 127) {
                let fixed = big(Fixed::of(number, factor, u64::try_from(&divisor / BigUint::from(10u32).pow(decimals)).unwrap()));
                prop_assert_eq!(fixed, (&exact + &divisor - 1u32) / &divisor);
            }
        }

        #[test]
        fn ratios_are_rounded_up_by_less_than_a_unit(dividend: u128, divisor in 1..1u128 << 127) {
            let expected = ((BigUint::from(dividend) << 128) + divisor - 1u32) / divisor;
            prop_assert_eq!(big(Fixed::ratio(dividend, divisor)), expected);
        }

        #[test]
        fn products_keep_their_fractions(a: u128, b: u128, count: u64) {
            let within = |computed: u128, exact: BigUint, units: u32| {
                let exact = exact % (BigUint::from(1u32) << 128);
                let computed = BigUint::from(computed);
                computed <= exact && exact - computed <= BigUint::from(units)
            };
            prop_assert!(within(fraction_of_product(a, b), (BigUint::from(a) * b) >> 64, 1));
            prop_assert!(within(square(a), (BigUint::from(a) * a) >> 128, 2));
            prop_assert_eq!(BigUint::from(carries(a, count)), (BigUint::from(a) * count) >> 128);
        }

        #[test]
        fn cosines_are_those_of_the_angle(units: u64) {
            let angle = units as f64 * (std::f64::consts::TAU / TWO_64);
            prop_assert!((cosine(u128::from(units) << 64) - libm::cos(angle)).abs() < 2e-15);
        }
    }
}
