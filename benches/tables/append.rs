//! Samples that are kept, beside writing the same bytes to the same disk.

use std::fs::File;
use std::io::Write as _;

use headwater_benches::table::{self, grouped, median, timed};
use headwater_core::ids::TableName;
use headwater_core::tables::TableService;
use headwater_core::tables::ingest::{Ingest, IngestKind};
use serde_json::json;

use crate::samples::{self, RATE};
use crate::{Ground, embedded, name};

const SAMPLES: usize = 1_000_000;

pub(crate) fn run(ground: &Ground) {
    let folder = ground.folder();
    let service = embedded(&folder.path().join("data"));
    let samples = samples::noise(ground.scaled(SAMPLES));
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let text: Vec<u8> = samples.iter().flat_map(|sample| format!("{sample:?}\n").into_bytes()).collect();
    ground.define(&service, &name("seconds"), json!({"sampleRate": RATE}));

    let (mut plain, mut whole, mut numbers, mut seconds) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ground.rounds(9) {
        let (_, took) = timed(|| {
            let mut file = File::create(folder.path().join(format!("plain-{round}"))).expect("the folder can be written to");
            file.write_all(&bytes).expect("the disk has room");
            file.sync_all().expect("the disk works");
        });
        plain.push(took.as_secs_f64());
        // Tables of their own, which no earlier round makes longer.
        let (binary, lines) = (name(&format!("binary-{round}")), name(&format!("lines-{round}")));
        for table in [&binary, &lines] {
            ground.define(&service, table, json!({"sampleRate": RATE}));
        }
        let (_, took) = timed(|| ground.wait(take(&service, &binary, IngestKind::Octets, &bytes)));
        whole.push(took.as_secs_f64());
        let (_, took) = timed(|| ground.wait(take(&service, &lines, IngestKind::Lines, &text)));
        numbers.push(took.as_secs_f64());
        let second = &bytes[..bytes.len().min(8 * RATE as usize)];
        let (_, took) = timed(|| ground.wait(take(&service, &name("seconds"), IngestKind::Octets, second)));
        seconds.push(took.as_secs_f64());
    }

    let plain = median(plain);
    let row = |what: &str, samples: usize, took: f64| {
        let speed = samples as f64 / took;
        let megabytes = format!("{:.0}", speed * 8.0 / 1e6);
        vec![
            what.to_owned(),
            grouped(speed),
            megabytes,
            format!("{:.1}", took * 1e3),
            format!("{:.2}", plain * speed / bytes.len() as f64 * 8.0),
        ]
    };
    let count = samples.len();
    let rows = [
        row("writing the same bytes, one fsync", count, plain),
        row("one body of doubles", count, median(whole)),
        row("one body of lines of JSON", count, median(numbers)),
        row("a body of doubles, of a second", count.min(RATE as usize), median(seconds)),
    ];
    let title = format!("Appending {} samples", grouped(count as f64));
    table::print(&title, &["", "samples/s", "MB/s of 8 bytes each", "ms", "speed, writing = 1"], &rows);
}

/// Takes the body of a request, in pieces as long as the router reads at a time.
async fn take(service: &TableService, table: &TableName, kind: IngestKind, body: &[u8]) {
    let mut append = service.append(table).await.expect("a table");
    let mut ingest = Ingest::new(kind, append.element(), append.rate(), append.measure()).expect("samples are taken");
    for piece in body.chunks(256 * 1024) {
        append.push(ingest.push(piece).expect("numbers")).await.expect("the store works");
    }
    append.push(ingest.finish().expect("whole numbers")).await.expect("the store works");
    append.commit().await.expect("the store works");
}
