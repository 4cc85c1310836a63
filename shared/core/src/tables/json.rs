//! Rows as lines of JSON.

use bytes::Bytes;

use super::row_reader::{Row, Window, WindowElements};
use super::{FftSample, RowReader, SampleRate, TableError, sample_lines};

/// Bytes of lines that are handed on together.
const PIECE: usize = 256 * 1024;

/// Rows as lines `{"offset":…,"value":…}`, piece by piece.
#[derive(Debug)]
pub struct Lines {
    rows: RowReader,
    /// The rate that offsets are to count by, instead of the table's.
    shown_rate: Option<SampleRate>,
    /// The marker of the first row, and the sample with which it begins.
    base: Option<(i64, u64)>,
    /// The frequencies of spectra, rendered: a list that all of them share.
    frequencies: Vec<u8>,
}

impl Lines {
    pub(super) fn new(rows: RowReader, shown_rate: Option<SampleRate>) -> Self {
        Self { rows, shown_rate, base: None, frequencies: Vec::new() }
    }

    /// The next lines; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, TableError>> {
        let mut out = Vec::new();
        match self.fill(&mut out).await {
            Ok(()) if out.is_empty() => None,
            Ok(()) => Some(Ok(out.into())),
            Err(error) => Some(Err(error)),
        }
    }

    async fn fill(&mut self, out: &mut Vec<u8>) -> Result<(), TableError> {
        let (rate, shown) = (self.rows.rate(), self.shown_rate);
        while out.len() + sample_lines::LONGEST <= PIECE {
            let room = (PIECE - out.len()) / sample_lines::LONGEST;
            if let Some((first, samples)) = self.rows.run_of_samples(room).await? {
                if samples.is_empty() {
                    return Ok(());
                }
                let (marker, sample) = *self.base.get_or_insert_with(|| (rate.marker(first), first));
                match shown {
                    None => sample_lines::write(out, rate.markers(first), samples),
                    Some(shown) => {
                        let offsets = shown.markers(first - sample).map(|offset| marker.saturating_add(offset));
                        sample_lines::write(out, offsets, samples);
                    }
                }
                continue;
            }
            let Some((_, place)) = self.rows.advance().await? else { return Ok(()) };
            let (marker, sample) = *self.base.get_or_insert_with(|| (rate.marker(place.sample), place.sample));
            let offset =
                shown.map_or_else(|| rate.marker(place.sample), |shown| marker.saturating_add(shown.marker(place.sample - sample)));
            out.extend_from_slice(b"{\"offset\":");
            integer(out, offset);
            out.extend_from_slice(b",\"value\":");
            match self.rows.row(place.element) {
                Row::Fft(sample) => {
                    if self.frequencies.is_empty() {
                        frequencies(&mut self.frequencies, &sample);
                    }
                    fft(out, &sample, &self.frequencies);
                }
                other => row(out, &other),
            }
            out.extend_from_slice(b"}\n");
        }
        Ok(())
    }
}

fn row(out: &mut Vec<u8>, row: &Row) {
    match row {
        Row::Sample(value) => number(out, *value),
        Row::Vector(values) => numbers(out, values),
        Row::Json(json) => out.extend_from_slice(json),
        Row::Window(window) => self::window(out, window),
        Row::Fft(sample) => {
            let mut list = Vec::new();
            frequencies(&mut list, sample);
            fft(out, sample, &list);
        }
    }
}

fn window(out: &mut Vec<u8>, window: &Window) {
    out.extend_from_slice(b"{\"size\":");
    integer(out, window.size as u64);
    out.extend_from_slice(b",\"step\":");
    integer(out, window.step);
    out.extend_from_slice(b",\"elements\":");
    let kind = match &window.elements {
        WindowElements::Numbers(values) => {
            numbers(out, values);
            SAMPLE_TYPE
        }
        WindowElements::Rows(rows) => {
            for (number, element) in rows.iter().enumerate() {
                out.push(if number == 0 { b'[' } else { b',' });
                row(out, element);
            }
            out.extend_from_slice(if rows.is_empty() { b"[]" } else { b"]" });
            rows.first().map_or(SAMPLE_TYPE, sample_type)
        }
    };
    out.extend_from_slice(b",\"sampleType\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\"}");
}

/// What the original calls a sample.
const SAMPLE_TYPE: &str = "java.lang.Double";

/// What the original calls the elements of a window; clients tell them apart by it.
fn sample_type(row: &Row) -> &'static str {
    match row {
        Row::Sample(_) => SAMPLE_TYPE,
        Row::Vector(_) => "io.wavebeans.lib.SampleVector",
        Row::Json(json) if json.starts_with(b"[") => "java.util.List",
        Row::Json(_) => "java.util.Map",
        Row::Window(_) => "io.wavebeans.lib.stream.window.Window",
        Row::Fft(_) => "io.wavebeans.lib.stream.fft.FftSample",
    }
}

fn fft(out: &mut Vec<u8>, sample: &FftSample, frequencies: &[u8]) {
    for (name, value) in
        [("{\"index\":", sample.index), (",\"binCount\":", sample.bin_count as u64), (",\"samplesCount\":", sample.samples_count as u64)]
    {
        out.extend_from_slice(name.as_bytes());
        integer(out, value);
    }
    out.extend_from_slice(b",\"sampleRate\":");
    number(out, sample.rate.as_f64());
    out.extend_from_slice(b",\"magnitude\":");
    numbers(out, &sample.magnitude);
    out.extend_from_slice(b",\"phase\":");
    numbers(out, &sample.phase);
    out.extend_from_slice(b",\"frequency\":");
    out.extend_from_slice(frequencies);
    out.extend_from_slice(b",\"time\":");
    integer(out, sample.time);
    out.push(b'}');
}

fn frequencies(out: &mut Vec<u8>, sample: &FftSample) {
    let frequencies: Vec<f64> = (0..sample.magnitude.len()).map(|bin| sample.frequency(bin)).collect();
    numbers(out, &frequencies);
}

fn numbers(out: &mut Vec<u8>, values: &[f64]) {
    out.push(b'[');
    for (number, value) in values.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        self::number(out, *value);
    }
    out.push(b']');
}

fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A number; JSON has none that are not finite.
pub(super) fn number(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        return out.extend_from_slice(b"null");
    }
    let mut digits = zmij::Buffer::new();
    let digits = digits.format_finite(value).as_bytes();
    // Most numbers have 16 to 24 characters: two copies of 16, which overlap, are quicker than one of any length.
    match (digits.first_chunk::<16>(), digits.last_chunk::<16>()) {
        (Some(first), Some(last)) => {
            let middle = out.len() + digits.len() - last.len();
            out.extend_from_slice(first);
            out.truncate(middle);
            out.extend_from_slice(last);
        }
        _ => out.extend_from_slice(digits),
    }
}
