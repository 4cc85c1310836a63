//! Runs that live: heartbeats, updates, silence.

use serde_json::json;

use super::world::{BEGIN, World, about, result};

/// The milliseconds of the heartbeats of a run.
async fn beats(world: &World, uuid: &str) -> Vec<i64> {
    world.points("load_testing", uuid).await.iter().map(|seen| seen.nanos / 1_000_000).collect()
}

#[tokio::test]
async fn the_first_point_comes_at_once_and_the_others_at_ticks_of_the_wall_clock() {
    let world = World::new();
    let process = world.process();
    let uuid = process.register(|_| ()).await;
    process.work().await;
    assert_eq!(beats(&world, &uuid).await, [BEGIN]);
    process.pass(3000).await;
    assert_eq!(beats(&world, &uuid).await, [BEGIN, BEGIN + 900, BEGIN + 1900, BEGIN + 2900]);
    let lines = world.points("load_testing", &uuid).await;
    let without_time = |line: &str| line.rsplit_once(' ').unwrap().0.to_owned();
    let first = without_time(&lines[0].line);
    assert_eq!(
        first,
        format!("load_testing,hostname=aws.com,mode=single clients=10i,hatchRate=0.1,requests=100i,run=\"{uuid}\",generator=\"h1\"")
    );
    assert!(lines.iter().all(|seen| without_time(&seen.line) == first));
}

#[tokio::test]
async fn ticks_that_were_missed_are_left_out() {
    let world = World::new();
    let process = world.process();
    let uuid = process.register(|_| ()).await;
    process.pass(1000).await;
    world.clock.advance(std::time::Duration::from_millis(5550));
    process.pass(1000).await;
    assert_eq!(beats(&world, &uuid).await, [BEGIN, BEGIN + 900, BEGIN + 5900, BEGIN + 6900, BEGIN + 7900][..4].to_vec());
}

#[tokio::test]
async fn runs_with_the_same_tags_never_share_a_time() {
    let world = World::new();
    let process = world.process();
    let mut uuids = Vec::new();
    for _ in 0..100 {
        uuids.push(process.register(|_| ()).await);
    }
    process.pass(3000).await;
    for uuid in &uuids {
        process.commit(uuid, &json!({"a": 1})).await;
    }
    process.pass(1000).await;
    for measurement in ["load_testing", "load_testing_result"] {
        let all = world.points(measurement, "").await;
        let mut times: Vec<i64> = all.iter().map(|seen| seen.nanos).collect();
        times.dedup();
        assert_eq!(times.len(), all.len(), "{measurement}");
    }
    assert_eq!(world.points("load_testing", "").await.len(), 400);
    assert_eq!(world.points("load_testing_result", "").await.len(), 100);
}

#[tokio::test]
async fn an_update_changes_the_next_heartbeat() {
    let world = World::new();
    let process = world.process();
    let uuid = process.register(|_| ()).await;
    process.pass(1000).await;
    let update = about(&uuid, json!({"measurement": {"fields": {"users": 25, "p95": 120}}}));
    process.service.update(&update).await.unwrap();
    process.pass(1000).await;
    let lines = world.points("load_testing", &uuid).await;
    assert!(lines[1].line.contains("clients=10i") && !lines[1].line.contains("p95"), "{lines:?}");
    assert!(lines[2].line.contains("clients=25i,hatchRate=0.1,requests=100i,p95=120.0"), "{lines:?}");
}

#[tokio::test]
async fn a_run_of_which_nothing_is_heard_is_lost_and_comes_back() {
    let world = World::new();
    let process = world.process();
    let uuid = process.register(|body| body["idleTimeout"] = json!("3s")).await;
    process.pass(6000).await;
    assert_eq!(process.service.run(&uuid).await.unwrap().unwrap()["state"], "lost");
    assert_eq!(process.service.running().await.unwrap()[&format!("h1-{uuid}")], false);
    let before = beats(&world, &uuid).await;
    assert_eq!(before.last(), Some(&(BEGIN + 2900)));
    assert_eq!(world.points("load_testing_event", "lost").await.len(), 1);
    // It is heard of again.
    process.service.update(&about(&uuid, json!({"measurement": {"fields": {"clients": 1}}}))).await.unwrap();
    assert_eq!(process.service.running().await.unwrap()[&format!("h1-{uuid}")], true);
    process.pass(2000).await;
    assert_eq!(beats(&world, &uuid).await.len(), before.len() + 2);
    // And lost again, and committed all the same.
    process.pass(6000).await;
    assert_eq!(world.points("load_testing_event", "lost").await.len(), 2);
    process.commit(&uuid, &json!({"a": 1})).await;
    process.pass(1000).await;
    assert_eq!(world.points("load_testing_result", &uuid).await.len(), 1);
    assert_eq!(process.service.run(&uuid).await.unwrap().unwrap()["state"], "finished");
    assert_eq!(process.service.states().await.unwrap()["runs"], json!({"running": 0, "lost": 0, "finished": 1}));
}

