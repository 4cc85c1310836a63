//! What a `kill -9` may not do to tables, whenever it comes.

use std::net::SocketAddr;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::api_client::Api;
use crate::crash::Moments;
use crate::server::{Home, Server};
use crate::specs::with;
use crate::streams_client::{Connection, clicks_into, generated};
use crate::tables_client::{LINES, OCTETS, at, count_samples, marker, octets, samples_at, sine};
use crate::tables_disk::chunks;
use crate::waiting::{seconds, wait_for};

const KILLS: u32 = 10;

/// How many samples an append of a client has: mostly few, sometimes so many that they go into chunks of their own.
fn length(client: u64, number: u64) -> u64 {
    match (client, number % 7) {
        (0, _) => 120_000,
        (_, 3) => 5_000,
        (_, rest) => 1 + rest * client,
    }
}

/// A sample that tells whose it is, of which append, and where in it.
fn tagged(client: u64, number: u64, place: u64) -> f64 {
    ((client << 44) + (number << 20) + place) as f64
}

/// Appends one batch after the other, wherever the server is just then, until it is told to stop. What was acknowledged; a batch that
/// got no answer is not sent again.
fn append_batches(client: u64, address: &RwLock<SocketAddr>, over: &AtomicBool) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    let mut connection = None;
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        if connection.is_none() {
            connection = Connection::open(*address.read().expect("nobody panics"));
        }
        let Some(open) = &mut connection else {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        let samples = (0..length(client, number)).map(|place| tagged(client, number, place));
        let (kind, body) = match client % 2 {
            0 => (OCTETS, octets(samples)),
            _ => (LINES, samples.map(|sample| format!("{sample}\n")).collect::<String>().into_bytes()),
        };
        match open.post(&at("t"), &[("content-type", kind)], &body) {
            Some(200) => acknowledged.push(number),
            Some(status) => panic!("client {client} was answered {status} to append {number}"),
            None => connection = None,
        }
        number += 1;
    }
    acknowledged
}

/// Checks that samples are whole appends, none twice, those of a client in order. Which ones of each client there are.
fn whole_appends(samples: &[f64], clients: u64) -> Vec<Vec<u64>> {
    let mut found = vec![Vec::new(); usize::try_from(clients).expect("few")];
    let mut rest = samples;
    while let Some(first) = rest.first() {
        let tag = *first as u64;
        let (client, number) = (tag >> 44, (tag >> 20) & 0xff_ffff);
        let many = usize::try_from(length(client, number)).expect("few");
        let at = samples.len() - rest.len();
        assert!(many <= rest.len(), "append {number} of client {client} at {at} is cut off");
        for (place, sample) in (0..).zip(&rest[..many]) {
            assert_eq!(*sample, tagged(client, number, place), "append {number} of client {client} at {at} breaks at {place}");
        }
        let of_client = &mut found[usize::try_from(client).expect("few")];
        assert!(of_client.last().is_none_or(|last| *last < number), "append {number} of client {client} at {at} follows {of_client:?}");
        of_client.push(number);
        rest = &rest[many..];
    }
    found
}

/// The samples of a table whose markers must be those of one that begins at 0.
fn samples(server: &Server, table: &str, rate: u32) -> Vec<f64> {
    let rows = server.all_samples(table).enumerate().map(|(index, (offset, value))| {
        assert_eq!(offset, marker(index as u64, rate), "{table} has a gap at {index}");
        value
    });
    rows.collect()
}

