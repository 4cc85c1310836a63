//! Where an axis has its ticks, and what stands there.

/// The ticks of an axis: at round numbers, each with its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ticks {
    step: f64,
    /// Decimals of the labels.
    decimals: usize,
    /// Where they are, in order.
    pub(super) places: Vec<f64>,
}

impl Ticks {
    /// About so many ticks between `from` and `to`, at multiples of 1, 2 or 5 times a power of ten.
    pub(super) fn between(from: f64, to: f64, about: usize) -> Self {
        let wanted = (to - from) / about.max(1) as f64;
        if !(wanted.is_finite() && wanted > 0.0) {
            return Self { step: 0.0, decimals: 0, places: Vec::new() };
        }
        let exponent = libm::floor(libm::log10(wanted)).clamp(-300.0, 300.0) as i32;
        // The power is rounded; the factor makes up for that.
        let (factor, exponent) = match wanted / power(exponent) {
            ratio if ratio <= 1.0 => (1.0, exponent),
            ratio if ratio <= 2.0 => (2.0, exponent),
            ratio if ratio <= 5.0 => (5.0, exponent),
            _ => (1.0, exponent + 1),
        };
        let step = factor * power(exponent);
        let first = libm::ceil(from / step);
        // Dividing by a whole power of ten gives the double that is nearest to what the label says.
        let place = |number: f64| if exponent < 0 { number * factor / power(-exponent) } else { number * step };
        let numbers = (0..=2 * about + 2).map(|number| first + number as f64);
        let places = numbers.map(place).take_while(|place| *place <= to).collect();
        Self { step, decimals: usize::try_from(-exponent).unwrap_or(0), places }
    }

    /// What stands at this place.
    pub(super) fn label(&self, place: f64) -> String {
        let place = if place == 0.0 { 0.0 } else { place }; // Not -0.
        let greatest = self.places.iter().fold(0.0_f64, |greatest, place| greatest.max(place.abs()));
        if self.decimals <= 6 && greatest < 1e7 { format!("{place:.*}", self.decimals) } else { format!("{place:.3e}") }
    }
}

fn power(exponent: i32) -> f64 {
    libm::pow(10.0, f64::from(exponent))
}

/// A unit, and how many of the base unit it has.
pub(super) type Unit = (&'static str, f64);

/// The unit in which a span of time, in nanoseconds, is told.
pub(super) fn time_unit(span: f64) -> Unit {
    const UNITS: [Unit; 6] = [("d", 86_400e9), ("h", 3600e9), ("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0)];
    unit(span, &UNITS)
}

/// The unit in which frequencies up to this one, in Hz, are told.
pub(super) fn frequency_unit(highest: f64) -> Unit {
    const UNITS: [Unit; 4] = [("MHz", 1e6), ("kHz", 1e3), ("Hz", 1.0), ("mHz", 1e-3)];
    unit(highest, &UNITS)
}

/// The greatest unit of which there are two at least, or else the smallest.
fn unit<const N: usize>(span: f64, units: &[Unit; N]) -> Unit {
    units.iter().copied().find(|(_, size)| span >= 2.0 * size).unwrap_or(units[N - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(from: f64, to: f64, about: usize) -> Vec<String> {
        let ticks = Ticks::between(from, to, about);
        ticks.places.iter().map(|place| ticks.label(*place)).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        for (from, to, about, wanted) in [
            (0.0, 1.0, 5, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"][..]),
            (-1.1, 1.1, 5, &["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
            (0.0, 99.977, 10, &["0", "10", "20", "30", "40", "50", "60", "70", "80", "90"]),
            (86_400.5, 86_401.1, 4, &["86400.6", "86400.8", "86401.0"]),
            (1e9, 1e9 + 3e8, 3, &["1.000e9", "1.100e9", "1.200e9", "1.300e9"]),
        ] {
            assert_eq!(labels(from, to, about), wanted, "{from} to {to}");
        }
    }

    #[test]
    fn there_are_few_ticks_whatever_the_axis() {
        for (from, to) in [
            (0.0, 1e-300),
            (-1e300, 1e300),
            (1e15, 1e15 + 0.5),
            (0.0, 0.0),
            (5.0, 5.0),
            (f64::NAN, 1.0),
            (-f64::MAX, f64::MAX),
            (1e-310, 2e-310),
        ] {
            for about in [0, 1, 5, 50] {
                assert!(Ticks::between(from, to, about).places.len() <= 2 * about + 3, "{from} to {to}");
            }
        }
    }

    #[test]
    fn units_give_small_numbers() {
        for (span, wanted) in
            [(0.0, "ns"), (1999.0, "ns"), (2000.0, "µs"), (1e9, "ms"), (10e9, "s"), (5000e9, "s"), (8000e9, "h"), (1e18, "d")]
        {
            assert_eq!(time_unit(span).0, wanted, "{span}");
        }
        for (highest, wanted) in [(0.1, "mHz"), (500.0, "Hz"), (22050.0, "kHz")] {
            assert_eq!(frequency_unit(highest).0, wanted, "{highest}");
        }
    }
}
