//! Requests about load tests, and the points that become of them.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api_client::Api;
use crate::http::Answer;
use crate::waiting::{seconds, wait_for};

/// The path of an event.
pub(crate) fn event(name: &str) -> String {
    format!("/apiv0.1/events/{name}")
}

/// Microseconds since 1970.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// A registration of this generator with three values.
pub(crate) fn registration(host: &str) -> Value {
    json!({"hostname": host, "measurement": {
        "fields": {"clients": 10, "hatchRate": 0.1, "requests": 100}, "tags": {"targetHost": "shop.example", "mode": "single"}}})
}

/// A commit with this result, and the tags of [`registration`].
pub(crate) fn result(host: &str, uuid: &str, stats: Value) -> Value {
    json!({"hostname": host, "uuid": uuid, "measurement": {
        "fields": {"requestStats": stats}, "tags": {"targetHost": "shop.example", "mode": "single"}}})
}

/// Locust's statistics, as it printed them.
pub(crate) fn sample(name: &str) -> Value {
    let path = format!("{}/../shared/core/src/load_tests/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).expect("the sample is there")).expect("it is JSON")
}

/// A point, read from line protocol. Integers are JSON integers, floats are JSON floats, and so never equal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) measurement: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) fields: BTreeMap<String, Value>,
    /// Nanoseconds since 1970.
    pub(crate) nanos: i64,
}

impl Point {
    /// A field that may be missing.
    pub(crate) fn field(&self, name: &str) -> &Value {
        self.fields.get(name).unwrap_or(&Value::Null)
    }

    pub(crate) fn is_of(&self, measurement: &str, run: &str) -> bool {
        self.measurement == measurement && self.field("run") == run
    }
}

/// The points in a text; panics where it is none.
#[track_caller]
pub(crate) fn points_in(text: &str) -> Vec<Point> {
    let (mut chars, mut points) = (text.chars().peekable(), Vec::new());
    while chars.peek().is_some() {
        points.push(point(&mut chars).unwrap_or_else(|| panic!("no point before {:?}", chars.by_ref().take(80).collect::<String>())));
    }
    points
}

/// Reads a line to behind its end.
fn point(chars: &mut Peekable<Chars<'_>>) -> Option<Point> {
    let (measurement, mut tags, mut fields) = (word(chars, ", ")?, BTreeMap::new(), BTreeMap::new());
    while chars.next_if_eq(&',').is_some() {
        let name = word(chars, ",= ")?;
        chars.next_if_eq(&'=')?;
        let former = tags.insert(name, word(chars, ",= ")?);
        former.is_none().then_some(())?;
    }
    chars.next_if_eq(&' ')?;
    loop {
        let name = word(chars, ",= ")?;
        chars.next_if_eq(&'=')?;
        let former = fields.insert(name, value(chars)?);
        former.is_none().then_some(())?;
        if chars.next_if_eq(&',').is_none() {
            break;
        }
    }
    chars.next_if_eq(&' ')?;
    let nanos = word(chars, " ")?.parse().ok()?;
    chars.next_if_eq(&'\n')?;
    Some(Point { measurement, tags, fields, nanos })
}

fn word(chars: &mut Peekable<Chars<'_>>, ends: &str) -> Option<String> {
    let mut word = String::new();
    while let Some(next) = chars.next_if(|next| *next != '\n' && !ends.contains(*next)) {
        let escaped = if next == '\\' { chars.next_if(|next| ",= ".contains(*next)) } else { None };
        word.push(escaped.unwrap_or(next));
    }
    (!word.is_empty()).then_some(word)
}

fn value(chars: &mut Peekable<Chars<'_>>) -> Option<Value> {
    if chars.next_if_eq(&'"').is_none() {
        let number = word(chars, ", ")?;
        return match number.strip_suffix('i') {
            Some(whole) => Some(whole.parse::<i64>().ok()?.into()),
            None => Some(number.parse::<f64>().ok()?.into()),
        };
    }
    let mut text = String::new();
    loop {
        text.push(match chars.next()? {
            '"' => return Some(text.into()),
            '\\' => chars.next_if(|next| matches!(next, '"' | '\\'))?,
            other => other,
        });
    }
}

impl Api {
    pub(crate) fn tell(&self, name: &str, body: &Value) -> Answer {
        self.post(&event(name), body)
    }

    /// An event that must be taken; the answer.
    #[track_caller]
    pub(crate) fn take(&self, name: &str, body: &Value) -> Value {
        let answer = self.tell(name, body);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        answer.json()
    }

    /// Begins a run; its id.
    #[track_caller]
    pub(crate) fn begin(&self, registration: &Value) -> String {
        let answer = self.take("register", registration);
        let uuid = answer["uuid"].as_str().expect("a run has an id").to_owned();
        assert_eq!(answer, json!({"uuid": uuid, "data": {"uuid": uuid}}));
        uuid
    }

    /// Ends a run with a result.
    #[track_caller]
    pub(crate) fn end(&self, host: &str, uuid: &str, stats: Value) {
        let said = self.take("commit", &result(host, uuid, stats));
        assert_eq!(said, json!({"data": {"description": format!("The work of load testing of host {host} has been committed.")}}));
    }

