//! Many clients of one table at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api_client::Api;
use crate::server::Home;
use crate::streams_client::Connection;
use crate::tables_client::{Coming, LINES, OCTETS, at, count_samples, octets, samples_at, sine};
use crate::waiting::seconds;

#[test]
fn sixty_four_writers_of_single_samples_lose_and_double_nothing() {
    const WRITERS: u32 = 64;
    const EACH: u32 = 40;
    let home = Home::new();
    let server = home.serve();
    server.define("t", samples_at(1000));
    let address = server.address;
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                let mut connection = Connection::open(address).expect("the server listens");
                for number in 0..EACH {
                    let (kind, body) = match number % 2 {
                        0 => (LINES, f64::from(writer * EACH + number).to_string().into_bytes()),
                        _ => (OCTETS, octets([f64::from(writer * EACH + number)])),
                    };
                    assert_eq!(connection.post(&at("t"), &[("content-type", kind)], &body), Some(200));
                }
            });
        }
    });
    let mut next = vec![0; WRITERS as usize];
    for (index, (offset, value)) in (0..).zip(server.all_rows("t")) {
        assert_eq!(offset, index * 1_000_000);
        let value = value.as_f64().expect("a number");
        let writer = (value / f64::from(EACH)).floor();
        let next = next.iter_mut().zip(0u32..).find(|(_, number)| f64::from(*number) == writer).expect("a writer").0;
        assert_eq!(
            value - writer * f64::from(EACH),
            f64::from(*next),
            "writer {writer}: something is missing, out of order, or there twice"
        );
        *next += 1;
    }
    assert_eq!(next, vec![EACH; WRITERS as usize]);
}

#[test]
fn a_reader_that_takes_nothing_holds_up_nobody() {
    const BEFORE: u32 = 300_000;
    let home = Home::new();
    let server = home.serve();
    server.define("t", samples_at(1000));
    server.push("t", (0..BEFORE).map(f64::from));
    let address = server.address;
    let slow: Vec<_> = (0..4).map(|_| Coming::open(address, &format!("{}/last?interval=10000d", at("t"))).samples()).collect();
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(move || {
                    let mut connection = Connection::open(address).expect("the server listens");
                    let mut slowest = Duration::ZERO;
                    for _ in 0..50 {
                        let began = Instant::now();
                        assert_eq!(connection.post(&at("t"), &[("content-type", LINES)], b"-1"), Some(200));
                        slowest = slowest.max(began.elapsed());
                    }
                    slowest
                })
            })
            .collect();
        for writer in writers {
            slowest = slowest.max(writer.join().expect("a writer is answered"));
        }
    });
    println!("400 appends took {:?}, the slowest {slowest:?}", began.elapsed());
    // One that had to wait for the readers would find no end.
    assert!(slowest < seconds(20), "an append took {slowest:?}");
    // Those see what was there when they asked.
    for reader in slow {
        assert_eq!(count_samples(reader, 1000, |index| f64::from(u32::try_from(index).expect("few"))), u64::from(BEFORE));
    }
    assert_eq!(server.row_count("t"), u64::from(BEFORE) + 400);
}

#[test]
fn many_definitions_at_once_make_one_table() {
    let home = Home::new();
    let server = home.serve();
    let address = server.address;
    for round in 0..5 {
        let table = format!("t{round}");
        let source = json!({"signal": {"sine": {"frequency": 5}, "length": "3s"}});
        let definition = json!({"element": "sample", "sampleRate": 1000, "source": source});
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..16)
                .map(|client| {
                    let (table, mut definition) = (&table, definition.clone());
                    // Half of them mean something else.
                    definition["retention"] = if client % 2 == 0 { "1h" } else { "2h" }.into();
                    scope.spawn(move || Api::at(address).put(&at(table), &definition).status)
                })
                .collect();
            clients.into_iter().map(|client| client.join().expect("a client is answered")).collect()
        });
        let count = |status| statuses.iter().filter(|other| **other == status).count();
        assert_eq!((count(201), count(200), count(409)), (1, 7, 8), "{statuses:?}");
        server.wait_table(&table, "its end", seconds(20), |shown| shown["finished"] == true);
        assert_eq!(count_samples(server.all_samples(&table), 1000, |index| sine(5.0, 1000, index)), 3000);
    }
    assert!(!server.complaints().contains("\"ERROR\""), "{}", server.complaints());
}

#[test]
fn readers_see_rows_in_order_while_old_ones_are_dropped_and_tables_removed() {
    let home = Home::new();
    let server = home.serve();
    let definition = json!({"element": "sample", "sampleRate": 100_000, "retention": "1s"});
    let over = AtomicBool::new(false);
    let (server, over, definition) = (&server, &over, &definition);
    server.define("t", definition.clone());
    server.define("windows", json!({"element": "sample", "source": {"table": "t"}, "operations": [{"window": {"size": 100}}]}));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The only writer, so that each sample is its own number.
            for round in 0..9 {
                for part in 0..10_u32 {
                    let samples = octets((part * 50_000..(part + 1) * 50_000).map(f64::from));
                    assert_eq!(server.append("t", OCTETS, &samples).status, 200);
                }
                if round % 3 == 2 {
                    server.ask_table("DELETE", "t", "", 200);
                } else {
                    server.ask_table("POST", "t", "/finish", 200);
                    let rows = server.table("t");
                    assert_eq!((&rows["rows"], &rows["lastMarker"]), (&json!(100_000), &json!(4_999_990_000_i64)), "{rows}");
                    server.ask_table("DELETE", "t", "", 200);
                }
                server.define("t", definition.clone());
            }
            over.store(true, Ordering::Relaxed);
        });
        for _ in 0..3 {
            scope.spawn(move || {
                let mut rows = 0;
                while !over.load(Ordering::Relaxed) {
                    let mut text = String::new();
                    let mut coming = Coming::open(server.address, &format!("{}/last?interval=900ms", at("t")));
                    assert!(matches!(coming.status, 200 | 404), "{}", coming.status);
                    // An answer whose table goes away breaks off.
                    let _ = std::io::Read::read_to_string(&mut coming, &mut text);
                    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
                    let mut last = None;
                    for line in whole.lines().filter(|_| coming.status == 200) {
                        let row: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                        let (offset, value) = (row["offset"].as_i64().expect("an offset"), row["value"].as_f64().expect("a number"));
                        assert_eq!(offset, 10_000 * value as i64, "a sample has the marker of another one");
                        assert!(last.is_none_or(|last| last < offset), "{offset} follows {last:?}");
                        last = Some(offset);
                        rows += 1;
                    }
                }
                assert!(rows > 1000, "only {rows} rows were seen");
            });
        }
    });
    assert!(!server.complaints().contains("\"ERROR\""), "{}", server.complaints());
}
