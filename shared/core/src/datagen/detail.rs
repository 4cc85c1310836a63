//! A job in full, for whoever looks at it by hand; and the same job once more.

use std::time::Duration;

use serde::Deserialize as _;
use serde_json::{Map, Value as Json, json};

use super::calendar;
use super::job::{CUSTOM, Launch, Progress, Report, TimeType, clock_text};
use super::service::{DatagenService, StartError, report};
use crate::ids::{FileName, StreamName};
use crate::ports::{PortError, Timestamp};
use crate::targets::{Target, mask_secrets};
use crate::tasks::Task;

/// What is known of a job: its report, and what it was started with. No secret is in it.
#[derive(Debug, Clone)]
pub struct JobDetail {
    /// The report.
    pub report: Report,
    /// Limit in records.
    pub total_events: Option<u64>,
    /// Limit in job time.
    pub time_limit: Option<Duration>,
    /// Most entities.
    pub concurrency: u64,
    /// The clock that it was started on.
    pub time_type: TimeType,
    /// Where job time begins.
    pub start: Timestamp,
    /// How far the job clock has come: `2023-01-01 00:00:19.123456`.
    pub clock: String,
    /// The specification, with masks for the secrets of a target that it may have brought along.
    pub specification: Json,
    /// The file that it writes, if it does.
    pub file: Option<FileName>,
    /// The stream that it writes, if it does.
    pub stream: Option<StreamName>,
}

/// Why a job was not started again.
#[derive(Debug, thiserror::Error)]
pub enum StartAgainError {
    /// There is no job of this name.
    #[error("there is no job {0:?}")]
    NotFound(String),
    /// It could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl From<PortError> for StartAgainError {
    fn from(error: PortError) -> Self {
        Self::Start(error.into())
    }
}

impl JobDetail {
    fn of(task: &Task) -> Result<Self, PortError> {
        let corrupt = |source: serde_json::Error| PortError::Corrupt { what: format!("the task {}", task.id), source: source.into() };
        let report = report(task)?;
        let launch = Launch::deserialize(&task.specification).map_err(corrupt)?;
        let progress = Progress::deserialize(&task.progress).map_err(corrupt)?;
        let target = Target::parse(&Json::Object(launch.target.clone())).ok();
        let mut specification = launch.specification.clone();
        if let Some(target) = specification.get_mut("target").and_then(Json::as_object_mut) {
            mask_secrets(target);
        }
        Ok(Self {
            report,
            total_events: launch.total_events,
            time_limit: launch.time_limit.map(Duration::from_nanos),
            concurrency: launch.concurrency,
            time_type: launch.time_type(),
            start: launch.start,
            clock: clock_text(&launch.run(), progress.run_time),
            specification,
            file: target.as_ref().and_then(Target::file).cloned(),
            stream: target.as_ref().and_then(Target::stream).cloned(),
        })
    }
}

impl Launch {
    /// The clock that was asked for.
    pub(super) fn time_type(&self) -> TimeType {
        // A start at any other moment than that of the launch was asked for.
        match (self.start == self.launched, self.paced) {
            (true, false) => TimeType::Simulated,
            (true, true) => TimeType::Real,
            (false, _) => TimeType::From(self.start_shown),
        }
    }

    /// The `/start` body that this launch came from, with the seed that the job had. The target's secrets are in it.
    pub(super) fn request(&self) -> Json {
        let mut body = Map::new();
        body.insert("name".to_owned(), json!(self.name));
        body.insert("target".to_owned(), Json::Object(self.target.clone()));
        if self.config_file == CUSTOM {
            body.insert("config".to_owned(), self.specification.clone());
        } else {
            body.insert("config_file".to_owned(), json!(self.config_file));
        }
        body.insert("concurrency".to_owned(), json!(self.concurrency));
        body.insert("total_events".to_owned(), json!(self.total_events));
        body.insert("time".to_owned(), json!(self.time_limit.map(|nanos| format!("{}s", nanos / 1_000_000_000))));
        let time_type = match self.time_type() {
            TimeType::Simulated => "SIM".to_owned(),
            TimeType::Real => "REAL".to_owned(),
            TimeType::From(moment) => String::from_utf8_lossy(&calendar::with_micros(moment.as_micros())).into_owned(),
        };
        body.insert("time_type".to_owned(), json!(time_type));
        body.insert("seed".to_owned(), json!(self.seed));
        Json::Object(body)
    }
}

impl DatagenService {
    /// A job in full, or `None`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn detail(&self, name: &str) -> Result<Option<JobDetail>, PortError> {
        self.task_of(name).await?.map(|task| JobDetail::of(&task)).transpose()
    }

    /// Starts a job anew with the request that it was started with, and the seed that it had, in place of the one that there is.
    /// A specification of a name is read again. One that still runs is stopped when the new one stands: where that cannot be started,
    /// the job stays as it is.
    ///
    /// # Errors
    /// When there is no job of this name, or it cannot be started as it was.
    pub async fn start_again(&self, name: &str) -> Result<(), StartAgainError> {
        let missing = || StartAgainError::NotFound(name.to_owned());
        let task = self.task_of(name).await?.ok_or_else(missing)?;
        let corrupt = |source: serde_json::Error| PortError::Corrupt { what: format!("the task {}", task.id), source: source.into() };
        let body = Launch::deserialize(&task.specification).map_err(corrupt)?.request();
        self.start_in_place_of(Some(&task.id), &body).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datagen::job::JobRequest;
    use crate::ids::JobName;

    fn launch(time_type: Option<(Timestamp, bool)>) -> Launch {
        let launched = Timestamp::from_millis(1_700_000_000_123);
        let (start_shown, paced) = time_type.unwrap_or((launched, false));
        Launch {
            name: JobName::try_from("shop").unwrap(),
            config_file: CUSTOM.to_owned(),
            specification: json!({"target": {"type": "kafka", "password": "hush"}}),
            has_source: false,
            target: json!({"type": "http", "url": "https://example.com", "headers": {"authorization": "hush"}})
                .as_object()
                .unwrap()
                .clone(),
            seed: 7,
            start: if start_shown == launched { launched } else { start_shown.plus(Duration::from_millis(1)) },
            start_shown,
            paced,
            concurrency: 3,
            total_events: Some(10),
            time_limit: Some(90_000_000_000),
            launched,
        }
    }

    #[test]
    fn a_launch_gives_the_request_that_it_came_from() {
        let moment = Timestamp::from_micros(1_600_000_000_654_321);
        let launched = launch(None).launched;
        for (given, wanted) in [
            (None, TimeType::Simulated),
            (Some((launched, true)), TimeType::Real),
            (Some((moment, true)), TimeType::From(moment)),
            (Some((moment, false)), TimeType::From(moment)),
        ] {
            let launch = launch(given);
            let request = JobRequest::parse(&launch.request()).unwrap();
            let settings = &request.settings;
            assert_eq!((settings.time_type, settings.seed, settings.concurrency), (wanted, Some(7), 3));
            assert_eq!((settings.total_events, settings.time), (Some(10), Some(90_000_000_000)));
            assert_eq!(request.target_given, launch.target);
            assert_eq!(settings.run(7, launched).start, launch.start, "{wanted:?}");
        }
    }

    #[test]
    fn a_detail_holds_no_secret() {
        let id = crate::ids::TaskId::from_bits(1);
        let launch = launch(None);
        let task = Task::new(id, crate::datagen::KIND, &launch, &Progress::default(), "", launch.launched);
        let shown = format!("{:?}", JobDetail::of(&task).unwrap());
        assert!(!shown.contains("hush") && shown.contains("example.com"), "{shown}");
    }
}
