//! Answers what a page asks of a stream: its events by time, or from a place on in either direction.

use std::collections::VecDeque;

use headwater_core::ids::StreamId;
use headwater_core::ports::{PortError, Position, StoredEvent, TimeRange};
use headwater_core::streams::formats::FormatReader;
use headwater_core::streams::{Stream, StreamService};
use serde::Deserialize;

use super::event::ShownEvent;
use super::finding::{Most, PAGE_BYTES, first, last};
use super::{Formatting, path_of};
use crate::Console;

/// Events on a page where nothing else is said, and at most.
const USUAL: usize = 20;
pub(super) const MOST: usize = 500;

/// What a page asks for, as the form says it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Question {
    pub(super) start: String,
    pub(super) end: String,
    pub(super) limit: String,
    /// Nothing, `own`, or `view:` and a view's name.
    pub(super) format: String,
    /// The place that the events stand before, or behind.
    pub(super) before: String,
    pub(super) after: String,
    /// What has just been done.
    pub(super) did: String,
}

/// What there is to show.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Newest first.
    pub(super) events: Vec<ShownEvent>,
    /// The field of the form that is wrong, and why.
    pub(super) mistake: Option<(&'static str, String)>,
    pub(super) older: Option<String>,
    pub(super) newer: Option<String>,
    pub(super) download: Option<String>,
    /// Whether records are shown.
    pub(super) formatted: bool,
    /// Whether there would be more events if these were not so large.
    pub(super) is_cut: bool,
    /// Whether those would be newer ones.
    pub(super) goes_forwards: bool,
}

/// A question that was understood.
struct Wanted {
    way: Way,
    limit: usize,
    format: Option<FormatReader>,
}

enum Way {
    /// From a time on, up to another one.
    From {
        range: TimeRange,
    },
    /// The last ones before a time.
    UpTo {
        end: i64,
    },
    Before(Position),
    After(Position),
}

impl Answer {
    pub(super) fn mistake(&self, field: &str) -> Option<&str> {
        self.mistake.as_ref().filter(|(of, _)| *of == field).map(|(_, text)| text.as_str())
    }
}

/// Answers a question about a stream.
pub(super) async fn answer(console: &Console, stream: &Stream, question: &Question, turns: &Formatting) -> Result<Answer, PortError> {
    let streams = &console.services.streams;
    let Wanted { way, limit, format } = match read_question(streams, stream, question) {
        Ok(wanted) => wanted,
        Err(mistake) => return Ok(Answer { mistake: Some(mistake), ..Answer::default() }),
    };
    let now = console.clock.now().as_millis();
    // One more than is shown tells whether there are others.
    let most = Most { events: limit + 1, bytes: PAGE_BYTES };
    let (found, forwards) = match way {
        Way::From { range } => (first(streams, stream, range, None, most).await?, true),
        Way::After(place) => (first(streams, stream, TimeRange::ALL, Some(place), most).await?, true),
        Way::UpTo { end } => (last(streams, stream, end, None, most, now).await?, false),
        Way::Before(place) => (last(streams, stream, place.millis.saturating_add(1), Some(place), most, now).await?, false),
    };
    let mut events = found.events;
    let is_cut = found.is_cut && events.len() < limit;
    let more = found.is_cut || events.len() > limit;
    if events.len() > limit {
        if forwards {
            events.pop_back()
        } else {
            events.pop_front()
        };
    }
    let newest_wanted = question.end.is_empty() && question.before.is_empty();
    let mut answer = Answer { formatted: format.is_some(), is_cut, goes_forwards: forwards, ..Answer::default() };
    if let (Some(oldest), Some(newest)) = (events.front(), events.back()) {
        let base = path_of(&stream.name);
        let rest = format!(
            "limit={limit}&format={}#events",
            percent_encoding::utf8_percent_encode(&question.format, percent_encoding::NON_ALPHANUMERIC)
        );
        let link = |side: &str, Position { millis, sequence }: Position| format!("{base}?{side}={millis}.{sequence}&{rest}");
        answer.older = (forwards || more).then(|| link("before", oldest.position));
        answer.newer = if forwards { more } else { !newest_wanted }.then(|| link("after", newest.position));
        let as_records = match question.format.as_str() {
            "" => String::new(),
            "own" => "&format=true".to_owned(),
            view => format!("&view={}", view.trim_start_matches("view:")),
        };
        answer.download = Some(format!(
            "/v3/namespaces/{}/streams/{}/events?start={}&end={}{as_records}",
            stream.name.namespace,
            stream.name.stream,
            oldest.position.millis.max(0),
            newest.position.millis.saturating_add(1).max(1),
        ));
    }
    answer.events = shown(events, format, turns).await;
    Ok(answer)
}

fn read_question(streams: &StreamService, stream: &Stream, question: &Question) -> Result<Wanted, (&'static str, String)> {
    let filled = |text: &'_ str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let (start, end, limit) = (filled(&question.start), filled(&question.end), filled(&question.limit));
    let usual = USUAL.to_string();
    let window = streams.window(start.as_deref(), end.as_deref(), Some(limit.as_deref().unwrap_or(&usual)));
    let window = window.map_err(|error| {
        let message = error.to_string();
        let field = ["start", "end"].into_iter().find(|field| message.starts_with(field)).unwrap_or("limit");
        (field, message)
    })?;
    let limit = usize::try_from(window.limit).ok().filter(|limit| *limit <= MOST);
    let limit = limit.ok_or_else(|| ("limit", format!("limit: at most {MOST} events are shown; a download may have more")))?;
    let format = match question.format.as_str() {
        "" => None,
        "own" => Some(stream.properties.format.reader()),
        other => {
            let view = other.strip_prefix("view:").and_then(|view| StreamId::try_from(view).ok());
            let format = view.and_then(|view| stream.views.get(&view));
            Some(format.ok_or_else(|| ("format", format!("format: there is no view {:?}", other.trim_start_matches("view:"))))?.reader())
        }
    };
    let way = match (place(&question.before)?, place(&question.after)?) {
        (Some(place), _) => Way::Before(place),
        (_, Some(place)) => Way::After(place),
        _ if start.is_some() => Way::From { range: TimeRange { from: window.start, until: window.end } },
        _ => Way::UpTo { end: window.end },
    };
    Ok(Wanted { way, limit, format })
}

/// A place as links of this page name it.
fn place(text: &str) -> Result<Option<Position>, (&'static str, String)> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text.split_once('.').and_then(|(millis, sequence)| Some((millis.parse().ok()?, sequence.parse().ok()?)));
    let (millis, sequence) = parsed.ok_or_else(|| ("start", format!("{text:?} is no place in a stream")))?;
    Ok(Some(Position { millis, sequence }))
}

/// Events as they are shown, newest first. Formats read them where a thread may be kept busy.
async fn shown(events: VecDeque<StoredEvent>, format: Option<FormatReader>, Formatting(turns): &Formatting) -> Vec<ShownEvent> {
    let Some(format) = format else { return events.iter().rev().map(|event| ShownEvent::new(event, None)).collect() };
    let turn = std::sync::Arc::clone(turns).acquire_owned().await.ok();
    let done = tokio::task::spawn_blocking(move || {
        let shown = events.iter().rev().map(|event| ShownEvent::new(event, Some(&format))).collect();
        drop(turn);
        shown
    })
    .await;
    done.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
}
