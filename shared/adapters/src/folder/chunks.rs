use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use headwater_core::ports::{Chunks, Key, ListedChunk, PortError, Timestamp};

use super::disk::has_room;
use crate::blocking::{blocking, disk_error, held, sync_folder};

/// What the name of a chunk's file has behind the last segment of its key. No segment holds a `+`, so a chunk `a` and a folder for
/// what is below `a/` lie side by side.
const CHUNK: &str = "+chunk";

/// What ends the name of a folder that holds only the beginning of a segment, because file systems take no longer names.
const GOES_ON: &str = "+";

/// Bytes of a segment that one name holds.
const PIECE: usize = 200;

/// The folder of files that are being written. No segment has this name.
const UNFINISHED: &str = "+new";

/// Chunks as files below a folder of the local disk: `a/b/c` is the file `c+chunk` in the folder `a/b`. A segment of more than 200
/// bytes goes on in a folder below one that is named after its first 200 bytes and a `+`.
///
/// A file is written elsewhere under a number, made durable, and only then moved to its place; what a process leaves unfinished
/// that dies is removed when the folder is opened again. No two processes may have it open.
#[derive(Debug)]
pub struct ChunkFolder {
    place: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    root: PathBuf,
    unfinished: PathBuf,
    /// Numbers the unfinished files of this process.
    written: AtomicU64,
    /// Folders that are known to be there after a crash. Whoever makes or removes a folder holds this meanwhile.
    durable: Mutex<BTreeSet<PathBuf>>,
}

impl ChunkFolder {
    /// The folder at `path`, made if it is not there.
    ///
    /// # Errors
    /// When it can be neither found nor made, or not cleaned.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let unfinished = path.as_ref().join(UNFINISHED);
        fs::create_dir_all(&unfinished)?;
        for entry in fs::read_dir(&unfinished)? {
            fs::remove_file(entry?.path())?;
        }
        let root = path.as_ref().canonicalize()?;
        sync_folder(&root)?;
        root.parent().map_or(Ok(()), sync_folder)?;
        let durable = Mutex::new(BTreeSet::from([root.clone()]));
        Ok(Self { place: Arc::new(Place { unfinished: root.join(UNFINISHED), root, written: AtomicU64::new(0), durable }) })
    }

    async fn with_place<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Place) -> Result<T, PortError> + Send + 'static,
    ) -> Result<T, PortError> {
        let place = Arc::clone(&self.place);
        blocking(doing, move || work(&place)).await
    }
}

#[async_trait]
impl Chunks for ChunkFolder {
    async fn put(&self, chunks: Vec<(Key, Bytes)>) -> Result<(), PortError> {
        self.with_place("writing chunks", move |place| place.put(&chunks)).await
    }

    async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, PortError> {
        let key = key.clone();
        self.with_place("reading a chunk", move |place| place.read(&key, &range)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), PortError> {
        let key = key.clone();
        self.with_place("removing a chunk", move |place| place.delete(&key)).await
    }

    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<ListedChunk>, PortError> {
        let (prefix, after) = (prefix.clone(), after.map_or(String::new(), |after| after.as_str().to_owned()));
        self.with_place("listing chunks", move |place| {
            let mut listing = Listing { after, limit, found: Vec::new() };
            let failed = |error| disk_error("listing chunks", &prefix, error);
            listing.walk(&place.root.join(relative(&prefix)), &format!("{prefix}/")).map_err(failed)?;
            Ok(listing.found)
        })
        .await
    }
}

/// A key as a path, without what ends it.
fn relative(key: &Key) -> String {
    let mut path = String::with_capacity(key.as_str().len() + CHUNK.len());
    for (number, segment) in key.as_str().split('/').enumerate() {
        path.push_str(if number == 0 { "" } else { "/" });
        let mut rest = segment;
        while let Some((piece, more)) = rest.split_at_checked(PIECE).filter(|(_, more)| !more.is_empty()) {
            path.push_str(piece);
            path.push_str(GOES_ON);
            path.push('/');
            rest = more;
        }
        path.push_str(rest);
    }
    path
}

/// Everything here blocks.
impl Place {
    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(relative(key) + CHUNK)
    }

