use std::fmt::Debug;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::{PortError, Timestamp};
use crate::ids::FileName;

/// Who may append to a file: the task that writes it. A file that another owner has created anew can no longer be
/// written by the former one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(pub String);

/// What is known of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Length in bytes.
    pub length: u64,
    /// Last write.
    pub modified: Timestamp,
    /// Changes whenever the bytes may have changed; without quotes.
    pub etag: String,
}

/// The headers that a reader of a shared address is to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// `Content-Type`.
    pub content_type: String,
    /// `Content-Disposition`.
    pub disposition: String,
}

/// The bytes of a file in pieces of bounded size.
pub type ByteStream = BoxStream<'static, Result<Bytes, PortError>>;

/// Named byte objects. Written by one owner at a time in appends from a known offset, read by anybody at any time.
#[async_trait]
pub trait Files: Send + Sync + Debug {
    /// Makes the file anew: empty, and `owner` is its only writer from now on. Durable.
    async fn create(&self, name: &FileName, owner: &Owner) -> Result<(), PortError>;

    /// Opens the file for appending at `offset`. Whatever lies beyond is cut off: it was written after the last committed
    /// position. A writer opened before for the same file can no longer write.
    ///
    /// # Errors
    /// [`PortError::Conflict`] when another owner has created the file since, [`PortError::NotFound`] when it is gone,
    /// [`PortError::Corrupt`] when it is shorter than `offset`.
    async fn append_at(&self, name: &FileName, owner: &Owner, offset: u64) -> Result<Box<dyn FileWriter>, PortError>;

    /// What is known of the file, or `None`.
    async fn info(&self, name: &FileName) -> Result<Option<FileInfo>, PortError>;

    /// The bytes of `range`, which must lie within the file.
    async fn read(&self, name: &FileName, range: Range<u64>) -> Result<ByteStream, PortError>;

    /// An address at which anybody who has it may fetch the file as it is now, until `valid_for` is over. `None` when this
    /// store has no such addresses, or not for this file.
    async fn share(&self, _name: &FileName, _valid_for: Duration, _shown: &Shown) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    /// All files, sorted by name.
    async fn list(&self) -> Result<Vec<FileName>, PortError>;

    /// Removes the file; one that is not there is fine.
    async fn delete(&self, name: &FileName) -> Result<(), PortError>;
}

/// A file being appended to.
#[async_trait]
pub trait FileWriter: Send + Debug {
    /// Appends. The bytes are durable and readable after the next [`FileWriter::sync`]; readers may see them before.
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError>;

    /// Makes everything written durable and readable, and answers the length of the file up to which it is.
    async fn sync(&mut self) -> Result<u64, PortError>;

    /// Like [`FileWriter::sync`], where nothing is expected to follow: a store that keeps a growing file in pieces puts them
    /// together.
    async fn finish(&mut self) -> Result<u64, PortError> {
        self.sync().await
    }
}

/// How often a file that changes under its reader is looked at.
const LOOKS: u32 = 5;

/// Conveniences over [`Files`] that no adapter writes again.
#[async_trait]
pub trait FilesExt: Files {
    /// A file as it stands, with the bytes that `part` wants of such a file, if it wants any. `None` when there is no such file.
    ///
    /// Between the look at a file and its opening somebody may make it anew, or cut it back to what counts of it after a crash. It is
    /// then looked at again.
    async fn open<P>(&self, name: &FileName, part: P) -> Result<Option<(FileInfo, Option<ByteStream>)>, PortError>
    where
        P: Fn(&FileInfo) -> Option<Range<u64>> + Send + Sync,
    {
        let mut looks = 0;
        loop {
            looks += 1;
            let Some(info) = self.info(name).await? else { return Ok(None) };
            let Some(part) = part(&info) else { return Ok(Some((info, None))) };
            match self.read(name, part).await {
                Err(PortError::NotFound { .. } | PortError::Corrupt { .. }) if looks < LOOKS => {}
                opened => return opened.map(|bytes| Some((info, Some(bytes)))),
            }
        }
    }
}

impl<F: Files + ?Sized> FilesExt for F {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::{StreamExt as _, TryStreamExt as _, stream};

    use super::*;

    /// A file that is cut by a byte after each look at it, so many times.
    #[derive(Debug)]
    struct Cut {
        length: AtomicU32,
        cuts: AtomicU32,
    }

    #[async_trait]
    impl Files for Cut {
        async fn info(&self, _: &FileName) -> Result<Option<FileInfo>, PortError> {
            let left = self.cuts.load(Ordering::Relaxed).min(1);
            self.cuts.fetch_sub(left, Ordering::Relaxed);
            let length = self.length.fetch_sub(left, Ordering::Relaxed);
            Ok(Some(FileInfo { length: length.into(), modified: Timestamp::from_millis(0), etag: length.to_string() }))
        }

        async fn read(&self, name: &FileName, range: Range<u64>) -> Result<ByteStream, PortError> {
            if range.end > self.length.load(Ordering::Relaxed).into() {
                return Err(PortError::Corrupt { what: name.to_string(), source: "it is shorter".into() });
            }
            let length = usize::try_from(range.end - range.start).expect("it is short");
            Ok(stream::iter([Ok(Bytes::from(vec![b'x'; length]))]).boxed())
        }

        async fn create(&self, _: &FileName, _: &Owner) -> Result<(), PortError> {
            unreachable!("a reader makes nothing")
        }

        async fn append_at(&self, _: &FileName, _: &Owner, _: u64) -> Result<Box<dyn FileWriter>, PortError> {
            unreachable!("a reader makes nothing")
        }

        async fn list(&self) -> Result<Vec<FileName>, PortError> {
            unreachable!("a reader knows the name")
        }

        async fn delete(&self, _: &FileName) -> Result<(), PortError> {
            unreachable!("a reader removes nothing")
        }
    }

    /// What is said of the length of such a file, and how many bytes are read.
    async fn opened(cuts: u32) -> Result<(u64, usize), PortError> {
        let (file, name) = (Cut { length: 9.into(), cuts: cuts.into() }, FileName::try_from("f").expect("a good name"));
        let (info, bytes) = file.open(&name, |info| Some(0..info.length)).await?.expect("there is a file");
        let pieces: Vec<Bytes> = bytes.expect("there are bytes").try_collect().await?;
        Ok((info.length, pieces.concat().len()))
    }

    #[tokio::test]
    async fn a_file_that_was_cut_since_it_was_looked_at_is_looked_at_again() {
        assert_eq!(opened(0).await.unwrap(), (9, 9));
        assert_eq!(opened(2).await.unwrap(), (7, 7));
        assert!(matches!(opened(100).await, Err(PortError::Corrupt { .. })), "there is an end to it");
    }
}
