//! Rows, computed from base elements as somebody asks for them.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::elements::{Elements, Piece};
use super::plan::Level;
use super::record::Place;
use super::store::{Table, TableStore};
use super::{FftSample, PreparedWindow, SampleRate, Spectrum, TableError, TimeMeasure};
use crate::limits;

/// Elements that are read at a time: half a megabyte of samples.
const AT_ONCE: usize = 64 * 1024;

/// Which rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Those within so much time before the newest one, which is one of them. The other end is open.
    Last(TimeMeasure),
    /// Those from a moment, inclusive, to another, exclusive.
    Range {
        /// The first moment.
        from: TimeMeasure,
        /// The first moment that is no longer part.
        to: TimeMeasure,
    },
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// A number.
    Sample(f64),
    /// Numbers.
    Vector(Vec<f64>),
    /// The JSON of a list or an object.
    Json(Bytes),
    /// A window.
    Window(Window),
    /// A spectrum.
    Fft(FftSample),
}

impl Row {
    /// About how many numbers it has, each with what belongs to it.
    fn weight(&self) -> usize {
        match self {
            Self::Sample(_) => 16,
            Self::Vector(values) => 16 + values.len(),
            Self::Json(json) => 16 + json.len() / 8,
            Self::Window(window) => match &window.elements {
                WindowElements::Numbers(numbers) => 16 + numbers.len(),
                WindowElements::Rows(rows) => rows.iter().map(Self::weight).sum(),
            },
            // Each bin takes a logarithm and an angle.
            Self::Fft(sample) => 16 + 8 * sample.magnitude.len(),
        }
    }
}

/// Elements that follow each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Elements of a full one.
    pub size: usize,
    /// Elements from the beginning of one to that of the next.
    pub step: u64,
    /// The elements; the last windows of a finished table have fewer.
    pub elements: WindowElements,
}

/// What is in a window.
#[derive(Debug, Clone, PartialEq)]
pub enum WindowElements {
    /// Samples.
    Numbers(Vec<f64>),
    /// Anything else.
    Rows(Vec<Row>),
}

/// Reads a range of rows in order. What it holds in memory is what one row is made of, and some more.
#[derive(Debug)]
pub struct RowReader {
    pub(super) elements: Elements,
    pub(super) rows: Range<u64>,
    /// From one row that is read to the next.
    every: u64,
    /// Rows of each level, the base elements first, as the table was when the reading began.
    counts: Vec<u64>,
    prepared: Vec<Prepared>,
    buffer: Option<Piece>,
}

/// What the rows of a level are made with.
#[derive(Debug)]
struct Prepared {
    level: Level,
    functions: Vec<PreparedWindow>,
    spectrum: Option<Spectrum>,
}

impl RowReader {
    /// The rows of a table that are selected, as it is now.
    pub(super) async fn begin(store: &TableStore, table: Table, selection: Selection) -> Result<Self, TableError> {
        let table = Arc::new(table);
        let mut elements = Elements::new(store.clone(), Arc::clone(&table));
        let rows = select(&mut elements, selection).await?;
        Ok(Self::over(elements, rows))
    }

    /// All rows that are kept.
    pub(super) async fn kept(elements: &mut Elements) -> Result<Range<u64>, TableError> {
        select(elements, Selection::Last(TimeMeasure::from_nanos(i64::MAX))).await
    }

    pub(super) fn over(elements: Elements, rows: Range<u64>) -> Self {
        let table = elements.table();
        let (mut counts, mut prepared) = (vec![table.record.end.element], Vec::new());
        for (number, level) in table.plan.levels.iter().enumerate() {
            counts.push(table.plan.rows_of_level(number + 1, table.record.end.element, table.record.finished));
            let functions = level.functions.iter().map(|function| PreparedWindow::new(*function)).collect();
            prepared.push(Prepared { level: level.clone(), functions, spectrum: level.bin_count.map(Spectrum::new) });
        }
        Self { elements, rows, every: 1, counts, prepared, buffer: None }
    }

    /// Reads only every so manieth of them, from the first one on.
    pub(super) fn every(self, every: u64) -> Self {
        Self { every: every.max(1), ..self }
    }

