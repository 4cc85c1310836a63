//! What a function is, before anything runs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::function::Function;
use super::{ACCOUNT, REGION};

/// A function's binary and settings. The defaults are the service's own, but for the bound of processes.
#[derive(Debug, Clone)]
pub struct Deployment {
    pub(super) name: String,
    binary: PathBuf,
    arguments: Vec<OsString>,
    variables: BTreeMap<String, OsString>,
    memory_mb: u32,
    region: String,
    pub(super) timeout: Duration,
    pub(super) concurrency: usize,
    pub(super) throttles: bool,
    pub(super) freezes: bool,
}

impl Deployment {
    /// A function of this name. Nothing is started, and the binary need not be there yet.
    #[must_use]
    pub fn new(name: &str, binary: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            binary: binary.into(),
            arguments: Vec::new(),
            variables: BTreeMap::new(),
            memory_mb: 128,
            region: REGION.to_owned(),
            timeout: Duration::from_secs(3),
            concurrency: 8,
            throttles: false,
            freezes: true,
        }
    }

    /// Sets a variable of the function's environment, which holds nothing of this process's.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Hands the binary an argument. The service hands it none.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// How long an invocation may take; 3 s by default. What takes longer is killed.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How much memory the function is told that it has. Nothing enforces it.
    #[must_use]
    pub fn memory_mb(mut self, memory_mb: u32) -> Self {
        self.memory_mb = memory_mb;
        self
    }

    /// The region that the function is told that it is in.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// How many processes may run side by side; 8 by default. An invocation beyond that waits, since it is this machine that is
    /// small and not AWS.
    #[must_use]
    pub fn concurrency(mut self, processes: usize) -> Self {
        self.concurrency = processes;
        self
    }

    /// Refuses an invocation beyond the bound, as the service does with one beyond a function's reserved concurrency.
    #[must_use]
    pub fn throttled(mut self) -> Self {
        self.throttles = true;
        self
    }

    /// Lets processes run on between invocations, where the service stops them.
    #[must_use]
    pub fn never_frozen(mut self) -> Self {
        self.freezes = false;
        self
    }

    /// Makes the function ready to be invoked. No process is started before that.
    ///
    /// # Panics
    /// When no process at all may run.
    #[must_use]
    pub fn start(self) -> Function {
        assert!(self.concurrency > 0, "a function needs a process");
        Function::new(self)
    }

    pub(super) fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{ACCOUNT}:function:{}", self.region, self.name)
    }

    /// The command that starts a process of the function, with the variables that the service sets.
    pub(super) fn command(&self, number: usize, runtime_api: SocketAddr) -> Command {
        // Absolute, since the process starts in the binary's folder.
        let binary = std::path::absolute(&self.binary).unwrap_or_else(|_| self.binary.clone());
        let folder = binary.parent().map_or_else(|| PathBuf::from("/"), PathBuf::from);
        let mut command = Command::new(&binary);
        command.args(&self.arguments).current_dir(&folder).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin")
            .env("LANG", "en_US.UTF-8")
            .env("TZ", ":UTC")
            .env("_HANDLER", "bootstrap")
            .env("LAMBDA_TASK_ROOT", &folder)
            .env("LAMBDA_RUNTIME_DIR", "/var/runtime")
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", &self.name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", self.memory_mb.to_string())
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", self.name))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", format!("2026/01/01/[$LATEST]{number:032x}"))
            .env("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")
            .env("AWS_REGION", &self.region)
            .env("AWS_DEFAULT_REGION", &self.region)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_SESSION_TOKEN", "test")
            .envs(&self.variables);
        command
    }
}
