//! What [`Documents`] promises.

use bytes::Bytes;
use futures::future::join_all;

use super::{done, refused};
use crate::limits;
use crate::ports::{Condition, Documents, DocumentsExt as _, Etag, Key, PortError};

/// Holds an adapter to the promises of [`Documents`].
///
/// # Panics
/// When a promise is broken.
pub async fn documents(store: &dyn Documents) {
    what_was_written_is_read(store).await;
    conditions_are_kept(store).await;
    removal_keeps_conditions(store).await;
    every_write_has_its_own_etag(store).await;
    one_of_many_writers_wins(store).await;
    no_increment_is_lost(store).await;
    listings_are_ordered_and_paged(store).await;
    listings_end_at_the_slash(store).await;
}

fn room(name: &str) -> Key {
    Key::root("contract").child(name).expect("names in this file are short")
}

fn key(room: &Key, name: &str) -> Key {
    room.child(name).expect("names in this file are short")
}

async fn put(store: &dyn Documents, key: &Key, body: &'static str) -> Etag {
    done("an unconditional put", store.put(key, Bytes::from_static(body.as_bytes()), Condition::Any).await)
}

async fn body(store: &dyn Documents, key: &Key) -> Option<Bytes> {
    done("a get", store.get(key).await).map(|document| document.body)
}

async fn what_was_written_is_read(store: &dyn Documents) {
    let room = room("reading");
    let longest = Key::root("contract").child(&"n".repeat(limits::KEY_BYTES - "contract/".len())).expect("just fits");
    for (key, bytes) in [
        (key(&room, "plain"), Bytes::from_static(b"{}")),
        (key(&room, "empty"), Bytes::new()),
        (key(&room, "any bytes"), (0..=255).collect()),
        (key(&room, "large"), Bytes::from(vec![7; 3 << 20])),
        (key(&room, "é/../☕"), Bytes::from_static(b"odd name")),
        (longest, Bytes::from_static(b"long name")),
    ] {
        assert_eq!(done("a get", store.get(&key).await), None, "{key} is there before it was written");
        let etag = done("a put", store.put(&key, bytes.clone(), Condition::Any).await);
        let document = done("a get", store.get(&key).await).unwrap_or_else(|| panic!("{key} is not there after it was written"));
        assert!(document.body == bytes, "{key} does not hold what was written");
        assert_eq!(document.etag, etag, "the etag of a get is not the one that the put answered");
        done("a delete", store.delete(&key, Condition::Any).await);
        assert_eq!(done("a get", store.get(&key).await), None, "{key} is still there after it was deleted");
    }
}

async fn conditions_are_kept(store: &dyn Documents) {
    let key = key(&room("conditions"), "a");
    let nowhere = Condition::Match(put(store, &key, "first").await);
    done("a delete", store.delete(&key, Condition::Any).await);
    refused("put under the etag of a document that is gone", store.put(&key, "x".into(), nowhere).await);
    assert_eq!(body(store, &key).await, None, "a refused put wrote");

    let first = done("put if absent", store.put(&key, "1".into(), Condition::Absent).await);
    refused("put if absent what is there", store.put(&key, "x".into(), Condition::Absent).await);
    let second = done("put under the etag", store.put(&key, "2".into(), Condition::Match(first.clone())).await);
    refused("put under a former etag", store.put(&key, "x".into(), Condition::Match(first)).await);
    refused("put under a foreign etag", store.put(&key, "x".into(), Condition::Match(Etag::new("no such etag"))).await);
    assert_eq!(body(store, &key).await.as_deref(), Some(&b"2"[..]), "a refused put wrote");
    done("put under the second etag", store.put(&key, "3".into(), Condition::Match(second)).await);
    assert_eq!(body(store, &key).await.as_deref(), Some(&b"3"[..]), "an accepted put did not write");
}

async fn removal_keeps_conditions(store: &dyn Documents) {
    let key = key(&room("removal"), "a");
    done("delete what is not there", store.delete(&key, Condition::Any).await);
    let former = put(store, &key, "1").await;
    let etag = put(store, &key, "2").await;
    refused("delete under a former etag", store.delete(&key, Condition::Match(former)).await);
    refused("delete if absent what is there", store.delete(&key, Condition::Absent).await);
    assert_eq!(body(store, &key).await.as_deref(), Some(&b"2"[..]), "a refused delete removed");
    done("delete under the etag", store.delete(&key, Condition::Match(etag.clone())).await);
    assert_eq!(body(store, &key).await, None, "an accepted delete did not remove");
    refused("delete under the etag of what is gone", store.delete(&key, Condition::Match(etag)).await);
    done("put if absent after a delete", store.put(&key, "3".into(), Condition::Absent).await);
}

