//! A gigabyte of events read at once, beside a server that sends as many bytes from memory.

use std::path::Path;

use crate::Ground;
use crate::events::{self, BODY};
use headwater_benches::http::{self, Client};
use headwater_benches::processes;
use headwater_benches::table::{self, grouped, median, megabytes, timed};

/// Events of the stream: a gigabyte.
const EVENTS: usize = 5_000_000;

/// Events of a batch.
const BATCH: usize = 50_000;

pub(crate) fn run(ground: &Ground) {
    let folder = ground.folder();
    let count = ground.scaled(EVENTS);
    fill(folder.path(), count);
    // Started anew, so that its memory is that of reading alone.
    let (server, empty) = (processes::headwater(folder.path()), processes::empty(crate::EMPTY));
    let before = server.memory();
    let path = "/v3/namespaces/default/streams/s/events";
    let bytes = http::count(server.address, path);
    assert!(bytes > (count * BODY) as u64, "only {bytes} bytes were read");
    let (mut sending, mut reading) = (Vec::new(), Vec::new());
    for _ in 0..ground.rounds(5) {
        let (_, took) = timed(|| http::count(empty.address, &format!("/bytes/{bytes}")));
        sending.push(took.as_secs_f64());
        let (_, took) = timed(|| http::count(server.address, path));
        reading.push(took.as_secs_f64());
    }
    let (sending, reading) = (median(sending), median(reading));
    let row = |name: &str, took: f64, events: String| {
        vec![name.to_owned(), grouped(megabytes(bytes) / took), events, format!("{:.2}", sending / took)]
    };
    let rows = [row("axum, as many bytes from memory", sending, String::new()), row("Headwater", reading, grouped(count as f64 / reading))];
    let title = format!("Reading {} MB of events, {} MB of JSON", count * BODY / 1_000_000, megabytes(bytes).round());
    table::print(&title, &["", "MB/s", "events/s", "speed, memory = 1"], &rows);
    println!(
        "\nMemory of the server: {:.0} MB before it reads, {:.0} MB at most while it does",
        megabytes(before),
        megabytes(server.peak())
    );
}

fn fill(folder: &Path, count: usize) {
    let server = processes::headwater(folder);
    let mut client = Client::connect(server.address);
    client.ask("PUT", "/v3/namespaces/default/streams/s", b"");
    let lines = events::lines(BATCH);
    (0..count / BATCH).for_each(|_| drop(client.ask("POST", "/v3/namespaces/default/streams/s/batch", &lines)));
}
