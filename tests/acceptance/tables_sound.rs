//! Tables as sound, held against `SoX`, which makes and reads files of its own.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{Home, Server};
use crate::tables_client::{Coming, OCTETS, at, octets, samples_at};
use crate::waiting::seconds;

const RATE: u32 = 8000;

/// Values of all sizes, both ends of the range and both sides of zero among them.
fn values() -> Vec<f64> {
    let sweep = (0..4000).map(|number| (f64::from(number) * f64::from(number) / 9000.0).sin() * f64::from(number) / 4000.0);
    [0.0, 1.0, -1.0, 0.5, -0.5, 0.25, 1e-5, -1e-5, 0.0].into_iter().chain(sweep).collect()
}

/// Runs `sox`; what it writes to its standard output.
fn sox(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("sox");
    command.args(["-V1", "-D"]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("sox: {error}; `tests/components/sox install` brings it"));
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("sox ends");
    // It may have seen enough.
    let _ = feeding.join().expect("nobody panics");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "sox {arguments:?}: {complaints}");
    output.stdout
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    bytes.chunks_exact(8).map(|eight| f64::from_le_bytes(eight.try_into().expect("eight"))).collect()
}

const RAW: [&str; 9] = ["-t", "raw", "-r", "8000", "-e", "floating-point", "-b", "64", "-c"];

/// Checks that samples are these, as far as so many bits tell.
#[track_caller]
fn assert_close(what: &str, found: &[f64], wanted: &[f64], bits: i32) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    // Half a step of rounding, and full scale may be one step off.
    let most = 1.5 / 2f64.powi(bits - 1) + 1e-12;
    for (number, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert!((found - wanted).abs() <= most, "{what}: sample {number} is {found}, not {wanted} within {most}");
    }
}

fn audio(table: &str, query: &str) -> String {
    format!("{}/stream/wav{query}", at(table).replacen("/table", "/audio", 1))
}

fn samples_of(server: &Server, table: &str) -> Vec<f64> {
    server.all_samples(table).map(|(_, value)| value).collect()
}

#[test]
fn files_that_sox_makes_are_taken_at_every_depth() {
    let home = Home::new();
    let server = home.serve();
    let values = values();
    // A file, not a pipe: at the end sox goes back to write how long it became.
    let made = home.path().join("made.wav");
    let make = |arguments: &[&str]| {
        let path = made.to_str().expect("UTF-8");
        sox(&[&RAW[..], &["1", "-"], arguments, &[path]].concat(), &octets(values.iter().copied()));
        std::fs::read(path).expect("sox has written it")
    };
    for (encoding, depth, bits) in [
        ("unsigned-integer", "8", 8),
        ("signed-integer", "16", 16),
        ("signed-integer", "24", 24),
        ("signed-integer", "32", 32),
        ("floating-point", "32", 24),
    ] {
        let table = format!("{encoding}-{depth}");
        let file = make(&["-e", encoding, "-b", depth]);
        server.define(&table, samples_at(RATE));
        let answer = server.append(&table, "audio/wav", &file);
        assert_eq!((answer.status, answer.text()), (200, json!({"appended": values.len()}).to_string().as_str()), "{table}");
        assert_close(&table, &samples_of(&server, &table), &values, bits);
        // What sox itself reads in its file is the same to the last bit, where both count full scale alike.
        let read = doubles(&sox(&["-t", "wav", "-", "-t", "f64", "-"], &file));
        assert_close(&format!("{table} as sox reads it"), &samples_of(&server, &table), &read, bits);
    }
    for (arguments, says) in [(["-b", "16", "-c", "2"], "channel"), (["-b", "16", "-r", "16000"], "16000")] {
        let answer = server.append("signed-integer-16", "audio/wav", &make(&arguments));
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains(says), "{}", answer.text());
    }
    assert_eq!(server.row_count("signed-integer-16"), values.len() as u64);
}

