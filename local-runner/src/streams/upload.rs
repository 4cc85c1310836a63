//! The body of a request that is sent while it is read.

use bytes::Bytes;
use futures::stream;
use reqwest::Body;
use tokio::sync::mpsc;

/// Pieces that wait for the connection.
const WAITING: usize = 4;

#[derive(Debug)]
enum Part {
    Piece(Bytes),
    End,
}

/// Feeds a body. Dropped before its end it breaks the request off, so that no server takes a part for the whole.
#[derive(Debug)]
pub(super) struct Upload(mpsc::Sender<Part>);

/// A body, and what feeds it.
pub(super) fn begin() -> (Upload, Body) {
    let (sender, parts) = mpsc::channel(WAITING);
    let pieces = stream::unfold(Some(parts), async |parts| {
        let mut parts = parts?;
        match parts.recv().await {
            Some(Part::Piece(piece)) => Some((Ok(piece), Some(parts))),
            Some(Part::End) => None,
            None => Some((Err("the body was given up"), None)),
        }
    });
    (Upload(sender), Body::wrap_stream(pieces))
}

impl Upload {
    /// Hands over a piece. `false` when the request wants no more of them.
    pub(super) async fn push(&self, piece: Bytes) -> bool {
        self.0.send(Part::Piece(piece)).await.is_ok()
    }

    /// Says that this was all. `false` when the request has ended before.
    pub(super) async fn end(self) -> bool {
        self.0.send(Part::End).await.is_ok()
    }
}
