//! What a `kill -9` may not do to streams, whenever it comes.

use std::net::SocketAddr;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::crash::Moments;
use crate::server::Home;
use crate::streams_client::{Connection, Reading, Upload, at, clicks_into, count_in_order, generated};
use crate::waiting::seconds;

/// Sends numbered events one by one, wherever the server is just then, until it is told to stop. What was acknowledged, in order; a
/// number that got no answer is not sent again.
fn send_numbered(client: usize, address: &RwLock<SocketAddr>, over: &AtomicBool) -> Vec<u64> {
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
        match open.post(&at("s"), &[], format!("{client}:{number}").as_bytes()) {
            Some(200) => acknowledged.push(number),
            Some(status) => panic!("client {client} was answered {status} to event {number}"),
            None => connection = None,
        }
        number += 1;
    }
    acknowledged
}

#[test]
fn thirty_kills_lose_and_double_no_event_of_sixteen_clients() {
    const CLIENTS: usize = 16;
    const KILLS: u32 = 30;
    let home = Home::new();
    let mut server = home.serve();
    server.make_stream("s", json!({}));
    let (address, over) = (RwLock::new(server.address), AtomicBool::new(false));
    let mut moments = Moments(16);
    let (server, acknowledged): (_, Vec<Vec<u64>>) = std::thread::scope(|scope| {
        let (address, over) = (&address, &over);
        let clients: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || send_numbered(client, address, over))).collect();
        for _ in 0..KILLS {
            std::thread::sleep(moments.millis(10, 250));
            server.kill();
            server = home.serve();
            *address.write().expect("nobody panics") = server.address;
        }
        std::thread::sleep(seconds(1) / 4);
        over.store(true, Ordering::Relaxed);
        (server, clients.into_iter().map(|client| client.join().expect("a client is answered 200 or not at all")).collect())
    });
    let mut seen: Vec<Vec<u64>> = vec![Vec::new(); CLIENTS];
    for body in server.bodies("s") {
        let (client, number) = body.split_once(':').expect("an event of this test");
        seen[client.parse::<usize>().expect("a client")].push(number.parse().expect("a number"));
    }
    let mut unanswered = 0;
    for (client, (seen, acknowledged)) in seen.iter().zip(&acknowledged).enumerate() {
        assert!(seen.is_sorted_by(|one, other| one < other), "client {client}: an event is there twice, or out of order");
        let missing: Vec<_> = acknowledged.iter().filter(|number| seen.binary_search(number).is_err()).collect();
        assert!(missing.is_empty(), "client {client}: the acknowledged events {missing:?} are lost");
        unanswered += seen.len() - acknowledged.len();
    }
    let all: usize = acknowledged.iter().map(Vec::len).sum();
    println!("{all} events were acknowledged, {unanswered} more are there");
    assert!(all > 200, "only {all} events were acknowledged");
}

#[test]
fn twenty_kills_leave_every_record_of_a_job_once() {
    const KILLS: u64 = 20;
    const RECORDS: u64 = 1_000_000;
    let home = Home::new();
    let mut server = home.serve();
    server.start_job(&clicks_into("s", RECORDS));
    let mut moments = Moments(20);
    let mut while_running = 0;
    for round in 0..KILLS {
        let reached = server.status("clicks")["total_records"].as_u64().expect("a count");
        // As long as the job is ahead of the kills, they come at once.
        let behind = reached * (KILLS + 5) <= RECORDS * round;
        std::thread::sleep(if behind { moments.millis(20, 200) } else { moments.millis(0, 20) });
        while_running += u64::from(server.status("clicks")["status"] == "RUNNING");
        server.kill();
        server = home.serve();
    }
    let report = server.wait_status("clicks", "the job's end", seconds(300), |report| report["status"] != "RUNNING");
    assert_eq!((&report["status"], &report["total_records"]), (&json!("COMPLETE"), &json!(RECORDS)), "{report}");
    println!("{while_running} of {KILLS} kills hit the running job");
    assert!(while_running > KILLS / 2, "the job was over too soon: {while_running} kills hit it");
    let wanted = generated(RECORDS);
    let count = count_in_order(Reading::open(server.address, "s", ""), |number| wanted[usize::try_from(number).expect("few")].clone());
    assert_eq!(count, RECORDS);
}