#[tokio::test]
async fn the_tasks_sleep_when_there_are_no_runs_and_wake_for_new_ones() {
    let world = World::new();
    let process = world.process();
    let first = process.register(|_| ()).await;
    process.commit(&first, &json!(1)).await;
    process.pass(300_000).await;
    let steps = async || process.tasks.all().await.unwrap().iter().map(|task| task.step).sum::<u64>();
    let before = steps().await;
    process.pass(600_000).await;
    assert!(steps().await - before <= 2, "{} steps without any runs", steps().await - before);
    // Runs for every shard.
    for _ in 0..64 {
        process.register(|_| ()).await;
    }
    process.pass(1000).await;
    assert_eq!(world.points("load_testing", "").await.len(), 1 + 2 * 64);
}

#[tokio::test]
async fn a_commit_is_taken_once_by_whoever_is_first() {
    let world = World::new();
    let (one, other) = (world.process(), world.process());
    let uuid = one.register(|_| ()).await;
    let (mine, yours) = (result(&uuid, &json!("mine")), result(&uuid, &json!("yours")));
    let (a, b) = futures::join!(one.service.commit(&mine), other.service.commit(&yours));
    assert_eq!(a.unwrap(), b.unwrap());
    one.pass(500).await;
    other.pass(500).await;
    assert_eq!(world.points("load_testing_result", &uuid).await.len(), 1);
}

#[tokio::test]
async fn silence_while_the_service_was_away_does_not_count() {
    let world = World::new();
    let process = world.process();
    let uuid = process.register(|body| body["idleTimeout"] = json!("10s")).await;
    process.pass(5000).await;
    world.clock.advance(std::time::Duration::from_secs(60));
    let process = world.next_process(super::world::Life::endless()).await.unwrap();
    process.pass(8000).await;
    assert_eq!(process.service.run(&uuid).await.unwrap().unwrap()["state"], "running");
    process.pass(5000).await;
    assert_eq!(process.service.run(&uuid).await.unwrap().unwrap()["state"], "lost");
}

#[tokio::test]
async fn the_same_annotation_of_the_same_moment_is_noted_once() {
    let world = World::new();
    let process = world.process();
    let uuid = process.register(|_| ()).await;
    let note = about(&uuid, json!({"text": "deployed", "at": "2023-11-14T22:13:31Z"}));
    for _ in 0..3 {
        process.service.annotate(&note).await.unwrap();
        process.pass(500).await;
    }
    let other = about(&uuid, json!({"text": "scaled", "at": "2023-11-14T22:13:31Z"}));
    process.service.annotate(&other).await.unwrap();
    process.pass(500).await;
    assert_eq!(world.points("load_testing_event", &uuid).await.len(), 2);
    assert_eq!(process.service.run(&uuid).await.unwrap().unwrap()["annotations"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn of_an_update_and_a_commit_of_a_lost_run_the_commit_stays() {
    for turn in 0..40 {
        let world = World::new();
        let (one, other) = (world.process(), world.process());
        let uuid = one.register(|body| body["idleTimeout"] = json!("1s")).await;
        one.pass(4000).await;
        let update = about(&uuid, json!({"measurement": {"fields": {"clients": 1}}}));
        let result = result(&uuid, &json!("r"));
        // One of them gets a little ahead.
        let ahead = async {
            for _ in 0..turn {
                tokio::task::yield_now().await;
            }
            other.service.update(&update).await
        };
        let (committed, _) = futures::join!(one.service.commit(&result), ahead);
        committed.unwrap();
        one.pass(3000).await;
        assert_eq!(one.service.run(&uuid).await.unwrap().unwrap()["state"], "finished");
        assert_eq!(world.points("load_testing_result", &uuid).await.len(), 1);
    }
}
