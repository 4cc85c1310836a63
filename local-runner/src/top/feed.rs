//! What the server's live endpoint tells, and coming back to it.

use std::time::Duration;

use headwater_console::live::Now;
use reqwest::header::ACCEPT;
use reqwest::{Method, Response, StatusCode};
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, timeout};

use super::events::{Events, TooLong};
use super::text::clean;
use crate::remote::{Remote, RequestError, cause_of};

/// How long a server, which speaks every second, may keep silent before it counts as away.
const PATIENCE: Duration = Duration::from_secs(15);

/// Pauses between attempts to reach a server that is away, from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Why the server tells nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("the server tells nothing of what runs: it is older than this command")]
    Older,
    #[error("nothing came for {} s", PATIENCE.as_secs())]
    Silent,
    #[error("the server has ended")]
    Ended,
    #[error(transparent)]
    TooLong(#[from] TooLong),
    #[error("what the server tells cannot be read: {0}")]
    Garbled(#[from] serde_json::Error),
}

impl FeedError {
    /// Whether it may be otherwise in a while.
    fn may_pass(&self) -> bool {
        match self {
            Self::Request(error) => error.may_pass(),
            Self::Silent | Self::Ended => true,
            Self::Older | Self::TooLong(_) | Self::Garbled(_) => false,
        }
    }
}

/// What a follower is told.
#[derive(Debug)]
pub(super) enum Update {
    /// What runs now.
    Now(Box<Now>),
    /// The server is away, for this reason; it will be tried again then.
    Away { why: String, again: Instant },
}

/// The live endpoint of a server.
#[derive(Debug)]
pub(super) struct Feed {
    remote: Remote,
}

/// The endpoint's answer, of which moments are read one after the other.
#[derive(Debug)]
pub(super) struct Moments {
    answer: Response,
    events: Events,
    read: std::collections::VecDeque<Now>,
}

impl Feed {
    pub(super) fn new(remote: Remote) -> Self {
        Self { remote }
    }

    /// Begins to listen.
    pub(super) async fn listen(&self) -> Result<Moments, FeedError> {
        let request = self.remote.request(Method::GET, self.remote.url(&["live"])).header(ACCEPT, "text/event-stream");
        let answer = match timeout(PATIENCE, self.remote.send(request)).await {
            Err(_) => return Err(FeedError::Silent),
            Ok(Err(RequestError::Refused { status: StatusCode::NOT_FOUND, .. })) => return Err(FeedError::Older),
            Ok(answer) => answer?,
        };
        Ok(Moments { answer, events: Events::default(), read: std::collections::VecDeque::new() })
    }

    /// Tells what runs, again and again, and waits for a server that is away.
    ///
    /// # Errors
    /// When waiting is of no use, such as with a wrong token. Returns without one when nobody listens any more.
    pub(super) async fn follow(&self, updates: Sender<Update>) -> Result<(), FeedError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.listen().await {
                Err(error) => error,
                Ok(mut moments) => loop {
                    match moments.next().await {
                        Ok(now) => {
                            pause = FIRST_PAUSE;
                            if updates.send(Update::Now(Box::new(now))).await.is_err() {
                                return Ok(());
                            }
                        }
                        Err(error) => break error,
                    }
                },
            };
            if !error.may_pass() {
                return Err(error);
            }
            let away = Update::Away { why: clean(&error.to_string()), again: Instant::now() + pause };
            if updates.send(away).await.is_err() {
                return Ok(());
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Moments {
    /// The next moment, which comes about every second.
    pub(super) async fn next(&mut self) -> Result<Now, FeedError> {
        loop {
            if let Some(now) = self.read.pop_front() {
                return Ok(now);
            }
            let piece = match timeout(PATIENCE, self.answer.chunk()).await {
                Err(_) => return Err(FeedError::Silent),
                Ok(Err(error)) => return Err(RequestError::Broke(cause_of(&error)).into()),
                Ok(Ok(None)) => return Err(FeedError::Ended),
                Ok(Ok(Some(piece))) => piece,
            };
            for event in self.events.take(&piece)? {
                if event.kind == "now" {
                    self.read.push_back(serde_json::from_slice(&event.data)?);
                }
            }
        }
    }
}
