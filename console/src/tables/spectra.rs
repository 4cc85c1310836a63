//! Spectra as pictures show them: decibels over frequency, and columns of shades over time.
//!
//! Zero decibels are a sine wave of amplitude 1, whatever the window: the core's magnitudes are those of the transform as it is, so what
//! the window adds up to is taken off. A constant 1 is 0 dB as well.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headwater_core::tables::{Spectrum, WindowFunction};
use serde::Serialize;

use super::words;

/// Points of a spectrum that are sent at most.
const POINTS: usize = 512;

/// Columns of a spectrogram, and cells of a column, at most.
pub(super) const COLUMNS: u64 = 240;
const CELLS: usize = 96;

/// What a cell's byte of 0 stands for, in decibels; each more is one more.
pub(super) const DARKEST: f64 = -200.0;

/// Below this there is nothing to name: what rounding leaves of silence.
const SILENCE: f64 = -180.0;

/// The scale of decibels for windows of one kind.
#[derive(Debug)]
pub(super) struct Scale {
    functions: Vec<WindowFunction>,
    /// What windows of so many samples add, in decibels.
    known: Option<(usize, f64)>,
}

impl Scale {
    pub(super) fn new(functions: Vec<WindowFunction>) -> Self {
        Self { functions, known: None }
    }

    /// What is to be taken off the magnitudes of a window of so many samples.
    pub(super) fn of(&mut self, samples: usize) -> f64 {
        match self.known {
            Some((known, added)) if known == samples => added,
            _ => {
                let mut window = vec![1.0; samples];
                self.functions.iter().for_each(|function| function.apply(&mut window));
                let sum: f64 = window.iter().sum();
                // A sine wave is two turning numbers, of which each gets half.
                let added = if sum > 0.0 { 20.0 * libm::log10(sum / 2.0) } else { 0.0 };
                self.known = Some((samples, added));
                added
            }
        }
    }

    /// Takes it off. The first bin is there once only.
    pub(super) fn apply(&mut self, samples: usize, magnitude: &mut [f64]) {
        let added = self.of(samples);
        magnitude.iter_mut().for_each(|bin| *bin -= added);
        if let Some(constant) = magnitude.first_mut() {
            *constant -= 20.0 * libm::log10(2.0);
        }
    }
}

/// The newest spectrum.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Shown {
    /// Hz from one point to the next; the first is 0 Hz. A point is the greatest of its bins.
    pub(super) step: f64,
    /// Decibels; `None` where there is nothing at all.
    pub(super) points: Vec<Option<f32>>,
    /// The strongest frequency in Hz and its decibels, between bins.
    pub(super) peak: Option<(f64, f64)>,
    pub(super) words: String,
}

/// A spectrum in decibels whose bins lie `bin` Hz apart.
pub(super) fn shown(magnitude: &[f64], bin: f64) -> Shown {
    let share = magnitude.len().div_ceil(POINTS).max(1);
    let greatest = |bins: &[f64]| bins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let points =
        magnitude.chunks(share).map(|bins| Some(greatest(bins)).filter(|value| value.is_finite()).map(|value| value as f32)).collect();
    let peak = peak(magnitude, bin);
    Shown { step: bin * share as f64, points, peak, words: said(peak) }
}

fn said(peak: Option<(f64, f64)>) -> String {
    match peak {
        Some((hertz, level)) => format!("strongest at {}, {}", words::hertz(hertz), words::decibels(level)),
        None => "silence".to_owned(),
    }
}

/// The greatest bin, and where between it and its neighbours a parabola through them has its top.
fn peak(magnitude: &[f64], bin: f64) -> Option<(f64, f64)> {
    let finite = magnitude.iter().enumerate().filter(|(_, value)| value.is_finite());
    let (place, top) = finite.max_by(|(_, one), (_, other)| one.total_cmp(other)).filter(|(_, top)| **top > SILENCE)?;
    let around = (place >= 2).then(|| magnitude.get(place + 1)).flatten().filter(|after| after.is_finite());
    let Some((before, after)) = around.map(|after| (magnitude[place - 1], *after)).filter(|(before, _)| before.is_finite()) else {
        return Some((place as f64 * bin, *top));
    };
    let bend = before - 2.0 * top + after;
    let aside = if bend < 0.0 { 0.5 * (before - after) / bend } else { 0.0 };
    Some(((place as f64 + aside) * bin, top - 0.25 * (before - after) * aside))
}

