//! What tables cost the machine that keeps them: memory and disk of the server with the embedded store.

use std::io::ErrorKind;
use std::path::Path;

use crate::server::Home;
use crate::streams_client::Upload;
use crate::streams_disk::peak;
use crate::tables_client::{Coming, LINES, OCTETS, at, count_samples, octets, samples_at};
use crate::waiting::{seconds, wait_for};

/// A value that is no other sample's, with all the digits that a sine has.
fn value(index: u64) -> f64 {
    (index as f64 * 0.618_033_988_749_894_9).fract() - 0.5
}

/// Sends samples until there are so many; each chunk has 2^16 of them.
fn send_samples(upload: &mut Upload, samples: u64) -> bool {
    const PIECE: u64 = 1 << 16;
    (0..samples.div_ceil(PIECE)).all(|piece| upload.send(&octets((piece * PIECE..samples.min((piece + 1) * PIECE)).map(value))))
}

/// How many chunks there are on the disk, and how many bytes they have.
pub(crate) fn chunks(home: &Home) -> (usize, u64) {
    fn below(folder: &Path) -> std::io::Result<(usize, u64)> {
        let mut all = (0, 0);
        for entry in std::fs::read_dir(folder)?.map_while(Result::ok) {
            // Files come and go, and folders with them.
            let Ok(metadata) = entry.metadata() else { continue };
            let (files, bytes) = match metadata.is_dir().then(|| below(&entry.path())) {
                None => (1, metadata.len()),
                Some(Err(error)) if error.kind() == ErrorKind::NotFound => continue,
                Some(inside) => inside?,
            };
            all = (all.0 + files, all.1 + bytes);
        }
        Ok(all)
    }
    below(&home.data().join("chunks")).expect("a folder can be read")
}

#[test]
fn two_hundred_megabytes_go_in_and_two_million_samples_out_with_little_memory() {
    const SAMPLES: u64 = 26_000_000;
    // In MiB: the store's cache of 64 and what a program is anyway among it, and what the allocator keeps. The body alone has 198, and
    // what is read about 90.
    const WRITING: u64 = 130;
    const READING: u64 = 150;
    let home = Home::new();
    let server = home.serve_with(&["--store", "embedded"]);
    server.define("t", samples_at(1_000_000));
    let mut upload = Upload::to(server.address, &at("t"), OCTETS);
    assert!(send_samples(&mut upload, SAMPLES));
    assert_eq!(upload.finish(), Some(200));
    assert_eq!(server.row_count("t"), SAMPLES);
    let after_writing = peak(&server);
    for query in ["last?interval=2s", "timeRange?from=24s&to=26s"] {
        let mut next = SAMPLES - 2_000_000;
        for (offset, sample) in Coming::open(server.address, &format!("{}/{query}", at("t"))).samples() {
            assert!(offset == i64::try_from(next * 1000).expect("small") && sample == value(next), "sample {next} is {sample} at {offset}");
            next += 1;
        }
        assert_eq!(next, SAMPLES);
    }
    let after_reading = peak(&server);
    println!("the server's peak was {after_writing} MiB after writing, and {after_reading} MiB after reading");
    assert!(
        after_writing < WRITING && after_reading < READING,
        "the server held {after_writing} MiB while it wrote, {after_reading} MiB while it read"
    );
}

#[test]
fn readers_that_do_not_take_their_answers_cost_little_memory() {
    const SAMPLES: u64 = 1_000_000;
    let home = Home::new();
    let server = home.serve_with(&["--store", "embedded"]);
    server.define("t", samples_at(44_100));
    let mut upload = Upload::to(server.address, &at("t"), OCTETS);
    assert!(send_samples(&mut upload, SAMPLES));
    assert_eq!(upload.finish(), Some(200));
    let before = peak(&server);
    let readers: Vec<Coming> = (0..30).map(|_| Coming::open(server.address, &format!("{}/last?interval=10000d", at("t")))).collect();
    std::thread::sleep(seconds(1));
    let after = peak(&server);
    println!("{before} MiB before, {after} MiB with thirty readers that wait");
    assert!(after < before + 60, "{before} MiB before, {after} MiB with thirty readers that wait");
    let last = readers.into_iter().next_back().expect("there are thirty");
    assert_eq!(count_samples(last.samples(), 44_100, value), SAMPLES);
}

