//! What requests of this group ask for besides their bodies.

use std::str::FromStr as _;

use axum::extract::{FromRequestParts, Query};
use headwater_core::load_tests::{BadRule, CsvPart, Rule};
use headwater_web::Problem;
use http::HeaderMap;
use http::header::ACCEPT;
use http::request::Parts;

use crate::problems;

/// Records in an answer to whoever does not say how many.
const RUNS: usize = 50;

/// Most records in one answer.
const RUNS_MOST: usize = 1000;

/// The parameters of the query. One that is given twice counts the first time, unless it may be repeated; those that nobody asks for do not matter.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(all)) => Ok(Self(all)),
            Err(_) => Err(Problem::bad_request("the query is not percent-encoded UTF-8")),
        }
    }
}

impl Parameters {
    /// What a parameter says, if it is there.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// How many records are wanted.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.text("limit") else { return Ok(RUNS) };
        let limit = usize::from_str(text).ok().filter(|limit| (1..=RUNS_MOST).contains(limit));
        limit.ok_or_else(|| problems::wrong_at("limit", &format!("must be an integer from 1 to {RUNS_MOST}, not {text:?}")))
    }

    /// What a parameter says that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Problem> {
        self.text(name).ok_or_else(|| problems::wrong_at(name, "is required"))
    }

    /// The rules for a comparison.
    pub(crate) fn rules(&self) -> Result<Vec<Rule>, Problem> {
        let given = self.0.iter().filter(|(name, _)| name == "failOn").map(|(_, rule)| rule);
        let rules = given.map(|rule| rule.parse().map_err(|wrong: BadRule| problems::wrong_at("failOn", &wrong.to_string())));
        let rules: Vec<Rule> = rules.collect::<Result<_, _>>()?;
        if rules.len() > Rule::MOST {
            return Err(problems::wrong_at("failOn", &format!("{} rules are given; at most {} are taken", rules.len(), Rule::MOST)));
        }
        Ok(rules)
    }

    /// Whether CSV is wanted, and not JSON.
    pub(crate) fn wants_csv(&self, headers: &HeaderMap) -> Result<bool, Problem> {
        match self.text("format") {
            None => Ok(prefers_csv(headers)),
            Some("csv") => Ok(true),
            Some("json") => Ok(false),
            Some(other) => Err(problems::wrong_at("format", &format!("must be json or csv, not {other:?}"))),
        }
    }

    /// Which part of a run is wanted as CSV; `None` when its record is wanted as JSON.
    pub(crate) fn csv(&self, headers: &HeaderMap) -> Result<Option<CsvPart>, Problem> {
        let csv = self.wants_csv(headers)?;
        let part = match self.text("part") {
            None | Some("endpoints") => CsvPart::Endpoints,
            Some("history") => CsvPart::History,
            Some(other) => return Err(problems::wrong_at("part", &format!("must be endpoints or history, not {other:?}"))),
        };
        Ok(csv.then_some(part))
    }
}

/// Whether CSV is asked for by name, and JSON not rather.
fn prefers_csv(headers: &HeaderMap) -> bool {
    let listed = || headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let weight = |wanted: &str| {
        let entry = listed().find(|entry| entry.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(wanted)))?;
        let quality = entry.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("q="));
        Some(quality.map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0)))
    };
    let (csv, json): (f32, f32) = (weight("text/csv").unwrap_or(0.0), weight("application/json").unwrap_or(0.0));
    csv > 0.0 && csv >= json
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn csv_must_be_asked_for_by_name() {
        for (accept, wanted) in [
            ("text/csv", true),
            ("text/CSV; q=0.5, */*;q=0.1", true),
            ("application/json;q=0.4, text/csv;q=0.8", true),
            ("*/*", false),
            ("text/*", false),
            ("text/csv;q=0", false),
            ("application/json, text/csv;q=0.8", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(prefers_csv(&headers), wanted, "{accept}");
        }
        assert!(!prefers_csv(&HeaderMap::new()));
    }
}
