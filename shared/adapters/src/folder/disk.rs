//! The folder as the disk sees it. Everything here blocks.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use headwater_core::ids::FileName;
use headwater_core::ports::{FileInfo, PortError, Timestamp};

use crate::blocking::{disk_error, sync_folder};

/// Most bytes in one piece of a read.
const PIECE: u64 = 128 << 10;

/// Room that appends leave free on the disk: twice of what the embedded store leaves, so that on a disk that both share the
/// store can still write why a job waits.
const RESERVE: u64 = 64 << 20;

/// On a small disk the room left free is this part of it.
const RESERVE_PART: u64 = 8;

/// A folder.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
}

impl Disk {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Ok(Self { root: path.canonicalize()? })
    }

    /// Makes the file as a new one under its name. The former one is only unlinked: whoever still reads it goes on reading
    /// it, and whoever still writes it cannot reach the new one.
    pub(super) fn create(&self, name: &FileName) -> Result<(), PortError> {
        let failed = |error| disk_error("creating a file", name, error);
        let (folder, path) = self.place(name).map_err(failed)?;
        let mut unsynced = vec![folder.clone()];
        while let Some(parent) = unsynced.last().filter(|last| !last.exists()).and_then(|last| last.parent()) {
            unsynced.push(parent.to_owned());
        }
        fs::create_dir_all(&folder).map_err(failed)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        unsynced.iter().try_for_each(|folder| sync_folder(folder)).map_err(failed)
    }

    /// Opens the file and cuts off what lies beyond `offset`.
    pub(super) fn append_at(&self, name: &FileName, offset: u64) -> Result<Tail, PortError> {
        let failed = |error| disk_error("opening a file", name, error);
        let (path, metadata) = self.find(name).map_err(failed)?.ok_or_else(|| not_found(name))?;
        if metadata.len() < offset {
            return Err(too_short(name));
        }
        let mut file = OpenOptions::new().write(true).open(path).map_err(failed)?;
        file.set_len(offset).map_err(failed)?;
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        Ok(Tail { name: name.clone(), folder: self.root.clone(), file, length: offset })
    }

    pub(super) fn info(&self, name: &FileName, cuts: u64) -> Result<Option<FileInfo>, PortError> {
        let failed = |error| disk_error("looking at a file", name, error);
        let Some((_, metadata)) = self.find(name).map_err(failed)? else { return Ok(None) };
        let modified = metadata.modified().map_err(failed)?;
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        let etag = format!("{:x}-{:x}-{:x}-{cuts:x}", metadata.len(), since.as_nanos(), file_number(&metadata));
        Ok(Some(FileInfo { length: metadata.len(), modified: Timestamp::from_micros(micros), etag }))
    }

    pub(super) fn read(&self, name: &FileName, range: Range<u64>) -> Result<Reader, PortError> {
        let failed = |error| disk_error("opening a file", name, error);
        let (path, _) = self.find(name).map_err(failed)?.ok_or_else(|| not_found(name))?;
        let mut file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() < range.end || range.start > range.end {
            return Err(too_short(name));
        }
        file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        Ok(Reader { name: name.clone(), file, left: range.end - range.start })
    }

    pub(super) fn list(&self) -> Result<Vec<FileName>, PortError> {
        let mut names = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(prefix) = folders.pop() {
            match self.list_folder(&prefix, &mut names, &mut folders) {
                // A folder may be removed while we walk.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(disk_error("listing files", &prefix, error)),
                _ => {}
            }
        }
        names.sort();
        Ok(names)
    }

    fn list_folder(&self, prefix: &str, names: &mut Vec<FileName>, folders: &mut Vec<String>) -> io::Result<()> {
        for entry in fs::read_dir(self.root.join(prefix))? {
            let entry = entry?;
            // A name that a `FileName` cannot hold could not be asked for.
            let Some(name) = entry.file_name().to_str().and_then(|text| FileName::try_from(format!("{prefix}{text}")).ok()) else {
                continue;
            };
            let kind = entry.file_type()?;
            if kind.is_file() {
                names.push(name);
            } else if kind.is_dir() {
                folders.push(format!("{name}/"));
            }
        }
        Ok(())
    }

    pub(super) fn delete(&self, name: &FileName) -> Result<(), PortError> {
        let failed = |error| disk_error("removing a file", name, error);
        if let Some((path, _)) = self.find(name).map_err(failed)? {
            fs::remove_file(&path).map_err(failed)?;
            path.parent().map_or(Ok(()), sync_folder).map_err(failed)?;
        }
        Ok(())
    }

    /// The plain file of this name, or `None`.
    fn find(&self, name: &FileName) -> io::Result<Option<(PathBuf, Metadata)>> {
        let found = self.place(name).and_then(|(_, path)| Ok((fs::symlink_metadata(&path)?, path)));
        match found {
            Ok((metadata, path)) => Ok(metadata.is_file().then_some((path, metadata))),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where the file belongs: its folder and its path. Fails when the way there leads over a symbolic link.
    fn place(&self, name: &FileName) -> io::Result<(PathBuf, PathBuf)> {
        let mut folder = self.root.clone();
        let (parents, base) = name.as_str().rsplit_once('/').unwrap_or(("", name.as_str()));
        for segment in parents.split('/').filter(|segment| !segment.is_empty()) {
            folder.push(segment);
            if fs::symlink_metadata(&folder).is_ok_and(|metadata| metadata.is_symlink()) {
                return Err(io::Error::new(io::ErrorKind::NotADirectory, "a symbolic link is not followed"));
            }
        }
        let path = folder.join(base);
        Ok((folder, path))
    }
}

/// Whether so many bytes may be written to the disk of this folder. A disk that does not say is tried.
pub(super) fn has_room(folder: &Path, bytes: u64) -> bool {
    let room = fs4::statvfs(folder).map(|disk| disk.available_space().saturating_sub(RESERVE.min(disk.total_space() / RESERVE_PART)));
    room.map_or(true, |room| bytes <= room)
}

/// The end of a file that is appended to.
#[derive(Debug)]
pub(super) struct Tail {
    name: FileName,
    folder: PathBuf,
    file: File,
    length: u64,
}

impl Tail {
    /// Appends all bytes, or none as far as the disk allows.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        if !has_room(&self.folder, bytes.len() as u64) {
            return Err(PortError::Full { what: self.name.to_string() });
        }
        match self.file.write_all(bytes) {
            Ok(()) => {
                self.length += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Whether or not this succeeds, the next opening cuts again at an offset that is known to be durable.
                let _ = self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
                Err(disk_error("writing a file", &self.name, error))
            }
        }
    }

    pub(super) fn sync(&mut self) -> Result<u64, PortError> {
        let failed = |error| disk_error("making a file durable", &self.name, error);
        self.file.sync_data().map_err(failed)?;
        // Bytes of a file that somebody has removed from the folder are kept by nobody.
        let ours = self.file.metadata().map_err(failed)?;
        match fs::symlink_metadata(self.folder.join(self.name.as_str())) {
            Ok(there) if file_number(&there) == file_number(&ours) => Ok(self.length),
            _ => Err(not_found(&self.name)),
        }
    }
}

/// A range being read.
#[derive(Debug)]
pub(super) struct Reader {
    name: FileName,
    file: File,
    left: u64,
}

impl Reader {
    /// The next bytes, or `None` at the end of the range.
    pub(super) fn piece(&mut self) -> Result<Option<Bytes>, PortError> {
        let size = self.left.min(PIECE);
        if size == 0 {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).expect("a piece is small"));
        let read = (&mut self.file).take(size).read_to_end(&mut bytes);
        read.map_err(|error| disk_error("reading a file", &self.name, error))?;
        if (bytes.len() as u64) < size {
            return Err(too_short(&self.name)); // It was cut back while it was read.
        }
        self.left -= size;
        Ok(Some(bytes.into()))
    }
}

fn not_found(name: &FileName) -> PortError {
    PortError::NotFound { what: name.to_string() }
}

fn too_short(name: &FileName) -> PortError {
    PortError::Corrupt { what: name.to_string(), source: "the file is shorter than what was asked for".into() }
}

#[cfg(unix)]
fn file_number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn file_number(_: &Metadata) -> u64 {
    0
}
