//! Spectra: one as a line over frequency, several as colours over time and frequency.

use std::fmt::Write as _;

use headwater_core::tables::FftSample;

use super::chart::{Axis, Content, NotDrawn, Pixels, Size, draw};
use super::envelope::Envelope;
use super::ticks::{Ticks, frequency_unit, time_unit};

/// Cells of a picture of several spectra, at most: along the axis of time, and along that of frequency.
const MOST_COLUMNS: u64 = 400;
const MOST_ROWS: usize = 200;

/// How far below the greatest magnitude a picture goes, in decibels: what is all but zero would else take most of it.
const DEPTH: f64 = 120.0;

/// Different colours.
const COLOURS: usize = 48;

/// Pixels on the right that the scale of colours takes.
const SCALE: u32 = 64;

/// The spectra of a picture, in constant memory.
#[derive(Debug)]
pub(super) struct Spectra {
    /// The first one, whole.
    first: FftSample,
    cells: Cells,
    begin: i64,
    /// The marker of the last one.
    last: i64,
    count: u64,
}

impl Spectra {
    /// The spectra that begin with this one, at its marker in nanoseconds, for a picture of this size.
    pub(super) fn new(marker: i64, first: FftSample, size: Size) -> Self {
        let rows = MOST_ROWS.min(size.height as usize).min(first.magnitude.len()).max(1);
        let columns = MOST_COLUMNS.min(u64::from(size.width));
        let mut cells = Cells { most_columns: columns, rows, share: 1, columns: Vec::new() };
        cells.add(0, &first.magnitude);
        Self { first, cells, begin: marker, last: marker, count: 1 }
    }

    /// Adds the next one.
    pub(super) fn add(&mut self, marker: i64, next: &FftSample) {
        self.cells.add(self.count, &next.magnitude);
        self.last = marker;
        self.count += 1;
    }

    /// Draws them.
    pub(super) fn draw(&self, title: &str, size: Size) -> Result<String, NotDrawn> {
        if self.count == 1 { self.draw_line(title, size) } else { self.draw_cells(title, size) }
    }

    fn frequencies(&self) -> (Axis, f64) {
        let highest = self.first.frequency(self.first.magnitude.len());
        let (unit, hertz) = frequency_unit(highest);
        (Axis::new(0.0, highest / hertz, format!("frequency, {unit}")), hertz)
    }

    fn draw_line(&self, title: &str, size: Size) -> Result<String, NotDrawn> {
        let (frequency, hertz) = self.frequencies();
        let Shade { low, high } = Shade::of(&self.first.magnitude);
        let mut envelope = Envelope::new(2 * size.width as usize, 1);
        for (bin, magnitude) in self.first.magnitude.iter().enumerate() {
            envelope.add(bin as i64, magnitude.max(low));
        }
        let mut strokes = envelope.strokes();
        for (bin, _) in strokes.iter_mut().flatten() {
            *bin *= self.first.frequency(1) / hertz;
        }
        let magnitude = Axis::new(low, high, "magnitude, dB").roomy();
        draw(title, size, [&frequency, &magnitude], 0, &Content::Lines(&strokes))
    }

    fn draw_cells(&self, title: &str, size: Size) -> Result<String, NotDrawn> {
        let distance = self.last.saturating_sub(self.begin) as f64;
        // The last one is as long as the others.
        let span = distance / (self.count - 1) as f64 * self.count as f64;
        let (unit, nanos) = time_unit(span);
        let time = Axis::new(self.begin as f64 / nanos, (self.begin as f64 + span) / nanos, format!("time, {unit}"));
        let (frequency, _) = self.frequencies();
        let shade = Shade::of(self.cells.columns.iter().flatten());
        let content = |pixels: Pixels| {
            let mut svg = self.cells.elements(self.count, shade, pixels);
            svg.push_str(&shade.scale(pixels));
            svg
        };
        draw(title, size, [&time, &frequency], SCALE, &Content::Raw(&content))
    }
}

/// The greatest magnitude of each cell: columns of time, each of the same number of rows of frequency.
///
/// Columns begin with one spectrum each, and take twice as many whenever they become too many. So nothing has to be known of the
/// spectra beforehand, and at the end half of the columns are in use at least.
#[derive(Debug)]
struct Cells {
    most_columns: u64,
    rows: usize,
    /// Spectra in one column.
    share: u64,
    columns: Vec<Vec<f64>>,
}

impl Cells {
    fn add(&mut self, number: u64, magnitude: &[f64]) {
        if number / self.share >= self.most_columns {
            let mut old = std::mem::take(&mut self.columns).into_iter();
            while let Some(mut column) = old.next() {
                for (cell, other) in column.iter_mut().zip(old.next().unwrap_or_default()) {
                    *cell = cell.max(other);
                }
                self.columns.push(column);
            }
            self.share *= 2;
        }
        let place = (number / self.share) as usize;
        if place >= self.columns.len() {
            self.columns.push(vec![f64::NEG_INFINITY; self.rows]);
        }
        let (rows, column) = (self.rows, &mut self.columns[place]);
        for (bin, &greatest) in magnitude.iter().enumerate() {
            let cell = &mut column[bin * rows / magnitude.len()];
            *cell = cell.max(greatest);
        }
    }

