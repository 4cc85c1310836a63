//! The frame of a picture: title, axes, ticks and lines.

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::drawing::{DrawingAreaErrorKind, IntoDrawingArea as _};
use plotters::element::{Circle, PathElement};
use plotters::prelude::Cartesian2d;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, IntoFont as _, RGBColor, ShapeStyle, TextStyle, WHITE};

use super::envelope::Stroke;
use super::ticks::Ticks;

/// How large a picture is, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// One of the two axes.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) from: f64,
    pub(super) to: f64,
    /// What is told along it, and in which unit.
    pub(super) label: String,
}

impl Axis {
    /// An axis that has a length, whatever lies along it.
    pub(super) fn new(from: f64, to: f64, label: impl Into<String>) -> Self {
        // Beyond this the length of an axis would be no number.
        let (from, to) = (from.clamp(-1e300, 1e300), to.clamp(-1e300, 1e300));
        let least = (from.abs() * 1e-9).max(1e-300);
        let (from, to) = if to - from > least { (from, to) } else { (from - least.max(0.5), to + least.max(0.5)) };
        Self { from, to, label: label.into() }
    }

    /// With some room at both ends.
    pub(super) fn roomy(self) -> Self {
        let room = (self.to - self.from) * 0.05;
        Self { from: self.from - room, to: self.to + room, ..self }
    }
}

/// What is drawn inside the axes.
pub(super) enum Content<'a> {
    /// Lines, in the coordinates of the axes.
    Lines(&'a [Stroke]),
    /// Elements of SVG, for the pixels that are left to them.
    Raw(&'a dyn Fn(Pixels) -> String),
    /// Nothing is there to be drawn.
    Nothing,
}

/// The pixels inside the axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pixels {
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
}

/// A drawing that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the picture could not be drawn: {0}")]
pub(crate) struct NotDrawn(String);

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for NotDrawn {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const FAINT: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
const LINE: RGBColor = RGBColor(0x1f, 0x77, 0xb4);

/// Pixels that a letter takes, about.
const LETTER: u32 = 9;

/// Draws a picture: SVG on a light ground. `right` pixels are kept free on the right.
pub(super) fn draw(title: &str, size: Size, axes: [&Axis; 2], right: u32, content: &Content<'_>) -> Result<String, NotDrawn> {
    let mut svg = String::new();
    let pixels = {
        let root = SVGBackend::with_string(&mut svg, (size.width, size.height)).into_drawing_area();
        root.fill(&WHITE)?;
        // A label needs its room, and a small picture has few.
        let [x_ticks, y_ticks] = [
            Ticks::between(axes[0].from, axes[0].to, (size.width / 100).clamp(1, 12) as usize),
            Ticks::between(axes[1].from, axes[1].to, (size.height / 50).clamp(1, 10) as usize),
        ];
        let mut chart = ChartBuilder::on(&root)
            .caption(shortened(title, size.width / LETTER), (FONT, 17).into_font().color(&INK))
            .margin(8)
            .margin_right(16 + right)
            .x_label_area_size(42)
            .y_label_area_size(if size.width < 300 { 44 } else { 64 })
            .build_cartesian_2d(along(&x_ticks, axes[0]), along(&y_ticks, axes[1]))?;
        chart
            .configure_mesh()
            .bold_line_style(FAINT)
            .axis_style(INK)
            .label_style((FONT, 13).into_font().color(&INK))
            .axis_desc_style((FONT, 14).into_font().color(&INK))
            .x_label_formatter(&|place| x_ticks.label(*place))
            .y_label_formatter(&|place| y_ticks.label(*place))
            .x_desc(&axes[0].label)
            .y_desc(&axes[1].label)
            .draw()?;
        let (across, down) = chart.plotting_area().get_pixel_range();
        match content {
            Content::Lines(strokes) => draw_lines(&mut chart, strokes)?,
            Content::Raw(_) => {}
            Content::Nothing => {
                let style = TextStyle::from((FONT, 20).into_font()).color(&INK).pos(Pos::new(HPos::Center, VPos::Center));
                root.draw_text("no data", &style, (across.start.midpoint(across.end), down.start.midpoint(down.end)))?;
            }
        }
        root.present()?;
        Pixels { left: across.start, right: across.end, top: down.start, bottom: down.end }
    };
    if let Content::Raw(elements) = content {
        insert_before(&mut svg, "</svg>", &elements(pixels));
    }
    let behind_head = svg.find('>').map_or(0, |end| end + 1);
    svg.insert_str(behind_head, &format!("\n<title>{}</title>", escaped(title)));
    Ok(svg)
}

/// An axis as the crate takes it. Its own would look for ticks itself, and not find an end where numbers are too close to each other.
struct Along {
    axis: Axis,
    places: Vec<f64>,
}

fn along(ticks: &Ticks, axis: &Axis) -> Along {
    Along { axis: axis.clone(), places: ticks.places.clone() }
}

impl Ranged for Along {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (begin, end): (i32, i32)) -> i32 {
        let share = (value - self.axis.from) / (self.axis.to - self.axis.from);
        begin + libm::round(share.clamp(0.0, 1.0) * f64::from(end - begin)) as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.places.clone() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.axis.from..self.axis.to
    }
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Along, Along>>;

fn draw_lines(chart: &mut Chart<'_, '_>, strokes: &[Stroke]) -> Result<(), NotDrawn> {
    let style = ShapeStyle::from(LINE).stroke_width(1);
    for stroke in strokes {
        let drawn = match stroke[..] {
            [] => continue,
            // No line shows a point that is alone.
            [point] => chart.draw_series([Circle::new(point, 2, LINE.filled())]).map(drop),
            _ => chart.draw_series([PathElement::new(stroke.clone(), style)]).map(drop),
        };
        drawn?;
    }
    Ok(())
}

fn insert_before(svg: &mut String, tag: &str, elements: &str) {
    let place = svg.rfind(tag).unwrap_or(svg.len());
    svg.insert_str(place, elements);
}

fn shortened(text: &str, letters: u32) -> String {
    let text: String = text.chars().map(visible).collect();
    if text.chars().count() <= letters as usize {
        return text;
    }
    text.chars().take((letters as usize).saturating_sub(1)).chain(['…']).collect()
}

/// A text as XML has it.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().map(visible) {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            letter => out.push(letter),
        }
    }
    out
}

/// The letter, or what stands for one that XML cannot hold.
fn visible(letter: char) -> char {
    if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { letter }
}
