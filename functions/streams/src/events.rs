//! Events in and out.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use headwater_core::ids::{StreamId, StreamName};
use headwater_core::streams::formats::FormatReader;
use headwater_core::streams::{BatchKind, JsonEvents, Stream, StreamError};
use headwater_web::{Content, LargestReply, Problem};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::openapi::{Binary, Event, OfStream, Program, TAG, Window};
use crate::request::{Asking, Named, event_headers};
use crate::{Group, paths, problems};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

async fn find(group: &Group, name: &StreamName) -> Result<Arc<Stream>, Problem> {
    group.streams.get(name).await.map_err(problems::stream)
}

/// Write an event
///
/// When it is answered with 200, the event is durable, and every read that begins from now on sees it.
#[utoipa::path(
    post, path = paths::STREAM, tag = TAG, operation_id = "writeEvent", params(OfStream, Program),
    request_body(description = "The body of the event, byte for byte, whatever its content type. Headers that begin with the id of the stream and a dot are headers of the event.", content((Binary = "application/octet-stream"), (String = "text/plain", example = json!("Tom, 5, pear, $1.50")))),
    responses(
        (status = 200, description = "It is written."),
        (status = 400, description = "An id or a header is wrong.", body = String, example = json!("X-Headwater-Program: a program is named application/type/program, such as shop/flows/clicks")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
    ),
)]
pub(crate) async fn write(
    State(group): State<Group>,
    Named(name): Named,
    asking: Asking,
    headers: HeaderMap,
    Content(body): Content,
) -> Result<StatusCode, Problem> {
    let stream = find(&group, &name).await?;
    group.streams.post(&stream, event_headers(&name, &headers, &[]), body).await.map_err(problems::stream)?;
    asking.has_used(&group, &stream).await;
    Ok(StatusCode::OK)
}

/// Write an event soon
///
/// A crash may lose what has not been written yet.
#[utoipa::path(
    post, path = paths::ASYNC, tag = TAG, operation_id = "writeEventLater", params(OfStream, Program),
    request_body(description = "The body of the event, byte for byte, whatever its content type. Headers that begin with the id of the stream and a dot are headers of the event.", content((Binary = "application/octet-stream"), (String = "text/plain", example = json!("Tom, 5, pear, $1.50")))),
    responses(
        (status = 202, description = "It is in the queue."),
        (status = 400, description = "An id or a header is wrong.", body = String, example = json!("X-Headwater-Program: a program is named application/type/program, such as shop/flows/clicks")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
    ),
)]
pub(crate) async fn write_later(
    State(group): State<Group>,
    Named(name): Named,
    asking: Asking,
    headers: HeaderMap,
    Content(body): Content,
) -> Result<StatusCode, Problem> {
    let stream = find(&group, &name).await?;
    let posted = group.streams.post_later(Arc::clone(&stream), event_headers(&name, &headers, &[]), body).await;
    posted.map_err(problems::stream)?;
    asking.has_used(&group, &stream).await;
    Ok(StatusCode::ACCEPTED)
}

/// Write many events
///
/// All or nothing: the lines of a text, or the datums of an Avro object container file. A batch may be of any length.
#[utoipa::path(
    post, path = paths::BATCH, tag = TAG, operation_id = "writeBatch", params(OfStream, Program),
    request_body(description = "Lines, or an Avro file.", content((String = "text/plain", example = json!("one\ntwo\n")), (String = "text/csv", example = json!("Ann, 1, fig, $0.40\nLee, 12, plum, $3.00\n")), (Binary = "avro/binary"))),
    responses(
        (status = 200, description = "All of it is durable."),
        (status = 400, description = "An id or a header is wrong, or the body cannot be cut into events; nothing of it is kept.", body = String, example = json!("the body is no Avro object container file: the Avro file cannot be read at byte 241: the file ends in a block")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
        (status = 406, description = "The body is declared as something else.", body = String, example = json!("a batch cannot be image/png; a batch is text/… or avro/binary")),
        (status = 413, description = "A line is too long; nothing of the body is kept.", body = String, example = json!("line 1 (blank ones are not counted) is longer than 4194304 bytes")),
    ),
)]
pub(crate) async fn batch(
    State(group): State<Group>,
    Named(name): Named,
    asking: Asking,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let stream = find(&group, &name).await?;
    // All that is wrong so far is said before any of the body is read.
    let content_type = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let refused = |what: &str| Problem::new(StatusCode::NOT_ACCEPTABLE, format!("{what}; a batch is text/… or avro/binary"));
    let content_type = content_type.ok_or_else(|| refused("there is no Content-Type"))?;
    let kind = BatchKind::of(&content_type).ok_or_else(|| refused(&format!("a batch cannot be {content_type}")))?;
    let mut batch = group.streams.batch(Arc::clone(&stream), kind, event_headers(&name, &headers, &[("content.type", &content_type)]));
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Problem::bad_request("the body could not be read to its end; nothing of it is kept"))?;
        batch = match kind {
            BatchKind::Lines => batch.take(piece).await,
            BatchKind::Avro => aside(&group.formatting, batch.take(piece)).await, // It may have to be decompressed.
        }
        .map_err(problems::batch)?;
    }
    batch.finish().await.map_err(problems::batch)?;
    asking.has_used(&group, &stream).await;
    Ok(StatusCode::OK)
}