    /// One path for each colour: a table of cells, each an element of its own, would take ten times the bytes.
    fn elements(&self, count: u64, shade: Shade, pixels: Pixels) -> String {
        let mut paths = vec![String::new(); COLOURS];
        let (width, height) = (f64::from(pixels.right - pixels.left), f64::from(pixels.bottom - pixels.top));
        let across = |column: usize| {
            let spectra = (column as u64 * self.share).min(count);
            pixels.left + libm::round(spectra as f64 / count as f64 * width) as i32
        };
        for row in 0..self.rows {
            let [top, bottom] = [row + 1, row].map(|row| pixels.bottom - libm::round(row as f64 / self.rows as f64 * height) as i32);
            let mut from = 0;
            // Neighbours of one colour are one.
            for run in self.columns.chunk_by(|one, next| shade.level(one[row]) == shade.level(next[row])) {
                let to = from + run.len();
                let (left, right) = (across(from), across(to));
                if right > left && bottom > top {
                    let path = &mut paths[shade.level(run[0][row])];
                    write!(path, "M{left} {top}H{right}V{bottom}H{left}z").expect("a text takes every text");
                }
                from = to;
            }
        }
        let mut svg = String::from("<g shape-rendering=\"crispEdges\">\n");
        for (level, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            writeln!(svg, "<path fill=\"{}\" d=\"{path}\"/>", colour(level)).expect("a text takes every text");
        }
        svg.push_str("</g>\n");
        svg
    }
}

/// Which magnitudes are shown, in decibels.
#[derive(Debug, Clone, Copy)]
struct Shade {
    low: f64,
    high: f64,
}

impl Shade {
    /// From the least to the greatest of these, as far as they are numbers, and not too far down.
    fn of<'a>(magnitudes: impl IntoIterator<Item = &'a f64>) -> Self {
        let finite = magnitudes.into_iter().copied().filter(|magnitude| magnitude.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), next| (low.min(next), high.max(next)));
        if low > high {
            return Self { low: -DEPTH, high: 0.0 }; // Silence.
        }
        Self { low: low.max(high - DEPTH).min(high - 1.0), high }
    }

    /// The colour of a magnitude.
    fn level(self, magnitude: f64) -> usize {
        let share = (magnitude - self.low) / (self.high - self.low);
        (share * COLOURS as f64).clamp(0.0, (COLOURS - 1) as f64) as usize
    }

    /// What the colours mean.
    fn scale(self, pixels: Pixels) -> String {
        let (left, height) = (pixels.right + 10, f64::from(pixels.bottom - pixels.top));
        let at = |share: f64| pixels.bottom - libm::round(share * height) as i32;
        let mut svg = String::from("<g shape-rendering=\"crispEdges\">\n");
        for level in 0..COLOURS {
            let [top, bottom] = [level + 1, level].map(|level| at(level as f64 / COLOURS as f64));
            writeln!(svg, "<path fill=\"{}\" d=\"M{left} {top}h12V{bottom}h-12z\"/>", colour(level)).expect("a text takes every text");
        }
        svg.push_str("</g>\n<g font-family=\"sans-serif\" font-size=\"10.5\" fill=\"#333333\">\n");
        let ticks = Ticks::between(self.low, self.high, (height / 35.0).clamp(1.0, 10.0) as usize);
        for place in &ticks.places {
            let (x, y) = (left + 16, at((place - self.low) / (self.high - self.low)));
            writeln!(svg, "<text x=\"{x}\" y=\"{y}\" dy=\"0.5ex\">{} dB</text>", ticks.label(*place)).expect("a text takes every text");
        }
        svg.push_str("</g>\n");
        svg
    }
}

/// The colours of the map that is known as viridis: as bright as they are great, and told apart by most eyes.
fn colour(level: usize) -> String {
    const STOPS: [[u8; 3]; 9] = [
        [0x44, 0x01, 0x54],
        [0x47, 0x2c, 0x7a],
        [0x3b, 0x51, 0x8b],
        [0x2c, 0x71, 0x8e],
        [0x21, 0x90, 0x8d],
        [0x27, 0xad, 0x81],
        [0x5c, 0xc8, 0x63],
        [0xaa, 0xdc, 0x32],
        [0xfd, 0xe7, 0x25],
    ];
    let place = level as f64 / (COLOURS - 1) as f64 * (STOPS.len() - 1) as f64;
    let stop = (place as usize).min(STOPS.len() - 2);
    let [r, g, b] = std::array::from_fn(|i| {
        let (from, to) = (f64::from(STOPS[stop][i]), f64::from(STOPS[stop + 1][i]));
        libm::round(from + (to - from) * (place - stop as f64)) as u8
    });
    format!("#{r:02x}{g:02x}{b:02x}")
}
