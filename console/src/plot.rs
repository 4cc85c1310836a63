//! Small plots as SVG. The script draws the same (`assets/console.js`, `sparkline`).

use std::fmt::Write as _;

/// Width and height of a small plot, in its own units.
const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 24.0;

/// Values that fit into a small plot.
pub(crate) const SLOTS: usize = 120;

/// Points of a line over these values, the newest at the right, as an SVG `points` attribute. A few values take a part of the width.
pub(crate) fn sparkline(values: &[f64]) -> String {
    let top = values.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let mut points = String::new();
    #[expect(clippy::cast_precision_loss, reason = "a handful of points on a picture")]
    let place = |from_right: usize| WIDTH - WIDTH * from_right as f64 / (SLOTS - 1) as f64;
    for (at, value) in values.iter().enumerate() {
        let y = if top > 0.0 { HEIGHT - 1.0 - value / top * (HEIGHT - 2.0) } else { HEIGHT - 1.0 };
        let _ = write!(points, "{:.1},{y:.1} ", place(values.len() - 1 - at));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_grows_from_the_right() {
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&[0.0, 0.0]), "119.0,23.0 120.0,23.0 ");
        assert_eq!(sparkline(&[0.0, 5.0, 10.0]), "118.0,23.0 119.0,12.0 120.0,1.0 ");
        let many = sparkline(&[1.0; SLOTS]);
        assert!(many.starts_with("0.0,1.0 ") && many.ends_with("120.0,1.0 "), "{many}");
    }
}
