//! Values over time, or over anything else, as a line that is no finer than the picture.

/// The values at ascending places, in constant memory: all of them as long as they are few, and beyond that only the least and the
/// greatest value within each column.
///
/// Columns begin one place wide, and become twice as wide whenever a value lies beyond the last of them. So nothing has to be known
/// of the values beforehand, and at the end half of the columns are in use at least.
#[derive(Debug)]
pub(super) struct Envelope {
    /// Where the first column begins.
    from: Option<i64>,
    /// The greatest place so far.
    last: i64,
    width: i64,
    columns: Vec<Column>,
    /// All values, as long as there are no more than columns.
    points: Option<Vec<(i64, f64)>>,
    /// Values further apart than this are not joined by a line.
    gap: i64,
}

#[derive(Debug, Clone, Copy)]
struct Column {
    low: f64,
    high: f64,
}

impl Column {
    const EMPTY: Self = Self { low: f64::INFINITY, high: f64::NEG_INFINITY };

    fn is_empty(self) -> bool {
        self.low > self.high
    }

    fn and(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// Points that are joined, at places relative to the first one.
pub(super) type Stroke = Vec<(f64, f64)>;

impl Envelope {
    /// An envelope of at most so many columns.
    pub(super) fn new(columns: usize, gap: i64) -> Self {
        let columns = columns.max(2).next_multiple_of(2);
        Self { from: None, last: 0, width: 1, columns: vec![Column::EMPTY; columns], points: Some(Vec::new()), gap }
    }

    /// Adds a value. Where it is not finite the line is broken.
    pub(super) fn add(&mut self, place: i64, value: f64) {
        let from = *self.from.get_or_insert(place);
        self.last = self.last.max(place);
        if let Some(points) = &mut self.points {
            points.push((place, value));
            if points.len() > self.columns.len() {
                self.points = None;
            }
        }
        if !value.is_finite() {
            return;
        }
        let distance = place.saturating_sub(from).max(0);
        while distance / self.width >= self.columns.len() as i64 {
            self.widen();
        }
        let column = &mut self.columns[(distance / self.width) as usize];
        *column = column.and(Column { low: value, high: value });
    }

    fn widen(&mut self) {
        let half = self.columns.len() / 2;
        for i in 0..half {
            self.columns[i] = self.columns[2 * i].and(self.columns[2 * i + 1]);
        }
        self.columns[half..].fill(Column::EMPTY);
        self.width = self.width.saturating_mul(2);
    }

    /// The first place and the last one.
    pub(super) fn places(&self) -> Option<(i64, i64)> {
        self.from.map(|from| (from, self.last))
    }

    /// The least and the greatest value.
    pub(super) fn values(&self) -> Option<(f64, f64)> {
        let all = self.columns.iter().fold(Column::EMPTY, |all, column| all.and(*column));
        (!all.is_empty()).then_some((all.low, all.high))
    }

    /// The lines to draw.
    pub(super) fn strokes(&self) -> Vec<Stroke> {
        let from = self.from.unwrap_or(0);
        match &self.points {
            Some(points) => {
                joined(points, self.gap).map(|run| run.map(|(place, value)| ((place - from) as f64, value)).collect()).collect()
            }
            None => self.outline(),
        }
    }

    /// Up and down in every column.
    fn outline(&self) -> Vec<Stroke> {
        let mut strokes = Vec::new();
        let mut stroke = Stroke::new();
        for (number, column) in self.columns.iter().enumerate() {
            if column.is_empty() {
                strokes.extend((!stroke.is_empty()).then(|| std::mem::take(&mut stroke)));
                continue;
            }
            let place = (number as f64 + 0.5) * self.width as f64;
            // From the end that is nearer to where the line is.
            let (first, second) = match stroke.last() {
                Some((_, value)) if (value - column.high).abs() < (value - column.low).abs() => (column.high, column.low),
                _ => (column.low, column.high),
            };
            stroke.push((place, first));
            if second != first {
                stroke.push((place, second));
            }
        }
        strokes.extend((!stroke.is_empty()).then_some(stroke));
        strokes
    }
}

/// The runs of finite points that lie at most `gap` apart, each behind the one before.
fn joined(points: &[(i64, f64)], gap: i64) -> impl Iterator<Item = impl Iterator<Item = (i64, f64)>> {
    let runs = points.split(|(_, value)| !value.is_finite());
    let runs = runs.flat_map(move |run| run.chunk_by(move |(one, _), (next, _)| next > one && next - one <= gap));
    runs.filter(|run| !run.is_empty()).map(|run| run.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(columns: usize, gap: i64, points: impl IntoIterator<Item = (i64, f64)>) -> Envelope {
        let mut envelope = Envelope::new(columns, gap);
        for (place, value) in points {
            envelope.add(place, value);
        }
        envelope
    }

    #[test]
    fn few_values_are_all_there() {
        let envelope = of(10, 4, [(100, 1.0), (103, -2.0), (106, 5.0)]);
        assert_eq!(envelope.strokes(), [[(0.0, 1.0), (3.0, -2.0), (6.0, 5.0)]]);
        assert_eq!((envelope.places(), envelope.values()), (Some((100, 106)), Some((-2.0, 5.0))));
    }

    #[test]
    fn a_line_is_broken_at_gaps_and_at_what_is_no_number() {
        let envelope = of(20, 1, [(0, 0.0), (1, 1.0), (3, 3.0), (4, f64::NAN), (5, 5.0), (6, 6.0), (4, 4.0), (5, f64::NEG_INFINITY)]);
        let strokes: Vec<usize> = envelope.strokes().iter().map(Vec::len).collect();
        assert_eq!(strokes, [2, 1, 2, 1]);
        assert_eq!(envelope.values(), Some((0.0, 6.0)));
    }

    #[test]
    fn of_many_values_the_extremes_of_each_column_are_there() {
        let envelope = of(100, 1, (0..1_000_000).map(|i| (i * 22_675 + 7, if i == 500_000 { 9.0 } else { f64::from(i as i32 % 3) })));
        let strokes = envelope.strokes();
        assert_eq!(strokes.len(), 1);
        assert!((100..=202).contains(&strokes[0].len()), "{} points", strokes[0].len());
        let highest = strokes[0].iter().filter(|(_, value)| *value == 9.0).collect::<Vec<_>>();
        assert_eq!(highest.len(), 1);
        assert!((highest[0].0 / 22_675e6 - 0.5).abs() < 0.02, "{highest:?}");
        assert_eq!((envelope.places(), envelope.values()), (Some((7, 999_999 * 22_675 + 7)), Some((0.0, 9.0))));
    }

    #[test]
    fn the_greatest_places_and_values_are_taken() {
        let envelope = of(4, i64::MAX, [(i64::MIN, f64::MAX), (0, 0.0), (i64::MAX, -f64::MAX), (i64::MAX, 0.0), (i64::MAX, 1.0)]);
        assert_eq!(envelope.values(), Some((-f64::MAX, f64::MAX)));
        assert!(!envelope.strokes().is_empty());
        assert!(of(4, 1, []).strokes().is_empty());
        assert_eq!(of(4, 1, [(0, f64::NAN)]).values(), None);
    }
}
