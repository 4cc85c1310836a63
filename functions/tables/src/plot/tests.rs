//! Pictures without a table.

use std::sync::Arc;

use headwater_adapters::{ManualClock, OsEntropy, Stores};
use headwater_core::ids::TableName;
use headwater_core::ports::{Clock, Entropy, Timestamp};
use headwater_core::tables::{Definition, FftSample, Rows, SampleRate};

use super::chart::escaped;
use super::spectrogram::Spectra;
use super::waveform::{Waveform, nothing};
use super::*;

const SIZE: Size = Size { width: 800, height: 300 };

/// A picture, checked to be well-formed: elements are closed, nothing is spelled that XML does not know, and no number is none.
#[track_caller]
fn checked(svg: String) -> String {
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for wrong in ["NaN", "inf", "\0"] {
        assert!(!svg.contains(wrong), "{wrong} is in {svg}");
    }
    let mut open = Vec::new();
    let mut rest = svg.as_str();
    while let Some((text, behind)) = rest.split_once('<') {
        assert!(!text.contains('>'), "{text}");
        let (tag, behind) = behind.split_once('>').expect("a tag ends");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{svg}"),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split_whitespace().next().unwrap()),
        }
        rest = behind;
    }
    assert!(open.is_empty(), "{open:?} are open");
    svg
}

fn waveform(size: Size, period: f64, samples: impl IntoIterator<Item = f64>) -> String {
    let mut waveform = Waveform::new(size.width, period);
    waveform.add(0, samples);
    checked(waveform.draw("t", size).unwrap())
}

/// The numbers of the points of all lines.
fn points(svg: &str) -> Vec<Vec<(i32, i32)>> {
    let lines = svg.split("<polyline ").skip(1).filter(|line| line.contains("#1F77B4"));
    let text = lines.map(|line| line.split("points=\"").nth(1).unwrap().split('"').next().unwrap());
    let pair = |pair: &str| pair.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).unwrap();
    text.map(|points| points.split_whitespace().map(pair).collect()).collect()
}

fn sine(hertz: f64, rate: f64) -> impl Iterator<Item = f64> {
    (0..).map(move |i| libm::sin(2.0 * std::f64::consts::PI * hertz * f64::from(i) / rate))
}

#[test]
fn few_samples_are_one_line() {
    let svg = waveform(SIZE, 1e6, sine(20.0, 1000.0).take(100));
    let lines = points(&svg);
    assert_eq!((lines.len(), lines[0].len()), (1, 100));
    let ys: Vec<i32> = lines[0].iter().map(|(_, y)| *y).collect();
    assert!(ys[12] < ys[0] && ys[37] > ys[0], "a sine goes up first: {ys:?}");
    for part in ["time, ms", "value", ">\n80\n", ">\n-0.5\n", "<title>t</title>"] {
        assert!(svg.contains(part), "{part} is not in {svg}");
    }
}

#[test]
fn a_million_samples_make_a_small_picture() {
    let svg = waveform(SIZE, 1e9 / 44_100.0, sine(1.0, 44_100.0).take(1_000_000));
    assert!(svg.len() < 60_000, "{} bytes", svg.len());
    assert!(svg.contains("time, s"), "{svg}");
    let lines = points(&svg);
    assert_eq!(lines.len(), 1);
    let (left, right) = (lines[0][0].0, lines[0].last().unwrap().0);
    assert!(left < 90 && right > 770, "the line goes from {left} to {right}");
}

#[test]
fn pictures_of_any_size_and_any_samples_are_well_formed() {
    for (width, height) in [(100, 100), (100, 4000), (4000, 100), (800, 300)] {
        let size = Size { width, height };
        for samples in [
            &[][..],
            &[0.0],
            &[1.0; 10],
            &[f64::NAN; 3],
            &[f64::MAX, -f64::MAX],
            &[1e-320, 2e-320],
            &[f64::INFINITY, 1.0],
            &[1e15, 1e15 + 0.125],
        ] {
            for period in [1e-9, 1.0, 22_675.7, 1e18] {
                waveform(size, period, samples.iter().copied());
            }
        }
    }
}

