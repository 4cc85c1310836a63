//! Points on their way to a database that refuses them.

use std::time::Duration;

use headwater_core::ports::PointsRefused;
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn while_the_database_is_away_nothing_is_lost_and_times_stay() {
    let world = World::new();
    let process = world.process();
    world.database.down();
    let uuid = process.register(|_| ()).await;
    process.pass(60_000).await;
    process.commit(&uuid, &json!({"a": 1})).await;
    process.pass(1000).await;
    assert!(world.points("load_testing", "").await.is_empty());
    let states = process.service.states().await.unwrap();
    assert_eq!((&states["database"]["reachable"], &states["database"]["lastError"]["message"]), (&json!(false), &json!("down")));
    assert_eq!(states["points"]["queued"], 62);
    world.database.refuse(None);
    process.pass(31_000).await;
    assert_eq!(world.points("load_testing", &uuid).await.len(), 61);
    assert_eq!(world.points("load_testing_result", &uuid).await.len(), 1);
    let states = process.service.states().await.unwrap();
    assert_eq!((&states["points"]["queued"], &states["points"]["written"]), (&json!(0), &json!(62)));
    assert!(states["points"]["retried"].as_u64().unwrap() > 0);
    // Pauses double from a second to thirty: in a minute some seven tries, and some more for chance.
    let tries = *world.database.sent("load_testing,").iter().max().unwrap();
    assert!((5..=14).contains(&tries), "{tries} tries in a minute");
}

#[tokio::test]
async fn a_database_that_says_when_to_come_back_is_left_alone_until_then() {
    let world = World::new();
    let process = world.process();
    world.database.refuse(Some(PointsRefused::Later { why: "busy".to_owned(), after: Some(Duration::from_secs(40)) }));
    process.register(|_| ()).await;
    process.pass(39_000).await;
    assert_eq!(world.database.sent("load_testing,").iter().max(), Some(&1));
    world.database.refuse(None);
    process.pass(2000).await;
    assert_eq!(world.points("load_testing", "").await.len(), 42);
}

#[tokio::test]
async fn a_bad_point_is_dropped_and_the_others_are_kept() {
    let world = World::new();
    let process = world.process();
    let mut good = Vec::new();
    for number in 0..40 {
        let uuid =
            process.register(|body| body["measurement"]["tags"]["hostname"] = json!(if number == 20 { "poison" } else { "good" })).await;
        if number != 20 {
            good.push(uuid);
        }
    }
    process.pass(2000).await;
    assert_eq!(world.points("load_testing", "good").await.len(), 39 * 3);
    let states = process.service.states().await.unwrap();
    assert_eq!((&states["points"]["dropped"], &states["points"]["written"]), (&json!(3), &json!(39 * 3)));
    assert_eq!(states["database"]["reachable"], true);
    // Among forty: with all of them, a half, a quarter, and alone.
    assert!(world.database.sent("poison").iter().all(|times| *times <= 4));
}

#[tokio::test]
async fn a_result_that_is_refused_stays_in_its_record() {
    let world = World::new();
    let process = world.process();
    let uuid = process.register(|_| ()).await;
    process.commit(&uuid, &json!({"poison": 1})).await;
    process.pass(1000).await;
    let record = process.service.run(&uuid).await.unwrap().unwrap();
    assert_eq!((&record["recorded"], &record["refused"]), (&json!("refused"), &json!("unable to parse poison")));
    assert_eq!(record["requestStats"], json!({"poison": 1}));
}

#[tokio::test]
async fn a_batch_that_the_database_never_takes_does_not_hold_up_the_others() {
    let world = World::new();
    let process = world.process();
    let sick = process.register(|_| ()).await;
    process.pass(500).await;
    process.commit(&sick, &json!({"plague": 1})).await;
    let sound = process.register(|_| ()).await;
    process.pass(120_000).await;
    process.commit(&sound, &json!({"a": 1})).await;
    process.pass(120_000).await;
    assert_eq!(world.points("load_testing_result", &sound).await.len(), 1);
    assert_eq!(world.points("load_testing", &sound).await.len(), 121);
    assert_eq!(process.service.run(&sick).await.unwrap().unwrap()["recorded"], "queued");
    assert_eq!(world.count("load-tests/outbox").await, 1, "it waits");
}

#[tokio::test]
async fn an_outage_sets_nothing_aside() {
    let world = World::new();
    let process = world.process();
    world.database.down();
    let mut uuids = Vec::new();
    for _ in 0..20 {
        let uuid = process.register(|_| ()).await;
        process.commit(&uuid, &json!({"a": 1})).await;
        uuids.push(uuid);
    }
    process.pass(200_000).await;
    world.database.refuse(None);
    process.pass(35_000).await;
    for uuid in &uuids {
        assert_eq!(world.points("load_testing_result", uuid).await.len(), 1);
    }
    assert_eq!(world.count("load-tests/outbox").await, 0);
}

#[tokio::test]
async fn another_day_has_another_file_and_nothing_is_in_both() {
    let world = World::into_files();
    let process = world.process();
    let uuid = process.register(|_| ()).await;
    process.pass(3000).await;
    // Into the next day, with a process that dies on the way.
    let midnight = 86_400_000 - world.now() % 86_400_000;
    world.clock.advance(Duration::from_millis(u64::try_from(midnight).unwrap() - 1000));
    for writes in 0..30 {
        let dying = world.next_process(super::world::Life::of(writes, writes % 2 == 0)).await;
        if let Ok(dying) = dying {
            dying.pass(100).await;
        }
    }
    let process = world.next_process(super::world::Life::endless()).await.unwrap();
    process.pass(20_000).await;
    process.commit(&uuid, &json!({"a": 1})).await;
    process.pass(1000).await;
    let beats = world.points("load_testing", &uuid).await;
    let mut distinct = beats.clone();
    distinct.dedup();
    assert_eq!(distinct.len(), beats.len(), "a line is there twice");
    assert_eq!(world.points("load_testing_result", &uuid).await.len(), 1);
    assert_eq!(world.files().await, ["load-tests/points-2023-11-14.lp", "load-tests/points-2023-11-15.lp"]);
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_holds_up_nobody() {
    let world = World::new();
    let process = world.process();
    world.spoil("load-tests/outbox/results", "00000000000000000001-23456789ABCDEFGHJ-10-1").await;
    world.spoil("load-tests/outbox/beats", "0000000000000001-03-1").await;
    let uuid = process.register(|_| ()).await;
    process.pass(1000).await;
    process.commit(&uuid, &json!({"a": 1})).await;
    process.pass(1000).await;
    assert_eq!(world.points("load_testing", &uuid).await.len(), 2);
    assert_eq!(world.points("load_testing_result", &uuid).await.len(), 1);
}
