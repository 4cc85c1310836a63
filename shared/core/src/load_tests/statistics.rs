//! Locust's own statistics, taken as they are.
//!
//! Two forms are known: the array that `locust --json` prints, which counts response times in bins, and the object that the web
//! interface answers at `/stats/requests`, which has them worked out.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::values::Values;

/// The row of the web interface that stands for all others.
const TOTAL: &str = "Aggregated";

/// What was measured of an endpoint, or of all. Times in milliseconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Endpoint {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<String>,
    pub(super) name: String,
    pub(super) requests: i64,
    pub(super) failures: i64,
    pub(super) average_response_time: Option<f64>,
    pub(super) min_response_time: Option<f64>,
    pub(super) max_response_time: Option<f64>,
    pub(super) p50: Option<f64>,
    pub(super) p90: Option<f64>,
    pub(super) p95: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) requests_per_second: Option<f64>,
    pub(super) failures_per_second: Option<f64>,
    pub(super) average_content_length: Option<f64>,
}

impl Endpoint {
    /// Whether it is the row of the web interface that stands for all others.
    fn is_for_all(&self) -> bool {
        self.name == TOTAL && self.method.is_none()
    }
}

/// The rows of a result in one of Locust's two forms.
fn rows(stats: &Value) -> Option<Vec<&Map<String, Value>>> {
    let entries = match stats {
        Value::Array(entries) => entries,
        Value::Object(all) => all.get("stats")?.as_array()?,
        _ => return None,
    };
    entries.iter().map(Value::as_object).collect()
}

/// The endpoints of a result, if it is one of Locust's; without the row for all of them.
pub(super) fn endpoints(stats: &Value) -> Option<Vec<Endpoint>> {
    let mut read = rows(stats)?.into_iter().map(endpoint).collect::<Option<Vec<Endpoint>>>()?;
    read.retain(|endpoint| !endpoint.is_for_all());
    let mut often: HashMap<(Option<String>, String), u32> = HashMap::new();
    for endpoint in &mut read {
        // Points that are told apart by these two only would take each other's place.
        let often = often.entry((endpoint.method.clone(), endpoint.name.clone())).and_modify(|often| *often += 1).or_insert(1);
        if *often > 1 {
            endpoint.name = format!("{} ({often})", endpoint.name);
        }
    }
    Some(read)
}

/// What a result of Locust's comes to in all: the row that it has for all endpoints, or else as much as theirs can be joined to. Counts,
/// rates, extremes and the average of endpoints can be joined; their percentiles only where response times were counted.
pub(super) fn total(stats: &Value) -> Option<Endpoint> {
    let rows = rows(stats)?;
    let read: Vec<Endpoint> = rows.iter().map(|row| endpoint(row)).collect::<Option<_>>()?;
    if let Some(all) = read.iter().find(|row| row.is_for_all()) {
        return Some(all.clone());
    }
    // What was never asked has no times, and takes nothing away.
    let asked: Vec<(&Endpoint, &Map<String, Value>)> = read.iter().zip(rows).filter(|(endpoint, _)| endpoint.requests > 0).collect();
    let all = |of: fn(&Endpoint) -> Option<f64>| asked.iter().map(|(endpoint, _)| of(endpoint)).collect::<Option<Vec<f64>>>();
    let values = |name: &str| asked.iter().map(|(_, row)| row.get(name)?.as_f64()).collect::<Option<Vec<f64>>>();
    let joined = |values: Option<Vec<f64>>, join: fn(f64, f64) -> f64| values?.into_iter().reduce(join);
    let requests = read.iter().fold(0, |sum: i64, endpoint| sum.saturating_add(endpoint.requests));
    let failures = read.iter().fold(0, |sum: i64, endpoint| sum.saturating_add(endpoint.failures));
    let counted: Option<Vec<Vec<(f64, i64)>>> = asked.iter().map(|(_, row)| Some(bins(row.get("response_times")?.as_object()?))).collect();
    let mut counted = counted.unwrap_or_default().concat();
    counted.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let share = |share| percentile(&counted, share);
    let seconds = joined(values("last_request_timestamp"), f64::max)
        .zip(joined(values("start_time"), f64::min))
        .map(|(last, first)| last - first)
        .filter(|span| *span > 0.0);
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let rate = |count: i64, of: fn(&Endpoint) -> Option<f64>| match seconds {
        Some(seconds) => Some(count as f64 / seconds),
        None => joined(all(of), |a, b| a + b),
    };
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let average = |of: fn(&Endpoint) -> Option<f64>| {
        let sum = asked.iter().map(|(endpoint, _)| Some(of(endpoint)? * endpoint.requests as f64)).sum::<Option<f64>>()?;
        Some(sum / requests as f64).filter(|_| requests > 0)
    };
    Some(Endpoint {
        method: None,
        name: TOTAL.to_owned(),
        requests,
        failures,
        average_response_time: average(|endpoint| endpoint.average_response_time),
        min_response_time: joined(all(|endpoint| endpoint.min_response_time), f64::min),
        max_response_time: joined(all(|endpoint| endpoint.max_response_time), f64::max),
        p50: share(0.5),
        p90: share(0.9),
        p95: share(0.95),
        p99: share(0.99),
        requests_per_second: rate(requests, |endpoint| endpoint.requests_per_second),
        failures_per_second: rate(failures, |endpoint| endpoint.failures_per_second),
        average_content_length: average(|endpoint| endpoint.average_content_length),
    })
}

