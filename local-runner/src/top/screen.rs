//! The picture: who serves, every list with a heading, and what keys do.

use std::collections::VecDeque;
use std::time::Duration;

use headwater_console::live::Now;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use tokio::time::Instant;

use super::feed::Update;
use super::lists::{List, Row, Side, State, lists};
use super::text::{bytes, clean, plot, rate, span};

/// How many lists there are.
const LISTS: usize = 6;

/// Lines that every list is given, before the chosen one has the others: its heading and three rows.
const AT_LEAST: u16 = 4;

/// The heading behind which a row's plot stands.
const PLOTTED: &str = "PER S";

/// The longest plot, in characters, and as many seconds.
const LONGEST_PLOT: usize = 40;

/// What is shown, and what of it was chosen.
#[derive(Debug)]
pub(super) struct Screen {
    server: String,
    now: Option<Box<Now>>,
    /// Of everything together, over the last seconds.
    rates: VecDeque<f64>,
    away: Option<(String, Instant)>,
    chosen: usize,
    /// The first row of each list that is shown, and how many could be at the last time.
    first: [usize; LISTS],
    room: [usize; LISTS],
}

/// What keys ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    NextList,
    PreviousList,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
}

impl Screen {
    /// Nothing yet of this server.
    pub(super) fn new(server: String) -> Self {
        Self { server, now: None, rates: VecDeque::new(), away: None, chosen: 0, first: [0; LISTS], room: [0; LISTS] }
    }

    pub(super) fn take(&mut self, update: Update) {
        match update {
            Update::Now(now) => {
                self.rates.push_back(now.per_second);
                if self.rates.len() > LONGEST_PLOT {
                    self.rates.pop_front();
                }
                (self.now, self.away) = (Some(now), None);
            }
            Update::Away { why, again } => self.away = Some((why, again)),
        }
    }

    pub(super) fn obey(&mut self, wish: Wish) {
        let page = self.room[self.chosen].max(1);
        let first = &mut self.first[self.chosen];
        // Too far down is put right when it is drawn, where the number of rows is known.
        match wish {
            Wish::NextList => self.chosen = (self.chosen + 1) % LISTS,
            Wish::PreviousList => self.chosen = (self.chosen + LISTS - 1) % LISTS,
            Wish::Up => *first = first.saturating_sub(1),
            Wish::Down => *first += 1,
            Wish::PageUp => *first = first.saturating_sub(page),
            Wish::PageDown => *first += page,
            Wish::Top => *first = 0,
            Wish::Bottom => *first = usize::MAX / 2,
        }
    }

    pub(super) fn draw(&mut self, frame: &mut Frame<'_>, at: Instant) {
        let area = frame.area();
        let width = usize::from(area.width);
        let mut lines = self.head(width);
        let space = area.height.saturating_sub(u16::try_from(lines.len()).unwrap_or(u16::MAX)).saturating_sub(1);
        if let Some(now) = &self.now {
            let lists = lists(now);
            let heights = heights(&lists.each_ref().map(|list| list.rows.len()), self.chosen, space);
            for (place, (list, height)) in lists.iter().zip(heights).enumerate() {
                let room = usize::from(height).saturating_sub(1);
                self.room[place] = room;
                self.first[place] = self.first[place].min(list.rows.len().saturating_sub(room));
                if height > 0 {
                    let shown = self.first[place]..(self.first[place] + room).min(list.rows.len());
                    lines.extend(drawn(list, shown, place == self.chosen, width));
                }
            }
        }
        lines.truncate(usize::from(area.height.saturating_sub(1)));
        frame.render_widget(Paragraph::new(lines), Rect { height: area.height.saturating_sub(1), ..area });
        let last = Rect { y: area.y + area.height.saturating_sub(1), height: area.height.min(1), ..area };
        frame.render_widget(Paragraph::new(self.foot(at)), last);
    }

    fn head(&self, width: usize) -> Vec<Line<'static>> {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let Some(now) = &self.now else {
            return vec![Line::from(vec![Span::styled("headwater", bold), Span::raw(format!("  {}", self.server))]), Line::default()];
        };
        let rates: Vec<f64> = self.rates.iter().copied().collect();
        let name = Span::styled(format!("headwater {}", clean(&now.version)), bold);
        let up = format!("  {}  up {}", self.server, span(Duration::from_secs(now.uptime)));
        let speed = Span::styled(format!("{} events/s", rate(now.per_second)), bold);
        let drawn = Span::styled(format!(" {} ", plot(&rates, LONGEST_PLOT.min(width / 4))), Style::new().fg(Color::Cyan));
        let stored = Span::raw(format!(" {} stored", bytes(now.stored_bytes)));
        vec![Line::from(vec![name, Span::raw(up)]), Line::from(vec![speed, drawn, stored]), Line::default()]
    }

    fn foot(&self, at: Instant) -> Line<'static> {
        match &self.away {
            Some((why, again)) => {
                let left = again.saturating_duration_since(at).as_secs_f64();
                let text = if left > 0.0 { format!("{why}; trying again in {left:.0} s") } else { format!("{why}; trying again") };
                Line::styled(text, Style::new().fg(Color::Red).add_modifier(Modifier::BOLD))
            }
            None if self.now.is_none() => Line::raw("waiting for the server"),
            None => Line::styled("q quit   Tab ← → list   ↑ ↓ scroll", Style::new().add_modifier(Modifier::DIM)),
        }
    }
}

