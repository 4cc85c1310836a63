use std::fs;

use bytes::Bytes;
use futures::TryStreamExt as _;
use headwater_core::ports::contract;

use super::*;

fn name(text: &str) -> FileName {
    FileName::try_from(text).unwrap()
}

fn owner(text: &str) -> Owner {
    Owner(text.to_owned())
}

#[tokio::test]
async fn a_folder_meets_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    contract::files(&Folder::open(dir.path()).unwrap()).await;
}

#[tokio::test]
async fn a_reopened_folder_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/folder");
    let a = name("sub/a.json");
    {
        let folder = Folder::open(&path).unwrap();
        folder.create(&a, &owner("one")).await.unwrap();
        let mut writer = folder.append_at(&a, &owner("one"), 0).await.unwrap();
        writer.write(Bytes::from_static(b"committed")).await.unwrap();
        assert_eq!(writer.sync().await.unwrap(), 9);
        writer.write(Bytes::from_static(b", not committed")).await.unwrap();
    }
    let folder = Folder::open(&path).unwrap();
    assert_eq!(folder.list().await.unwrap(), std::slice::from_ref(&a));
    let mut writer = folder.append_at(&a, &owner("one"), 9).await.unwrap();
    assert!(folder.append_at(&a, &owner("two"), 9).await.unwrap_err().is_conflict(), "the first to append owns the file");
    writer.write(Bytes::from_static(b"!")).await.unwrap();
    assert_eq!(fs::read(path.join("sub/a.json")).unwrap(), b"committed!");
}

#[tokio::test]
async fn a_read_of_a_file_that_is_made_anew_ends_with_the_former_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    let a = name("a.json");
    fs::write(dir.path().join("a.json"), vec![b'x'; 1 << 20]).unwrap();
    let stream = folder.read(&a, 0..1 << 20).await.unwrap();
    folder.create(&a, &owner("one")).await.unwrap();
    let read: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert_eq!(read.concat(), vec![b'x'; 1 << 20]);
    assert_eq!(folder.info(&a).await.unwrap().unwrap().length, 0);
}

#[tokio::test]
async fn a_read_of_a_file_that_is_cut_meanwhile_fails() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    fs::write(dir.path().join("a.json"), vec![b'x'; 1 << 20]).unwrap();
    let stream = folder.read(&name("a.json"), 0..1 << 20).await.unwrap();
    folder.append_at(&name("a.json"), &owner("one"), 10).await.unwrap();
    assert!(stream.try_collect::<Vec<Bytes>>().await.is_err(), "a short answer must not look whole");
}

#[cfg(unix)]
#[tokio::test]
async fn symbolic_links_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    let folder = Folder::open(dir.path().join("files")).unwrap();
    symlink(outside.join("secret"), dir.path().join("files/link")).unwrap();
    symlink(&outside, dir.path().join("files/sub")).unwrap();

    assert_eq!(folder.list().await.unwrap(), []);
    for text in ["link", "sub/secret"] {
        let name = name(text);
        assert_eq!(folder.info(&name).await.unwrap(), None);
        assert!(matches!(folder.read(&name, 0..1).await.err(), Some(PortError::NotFound { .. })));
        assert!(matches!(folder.append_at(&name, &owner("one"), 0).await, Err(PortError::NotFound { .. })));
        folder.delete(&name).await.unwrap();
    }
    assert!(folder.create(&name("sub/secret"), &owner("one")).await.is_err());
    folder.create(&name("link"), &owner("one")).await.unwrap();
    let mut writer = folder.append_at(&name("link"), &owner("one"), 0).await.unwrap();
    writer.write(Bytes::from_static(b"mine")).await.unwrap();
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "secret");
    assert_eq!(fs::read_to_string(dir.path().join("files/link")).unwrap(), "mine");
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_not_listed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    fs::write(dir.path().join("good"), "").unwrap();
    #[cfg(unix)]
    fs::write(dir.path().join("bad\\name"), "").unwrap();
    assert_eq!(folder.list().await.unwrap(), [name("good")]);
    assert_eq!(folder.info(&name("empty")).await.unwrap(), None, "a folder is not a file");
}
