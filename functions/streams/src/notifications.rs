//! `/notifications`: that a stream grows, as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use headwater_core::streams::{Notice, Stream};
use headwater_web::{LargestReply, Problem};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::openapi::{Known, OfStream, Program, TAG};
use crate::request::{Asking, Named};
use crate::{Group, paths, problems};

/// How long nothing is sent at most: whoever stands between does not take the connection for dead.
const SILENCE: Duration = Duration::from_secs(15);

/// Milliseconds after which a subscriber whose connection ended is to ask again.
const RETRY: u32 = 3000;

/// What a subscriber gets next.
struct Subscription {
    group: Group,
    stream: Arc<Stream>,
    last: u64,
}

/// That a stream grows
///
/// Server-sent events: the first one is `subscribed`, and then comes a notice whenever the stream has taken as much as its threshold says. With
/// `Last-Event-ID`, notices after that one are sent first, as far as they are kept; without, only those to come.
#[utoipa::path(
    get, path = paths::NOTIFICATIONS, tag = TAG, operation_id = "followStream", params(OfStream, Program, Known),
    responses(
        (status = 200, description = "The notices, without an end.", body = String, content_type = "text/event-stream",
            example = json!("retry: 3000\nevent: subscribed\nid: 1\ndata: {}\n\n")),
        (status = 400, description = "An id or a header is wrong.", body = String, example = json!("X-Headwater-Program: a program is named application/type/program, such as shop/flows/clicks")),
        (status = 404, description = "It is not there.", body = String, example = json!("stream:default.nope was not found")),
    ),
)]
pub(crate) async fn follow(
    State(group): State<Group>,
    Named(name): Named,
    asking: Asking,
    largest: Option<Extension<LargestReply>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let stream = group.streams.get(&name).await.map_err(problems::stream)?;
    let after = headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse().ok());
    let (all, last) = group.streams.notices_after(&stream, 0).await?;
    // A number beyond the last one is of an earlier stream of this name: all notices of this one came later.
    let after = after.map(|after: u64| if after > last { 0 } else { after });
    let missed: Vec<Notice> = all.into_iter().filter(|notice| after.is_some_and(|after| notice.id > after)).collect();
    asking.has_used(&group, &stream).await;
    // The first event tells where the subscription begins, so that one that breaks off before any notice misses none.
    let mut opening = format!("retry: {RETRY}\nevent: subscribed\nid: {}\ndata: {{}}\n\n", after.unwrap_or(last));
    missed.iter().for_each(|notice| opening.push_str(&rendered(&stream, notice)));
    let head = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    if largest.is_some() {
        return Ok((head, opening).into_response()); // This host sends whole answers only; the subscriber asks again.
    }
    let last = missed.last().map_or(after.unwrap_or(last), |notice| notice.id);
    let subscription = Subscription { group, stream, last };
    let following = stream::unfold(Some(subscription), |subscription| async move {
        let mut subscription = subscription?;
        match subscription.group.streams.await_notices(&subscription.stream, subscription.last, SILENCE).await {
            Ok(Some(notices)) => {
                let text = match notices.last() {
                    Some(last) => {
                        subscription.last = last.id;
                        notices.iter().map(|notice| rendered(&subscription.stream, notice)).collect()
                    }
                    None => ":\n\n".to_owned(),
                };
                Some((Ok(Bytes::from(text)), Some(subscription)))
            }
            Ok(None) => None,
            Err(error) => Some((Err(std::io::Error::other(error)), None)),
        }
    });
    let all = futures::StreamExt::chain(stream::once(async { Ok(Bytes::from(opening)) }), following);
    Ok((head, Body::from_stream(all)).into_response())
}

fn rendered(stream: &Stream, notice: &Notice) -> String {
    format!("id: {}\ndata: {}\n\n", notice.id, notice.to_json(&stream.name))
}