    fn put(&self, chunks: &[(Key, Bytes)]) -> Result<(), PortError> {
        let Some((first, _)) = chunks.first() else { return Ok(()) };
        if !has_room(&self.root, chunks.iter().map(|(_, bytes)| bytes.len() as u64).sum()) {
            return Err(PortError::Full { what: first.to_string() });
        }
        let mut unfinished = Vec::with_capacity(chunks.len());
        let written = self.write(chunks, &mut unfinished);
        if written.is_err() {
            // Those that are in their place already are not found here any more.
            unfinished.iter().for_each(|path| drop(fs::remove_file(path)));
        }
        written
    }

    fn write(&self, chunks: &[(Key, Bytes)], unfinished: &mut Vec<PathBuf>) -> Result<(), PortError> {
        for (key, bytes) in chunks {
            let failed = |error| disk_error("writing a chunk", key, error);
            let path = self.unfinished.join(self.written.fetch_add(1, Ordering::Relaxed).to_string());
            let mut file = File::create(&path).map_err(failed)?;
            unfinished.push(path);
            file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
        }
        let mut folders = BTreeSet::new();
        for ((key, _), from) in chunks.iter().zip(unfinished) {
            let failed = |error| disk_error("writing a chunk", key, error);
            let to = self.path(key);
            let folder = to.parent().unwrap_or(&self.root);
            self.move_into(folder, from, &to).map_err(failed)?;
            folders.insert(folder.to_owned());
        }
        folders.iter().try_for_each(|folder| sync_folder(folder)).map_err(|error| disk_error("writing chunks", &chunks[0].0, error))
    }

    /// Moves a file into a folder, which is made durable if it is a new one. The file itself is in it durably once the caller has
    /// synced the folder.
    fn move_into(&self, folder: &Path, from: &Path, to: &Path) -> io::Result<()> {
        let mut durable = held(&self.durable);
        let new: Vec<&Path> = folder.ancestors().take_while(|folder| !durable.contains(*folder)).collect();
        fs::create_dir_all(folder)?;
        for folder in new.into_iter().rev() {
            folder.parent().map_or(Ok(()), sync_folder)?;
            durable.insert(folder.to_owned());
        }
        fs::rename(from, to)
    }

    fn read(&self, key: &Key, range: &Range<u64>) -> Result<Bytes, PortError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => PortError::NotFound { what: key.to_string() },
            io::ErrorKind::UnexpectedEof => PortError::too_short(key),
            _ => disk_error("reading a chunk", key, error),
        };
        let mut file = File::open(self.path(key)).map_err(failed)?;
        if range.start > range.end || file.metadata().map_err(failed)?.len() < range.end {
            return Err(PortError::too_short(key));
        }
        let length = usize::try_from(range.end - range.start).map_err(|_| PortError::too_short(key))?;
        let mut bytes = vec![0; length];
        file.seek(SeekFrom::Start(range.start)).and_then(|_| file.read_exact(&mut bytes)).map_err(failed)?;
        Ok(bytes.into())
    }

    /// Removes a chunk, and the folders that it leaves empty.
    fn delete(&self, key: &Key) -> Result<(), PortError> {
        let path = self.path(key);
        let removed = unless_missing(fs::remove_file(&path)).map_err(|error| disk_error("removing a chunk", key, error))?;
        if removed.is_none() {
            return Ok(());
        }
        let mut durable = held(&self.durable);
        let folders = path.ancestors().skip(1).take_while(|folder| *folder != self.root);
        for folder in folders {
            // One that is not empty stays, and those above it.
            if fs::remove_dir(folder).is_err() {
                break;
            }
            durable.remove(folder);
        }
        Ok(())
    }
}

/// A walk through folders in the order of keys.
struct Listing {
    after: String,
    limit: usize,
    found: Vec<ListedChunk>,
}

impl Listing {
    /// Lists what is in this folder and below, whose keys begin with `prefix`. Anything may be removed meanwhile.
    fn walk(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        let is_before = self.after.as_str() > prefix && !self.after.starts_with(prefix);
        if is_before || self.found.len() >= self.limit {
            return Ok(());
        }
        let mut entries = BTreeMap::new();
        collect(folder, prefix, &mut entries)?;
        for (key, path) in entries {
            if self.found.len() >= self.limit {
                break;
            }
            if key.ends_with('/') {
                self.walk(&path, &key)?;
            } else if key > self.after
                && let Some(metadata) = unless_missing(fs::symlink_metadata(path))?
            {
                let since = metadata.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let written = Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
                self.found.push(ListedChunk { key: Key::from_stored(key), written });
            }
        }
        Ok(())
    }
}

