//! Window functions: what each element of a window is multiplied by before its spectrum is taken.

use std::f64::consts::TAU;

/// A window function in its periodic form: its period is the number of elements, so that it is not symmetric from the first element to
/// the last, but from the first to the one that would come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowFunction {
    /// 1 everywhere.
    Rectangle,
    /// Rises from 0 to 1 in the middle, and falls again.
    Triangular,
    /// 0.42 - 0.5 cos(2πi/n) + 0.08 cos(4πi/n).
    Blackman,
    /// a - (1 - a) cos(2πi/n), where a = 25/46.
    Hamming,
}

impl WindowFunction {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Rectangle, Self::Triangular, Self::Blackman, Self::Hamming];

    /// Its name in definitions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rectangle => "rectangle",
            Self::Triangular => "triangular",
            Self::Blackman => "blackman",
            Self::Hamming => "hamming",
        }
    }

    /// The function of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Its value at place `i` of `n`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "windows are far shorter than 2^53")]
    pub fn value(self, i: usize, n: usize) -> f64 {
        let turn = || TAU * i as f64 / n as f64;
        match self {
            Self::Rectangle => 1.0,
            Self::Triangular => {
                let half = n as f64 / 2.0;
                1.0 - (i as f64 - half).abs() / half
            }
            Self::Blackman => 0.42 - 0.5 * libm::cos(turn()) + 0.08 * libm::cos(2.0 * turn()),
            Self::Hamming => {
                const A: f64 = 25.0 / 46.0;
                A - (1.0 - A) * libm::cos(turn())
            }
        }
    }

    /// Multiplies each element by the function's value at its place. The last windows of a table may hold fewer elements than others:
    /// the function spans those that are there.
    pub fn apply(self, elements: &mut [f64]) {
        PreparedWindow::new(self).apply(elements);
    }
}

/// A window function with its values, for many windows of one size: the cosines would cost more than the spectrum.
#[derive(Debug, Clone)]
pub struct PreparedWindow {
    function: WindowFunction,
    values: Vec<f64>,
}

impl PreparedWindow {
    /// A function whose values are computed when they are first needed.
    #[must_use]
    pub const fn new(function: WindowFunction) -> Self {
        Self { function, values: Vec::new() }
    }

    /// As [`WindowFunction::apply`], to the bit. Values are kept until a window of another size comes.
    pub fn apply(&mut self, elements: &mut [f64]) {
        if self.function == WindowFunction::Rectangle {
            return;
        }
        let n = elements.len();
        if self.values.len() != n {
            self.values.clear();
            self.values.extend((0..n).map(|i| self.function.value(i, n)));
        }
        for (element, value) in elements.iter_mut().zip(&self.values) {
            *element *= value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_periodic_forms() {
        let hamming =
            [0.086_956_521_7, 0.220_668_643_4, 0.543_478_260_9, 0.866_287_878_4, 1.0, 0.866_287_878_4, 0.543_478_260_9, 0.220_668_643_4];
        let blackman = [0.0, 0.066_446_609_4, 0.34, 0.773_553_390_6, 1.0, 0.773_553_390_6, 0.34, 0.066_446_609_4];
        for (function, expected) in [
            (WindowFunction::Rectangle, [1.0; 8]),
            (WindowFunction::Triangular, [0.0, 0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25]),
            (WindowFunction::Hamming, hamming),
            (WindowFunction::Blackman, blackman),
        ] {
            for (i, expected) in expected.into_iter().enumerate() {
                let value = function.value(i, 8);
                assert!((value - expected).abs() < 1e-10, "{function:?} at {i}: {value}");
            }
        }
    }

    #[test]
    fn a_short_window_is_spanned_by_as_much_as_it_holds() {
        let mut elements = [1.0, 2.0, 4.0];
        WindowFunction::Triangular.apply(&mut elements);
        for (element, expected) in elements.into_iter().zip([0.0, 2.0 * 2.0 / 3.0, 4.0 * 2.0 / 3.0]) {
            assert!((element - expected).abs() < 1e-15, "{element}, not {expected}");
        }
        WindowFunction::Hamming.apply(&mut []);
        let mut single = [3.0];
        WindowFunction::Triangular.apply(&mut single);
        assert_eq!(single, [0.0]);
    }

    #[test]
    fn a_prepared_window_is_the_same_whatever_sizes_come() {
        for function in WindowFunction::ALL {
            let mut prepared = PreparedWindow::new(function);
            for n in [8, 8, 5, 0, 8, 1] {
                let elements: Vec<f64> = (0..n).map(|i| f64::from(i) - 2.5).collect();
                let (mut once, mut by_hand) = (elements.clone(), elements.clone());
                prepared.apply(&mut once);
                let count = by_hand.len();
                by_hand.iter_mut().enumerate().for_each(|(i, element)| *element *= function.value(i, count));
                assert_eq!(once, by_hand, "{function:?} of {n}");
                let mut applied = elements;
                function.apply(&mut applied);
                assert_eq!(applied, once);
            }
        }
    }

    #[test]
    fn names_are_found_as_they_are_written() {
        for function in WindowFunction::ALL {
            assert_eq!(WindowFunction::from_name(function.name()), Some(function));
        }
        assert_eq!(WindowFunction::from_name("hann"), None);
        assert_eq!(WindowFunction::from_name("Hamming"), None);
    }
}
