//! A run, as it is stored.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::id::RunId;
use super::request::Texts;
use super::statistics::Endpoint;
use super::values::{KNOWN, Values};
use crate::limits;
use crate::ports::Timestamp;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It goes on.
    Running,
    /// It was committed.
    Finished,
    /// Nothing was heard of it for too long. It goes on when something is.
    Lost,
}

/// A run of a load test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) uuid: RunId,
    pub(super) host: String,
    pub(super) state: State,
    /// When it was registered, in nanoseconds: the time of its first point.
    pub(super) first: i64,
    pub(super) registered: Timestamp,
    /// When it began, as the client says.
    pub(super) started: Option<Timestamp>,
    /// When something was heard of it last.
    pub(super) heard: Timestamp,
    /// How long nothing may be heard.
    pub(super) idle: Duration,
    pub(super) tags: Texts,
    pub(super) run_tags: Texts,
    /// What describes it.
    pub(super) about: Texts,
    pub(super) values: Values,
    /// When its journal is to have the next row.
    pub(super) next_row: Timestamp,
    /// Since when it counts as lost.
    pub(super) silence: Option<Silence>,
    /// How it ended.
    pub(super) end: Option<End>,
}

/// Nothing was heard of a run for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Silence {
    /// When that was noted, in nanoseconds: the time of its point.
    pub(super) at: i64,
    /// Whether the point is in the outbox.
    pub(super) told: bool,
}

/// What is kept of a run's course, apart from the run, which is written far more often.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) history: History,
    pub(super) annotations: Vec<Annotation>,
}

/// Live values over time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct History {
    /// Milliseconds between two rows at least.
    every: i64,
    /// When, in milliseconds, and which values.
    rows: Vec<(i64, Values)>,
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Annotation {
    /// When, in nanoseconds.
    pub(super) at: i64,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) tags: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct End {
    /// When that was noted, in nanoseconds: the time of its points.
    pub(super) at: i64,
    /// When it ended, as the client says.
    pub(super) ended: Option<Timestamp>,
    pub(super) exit_code: Option<i64>,
    /// The tags of the result.
    pub(super) tags: Texts,
    /// What the commit says beside the result.
    pub(super) values: Values,
    /// The result as JSON text. Not in the record of a run that is over: there it stands in a document of its own.
    pub(super) stats: Option<String>,
    /// What the result comes to.
    pub(super) totals: Values,
    /// What became of its points; nothing as long as they wait.
    pub(super) recorded: Option<Recorded>,
}

/// What became of the points of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Recorded {
    /// They are kept.
    Written,
    /// Some were refused, for this reason.
    Refused(String),
}

impl History {
    /// Notes values, unless the last ones were noted just before.
    pub(super) fn note(&mut self, at: Timestamp, period: Duration, values: &Values) {
        let at = at.as_millis();
        self.every = self.every.max(i64::try_from(period.as_millis()).unwrap_or(i64::MAX));
        if self.rows.last().is_some_and(|(last, _)| at.saturating_sub(*last) < self.every) {
            return;
        }
        self.rows.push((at, values.clone()));
        if self.rows.len() > limits::HISTORY {
            self.every = self.every.saturating_mul(2);
            let mut even = false;
            self.rows.retain(|_| {
                even = !even;
                even
            });
        }
    }

    /// When the next row is due.
    pub(super) fn next(&self) -> Timestamp {
        Timestamp::from_millis(self.rows.last().map_or(0, |(last, _)| last.saturating_add(self.every)))
    }

    pub(super) fn rows(&self) -> &[(i64, Values)] {
        &self.rows
    }

    /// Live values over time, a row for each.
    pub(super) fn to_csv(&self) -> String {
        let mut csv = String::from("at");
        for known in &KNOWN {
            csv.push(',');
            csv.push_str(known.name);
        }
        csv.push_str("\r\n");
        for (at, values) in self.rows() {
            csv.push_str(moment(Timestamp::from_millis(*at)).as_str().unwrap_or_default());
            for known in &KNOWN {
                csv.push(',');
                csv.push_str(&values.get(known.name).map(ToString::to_string).unwrap_or_default());
            }
            csv.push_str("\r\n");
        }
        csv
    }
}

