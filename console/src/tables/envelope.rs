//! Values over time, no finer than a picture, in constant memory: the least and the greatest value of each column.

use std::collections::VecDeque;

use serde::Serialize;

/// Columns of so many samples each, counted from the table's first sample, so that they stay what they are as time goes on.
#[derive(Debug)]
pub(super) struct Envelope {
    width: u64,
    most: u64,
    /// The number of each column, and the least and the greatest value in it. Ascending.
    columns: VecDeque<(u64, f32, f32)>,
}

/// A line as it is sent: `None` stands where there is no value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) low: Vec<Option<f32>>,
    pub(super) high: Vec<Option<f32>>,
}

impl Envelope {
    /// At most so many columns, of `width` samples.
    pub(super) fn new(width: u64, most: u64) -> Self {
        Self { width: width.max(1), most: most.max(1), columns: VecDeque::new() }
    }

    /// Adds values that follow each other; the first one is this sample. What is older than the columns that are kept is let go.
    pub(super) fn add(&mut self, first: u64, values: &[f64]) {
        let mut at = first;
        let mut rest = values;
        while !rest.is_empty() {
            let column = at / self.width;
            let count = usize::try_from((column + 1) * self.width - at).unwrap_or(usize::MAX).min(rest.len());
            let (these, behind) = rest.split_at(count);
            let finite = these.iter().filter(|value| value.is_finite());
            let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), next| (low.min(*next), high.max(*next)));
            if low <= high {
                // A screen has not the digits of the others.
                self.put(
                    column,
                    low.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32,
                    high.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32,
                );
            }
            (at, rest) = (at + count as u64, behind);
        }
    }

    fn put(&mut self, column: u64, low: f32, high: f32) {
        let place = self.columns.iter().rposition(|(number, ..)| *number <= column);
        match place {
            Some(place) if self.columns[place].0 == column => {
                let (_, before_low, before_high) = self.columns[place];
                self.columns[place] = (column, before_low.min(low), before_high.max(high));
            }
            Some(place) => self.columns.insert(place + 1, (column, low, high)),
            None => self.columns.push_front((column, low, high)),
        }
        while self.columns.back().zip(self.columns.front()).is_some_and(|(back, front)| back.0 - front.0 >= self.most) {
            self.columns.pop_front();
        }
    }

    /// The number of the newest column that has a value.
    pub(super) fn newest(&self) -> Option<u64> {
        self.columns.back().map(|(number, ..)| *number)
    }

    /// All columns up to one, the oldest first: `most` of them, or fewer at the table's beginning.
    pub(super) fn line(&self, name: &str, until: u64) -> Line {
        let from = self.from(until);
        let count = usize::try_from(until - from + 1).unwrap_or_default();
        let (mut low, mut high) = (vec![None; count], vec![None; count]);
        for (number, least, greatest) in self.columns.iter().filter(|(number, ..)| (from..=until).contains(number)) {
            let place = usize::try_from(number - from).unwrap_or_default();
            (low[place], high[place]) = (Some(*least), Some(*greatest));
        }
        Line { name: name.to_owned(), low, high }
    }

    /// The first column of a line up to this one.
    pub(super) fn from(&self, until: u64) -> u64 {
        (until + 1).saturating_sub(self.most)
    }

    /// Samples of a column.
    pub(super) fn width(&self) -> u64 {
        self.width
    }

    /// The least and the greatest value of all.
    pub(super) fn range(&self) -> Option<(f32, f32)> {
        let all = self.columns.iter().map(|(_, low, high)| (*low, *high));
        all.reduce(|(low, high), (other_low, other_high)| (low.min(other_low), high.max(other_high)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extremes_of_each_column_are_kept_as_time_goes_on() {
        let mut envelope = Envelope::new(10, 3);
        envelope.add(5, &(0..30).map(f64::from).collect::<Vec<_>>());
        assert_eq!((envelope.newest(), envelope.from(3), envelope.range()), (Some(3), 1, Some((5.0, 29.0))));
        let line = envelope.line("", 3);
        assert_eq!((line.low, line.high), (vec![Some(5.0), Some(15.0), Some(25.0)], vec![Some(14.0), Some(24.0), Some(29.0)]));
        // The newest column goes on; a gap is a gap.
        envelope.add(35, &[-1.0, f64::NAN, f64::INFINITY]);
        envelope.add(50, &[7.0]);
        let line = envelope.line("", 5);
        assert_eq!((line.low, line.high), (vec![Some(-1.0), None, Some(7.0)], vec![Some(29.0), None, Some(7.0)]));
    }

    #[test]
    fn a_young_table_has_few_columns_and_windows_may_overlap() {
        let mut envelope = Envelope::new(1, 100);
        envelope.add(0, &[1.0, 2.0, 3.0]);
        envelope.add(1, &[-2.0, 5.0]);
        let line = envelope.line("", 2);
        assert_eq!((line.low, line.high), (vec![Some(1.0), Some(-2.0), Some(3.0)], vec![Some(1.0), Some(2.0), Some(5.0)]));
        assert_eq!(Envelope::new(1, 5).newest(), None);
    }
}
