//! Line charts with axes, as SVG.

use std::fmt::Write as _;

/// The picture and the part of it that the line is in, in its own units.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 412.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 152.0;

/// Labels of an axis at most.
const LABELS: f64 = 5.0;

/// Spans between labels of time, in seconds.
const SPANS: [i64; 20] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];

/// Nothing that load tests measure is more; a number beyond is drawn at this one's height, and so is one below nothing at nothing's.
const LARGEST: f64 = 1e15;

/// A gap of so many times the usual distance of points is no line: nothing was heard.
const GAP: i64 = 3;

/// A chart, ready for a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// The same in words, for who does not see it.
    pub(super) label: String,
    /// Points of each piece of the line.
    pub(super) lines: Vec<String>,
    /// Points that stand alone.
    pub(super) dots: Vec<(String, String)>,
    /// Heights and labels, from below.
    pub(super) rows: Vec<(String, String)>,
    /// Places and labels, from the left.
    pub(super) columns: Vec<(String, String)>,
    /// Places of what happened, and what it was.
    pub(super) marks: Vec<(String, String)>,
}

impl Chart {
    /// A value over a time in milliseconds, which is shown from `from` to `to`, with what happened meanwhile. Nothing where there is no value.
    pub(super) fn new(title: &'static str, values: &[(i64, f64)], (from, to): (i64, i64), marks: &[(i64, String)]) -> Option<Self> {
        let values = values.iter().copied().filter(|(_, value)| value.is_finite());
        let values: Vec<(i64, f64)> = values.map(|(at, value)| (at, value.clamp(0.0, LARGEST))).collect();
        let (most, (_, last)) = (values.iter().map(|(_, value)| *value).fold(0.0, f64::max), *values.last()?);
        let span = to.saturating_sub(from).max(1000);
        #[expect(clippy::cast_precision_loss, reason = "a place on a picture")]
        let x = |at: i64| LEFT + (at.saturating_sub(from)) as f64 / span as f64 * (RIGHT - LEFT);
        let step = nice(most / LABELS);
        let steps = libm::ceil(most / step).max(1.0);
        let top = steps * step;
        let y = |value: f64| BOTTOM - value / top * (BOTTOM - TOP);
        let (mut lines, mut dots) = (Vec::new(), Vec::new());
        for piece in pieces(&values) {
            match piece {
                [(at, value)] => dots.push((format!("{:.1}", x(*at)), format!("{:.1}", y(*value)))),
                piece => lines.push(piece.iter().fold(String::new(), |mut points, (at, value)| {
                    let _ = write!(points, "{:.1},{:.1} ", x(*at), y(*value));
                    points
                })),
            }
        }
        let heights = (0..=u8::MAX).map(f64::from).take_while(|number| *number <= steps).map(|number| number * step);
        let rows = heights.map(|value| (format!("{:.1}", y(value)), super::number(&value))).collect();
        #[expect(clippy::cast_precision_loss, reason = "a label on an axis")]
        let distance = SPANS.into_iter().find(|seconds| span as f64 / 1000.0 / (*seconds as f64) <= LABELS).unwrap_or(span / 4000);
        let places = (0..=span / 1000 / distance).map(|number| number * distance);
        let columns = places.map(|seconds| (format!("{:.1}", x(from + seconds * 1000)), elapsed(seconds))).collect();
        let is_inside = |at: &i64| (from..=from + span).contains(at);
        let marks = marks.iter().filter(|(at, _)| is_inside(at)).map(|(at, text)| (format!("{:.1}", x(*at)), text.clone())).collect();
        let label = format!("{title} over time: {} at most, {} at the end", super::number(&most), super::number(&last));
        Some(Self { title, label, lines, dots, rows, columns, marks })
    }

    /// The picture's box.
    #[expect(clippy::unused_self, reason = "templates reach it through the chart")]
    pub(super) fn view_box(&self) -> String {
        format!("0 0 {WIDTH} {HEIGHT}")
    }
}