    /// The table's sample rate.
    #[must_use]
    pub fn rate(&self) -> SampleRate {
        self.elements.table().rate()
    }

    /// The next rows with their markers: a few thousand, or fewer where they are large. `None` at the end.
    ///
    /// # Errors
    /// When the store fails, or the table is removed.
    pub async fn next(&mut self) -> Result<Option<Vec<(i64, Row)>>, TableError> {
        let (mut rows, mut weight, rate) = (Vec::new(), 0, self.rate());
        while weight < AT_ONCE {
            let Some((_, place)) = self.advance().await? else { break };
            let row = self.row(place.element);
            weight += row.weight();
            rows.push((rate.marker(place.sample), row));
        }
        Ok((!rows.is_empty()).then_some(rows))
    }

    /// Makes the elements of the next row ready. Answers its number and where it begins; `None` at the end.
    pub(super) async fn advance(&mut self) -> Result<Option<(u64, Place)>, TableError> {
        let (stride, reach) = (self.elements.table().plan.stride(), self.elements.table().plan.reach());
        loop {
            if self.rows.start >= self.rows.end {
                return Ok(None);
            }
            let row = self.rows.start;
            let begin = row * stride;
            let until = (begin + reach).min(self.counts[0]);
            let place = self.cover(begin, until).await?;
            if place.element == begin {
                self.rows.start = row + self.every;
                return Ok(Some((row, place)));
            }
            // The oldest elements were let go while they were being read.
            self.rows.start = place.element.div_ceil(stride).max(row + 1);
        }
    }

    /// Has the elements from `begin` to `until` in the buffer. Answers where the first one begins, or the first one that is still held.
    async fn cover(&mut self, begin: u64, until: u64) -> Result<Place, TableError> {
        if let Some(buffer) = &mut self.buffer {
            let end = buffer.first.element + buffer.rows.len() as u64;
            if begin < buffer.first.element || begin >= end {
                self.buffer = None;
            } else if until > end {
                let gone = (begin - buffer.first.element) as usize;
                buffer.first = buffer.first.behind(gone as u64, buffer.rows.span_before(gone));
                buffer.rows.drop_front(gone);
            }
        }
        // What rows behind this one are made of is read along, as far as somebody wants it.
        let plan = &self.elements.table().plan;
        let wanted = (self.rows.end.saturating_sub(1) * plan.stride()).saturating_add(plan.reach()).min(self.counts[0]);
        loop {
            let end = match &self.buffer {
                None => begin,
                Some(buffer) => {
                    let skip = begin - buffer.first.element;
                    let end = buffer.first.element + buffer.rows.len() as u64;
                    if end >= until {
                        return Ok(buffer.first.behind(skip, buffer.rows.span_before(skip as usize)));
                    }
                    end
                }
            };
            let most = usize::try_from(wanted.max(until) - end).unwrap_or(AT_ONCE).min(AT_ONCE);
            let Some(piece) = self.elements.read(end, most).await? else { return Ok(self.elements.end()) };
            if piece.first.element > end {
                return Ok(piece.first);
            }
            match &mut self.buffer {
                Some(buffer) if buffer.rows.bytes() > limits::ROW_BYTES => {
                    let name = &self.elements.table().name;
                    return Err(TableError::Unfit(format!("a row of {name} is made of more than {} bytes", limits::ROW_BYTES)));
                }
                Some(buffer) => buffer.rows.append(&piece.rows, 0..piece.rows.len()),
                None => self.buffer = Some(piece),
            }
        }
    }

    /// The row that begins with this element, which the buffer covers.
    pub(super) fn row(&mut self, element: u64) -> Row {
        let level = self.prepared.len();
        let number = element / self.elements.table().plan.stride();
        self.row_of(level, number)
    }

