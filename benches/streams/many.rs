//! A long stream, and many streams: what a page costs, and how much memory.

use std::net::SocketAddr;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Ground;
use crate::events;
use headwater_benches::http::Client;
use headwater_benches::processes::{self, Server};
use headwater_benches::table::{self, grouped, megabytes, part, timed};

/// Events of the long stream, and of each batch of it.
const LONG: usize = 10_000_000;
const BATCH: usize = 50_000;

/// Streams, and events of each.
const STREAMS: usize = 10_000;
const EACH: usize = 1000;

/// Events of a page.
const PAGE: usize = 100;

/// How often a page is asked for.
const PAGES: usize = 1000;

/// Clients that fill the streams.
const WRITERS: usize = 16;

pub(crate) fn run(ground: &Ground) {
    let head = ["", "median, ms", "99 %, ms", "no page = 1"];
    let count = ground.scaled(LONG).max(BATCH);
    let (rows, memory) = long(ground, count);
    table::print(&format!("{} events in one stream, pages of {PAGE}", grouped(count as f64)), &head, &rows);
    println!("\n{memory}");
    let count = ground.scaled(STREAMS);
    let (rows, memory) = many(ground, count);
    table::print(&format!("{} streams with {EACH} events, pages of {PAGE}", grouped(count as f64)), &head, &rows);
    println!("\n{memory}");
}

/// Something to ask for again and again: the first path, then the next, and how many events each answer has.
struct Page {
    name: &'static str,
    events: usize,
    paths: Vec<String>,
}

fn stream(number: usize) -> String {
    format!("/v3/namespaces/default/streams/s{number}")
}

/// A moment, after everything that was stored before and not after what is stored next.
fn moment() -> u128 {
    thread::sleep(std::time::Duration::from_millis(2));
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set").as_millis()
}

fn long(ground: &Ground, count: usize) -> (Vec<Vec<String>>, String) {
    let folder = ground.folder();
    let server = processes::headwater(folder.path());
    let mut client = Client::connect(server.address);
    client.ask("PUT", &stream(0), b"");
    let lines = events::lines(BATCH);
    let mut post = |lines: &[u8]| drop(client.ask("POST", &format!("{}/batch", stream(0)), lines));
    (0..count / BATCH / 2).for_each(|_| post(&lines));
    let middle = moment();
    (0..count / BATCH / 2).for_each(|_| post(&lines));
    let last = moment();
    post(&events::lines(PAGE));
    let page = |name, start: String| Page { name, events: PAGE, paths: vec![format!("{}/events?limit={PAGE}{start}", stream(0))] };
    let pages = [
        page("first page", String::new()),
        page("a page in the middle", format!("&start={middle}")),
        page("last page", format!("&start={last}")),
    ];
    measure(ground, &server, pages)
}

fn many(ground: &Ground, count: usize) -> (Vec<Vec<String>>, String) {
    let folder = ground.folder();
    let server = processes::headwater(folder.path());
    let fill = |address: SocketAddr, number: usize| {
        let mut client = Client::connect(address);
        let lines = [EACH - PAGE, PAGE].map(events::lines);
        for stream in (number..count).step_by(WRITERS).map(stream) {
            client.ask("PUT", &stream, b"");
            client.ask("POST", &format!("{stream}/batch"), &lines[0]);
        }
        // The last page of each is of another time.
        let last = moment();
        for stream in (number..count).step_by(WRITERS).map(stream) {
            client.ask("POST", &format!("{stream}/batch"), &lines[1]);
        }
        last
    };
    let address = server.address;
    let last: Vec<u128> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|number| scope.spawn(move || fill(address, number))).collect();
        writers.into_iter().map(|writer| writer.join().expect("a writer that got all its answers")).collect()
    });
    // A prime steps through all of them, far from one to the next.
    let numbers: Vec<usize> = (0..PAGES).map(|step| step * 7919 % count).collect();
    let first = numbers.iter().map(|&number| format!("{}/events?limit={PAGE}", stream(number)));
    let last = numbers.iter().map(|&number| format!("{}/events?limit={PAGE}&start={}", stream(number), last[number % WRITERS]));
    let page = |name, paths| Page { name, events: PAGE, paths };
    measure(ground, &server, [page("first page", first.collect()), page("last page", last.collect())])
}

/// Asks for nothing, and for each page, in turn.
fn measure<const N: usize>(ground: &Ground, server: &Server, pages: [Page; N]) -> (Vec<Vec<String>>, String) {
    let filled = server.peak();
    server.forget_peak();
    let mut client = Client::connect(server.address);
    let nothing = Page { name: "no page: `GET /healthz`", events: 0, paths: vec!["/healthz".to_owned()] };
    let mut all: Vec<_> = [nothing].into_iter().chain(pages).map(|page| (page, Vec::new())).collect();
    for round in 0..ground.scaled(PAGES) {
        for (page, times) in &mut all {
            let path = &page.paths[round % page.paths.len()];
            let (answer, took) = timed(|| client.ask("GET", path, b""));
            assert_eq!(String::from_utf8_lossy(&answer).matches("\"body\"").count(), page.events, "{path}");
            times.push(took.as_secs_f64() * 1e3);
        }
    }
    let nothing = part(&mut all[0].1, 0.5);
    let rows = all.iter_mut().map(|(page, times)| {
        let median = part(times, 0.5);
        vec![page.name.to_owned(), format!("{median:.2}"), format!("{:.2}", part(times, 0.99)), format!("{:.1}", median / nothing)]
    });
    let (filled, read) = (megabytes(filled), megabytes(server.peak()));
    (rows.collect(), format!("Memory of the server: {filled:.0} MB at most while they were filled, {read:.0} MB while they were read"))
}
