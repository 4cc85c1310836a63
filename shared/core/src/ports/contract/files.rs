//! What [`Files`] promises.

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;

use super::{done, refused};
use crate::ids::FileName;
use crate::ports::{FileWriter, Files, Owner, PortError};

/// Holds an adapter to the promises of [`Files`].
///
/// # Panics
/// When a promise is broken.
pub async fn files(store: &dyn Files) {
    what_was_appended_is_read(store).await;
    an_append_cuts_off_what_lies_beyond(store).await;
    a_newer_writer_supersedes(store).await;
    a_newer_owner_supersedes(store).await;
    bytes_are_read_while_others_are_written(store).await;
    what_is_not_there_is_said_so(store).await;
    the_etag_follows_the_bytes(store).await;
    names_are_listed_in_order(store).await;
    a_deleted_file_stays_away(store).await;
    a_finished_file_can_go_on(store).await;
}

fn name(text: &str) -> FileName {
    FileName::try_from(text).expect("names in this file are valid")
}

fn owner(text: &str) -> Owner {
    Owner(text.to_owned())
}

async fn made(store: &dyn Files, name: &FileName, owner: &Owner) -> Box<dyn FileWriter> {
    done("create", store.create(name, owner).await);
    done("append at the start", store.append_at(name, owner, 0).await)
}

async fn write(writer: &mut Box<dyn FileWriter>, text: &'static str) {
    done("write", writer.write(Bytes::from_static(text.as_bytes())).await);
}

/// Writes, so that it can be read.
async fn add(writer: &mut Box<dyn FileWriter>, text: &'static str) {
    write(writer, text).await;
    done("sync", writer.sync().await);
}

