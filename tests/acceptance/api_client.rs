//! Requests of the datagen API, whoever answers them: a server, or functions behind a gateway.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::http::{Answer, try_send};
use crate::waiting::seconds;

/// An address that answers the API.
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    /// What whoever answers has logged.
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    /// Sent as a bearer token with every request.
    pub(crate) token: Option<String>,
}

impl Api {
    /// Whatever answers here, without a log.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { address, log: Arc::default(), token: None }
    }

    /// All that the server logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no test panics while it holds the log").join("\n")
    }

    /// What the server logged beside answers.
    pub(crate) fn complaints(&self) -> String {
        let log = self.log();
        log.lines().filter(|line| !line.contains("\"answered\"")).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn try_send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
        let authorization = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut all = headers.to_vec();
        all.extend(authorization.as_deref().map(|value| ("authorization", value)));
        try_send(self.address, method, path, &all, body)
    }

    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let answer = self.try_send(method, path, headers, body);
        answer.unwrap_or_else(|| panic!("no answer to {method} {path}; the server said:\n{}", self.complaints()))
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// Starts a job that must be accepted; the answer's `request`.
    #[track_caller]
    pub(crate) fn start_job(&self, request: &Value) -> Value {
        let answer = self.post("/start", request);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.message(), "Starting generator for request.");
        answer.json()["request"].clone()
    }

    #[track_caller]
    pub(crate) fn status(&self, name: &str) -> Value {
        let answer = self.get(&format!("/status/{name}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Waits until the job's report is as wanted.
    #[track_caller]
    pub(crate) fn wait_status(&self, name: &str, what: &str, at_most: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = std::time::Instant::now();
        loop {
            let report = self.status(name);
            if wanted(&report) {
                return report;
            }
            assert!(began.elapsed() < at_most, "waited {at_most:?} in vain for {what}: {report}\n{}", self.complaints());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the job is complete; its report.
    #[track_caller]
    pub(crate) fn wait_complete(&self, name: &str) -> Value {
        let report = self.wait_status(name, "the job's end", seconds(120), |report| report["status"] != "RUNNING");
        assert_eq!(report["status"], "COMPLETE", "{report}");
        report
    }

    /// A file's bytes.
    #[track_caller]
    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        let answer = self.get(&format!("/file/{name}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.body
    }

    /// A file's records.
    #[track_caller]
    pub(crate) fn records(&self, name: &str) -> Vec<Value> {
        let bytes = self.file(name);
        std::str::from_utf8(&bytes)
            .expect("records are UTF-8")
            .lines()
            .map(|line| serde_json::from_str(line).expect("a record is JSON"))
            .collect()
    }
}
