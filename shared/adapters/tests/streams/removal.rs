//! Removals, creations and changes that break off.

use headwater_core::ports::{Headers, LogSize};
use headwater_core::streams::{BatchKind, Program, StreamError, StreamUsage};

use super::{Bench, Disturbance, MIB, made, name, named, namespace, post};

/// Everything that a stream can have, left behind by nobody.
async fn nothing_is_left(bench: &Bench) {
    for root in ["streams/removals", "streams/programs", "streams/notices", "streams/defined"] {
        assert_eq!(bench.keys(root).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_removal_that_breaks_off_anywhere_is_finished_or_has_not_begun() {
    let (mut had_not_begun, mut finished) = (0, 0);
    for changes in 0.. {
        let bench = Bench::new();
        let first = bench.service();
        let stream = made(&first, "s", r#"{"ttl":7,"notification.threshold.mb":1}"#).await;
        post(&first, &stream, vec![b'x'; MIB]).await;
        first.notice().await;
        first.note_use(&stream, &Program::parse("a/flows/f").unwrap()).await.unwrap();

        let answer = bench.disturbed(&Disturbance::dies_after(changes)).delete(&name("s")).await;
        let next = bench.service();
        next.tidy().await.unwrap();
        let usage = StreamUsage::new(next.clone(), Vec::new());
        if let Ok(found) = next.get(&name("s")).await {
            assert!(answer.is_err(), "a removal was answered, and was none");
            had_not_begun += 1;
            assert_eq!((&found, bench.events(&stream).await.len()), (&stream, 1), "a removal after {changes} changes took a part");
            assert_eq!(usage.programs(&name("s")).await.unwrap().len(), 1);
            assert_eq!(next.notices_after(&stream, 0).await.unwrap().0.len(), 1);
            assert_eq!(bench.keys("streams/removals").await, [""; 0]);
            next.delete(&name("s")).await.unwrap();
        } else {
            finished += 1;
        }
        nothing_is_left(&bench).await;
        assert_eq!(bench.stores.log.size(&stream.log).await.unwrap(), LogSize::default(), "the log stays after {changes} changes");
        assert!(next.list(&namespace("default")).await.unwrap().is_empty());
        if answer.is_ok() {
            break;
        }
    }
    assert!(had_not_begun >= 1 && finished >= 3, "{had_not_begun} had not begun, {finished} were finished");
}

#[tokio::test]
async fn a_creation_that_breaks_off_anywhere_can_be_repeated() {
    for changes in 0.. {
        let bench = Bench::new();
        let answer = bench.disturbed(&Disturbance::dies_after(changes)).create(&name("s"), br#"{"ttl":7}"#).await;
        let next = bench.service();
        next.tidy().await.unwrap();
        let stream = made(&next, "s", r#"{"ttl":7}"#).await;
        post(&next, &stream, "x").await;
        assert_eq!((stream.properties.ttl.seconds(), bench.bodies(&stream).await), (7, vec!["x".to_owned()]));
        if answer.is_ok() {
            break;
        }
    }
}

#[tokio::test]
async fn a_namespace_with_streams_stays_wherever_its_removal_breaks_off() {
    for changes in 0..5 {
        let bench = Bench::new();
        let first = bench.service();
        first.create_namespace(&namespace("shop")).await.unwrap();
        first.create(&named("shop", "s"), b"").await.unwrap();
        let answer = bench.disturbed(&Disturbance::dies_after(changes)).delete_namespace(&namespace("shop")).await;
        assert!(matches!(answer, Err(StreamError::NotEmpty(_) | StreamError::Store(_))), "{answer:?}");
        assert_eq!(bench.service().list(&namespace("shop")).await.unwrap().len(), 1, "gone after {changes} changes");
    }
}

#[tokio::test]
async fn what_was_begun_with_a_stream_does_not_reach_the_one_that_is_made_anew() {
    let bench = Bench::new();
    let (service, writer) = bench.service().with_queue();
    let old = made(&service, "s", "").await;
    post(&service, &old, "old").await;
    let mut batch = service.batch(old.clone(), BatchKind::Lines, Headers::default());
    batch = batch.take("a\nb\n".into()).await.unwrap();
    let mut long = service.batch(old.clone(), BatchKind::Lines, Headers::default());
    long = long.take(format!("{}\n", "x".repeat(2 * MIB)).into()).await.unwrap();
    service.post_later(old.clone(), Headers::default(), "queued".into()).await.unwrap();
    service.delete(&name("s")).await.unwrap();
    let new = made(&service, "s", "").await;
    assert_ne!(old.log, new.log);
    post(&service, &new, "new").await;

    assert!(matches!(service.post(&old, Headers::default(), "late".into()).await, Err(StreamError::NoStream(_))));
    assert!(batch.finish().await.is_err() && long.finish().await.is_err());
    writer.run(async {}).await;
    assert_eq!(bench.bodies(&new).await, ["new"]);
    assert!(bench.events(&old).await.is_empty());
}

#[tokio::test]
async fn a_late_use_of_a_removed_stream_takes_nothing_from_the_one_that_is_made_anew() {
    let bench = Bench::new();
    let service = bench.service();
    let (one, other) = (Program::parse("a/flows/one").unwrap(), Program::parse("a/flows/other").unwrap());
    let old = made(&service, "s", "").await;
    service.delete(&name("s")).await.unwrap();
    service.note_use(&old, &one).await.unwrap();
    nothing_is_left(&bench).await;
    let new = made(&service, "s", "").await;
    service.note_use(&new, &other).await.unwrap();
    service.note_use(&old, &Program::parse("a/flows/late").unwrap()).await.unwrap();
    service.note_use(&new, &other).await.unwrap();
    let programs = StreamUsage::new(service, Vec::new()).programs(&name("s")).await.unwrap();
    assert_eq!(programs.into_iter().collect::<Vec<_>>(), [other]);
}

#[tokio::test]
async fn tidying_up_removes_what_expired_of_every_stream() {
    let bench = Bench::new();
    let service = bench.service();
    service.create_namespace(&namespace("shop")).await.unwrap();
    let (short, none) = (made(&service, "short", r#"{"ttl":1}"#).await, made(&service, "none", r#"{"ttl":0}"#).await);
    let endless = made(&service, "endless", "").await;
    service.create(&named("shop", "short"), br#"{"ttl":1}"#).await.unwrap();
    let elsewhere = service.get(&named("shop", "short")).await.unwrap();
    let all = [&short, &none, &endless, &elsewhere];
    for stream in all {
        post(&service, stream, "old").await;
    }
    bench.advance(1001);
    for stream in all {
        post(&service, stream, "new").await;
    }
    bench.advance(1000);
    service.tidy().await.unwrap();
    for (stream, wanted) in [(&short, &["new"][..]), (&none, &[]), (&endless, &["old", "new"]), (&elsewhere, &["new"])] {
        assert_eq!(bench.bodies(stream).await, wanted, "{}", stream.name);
        assert_eq!(bench.stores.log.size(&stream.log).await.unwrap().events, 2, "a stream has taken less because some expired");
    }
}