/// Takes the spectrum of the newest samples of a table that has none itself.
#[derive(Debug)]
pub(super) struct Newest {
    samples: Vec<f64>,
    /// The number of the sample that comes next.
    next: u64,
    spectrum: Spectrum,
    scale: Scale,
    rate: f64,
}

impl Newest {
    /// A fifth of a second at most, if that is a window that tells anything.
    pub(super) fn new(rate: f64) -> Self {
        let wanted = (rate / 5.0).clamp(64.0, 8192.0) as usize;
        let size = 1 << wanted.ilog2();
        Self { samples: Vec::new(), next: 0, spectrum: Spectrum::new(size), scale: Scale::new(vec![WindowFunction::Hamming]), rate }
    }

    /// Samples of the window.
    pub(super) fn size(rate: f64) -> usize {
        Self::new(rate).spectrum.bin_count()
    }

    /// Adds samples, of which the first has this number. What is before a gap goes: a window across it would hold frequencies that nobody
    /// put there.
    pub(super) fn add(&mut self, first: u64, samples: &[f64]) {
        if first != self.next {
            self.samples.clear();
        }
        self.next = first + samples.len() as u64;
        let size = self.spectrum.bin_count();
        self.samples.extend_from_slice(&samples[samples.len().saturating_sub(size)..]);
        let surplus = self.samples.len().saturating_sub(size);
        self.samples.drain(..surplus);
    }

    /// Takes these instead of all others.
    pub(super) fn replace(&mut self, samples: &[f64]) {
        self.samples.clear();
        self.add(self.next, samples);
    }

    /// Their spectrum; `None` while there are too few.
    pub(super) fn shown(&mut self) -> Option<Shown> {
        if self.samples.len() < 16 {
            return None;
        }
        let mut window = self.samples.clone();
        WindowFunction::Hamming.apply(&mut window);
        let (mut magnitude, mut phase) = (Vec::new(), Vec::new());
        self.spectrum.transform(&window, &mut magnitude, &mut phase);
        self.scale.apply(window.len(), &mut magnitude);
        let bin = self.rate / self.spectrum.bin_count() as f64;
        let mut shown = shown(&magnitude, bin);
        // The parabola is a quarter of a decibel off at most; the samples are at hand, and say it exactly.
        if let Some((hertz, level)) = shown.peak.filter(|(hertz, _)| *hertz >= bin) {
            let turn = std::f64::consts::TAU * hertz / self.rate;
            let (re, im) = window.iter().enumerate().fold((0.0, 0.0), |(re, im), (at, sample)| {
                let (sine, cosine) = libm::sincos(turn * at as f64);
                (re + sample * cosine, im - sample * sine)
            });
            let exact = 20.0 * libm::log10(libm::hypot(re, im)) - self.scale.of(window.len());
            shown.peak = Some((hertz, if exact.is_finite() { exact } else { level }));
            shown.words = said(shown.peak);
        }
        Some(shown)
    }
}

/// Spectra over time: cells of frequency, columns of so many samples counted from the table's first one.
#[derive(Debug)]
pub(super) struct Spectrogram {
    width: u64,
    columns: VecDeque<(u64, Vec<u8>)>,
    /// The first column that was not sent as it is now.
    unsent: u64,
}

/// The columns that are new, or have become others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Columns {
    /// Numbers of columns, and their cells from low to high frequencies, in Base64.
    pub(super) columns: Vec<(u64, String)>,
    /// Columns that the picture has.
    pub(super) most: u64,
    /// Decibels of a cell of 0.
    pub(super) darkest: f64,
}

impl Spectrogram {
    pub(super) fn new(width: u64) -> Self {
        Self { width: width.max(1), columns: VecDeque::new(), unsent: 0 }
    }

