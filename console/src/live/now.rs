//! What runs at a moment, as whoever watches is told.

use serde::{Deserialize, Serialize};

/// What runs at a moment. Lists hold at most [`super::MOST`] of each kind: of jobs and runs those that run come first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Now {
    /// The moment, in milliseconds since 1970.
    pub at: i64,
    /// Headwater's version.
    pub version: String,
    /// Seconds since the server began.
    pub uptime: u64,
    /// Records and messages per second of all jobs and fleets.
    pub per_second: f64,
    /// Bytes of bodies that the streams of the list have taken.
    pub stored_bytes: u64,
    /// Jobs of datagen.
    pub jobs: Vec<Job>,
    /// Jobs that are not in the list.
    pub more_jobs: usize,
    /// Fleets of devices.
    pub fleets: Vec<Fleet>,
    /// Streams.
    pub streams: Vec<Stream>,
    /// Streams that are not in the list.
    pub more_streams: usize,
    /// Tables.
    pub tables: Vec<Table>,
    /// Tables that are not in the list.
    pub more_tables: usize,
    /// Runs of load tests.
    pub runs: Vec<Run>,
    /// What went wrong in the last minutes, newest first.
    pub troubles: Vec<Trouble>,
}

impl Now {
    /// Whether `per_second` says anything: something has been looked at twice, or nothing runs.
    pub(crate) fn is_measured(&self) -> bool {
        let mut rates = self.jobs.iter().map(|job| &job.rates).chain(self.fleets.iter().map(|fleet| &fleet.rates)).peekable();
        rates.peek().is_none() || rates.any(|rates| !rates.is_empty())
    }
}

/// How fast something has been lately: a value for each second, the newest last.
pub type Rates = Vec<f64>;

/// A job of datagen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// `RUNNING`, `COMPLETE` or `FAILED`.
    pub status: String,
    /// What it is doing, waiting for, or failed of.
    pub message: String,
    /// The type of its target.
    pub target: String,
    /// Records written.
    pub records: u64,
    /// Entities alive.
    pub sessions: u64,
    /// Job time passed, in seconds.
    pub run_time: f64,
    /// Records per second.
    pub per_second: f64,
    /// The same over the last minutes.
    pub rates: Rates,
}

/// A simulation's devices.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fleet {
    /// The simulation's id.
    pub id: String,
    /// Its name, or nothing.
    pub name: String,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether its devices run.
    pub running: bool,
    /// Devices that it has.
    pub devices: u64,
    /// Devices that are connected.
    pub active: u64,
    /// Messages sent.
    pub messages: u64,
    /// Messages, connections, reports and scripts that failed.
    pub failed: u64,
    /// Messages per second.
    pub per_second: f64,
    /// The same over the last minutes.
    pub rates: Rates,
}

/// A stream.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Stream {
    /// Its namespace.
    pub namespace: String,
    /// Its id.
    pub name: String,
    /// Events taken since it was made or truncated.
    pub events: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Events per second.
    pub per_second: f64,
    /// The same over the last minutes.
    pub rates: Rates,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// What it holds: `sample`, `vector`, `list` or `json`.
    pub element: String,
    /// Rows kept.
    pub rows: u64,
    /// The newest row's moment in nanoseconds.
    pub last_marker: Option<i64>,
    /// Whether nothing will be appended any more.
    pub finished: bool,
    /// Why its source gives nothing at the moment.
    pub trouble: Option<String>,
}

/// A run of a load test.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Run {
    /// Its id.
    pub uuid: String,
    /// The load generator.
    pub host: String,
    /// `running`, `lost` or `finished`.
    pub state: String,
    /// When it began, as in RFC 3339.
    pub started_at: String,
    /// When it ended, as in RFC 3339.
    pub ended_at: Option<String>,
    /// Users at work.
    pub clients: Option<i64>,
    /// Requests so far.
    pub requests: Option<i64>,
    /// Those that failed.
    pub failures: Option<i64>,
    /// The 95th percentile of response times, in milliseconds.
    pub p95: Option<f64>,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trouble {
    /// When, in milliseconds since 1970. No two have the same.
    pub at: i64,
    /// `error` or `warning`.
    pub level: String,
    /// What was being done, such as a module or a job.
    pub place: String,
    /// What happened.
    pub message: String,
}