#[test]
fn ten_kills_lose_and_double_no_append_and_cut_none_and_what_is_derived_is_the_same() {
    const CLIENTS: u64 = 6;
    let home = Home::new();
    let mut server = home.serve();
    server.define("t", samples_at(1000));
    server.define("derived", json!({"element": "sample", "source": {"table": "t"}}));
    let (address, over) = (RwLock::new(server.address), AtomicBool::new(false));
    let mut moments = Moments(21);
    let (server, acknowledged): (_, Vec<Vec<u64>>) = std::thread::scope(|scope| {
        let (address, over) = (&address, &over);
        let clients: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || append_batches(client, address, over))).collect();
        for _ in 0..KILLS {
            std::thread::sleep(moments.millis(50, 600));
            server.kill();
            server = home.serve();
            *address.write().expect("nobody panics") = server.address;
        }
        std::thread::sleep(seconds(1) / 4);
        over.store(true, Ordering::Relaxed);
        (server, clients.into_iter().map(|client| client.join().expect("a client is answered 200 or not at all")).collect())
    });
    let all = samples(&server, "t", 1000);
    let mut unanswered = 0;
    for (client, (found, acknowledged)) in whole_appends(&all, CLIENTS).iter().zip(&acknowledged).enumerate() {
        assert!(!acknowledged.is_empty(), "client {client} was never answered");
        let lost: Vec<_> = acknowledged.iter().filter(|number| !found.contains(number)).collect();
        assert!(lost.is_empty(), "client {client} has lost {lost:?}");
        unanswered += found.len() - acknowledged.len();
    }
    // A kill may come between the commit and its answer, once for each client.
    assert!(unanswered <= usize::try_from(u64::from(KILLS) * CLIENTS).expect("few"), "{unanswered} appends were not answered");
    let answered: usize = acknowledged.iter().map(Vec::len).sum();
    println!("{} samples of {answered} appends that were answered, and {unanswered} that were not", all.len());
    assert!(answered > 100, "only {answered} appends were answered");
    server.ask_table("POST", "t", "/finish", 200);
    server.wait_table("derived", "its end", seconds(60), |shown| shown["finished"] == true);
    assert!(samples(&server, "derived", 1000) == all, "the derived table is another one");
    for table in ["t", "derived"] {
        server.ask_table("DELETE", table, "", 200);
    }
    wait_for("the removal of all chunks", seconds(20), || (chunks(&home) == (0, 0)).then_some(()));
}

#[test]
fn ten_kills_leave_no_gap_in_a_signal_in_real_time_nor_in_its_spectrum() {
    const RATE: u32 = 20_000;
    let home = Home::new();
    let mut server = home.serve();
    let source = json!({"signal": {"sine": {"frequency": 440}}});
    server.define("sine", json!({"element": "sample", "sampleRate": RATE, "source": source}));
    server.define("copy", json!({"element": "sample", "source": {"table": "sine"}}));
    let operations = json!([{"window": {"size": 1000}}, {"fft": {"binCount": 1024}}]);
    server.define("spectrum", json!({"element": "sample", "source": {"table": "copy"}, "operations": operations}));
    let began = std::time::Instant::now();
    let mut moments = Moments(22);
    let mut last = [0; 3];
    for _ in 0..KILLS {
        std::thread::sleep(moments.millis(50, 900));
        let rows = ["sine", "copy", "spectrum"].map(|table| server.row_count(table));
        assert!(rows.iter().zip(&last).all(|(now, before)| now >= before), "{rows:?} behind {last:?}");
        last = rows;
        server.kill();
        server = home.serve();
    }
    // It catches up with what it missed, as far as it is no long time.
    let due = |late: u64| u64::from(RATE) * began.elapsed().as_secs().saturating_sub(late);
    server.wait_table("sine", "the time that has gone by", seconds(20), |shown| shown["rows"].as_u64() >= Some(due(1)));
    assert!(server.row_count("sine") <= due(0) + 2 * u64::from(RATE), "it is ahead of time");
    server.ask_table("POST", "sine", "/finish", 200);
    server.wait_table("spectrum", "its end", seconds(20), |shown| shown["finished"] == true);
    let rows = count_samples(server.all_samples("sine"), RATE, |index| sine(440.0, RATE, index));
    let [sine, copy] = ["sine", "copy"].map(|table| server.ask_table("GET", table, "/last?interval=1d", 200).body);
    assert!(sine == copy, "the copy is another one");
    let spectra = server.all_rows("spectrum");
    assert_eq!(spectra.len() as u64, rows.div_ceil(1000));
    for (number, (offset, row)) in spectra.iter().enumerate() {
        assert_eq!((*offset, &row["index"]), (marker(1000 * number as u64, RATE), &json!(number)));
    }
}