    /// Adds a spectrum that begins at a sample. Later ones come later.
    pub(super) fn add(&mut self, sample: u64, magnitude: &[f64]) {
        let number = sample / self.width;
        let cells = CELLS.min(magnitude.len());
        if self.columns.back().is_none_or(|(newest, _)| *newest < number) {
            self.columns.push_back((number, vec![0; cells]));
        }
        let Some((newest, column)) = self.columns.back_mut() else { return };
        for (bin, level) in magnitude.iter().enumerate().filter(|(_, level)| level.is_finite()) {
            let cell = &mut column[bin * cells / magnitude.len()];
            *cell = (*cell).max((level - DARKEST).clamp(0.0, 255.0) as u8);
        }
        self.unsent = self.unsent.min(*newest);
        let newest = *newest;
        while self.columns.front().is_some_and(|(oldest, _)| newest - oldest >= COLUMNS) {
            self.columns.pop_front();
        }
    }

    /// What was not sent yet.
    pub(super) fn news(&mut self) -> Columns {
        let fresh = self.columns.iter().filter(|(number, _)| *number >= self.unsent);
        let columns = fresh.map(|(number, cells)| (*number, STANDARD.encode(cells))).collect();
        self.unsent = self.columns.back().map_or(0, |(newest, _)| newest + 1);
        Columns { columns, most: COLUMNS, darkest: DARKEST }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn sine(rate: f64, hertz: f64, amplitude: f64, count: usize) -> Vec<f64> {
        (0..count).map(|at| amplitude * libm::cos(TAU * hertz * at as f64 / rate)).collect()
    }

    #[test]
    fn a_sine_wave_has_its_frequency_and_its_amplitude_in_decibels() {
        for (rate, hertz, amplitude) in [(8000.0, 440.0, 0.5), (44_100.0, 1234.5, 1.0), (8000.0, 3000.0, 0.01)] {
            let mut newest = Newest::new(rate);
            newest.add(7, &[9.0; 100]);
            sine(rate, hertz, amplitude, 20_000).chunks(777).enumerate().for_each(|(at, piece)| newest.add(1000 + 777 * at as u64, piece));
            let shown = newest.shown().unwrap();
            let (place, level) = shown.peak.unwrap();
            assert!((place - hertz).abs() < 1.0, "{place} instead of {hertz}");
            assert!((level - 20.0 * libm::log10(amplitude)).abs() < 0.2, "{level} for {amplitude}");
            assert!(shown.points.len() <= POINTS && shown.step * shown.points.len() as f64 >= rate / 2.0 * 0.99);
        }
        let mut newest = Newest::new(8000.0);
        newest.add(0, &sine(8000.0, 440.0, 0.5, 8000));
        assert_eq!(newest.shown().unwrap().words, "strongest at 440 Hz, −6.0 dB");
    }

    #[test]
    fn a_constant_and_silence_are_told() {
        let mut newest = Newest::new(1000.0);
        assert_eq!(newest.shown(), None);
        newest.add(0, &[1.0; 500]);
        let (place, level) = newest.shown().unwrap().peak.unwrap();
        assert!(place == 0.0 && level.abs() < 0.01, "{place} {level}");
        newest.replace(&[0.0; 100]);
        let silent = newest.shown().unwrap();
        assert_eq!((silent.peak, silent.words.as_str()), (None, "silence"));
    }

    #[test]
    fn a_spectrogram_sends_what_is_new() {
        let mut spectrogram = Spectrogram::new(100);
        spectrogram.add(0, &[-200.0, -6.0, f64::NEG_INFINITY, 3.0]);
        assert_eq!(spectrogram.news().columns, [(0, STANDARD.encode([0, 194, 0, 203]))]);
        assert!(spectrogram.news().columns.is_empty());
        spectrogram.add(50, &[-100.0, -10.0, 0.0, 0.0]);
        spectrogram.add(100, &[0.0; 4]);
        let news = spectrogram.news();
        assert_eq!(news.columns[0], (0, STANDARD.encode([100, 194, 200, 203])));
        assert_eq!(news.columns[1].0, 1);
        spectrogram.add(100_000, &[0.0; 4]);
        assert_eq!((spectrogram.columns.len(), spectrogram.news().columns.len()), (1, 1));
    }
}
