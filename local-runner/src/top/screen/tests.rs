//! The picture of fixed moments, in a terminal of the test's own.

use headwater_console::live::{Fleet, Job, Run, StreamNow, Table, Trouble};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;

fn job(name: &str, status: &str) -> Job {
    let rates = vec![0.0, 5.0, 10.0];
    Job {
        name: name.to_owned(),
        status: status.to_owned(),
        records: 12_345,
        sessions: 50,
        run_time: 65.0,
        per_second: 9.9,
        target: "stream".to_owned(),
        rates,
        ..Job::default()
    }
}

fn moment() -> Now {
    let fleet = Fleet {
        id: "1".to_owned(),
        name: "Demo".to_owned(),
        enabled: true,
        running: true,
        devices: 6,
        active: 6,
        messages: 12,
        ..Fleet::default()
    };
    let stream = StreamNow {
        namespace: "default".to_owned(),
        name: "devices".to_owned(),
        events: 12,
        bytes: 4096,
        per_second: 0.6,
        ..StreamNow::default()
    };
    let table = Table { name: "sine".to_owned(), element: "sample".to_owned(), rows: 8000, ..Table::default() };
    let run = Run {
        host: "generator".to_owned(),
        state: "running".to_owned(),
        started_at: "2026-01-01T00:00:00.123Z".to_owned(),
        clients: Some(5),
        p95: Some(12.5),
        ..Run::default()
    };
    let trouble = Trouble { at: 95_000, level: "error".to_owned(), place: "tasks".to_owned(), message: "the disk is full".to_owned() };
    Now {
        at: 100_000,
        version: "0.1.0".to_owned(),
        uptime: 3700,
        per_second: 10.5,
        stored_bytes: 4096,
        jobs: vec![job("clicks", "RUNNING"), job("old", "FAILED")],
        fleets: vec![fleet],
        streams: vec![stream],
        tables: vec![table],
        runs: vec![run],
        troubles: vec![trouble],
        ..Now::default()
    }
}

fn screen(now: Now) -> Screen {
    let mut screen = Screen::new("http://127.0.0.1:9999/".to_owned());
    screen.take(Update::Now(Box::new(now)));
    screen
}

/// The lines of the picture, without what fills them up.
fn picture(screen: &mut Screen, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.draw(frame, Instant::now())).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(line).collect()
}

#[test]
fn a_moment_is_a_picture() {
    let wanted = "\
headwater 0.1.0  http://127.0.0.1:9999/  up 1h1m
10.5 events/s                      █  4.0KiB stored

Jobs 2  STATUS   RECORDS  PER S                     ALIVE  TIME  TARGET
clicks  RUNNING   12,345    9.9                ▁▅█     50  1m5s  stream
old     FAILED    12,345    9.9                ▁▅█     50  1m5s  stream
Fleets 1  STATE    MESSAGES  PER S                     ACTIVE  DEVICES  FAILED
Demo      running        12    0.0                          6        6       0
Streams 1  EVENTS  PER S                       SIZE
devices        12    0.6                     4.0KiB
Tables 1  STATE     ROWS  ELEMENT
sine      filling  8,000  sample
Load tests 1  STATE    STARTED              USERS  REQUESTS  FAILURES  P95 MS
generator     running  2026-01-01T00:00:00      5         -         -    12.5
Troubles 1  LEVEL  PLACE  WHAT
        5s  error  tasks  the disk is full

q quit   Tab ← → list   ↑ ↓ scroll";
    assert_eq!(picture(&mut screen(moment()), 90, 18).join("\n"), wanted);
}

#[test]
fn no_size_breaks_it() {
    for (width, height) in [(1, 1), (2, 5), (10, 3), (20, 8), (300, 100), (40, 1)] {
        for chosen in 0..LISTS {
            let mut screen = screen(moment());
            screen.chosen = chosen;
            screen.obey(Wish::Bottom);
            picture(&mut screen, width, height);
        }
    }
    picture(&mut screen(Now::default()), 80, 24);
}

