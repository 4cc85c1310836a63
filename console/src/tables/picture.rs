//! What is gathered of a table's rows for its pictures.

use headwater_core::tables::{
    ElementType, Operation, Pace, Row, RowReader, TableError, TimeMeasure, Watch, WindowElements, WindowFunction,
};
use serde::Serialize;
use serde_json::Value;

use super::envelope::{Envelope, Line};
use super::spectra::{self, Columns, Newest, Scale, Shown, Spectrogram};
use super::words;

/// Columns of a line: with two values each, so many numbers are sent. Of several lines each has its share.
const COLUMNS: u64 = 300;

/// Lines of a picture: members of objects, places of lists.
const LINES: usize = 6;

/// Samples that are looked at for one frame: half a minute at 48 kHz, and ten milliseconds of a processor.
const SAMPLES: u64 = 1 << 21;

/// Bins of spectra that are computed for one frame.
const BINS: u64 = 1 << 21;

/// Objects and lists that are looked at for one frame.
const OBJECTS: u64 = 2000;

/// Rows that are shown as text.
pub(super) const ROWS: usize = 12;

/// Which pictures a table has.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Values over time, and the spectrum of the newest.
    Wave,
    /// The same of windows of so many samples, every `step`.
    Windows { size: u64, step: u64 },
    /// The newest spectrum, and all of them over time.
    Spectra { bin_count: usize, functions: Vec<WindowFunction> },
    /// A line for each member or place that holds numbers, and rows.
    Fields,
    /// Rows only.
    Text,
}

impl Kind {
    /// The pictures of what a watch looks at.
    pub(super) fn of(watch: &Watch) -> Self {
        let numbers = matches!(watch.element(), ElementType::Sample | ElementType::Vector);
        let functions = watch.operations().iter().filter_map(|operation| match operation {
            Operation::Function(function) => Some(*function),
            _ => None,
        });
        match (watch.operations(), watch.operations().last()) {
            ([], _) if numbers => Self::Wave,
            ([], _) => Self::Fields,
            ([Operation::Window { .. }, between @ ..], Some(Operation::Fft { bin_count }))
                if between.iter().all(|operation| !matches!(operation, Operation::Window { .. })) =>
            {
                Self::Spectra { bin_count: *bin_count, functions: functions.collect() }
            }
            ([Operation::Window { size, step }, functions @ ..], _)
                if watch.element() == ElementType::Sample
                    && functions.iter().all(|operation| matches!(operation, Operation::Function(_))) =>
            {
                Self::Windows { size: *size as u64, step: *step }
            }
            _ => Self::Text,
        }
    }

    /// The spans that may be shown, in seconds: such as hold enough at this rate.
    pub(super) fn spans(&self, watch: &Watch) -> Vec<f64> {
        const ALL: [f64; 8] = [0.05, 0.5, 5.0, 30.0, 300.0, 3600.0, 86_400.0, 864_000.0];
        let enough = 20.0 / watch.rows_per_second().min(watch.rate().as_f64());
        let slow = matches!(self, Self::Spectra { .. });
        let fitting: Vec<f64> = ALL.into_iter().filter(|span| *span >= enough && (!slow || *span >= 5.0)).take(4).collect();
        if fitting.is_empty() { vec![ALL[ALL.len() - 1]] } else { fitting }
    }

    /// How much is looked at for a picture of so many seconds.
    pub(super) fn pace(&self, watch: &Watch, span: f64) -> Pace {
        let rows = (watch.rows_per_second() * span).max(1.0) as u64;
        let (every, most) = match self {
            Self::Wave if watch.element() == ElementType::Sample => (1, SAMPLES),
            Self::Wave => (1, SAMPLES / 64),
            Self::Windows { size, step } => ((size / step).max(1), (SAMPLES / size).max(1)),
            Self::Spectra { bin_count, .. } => {
                let most = (BINS / *bin_count as u64).clamp(1, 2 * spectra::COLUMNS);
                (rows.div_ceil(most), most)
            }
            Self::Fields => (1, OBJECTS),
            Self::Text => (1, ROWS as u64),
        };
        // However little is shown, a spectrum is of a whole window.
        let back = match self {
            Self::Wave => span.max((Newest::size(watch.rate().as_f64()) + 1) as f64 / watch.rate().as_f64()),
            _ => span,
        };
        Pace { back: TimeMeasure::from_nanos((back * 1e9) as i64), every, most }
    }
}

/// What is sent for one frame. Times are seconds since the table began.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Frame {
    /// When the newest row begins.
    pub(super) at: f64,
    /// When the first column of all lines begins.
    pub(super) begin: f64,
    /// Seconds of a column, of lines or of spectra.
    pub(super) step: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) lines: Vec<Line>,
    /// What the lines show, for those who do not see them.
    pub(super) words: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) spectrum: Option<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) spectrogram: Option<Columns>,
    /// The newest rows: when they begin, and what they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) rows: Vec<(f64, String)>,
}

/// What is known of a table's newest rows.
#[derive(Debug)]
pub(super) struct Picture {
    kind: Kind,
    rate: headwater_core::tables::SampleRate,
    width: u64,
    columns: u64,
    lines: Vec<(String, Envelope)>,
    newest: Option<Newest>,
    scale: Scale,
    spectrum: Option<Shown>,
    spectrogram: Option<Spectrogram>,
    rows: Vec<(f64, String)>,
    at: f64,
}

