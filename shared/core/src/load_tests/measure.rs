//! What is measured of a run and can be compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::statistics::Endpoint;

/// Something that is measured of an endpoint, or of all together. Its name in JSON is that of the record of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Measure {
    /// How many requests were made.
    Requests,
    /// How many of them failed.
    Failures,
    /// The share of them that failed, from 0 to 1.
    FailureRatio,
    /// Requests a second.
    RequestsPerSecond,
    /// Failures a second.
    FailuresPerSecond,
    /// The average response time, in milliseconds as the next ones.
    AverageResponseTime,
    /// The shortest response time.
    MinResponseTime,
    /// The longest response time.
    MaxResponseTime,
    /// The response time that half of the requests did not exceed.
    P50,
    /// That of 90 of a hundred.
    P90,
    /// That of 95 of a hundred.
    P95,
    /// That of 99 of a hundred.
    P99,
}

/// Values of measures; those that nobody knows are not there.
pub(super) type Measured = BTreeMap<Measure, f64>;

impl Measure {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 12] = [
        Self::Requests,
        Self::Failures,
        Self::FailureRatio,
        Self::RequestsPerSecond,
        Self::FailuresPerSecond,
        Self::AverageResponseTime,
        Self::MinResponseTime,
        Self::MaxResponseTime,
        Self::P50,
        Self::P90,
        Self::P95,
        Self::P99,
    ];

    /// Its name in rules and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Failures => "failures",
            Self::FailureRatio => "failureRatio",
            Self::RequestsPerSecond => "requestsPerSecond",
            Self::FailuresPerSecond => "failuresPerSecond",
            Self::AverageResponseTime => "averageResponseTime",
            Self::MinResponseTime => "minResponseTime",
            Self::MaxResponseTime => "maxResponseTime",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }

    /// The measure of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == name)
    }

    /// Whether more of it is worse; `None` where more is neither, as of requests: a longer run has more of them.
    #[must_use]
    pub const fn more_is_worse(self) -> Option<bool> {
        match self {
            Self::Requests => None,
            Self::RequestsPerSecond => Some(false),
            _ => Some(true),
        }
    }
}

/// What is known of an endpoint.
pub(super) fn of_endpoint(endpoint: &Endpoint) -> Measured {
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let (requests, failures) = (endpoint.requests as f64, endpoint.failures as f64);
    let known = Measure::ALL.into_iter().filter_map(|measure| {
        let value = match measure {
            Measure::Requests => Some(requests),
            Measure::Failures => Some(failures),
            Measure::FailureRatio => Some(failures / requests).filter(|_| requests > 0.0),
            Measure::RequestsPerSecond => endpoint.requests_per_second,
            Measure::FailuresPerSecond => endpoint.failures_per_second,
            Measure::AverageResponseTime => endpoint.average_response_time,
            Measure::MinResponseTime => endpoint.min_response_time,
            Measure::MaxResponseTime => endpoint.max_response_time,
            Measure::P50 => endpoint.p50,
            Measure::P90 => endpoint.p90,
            Measure::P95 => endpoint.p95,
            Measure::P99 => endpoint.p99,
        };
        Some((measure, value?))
    });
    known.collect()
}

/// What the live values of a run say, under the names that they have in its record.
pub(super) fn of_fields(fields: &Map<String, Value>) -> Measured {
    let mut known: Measured =
        Measure::ALL.into_iter().filter_map(|measure| Some((measure, fields.get(measure.name())?.as_f64()?))).collect();
    known.remove(&Measure::FailureRatio);
    let counts = known.get(&Measure::Requests).zip(known.get(&Measure::Failures)).filter(|(requests, _)| **requests > 0.0);
    if let Some(ratio) = counts.map(|(requests, failures)| failures / requests) {
        known.insert(Measure::FailureRatio, ratio);
    }
    known
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_those_of_json() {
        for measure in Measure::ALL {
            assert_eq!(serde_json::to_value(measure).unwrap(), json!(measure.name()));
            assert_eq!(Measure::named(measure.name()), Some(measure));
        }
        assert_eq!(Measure::named("P95"), None);
    }

    #[test]
    fn a_ratio_needs_requests() {
        let none = of_endpoint(&Endpoint { name: "/".to_owned(), ..Endpoint::default() });
        assert_eq!(none, Measured::from([(Measure::Requests, 0.0), (Measure::Failures, 0.0)]));
        let fields = json!({"requests": 200, "failures": 3, "p95": 7.5, "clients": 4});
        let some = of_fields(fields.as_object().unwrap());
        let wanted = [(Measure::Requests, 200.0), (Measure::Failures, 3.0), (Measure::FailureRatio, 0.015), (Measure::P95, 7.5)];
        assert_eq!(some, Measured::from(wanted));
    }
}
