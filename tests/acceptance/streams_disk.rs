//! What streams cost the machine that keeps them: memory and disk of the server with the embedded store.

use std::time::Duration;

use serde_json::json;

use crate::server::{Home, Server};
use crate::streams_client::{Reading, Upload, count_in_order};
use crate::waiting::{seconds, wait_for};

/// The most memory that a server has held, in MiB.
pub(crate) fn peak(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the system counts memory");
    line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") >> 10
}

/// A line of a hundred bytes, with its number.
fn line(number: u64) -> String {
    format!("{number:010}{}", "abcdefghi ".repeat(9))
}

/// Sends lines until there are so many; each chunk has a thousand of them.
fn send_lines(upload: &mut Upload, lines: u64) -> bool {
    (0..lines / 1000).all(|chunk| {
        let text: String = (1000 * chunk..1000 * (chunk + 1)).map(|number| line(number) + "\n").collect();
        upload.send(text.as_bytes())
    })
}

#[test]
fn two_hundred_megabytes_go_in_and_out_with_little_memory() {
    const LINES: u64 = 2_000_000;
    // In MiB: the store's cache of 64 and what a program is anyway among it, and what the allocator keeps. The body alone has 193, and
    // what is read 340.
    const WRITING: u64 = 150;
    const READING: u64 = 250;
    let home = Home::new();
    let server = home.serve_with(&["--store", "embedded"]);
    server.make_stream("s", json!({}));
    let mut upload = Upload::begin(server.address, "s", "text/plain");
    assert!(send_lines(&mut upload, LINES));
    assert_eq!(upload.finish(), Some(200));
    let after_writing = peak(&server);
    assert_eq!(count_in_order(Reading::open(server.address, "s", ""), line), LINES);
    let after_reading = peak(&server);
    println!("the server's peak was {after_writing} MiB after writing, and {after_reading} MiB after reading");
    assert!(
        after_writing < WRITING && after_reading < READING,
        "the server held {after_writing} MiB while it wrote, {after_reading} MiB while it read"
    );
}

#[test]
fn readers_that_do_not_take_their_answers_cost_no_memory() {
    let home = Home::new();
    let server = home.serve_with(&["--store", "embedded"]);
    server.make_stream("s", json!({}));
    let mut upload = Upload::begin(server.address, "s", "text/plain");
    assert!(send_lines(&mut upload, 300_000));
    assert_eq!(upload.finish(), Some(200));
    let before = peak(&server);
    let readers: Vec<Reading> = (0..30).map(|_| Reading::open(server.address, "s", "")).collect();
    std::thread::sleep(seconds(1));
    let after = peak(&server);
    assert!(after < before + 60, "{before} MiB before, {after} MiB with thirty readers that wait");
    let last = readers.into_iter().next_back().expect("there are thirty");
    assert_eq!(count_in_order(last, line), 300_000);
}

fn size_on_disk(home: &Home) -> u64 {
    let metadata = std::fs::metadata(home.data().join("store.redb")).expect("the store is a file");
    (std::os::unix::fs::MetadataExt::blocks(&metadata) * 512) >> 20
}

#[test]
fn the_space_of_batches_that_break_off_and_of_truncated_streams_is_used_again() {
    let home = Home::new();
    let server = home.serve_with(&["--store", "embedded"]);
    server.make_stream("s", json!({}));
    // What is removed late leaves its space to the round after the next, so the store may grow once more than it has to.
    let stands_still = |sizes: &[u64]| sizes.len() >= 6 && sizes[sizes.len() - 1] <= sizes[sizes.len() - 5] * 3 / 2;
    let mut sizes = Vec::new();
    for round in 0..8 {
        let mut upload = Upload::begin(server.address, "s", "text/plain");
        assert!(send_lines(&mut upload, 200_000));
        if round % 2 == 0 {
            drop(upload);
        } else {
            assert_eq!(upload.finish(), Some(200));
            server.ask_stream("POST", "s", "/truncate", 200);
        }
        // The end of a connection is noticed in time, and removing takes some commits.
        std::thread::sleep(Duration::from_millis(400));
        server.ask_stream("GET", "s", "/events", 204);
        sizes.push(size_on_disk(&home));
        if stands_still(&sizes) {
            break;
        }
    }
    println!("the store takes {sizes:?} MiB");
    assert!(stands_still(&sizes), "the store grows from round to round: {sizes:?} MiB");
}

#[test]
fn a_batch_of_which_the_end_never_comes_hinders_no_end() {
    let home = Home::new();
    let server = home.serve_with(&["--store", "embedded"]);
    server.make_stream("s", json!({}));
    let mut upload = Upload::begin(server.address, "s", "text/plain");
    assert!(send_lines(&mut upload, 100_000));
    wait_for("the server to take it", seconds(30), || (size_on_disk(&home) >= 1).then_some(()));
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    drop(upload);
    let server = home.serve_with(&["--store", "embedded"]);
    server.ask_stream("GET", "s", "/events", 204);
}
