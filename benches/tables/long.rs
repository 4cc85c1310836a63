//! A table of a hundred million samples: how long it takes to open, to find a second in it, and what memory that needs.

use headwater_benches::processes;
use headwater_benches::table::{self, grouped, megabytes, part, timed};
use headwater_core::tables::{Selection, TableService, TimeMeasure};
use serde_json::json;

use crate::samples::{self, RATE};
use crate::{Ground, embedded, lines_in, name};

const SAMPLES: usize = 100_000_000;

/// Samples of one append: about as many as a minute has.
const APPENDED: usize = 2_500_000;

const SECOND: i64 = 1_000_000_000;

const QUERIES: usize = 500;

pub(crate) fn run(ground: &Ground) {
    let folder = ground.folder();
    let count = ground.scaled(SAMPLES);
    let appended = ground.scaled(APPENDED);
    let service = embedded(folder.path());
    ground.define(&service, &name("long"), json!({"sampleRate": RATE}));
    let begun = processes::own_memory();
    // One noise, again and again: nothing is gained from repetitions, since nothing is compressed.
    let piece = samples::noise(appended);
    processes::forget_own_peak();
    let (_, filled) = timed(|| (0..count / appended).for_each(|_| ground.append(&service, &name("long"), &piece)));
    let filling = processes::own_peak();
    drop((service, piece));

    let (service, opened) = timed(|| embedded(folder.path()));
    let (rows, described) = timed(|| ground.wait(service.describe(&name("long"))).expect("a table").rows);
    assert_eq!(rows as usize, count);
    let before = processes::own_memory();
    processes::forget_own_peak();
    let length = (count as f64 / RATE) as i64 * SECOND;
    let mut state = 1u64;
    let mut places = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(state >> 2).expect("62 bits") % (length - SECOND).max(1)
    };
    let (mut random, mut last, mut single) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ground.rounds(QUERIES) {
        let from = places();
        let nanos = TimeMeasure::from_nanos;
        for (selection, figures, rows) in [
            (Selection::Range { from: nanos(from), to: nanos(from + SECOND) }, &mut random, 44_100),
            (Selection::Last(nanos(SECOND)), &mut last, 44_100),
            (Selection::Range { from: nanos(from), to: nanos(from + 22_676) }, &mut single, 1),
        ] {
            let (read, took) = timed(|| ground.wait(lines(&service, selection)));
            assert_eq!(read, rows);
            figures.push(took.as_secs_f64() * 1e3);
        }
    }
    let row = |what: &str, mut figures: Vec<f64>| {
        vec![what.to_owned(), format!("{:.2}", part(&mut figures, 0.5)), format!("{:.2}", part(&mut figures, 0.99))]
    };
    let rows = [row("a second somewhere", random), row("the last second", last), row("one sample somewhere", single)];
    table::print(&format!("{} samples in the embedded store", grouped(count as f64)), &["", "median, ms", "99 %, ms"], &rows);
    println!(
        "\nFilled in {:.1} s, opened in {:.1} ms, described in {:.2} ms. Memory: {:.0} MB before there was anything, {:.0} MB at most while it \
         was filled (of which {:.0} MB are what it was filled with), {:.0} MB when it was opened again, {:.0} MB at most while it was read.",
        filled.as_secs_f64(),
        opened.as_secs_f64() * 1e3,
        described.as_secs_f64() * 1e3,
        megabytes(begun),
        megabytes(filling),
        megabytes(appended as u64 * 8),
        megabytes(before),
        megabytes(processes::own_peak()),
    );
}

/// Reads rows as lines, and counts them by their ends.
async fn lines(service: &TableService, selection: Selection) -> usize {
    let mut lines = service.select(&name("long"), selection, None).await.expect("a table");
    let mut count = 0;
    while let Some(piece) = lines.next().await {
        count += lines_in(&piece.expect("the store works"));
    }
    count
}
