//! How far `put` has come, drawn on standard error.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the progress is drawn anew.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Bytes sent, of how many where that is known, and events. Drawn on a terminal only, and not over lines that are typed there.
#[derive(Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// `total` is the length of all inputs, where each is known.
    pub(super) fn new(total: Option<u64>) -> Self {
        let typed = total.is_none() && std::io::stdin().is_terminal();
        if !std::io::stderr().is_terminal() || typed {
            return Self::hidden();
        }
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "{wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {msg}  {eta} left"),
            None => (ProgressBar::no_length(), "{spinner} {bytes}  {bytes_per_sec}  {msg}"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template(template).expect("a constant template"));
        bar.enable_steady_tick(DRAW_EVERY);
        Self(bar)
    }

    /// So many bytes more were taken by the server, which makes so many events in all.
    pub(super) fn moved(&self, bytes: u64, events: u64) {
        if !self.0.is_hidden() {
            self.0.inc(bytes);
            self.0.set_message(format!("{} events", HumanCount(events)));
        }
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