#[test]
fn a_kill_in_a_batch_leaves_all_of_it_or_nothing() {
    let home = Home::new();
    let mut moments = Moments(3);
    let mut server = home.serve();
    server.make_stream("s", json!({}));
    let line = |number: u64| format!("{number} {}", "x".repeat(200));
    let text: &str = &(0..60_000).map(|number| line(number) + "\n").collect::<String>();
    let (mut all, mut nothing) = (0, 0);
    for round in 0..12 {
        let address = server.address;
        // A third of the kills come in the middle, where the client stops; a third at some moment; a third right behind the answer.
        let stop = std::sync::mpsc::channel::<()>();
        let sending = std::thread::scope(|scope| {
            let sending = scope.spawn(move || {
                let mut upload = Upload::begin(address, "s", "text/plain");
                let middle = text.len() / 200_000;
                for (number, chunk) in text.as_bytes().chunks(100_000).enumerate() {
                    if number == middle && round % 3 == 0 {
                        let _ = stop.1.recv(); // Until the server is no more.
                    }
                    if !upload.send(chunk) {
                        return false;
                    }
                }
                upload.finish() == Some(200)
            });
            if round % 3 == 2 {
                let began = std::time::Instant::now();
                while !sending.is_finished() && began.elapsed() < seconds(10) {
                    std::thread::yield_now();
                }
            } else {
                std::thread::sleep(moments.millis(5, 100));
            }
            server.kill();
            drop(stop.0);
            sending.join().expect("the client does not panic")
        });
        server = home.serve();
        let count = count_in_order(server.events("s").into_iter(), line);
        assert!(count == 60_000 || (count == 0 && !sending), "round {round}: {count} events of a batch that was answered: {sending}");
        all += u32::from(count > 0);
        nothing += u32::from(count == 0);
        server.ask_stream("POST", "s", "/truncate", 200);
    }
    println!("{all} batches are whole, {nothing} not there");
    assert!(all > 0 && nothing > 0, "{all} batches are whole, {nothing} not there");
}

#[test]
fn what_was_acknowledged_holds_after_a_kill() {
    let home = Home::new();
    for round in 0..5 {
        let server = home.serve();
        let stream = format!("s{round}");
        server.make_stream(&stream, json!({"ttl": 1000 + round, "principal": "alice"}));
        server.kill();
        let server = home.serve();
        assert_eq!(server.ask_stream("GET", &stream, "", 200).json()["ttl"], 1000 + round);
        server.batch(&stream, "text/plain", b"old\nolder");
        let set = server.send("PUT", &format!("{}/properties", at(&stream)), &[], br#"{"description":"d","format":{"name":"csv"}}"#);
        assert_eq!(set.status, 200);
        let view = server.send("PUT", &format!("{}/views/v", at(&stream)), &[], br#"{"format":{"name":"tsv"}}"#);
        assert_eq!(view.status, 201);
        server.kill();
        let server = home.serve();
        let described = server.ask_stream("GET", &stream, "", 200).json();
        assert_eq!((&described["description"], &described["format"]["name"]), (&json!("d"), &json!("csv")));
        assert_eq!(server.ask_stream("GET", &stream, "/views", 200).json(), json!(["v"]));
        assert_eq!(server.bodies(&stream), ["old", "older"]);
        server.ask_stream("POST", &stream, "/truncate", 200);
        server.kill();
        let server = home.serve();
        server.ask_stream("GET", &stream, "/events", 204);
        assert_eq!(server.send("POST", &at(&stream), &[], b"new").status, 200);
        server.kill();
        let server = home.serve();
        assert_eq!(server.bodies(&stream), ["new"]);
        server.ask_stream("DELETE", &stream, "", 200);
        server.kill();
        let server = home.serve();
        server.ask_stream("GET", &stream, "", 404);
        server.make_stream(&stream, json!({}));
        server.ask_stream("GET", &stream, "/events", 204);
        server.ask_stream("DELETE", &stream, "", 200);
        assert_eq!(server.send("PUT", &format!("/v3/namespaces/n{round}"), &[], b"").status, 200);
        server.kill();
    }
    let server = home.serve();
    assert_eq!(server.get("/v3/namespaces").json().as_array().map(Vec::len), Some(6));
    assert_eq!(server.get("/v3/namespaces/default/streams").json(), json!([]));
}

#[test]
fn a_kill_amid_creations_and_removals_leaves_no_half_stream() {
    let home = Home::new();
    let mut moments = Moments(9);
    let mut server = home.serve();
    for round in 0..10 {
        let address = server.address;
        let requests = std::thread::spawn(move || {
            let api = crate::api_client::Api::at(address);
            for number in 0.. {
                let path = at(&format!("r{round}n{number}"));
                for method in ["PUT", "POST", "DELETE", "PUT"] {
                    match api.try_send(method, &path, &[], b"") {
                        Some(answer) => assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text()),
                        None => return,
                    }
                }
            }
        });
        std::thread::sleep(moments.millis(5, 150));
        server.kill();
        requests.join().expect("every answer was a good one");
        server = home.serve();
        let listed = server.get("/v3/namespaces/default/streams").json();
        for stream in listed.as_array().expect("a list") {
            let name = stream["name"].as_str().expect("a name");
            server.ask_stream("GET", name, "", 200);
            assert_eq!(server.send("POST", &at(name), &[], b"x").status, 200, "{name} has no log");
            assert_eq!(server.bodies(name).last().map(String::as_str), Some("x"));
            server.ask_stream("DELETE", name, "", 200);
        }
    }
    assert_eq!(server.get("/v3/namespaces/default/streams").json(), json!([]));
}
