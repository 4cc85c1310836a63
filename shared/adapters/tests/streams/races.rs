//! Requests that meet: every store call may let others go first, as a seed wants it.

use std::sync::Arc;

use futures::future::{join, join_all};
use headwater_core::streams::StreamError;
use tokio::task::JoinSet;

use super::{Bench, Disturbance, made, name, named, namespace, post};

const SEEDS: u64 = 200;

#[tokio::test]
async fn no_change_of_properties_is_lost() {
    for seed in 0..20 {
        let bench = Bench::new();
        let service = bench.disturbed(&Disturbance::lets_others_go_first(seed));
        service.create(&name("s"), b"").await.unwrap();
        let changes = [r#"{"ttl":5}"#, r#"{"description":"d"}"#, r#"{"notification.threshold.mb":3}"#, r#"{"format":{"name":"csv"}}"#];
        let views = (0..20).map(|number| format!("v{number}"));
        let format = headwater_core::streams::formats::Format::default();
        let views = join_all(views.map(|view| {
            let (service, format) = (service.clone(), format.clone());
            async move { service.put_view(&name("s"), &view.as_str().try_into().unwrap(), &format).await }
        }));
        let stream = name("s");
        let changes = changes.map(|change| service.set_properties(&stream, change.as_bytes()));
        let (changed, made) = join(join_all(changes), views).await;
        assert!(changed.iter().all(Result::is_ok) && made.iter().all(|made| matches!(made, Ok(true))), "seed {seed}");
        let stream = bench.service().get(&name("s")).await.unwrap();
        let mut properties = serde_json::Value::Object(stream.properties.to_json());
        properties["format"] = properties["format"]["name"].clone();
        let wanted = serde_json::json!({"ttl": 5, "description": "d", "notification.threshold.mb": 3, "format": "csv"});
        assert_eq!((properties, stream.views.len()), (wanted, 20), "seed {seed}");
    }
}

#[tokio::test]
async fn of_creations_at_once_one_makes_the_stream() {
    for seed in 0..SEEDS {
        let bench = Bench::new();
        let service = bench.disturbed(&Disturbance::lets_others_go_first(seed));
        let mut creations = JoinSet::new();
        for number in 0..8 {
            let service = service.clone();
            creations.spawn(async move {
                let properties = format!(r#"{{"principal":"p{number}"}}"#);
                let made = service.create(&name("s"), properties.as_bytes()).await;
                if let Ok(stream) = service.get(&name("s")).await {
                    post(&service, &stream, number.to_string()).await;
                }
                (number, made)
            });
        }
        let answers = creations.join_all().await;
        let stream = bench.service().get(&name("s")).await.unwrap();
        let owner = stream.properties.principal.as_ref().unwrap().to_string();
        for (number, answer) in answers {
            match answer {
                Ok(()) => assert_eq!(owner, format!("p{number}"), "seed {seed}: two have made the stream"),
                Err(StreamError::NotOwner { .. }) => assert_ne!(owner, format!("p{number}"), "seed {seed}"),
                Err(other) => panic!("seed {seed}: {other}"),
            }
        }
        assert_eq!(bench.events(&stream).await.len(), 8, "seed {seed}: an event went into a log that nobody reads");
    }
}

#[tokio::test]
async fn creations_and_removals_at_once_leave_a_stream_or_none() {
    for seed in 0..SEEDS {
        let bench = Bench::new();
        let service = bench.disturbed(&Disturbance::lets_others_go_first(seed));
        let mut requests = JoinSet::new();
        for number in 0..12 {
            let service = service.clone();
            requests.spawn(async move {
                match number % 3 {
                    0 => service.create(&name("s"), b"").await.unwrap(),
                    1 => match service.delete(&name("s")).await {
                        Ok(()) | Err(StreamError::NoStream(_)) => {}
                        Err(other) => panic!("seed {seed}: {other}"),
                    },
                    _ => match service.set_properties(&name("s"), br#"{"ttl":5}"#).await {
                        Ok(()) | Err(StreamError::NoStream(_)) => {}
                        Err(other) => panic!("seed {seed}: {other}"),
                    },
                }
            });
        }
        requests.join_all().await;
        let next = bench.service();
        next.tidy().await.unwrap();
        assert_eq!(bench.keys("streams/removals").await, [""; 0], "seed {seed}");
        let listed = next.list(&namespace("default")).await.unwrap().len();
        match next.get(&name("s")).await {
            Ok(stream) => {
                assert_eq!(listed, 1);
                next.post(&stream, Default::default(), "x".into()).await.unwrap_or_else(|error| panic!("seed {seed}: no log: {error}"));
            }
            Err(_) => assert_eq!(listed, 0, "seed {seed}"),
        }
    }
}

#[tokio::test]
async fn no_stream_is_made_in_a_namespace_that_is_gone() {
    let (mut both, mut gone) = (0, 0);
    for seed in 0..SEEDS {
        let bench = Bench::new();
        let service = bench.disturbed(&Disturbance::lets_others_go_first(seed));
        service.create_namespace(&namespace("shop")).await.unwrap();
        let (stream, shop) = (named("shop", "s"), namespace("shop"));
        let (made, removed) = join(service.create(&stream, b""), service.delete_namespace(&shop)).await;
        let next = bench.service();
        let (there, has_namespace) = (next.get(&stream).await.is_ok(), next.expect_namespace(&namespace("shop")).await.is_ok());
        assert!(has_namespace || !there, "seed {seed}: a stream without its namespace");
        assert_eq!(made.is_ok(), there, "seed {seed}: {made:?}");
        assert_eq!(removed.is_ok(), !has_namespace, "seed {seed}: {removed:?}");
        both += u64::from(there);
        gone += u64::from(!has_namespace);
    }
    assert!(both > 0 && gone > 0, "{both} times there was a stream, {gone} times no namespace");
}

#[tokio::test]
async fn a_refused_removal_of_a_namespace_disturbs_nobody() {
    for seed in 0..SEEDS {
        let bench = Bench::new();
        let service = bench.disturbed(&Disturbance::lets_others_go_first(seed));
        service.create_namespace(&namespace("shop")).await.unwrap();
        service.create(&named("shop", "first"), b"").await.unwrap();
        let (stream, shop) = (named("shop", "s"), namespace("shop"));
        let (made, removed) = join(service.create(&stream, b""), service.delete_namespace(&shop)).await;
        assert!(matches!(removed, Err(StreamError::NotEmpty(_))), "seed {seed}: {removed:?}");
        assert!(made.is_ok(), "seed {seed}: {made:?}");
    }
}

#[tokio::test]
async fn events_that_meet_a_truncation_are_on_one_side_of_it() {
    for seed in 0..SEEDS {
        let bench = Bench::new();
        let service = bench.disturbed(&Disturbance::lets_others_go_first(seed));
        let stream = made(&service, "s", "").await;
        post(&service, &stream, "before").await;
        let writers = (0..4).map(|writer| {
            let (service, stream) = (service.clone(), Arc::clone(&stream));
            async move {
                for number in 0..5 {
                    post(&service, &stream, format!("{writer}:{number}")).await;
                }
            }
        });
        let (_, truncated) = join(join_all(writers), service.truncate(&stream.name)).await;
        truncated.unwrap();
        post(&service, &stream, "after").await;
        let bodies = bench.bodies(&stream).await;
        assert!(!bodies.contains(&"before".to_owned()) && bodies.last().is_some_and(|last| last == "after"), "seed {seed}: {bodies:?}");
        for writer in 0..4 {
            let own: Vec<&String> = bodies.iter().filter(|body| body.starts_with(&format!("{writer}:"))).collect();
            let wanted: Vec<String> = (5 - own.len()..5).map(|number| format!("{writer}:{number}")).collect();
            assert_eq!(own, wanted.iter().collect::<Vec<_>>(), "seed {seed}");
        }
    }
}
