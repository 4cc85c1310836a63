//! The end of what is being written: the last events of a stream, the last lines of a file.

use bytes::Bytes;
use futures::TryStreamExt as _;
use headwater_core::ids::{FileName, StreamName};
use headwater_core::ports::{FileInfo, Files, FilesExt as _, PortError, Timestamp};
use headwater_core::streams::{StreamError, StreamService};
use serde::Serialize;

use crate::streams::{Most, PAGE_BYTES, last_events};

/// Characters of a body or a line that are shown; what is cut ends in `…`.
const SHOWN: usize = 4000;

/// Bytes at the end of a file that are looked at.
const TAIL: u64 = 256 * 1024;

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Told {
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    /// Its headers.
    pub(crate) headers: Vec<(String, String)>,
    /// Its body, as far as it is shown; bytes that are no UTF-8 are replaced.
    pub(crate) body: String,
}

impl Told {
    /// The value of a header, its name in any case, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.as_str())
    }
}

/// The newest events of a stream, newest first; none where there is no such stream. Fewer than `most` where they are very large.
pub(crate) async fn events(streams: &StreamService, name: &StreamName, most: usize, now: Timestamp) -> Result<Vec<Told>, PortError> {
    let stream = match streams.get(name).await {
        Ok(stream) => stream,
        Err(StreamError::Store(error)) => return Err(error),
        Err(_) => return Ok(Vec::new()),
    };
    let most = Most { events: most, bytes: PAGE_BYTES };
    let kept = last_events(streams, &stream, i64::MAX, None, most, now.as_millis()).await?.events;
    let told = kept.into_iter().rev().map(|stored| Told {
        at: stored.position.millis,
        headers: stored.event.headers.to_vec(),
        body: shortened(&String::from_utf8_lossy(&stored.event.body)),
    });
    Ok(told.collect())
}

/// The last whole lines of a file, newest first; none where there is no such file.
pub(crate) async fn lines(files: &dyn Files, name: &FileName, most: usize) -> Result<Vec<String>, PortError> {
    let from = |info: &FileInfo| info.length.saturating_sub(TAIL);
    let Some((info, Some(pieces))) = files.open(name, |info| Some(from(info)..info.length)).await? else { return Ok(Vec::new()) };
    let pieces: Vec<Bytes> = pieces.try_collect().await?;
    let bytes = pieces.concat();
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
    let text = String::from_utf8_lossy(&bytes[..end]);
    // The first is the rest of a line, unless the file begins with it.
    let whole = text.split('\n').skip(usize::from(from(&info) > 0));
    let mut lines: Vec<String> = whole.map(shortened).collect();
    lines.reverse();
    lines.truncate(most);
    Ok(lines)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}
