//! What [`Chunks`] promises.

use bytes::Bytes;
use futures::future::join_all;

use super::done;
use crate::limits;
use crate::ports::{Chunks, Key, ListedChunk, PortError};

/// Holds an adapter to the promises of [`Chunks`].
///
/// # Panics
/// When a promise is broken.
pub async fn chunks(store: &dyn Chunks) {
    what_was_written_is_read(store).await;
    ranges_are_read(store).await;
    what_is_not_there_is_said_so(store).await;
    many_are_written_at_once(store).await;
    a_deleted_chunk_stays_away(store).await;
    listings_are_ordered_and_paged(store).await;
    listings_end_at_the_slash(store).await;
}

fn room(name: &str) -> Key {
    key(&Key::root("contract"), name)
}

fn key(room: &Key, name: &str) -> Key {
    room.child(name).expect("names in this file are short")
}

/// Bytes of which no two stretches that a test compares are the same.
fn pattern(length: usize, seed: usize) -> Bytes {
    (0..length).map(|i| ((i * 31 + i / 251 + seed) % 253) as u8).collect()
}

async fn put(store: &dyn Chunks, key: &Key, bytes: Bytes) {
    done("a put", store.put(vec![(key.clone(), bytes)]).await);
}

async fn whole(store: &dyn Chunks, key: &Key, length: usize) -> Bytes {
    done("a read", store.read(key, 0..length as u64).await)
}

#[track_caller]
fn is_missing<T: std::fmt::Debug>(what: &str, answer: Result<T, PortError>) {
    match answer {
        Err(PortError::NotFound { .. }) => {}
        other => panic!("{what}: expected it not to be found, met {other:?}"),
    }
}

async fn keys(store: &dyn Chunks, prefix: &Key, after: Option<&Key>, limit: usize) -> Vec<Key> {
    done("a listing", store.list(prefix, after, limit).await).into_iter().map(|line| line.key).collect()
}

async fn what_was_written_is_read(store: &dyn Chunks) {
    let room = room("reading");
    done("a put of nothing", store.put(Vec::new()).await);
    for (key, bytes) in [
        (key(&room, "plain"), Bytes::from_static(b"bytes")),
        (key(&room, "empty"), Bytes::new()),
        (key(&room, "any bytes"), (0..=255).collect()),
        (key(&room, "20 MB"), pattern(20_000_000, 1)),
        (key(&room, "é/../☕"), Bytes::from_static(b"odd name")),
        (key(&room, &"n".repeat(200)), Bytes::from_static(b"long name")),
        (key(&room, &"n".repeat(limits::KEY_BYTES - room.as_str().len() - 1)), Bytes::from_static(b"longest name")),
    ] {
        is_missing("a chunk that was not written", store.read(&key, 0..0).await);
        put(store, &key, bytes.clone()).await;
        assert!(whole(store, &key, bytes.len()).await == bytes, "{key} does not hold what was written");
    }
}

async fn ranges_are_read(store: &dyn Chunks) {
    let room = room("ranges");
    let (small, large, empty) = (key(&room, "small"), key(&room, "large"), key(&room, "empty"));
    let bytes = pattern(3_000_000, 2);
    done(
        "a put",
        store
            .put(vec![(small.clone(), Bytes::from_static(b"0123456789")), (large.clone(), bytes.clone()), (empty.clone(), Bytes::new())])
            .await,
    );
    for (range, part) in [(0..10, "0123456789"), (0..1, "0"), (9..10, "9"), (3..6, "345"), (0..0, ""), (4..4, ""), (10..10, "")] {
        assert_eq!(done("a read", store.read(&small, range.clone()).await), part, "the range {range:?} holds other bytes");
    }
    let middle = done("a read", store.read(&large, 1_000_000..2_000_001).await);
    assert!(middle == bytes.slice(1_000_000..2_000_001), "a range within a large chunk holds other bytes");
    for (key, range) in
        [(&small, 0..11), (&small, 9..11), (&small, 10..11), (&small, 11..12), (&small, 11..11), (&large, 0..3_000_001), (&empty, 0..1)]
    {
        match store.read(key, range.clone()).await {
            Err(PortError::Corrupt { .. }) => {}
            other => panic!("{range:?} of {key}, which is shorter: expected it to be called damaged, met {other:?}"),
        }
    }
    let reads = join_all((0..20_u64).map(|i| store.read(&large, i * 1000..i * 1000 + 500))).await;
    for (i, read) in reads.into_iter().enumerate() {
        assert!(done("one of many reads", read) == bytes.slice(i * 1000..i * 1000 + 500), "reads at the same time mix bytes up");
    }
}

async fn what_is_not_there_is_said_so(store: &dyn Chunks) {
    let room = room("nowhere");
    let (there, nowhere) = (key(&room, "there"), key(&key(&room, "at"), "all"));
    for range in [0..0, 0..1, 5..10] {
        is_missing("reading nothing", store.read(&nowhere, range).await);
    }
    done("delete nothing", store.delete(&nowhere).await);
    assert_eq!(keys(store, &room, None, 10).await, [], "a listing of nothing holds something");
    put(store, &there, Bytes::from_static(b"x")).await;
    for nothing in [room.clone(), key(&there, "below"), key(&key(&there, "far"), "below"), key(&room, "ther")] {
        is_missing("reading beside a chunk", store.read(&nothing, 0..1).await);
        done("delete beside a chunk", store.delete(&nothing).await);
    }
    assert_eq!(keys(store, &room, None, 10).await, [there], "deleting what is not there removed something else");
}

