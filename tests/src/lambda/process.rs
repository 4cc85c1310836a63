//! A process of a function, which handles one invocation at a time.

use std::net::Ipv4Addr;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::deployment::Deployment;
use super::runtime_api::{self, Answer, Api, Job};

/// How long a process may take until it asks for its first invocation.
const INITIALISATION: Duration = Duration::from_secs(10);

/// How much of a process's output is kept.
const KEPT_OUTPUT: usize = 1 << 20;

/// How much of it an error shows. It is what the service shows.
const SHOWN_OUTPUT: usize = 4096;

/// What is kept of a process, also after its end.
#[derive(Debug)]
pub(super) struct Record {
    started: Instant,
    first_poll: OnceLock<Duration>,
    output: Mutex<String>,
}

impl Record {
    fn new() -> Self {
        Self { started: Instant::now(), first_poll: OnceLock::new(), output: Mutex::default() }
    }

    /// Notes that the process asks for an invocation.
    pub(super) fn polled(&self) {
        self.first_poll.get_or_init(|| self.started.elapsed());
    }

    /// The time from the start to the first poll; none while there has been none.
    pub(super) fn cold_start(&self) -> Option<Duration> {
        self.first_poll.get().copied()
    }

    /// What the process wrote to its standard output and error; the last mebibyte.
    pub(super) fn output(&self) -> String {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The end of the output.
    pub(super) fn tail(&self) -> String {
        let output = self.output();
        output[output.ceil_char_boundary(output.len().saturating_sub(SHOWN_OUTPUT))..].to_owned()
    }

    fn write(&self, line: &[u8]) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.push_str(&String::from_utf8_lossy(line));
        if output.len() > 2 * KEPT_OUTPUT {
            let cut = output.ceil_char_boundary(output.len() - KEPT_OUTPUT);
            output.drain(..cut);
        }
    }
}

/// What the task that owns the child does for others.
#[derive(Debug, Clone, Copy)]
pub(super) enum Command {
    Kill,
    Freeze,
    Thaw,
}

/// How an invocation went in a process.
pub(super) enum Ran {
    /// The process never asked for it; another one may have it.
    NotTaken,
    /// The function answered.
    Answered(Answer),
    /// The process said that it cannot start.
    NotInitialised(runtime_api::Failure),
    /// The process ended; how.
    Ended(String),
    /// The process took longer than this, and was killed.
    TimedOut(Duration),
}

/// A process. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) record: Arc<Record>,
    api: Arc<Api>,
    jobs: mpsc::Sender<Job>,
    commands: mpsc::UnboundedSender<Command>,
    ended: watch::Receiver<Option<String>>,
}

impl Process {
    /// Starts a process, which has a runtime API of its own.
    pub(super) async fn start(deployment: &Deployment, number: usize) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut command = deployment.command(number, listener.local_addr()?);
        let record = Arc::new(Record::new());
        let mut child = command.spawn()?;
        let readers = [
            read(child.stdout.take().expect("standard output is piped"), &record),
            read(child.stderr.take().expect("standard error is piped"), &record),
        ];
        let (jobs, next_job) = mpsc::channel(1);
        let (commands, orders) = mpsc::unbounded_channel();
        let (end, ended) = watch::channel(None);
        let api = Arc::new(Api::new(deployment, Arc::clone(&record), next_job, commands.clone()));
        let server = tokio::spawn(runtime_api::serve(listener, Arc::clone(&api)));
        tokio::spawn(async move {
            let how = supervise(child, orders).await;
            server.abort();
            for reader in readers {
                // A grandchild may hold the pipe open for longer than anybody waits.
                let _ = tokio::time::timeout(Duration::from_secs(1), reader).await;
            }
            end.send_replace(Some(how));
        });
        Ok(Self { record, api, jobs, commands, ended })
    }

    /// Has the process handle an event; its first one when it is fresh.
    pub(super) async fn run(&self, request_id: &str, event: Bytes, fresh: bool, timeout: Duration) -> Ran {
        let (answer, answered) = oneshot::channel();
        let (take, taken) = oneshot::channel();
        let job = Job { request_id: request_id.to_owned(), event, take, answer };
        self.jobs.send(job).await.expect("the other end is in the runtime API, which this holds");
        // One that has handled something may still be at it, and has what is left of its time; as the service sees it, an
        // invocation lasts until the next poll.
        let patience = if fresh { INITIALISATION } else { timeout };
        tokio::select! {
            biased;
            Ok(()) = taken => {}
            how = self.end() => {
                let told = || self.api.initialisation_error().map_or(Ran::Ended(how), Ran::NotInitialised);
                return if fresh { told() } else { Ran::NotTaken };
            }
            () = tokio::time::sleep(patience) => {
                self.kill().await;
                return if fresh { Ran::TimedOut(patience) } else { Ran::NotTaken };
            }
        }
        tokio::select! {
            biased;
            Ok(answer) = answered => Ran::Answered(answer),
            how = self.end() => Ran::Ended(how),
            () = tokio::time::sleep(timeout) => {
                self.kill().await;
                Ran::TimedOut(timeout)
            }
        }
    }

    /// Whether the process is in the middle of an invocation.
    pub(super) fn is_running(&self) -> bool {
        self.is_alive() && self.api.is_busy()
    }

    pub(super) fn is_alive(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// SIGKILL; comes back when the process is gone.
    pub(super) async fn kill(&self) {
        // Whoever would listen is gone only when the process is.
        let _ = self.commands.send(Command::Kill);
        self.end().await;
    }

    /// Waits for the end of the process; how it ended.
    async fn end(&self) -> String {
        let how = self.ended.clone().wait_for(Option::is_some).await.map(|how| how.clone());
        how.ok().flatten().unwrap_or_else(|| "nobody knows how".to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Kill);
    }
}

/// Does as it is told until the process ends; how it ended.
async fn supervise(mut child: Child, mut orders: mpsc::UnboundedReceiver<Command>) -> String {
    loop {
        tokio::select! {
            status = child.wait() => return status.map_or_else(|error| error.to_string(), describe),
            order = orders.recv() => match order {
                Some(Command::Freeze) => signal(&child, Signal::STOP),
                Some(Command::Thaw) => signal(&child, Signal::CONT),
                Some(Command::Kill) | None => {
                    // It fails only where the process has ended by itself.
                    let _ = child.start_kill();
                    return child.wait().await.map_or_else(|error| error.to_string(), describe);
                }
            }
        }
    }
}

/// Signals a child that has not been waited for, whose number is therefore nobody else's.
fn signal(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, signal);
    }
}

/// As the service puts it.
fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(0), _) => "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, Some(9)) => "Runtime exited with error: signal: killed".to_owned(),
        (None, signal) => format!("Runtime exited with error: signal: {}", signal.unwrap_or_default()),
    }
}

fn read(from: impl AsyncRead + Send + Unpin + 'static, record: &Arc<Record>) -> JoinHandle<()> {
    let record = Arc::clone(record);
    tokio::spawn(async move {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
            record.write(&line);
            line.clear();
        }
    })
}