impl Journal {
    /// Notes an annotation; beyond the bound the oldest one goes. Answers whether it is new.
    pub(super) fn note(&mut self, annotation: &Annotation) -> bool {
        let new = !self.annotations.contains(annotation);
        if new {
            self.annotations.push(annotation.clone());
            let surplus = self.annotations.len().saturating_sub(limits::ANNOTATIONS);
            self.annotations.drain(..surplus);
        }
        new
    }
}

/// A moment as in RFC 3339.
pub(super) fn moment(at: Timestamp) -> Value {
    jiff::Timestamp::from_microsecond(at.as_micros()).map_or(Value::Null, |moment| moment.to_string().into())
}

fn nanos(at: i64) -> Value {
    moment(Timestamp::from_micros(at.div_euclid(1000)))
}

impl Run {
    /// What is shown of it in a list.
    pub(super) fn summary(&self) -> Map<String, Value> {
        let end = self.end.as_ref();
        let (values, ended) = match end {
            Some(end) => {
                let mut values = self.values.clone();
                values.renew(&end.totals);
                values.renew(&end.values);
                (values, end.ended)
            }
            None => (self.values.clone(), None),
        };
        let mut shown = Map::new();
        shown.insert("uuid".to_owned(), self.uuid.as_str().into());
        shown.insert("host".to_owned(), self.host.clone().into());
        shown.insert("state".to_owned(), serde_json::to_value(self.state).unwrap_or_default());
        shown.insert("registeredAt".to_owned(), moment(self.registered));
        shown.insert("startedAt".to_owned(), moment(self.started.unwrap_or(self.registered)));
        shown.insert("lastHeardAt".to_owned(), moment(self.heard));
        let over = end.map(|end| end.at).or(self.silence.map(|silence| silence.at));
        shown.insert("endedAt".to_owned(), over.map_or(Value::Null, |at| ended.map_or_else(|| nanos(at), moment)));
        shown.extend(self.about.clone());
        shown.insert("tags".to_owned(), self.tags.clone().into());
        shown.insert("runTags".to_owned(), self.run_tags.clone().into());
        shown.insert("fields".to_owned(), serde_json::to_value(&values).unwrap_or_default());
        shown.insert("exitCode".to_owned(), end.and_then(|end| end.exit_code).into());
        let recorded = end.map(|end| match &end.recorded {
            None => "queued",
            Some(Recorded::Written) => "written",
            Some(Recorded::Refused(_)) => "refused",
        });
        shown.insert("recorded".to_owned(), recorded.into());
        if let Some(Recorded::Refused(why)) = end.and_then(|end| end.recorded.as_ref()) {
            shown.insert("refused".to_owned(), why.clone().into());
        }
        shown
    }

    /// All of it, with its result.
    pub(super) fn report(&self, journal: &Journal, stats: Option<&Value>, endpoints: &[Endpoint]) -> Map<String, Value> {
        let mut shown = self.summary();
        let annotations = journal.annotations.iter().map(
            |annotation| json!({"at": nanos(annotation.at), "title": annotation.title, "text": annotation.text, "tags": annotation.tags}),
        );
        shown.insert("annotations".to_owned(), annotations.collect());
        let rows = journal.history.rows().iter().map(|(at, values)| json!({"at": moment(Timestamp::from_millis(*at)), "fields": values}));
        shown.insert("history".to_owned(), rows.collect());
        shown.insert("endpoints".to_owned(), serde_json::to_value(endpoints).unwrap_or_default());
        shown.insert("requestStats".to_owned(), stats.cloned().unwrap_or_default());
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_thins_itself_out_and_keeps_its_ends() {
        let (mut history, period) = (History::default(), Duration::from_secs(15));
        for update in 0..20_000_i64 {
            let mut values = Values::default();
            values.set("requests", update);
            history.note(Timestamp::from_millis(update * 5000), period, &values);
        }
        let rows = history.rows();
        assert!(rows.len() <= limits::HISTORY && rows.len() >= limits::HISTORY / 2, "{}", rows.len());
        assert_eq!(rows[0].0, 0);
        assert!(rows.last().unwrap().0 > 19_000 * 5000);
        let gaps: Vec<i64> = rows.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        assert!(gaps.iter().all(|gap| *gap >= 15_000));
    }

    #[test]
    fn values_that_come_faster_than_the_period_make_one_row() {
        let mut history = History::default();
        for millis in [0, 1, 999, 1000, 1500, 2000] {
            history.note(Timestamp::from_millis(millis), Duration::from_secs(1), &Values::default());
        }
        assert_eq!(history.rows().iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1000, 2000]);
    }
}