async fn many_are_written_at_once(store: &dyn Chunks) {
    let room = room("many");
    let of = |table: &str, i: usize| (key(&key(&room, table), &format!("{i:04}")), pattern(1000 + i * 7, i));
    let written: Vec<(Key, Bytes)> = ["a", "b"].into_iter().flat_map(|table| (0..40).map(move |i| of(table, i))).collect();
    done("a put of many", store.put(written.clone()).await);
    // Several writers, each with some, at the same time and in the same rooms.
    let more: Vec<Vec<(Key, Bytes)>> = (0..6).map(|w| (0..5).map(|i| of(["a", "b", "c"][i % 3], 100 + w * 10 + i)).collect()).collect();
    for answer in join_all(more.iter().map(|chunks| store.put(chunks.clone()))).await {
        done("one of many puts", answer);
    }
    for (key, bytes) in written.iter().chain(more.iter().flatten()) {
        assert!(whole(store, key, bytes.len()).await == *bytes, "{key} does not hold what was written");
    }
    let mut all: Vec<Key> = written.into_iter().chain(more.into_iter().flatten()).map(|(key, _)| key).collect();
    all.sort();
    assert_eq!(keys(store, &room, None, 1000).await, all, "a listing is not all that was written");
}

async fn a_deleted_chunk_stays_away(store: &dyn Chunks) {
    let room = room("deleted");
    let (gone, stays) = (key(&key(&room, "t"), "1"), key(&key(&room, "t"), "2"));
    done("a put", store.put(vec![(gone.clone(), pattern(10, 3)), (stays.clone(), pattern(10, 4))]).await);
    done("a delete", store.delete(&gone).await);
    is_missing("a deleted chunk", store.read(&gone, 0..10).await);
    assert_eq!(keys(store, &room, None, 10).await, std::slice::from_ref(&stays), "a deleted chunk is listed, or another one is not");
    assert!(whole(store, &stays, 10).await == pattern(10, 4), "deleting a chunk changed another");
    done("a delete again", store.delete(&gone).await);
    done("a delete of the last", store.delete(&stays).await);
    assert_eq!(keys(store, &room, None, 10).await, [], "a deleted chunk is listed");
    // Its room can be used again, also while others leave it.
    for round in 0..10 {
        let (one, other) = (key(&key(&room, "t"), &format!("{round}a")), key(&key(&room, "t"), &format!("{round}b")));
        put(store, &one, pattern(10, round)).await;
        let (removed, written) = futures::join!(store.delete(&one), store.put(vec![(other.clone(), pattern(10, round + 1))]));
        done("a delete beside a put", removed);
        done("a put beside a delete", written);
        assert!(whole(store, &other, 10).await == pattern(10, round + 1), "a delete took what was written at the same time");
        done("a delete", store.delete(&other).await);
    }
}

async fn listings_are_ordered_and_paged(store: &dyn Chunks) {
    let room = room("paging");
    let names = ["c", "a", "b", "B", "a-b", "a0", "~", "a b", "10", "9"];
    let mut expected: Vec<Key> = names.into_iter().map(|name| key(&room, name)).collect();
    let long = ["n".repeat(200), "n".repeat(201), format!("{}-", "n".repeat(200)), "n".repeat(401)];
    expected.extend(long.iter().flat_map(|name| [key(&room, name), key(&key(&room, name), &"m".repeat(300))]));
    expected.extend(["a", "a0", "B"].into_iter().flat_map(|name| ["1", "2", "~"].map(|deep| key(&key(&room, name), deep))));
    done("a put", store.put(expected.iter().map(|key| (key.clone(), Bytes::from_static(b"x"))).collect()).await);
    expected.sort();
    let listed = done("a listing", store.list(&room, None, 100).await);
    let early: Vec<&ListedChunk> = listed.iter().filter(|line| line.written.as_millis() < 1_600_000_000_000).collect();
    assert!(early.is_empty(), "chunks that were written just now are said to be older than this program: {early:?}");
    assert_eq!(listed.into_iter().map(|line| line.key).collect::<Vec<_>>(), expected, "a listing is not all keys in order");
    assert_eq!(keys(store, &room, None, expected.len()).await, expected, "a page that just fits is not whole");
    assert_eq!(keys(store, &room, None, 0).await, [], "a page of nothing holds something");
    for limit in [1, 3, 7] {
        let mut pages: Vec<Key> = Vec::new();
        loop {
            let page = keys(store, &room, pages.last(), limit).await;
            assert!(page.len() <= limit, "a page has more lines than asked for");
            if page.is_empty() {
                break;
            }
            pages.extend(page);
        }
        assert_eq!(pages, expected, "the pages of {limit} together are not the listing");
    }
    let gone = expected.remove(4);
    done("a delete", store.delete(&gone).await);
    assert_eq!(keys(store, &room, Some(&gone), 100).await, expected[4..], "a listing cannot go on behind a key that is gone");
}

async fn listings_end_at_the_slash(store: &dyn Chunks) {
    let room = room("slash");
    let (a, abc) = (key(&room, "a"), key(&room, "abc"));
    let inside = [key(&a, "1"), key(&key(&a, "2"), "deep"), key(&a, "3")];
    let outside = [a.clone(), abc.clone(), key(&abc, "1"), key(&room, "a-"), key(&room, "a0")];
    done("a put", store.put(inside.iter().chain(&outside).map(|key| (key.clone(), Bytes::from_static(b"x"))).collect()).await);
    assert_eq!(keys(store, &a, None, 100).await, inside, "a listing below {a} holds something else than what is below {a}/");
    assert_eq!(keys(store, &abc, Some(&a), 100).await.len(), 1, "`after` before the prefix changes what is listed");
    assert_eq!(keys(store, &a, Some(&abc), 100).await, [], "`after` beyond the prefix leaves nothing to list");
    assert_eq!(keys(store, &a, Some(&key(&a, "2")), 100).await, inside[1..], "`after` which is a room leaves out what is in it");
}