/// Values without gaps between them.
fn pieces(values: &[(i64, f64)]) -> Vec<&[(i64, f64)]> {
    let mut distances: Vec<i64> = values.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    distances.sort_unstable();
    let usual = distances.get(distances.len() / 2).copied().unwrap_or(0).max(1000);
    values.chunk_by(|one, next| next.0 - one.0 <= usual.saturating_mul(GAP)).collect()
}

/// 1, 2 or 5 times a power of ten, not below a number; 1 for next to nothing.
fn nice(number: f64) -> f64 {
    if number < 1e-9 {
        return 1.0;
    }
    let power = libm::pow(10.0, libm::floor(libm::log10(number)));
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| *step >= number * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// A span in its largest unit that it is a multiple of.
fn elapsed(seconds: i64) -> String {
    match seconds {
        0 => "0".to_owned(),
        days if days % 86_400 == 0 => format!("{} d", days / 86_400),
        hours if hours % 3600 == 0 => format!("{} h", hours / 3600),
        minutes if minutes % 60 == 0 => format!("{} min", minutes / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_lies_between_its_axes() {
        let chart =
            Chart::new("Users", &[(0, 0.0), (30_000, 50.0), (60_000, 100.0)], (0, 60_000), &[(30_000, "Deployed".to_owned())]).unwrap();
        assert_eq!(chart.lines, ["52.0,152.0 232.0,81.0 412.0,10.0 "]);
        let labels: Vec<&str> = chart.rows.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["0", "20", "40", "60", "80", "100"]);
        let labels: Vec<&str> = chart.columns.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["0", "15 s", "30 s", "45 s", "1 min"]);
        assert_eq!(chart.marks, [("232.0".to_owned(), "Deployed".to_owned())]);
        assert_eq!(chart.label, "Users over time: 100 at most, 100 at the end");
    }

    #[test]
    fn where_nothing_was_heard_there_is_no_line() {
        let chart = Chart::new("p95", &[(0, 1.0), (1000, 1.0), (2000, 1.0), (60_000, 1.0)], (0, 60_000), &[]).unwrap();
        assert_eq!((chart.lines.len(), chart.dots.len()), (1, 1));
        assert_eq!(Chart::new("p95", &[], (0, 1), &[]), None);
        assert_eq!(Chart::new("p95", &[(0, f64::NAN)], (0, 1), &[]), None);
    }

    #[test]
    fn steps_are_nice() {
        assert_eq!([0.0, 0.03, 1.0, 1.1, 4.0, 7.0, 1200.0].map(nice), [1.0, 0.05, 1.0, 2.0, 5.0, 10.0, 2000.0]);
        assert_eq!([0, 45, 120, 7200, 172_800].map(elapsed), ["0", "45 s", "2 min", "2 h", "2 d"]);
    }

    proptest! {
        #[test]
        fn whatever_is_drawn_stays_inside(
            values in prop::collection::vec((0_i64..100_000_000, prop_oneof![0.0..1e12_f64, prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL]), 1..50),
        ) {
            let mut values = values;
            values.sort_by_key(|(at, _)| *at);
            let chart = Chart::new("x", &values, (values[0].0, values[values.len() - 1].0), &[]).unwrap();
            prop_assert!(chart.rows.len() >= 2 && chart.rows.len() <= 7, "{:?}", chart.rows);
            prop_assert!(!chart.columns.is_empty() && chart.columns.len() <= 7, "{:?}", chart.columns);
            let line = chart.lines.iter().flat_map(|line| line.split_whitespace()).map(|point| point.split_once(',').unwrap());
            for (x, y) in line.chain(chart.dots.iter().map(|(x, y)| (x.as_str(), y.as_str()))) {
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                prop_assert!((LEFT..=RIGHT).contains(&x) && (TOP - 0.1..=BOTTOM).contains(&y), "{x} {y}");
            }
        }
    }
}