    fn row_of(&mut self, level: usize, number: u64) -> Row {
        let Some(below) = level.checked_sub(1) else { return self.base(number) };
        let (size, step, bin_count) = {
            let level = &self.prepared[below].level;
            (level.size, level.step, level.bin_count)
        };
        let first = number * step;
        let until = (first + size as u64).min(self.counts[below]);
        if below > 0 || self.elements.table().element() != super::ElementType::Sample {
            let rows = (first..until).map(|number| self.row_of(below, number)).collect();
            return Row::Window(Window { size, step, elements: WindowElements::Rows(rows) });
        }
        let mut numbers = self.numbers(first, until).to_vec();
        for function in &mut self.prepared[below].functions {
            function.apply(&mut numbers);
        }
        let Some((bin_count, spectrum)) = bin_count.zip(self.prepared[below].spectrum.as_mut()) else {
            return Row::Window(Window { size, step, elements: WindowElements::Numbers(numbers) });
        };
        let (mut magnitude, mut phase) = (Vec::with_capacity(bin_count / 2), Vec::with_capacity(bin_count / 2));
        spectrum.transform(&numbers, &mut magnitude, &mut phase);
        let rate = self.elements.table().rate();
        let time = rate.marker(number * step);
        Row::Fft(FftSample { index: number, bin_count, samples_count: numbers.len(), rate, magnitude, phase, time })
    }

    /// Samples that the buffer covers.
    fn numbers(&self, first: u64, until: u64) -> &[f64] {
        let (buffer, range) = self.buffered(first, until);
        buffer.rows.numbers(range).expect("these are samples")
    }

    fn buffered(&self, first: u64, until: u64) -> (&Piece, Range<usize>) {
        let buffer = self.buffer.as_ref().expect("the row was made ready");
        (buffer, (first - buffer.first.element) as usize..(until - buffer.first.element) as usize)
    }

    fn base(&self, element: u64) -> Row {
        let (buffer, range) = self.buffered(element, element + 1);
        match (buffer.rows.samples(), buffer.rows.text(range.start)) {
            (Some(samples), _) => Row::Sample(samples[range.start]),
            (None, Some(text)) => Row::Json(Bytes::copy_from_slice(text)),
            (None, None) => Row::Vector(buffer.rows.numbers(range).expect("these are vectors").to_vec()),
        }
    }

    /// Samples without operations from the next row on, as they are at hand, `most` at most: the first one's number, and all of them; none
    /// at the end. `None` when rows are something else.
    ///
    /// # Errors
    /// When the store fails, or the table is removed.
    pub async fn run_of_samples(&mut self, most: usize) -> Result<Option<(u64, &[f64])>, TableError> {
        let table = self.elements.table();
        if !table.plan.levels.is_empty() || table.element() != super::ElementType::Sample {
            return Ok(None);
        }
        let Some((row, _)) = self.advance().await? else { return Ok(Some((self.rows.end, &[]))) };
        let at_hand = self.buffer.as_ref().map_or(row, |buffer| buffer.first.element + buffer.rows.len() as u64);
        let until = at_hand.min(self.rows.end).min(row + most as u64);
        self.rows.start = until;
        Ok(Some((row, self.numbers(row, until))))
    }
}

/// The rows that are selected, of those that are kept.
pub(super) async fn select(elements: &mut Elements, selection: Selection) -> Result<Range<u64>, TableError> {
    let table = Arc::clone(elements.table());
    let (rate, stride, total) = (table.rate(), table.plan.stride(), table.rows());
    let Some(newest_row) = total.checked_sub(1) else { return Ok(0..0) };
    let newest = rate.marker(elements.place_of(newest_row * stride).await?.sample);
    // What is exactly as old as the retention is not kept.
    let kept = newest.saturating_sub(table.definition.retention.measure.nanos()).saturating_add(1);
    let (from, to) = match selection {
        Selection::Last(interval) if interval.nanos() <= 0 => return Ok(0..0),
        Selection::Last(interval) => (newest.saturating_sub(interval.nanos()).saturating_add(1), None),
        Selection::Range { from, to } => (from.nanos(), Some(to.nanos())),
    };
    let begin = row_at(elements, rate.first_at(from.max(kept)), stride).await?;
    let end = match to {
        Some(to) if to <= newest => row_at(elements, rate.first_at(to), stride).await?.min(total),
        _ => total,
    };
    Ok(begin..end.max(begin))
}

/// The first row that begins at a sample or behind it.
async fn row_at(elements: &mut Elements, sample: u64, stride: u64) -> Result<u64, TableError> {
    Ok(elements.at_sample(sample).await?.element.div_ceil(stride))
}
