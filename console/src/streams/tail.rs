//! `/console/streams/{ns}/{stream}/tail`: the events of a stream as they come, as server-sent events.
//!
//! It begins with the last few events. From then on it looks for new ones four times a second, and sends the newest of those with the
//! number of those that were left out: nobody reads more than that, and a stream may take a hundred thousand events a second.
//!
//! * `begin` opens it; whatever was sent before by an earlier connection comes again.
//! * `events` has `events`, oldest first, `leftOut`, how many were left out before them, and `atLeast`, whether there were more than that.
//! * `gone` says that the stream was removed, and is the last one.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use headwater_core::ports::{PortError, Position};
use headwater_core::streams::{Stream, StreamError};
use headwater_web::Problem;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::event::ShownEvent;
use super::finding::{Found, Most, bytes_of, last};
use super::name_of;
use crate::Console;

/// Those who may follow streams at once: each looks into the log by itself.
const FOLLOWERS: usize = 100;

/// How often new events are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Events that are sent at each look, and at the beginning. Of each only the beginning is sent, but they are held as they are.
const SENT: Most = Most { events: 50, bytes: 1 << 20 };
const FIRST: Most = Most { events: 10, ..SENT };

/// Events that are read at each look, and bytes of them. Where there are more, it goes on at the present.
const READ: usize = 50_000;
const READ_BYTES: usize = 64 << 20;

/// Looks after which something is sent although nothing came, and after which the stream is looked for: it may have been removed.
const SILENT: u32 = 60;
const CHECKED: u32 = 4;

/// Room for those who follow.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Semaphore>);

impl Places {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(FOLLOWERS)))
    }
}

/// Somebody who follows a stream.
struct Tail {
    console: Console,
    stream: Arc<Stream>,
    /// Behind the last event that was looked at.
    place: Option<Position>,
    ended: watch::Receiver<bool>,
    begun: bool,
    looks: u32,
    silent: u32,
    _place: OwnedSemaphorePermit,
}

/// What came since the last look.
#[derive(Debug, Default)]
struct News {
    /// The newest.
    found: Found,
    /// How many were read, and their bytes.
    read: usize,
    bytes: usize,
    /// Whether there are more behind them that were not read.
    more: bool,
}

pub(super) async fn follow(
    State(console): State<Console>,
    Extension(Places(places)): Extension<Places>,
    Path(path): Path<(String, String)>,
) -> Response {
    let Some(name) = name_of(&path) else { return Problem::new(StatusCode::NOT_FOUND, "there is no such stream").into_response() };
    let Ok(place) = places.try_acquire_owned() else {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("{FOLLOWERS} follow streams already, which is the most"))
            .into_response();
    };
    let stream = match console.services.streams.get(&name).await {
        Ok(stream) => stream,
        Err(StreamError::Store(error)) => return Problem::from(error).into_response(),
        Err(error) => return Problem::new(StatusCode::NOT_FOUND, error.to_string()).into_response(),
    };
    let ended = console.live.ending();
    let tail = Tail { console, stream, place: None, ended, begun: false, looks: 0, silent: 0, _place: place };
    let events = stream::unfold(Some(tail), |tail| async move {
        let mut tail = tail?;
        let text = tail.next().await?;
        // Behind the last event nothing comes.
        let next = text.1.then_some(tail);
        Some((Ok::<_, Infallible>(Bytes::from(text.0)), next))
    });
    ([(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")], Body::from_stream(events)).into_response()
}

impl Tail {
    /// What is sent next, and whether anything comes behind it; nothing where the host ends.
    async fn next(&mut self) -> Option<(String, bool)> {
        if !self.begun {
            self.begun = true;
            return Some(match self.begin().await {
                Ok(events) => (format!("retry: 2000\nevent: begin\ndata: {{}}\n\n{events}"), true),
                Err(error) => (failed(&error), false),
            });
        }
        loop {
            tokio::select! {
                () = self.console.clock.sleep(LOOK_EVERY) => {}
                _ = self.ended.wait_for(|ended| *ended) => return None,
            }
            self.looks += 1;
            if self.looks.is_multiple_of(CHECKED) && self.is_gone().await {
                return Some(("event: gone\ndata: {}\n\n".to_owned(), false));
            }
            match self.look().await {
                Ok(news) if news.found.events.is_empty() => {}
                Ok(news) => {
                    self.silent = 0;
                    return Some((rendered(&news), true));
                }
                Err(error) => return Some((failed(&error), false)),
            }
            self.silent += 1;
            if self.silent >= SILENT {
                self.silent = 0;
                // Whoever stands between does not take the connection for dead.
                return Some((":\n\n".to_owned(), true));
            }
        }
    }

    /// The last events that there are.
    async fn begin(&mut self) -> Result<String, PortError> {
        let now = self.console.clock.now().as_millis();
        let found = last(&self.console.services.streams, &self.stream, i64::MAX, None, FIRST, now).await?;
        self.place = found.events.back().map(|event| event.position);
        let read = found.events.len();
        Ok(if read == 0 { String::new() } else { rendered(&News { found, read, ..News::default() }) })
    }

    /// The newest of what came since the last look.
    async fn look(&mut self) -> Result<News, PortError> {
        let now = self.console.clock.now().as_millis();
        let mut pieces = self.console.services.streams.events_after(&self.stream, self.place).await?;
        let mut news = News::default();
        while let Some(piece) = pieces.next().await.transpose()? {
            if news.read >= READ || news.bytes >= READ_BYTES {
                news.more = true;
                break;
            }
            for event in piece {
                news.read += 1;
                news.bytes += bytes_of(&event);
                news.found.roll(event, SENT, true);
            }
        }
        if let Some(last) = news.found.events.back() {
            // Whoever cannot keep up goes on with what comes now.
            self.place = Some(if news.more { last.position.max(Position::start_of(now)) } else { last.position });
        }
        Ok(news)
    }

    async fn is_gone(&self) -> bool {
        match self.console.services.streams.get(&self.stream.name).await {
            Ok(stream) => stream.log != self.stream.log,
            Err(StreamError::Store(_)) => false,
            Err(_) => true,
        }
    }
}

fn rendered(news: &News) -> String {
    let events: Vec<ShownEvent> = news.found.events.iter().map(|event| ShownEvent::new(event, None)).collect();
    let left_out = news.read - events.len();
    format!("event: events\ndata: {}\n\n", json!({"events": events, "leftOut": left_out, "atLeast": news.more}))
}

/// The browser comes again by itself.
fn failed(error: &PortError) -> String {
    tracing::error!(error = error as &dyn std::error::Error, "a stream could not be followed");
    "event: failed\ndata: {}\n\n".to_owned()
}