#[test]
fn a_long_signal_that_is_made_at_once_is_whole_after_kills() {
    const SAMPLES: u64 = 4_410_000;
    let home = Home::new();
    let mut server = home.serve();
    let parts = json!([{"noise": {"seed": 3}}, {"sweep": {"from": 20, "to": 2000, "duration": "7s"}}]);
    let definition = json!({"element": "sample", "sampleRate": 44_100, "source": {"signal": {"sum": parts, "length": "100s"}}});
    server.define("killed", definition.clone());
    let mut moments = Moments(23);
    let mut amid = 0;
    for _ in 0..KILLS {
        std::thread::sleep(moments.millis(1, 150));
        let shown = server.table("killed");
        amid += u32::from(shown["finished"] == false);
        server.kill();
        server = home.serve();
    }
    println!("{amid} of {KILLS} kills hit the signal");
    server.define("whole", definition);
    let [killed, whole] = ["killed", "whole"].map(|table| {
        server.wait_table(table, "its end", seconds(60), |shown| shown["finished"] == true);
        samples(&server, table, 44_100)
    });
    assert_eq!(whole.len() as u64, SAMPLES);
    assert!(killed == whole, "the kills changed the signal");
}

#[test]
fn a_job_into_a_table_and_a_table_of_a_stream_have_every_record_once_after_kills() {
    const RECORDS: u64 = 60_000;
    let home = Home::new();
    let mut server = home.serve();
    server.make_stream("numbers", json!({}));
    server.define("records", json!({"element": "json", "sampleRate": 1000}));
    let source = json!({"stream": {"stream": "numbers", "field": "n"}});
    server.define("followed", json!({"element": "sample", "sampleRate": 1000, "source": source}));
    server.start_job(&with(clicks_into("x", RECORDS), json!({"target": {"type": "table", "table": "records"}})));
    let (address, over) = (RwLock::new(server.address), AtomicBool::new(false));
    let mut moments = Moments(24);
    let mut while_running = 0;
    let server = std::thread::scope(|scope| {
        let (address, over) = (&address, &over);
        let writer = scope.spawn(move || {
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                let api = Api::at(*address.read().expect("nobody panics"));
                let lines: String = (number..number + 500).map(|n| format!("{{\"n\":{n}}}\n")).collect();
                let path = format!("{}/batch", crate::streams_client::at("numbers"));
                if api.try_send("POST", &path, &[("content-type", "text/plain")], lines.as_bytes()).is_none() {
                    std::thread::sleep(Duration::from_millis(2));
                }
                number += 500;
            }
        });
        for _ in 0..KILLS {
            std::thread::sleep(moments.millis(20, 500));
            while_running += u32::from(server.status("clicks")["status"] == "RUNNING");
            server.kill();
            server = home.serve();
            *address.write().expect("nobody panics") = server.address;
        }
        over.store(true, Ordering::Relaxed);
        writer.join().expect("the writer does not panic");
        server
    });
    println!("{while_running} of {KILLS} kills hit the running job");
    assert_eq!(server.wait_complete("clicks")["total_records"], RECORDS);
    let records: Vec<Value> = server.all_rows("records").into_iter().map(|(_, value)| value).collect();
    let wanted: Vec<Value> = generated(RECORDS).iter().map(|line| serde_json::from_str(line).expect("a record is JSON")).collect();
    assert_eq!(records.len(), wanted.len());
    assert!(records == wanted, "other records than the command line makes");
    let numbers: Vec<f64> = server
        .bodies("numbers")
        .iter()
        .map(|body| serde_json::from_str::<Value>(body).expect("JSON")["n"].as_f64().expect("a number"))
        .collect();
    assert!(!numbers.is_empty());
    server.wait_rows("followed", numbers.len() as u64);
    assert!(samples(&server, "followed", 1000) == numbers, "the table has something else than its stream");
}