/// What a read asks for. A parameter that is given twice counts the first time.
struct Wanted(Vec<(String, String)>);

impl Wanted {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Whether records are wanted, and under which format.
    fn format(&self, stream: &Stream) -> Result<Option<FormatReader>, Problem> {
        if let Some(view) = self.value("view") {
            let view = StreamId::try_from(view).map_err(|error| Problem::bad_request(format!("view: the id {error}")))?;
            let format = stream.views.get(&view).ok_or_else(|| problems::stream(StreamError::NoView(stream.name.clone(), view)))?;
            return Ok(Some(format.reader()));
        }
        match self.value("format") {
            None | Some("false") => Ok(None),
            Some("true") => Ok(Some(stream.properties.format.reader())),
            Some(other) => Err(Problem::bad_request(format!("format: must be true or false, not {other:?}"))),
        }
    }
}

/// Events of a window
///
/// Oldest first. What was acknowledged before the read began is in the answer, and nothing that was written after.
#[utoipa::path(
    get, path = paths::EVENTS, tag = TAG, operation_id = "readEvents", params(OfStream, Window, Program),
    responses(
        (status = 200, description = "The events.", body = Vec<Event>, example = json!([
            {"timestamp": 1_795_275_859_504_u64, "headers": {"shop": "Berlin"}, "body": "Tom, 5, pear, $1.50"},
            {"timestamp": 1_795_275_859_523_u64, "headers": {"content.type": "text/csv"}, "body": "Ann, 1, fig, $0.40"},
        ])),
        (status = 204, description = "No event qualifies."),
        (status = 400, description = "A parameter is wrong.", body = String, example = json!("format: must be true or false, not \"yes\"")),
        (status = 404, description = "There is no such stream: the body is empty. Or there is no such view."),
        (status = 413, description = "More than this host can send.", body = String, example = json!("the events of this window take more than 4194304 bytes, the most that can be answered here; give a limit, and go on with skip")),
    ),
)]
pub(crate) async fn read(
    State(group): State<Group>,
    named: Result<Named, Problem>,
    asking: Asking,
    largest: Option<Extension<LargestReply>>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let wanted = Wanted(query);
    let [start, end, limit, skip] = ["start", "end", "limit", "skip"].map(|name| wanted.value(name));
    let window = group.streams.window(start, end, limit).and_then(|window| window.skipping(skip));
    let window = window.map_err(|error| Problem::bad_request(error.to_string()))?;
    let Named(name) = named?;
    let stream = match group.streams.get(&name).await {
        Err(StreamError::NoStream(_) | StreamError::NoNamespace(_)) => return Ok(StatusCode::NOT_FOUND.into_response()),
        found => found.map_err(problems::stream)?,
    };
    let format = wanted.format(&stream)?;
    let formatted = format.is_some();
    let events = group.streams.read(&stream, window, format).await?;
    asking.has_used(&group, &stream).await;
    let Some(mut events) = events else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    if formatted {
        events = made_aside(events, Arc::clone(&group.formatting));
    }
    let body = match largest {
        Some(Extension(LargestReply(most))) => whole(events, most).await?,
        None => Body::from_stream(events.map_err(std::io::Error::other)),
    };
    Ok(([(CONTENT_TYPE, JSON)], body).into_response())
}

/// The same events, each piece made aside. Fused: whoever compresses them asks again after the last one.
fn made_aside(events: JsonEvents, formatting: Arc<Semaphore>) -> JsonEvents {
    let pieces = stream::unfold(events, move |mut events| {
        let formatting = Arc::clone(&formatting);
        async move { aside(&formatting, async move { events.next().await.map(|piece| (piece, events)) }).await }
    });
    pieces.fuse().boxed()
}

/// Does what may take long on a thread that may be kept busy: some patterns take long with some bodies, and nobody else is to wait
/// for that.
async fn aside<T: Send + 'static>(formatting: &Arc<Semaphore>, work: impl Future<Output = T> + Send + 'static) -> T {
    let (turn, host) = (Arc::clone(formatting).acquire_owned().await.ok(), Handle::current());
    let done = tokio::task::spawn_blocking(move || {
        let done = host.block_on(work);
        drop(turn); // Not before: the thread is busy, even if nobody waits for it any more.
        done
    })
    .await;
    done.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
}

/// All events at once, for a host that cannot answer piece by piece.
async fn whole(mut events: JsonEvents, most: u64) -> Result<Body, Problem> {
    let mut all = Vec::new();
    while let Some(piece) = events.next().await {
        all.extend_from_slice(&piece?);
        if all.len() as u64 > most {
            let message = format!(
                "the events of this window take more than {most} bytes, the most that can be answered here; give a limit, and go on with skip"
            );
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
    }
    Ok(all.into())
}
