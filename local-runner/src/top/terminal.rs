//! The terminal while it is ours: keys, sizes, and what comes from the server.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures::StreamExt as _;
use ratatui::DefaultTerminal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::feed::Feed;
use super::screen::{Screen, Wish};

/// Shows what runs until the user has seen enough.
pub(super) async fn run(feed: Feed, server: String) -> anyhow::Result<ExitCode> {
    let mut terminal = ratatui::try_init().context("the terminal cannot be drawn on")?;
    let outcome = show(&mut terminal, &feed, server).await;
    // Before anything is said about how it ended.
    ratatui::restore();
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn show(terminal: &mut DefaultTerminal, feed: &Feed, server: String) -> anyhow::Result<()> {
    let mut screen = Screen::new(server);
    let (updates, mut updated) = mpsc::channel(4);
    let mut following = std::pin::pin!(feed.follow(updates));
    let mut keys = EventStream::new();
    let mut told_to_end = signal(SignalKind::terminate()).context("signals cannot be heard")?;
    let mut hung_up = signal(SignalKind::hangup()).context("signals cannot be heard")?;
    // The seconds until the next attempt are counted down.
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        terminal.draw(|frame| screen.draw(frame, Instant::now())).context("the terminal cannot be drawn on")?;
        tokio::select! {
            outcome = &mut following => return outcome.map_err(Into::into),
            Some(update) = updated.recv() => screen.take(update),
            event = keys.next() => match event {
                Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => match asked(key) {
                    Some(Asked::End) => return Ok(()),
                    Some(Asked::For(wish)) => screen.obey(wish),
                    None => {}
                },
                Some(Ok(_)) => {} // Another size: what is drawn next has it.
                Some(Err(error)) => return Err(error).context("keys cannot be heard"),
                None => return Ok(()),
            },
            _ = ticks.tick() => {}
            _ = told_to_end.recv() => return Ok(()),
            _ = hung_up.recv() => return Ok(()),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    End,
    For(Wish),
}

fn asked(key: KeyEvent) -> Option<Asked> {
    let wish = match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return Some(Asked::End),
        // In this mode the terminal makes no signal of it.
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Some(Asked::End),
        KeyCode::Tab | KeyCode::Right => Wish::NextList,
        KeyCode::BackTab | KeyCode::Left => Wish::PreviousList,
        KeyCode::Up => Wish::Up,
        KeyCode::Down => Wish::Down,
        KeyCode::PageUp => Wish::PageUp,
        KeyCode::PageDown => Wish::PageDown,
        KeyCode::Home => Wish::Top,
        KeyCode::End => Wish::Bottom,
        _ => return None,
    };
    Some(Asked::For(wish))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_understood() {
        let plain = |code| asked(KeyEvent::new(code, KeyModifiers::NONE));
        assert_eq!([plain(KeyCode::Char('q')), plain(KeyCode::Esc)], [Some(Asked::End), Some(Asked::End)]);
        assert_eq!(asked(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Asked::End));
        assert_eq!([plain(KeyCode::Char('c')), plain(KeyCode::Enter)], [None, None]);
        assert_eq!(plain(KeyCode::Tab), Some(Asked::For(Wish::NextList)));
        assert_eq!(asked(KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT)), Some(Asked::For(Wish::PreviousList)));
    }
}