#[test]
fn a_long_list_is_scrolled_within_what_is_left_for_it() {
    let mut now = moment();
    now.jobs = (0..100).map(|number| job(&format!("job-{number:03}"), "RUNNING")).collect();
    let mut screen = screen(now);
    let before = picture(&mut screen, 80, 24);
    assert!(before[3].starts_with("Jobs 1-9/100") && before[4].starts_with("job-000"), "{before:#?}");
    screen.obey(Wish::Down);
    assert!(picture(&mut screen, 80, 24)[4].starts_with("job-001"));
    screen.obey(Wish::PageDown);
    assert!(picture(&mut screen, 80, 24)[4].starts_with("job-010"));
    screen.obey(Wish::Bottom);
    assert!(picture(&mut screen, 80, 24)[4].starts_with("job-091"));
    screen.obey(Wish::Up);
    assert!(picture(&mut screen, 80, 24)[4].starts_with("job-090"));
    // Another list was chosen: what it has is there still, all of it, and the keys are about it.
    screen.obey(Wish::PreviousList);
    screen.obey(Wish::Down);
    let after = picture(&mut screen, 80, 24);
    assert!(after[4].starts_with("job-090") && after.iter().any(|line| line.contains("the disk is full")), "{after:#?}");
}

#[test]
fn where_little_fits_the_chosen_list_is_shown() {
    let mut screen = screen(moment());
    screen.obey(Wish::NextList);
    let lines = picture(&mut screen, 60, 7);
    assert!(lines[3].starts_with("Fleets 1") && lines[4].starts_with("Demo"), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("clicks")), "{lines:#?}");
}

#[test]
fn lines_are_shared_out() {
    assert_eq!(heights(&[1, 1, 2, 2, 1, 0], 0, 40), [2, 2, 3, 3, 2, 1]);
    assert_eq!(heights(&[100, 1, 2, 100, 1, 0], 0, 24), [11, 2, 3, 4, 2, 1].map(|lines: u16| lines + u16::from(lines == 11)));
    assert_eq!(heights(&[100, 100, 0, 0, 0, 0], 5, 24), [10, 10, 1, 1, 1, 1]);
    assert_eq!(heights(&[9, 9, 9, 9, 9, 9], 2, 5), [0, 0, 5, 0, 0, 0]);
    for space in 0..60 {
        let given = heights(&[30, 0, 5, 9, 1, 2], 3, space);
        assert!(given.iter().sum::<u16>() <= space, "{given:?} of {space}");
    }
}

#[test]
fn a_server_that_is_away_is_told_of_and_what_was_last_seen_stays() {
    let mut screen = screen(moment());
    screen.take(Update::Away { why: "the server has ended".to_owned(), again: Instant::now() + Duration::from_secs(60) });
    let lines = picture(&mut screen, 80, 24);
    assert!(lines[23].starts_with("the server has ended; trying again in "), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("clicks")), "{lines:#?}");
    screen.take(Update::Now(Box::new(moment())));
    assert!(picture(&mut screen, 80, 24)[23].starts_with("q quit"));
}

#[test]
fn no_text_of_the_server_moves_the_terminal() {
    let hostile = "\u{1b}[2J\u{9b}31m\r\n\u{202e}";
    let mut now = moment();
    now.version = hostile.to_owned();
    now.jobs[0].name = hostile.to_owned();
    now.jobs[0].message = hostile.to_owned();
    now.fleets[0].name = hostile.to_owned();
    now.streams[0].namespace = hostile.to_owned();
    now.tables[0].trouble = Some(hostile.to_owned());
    now.runs[0].host = hostile.to_owned();
    now.runs[0].started_at = hostile.to_owned();
    now.troubles[0].place = hostile.to_owned();
    let lines = picture(&mut screen(now), 120, 24).concat();
    assert!(!lines.contains(|letter: char| letter.is_control() || letter == '\u{202e}'), "{lines:?}");
    assert!(lines.contains("\u{fffd}[2J"), "{lines:?}");
}

#[test]
fn wide_letters_are_fitted_by_the_room_that_they_take() {
    assert_eq!(fit("東京", 5, Side::Right), " 東京");
    assert_eq!(fit("東京都", 5, Side::Left), "東京…");
    assert_eq!(fit("東京都", 4, Side::Left), "東… ");
    assert_eq!(fit("abcdef", 3, Side::Left), "ab…");
    assert_eq!(fit("abc", 0, Side::Left), "");
}