async fn every_write_has_its_own_etag(store: &dyn Documents) {
    let room = room("etags");
    let mut etags = Vec::new();
    for name in ["a", "b"] {
        let key = key(&room, name);
        for _ in 0..3 {
            etags.push(put(store, &key, "same bytes").await);
        }
        done("a delete", store.delete(&key, Condition::Any).await);
        etags.push(put(store, &key, "same bytes").await);
    }
    for (i, one) in etags.iter().enumerate() {
        assert!(!etags[..i].contains(one), "two writes have the etag {one:?}");
    }
}

async fn one_of_many_writers_wins(store: &dyn Documents) {
    let key = key(&room("race"), "a");
    let mut condition = Condition::Absent;
    for round in 0..3 {
        let bodies: Vec<Bytes> = (0..16).map(|i| format!("{round}-{i}").into()).collect();
        let answers = join_all(bodies.iter().map(|body| store.put(&key, body.clone(), condition.clone()))).await;
        let mut winner = None;
        for (answer, body) in answers.into_iter().zip(&bodies) {
            match answer {
                Ok(etag) => assert!(winner.replace((etag, body)).is_none(), "two writers won under {condition:?}"),
                Err(PortError::Conflict { .. }) => {}
                Err(other) => panic!("a writer that lost met {other:?} instead of a conflict"),
            }
        }
        let (etag, body) = winner.unwrap_or_else(|| panic!("no writer won under {condition:?}"));
        let document = done("a get", store.get(&key).await).expect("one writer has won");
        assert_eq!((&document.body, &document.etag), (body, &etag), "the winner's document is not the one that is stored");
        condition = Condition::Match(etag);
    }
    let answers = join_all((0..16).map(|_| store.delete(&key, condition.clone()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "one deletion under an etag is done");
}

async fn no_increment_is_lost(store: &dyn Documents) {
    let key = key(&room("counter"), "a");
    done("a put", store.put_json(&key, &0, Condition::Absent).await);
    join_all((0..12).map(|_| async {
        loop {
            let (count, etag) = done("a get", store.get_json::<u32>(&key).await).expect("the counter is there");
            match store.put_json(&key, &(count + 1), Condition::Match(etag)).await {
                Err(lost) if lost.is_conflict() => {}
                other => break done("an increment", other),
            }
        }
    }))
    .await;
    assert_eq!(body(store, &key).await.as_deref(), Some(&b"12"[..]), "an increment was lost");
}

async fn listings_are_ordered_and_paged(store: &dyn Documents) {
    let room = room("paging");
    assert_eq!(done("list nothing", store.list(&room, None, 10).await), []);
    let mut expected = Vec::new();
    for name in ["c", "a", "b", "B", "a-b", "a0", "~", "a b", "10", "9"] {
        let key = key(&room, name);
        expected.push((key.clone(), put(store, &key, "x").await));
    }
    expected.sort_by(|(one, _), (other, _)| one.cmp(other));
    let all = |listed: Vec<crate::ports::Listed>| listed.into_iter().map(|line| (line.key, line.etag)).collect::<Vec<_>>();
    assert_eq!(all(done("list", store.list(&room, None, 100).await)), expected, "a listing is not all keys in order");
    assert_eq!(all(done("list", store.list(&room, None, 10).await)), expected, "a page that just fits is not whole");
    let mut pages = Vec::new();
    loop {
        let page = done("list a page", store.list(&room, pages.last().map(|(key, _)| key), 3).await);
        assert!(page.len() <= 3, "a page has more lines than asked for");
        if page.is_empty() {
            break;
        }
        pages.extend(all(page));
    }
    assert_eq!(pages, expected, "the pages together are not the listing");

    let gone = expected.remove(4);
    done("a delete", store.delete(&gone.0, Condition::Any).await);
    assert_eq!(all(done("list", store.list(&room, None, 100).await)), expected, "a deleted document is listed");
    let behind = all(done("list", store.list(&room, Some(&gone.0), 100).await));
    assert_eq!(behind, expected[4..], "a listing cannot go on behind a key that is gone");
}

async fn listings_end_at_the_slash(store: &dyn Documents) {
    let room = room("slash");
    let (a, abc) = (key(&room, "a"), key(&room, "abc"));
    let inside = [key(&a, "1"), key(&key(&a, "2"), "deep"), key(&a, "3")];
    let outside = [a.clone(), abc.clone(), key(&abc, "1"), key(&room, "a-"), key(&room, "a0")];
    for key in inside.iter().chain(&outside) {
        put(store, key, "x").await;
    }
    let listed: Vec<Key> = done("list", store.list(&a, None, 100).await).into_iter().map(|line| line.key).collect();
    assert_eq!(listed, inside, "a listing below {a} holds something else than what is below {a}/");
    let listed = done("list behind a key before the prefix", store.list(&abc, Some(&a), 100).await);
    assert_eq!(listed.len(), 1, "`after` before the prefix changes what is listed");
    let listed = done("list behind a key beyond the prefix", store.list(&a, Some(&abc), 100).await);
    assert_eq!(listed, [], "`after` beyond the prefix leaves nothing to list");
}
