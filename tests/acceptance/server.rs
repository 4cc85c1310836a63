//! A `headwater serve` of its own for every test.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;
use tempfile::TempDir;

use crate::api_client::Api;
use crate::aws::with_credentials;
use crate::localstack::Account;
use crate::program;
use crate::waiting::{seconds, wait_for};

/// A folder for a server's data, which outlives the server. With `HEADWATER_TEST_STORE=aws` a bucket and a queue as well, which
/// servers then keep everything in.
pub(crate) struct Home {
    folder: TempDir,
    account: Option<Account>,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let account = match std::env::var("HEADWATER_TEST_STORE").as_deref() {
            Err(_) => None,
            Ok("aws") => Some(Account::new(40)),
            Ok(other) => panic!("HEADWATER_TEST_STORE={other}: known is aws"),
        };
        Self { folder, account }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
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
        if let Some(account) = self.account.as_ref().filter(|_| !arguments.contains(&"--store")) {
            return with_credentials({
                command.args(account.arguments());
                command
            });
        }
        command
    }
}

/// A running server; killed at the end of the test.
pub(crate) struct Server {
    child: Child,
    api: Api,
    /// Reads the log until the server ends.
    reader: Option<JoinHandle<()>>,
    stdout: PathBuf,
}

impl Deref for Server {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Api {
        &mut self.api
    }
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
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let entry: Value = serde_json::from_str(&line).unwrap_or_default();
                if entry["message"] == "listening" {
                    let _ = listening.send(entry["address"].as_str().and_then(|address| address.parse().ok()));
                }
                kept.lock().expect("no test panics while it holds the log").push(line);
            }
        });
        match listens.recv_timeout(seconds(20)) {
            Ok(address) => {
                let api = Api { address: address.expect("the log names the address"), log, token: None };
                Self { child, api, reader: Some(reader), stdout }
            }
            Err(_) => {
                let _ = child.kill();
                panic!("the server did not start:\n{}", log.lock().expect("no test panics while it holds the log").join("\n"));
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that servers of this home wrote to their standard output.
    pub(crate) fn stdout(&self) -> Vec<u8> {
        std::fs::read(&self.stdout).expect("standard output goes to a file")
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
        // Its last words may still be in the pipe.
        self.reader.take().expect("a server ends once").join().expect("reading a log does not panic");
        (status, self.log())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