#[test]
fn a_picture_without_samples_says_so() {
    assert!(checked(nothing("empty", SIZE).unwrap()).contains("no data"));
    assert!(waveform(SIZE, 1e6, [f64::NAN]).contains("no data"));
    assert!(!waveform(SIZE, 1e6, [0.0]).contains("no data"));
}

#[test]
fn a_name_cannot_write_into_the_picture() {
    let name = "<script>alert('x')</script> & \"q\" \u{ffff}]]>";
    let svg = checked(nothing(name, SIZE).unwrap());
    assert!(!svg.contains("<script"), "{svg}");
    assert!(svg.contains(&escaped(name)), "{svg}");
    let long = checked(nothing(&"é".repeat(127), SIZE).unwrap());
    assert!(long.contains("é…"), "{long}");
}

fn spectra(rows: u64, bins: usize, magnitude: impl Fn(u64, usize) -> f64) -> String {
    let rate = SampleRate::from_f64(8000.0).unwrap();
    let row = |index: u64| FftSample {
        index,
        bin_count: 2 * bins,
        samples_count: 2 * bins,
        rate,
        magnitude: (0..bins).map(|bin| magnitude(index, bin)).collect(),
        phase: vec![0.0; bins],
        time: index as i64 * 10_000_000,
    };
    let mut spectra = Spectra::new(0, row(0), SIZE);
    for index in 1..rows {
        spectra.add(index as i64 * 10_000_000, &row(index));
    }
    checked(spectra.draw("s", SIZE).unwrap())
}

#[test]
fn one_spectrum_is_a_line_over_frequency() {
    let svg = spectra(1, 256, |_, bin| if bin == 64 { 40.0 } else { -300.0 });
    for part in ["frequency, kHz", "magnitude, dB"] {
        assert!(svg.contains(part), "{part} is not in {svg}");
    }
    let lines = points(&svg);
    let peak = lines[0].iter().min_by_key(|(_, y)| *y).unwrap();
    assert!((250..280).contains(&peak.0), "a quarter of the way: {peak:?}");
}

#[test]
fn several_spectra_are_colours() {
    let svg = spectra(100, 128, |index, bin| -((index as f64 - bin as f64).abs()));
    for part in ["time, ms", "frequency, kHz", "dB", "#fde725", "#440154"] {
        assert!(svg.contains(part), "{part} is not in the picture");
    }
    assert!(points(&svg).is_empty());
}

#[test]
fn many_spectra_make_a_picture_of_bounded_size() {
    let noise = |index: u64, bin: usize| {
        (index.wrapping_mul(6_364_136_223_846_793_005).wrapping_add((bin as u64).wrapping_mul(1_442_695_040_888_963_407)) >> 40) as f64
            / 1e5
    };
    let svg = spectra(3001, 512, noise);
    assert!(svg.len() < 2_000_000, "{} bytes", svg.len());
}

#[test]
fn silence_has_a_picture() {
    for rows in [1, 2, 500] {
        spectra(rows, 4, |_, _| f64::NEG_INFINITY);
    }
}

#[tokio::test]
async fn a_picture_looks_at_no_more_than_it_may() {
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(ManualClock::new(Timestamp::from_millis(0))), Arc::new(OsEntropy));
    let stores = Stores::in_memory(&clock);
    let tables = stores.tables(&stores.streams(&clock, &entropy), &clock, &entropy);
    let name = TableName::try_from("t").unwrap();
    tables.define(&name, Definition::parse(br#"{"element":"sample","sampleRate":1000}"#).unwrap()).await.unwrap();
    let mut append = tables.append(&name).await.unwrap();
    append.push(Rows::of_samples(vec![0.5; 10])).await.unwrap();
    append.commit().await.unwrap();
    for (looked, taken) in [(limits::PLOT_SAMPLES - 10, true), (limits::PLOT_SAMPLES - 9, false)] {
        let rows = tables.rows(&name, Selection::Last(TimeMeasure::from_nanos(1_000_000_000))).await.unwrap();
        let gathered = Gathering { name: &name, size: SIZE, period: 1e6, looked }.gather(rows).await;
        assert_eq!(gathered.is_ok(), taken, "{looked} before");
        if let Err(problem) = gathered {
            assert!(format!("{problem:?}").contains("ask for a shorter one"), "{problem:?}");
        }
    }
}
