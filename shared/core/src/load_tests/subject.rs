//! What is compared: a run's result, from its record or from the statistics of Locust alone.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::measure::{self, Measured};
use super::statistics;

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    pub(super) about: ComparedRun,
    pub(super) total: Measured,
    pub(super) endpoints: Vec<(EndpointName, Measured)>,
}

/// Which run one side of a comparison is, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComparedRun {
    /// Its id.
    pub uuid: Option<String>,
    /// Its generator.
    pub host: Option<String>,
    /// What was tested, as its registration says.
    pub test_plan: Option<String>,
    /// The name that its registration gave it.
    pub name: Option<String>,
    /// The version of what was tested, as its registration says.
    pub version: Option<String>,
    /// When it began, as in RFC 3339.
    pub started_at: Option<String>,
    /// When it ended.
    pub ended_at: Option<String>,
}

/// What tells endpoints apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EndpointName {
    /// The method of its requests, where the statistics say one.
    pub method: Option<String>,
    /// Its name in the statistics.
    pub name: String,
}

/// Why there is nothing to compare in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSubject {
    /// It is neither of what can be compared.
    #[error("this is neither the record of a run nor statistics of Locust")]
    Unknown,
    /// The run has no result.
    #[error("the run has no result yet")]
    NoResult,
}

impl Subject {
    /// Reads the record of a run, as `GET /apiv0.1/events/runs/{uuid}` answers it, or statistics in one of Locust's two forms.
    ///
    /// The total is that of the statistics. What they cannot say of all endpoints together, the percentiles of a total that is not counted,
    /// is taken from the last live values of the run; of a result in a form that is not known, everything is.
    ///
    /// # Errors
    /// When it is none of them, or the record of a run without a result.
    pub fn read(document: &Value) -> Result<Self, NoSubject> {
        if let Some(subject) = Self::of_statistics(document) {
            return Ok(subject);
        }
        let record = document.as_object().filter(|record| record.contains_key("requestStats") && record.contains_key("fields"));
        let record = record.ok_or(NoSubject::Unknown)?;
        if record["requestStats"].is_null() {
            return Err(NoSubject::NoResult);
        }
        let fields = record["fields"].as_object().map(measure::of_fields).unwrap_or_default();
        let about = serde_json::from_value(document.clone()).map_err(|_| NoSubject::Unknown)?;
        let Some(mut subject) = Self::of_statistics(&record["requestStats"]) else {
            return Ok(Self { about, total: fields, endpoints: Vec::new() });
        };
        if subject.endpoints.is_empty() && subject.total.get(&measure::Measure::Requests).is_none_or(|requests| *requests == 0.0) {
            return Ok(Self { about, ..subject });
        }
        for percentile in [measure::Measure::P50, measure::Measure::P90, measure::Measure::P95, measure::Measure::P99] {
            if let Some(value) = fields.get(&percentile) {
                subject.total.entry(percentile).or_insert(*value);
            }
        }
        Ok(Self { about, ..subject })
    }

    fn of_statistics(stats: &Value) -> Option<Self> {
        let endpoints = statistics::endpoints(stats)?;
        let total = measure::of_endpoint(&statistics::total(stats)?);
        let named = endpoints.iter().map(|endpoint| {
            let name = EndpointName { method: endpoint.method.clone(), name: endpoint.name.clone() };
            (name, measure::of_endpoint(endpoint))
        });
        Some(Self { about: ComparedRun::default(), total, endpoints: named.collect() })
    }

    /// Its endpoints by what tells them apart.
    pub(super) fn by_name(&self) -> HashMap<&EndpointName, &Measured> {
        self.endpoints.iter().map(|(name, measured)| (name, measured)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::measure::Measure;
    use super::*;

    fn sample(name: &str) -> Value {
        let text = match name {
            "printed" => include_str!("samples/locust-json.json"),
            _ => include_str!("samples/locust-stats-requests.json"),
        };
        serde_json::from_str(text).unwrap()
    }

    fn record(stats: &Value) -> Value {
        json!({"uuid": "u", "host": "h", "state": "finished", "startedAt": "2026-01-31T09:15:00Z", "endedAt": null, "testPlan": "checkout",
            "fields": {"requests": 7, "failures": 1, "p90": 11.5, "p95": 4711.0}, "requestStats": stats, "endpoints": []})
    }

    #[test]
    fn a_record_and_its_statistics_say_the_same() {
        let (alone, recorded) = (Subject::read(&sample("printed")).unwrap(), Subject::read(&record(&sample("printed"))).unwrap());
        assert_eq!((&alone.total, &alone.endpoints), (&recorded.total, &recorded.endpoints));
        assert_eq!((alone.total[&Measure::Requests], alone.endpoints.len()), (167.0, 4));
        assert!(alone.total[&Measure::P95] > 0.0 && alone.total[&Measure::P95] < 100.0, "{alone:?}");
        assert_eq!((recorded.about.uuid.as_deref(), recorded.about.test_plan.as_deref()), (Some("u"), Some("checkout")));
    }

    #[test]
    fn live_values_say_what_statistics_do_not() {
        // The row for all has 95 and 99 of a hundred, but not 90.
        let subject = Subject::read(&record(&sample("answered"))).unwrap();
        assert_eq!((subject.total[&Measure::P95], subject.total[&Measure::P90], subject.total[&Measure::Requests]), (12.0, 11.5, 260.0));
        // A result of one's own has no statistics.
        let subject = Subject::read(&record(&json!({"GET /": {"avg": 12.5}}))).unwrap();
        assert_eq!((subject.total[&Measure::P95], subject.total[&Measure::Requests], subject.endpoints.len()), (4711.0, 7.0, 0));
        // A run that asked nothing has no response times, whatever its live values were.
        assert_eq!(Subject::read(&record(&json!([]))).unwrap().total.get(&Measure::P95), None);
    }

    #[test]
    fn other_documents_are_told_apart() {
        assert_eq!(Subject::read(&record(&Value::Null)), Err(NoSubject::NoResult));
        for other in [json!({}), json!("x"), json!({"stats": 3}), json!([1]), json!({"uuid": "u", "fields": {}})] {
            assert_eq!(Subject::read(&other), Err(NoSubject::Unknown), "{other}");
        }
    }
}
