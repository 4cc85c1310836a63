//! Samples over time.

use super::chart::{Axis, Content, NotDrawn, Size, draw};
use super::envelope::Envelope;
use super::ticks::time_unit;

/// The samples of a picture, in constant memory.
#[derive(Debug)]
pub(super) struct Waveform {
    envelope: Envelope,
    /// Nanoseconds from one sample to the next.
    period: f64,
}

impl Waveform {
    /// Samples that lie `period` nanoseconds apart, for a picture that is so many pixels wide.
    pub(super) fn new(width: u32, period: f64) -> Self {
        // Markers are whole nanoseconds, so two neighbours may lie one more apart than the period says.
        Self { envelope: Envelope::new(2 * width as usize, (period * 1.5) as i64 + 1), period }
    }

    /// Adds samples; `begin` is the marker of the first one, in nanoseconds.
    pub(super) fn add(&mut self, begin: i64, samples: impl IntoIterator<Item = f64>) {
        for (number, sample) in samples.into_iter().enumerate() {
            self.envelope.add(begin.saturating_add((number as f64 * self.period) as i64), sample);
        }
    }

    /// Draws them.
    pub(super) fn draw(&self, title: &str, size: Size) -> Result<String, NotDrawn> {
        let Some((first, last)) = self.envelope.places() else { return nothing(title, size) };
        let span = (last.saturating_sub(first) as f64).max(self.period);
        let (unit, nanos) = time_unit(span);
        let begin = first as f64 / nanos;
        let time = Axis::new(begin, begin + span / nanos, format!("time, {unit}"));
        let Some((low, high)) = self.envelope.values() else {
            return draw(title, size, [&time, &Axis::new(-1.0, 1.0, "value")], 0, &Content::Nothing);
        };
        let value = Axis::new(low, high, "value").roomy();
        let mut strokes = self.envelope.strokes();
        for (place, value) in strokes.iter_mut().flatten() {
            *place = begin + *place / nanos;
            *value = value.clamp(-1e300, 1e300);
        }
        draw(title, size, [&time, &value], 0, &Content::Lines(&strokes))
    }
}

/// The picture of no samples.
pub(super) fn nothing(title: &str, size: Size) -> Result<String, NotDrawn> {
    draw(title, size, [&Axis::new(0.0, 1.0, "time, s"), &Axis::new(-1.0, 1.0, "value")], 0, &Content::Nothing)
}
