//! A process that dies at each of its writes, one after the other, and what is left to the next one.

use std::collections::BTreeMap;

use serde_json::json;

use super::world::{Life, Process, World, about, result, run};

/// What a client was told.
#[derive(Debug, Default)]
struct Told {
    /// Runs whose commit was answered, and until when they beat at most, in milliseconds.
    committed: BTreeMap<String, i64>,
    annotated: Vec<String>,
}

/// A client's run from begin to end, each request sent until it is answered.
async fn client(world: &World, mut process: Process, lives: &mut Vec<(i64, bool)>) -> (Told, Process) {
    let mut told = Told::default();
    macro_rules! until_answered {
        ($call:expr) => {
            loop {
                let answer = $call(&process).await;
                if let Ok(answer) = answer {
                    break answer;
                }
                process = reborn(world, lives).await;
            }
        };
    }
    macro_rules! pass {
        ($millis:expr) => {
            let until = world.now() + $millis;
            while world.now() < until {
                process.pass(10).await;
                if process_is_over(&process).await {
                    process = reborn(world, lives).await;
                }
            }
        };
    }
    let uuid = until_answered!(async |process: &Process| process.service.register(&run(|_| ())).await);
    pass!(2500);
    let update = about(&uuid, json!({"measurement": {"fields": {"clients": 20}}}));
    until_answered!(async |process: &Process| process.service.update(&update).await);
    pass!(1000);
    let note = about(&uuid, json!({"text": format!("note of {uuid}")}));
    until_answered!(async |process: &Process| process.service.annotate(&note).await);
    told.annotated.push(uuid.clone());
    pass!(700);
    let stats = json!({"GET /": {"num_requests": 5, "of": uuid}});
    until_answered!(async |process: &Process| process.service.commit(&result(&uuid, &stats)).await);
    told.committed.insert(uuid.clone(), world.now());
    pass!(5000);
    (told, process)
}

async fn process_is_over(process: &Process) -> bool {
    process.service.running().await.is_err()
}

async fn reborn(world: &World, lives: &mut Vec<(i64, bool)>) -> Process {
    loop {
        let life = lives.pop().map_or_else(Life::endless, |(writes, last_counts)| Life::of(writes, last_counts));
        if let Ok(process) = world.next_process(life).await {
            return process;
        }
    }
}

/// Runs a client while processes die after so many writes each, and checks what is left. Answers whether any death was reached.
async fn check(world: World, lives: &[(i64, bool)]) -> bool {
    let what = format!("{lives:?}");
    let mut lives: Vec<(i64, bool)> = lives.iter().rev().copied().collect();
    let deaths = lives.len();
    let first = reborn(&world, &mut lives).await;
    let (told, _) = client(&world, first, &mut lives).await;
    let died = lives.len() < deaths - 1;
    // Messages of the dead come again once their time is up.
    let process = world.next_process(Life::endless()).await.unwrap();
    process.pass(10_000).await;
    for (uuid, committed) in &told.committed {
        let results = world.points("load_testing_result", uuid).await;
        assert_eq!(results.len(), 1, "{what}: results of {uuid}: {results:?}");
        let beats = world.points("load_testing", uuid).await;
        let mut ticks: Vec<i64> = beats.iter().map(|beat| beat.nanos / 1_000_000).collect();
        assert!(beats.iter().all(|beat| beat.nanos / 1_000_000 <= *committed), "{what}: a heartbeat after the end: {beats:?}");
        // The first point is behind a tick, where no other heartbeat is.
        ticks.retain(|tick| tick % 1000 == 0);
        let distinct: std::collections::BTreeSet<i64> = ticks.iter().copied().collect();
        assert_eq!(distinct.len(), ticks.len(), "{what}: two heartbeats at a tick: {beats:?}");
        assert!(!ticks.is_empty(), "{what}: no heartbeats");
        let record = process.service.run(uuid).await.unwrap().unwrap();
        assert_eq!((&record["state"], &record["recorded"]), (&json!("finished"), &json!("written")), "{what}: {record:?}");
        assert_eq!(record["requestStats"]["GET /"]["of"], json!(uuid), "{what}");
    }
    for uuid in &told.annotated {
        let notes = world.points("load_testing_event", &format!("note of {uuid}")).await;
        assert!(!notes.is_empty(), "{what}: an annotation that was answered is lost");
    }
    assert_eq!(world.count("load-tests/outbox").await, 0, "{what}: points wait for ever");
    died
}

async fn die_everywhere(world: fn() -> World) {
    for last_counts in [false, true] {
        let mut reached = 0;
        for writes in 0.. {
            let died = check(world(), &[(writes, last_counts), (i64::MAX, false)]).await;
            reached = writes;
            if !died {
                break;
            }
        }
        assert!(reached > 40, "the whole life of a run takes more writes than {reached}");
    }
}

#[tokio::test]
async fn a_process_may_die_at_any_write_to_a_database() {
    die_everywhere(World::new).await;
}

#[tokio::test]
async fn a_process_may_die_at_any_write_to_a_file() {
    die_everywhere(World::into_files).await;
}

#[tokio::test]
async fn processes_may_die_again_and_again() {
    for first in (1..60).step_by(3) {
        for then in (0..25).step_by(4) {
            for world in [World::new(), World::into_files()] {
                check(world, &[(first, false), (then, true), (then + 1, false), (first, true)]).await;
            }
        }
    }
}