#[test]
fn sox_hears_what_is_in_a_table_at_every_depth() {
    let home = Home::new();
    let server = home.serve();
    let values = values();
    server.define("t", samples_at(RATE));
    server.push("t", values.iter().copied());
    server.ask_table("POST", "t", "/finish", 200);
    server.define("vectors", json!({"element": "vector", "sampleRate": RATE}));
    let vectors: Vec<&[f64]> = values.chunks(100).collect();
    assert_eq!(server.append("vectors", "application/json", json!(vectors).to_string().as_bytes()).status, 200);
    server.ask_table("POST", "vectors", "/finish", 200);
    for (depth, bits) in [("8", 8), ("16", 16), ("24", 24), ("32", 32)] {
        for table in ["t", "vectors"] {
            let answer = server.get(&audio(table, &format!("?offset=1h&bitDepth={depth}")));
            assert_eq!((answer.status, answer.header("content-type")), (200, Some("audio/wav")));
            // The end is not known when the header is sent, so it tells the greatest length that fits.
            let heard = doubles(&sox(&["--ignore-length", "-t", "wav", "-", "-t", "f64", "-"], &answer.body));
            assert_close(&format!("{table} with {depth} bits"), &heard, &values, bits);
            let plain = doubles(&sox(&["-t", "wav", "-", "-t", "f64", "-"], &answer.body));
            assert_eq!(plain, heard, "{table} with {depth} bits");
        }
    }
    let widest = server.get(&audio("t", "?offset=1h&bitDepth=64")).body;
    assert_eq!(widest.len(), 44 + 8 * values.len());
    for (number, (eight, value)) in widest[44..].chunks_exact(8).zip(&values).enumerate() {
        let found = i64::from_le_bytes(eight.try_into().expect("eight"));
        assert!((found as f64 / i64::MAX as f64 - value).abs() < 1e-15, "sample {number} is {found}, not {value}");
    }
    // What goes out comes in again.
    server.define("again", samples_at(RATE));
    let heard = server.get(&audio("t", "?offset=1h&bitDepth=24")).body;
    let answer = server.append("again", "audio/wav", &heard);
    assert_eq!((answer.status, answer.json()), (200, json!({"appended": values.len()})));
    assert_close("again", &samples_of(&server, "again"), &values, 24);
    // Louder than loud stays loud.
    server.define("loud", samples_at(RATE));
    server.push("loud", [2.0, -2.0, 1e300, -1e300]);
    server.ask_table("POST", "loud", "/finish", 200);
    for (depth, wanted) in [("8", vec![255, 1, 255, 1]), ("16", vec![0xff, 0x7f, 0x01, 0x80, 0xff, 0x7f, 0x01, 0x80])] {
        let bytes = server.get(&audio("loud", &format!("?offset=1h&limit=1s&bitDepth={depth}"))).body;
        // Full scale may be taken to the last step below.
        let near = bytes[44..].iter().zip(&wanted).all(|(found, wanted)| found.abs_diff(*wanted) <= 1);
        assert!(near && bytes.len() == 44 + wanted.len(), "{:?}", &bytes[44..]);
    }
}

/// Reads a sound in the background: what has come, and when the last of it did; a piece of nothing at its end.
fn listen(server: &Server, path: &str) -> mpsc::Receiver<(Instant, Vec<u8>)> {
    let mut coming = Coming::open(server.address, path);
    assert_eq!(coming.status, 200);
    let (sender, pieces) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = coming.read(&mut buffer).unwrap_or(0);
            if sender.send((Instant::now(), buffer[..count].to_vec())).is_err() || count == 0 {
                return;
            }
        }
    });
    pieces
}

/// Takes pieces until there are so many bytes of them.
#[track_caller]
fn hear(pieces: &mpsc::Receiver<(Instant, Vec<u8>)>, bytes: usize) -> (Instant, Vec<u8>) {
    let mut all = Vec::new();
    let mut last = Instant::now();
    while all.len() < bytes {
        let (at, piece) = pieces.recv_timeout(seconds(10)).expect("sound comes within ten seconds");
        assert!(!piece.is_empty(), "the sound ends after {} of {bytes} bytes", all.len());
        last = at;
        all.extend(piece);
    }
    (last, all)
}

