//! `/console/tables/{name}/watch`: what pictures are drawn from, as server-sent events.
//!
//! Each watcher has its own look at the table: rows that came since the last one, at most ten times a second, and only when there are any.
//! What was seen before is kept as far as the picture shows it, so a frame costs what is new and not what is shown. `frame` carries a
//! [`Frame`]; `end` says why there is none any more.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt as _};
use headwater_core::ids::TableName;
use headwater_core::limits;
use headwater_core::ports::Clock;
use headwater_core::tables::{Pace, Seen, TableService, Watch};
use headwater_web::Problem;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::picture::{Frame, Kind, Picture};
use crate::Console;
use crate::naming::Named;

/// From one frame to the next.
const PERIOD: Duration = Duration::from_millis(100);

/// Frames between two looks at how much the table holds.
const ABOUT: u32 = 10;

/// Places for those who watch tables.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limits::TABLE_WATCHERS)))
    }
}

/// What the query says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// Seconds that are shown.
    #[serde(default)]
    span: Option<String>,
}

impl Wanted {
    /// The span to show: one of those that may be, the first where another one is asked for.
    pub(super) fn span(&self, spans: &[f64]) -> f64 {
        let asked = self.span.as_deref().and_then(|text| text.parse::<f64>().ok());
        asked.filter(|span| spans.contains(span)).unwrap_or_else(|| spans.first().copied().unwrap_or(1.0))
    }
}

/// How much there is by now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct About {
    rows: u64,
    first_marker: Option<i64>,
    last_marker: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Sent {
    #[serde(flatten)]
    frame: Frame,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<About>,
}

/// Whoever watches a table.
struct Watcher {
    tables: TableService,
    clock: Arc<dyn Clock>,
    name: TableName,
    watch: Watch,
    pace: Pace,
    picture: Picture,
    frames: u32,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn follow(
    State(console): State<Console>,
    Extension(Places(places)): Extension<Places>,
    Named(name): Named,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let gone = || Problem::new(StatusCode::NOT_FOUND, format!("there is no table {name:?}"));
    let table = TableName::try_from(name.as_str()).map_err(|_| gone())?;
    let full =
        || Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("{} watch tables already, which is the most", limits::TABLE_WATCHERS));
    let place = places.try_acquire_owned().map_err(|_| full())?;
    let tables = console.services.tables.clone();
    let watch = tables.watch(&table).await.map_err(|error| match super::status(&error) {
        Some(status) => Problem::new(status, error.to_string()),
        None => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer"),
    })?;
    let kind = Kind::of(&watch);
    let span = wanted.span(&kind.spans(&watch));
    let watcher = Watcher {
        pace: kind.pace(&watch, span),
        picture: Picture::new(&watch, span),
        clock: Arc::clone(&console.clock),
        name: table,
        tables,
        watch,
        frames: 0,
        ended: false,
        _place: place,
    };
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(watcher.events())).into_response())
}

impl Watcher {
    fn events(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        let opening = stream::once(async { Ok(Bytes::from_static(b"retry: 2000\n\n")) });
        let frames = stream::unfold(self, async |mut watcher| watcher.next().await.map(|event| (Ok(event), watcher)));
        opening.chain(frames.fuse())
    }

    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        if self.frames > 0 {
            self.clock.sleep(PERIOD).await;
        }
        let seen = match self.watch.next(self.pace).await {
            Ok(Seen::Rows(rows)) => self.picture.take(*rows).await.map(|()| None),
            Ok(Seen::Finished) => Ok(Some("finished")),
            Ok(Seen::Removed) => Ok(Some("removed")),
            // The page is to come back when there is a process again.
            Ok(Seen::Ending) => return None,
            Err(error) => Err(error),
        };
        match seen {
            Ok(None) => {}
            Ok(Some(why)) => {
                self.ended = true;
                return Some(event("end", &json!({ "why": why })));
            }
            Err(error) => {
                // A table that went is told by the next look.
                tracing::warn!(error = &error as &dyn std::error::Error, table = %self.name, "a watcher was let go");
                return None;
            }
        }
        let about = match self.frames % ABOUT {
            0 => self.about().await,
            _ => None,
        };
        self.frames = self.frames.wrapping_add(1).max(1);
        Some(event("frame", &Sent { frame: self.picture.frame(), about }))
    }

    async fn about(&self) -> Option<About> {
        let table = self.tables.describe(&self.name).await.ok()?;
        Some(About { rows: table.rows, first_marker: table.first_marker, last_marker: table.last_marker })
    }
}

fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).expect("texts and numbers serialise");
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}
