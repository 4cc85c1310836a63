//! Spectra: how much of each frequency a window of samples holds, and where in its period that stands at the window's middle.

use std::fmt;
use std::sync::{Arc, OnceLock};

use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};

use super::{SampleRate, polar};
use crate::limits;

/// The spectrum of one window.
#[derive(Debug, Clone, PartialEq)]
pub struct FftSample {
    /// The number of the window in its table, from 0.
    pub index: u64,
    /// How many bins the transform had; the lists hold the first half of them.
    pub bin_count: usize,
    /// How many samples the window had.
    pub samples_count: usize,
    /// The rate of the samples.
    pub rate: SampleRate,
    /// 20·log10 of what each bin holds, in decibels; negative infinity where that is zero.
    pub magnitude: Vec<f64>,
    /// The angle of each bin in radians, greater than -π and at most π.
    pub phase: Vec<f64>,
    /// When the window begins, in nanoseconds.
    pub time: i64,
}

impl FftSample {
    /// The frequency in Hz for which a bin stands.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "bins are few")]
    pub fn frequency(&self, bin: usize) -> f64 {
        bin as f64 * self.rate.as_f64() / self.bin_count as f64
    }
}

/// Takes spectra of one bin count.
///
/// The window is rotated, so that its middle comes first and zeros fill the gap between its end and its beginning: phases are those at
/// the middle of the window. The transform is the textbook's (with exponent -2πi·jk/N), not scaled. Bins from the middle on are left out:
/// real samples make them the mirror of the others.
///
/// The last bits of a result depend on the processor, whose widest instructions are used.
pub struct Spectrum {
    plan: Arc<dyn RealToComplex<f64>>,
    buffer: Vec<f64>,
    bins: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

/// Plans by the logarithm of their size: making one costs as much as many transforms, and all users of a size can share it.
static PLANS: [OnceLock<Arc<dyn RealToComplex<f64>>>; limits::FFT_BINS.ilog2() as usize + 1] =
    [const { OnceLock::new() }; limits::FFT_BINS.ilog2() as usize + 1];

impl Spectrum {
    /// Whether there are spectra of so many bins: a power of two, at least 2 and at most [`limits::FFT_BINS`].
    #[must_use]
    pub const fn takes(bin_count: usize) -> bool {
        bin_count.is_power_of_two() && bin_count >= 2 && bin_count <= limits::FFT_BINS
    }

    /// Prepares spectra of so many bins.
    ///
    /// # Panics
    /// When there are none of so many bins: whoever defines a table asks [`Self::takes`].
    #[must_use]
    pub fn new(bin_count: usize) -> Self {
        assert!(Self::takes(bin_count), "no spectrum has {bin_count} bins");
        let plan = PLANS[bin_count.ilog2() as usize].get_or_init(|| RealFftPlanner::new().plan_fft_forward(bin_count));
        Self { plan: Arc::clone(plan), buffer: plan.make_input_vec(), bins: plan.make_output_vec(), scratch: plan.make_scratch_vec() }
    }

    /// How many bins the transform has.
    #[must_use]
    pub fn bin_count(&self) -> usize {
        self.buffer.len()
    }

    /// Appends the magnitudes (decibels) and phases (radians) of a window, half as many of each as there are bins.
    ///
    /// # Panics
    /// When the window holds more samples than there are bins: whoever defines a table compares the sizes.
    pub fn transform(&mut self, window: &[f64], magnitude: &mut Vec<f64>, phase: &mut Vec<f64>) {
        let (early, late) = window.split_at(window.len() / 2);
        let gap = self.buffer.len().checked_sub(early.len()).expect("a window is no longer than its spectrum");
        self.buffer[..late.len()].copy_from_slice(late);
        self.buffer[late.len()..gap].fill(0.0);
        self.buffer[gap..].copy_from_slice(early);
        self.plan
            .process_with_scratch(&mut self.buffer, &mut self.bins, &mut self.scratch)
            .expect("buffers have the sizes that the plan asked for, and it reports no more");
        let half = &self.bins[..self.buffer.len() / 2];
        polar::append(half, magnitude, phase);
    }
}

impl fmt::Debug for Spectrum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spectrum").field("bin_count", &self.bin_count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