    /// A path below `/apiv0.1` that must be there.
    #[track_caller]
    pub(crate) fn recorded(&self, path: &str) -> Answer {
        let answer = self.get(&format!("/apiv0.1/{path}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer
    }

    /// The record of a run.
    #[track_caller]
    pub(crate) fn record(&self, uuid: &str) -> Value {
        self.recorded(&format!("events/runs/{uuid}")).json()
    }

    #[track_caller]
    pub(crate) fn states(&self) -> Value {
        self.recorded("states").json()
    }

    /// Whether a run goes on, as far as anybody says so.
    #[track_caller]
    pub(crate) fn goes_on(&self, host: &str, uuid: &str) -> Option<bool> {
        self.recorded("events/isrunning").json()[format!("{host}-{uuid}")].as_bool()
    }

    /// Waits until the record of a run is as wanted.
    #[track_caller]
    pub(crate) fn wait_record(&self, uuid: &str, what: &str, at_most: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, at_most, || Some(self.record(uuid)).filter(|record| wanted(record)))
    }

    /// Waits until the points of a committed run are kept.
    #[track_caller]
    pub(crate) fn wait_written(&self, uuid: &str) -> Value {
        self.wait_record(uuid, "the points of the result", seconds(60), |record| record["recorded"] == "written")
    }

    /// Waits until no points wait, and answers what is said of them.
    #[track_caller]
    pub(crate) fn wait_drained(&self, at_most: Duration) -> Value {
        wait_for("an empty queue", at_most, || Some(self.states()).filter(|states| states["points"]["queued"] == 0))
    }

    /// The points that went into files, in the order of these.
    #[track_caller]
    pub(crate) fn file_points(&self) -> Vec<Point> {
        let listed = self.get("/files").json();
        let names = listed.as_array().expect("a list").iter().filter_map(Value::as_str);
        let names = names.filter(|name| name.starts_with("load-tests/points-") && name.ends_with(".lp"));
        names.flat_map(|name| points_in(std::str::from_utf8(&self.file(name)).expect("lines are UTF-8"))).collect()
    }

    /// Those of a run in a measurement.
    #[track_caller]
    pub(crate) fn file_points_of(&self, measurement: &str, uuid: &str) -> Vec<Point> {
        self.file_points().into_iter().filter(|point| point.is_of(measurement, uuid)).collect()
    }

    /// Waits until a run has so many points in a measurement.
    #[track_caller]
    pub(crate) fn wait_file_points(&self, measurement: &str, uuid: &str, count: usize) -> Vec<Point> {
        wait_for(measurement, seconds(60), || Some(self.file_points_of(measurement, uuid)).filter(|points| points.len() >= count))
    }
}

/// A database of version 1, asked for what it has.
pub(crate) struct Influx<'a> {
    pub(crate) url: &'a str,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) database: String,
}

impl Influx<'_> {
    /// What a query answers: a map for each row, in which tags that it is grouped by stand beside the columns.
    #[track_caller]
    pub(crate) fn rows(&self, query: &str) -> Vec<BTreeMap<String, Value>> {
        let mut rows = Vec::new();
        for series in self.answer(query)["results"][0]["series"].as_array().into_iter().flatten() {
            let tags = series["tags"].as_object().cloned().unwrap_or_default();
            let columns: Vec<_> = series["columns"].as_array().expect("columns").iter().filter_map(Value::as_str).collect();
            for row in series["values"].as_array().expect("rows") {
                let cells = columns.iter().zip(row.as_array().expect("cells")).map(|(name, cell)| ((*name).to_owned(), cell.clone()));
                rows.push(cells.chain(tags.clone()).collect());
            }
        }
        rows
    }

    /// The whole answer. A database that is not there has no rows.
    #[track_caller]
    fn answer(&self, query: &str) -> Value {
        let mut curl = std::process::Command::new("curl");
        curl.args(["-s", "-u", &format!("{}:{}", self.user, self.password), "--data-urlencode", &format!("db={}", self.database)]);
        curl.args(["--data-urlencode", "epoch=ns", "--data-urlencode", &format!("q={query}")]);
        let output = curl.arg(format!("{}/query", self.url)).output().expect("curl is installed");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("InfluxDB answers JSON");
        let error = &answer["results"][0]["error"];
        let fine = error.is_null() || error.as_str().is_some_and(|error| error.starts_with("database not found"));
        assert!(fine && answer["error"].is_null(), "{query}: {answer}");
        answer
    }

    /// The flags of a server that writes there.
    pub(crate) fn flags<'b>(&'b self, url: &'b str) -> [&'b str; 10] {
        let period = ["--loadtest-period", "1s"];
        let place = ["--influxdb-url", url, "--influxdb-database", &self.database];
        let user = ["--influxdb-username", self.user, "--influxdb-password", self.password];
        let mut all = period.into_iter().chain(place).chain(user);
        std::array::from_fn(|_| all.next().expect("there are ten"))
    }
}