impl Picture {
    /// A picture of so many seconds.
    pub(super) fn new(watch: &Watch, span: f64) -> Self {
        let (kind, rate) = (Kind::of(watch), watch.rate().as_f64());
        let columns = match kind {
            Kind::Spectra { .. } => spectra::COLUMNS,
            Kind::Fields => COLUMNS / LINES as u64 * 2,
            _ => COLUMNS,
        };
        let width = libm::ceil(span * rate / columns as f64).max(1.0) as u64;
        // Fewer columns where there are not so many samples.
        let columns = columns.min(libm::ceil(span * rate / width as f64).max(1.0) as u64);
        let functions = match &kind {
            Kind::Spectra { functions, .. } => functions.clone(),
            _ => Vec::new(),
        };
        Self {
            rate: watch.rate(),
            width,
            columns,
            lines: Vec::new(),
            newest: matches!(kind, Kind::Wave | Kind::Windows { .. }).then(|| Newest::new(rate)),
            scale: Scale::new(functions),
            spectrum: None,
            spectrogram: matches!(kind, Kind::Spectra { .. }).then(|| Spectrogram::new(width)),
            rows: Vec::new(),
            at: 0.0,
            kind,
        }
    }

    /// Takes rows, as many as there are.
    ///
    /// # Errors
    /// When the store fails, or the table goes meanwhile.
    pub(super) async fn take(&mut self, mut rows: RowReader) -> Result<(), TableError> {
        while let Some((first, samples)) = rows.run_of_samples(64 * 1024).await? {
            if samples.is_empty() {
                return Ok(());
            }
            self.line("value").add(first, samples);
            if let Some(newest) = &mut self.newest {
                newest.add(first, samples);
            }
            self.at = self.rate.marker(first + samples.len() as u64 - 1) as f64 / 1e9;
            // Others are to have their turn.
            tokio::task::yield_now().await;
        }
        while let Some(piece) = rows.next().await? {
            for (marker, row) in piece {
                self.add(marker, &row);
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn line(&mut self, name: &str) -> &mut Envelope {
        let place = match self.lines.iter().position(|(other, _)| other == name) {
            Some(place) => place,
            None => {
                self.lines.push((name.to_owned(), Envelope::new(self.width, self.columns)));
                self.lines.len() - 1
            }
        };
        &mut self.lines[place].1
    }

    fn add(&mut self, marker: i64, row: &Row) {
        self.at = marker as f64 / 1e9;
        let sample = self.rate.first_at(marker);
        match (&self.kind, row) {
            (Kind::Wave, Row::Vector(numbers)) => {
                self.line("value").add(sample, numbers);
                if let Some(newest) = &mut self.newest {
                    newest.add(sample, numbers);
                }
            }
            (Kind::Windows { .. }, Row::Window(window)) => {
                if let WindowElements::Numbers(numbers) = &window.elements {
                    self.line("value").add(sample, numbers);
                    if let Some(newest) = &mut self.newest {
                        newest.replace(numbers);
                    }
                }
            }
            (Kind::Spectra { bin_count, .. }, Row::Fft(spectrum)) => {
                let mut magnitude = spectrum.magnitude.clone();
                self.scale.apply(spectrum.samples_count, &mut magnitude);
                if let Some(spectrogram) = &mut self.spectrogram {
                    spectrogram.add(sample, &magnitude);
                }
                self.spectrum = Some(spectra::shown(&magnitude, self.rate.as_f64() / *bin_count as f64));
            }
            (Kind::Fields, Row::Json(json)) => {
                self.note(row);
                for (name, number) in fields(json) {
                    if self.lines.len() < LINES || self.lines.iter().any(|(other, _)| *other == name) {
                        self.line(&name).add(sample, &[number]);
                    }
                }
            }
            _ => self.note(row),
        }
    }

    fn note(&mut self, row: &Row) {
        if self.rows.len() >= ROWS {
            self.rows.remove(0);
        }
        self.rows.push((self.at, words::row(row)));
    }

    /// The next frame.
    pub(super) fn frame(&mut self) -> Frame {
        let mut frame = Frame { at: self.at, rows: self.rows.clone(), ..Frame::default() };
        frame.step = self.width as f64 / self.rate.as_f64();
        if let Some(until) = self.lines.iter().filter_map(|(_, line)| line.newest()).max() {
            frame.begin = (self.lines[0].1.from(until) * self.lines[0].1.width()) as f64 / self.rate.as_f64();
            frame.lines = self.lines.iter().map(|(name, line)| line.line(name, until)).collect();
            let range = |(name, line): &(String, Envelope)| {
                let (low, high) = line.range()?;
                Some(format!("{name} from {} to {}", words::number(f64::from(low)), words::number(f64::from(high))))
            };
            frame.words = self.lines.iter().filter_map(range).collect::<Vec<_>>().join("; ");
        }
        frame.spectrum = self.newest.as_mut().and_then(Newest::shown).or_else(|| self.spectrum.clone());
        frame.spectrogram = self.spectrogram.as_mut().map(Spectrogram::news);
        frame
    }
}

/// The members or places of a row that hold numbers.
fn fields(json: &[u8]) -> Vec<(String, f64)> {
    match serde_json::from_slice(json) {
        Ok(Value::Object(members)) => {
            members.iter().filter_map(|(name, value)| Some((shortened(name), value.as_f64()?))).take(LINES).collect()
        }
        Ok(Value::Array(places)) => {
            places.iter().enumerate().filter_map(|(place, value)| Some((format!("place {place}"), value.as_f64()?))).take(LINES).collect()
        }
        _ => Vec::new(),
    }
}

/// A name for a line.
fn shortened(name: &str) -> String {
    name.chars().take(40).collect()
}