#[test]
fn what_was_acknowledged_holds_after_a_kill() {
    let home = Home::new();
    for round in 0..4_u32 {
        let server = home.serve();
        let table = format!("t {round}");
        server.define(&table, with(samples_at(1000), json!({"retention": format!("{}h", round + 1)})));
        server.kill();
        let server = home.serve();
        assert_eq!(server.table(&table)["retention"], format!("{}h", round + 1));
        let many = [1_u32, 5_000, 600_000, 0][round as usize];
        server.push(&table, (0..many).map(f64::from));
        server.kill();
        let server = home.serve();
        assert_eq!(samples(&server, &table, 1000), (0..many).map(f64::from).collect::<Vec<_>>());
        server.ask_table("POST", &table, "/finish", 200);
        server.kill();
        let server = home.serve();
        assert_eq!(server.table(&table)["finished"], true);
        assert_eq!(server.append(&table, LINES, b"1").status, 409);
        assert_eq!(server.row_count(&table), u64::from(many));
        server.ask_table("DELETE", &table, "", 200);
        server.kill();
        let server = home.serve();
        server.ask_table("GET", &table, "", 404);
        assert_eq!(chunks(&home), (0, 0), "a removed table has left chunks");
        // A signal that is told to end stays so.
        server.define("s", json!({"element": "sample", "sampleRate": 1000, "source": {"signal": {"sine": {"frequency": 1}}}}));
        server.wait_rows("s", 1);
        server.ask_table("POST", "s", "/finish", 200);
        let rows = server.row_count("s");
        server.kill();
        let server = home.serve();
        std::thread::sleep(seconds(1) / 2);
        assert_eq!((&server.table("s")["rows"], &server.table("s")["finished"]), (&json!(rows), &json!(true)));
        server.ask_table("DELETE", "s", "", 200);
        server.kill();
    }
    let server = home.serve();
    assert_eq!(server.get("/table").json(), json!([]));
}

#[test]
fn a_kill_amid_definitions_and_removals_leaves_no_half_table() {
    let home = Home::new();
    let mut moments = Moments(25);
    let mut server = home.serve();
    for round in 0..KILLS {
        let address = server.address;
        let requests = std::thread::spawn(move || {
            let api = Api::at(address);
            let endless = json!({"element": "sample", "sampleRate": 100, "source": {"signal": {"sine": {"frequency": 1}}}}).to_string();
            let json = ("content-type", "application/json");
            for number in 0.. {
                let path = at(&format!("r{round}n{number}"));
                for (method, behind, body, status) in [
                    ("PUT", "", endless.as_bytes(), 201),
                    ("POST", "/finish", b"", 200),
                    ("DELETE", "", b"", 200),
                    ("PUT", "", br#"{"element":"sample"}"#.as_slice(), 201),
                    ("POST", "", b"[1,2]", 200),
                ] {
                    match api.try_send(method, &format!("{path}{behind}"), &[json], body) {
                        Some(answer) => assert_eq!(answer.status, status, "{method} {path}{behind}: {}", answer.text()),
                        None => return,
                    }
                }
            }
        });
        std::thread::sleep(moments.millis(5, 150));
        server.kill();
        requests.join().expect("every answer was a good one");
        server = home.serve();
        for table in server.get("/table").json().as_array().expect("a list") {
            let name = table["name"].as_str().expect("a name");
            if table["source"] == Value::Null {
                assert!(table["rows"] == 0 || table["rows"] == 2, "{table}");
                server.push(name, [7.0]);
                assert_eq!(server.all_rows(name).last().expect("it has been filled").1, json!(7.0));
            } else if table["finished"] == false {
                // Its task was made before it, and goes on.
                server.wait_rows(name, 1);
            }
            server.ask_table("DELETE", name, "", 200);
        }
    }
    assert_eq!(server.get("/table").json(), json!([]));
    assert_eq!(chunks(&home), (0, 0));
}
