//! The last rows of a table as lines, beside `serde_json` writing the same lines from ready-made structs.

use std::hint::black_box;

use headwater_benches::table::{self, grouped, median, timed};
use headwater_core::tables::{Selection, TableService, TimeMeasure};
use serde::Serialize;
use serde_json::json;

use crate::samples::{self, RATE};
use crate::{Ground, in_memory, name};

const SAMPLES: usize = 1_000_000;

/// Bytes of lines that are put together before they are handed on.
const PIECE: usize = 256 * 1024;

/// A row as a program would hold it.
#[derive(Serialize)]
struct Line {
    offset: i64,
    value: f64,
}

pub(crate) fn run(ground: &Ground) {
    let service = in_memory();
    let count = ground.scaled(SAMPLES);
    let mut rows = Vec::new();
    for (what, samples) in [
        ("a sine", samples::sine(count)),
        ("noise", samples::noise(count)),
        ("a sine in 16 bits", samples::sound(count)),
        ("whole numbers", samples::whole(count)),
    ] {
        let table = name(&what.replace(' ', "-"));
        ground.define(&service, &table, json!({"sampleRate": RATE}));
        ground.append(&service, &table, &samples);
        let ready: Vec<Line> = samples.iter().zip(0..).map(|(&value, i)| Line { offset: i * 10_000_000 / 441, value }).collect();
        let (mut ours, mut theirs, mut bytes) = (Vec::new(), Vec::new(), 0);
        assert_eq!(ground.wait(text(&service, what)), serialised(&ready), "{what}");
        for _ in 0..ground.rounds(11) {
            let (read, took) = timed(|| ground.wait(read(&service, what)));
            ours.push(took.as_secs_f64());
            let (written, took) = timed(|| write(&ready));
            theirs.push(took.as_secs_f64());
            assert_eq!(read, written, "{what}");
            bytes = read;
        }
        let (ours, theirs) = (median(ours), median(theirs));
        for (who, took) in [("`last`", ours), ("`serde_json`", theirs)] {
            rows.push(vec![
                format!("{what}: {who}"),
                grouped(count as f64 / took),
                grouped(bytes as f64 / took / 1e6),
                format!("{:.1}", took * 1e9 / count as f64),
                format!("{:.2}", took / ours),
            ]);
        }
    }
    let title = format!("The last {} rows of tables in memory", grouped(count as f64));
    table::print(&title, &["", "rows/s", "MB/s", "ns/row", "time, `last` = 1"], &rows);
}

/// An hour: all of it.
const LAST: Selection = Selection::Last(TimeMeasure::from_nanos(3_600_000_000_000));

/// Reads all rows, and counts the bytes of their lines.
async fn read(service: &TableService, what: &str) -> usize {
    let mut lines = service.select(&name(&what.replace(' ', "-")), LAST, None).await.expect("a table");
    let mut bytes = 0;
    while let Some(piece) = lines.next().await {
        bytes += black_box(piece.expect("the store works")).len();
    }
    bytes
}

async fn text(service: &TableService, what: &str) -> Vec<u8> {
    let mut lines = service.select(&name(&what.replace(' ', "-")), LAST, None).await.expect("a table");
    let mut text = Vec::new();
    while let Some(piece) = lines.next().await {
        text.extend_from_slice(&piece.expect("the store works"));
    }
    text
}

fn write(lines: &[Line]) -> usize {
    let mut buffer = Vec::with_capacity(2 * PIECE);
    let mut bytes = 0;
    for line in lines {
        serde_json::to_writer(&mut buffer, line).expect("memory");
        buffer.push(b'\n');
        if buffer.len() >= PIECE {
            bytes += black_box(&buffer).len();
            buffer.clear();
        }
    }
    bytes + black_box(&buffer).len()
}

fn serialised(lines: &[Line]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line).expect("memory");
        text.push(b'\n');
    }
    text
}