#[track_caller]
fn assert_ends(pieces: &mpsc::Receiver<(Instant, Vec<u8>)>, what: &str) {
    let (_, piece) = pieces.recv_timeout(seconds(5)).unwrap_or_else(|_| panic!("the sound goes on after {what}"));
    assert!(piece.is_empty(), "{} more bytes come after {what}", piece.len());
}

#[test]
fn live_sound_comes_while_it_is_appended_and_ends_with_its_table() {
    let home = Home::new();
    let server = home.serve();
    for end in ["finish", "remove"] {
        server.define("t", samples_at(1000));
        let pieces = listen(&server, &audio("t", ""));
        let (_, header) = hear(&pieces, 44);
        assert_eq!((&header[..4], header.len()), (&b"RIFF"[..], 44));
        let mut slowest = Duration::ZERO;
        for number in 0..20 {
            std::thread::sleep(Duration::from_millis(20));
            let began = Instant::now();
            server.push("t", (0..100).map(|_| f64::from(number) / 100.0));
            let (heard, bytes) = hear(&pieces, 200);
            let wanted = i16::try_from(number * 32767 / 100).expect("small");
            assert_eq!(bytes.len(), 200);
            let near = bytes.chunks_exact(2).all(|two| i16::from_le_bytes([two[0], two[1]]).abs_diff(wanted) <= 1);
            assert!(near, "after {number} appends: {bytes:?}");
            slowest = slowest.max(heard.saturating_duration_since(began));
        }
        println!("the slowest piece came {slowest:?} after it was sent");
        assert!(slowest < seconds(5), "a piece came {slowest:?} after it was sent");
        if end == "finish" {
            server.ask_table("POST", "t", "/finish", 200);
            assert_ends(&pieces, end);
            server.ask_table("DELETE", "t", "", 200);
        } else {
            server.ask_table("DELETE", "t", "", 200);
            assert_ends(&pieces, end);
        }
    }
}

#[test]
fn those_who_listen_do_not_hold_a_server_that_is_told_to_end() {
    let home = Home::new();
    let server = home.serve();
    server.define("pushed", samples_at(1000));
    let source = json!({"signal": {"sine": {"frequency": 10}}});
    server.define("made", json!({"element": "sample", "sampleRate": 1000, "source": source}));
    let all: Vec<_> = (0..5).flat_map(|_| ["pushed", "made"].map(|table| listen(&server, &audio(table, "")))).collect();
    all.iter().for_each(|pieces| drop(hear(pieces, 44)));
    let began = Instant::now();
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    println!("the server ended after {:?}", began.elapsed());
    // Who is not let go is cut off after ten seconds.
    assert!(began.elapsed() < seconds(9), "those who listen held the server for {:?}", began.elapsed());
    for pieces in all {
        while !pieces.recv_timeout(seconds(5)).expect("the sound ends").1.is_empty() {}
    }
}

#[test]
fn a_limit_ends_a_live_sound_and_an_offset_goes_back() {
    let home = Home::new();
    let server = home.serve();
    server.define("t", samples_at(1000));
    assert_eq!(server.append("t", OCTETS, &octets((0..1000).map(|number| f64::from(number) / 1000.0))).status, 200);
    for (query, from, count) in
        [("?offset=1s&limit=100ms", 0, 100), ("?offset=99ms&limit=50ms", 900, 50), ("?limit=1ms", 999, 1), ("?limit=0s", 0, 0)]
    {
        let answer = server.get(&audio("t", query));
        assert_eq!(answer.body.len(), 44 + 2 * count, "{query}");
        for (number, two) in (from..).zip(answer.body[44..].chunks_exact(2)) {
            assert!(i16::from_le_bytes([two[0], two[1]]).abs_diff(i16::try_from(number * 32767 / 1000).expect("small")) <= 1, "{query}");
        }
    }
    // A limit beyond what is there waits for the rest.
    let pieces = listen(&server, &audio("t", "?offset=0s&limit=3ms"));
    drop(hear(&pieces, 46));
    server.push("t", [0.0; 10]);
    drop(hear(&pieces, 4));
    assert_ends(&pieces, "the limit");
}
