//! What runs, as lists of rows: one for each kind of thing, whoever shows them.

use std::time::Duration;

use headwater_console::live::{Fleet, Job, Now, Rates, Run, StreamNow, Table, Trouble};

use super::text::{bytes, clean, count, rate, span};

/// Things of one kind.
#[derive(Debug)]
pub(super) struct List {
    pub(super) title: &'static str,
    pub(super) columns: &'static [Column],
    pub(super) rows: Vec<Row>,
}

/// A column's heading, and the side on which its cells stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) heading: &'static str,
    pub(super) side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A thing: a cell for each column, how it is, and how fast it has been.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    pub(super) state: State,
    /// Where it makes no sense to say, nothing.
    pub(super) rates: Option<Rates>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Resting,
    Troubled,
}

const fn left(heading: &'static str) -> Column {
    Column { heading, side: Side::Left }
}

const fn right(heading: &'static str) -> Column {
    Column { heading, side: Side::Right }
}

const JOBS: &[Column] =
    &[left("NAME"), left("STATUS"), right("RECORDS"), right("PER S"), right("ALIVE"), right("TIME"), left("TARGET"), left("")];
const FLEETS: &[Column] =
    &[left("NAME"), left("STATE"), right("MESSAGES"), right("PER S"), right("ACTIVE"), right("DEVICES"), right("FAILED")];
const STREAMS: &[Column] = &[left("NAME"), right("EVENTS"), right("PER S"), right("SIZE")];
const TABLES: &[Column] = &[left("NAME"), left("STATE"), right("ROWS"), left("ELEMENT"), left("")];
const RUNS: &[Column] =
    &[left("HOST"), left("STATE"), left("STARTED"), right("USERS"), right("REQUESTS"), right("FAILURES"), right("P95 MS")];
const TROUBLES: &[Column] = &[right("AGO"), left("LEVEL"), left("PLACE"), left("WHAT")];

/// All lists, in the order in which they are shown; what went wrong is the last.
pub(super) fn lists(now: &Now) -> [List; 6] {
    let troubles = now.troubles.iter().map(|trouble| self::trouble(trouble, now.at)).collect();
    [
        List { title: "Jobs", columns: JOBS, rows: now.jobs.iter().map(job).collect() },
        List { title: "Fleets", columns: FLEETS, rows: now.fleets.iter().map(fleet).collect() },
        List { title: "Streams", columns: STREAMS, rows: now.streams.iter().map(stream).collect() },
        List { title: "Tables", columns: TABLES, rows: now.tables.iter().map(table).collect() },
        List { title: "Load tests", columns: RUNS, rows: now.runs.iter().map(run).collect() },
        List { title: "Troubles", columns: TROUBLES, rows: troubles },
    ]
}

fn job(job: &Job) -> Row {
    let state = match job.status.as_str() {
        "RUNNING" => State::Running,
        "FAILED" => State::Troubled,
        _ => State::Resting,
    };
    let cells = vec![
        clean(&job.name),
        clean(&job.status),
        count(job.records),
        rate(job.per_second),
        count(job.sessions),
        // From outside it may be anything.
        span(Duration::try_from_secs_f64(job.run_time).unwrap_or_default()),
        clean(&job.target),
        clean(&job.message),
    ];
    Row { cells, state, rates: Some(job.rates.clone()) }
}

fn fleet(fleet: &Fleet) -> Row {
    let (state, word) = match (fleet.running, fleet.enabled) {
        (true, _) => (State::Running, "running"),
        (false, true) => (State::Resting, "waiting"),
        (false, false) => (State::Resting, "stopped"),
    };
    let name = if fleet.name.is_empty() { &fleet.id } else { &fleet.name };
    let cells = vec![
        clean(name),
        word.to_owned(),
        count(fleet.messages),
        rate(fleet.per_second),
        count(fleet.active),
        count(fleet.devices),
        count(fleet.failed),
    ];
    Row { cells, state, rates: Some(fleet.rates.clone()) }
}

fn stream(stream: &StreamNow) -> Row {
    let name = if stream.namespace == "default" { clean(&stream.name) } else { clean(&format!("{}/{}", stream.namespace, stream.name)) };
    let cells = vec![name, count(stream.events), rate(stream.per_second), bytes(stream.bytes)];
    let state = if stream.per_second > 0.0 { State::Running } else { State::Resting };
    Row { cells, state, rates: Some(stream.rates.clone()) }
}

fn table(table: &Table) -> Row {
    let (state, word) = match (&table.trouble, table.finished) {
        (Some(_), _) => (State::Troubled, "waiting"),
        (None, true) => (State::Resting, "finished"),
        (None, false) => (State::Running, "filling"),
    };
    let trouble = clean(table.trouble.as_deref().unwrap_or_default());
    Row { cells: vec![clean(&table.name), word.to_owned(), count(table.rows), clean(&table.element), trouble], state, rates: None }
}

fn run(run: &Run) -> Row {
    let state = match run.state.as_str() {
        "running" => State::Running,
        "lost" => State::Troubled,
        _ => State::Resting,
    };
    let number = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let cells = vec![
        clean(&run.host),
        clean(&run.state),
        // Without the fractions of its seconds.
        clean(run.started_at.split('.').next().unwrap_or_default()),
        number(run.clients),
        number(run.requests),
        number(run.failures),
        run.p95.map_or_else(|| "-".to_owned(), rate),
    ];
    Row { cells, state, rates: None }
}

fn trouble(trouble: &Trouble, now: i64) -> Row {
    let ago = Duration::from_millis(u64::try_from(now.saturating_sub(trouble.at)).unwrap_or(0));
    let state = if trouble.level == "error" { State::Troubled } else { State::Resting };
    Row { cells: vec![span(ago), clean(&trouble.level), clean(&trouble.place), clean(&trouble.message)], state, rates: None }
}
