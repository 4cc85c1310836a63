//! Batches, beside writing the same bytes to the same disk.

use std::fs::File;
use std::io::Write as _;

use crate::Ground;
use crate::events::{self, LINE};
use headwater_benches::http::Client;
use headwater_benches::processes;
use headwater_benches::table::{self, grouped, median, timed};

/// Events of a round.
const EVENTS: usize = 1_280_000;

/// Events of a short batch: 4 MB.
const SHORT: usize = 20_000;

pub(crate) fn run(ground: &Ground) {
    let folder = ground.folder();
    let server = processes::headwater(folder.path());
    let mut client = Client::connect(server.address);
    client.ask("PUT", "/v3/namespaces/default/streams/s", b"");
    let batch = "/v3/namespaces/default/streams/s/batch";
    let count = ground.scaled(EVENTS);
    let piece = events::lines(SHORT.min(count));
    let pieces = count * LINE / piece.len();

    let (mut plain, mut long, mut short) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ground.rounds(5) {
        let (_, took) = timed(|| {
            let mut file = File::create(folder.path().join(format!("plain-{round}"))).expect("the folder can be written to");
            (0..pieces).for_each(|_| file.write_all(&piece).expect("the disk has room"));
            file.sync_all().expect("the disk works");
        });
        plain.push(took.as_secs_f64());
        let (_, took) = timed(|| client.send("POST", batch, &piece, pieces));
        long.push(took.as_secs_f64());
        let (_, took) = timed(|| (0..pieces).for_each(|_| drop(client.ask("POST", batch, &piece))));
        short.push(took.as_secs_f64());
    }

    let plain = median(plain);
    let row = |name: String, took: f64| {
        let per_second = |amount: usize| grouped(amount as f64 / took);
        vec![name, per_second(count * LINE / 1_000_000), per_second(count), format!("{:.2}", plain / took)]
    };
    let megabytes = |bytes: usize| bytes / 1_000_000;
    let rows = [
        row("writing the same bytes, one fsync".to_owned(), plain),
        row(format!("one batch of {} MB", megabytes(count * LINE)), median(long)),
        row(format!("batches of {} MB, one after the other", megabytes(piece.len())), median(short)),
    ];
    table::print("Batch ingest", &["", "MB/s", "events/s", "speed, writing = 1"], &rows);
    println!("\nPeak memory of the server: {:.0} MB", table::megabytes(server.peak()));
}
