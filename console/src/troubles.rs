//! What went wrong in the last minutes, as the log tells it.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headwater_core::ports::{Clock, Timestamp};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::live::Trouble;

/// Troubles that are kept: more than that is one trouble many times.
const MOST: usize = 50;

/// Milliseconds by which one may be told later than it was, to be told apart.
const TOGETHER: i64 = 50;

/// How long one is shown.
const SHOWN: Duration = Duration::from_secs(15 * 60);

/// The longest message that is kept, in bytes.
const LONGEST: usize = 500;

/// Warnings and errors of the log, the newest of them. Clones share them. As a layer of a subscriber it listens.
#[derive(Debug, Clone)]
pub struct Troubles {
    kept: Arc<Mutex<VecDeque<Trouble>>>,
    clock: Arc<dyn Clock>,
}

impl Troubles {
    /// None so far.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { kept: Arc::default(), clock }
    }

    /// Notes one.
    pub fn note(&self, level: &str, place: &str, message: &str) {
        let mut message = message.to_owned();
        message.truncate(message.floor_char_boundary(LONGEST));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // What comes in one millisecond is told apart by the next ones.
        let now = self.clock.now().as_millis();
        let behind = |last: &&Trouble| (now..now + TOGETHER).contains(&last.at);
        let at = kept.front().filter(behind).map_or(now, |last| last.at + 1);
        let trouble = Trouble { at, level: level.to_owned(), place: place.to_owned(), message };
        kept.push_front(trouble);
        kept.truncate(MOST);
    }

    /// Those of the last minutes, newest first.
    #[must_use]
    pub fn lately(&self) -> Vec<Trouble> {
        let now = self.clock.now();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|trouble| now.since(Timestamp::from_millis(trouble.at)) < SHOWN).cloned().collect()
    }
}

impl<S: Subscriber> Layer<S> for Troubles {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let level = match *metadata.level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            _ => return,
        };
        let mut text = Text::default();
        event.record(&mut text);
        // `headwater_core::tasks::worker` is of interest as `tasks`.
        let place = metadata.target().split("::").nth(1).unwrap_or(metadata.target());
        self.note(level, place, &format!("{}{}", text.message, text.rest));
    }
}

/// An event's message, and its other fields behind it.
#[derive(Default)]
struct Text {
    message: String,
    rest: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.rest, "; {name}: {value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut chain = value.to_string();
        let mut source = value.source();
        while let Some(error) = source {
            let _ = write!(chain, ": {error}");
            source = error.source();
        }
        self.record_debug(field, &format_args!("{chain}"));
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