#[test]
fn what_broken_appends_leave_behind_is_removed_while_the_server_goes_on() {
    const SAMPLES: u64 = 3_000_000;
    let home = Home::new();
    let server = home.serve_with(&["--store", "embedded"]);
    server.define("t", samples_at(1000));
    for breaking in ["the connection", "a bad end", "an odd end"] {
        let mut upload = Upload::to(server.address, &at("t"), if breaking == "a bad end" { LINES } else { OCTETS });
        if breaking == "a bad end" {
            let line = |number| format!("{}\n", value(number));
            assert!((0..100).all(|part| upload.send((part * 10_000..(part + 1) * 10_000).map(line).collect::<String>().as_bytes())));
        } else {
            assert!(send_samples(&mut upload, SAMPLES));
        }
        wait_for("chunks of the append", seconds(10), || (chunks(&home).0 > 0).then_some(()));
        assert_eq!(server.row_count("t"), 0, "an append shows before its end");
        match breaking {
            "the connection" => drop(upload),
            "an odd end" => {
                assert!(upload.send(b"odd"));
                assert_eq!(upload.finish(), Some(400));
            }
            // Sent only now, because it has the append given up as soon as it is read.
            _ => {
                assert!(upload.send(b"nonsense\n"));
                assert!(matches!(upload.finish(), Some(400) | None));
            }
        }
        wait_for(&format!("the removal of what was sent before {breaking}"), seconds(10), || (chunks(&home) == (0, 0)).then_some(()));
    }
    // A table that is finished, or removed, before the append ends.
    for (method, behind, status) in [("POST", "/finish", 409), ("DELETE", "", 404)] {
        let mut upload = Upload::to(server.address, &at("t"), OCTETS);
        assert!(send_samples(&mut upload, SAMPLES));
        wait_for("chunks of the append", seconds(10), || (chunks(&home).0 > 0).then_some(()));
        server.ask_table(method, "t", behind, 200);
        assert_eq!(upload.finish(), Some(status));
        wait_for(&format!("the removal of what was sent before {method}"), seconds(10), || (chunks(&home) == (0, 0)).then_some(()));
        if status == 409 {
            assert_eq!(server.row_count("t"), 0);
            server.ask_table("DELETE", "t", "", 200);
            server.define("t", samples_at(1000));
        }
    }
}

#[test]
fn what_a_killed_server_was_writing_is_swept_and_a_removed_table_takes_no_room() {
    const SAMPLES: u64 = 3_000_000;
    let home = Home::new();
    let server = home.serve_with(&["--store", "embedded"]);
    server.define("t", samples_at(1000));
    let mut upload = Upload::to(server.address, &at("t"), OCTETS);
    assert!(send_samples(&mut upload, SAMPLES));
    wait_for("chunks of the append", seconds(10), || (chunks(&home).0 > 0).then_some(()));
    server.kill();
    assert!(chunks(&home).0 > 0);
    let server = home.serve_with(&["--store", "embedded"]);
    assert_eq!(chunks(&home), (0, 0), "the start leaves chunks of nobody");
    let mut upload = Upload::to(server.address, &at("t"), OCTETS);
    assert!(send_samples(&mut upload, SAMPLES) && upload.finish() == Some(200));
    let whole = chunks(&home);
    drop(server);
    let server = home.serve_with(&["--store", "embedded"]);
    assert_eq!(chunks(&home), whole, "a start removes chunks that a table has");
    assert_eq!(count_samples(server.all_samples("t"), 1000, value), SAMPLES);
    server.ask_table("DELETE", "t", "", 200);
    wait_for("the removal of its chunks", seconds(10), || (chunks(&home) == (0, 0)).then_some(()));
}

#[test]
fn what_is_older_than_the_retention_takes_no_room() {
    let home = Home::new();
    let server = home.serve_with(&["--store", "embedded"]);
    server.define("t", serde_json::json!({"element": "sample", "sampleRate": 1_000_000, "retention": "1s"}));
    let mut sizes = Vec::new();
    for _ in 0..6 {
        let mut upload = Upload::to(server.address, &at("t"), OCTETS);
        assert!(send_samples(&mut upload, 2_000_000) && upload.finish() == Some(200));
        let rows = server.table("t");
        assert_eq!(rows["rows"], 1_000_000, "{rows}");
        sizes.push(chunks(&home).1 >> 20);
    }
    println!("the chunks take {sizes:?} MiB");
    assert!(sizes.iter().all(|size| *size <= 40), "the table grows from round to round: {sizes:?} MiB");
}
