//! Asks the services what runs.

use std::collections::HashMap;
use std::sync::PoisonError;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use headwater_core::ids::StreamName;
use headwater_core::ports::{PortError, Timestamp};
use headwater_core::streams::StreamError;
use headwater_core::tables::TableError;
use serde_json::{Map, Value};

use super::meter::Meter;
use super::{Fleet, Inner, Job, MOST, Now, Rates, Run, StreamNow, Table};
use crate::Services;

/// Streams that are asked for their size at once.
const AT_ONCE: usize = 16;

pub(super) async fn sample(live: &Inner) -> Result<Now, PortError> {
    let services = &live.services;
    // Before anything is asked: what changes behind this moment may not be in the sample.
    let now = live.clock.now();
    let (jobs, fleets, (streams, more_streams), (tables, more_tables), runs) =
        futures::try_join!(jobs(services), fleets(services), streams(services), tables(services), runs(services))?;
    let mut sample = Now {
        at: now.as_millis(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime: now.since(live.started).as_secs(),
        per_second: 0.0,
        stored_bytes: streams.iter().map(|stream| stream.bytes).sum(),
        jobs,
        more_jobs: 0,
        fleets,
        streams,
        more_streams,
        tables,
        more_tables,
        runs,
        troubles: live.troubles.lately(),
    };
    let mut meters = live.meters.lock().unwrap_or_else(PoisonError::into_inner);
    let before = std::mem::take(&mut *meters);
    let mut metering = Metering { before, now, after: HashMap::new() };
    for job in &mut sample.jobs {
        (job.per_second, job.rates) = metering.note(format!("job {}", job.name), job.records);
    }
    for fleet in &mut sample.fleets {
        (fleet.per_second, fleet.rates) = metering.note(format!("fleet {}", fleet.id), fleet.messages);
    }
    for stream in &mut sample.streams {
        (stream.per_second, stream.rates) = metering.note(format!("stream {}/{}", stream.namespace, stream.name), stream.events);
    }
    // A job that is over has been running when its last records were counted.
    let jobs = sample.jobs.iter().map(|job| job.per_second);
    // Not `sum`, which is a negative zero where nothing is.
    sample.per_second = jobs.chain(sample.fleets.iter().map(|fleet| fleet.per_second)).fold(0.0, |all, one| all + one);
    *meters = metering.after;
    sample.more_jobs = sample.jobs.len().saturating_sub(MOST);
    sample.jobs.truncate(MOST);
    Ok(sample)
}

/// What was counted before, on its way into what is counted now: a thing that is gone is forgotten.
struct Metering {
    before: HashMap<String, Meter>,
    now: Timestamp,
    after: HashMap<String, Meter>,
}

impl Metering {
    fn note(&mut self, of: String, count: u64) -> (f64, Rates) {
        let mut meter = self.before.remove(&of).unwrap_or_default();
        meter.note(self.now, count);
        let shown = (meter.per_second(), meter.rates());
        self.after.insert(of, meter);
        shown
    }
}

/// All jobs: the rate of all is that of each of them.
async fn jobs(services: &Services) -> Result<Vec<Job>, PortError> {
    let mut reports = services.datagen.jobs().await?;
    reports.sort_by(|one, other| (one.status != "RUNNING", &one.name).cmp(&(other.status != "RUNNING", &other.name)));
    let job = |report: headwater_core::datagen::Report| Job {
        name: report.name.to_string(),
        status: report.status.to_owned(),
        message: report.status_msg,
        target: report.target.get("type").and_then(Value::as_str).unwrap_or_default().to_owned(),
        records: report.total_records,
        sessions: report.active_sessions,
        run_time: report.run_time,
        ..Job::default()
    };
    Ok(reports.into_iter().map(job).collect())
}

async fn fleets(services: &Services) -> Result<Vec<Fleet>, PortError> {
    let views = services.simulations.list().await.map_err(|error| match error {
        headwater_core::simulations::SimulationError::Store(error) => error,
        other => PortError::unavailable("the simulation", other),
    })?;
    let fleet = |view: headwater_core::simulations::SimulationView| {
        let counters = view.counters.unwrap_or_default();
        let settings = &view.simulation.settings;
        Fleet {
            id: headwater_core::simulations::ONLY.to_owned(),
            name: settings.name.clone().unwrap_or_default(),
            enabled: settings.enabled,
            running: view.simulation.is_active(view.now) && counters.running,
            devices: settings.models.iter().map(|model| u64::from(model.count)).sum(),
            active: counters.active_devices,
            messages: counters.messages,
            failed: counters.failed_messages + counters.failed_connections + counters.failed_reports + counters.failed_scripts,
            ..Fleet::default()
        }
    };
    Ok(views.into_iter().take(MOST).map(fleet).collect())
}

/// The first streams, and how many more there are.
async fn streams(services: &Services) -> Result<(Vec<StreamNow>, usize), PortError> {
    let mut names = Vec::new();
    for namespace in services.streams.namespaces().await? {
        let ids = match services.streams.list(&namespace).await {
            Ok(ids) => ids,
            Err(StreamError::Store(error)) => return Err(error),
            Err(_) => continue, // Removed meanwhile.
        };
        names.extend(ids.into_iter().map(|stream| StreamName { namespace: namespace.clone(), stream }));
    }
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    let sized = stream::iter(names).map(|name| async move {
        match services.streams.size(&name).await {
            Ok(size) => Ok(Some(StreamNow {
                namespace: name.namespace.to_string(),
                name: name.stream.to_string(),
                events: size.events,
                bytes: size.bytes,
                ..StreamNow::default()
            })),
            Err(StreamError::Store(error)) => Err(error),
            Err(_) => Ok(None),
        }
    });
    let sized: Vec<Option<StreamNow>> = sized.buffered(AT_ONCE).try_collect().await?;
    Ok((sized.into_iter().flatten().collect(), more))
}

/// The first tables, and how many more there are.
async fn tables(services: &Services) -> Result<(Vec<Table>, usize), PortError> {
    let described = services.tables.list().await.map_err(|error| match error {
        TableError::Store(error) => error,
        other => PortError::unavailable("the tables", other),
    })?;
    let table = |table: headwater_core::tables::Description| Table {
        name: table.name.to_string(),
        element: table.definition.get("element").and_then(Value::as_str).unwrap_or_default().to_owned(),
        rows: table.rows,
        last_marker: table.last_marker,
        finished: table.finished,
        trouble: table.trouble,
    };
    let more = described.len().saturating_sub(MOST);
    Ok((described.into_iter().take(MOST).map(table).collect(), more))
}

async fn runs(services: &Services) -> Result<Vec<Run>, PortError> {
    let page = services.load_tests.runs(MOST, None).await.map_err(|error| match error {
        headwater_core::load_tests::LoadTestError::Store(error) => error,
        other => PortError::unavailable("the runs of load tests", other),
    })?;
    let mut runs: Vec<Run> = page.runs.iter().map(Run::of).collect();
    runs.sort_by_key(|run| run.state != "running"); // Newest first within.
    Ok(runs)
}

impl Run {
    /// A run as the service lists it.
    pub(crate) fn of(record: &Map<String, Value>) -> Self {
        let text = |member: &str| record.get(member).and_then(Value::as_str).map(str::to_owned);
        let field = |name: &str| record.get("fields").and_then(|fields| fields.get(name));
        Self {
            uuid: text("uuid").unwrap_or_default(),
            host: text("host").unwrap_or_default(),
            state: text("state").unwrap_or_default(),
            started_at: text("startedAt").unwrap_or_default(),
            ended_at: text("endedAt"),
            clients: field("clients").and_then(Value::as_i64),
            requests: field("requests").and_then(Value::as_i64),
            failures: field("failures").and_then(Value::as_i64),
            p95: field("p95").and_then(Value::as_f64),
        }
    }
}
