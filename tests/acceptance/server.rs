//! A `headwater serve` of its own for every test.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{Answer, try_send};
use crate::program;
use crate::waiting::{seconds, wait_for};

/// A folder for a server's data, which outlives the server.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where the server keeps everything.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Starts a server here.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// Starts a server here, with further arguments.
    pub(crate) fn serve_with(&self, arguments: &[&str]) -> Server {
        Server::spawn(self.command(arguments), self.path())
    }

    /// The command that starts a server here.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program::headwater(&["serve", "--log-format", "json"]);
        if !arguments.contains(&"--address") {
            command.args(["--address", "127.0.0.1:0"]);
        }
        command.arg("--data-dir").arg(self.data()).args(arguments);
        command
    }
}

/// A running server; killed at the end of the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    stdout: PathBuf,
    /// Sent as a bearer token with every request.
    pub(crate) token: Option<String>,
}

impl Server {
    /// Starts the command and waits until it says where it listens.
    pub(crate) fn spawn(mut command: Command, folder: &Path) -> Self {
        let stdout = folder.join("stdout");
        let file = File::options().create(true).append(true).open(&stdout).expect("the temporary folder can be written");
        let mut child = command.stdout(file).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (listening, listens) = mpsc::channel();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let entry: Value = serde_json::from_str(&line).unwrap_or_default();
                if entry["message"] == "listening" {
                    let _ = listening.send(entry["address"].as_str().and_then(|address| address.parse().ok()));
                }
                kept.lock().expect("no test panics while it holds the log").push(line);
            }
        });
        match listens.recv_timeout(seconds(20)) {
            Ok(address) => Self { child, address: address.expect("the log names the address"), log, stdout, token: None },
            Err(_) => {
                let _ = child.kill();
                panic!("the server did not start:\n{}", log.lock().expect("no test panics while it holds the log").join("\n"));
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that the server logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no test panics while it holds the log").join("\n")
    }

    /// All that servers of this home wrote to their standard output.
    pub(crate) fn stdout(&self) -> Vec<u8> {
        std::fs::read(&self.stdout).expect("standard output goes to a file")
    }

    /// What the server logged beside answers.
    fn complaints(&self) -> String {
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

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("a killed server ends");
    }

    /// SIGTERM; how the server ended.
    pub(crate) fn terminate(mut self) -> (ExitStatus, String) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("there is a kill command");
        assert!(told.success());
        let status = wait_for("the server's end", seconds(20), || self.child.try_wait().expect("the server is our child"));
        (status, self.log())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