/// What a result comes to in all: requests, failures and the average response time, and what is known beside them.
pub(super) fn totals(endpoints: &[Endpoint]) -> Values {
    let mut totals = Values::default();
    if endpoints.is_empty() {
        return totals;
    }
    let requests: i64 = endpoints.iter().fold(0, |sum: i64, endpoint| sum.saturating_add(endpoint.requests));
    let failures: i64 = endpoints.iter().fold(0, |sum: i64, endpoint| sum.saturating_add(endpoint.failures));
    totals.set("requests", requests);
    totals.set("failures", failures);
    let sum = |of: fn(&Endpoint) -> Option<f64>| endpoints.iter().filter_map(of).reduce(|a, b| a + b);
    if let Some(rate) = sum(|endpoint| endpoint.requests_per_second) {
        totals.set("requestsPerSecond", rate);
    }
    if let Some(rate) = sum(|endpoint| endpoint.failures_per_second) {
        totals.set("failuresPerSecond", rate);
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    if let Some(time) = sum(|endpoint| Some(endpoint.average_response_time? * endpoint.requests as f64)).filter(|_| requests > 0) {
        totals.set("averageResponseTime", time / requests as f64);
    }
    totals
}

fn endpoint(entry: &Map<String, Value>) -> Option<Endpoint> {
    let number = |names: &[&str]| names.iter().find_map(|name| entry.get(*name)?.as_f64());
    let count = |name: &str| entry.get(name).and_then(Value::as_i64);
    let requests = count("num_requests")?;
    let failures = count("num_failures").unwrap_or(0);
    let bins = entry.get("response_times").and_then(Value::as_object).map(bins);
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let per = |sum: &str, by: i64| Some(number(&[sum])? / by as f64).filter(|_| by > 0);
    let percentile = |share: f64, names: &[&str]| number(names).or_else(|| percentile(bins.as_deref()?, share));
    let seconds =
        number(&["last_request_timestamp"]).zip(number(&["start_time"])).map(|(last, first)| last - first).filter(|span| *span > 0.0);
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let rate = |count: i64| Some(count as f64 / seconds?);
    Some(Endpoint {
        method: entry.get("method").and_then(Value::as_str).filter(|method| !method.is_empty()).map(str::to_owned),
        name: entry.get("name")?.as_str()?.to_owned(),
        requests,
        failures,
        average_response_time: number(&["avg_response_time"])
            .or_else(|| per("total_response_time", requests - count("num_none_requests").unwrap_or(0))),
        min_response_time: number(&["min_response_time"]),
        max_response_time: number(&["max_response_time"]),
        p50: percentile(0.5, &["median_response_time"]),
        p90: percentile(0.9, &["response_time_percentile_0.9", "ninetieth_response_time"]),
        p95: percentile(0.95, &["response_time_percentile_0.95"]),
        p99: percentile(0.99, &["response_time_percentile_0.99"]),
        requests_per_second: number(&["total_rps", "current_rps"]).or_else(|| rate(requests)),
        failures_per_second: number(&["total_fail_per_sec", "current_fail_per_sec"]).or_else(|| rate(failures)),
        average_content_length: number(&["avg_content_length"]).or_else(|| per("total_content_length", requests)),
    })
}

/// Response times with how many took them, the longest first.
fn bins(counts: &Map<String, Value>) -> Vec<(f64, i64)> {
    let mut bins: Vec<(f64, i64)> = counts
        .iter()
        .filter_map(|(time, count)| Some((time.parse().ok().filter(|time: &f64| time.is_finite())?, count.as_i64()?)))
        .collect();
    bins.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    bins
}

/// The response time that a share of the requests did not exceed, by Locust's rule: the greatest that leaves no more than that
/// share, in whole requests, below it.
fn percentile(bins: &[(f64, i64)], share: f64) -> Option<f64> {
    let total: i64 = bins.iter().fold(0, |sum: i64, (_, count)| sum.saturating_add(*count));
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "counts of requests")]
    let below = (total as f64 * share) as i64;
    let mut above = 0_i64;
    bins.iter().find_map(|(time, count)| {
        above = above.saturating_add(*count);
        (total - above <= below).then_some(*time)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_with_counted_times_are_worked_out_as_locust_does() {
        let stats = json!([{
            "name": "/cart", "method": "GET", "last_request_timestamp": 1010.0, "start_time": 1000.0, "num_requests": 10,
            "num_none_requests": 0, "num_failures": 1, "total_response_time": 550.0, "max_response_time": 100.0, "min_response_time": 10.0,
            "total_content_length": 1000, "response_times": {"10": 1, "20": 1, "30": 1, "40": 1, "50": 1, "60": 1, "70": 1, "80": 1, "90": 1, "100": 1},
        }]);
        let endpoints = endpoints(&stats).unwrap();
        let [cart] = endpoints.as_slice() else { panic!() };
        assert_eq!((cart.method.as_deref(), cart.name.as_str(), cart.requests, cart.failures), (Some("GET"), "/cart", 10, 1));
        assert_eq!(
            (cart.average_response_time, cart.average_content_length, cart.requests_per_second),
            (Some(55.0), Some(100.0), Some(1.0))
        );
        // By hand: with five requests above 50, five are left, which is the half.
        assert_eq!((cart.p50, cart.p90, cart.p95, cart.p99), (Some(60.0), Some(100.0), Some(100.0), Some(100.0)));
        let totals = totals(&endpoints);
        assert_eq!(totals.get("requests"), Some(&json!(10)));
        assert_eq!(totals.get("averageResponseTime"), Some(&json!(55.0)));
    }

    #[test]
    fn the_web_interface_has_them_worked_out_and_a_row_for_all() {
        let row = |name: &str, method: Value| {
            json!({"name": name, "method": method, "num_requests": 4, "num_failures": 0, "avg_response_time": 2.5,
            "median_response_time": 2, "response_time_percentile_0.95": 9.0, "current_rps": 0.5, "current_fail_per_sec": 0.0, "avg_content_length": 7})
        };
        let stats = json!({"stats": [row("/a", json!("GET")), row("Aggregated", Value::Null)], "errors": [], "total_rps": 0.5});
        let endpoints = endpoints(&stats).unwrap();
        assert_eq!(endpoints.len(), 1);
        assert_eq!((endpoints[0].p50, endpoints[0].p95, endpoints[0].p99), (Some(2.0), Some(9.0), None));
    }

    #[test]
    fn no_requests_have_no_average() {
        let nothing = json!([{"name": "/", "method": "GET", "num_requests": 0, "num_failures": 0, "total_response_time": 0, "response_times": {},
            "min_response_time": null, "max_response_time": 0, "start_time": 5.0, "last_request_timestamp": null, "total_content_length": 0}]);
        let endpoints = endpoints(&nothing).unwrap();
        let nothing = &endpoints[0];
        assert_eq!(
            (nothing.average_response_time, nothing.p50, nothing.requests_per_second, nothing.average_content_length),
            (None, None, None, None)
        );
        assert_eq!(totals(&endpoints).get("averageResponseTime"), None);
    }

    #[test]
    fn endpoints_of_the_same_name_are_told_apart() {
        let row = json!({"name": "/", "method": "GET", "num_requests": 1});
        let names: Vec<String> = endpoints(&json!([row, row, row])).unwrap().into_iter().map(|endpoint| endpoint.name).collect();
        assert_eq!(names, ["/", "/ (2)", "/ (3)"]);
    }

    #[test]
    fn what_locust_itself_says_is_read() {
        let printed: Value = serde_json::from_str(include_str!("samples/locust-json.json")).unwrap();
        let answered: Value = serde_json::from_str(include_str!("samples/locust-stats-requests.json")).unwrap();
        for (stats, count) in [(&printed, printed.as_array().unwrap().len()), (&answered, answered["stats"].as_array().unwrap().len() - 1)]
        {
            let endpoints = endpoints(stats).unwrap();
            assert_eq!(endpoints.len(), count);
            for endpoint in &endpoints {
                assert!(endpoint.requests > 0 && endpoint.method.is_some() && !endpoint.name.is_empty(), "{endpoint:?}");
                assert!(endpoint.p50.is_some() && endpoint.p95 >= endpoint.p50 && endpoint.average_response_time.is_some(), "{endpoint:?}");
                // Percentiles are those of rounded times.
                assert!(
                    endpoint.max_response_time.unwrap() + 10.0 >= endpoint.p95.unwrap() && endpoint.requests_per_second.is_some(),
                    "{endpoint:?}"
                );
            }
        }
    }

    #[test]
    fn counted_times_join_to_percentiles_of_all() {
        let row = |name: &str, first: f64, last: f64, times: Value| {
            let requests: i64 = times.as_object().unwrap().values().filter_map(Value::as_i64).sum();
            json!({"name": name, "method": "GET", "start_time": first, "last_request_timestamp": last, "num_requests": requests,
                "num_failures": 1, "total_response_time": 10.0 * requests as f64, "response_times": times,
                "min_response_time": first, "max_response_time": last})
        };
        let stats = json!([row("/a", 10.0, 20.0, json!({"10": 50, "20": 40})), row("/b", 5.0, 15.0, json!({"10": 4, "90": 6}))]);
        let all = total(&stats).unwrap();
        assert_eq!((all.requests, all.failures, all.requests_per_second), (100, 2, Some(100.0 / 15.0)));
        assert_eq!((all.min_response_time, all.max_response_time, all.average_response_time), (Some(5.0), Some(20.0), Some(10.0)));
        // By hand: 54 requests took 10, 40 took 20 and 6 took 90.
        assert_eq!((all.p50, all.p90, all.p95, all.p99), (Some(10.0), Some(20.0), Some(90.0), Some(90.0)));
        // Without the counts of one of them nobody knows.
        let mut without = stats.clone();
        without[1].as_object_mut().unwrap().remove("response_times");
        let all = total(&without).unwrap();
        assert_eq!((all.requests, all.p50, all.p99), (100, None, None));
        // One that was never asked has no counts, and they are not missed.
        without[1]["num_requests"] = json!(0);
        assert_eq!(total(&without).unwrap().p90, Some(20.0));
    }

    #[test]
    fn the_row_for_all_is_taken_as_it_is() {
        let answered: Value = serde_json::from_str(include_str!("samples/locust-stats-requests.json")).unwrap();
        let all = total(&answered).unwrap();
        assert_eq!((all.requests, all.failures, all.p50, all.p90, all.p95, all.p99), (260, 50, Some(5.0), None, Some(12.0), Some(18.0)));
        let mut without = answered.clone();
        without["stats"].as_array_mut().unwrap().pop();
        let joined = total(&without).unwrap();
        assert_eq!((joined.requests, joined.failures, joined.p95), (260, 50, None));
        let near = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-9;
        assert!(near(joined.average_response_time, all.average_response_time) && near(joined.requests_per_second, all.requests_per_second));
        assert_eq!((joined.min_response_time, joined.max_response_time), (all.min_response_time, all.max_response_time));
        assert_eq!(total(&json!({"GET /": {}})), None);
    }

    #[test]
    fn anything_else_is_none_of_it() {
        for other in [
            json!({"GET /": {"num_requests": 5, "avg": 12.5}}),
            json!("str"),
            json!([1]),
            json!([{"name": "x"}]),
            json!({"stats": {}}),
            json!(null),
        ] {
            assert_eq!(endpoints(&other), None, "{other}");
        }
        assert_eq!(endpoints(&json!([])), Some(Vec::new()));
    }
}