/// What a folder holds: keys of chunks, and beginnings of keys, which end in a slash. Their order is that of the keys they lead to.
fn collect(folder: &Path, prefix: &str, entries: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in unless_missing(fs::read_dir(folder))?.into_iter().flatten() {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if let Some(segment) = name.strip_suffix(CHUNK) {
            entries.insert(format!("{prefix}{segment}"), path);
        } else if let Some(piece) = name.strip_suffix(GOES_ON) {
            collect(&path, &format!("{prefix}{piece}"), entries)?;
        } else if name != UNFINISHED {
            entries.insert(format!("{prefix}{name}/"), path);
        }
    }
    Ok(())
}

/// What is there, or nothing.
fn unless_missing<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use headwater_core::ports::contract;

    use super::*;

    fn key(text: &str) -> Key {
        Key::from_stored(text.to_owned())
    }

    fn chunk(name: &str, text: &'static str) -> (Key, Bytes) {
        (key(name), Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn chunks_in_a_folder_meet_the_contract() {
        let dir = tempfile::tempdir().unwrap();
        contract::chunks(&ChunkFolder::open(dir.path().join("chunks")).unwrap()).await;
        assert_eq!(fs::read_dir(dir.path().join("chunks").join(UNFINISHED)).unwrap().count(), 0, "something unfinished was left");
    }

    #[tokio::test]
    async fn a_reopened_folder_has_what_was_put_and_nothing_unfinished() {
        let dir = tempfile::tempdir().unwrap();
        let chunks = ChunkFolder::open(dir.path()).unwrap();
        chunks.put(vec![chunk("t/a", "one"), chunk("t/b", "two")]).await.unwrap();
        drop(chunks);
        fs::write(dir.path().join(UNFINISHED).join("0"), "half a chu").unwrap();
        let chunks = ChunkFolder::open(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path().join(UNFINISHED)).unwrap().count(), 0);
        chunks.put(vec![chunk("t/c", "three")]).await.unwrap();
        let listed: Vec<Key> = chunks.list(&key("t"), None, 10).await.unwrap().into_iter().map(|line| line.key).collect();
        assert_eq!(listed, [key("t/a"), key("t/b"), key("t/c")]);
        assert_eq!(chunks.read(&key("t/b"), 0..3).await.unwrap(), "two");
    }

    #[tokio::test]
    async fn empty_folders_go_with_their_last_chunk() {
        let dir = tempfile::tempdir().unwrap();
        let chunks = ChunkFolder::open(dir.path()).unwrap();
        chunks.put(vec![chunk("tables/t/a", "one"), chunk("tables/t/deep/b", "two"), chunk("tables/u/c", "three")]).await.unwrap();
        chunks.delete(&key("tables/t/a")).await.unwrap();
        assert!(dir.path().join("tables/t/deep").exists());
        chunks.delete(&key("tables/t/deep/b")).await.unwrap();
        assert!(!dir.path().join("tables/t").exists() && dir.path().join("tables/u").exists());
        chunks.put(vec![chunk("tables/t/d", "four")]).await.unwrap();
        assert_eq!(chunks.read(&key("tables/t/d"), 0..4).await.unwrap(), "four");
    }

    #[tokio::test]
    async fn a_chunk_that_cannot_be_written_leaves_nothing_unfinished() {
        let dir = tempfile::tempdir().unwrap();
        let chunks = ChunkFolder::open(dir.path()).unwrap();
        // Somebody else's file lies where a folder belongs.
        fs::write(dir.path().join("t"), "").unwrap();
        let refused = chunks.put(vec![chunk("u/a", "one"), chunk("t/a", "two"), chunk("u/b", "three")]).await;
        assert!(matches!(refused, Err(PortError::Unavailable { .. })), "{refused:?}");
        assert_eq!(fs::read_dir(dir.path().join(UNFINISHED)).unwrap().count(), 0);
        fs::remove_file(dir.path().join("t")).unwrap();
        chunks.put(vec![chunk("t/a", "two")]).await.unwrap();
    }
}