async fn try_all(store: &dyn Files, name: &FileName, range: std::ops::Range<u64>) -> Result<Bytes, PortError> {
    let mut stream = store.read(name, range).await?;
    let mut bytes = BytesMut::new();
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        assert!(piece.len() <= 4 << 20, "a piece of {} bytes is not of bounded size", piece.len());
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

async fn content(store: &dyn Files, name: &FileName) -> Bytes {
    let info = done("info", store.info(name).await).unwrap_or_else(|| panic!("{name} is not there"));
    let bytes = done("read", try_all(store, name, 0..info.length).await);
    assert_eq!(bytes.len() as u64, info.length, "{name} has another length than its info says");
    bytes
}

/// A writer that lost its file must fail when it writes or, at the latest, when it makes that durable.
async fn is_superseded(what: &str, writer: &mut Box<dyn FileWriter>) {
    let outcome = match writer.write(Bytes::from_static(b"late")).await {
        Ok(()) => writer.sync().await.map(drop),
        Err(error) => Err(error),
    };
    match outcome {
        Err(PortError::Conflict { .. } | PortError::NotFound { .. }) => {}
        other => panic!("{what}: expected a conflict, met {other:?}"),
    }
}

async fn what_was_appended_is_read(store: &dyn Files) {
    let (name, owner) = (name("contract-append.json"), owner("one"));
    let mut writer = made(store, &name, &owner).await;
    assert_eq!(content(store, &name).await, "", "a file that was made anew is not empty");
    assert_eq!(done("sync", writer.sync().await), 0);
    add(&mut writer, "first\n").await;
    add(&mut writer, "").await;
    add(&mut writer, "second\n").await;
    assert_eq!(content(store, &name).await, "first\nsecond\n", "bytes cannot be read once they are synced");
    assert_eq!(done("sync", writer.sync().await), 13, "sync answers another length than was written");
    for (range, part) in [(0..13, "first\nsecond\n"), (0..5, "first"), (6..12, "second"), (12..13, "\n"), (4..4, ""), (13..13, "")] {
        assert_eq!(done("read", try_all(store, &name, range.clone()).await), part, "the range {range:?} holds other bytes");
    }
    assert!(try_all(store, &name, 5..14).await.is_err(), "a range beyond the end was read without an error");

    let large = Bytes::from((0..3_000_000_u32).map(|i| (i % 251) as u8).collect::<Vec<_>>());
    done("a large write", writer.write(large.clone()).await);
    assert_eq!(done("sync", writer.sync().await), 13 + 3_000_000);
    assert!(done("read", try_all(store, &name, 13..3_000_013).await) == large, "a large write is read back otherwise");
    let middle = done("read", try_all(store, &name, 1_000_013..2_000_014).await);
    assert!(middle == large.slice(1_000_000..2_000_001), "a range within a large write is read back otherwise");
}

async fn an_append_cuts_off_what_lies_beyond(store: &dyn Files) {
    let (name, owner) = (name("contract-cut.json"), owner("one"));
    let mut writer = made(store, &name, &owner).await;
    add(&mut writer, "kept,lost").await;
    drop(writer);
    let mut writer = done("append at an offset", store.append_at(&name, &owner, 5).await);
    assert_eq!(content(store, &name).await, "kept,", "what lay beyond the offset was not cut off");
    add(&mut writer, "again").await;
    assert_eq!(done("sync", writer.sync().await), 10);
    drop(writer);
    let mut writer = done("append at the end", store.append_at(&name, &owner, 10).await);
    add(&mut writer, "!").await;
    assert_eq!(content(store, &name).await, "kept,again!");
    match store.append_at(&name, &owner, 12).await {
        Err(PortError::Corrupt { .. }) => {}
        other => panic!("appending beyond the end: expected the file to be called damaged, met {other:?}"),
    }
    assert_eq!(content(store, &name).await, "kept,again!", "a refused append changed the file");
}

async fn a_newer_writer_supersedes(store: &dyn Files) {
    let (name, owner) = (name("contract-writers.json"), owner("one"));
    let mut former = made(store, &name, &owner).await;
    add(&mut former, "a").await;
    let mut newer = done("append", store.append_at(&name, &owner, 1).await);
    is_superseded("a writer opened before another one", &mut former).await;
    add(&mut newer, "b").await;
    is_superseded("a writer opened before another one", &mut former).await;
    add(&mut newer, "c").await;
    assert_eq!(done("sync", newer.sync().await), 3);
    assert_eq!(content(store, &name).await, "abc", "a superseded writer has written");

    let mut anew = made(store, &name, &owner).await;
    is_superseded("a writer of a file that was made anew", &mut newer).await;
    add(&mut anew, "z").await;
    assert_eq!(content(store, &name).await, "z", "a superseded writer has written");
}

async fn a_newer_owner_supersedes(store: &dyn Files) {
    let (name, one, two) = (name("contract-owners.json"), owner("one"), owner("two"));
    let mut former = made(store, &name, &one).await;
    add(&mut former, "of one").await;
    refused("an append by somebody who never made the file", store.append_at(&name, &two, 0).await);
    assert_eq!(content(store, &name).await, "of one", "a refused append changed the file");
    done("create by another owner", store.create(&name, &two).await);
    is_superseded("a writer of the former owner", &mut former).await;
    refused("an append by the former owner", store.append_at(&name, &one, 0).await);
    let mut newer = done("append by the new owner", store.append_at(&name, &two, 0).await);
    add(&mut newer, "of two").await;
    is_superseded("a writer of the former owner", &mut former).await;
    assert_eq!(content(store, &name).await, "of two", "the former owner has written");
}

async fn bytes_are_read_while_others_are_written(store: &dyn Files) {
    let (name, owner) = (name("contract-reading.json"), owner("one"));
    let mut writer = made(store, &name, &owner).await;
    let piece = Bytes::from(vec![b'x'; 1 << 20]);
    for _ in 0..3 {
        done("write", writer.write(piece.clone()).await);
    }
    done("sync", writer.sync().await);
    let mut stream = done("read", store.read(&name, 0..3 << 20).await);
    let first = done("a piece", stream.next().await.expect("the range is not empty"));
    add(&mut writer, "more").await;
    let mut length = first.len();
    while let Some(piece) = stream.next().await {
        length += done("a piece", piece).len();
    }
    assert_eq!(length, 3 << 20, "a range that was being read changed its length with a later write");
}

async fn what_is_not_there_is_said_so(store: &dyn Files) {
    let name = name("contract-nowhere/at-all.json");
    assert_eq!(done("info of nothing", store.info(&name).await), None);
    match store.append_at(&name, &owner("one"), 0).await {
        Err(PortError::NotFound { .. }) => {}
        other => panic!("appending to nothing: expected it not to be found, met {other:?}"),
    }
    match try_all(store, &name, 0..0).await {
        Err(PortError::NotFound { .. }) => {}
        other => panic!("reading nothing: expected it not to be found, met {other:?}"),
    }
    done("delete nothing", store.delete(&name).await);
}

async fn the_etag_follows_the_bytes(store: &dyn Files) {
    let (name, owner) = (name("contract-etag.json"), owner("one"));
    let mut etags: Vec<String> = Vec::new();
    let mut writer = made(store, &name, &owner).await;
    for round in 0..6 {
        add(&mut writer, if round == 4 { "abXd" } else { "abcd" }).await;
        done("sync", writer.sync().await);
        let info = done("info", store.info(&name).await).expect("the file is there");
        let again = done("info", store.info(&name).await).expect("the file is there");
        assert_eq!(info, again, "what is known of a file changes without a write");
        assert!(!info.etag.is_empty() && info.etag.bytes().all(|b| b.is_ascii_graphic() && b != b'"'), "{:?} is no etag", info.etag);
        assert!(!etags.contains(&info.etag), "the etag stayed the same although the bytes may have changed");
        etags.push(info.etag);
        match round {
            1 | 4 => writer = made(store, &name, &owner).await,
            2 | 3 => writer = done("append", store.append_at(&name, &owner, 0).await),
            _ => {}
        }
    }
}

async fn names_are_listed_in_order(store: &dyn Files) {
    let texts = [
        "contract-list/b.json",
        "contract-list/a/z",
        "contract-list/a.json",
        "contract-list/a/b/c",
        "contract-list/é ☕",
        "contract-list/.a",
    ];
    let mut names: Vec<FileName> = texts.into_iter().map(name).collect();
    for name in &names {
        let mut writer = made(store, name, &owner("one")).await;
        add(&mut writer, "x").await;
    }
    names.sort();
    let ours = |listed: Vec<FileName>| listed.into_iter().filter(|name| name.as_str().starts_with("contract-list/")).collect::<Vec<_>>();
    let listed = done("list", store.list().await);
    assert!(listed.is_sorted(), "a listing is not sorted");
    assert_eq!(ours(listed), names, "a listing is not all files");
    let gone = names.remove(2);
    done("delete", store.delete(&gone).await);
    assert_eq!(ours(done("list", store.list().await)), names, "a deleted file is listed");
}

async fn a_deleted_file_stays_away(store: &dyn Files) {
    let (name, owner) = (name("contract-deleted.json"), owner("one"));
    let mut writer = made(store, &name, &owner).await;
    add(&mut writer, "x").await;
    done("delete", store.delete(&name).await);
    assert_eq!(done("info", store.info(&name).await), None, "a deleted file is still there");
    is_superseded("a writer of a deleted file", &mut writer).await;
    assert_eq!(done("info", store.info(&name).await), None, "a writer brought a deleted file back");
    let mut writer = made(store, &name, &Owner("two".to_owned())).await;
    add(&mut writer, "y").await;
    assert_eq!(content(store, &name).await, "y");
}

async fn a_finished_file_can_go_on(store: &dyn Files) {
    let (name, owner) = (name("contract-finished.json"), owner("one"));
    let mut writer = made(store, &name, &owner).await;
    assert_eq!(done("finish an empty file", writer.finish().await), 0);
    add(&mut writer, "one,").await;
    write(&mut writer, "two,").await;
    assert_eq!(done("finish", writer.finish().await), 8, "finish answers another length than was written");
    assert_eq!(content(store, &name).await, "one,two,");
    add(&mut writer, "three").await;
    assert_eq!(content(store, &name).await, "one,two,three");
    // A step that was repeated after the file was finished.
    let mut writer = done("append at an offset", store.append_at(&name, &owner, 4).await);
    write(&mut writer, "2").await;
    assert_eq!(done("finish", writer.finish().await), 5);
    assert_eq!(content(store, &name).await, "one,2");
}
