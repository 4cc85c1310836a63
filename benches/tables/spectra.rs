//! Spectra of a table's windows, beside the transform alone, and beside what logarithms and angles take on top of it.

use std::hint::black_box;

use headwater_benches::table::{self, grouped, median, timed};
use headwater_core::tables::{Row, Selection, TableService, TimeMeasure, WindowFunction};
use realfft::RealFftPlanner;
use realfft::num_complex::Complex64;
use serde_json::json;

use crate::samples::{self, RATE};
use crate::{Ground, in_memory, lines_in, name};

const SAMPLES: usize = 1_000_000;
const SIZE: usize = 1024;
const STEP: usize = 512;

/// An hour: all of it.
const LAST: Selection = Selection::Last(TimeMeasure::from_nanos(3_600_000_000_000));

pub(crate) fn run(ground: &Ground) {
    let service = in_memory();
    let samples = samples::noise(ground.scaled(SAMPLES));
    let operations = json!([{"window": {"size": SIZE, "step": STEP}}, {"windowFunction": "hamming"}, {"fft": {"binCount": SIZE}}]);
    ground.define(&service, &name("spectra"), json!({"sampleRate": RATE, "operations": operations}));
    ground.append(&service, &name("spectra"), &samples);

    let works: [(&str, &dyn Fn() -> usize); 5] = [
        ("the transform alone", &|| transform(&samples, |_| ())),
        ("with the platform's `log10` and `atan2`", &|| transform(&samples, |bins| decide(bins, f64::log10, f64::atan2))),
        ("with `libm`'s", &|| transform(&samples, |bins| decide(bins, libm::log10, libm::atan2))),
        ("rows of a table", &|| ground.wait(rows(&service))),
        ("lines of a table", &|| ground.wait(lines(&service))),
    ];
    let mut took = vec![Vec::new(); works.len()];
    let mut counts = [0; 5];
    for _ in 0..ground.rounds(9) {
        for (at, (_, work)) in works.iter().enumerate() {
            let (count, time) = timed(work);
            counts[at] = count;
            took[at].push(time.as_secs_f64());
        }
    }
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    let medians: Vec<f64> = took.into_iter().map(median).collect();
    let rows: Vec<Vec<String>> = works
        .iter()
        .zip(&medians)
        .map(|((what, _), took)| {
            let windows = counts[0] as f64;
            vec![
                (*what).to_owned(),
                grouped(windows / took),
                format!("{:.1}", took * 1e6 / windows),
                format!("{:.0}", windows / took * STEP as f64 / RATE),
                format!("{:.2}", took / medians[0]),
            ]
        })
        .collect();
    let title = format!("Spectra of {SIZE} bins, windows of {SIZE} every {STEP} of {} samples", grouped(samples.len() as f64));
    table::print(&title, &["", "spectra/s", "µs each", "times real time", "time, transform = 1"], &rows);
}

/// Weighs and transforms every window, and hands its bins on.
fn transform(samples: &[f64], mut then: impl FnMut(&[Complex64])) -> usize {
    let plan = RealFftPlanner::<f64>::new().plan_fft_forward(SIZE);
    let (mut input, mut bins, mut scratch) = (plan.make_input_vec(), plan.make_output_vec(), plan.make_scratch_vec());
    let weights: Vec<f64> = (0..SIZE).map(|i| WindowFunction::Hamming.value(i, SIZE)).collect();
    let mut count = 0;
    for begin in (0..=samples.len() - SIZE).step_by(STEP) {
        input.iter_mut().zip(&samples[begin..begin + SIZE]).zip(&weights).for_each(|((out, sample), weight)| *out = sample * weight);
        plan.process_with_scratch(&mut input, &mut bins, &mut scratch).expect("buffers of the plan's sizes");
        then(black_box(&bins));
        count += 1;
    }
    count
}

/// Magnitudes and phases by the textbook.
fn decide(bins: &[Complex64], log10: fn(f64) -> f64, atan2: fn(f64, f64) -> f64) {
    let half = &bins[..SIZE / 2];
    black_box(half.iter().map(|bin| 10.0 * log10(bin.norm_sqr())).collect::<Vec<f64>>());
    black_box(half.iter().map(|bin| atan2(bin.im, bin.re)).collect::<Vec<f64>>());
}

async fn rows(service: &TableService) -> usize {
    let mut rows = service.rows(&name("spectra"), LAST).await.expect("a table");
    let mut count = 0;
    while let Some(some) = rows.next().await.expect("the store works") {
        assert!(matches!(some[0].1, Row::Fft(_)));
        count += black_box(some).len();
    }
    count
}

async fn lines(service: &TableService) -> usize {
    let mut lines = service.select(&name("spectra"), LAST, None).await.expect("a table");
    let mut count = 0;
    while let Some(piece) = lines.next().await {
        count += lines_in(&black_box(piece.expect("the store works")));
    }
    count
}