/// The lines that each list is given of these: first some for each, then all that the chosen one wants, then the others in turn. Where there
/// is no room for all headings, the chosen one has everything.
fn heights(rows: &[usize; LISTS], chosen: usize, space: u16) -> [u16; LISTS] {
    let wanted = rows.map(|rows| u16::try_from(rows).unwrap_or(u16::MAX - 1) + 1);
    let mut given = [0; LISTS];
    let Some(mut left) = space.checked_sub(LISTS as u16) else {
        given[chosen] = space.min(wanted[chosen]);
        return given;
    };
    given = [1; LISTS];
    let mut give = |place: usize, most: u16, given: &mut [u16; LISTS]| {
        let more = most.min(wanted[place]).saturating_sub(given[place]).min(left);
        given[place] += more;
        left -= more;
        more > 0
    };
    for lines in 2..=AT_LEAST {
        for place in 0..LISTS {
            give(place, lines, &mut given);
        }
    }
    give(chosen, u16::MAX, &mut given);
    loop {
        let mut any = false;
        for place in 0..LISTS {
            any |= give(place, given[place] + 1, &mut given);
        }
        if !any {
            return given;
        }
    }
}

/// A list's heading and these of its rows.
fn drawn(list: &List, shown: std::ops::Range<usize>, chosen: bool, width: usize) -> Vec<Line<'static>> {
    let style = if chosen { Modifier::BOLD | Modifier::REVERSED } else { Modifier::BOLD | Modifier::UNDERLINED };
    let heading = Style::new().add_modifier(style);
    let title = match list.rows.len() {
        0 => return vec![Line::styled(format!("{:width$}", format!("{}: none", list.title)), heading)],
        all if shown.len() < all => format!("{} {}-{}/{all}", list.title, shown.start + 1, shown.end),
        all => format!("{} {all}", list.title),
    };
    // Widths are those of all rows, so that nothing jumps when the list is scrolled.
    let wide = |text: &str| Span::raw(text).width();
    let widths: Vec<usize> = (0..list.columns.len())
        .map(|place| {
            let head = if place == 0 { wide(&title) } else { wide(list.columns[place].heading) };
            let most = list.rows.iter().map(|row| wide(&row.cells[place])).fold(head, usize::max);
            // A long name must not push the numbers out of sight.
            if place == 0 { most.min((width / 3).max(head)) } else { most }
        })
        .collect();
    let plotted = list.columns.iter().position(|column| column.heading == PLOTTED);
    let plot_width = if plotted.is_some() { LONGEST_PLOT.min(width / 5) } else { 0 };
    let mut head = String::new();
    for (place, column) in list.columns.iter().enumerate() {
        head += &fit(if place == 0 { &title } else { column.heading }, widths[place], column.side);
        head += if plotted == Some(place) { " ".repeat(plot_width + 3) } else { "  ".to_owned() }.as_str();
    }
    let mut lines = vec![Line::styled(fit(&head, width, Side::Left), heading)];
    lines.extend(list.rows[shown].iter().map(|row| line(list, row, &widths, plotted, plot_width)));
    lines
}

fn line(list: &List, row: &Row, widths: &[usize], plotted: Option<usize>, plot_width: usize) -> Line<'static> {
    let style = match row.state {
        State::Running => Style::new(),
        State::Resting => Style::new().add_modifier(Modifier::DIM),
        State::Troubled => Style::new().fg(Color::Red),
    };
    let mut spans = Vec::new();
    for (place, column) in list.columns.iter().enumerate() {
        // The last column may be as long as it is.
        let last = place + 1 == list.columns.len() && column.side == Side::Left;
        let cell = if last { row.cells[place].clone() } else { fit(&row.cells[place], widths[place], column.side) };
        spans.push(Span::styled(cell, style));
        if plotted == Some(place) {
            let plot = plot(row.rates.as_deref().unwrap_or_default(), plot_width);
            spans.push(Span::styled(format!(" {plot}"), Style::new().fg(Color::Cyan)));
        }
        spans.push(Span::raw("  "));
    }
    Line::from(spans)
}

/// The text in exactly this many columns of the terminal.
fn fit(text: &str, width: usize, side: Side) -> String {
    let wide = Span::raw(text).width();
    if wide <= width {
        let gap = " ".repeat(width - wide);
        return if side == Side::Left { format!("{text}{gap}") } else { format!("{gap}{text}") };
    }
    let (mut cut, mut taken) = (String::new(), 0);
    for letter in text.chars() {
        let more = Span::raw(letter.to_string()).width();
        if taken + more + 1 > width {
            break;
        }
        cut.push(letter);
        taken += more;
    }
    if taken < width {
        cut.push('…');
        taken += 1;
    }
    cut + &" ".repeat(width - taken)
}

#[cfg(test)]
mod tests;
