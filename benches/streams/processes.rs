//! Servers, each a process of its own.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(20);

/// A server. It is killed when this is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Headwater on the data folder `folder`.
pub(crate) fn headwater(folder: &Path) -> Server {
    let binary = std::env::var_os("HEADWATER_BIN").map_or_else(|| beside("headwater"), PathBuf::from);
    assert!(binary.exists(), "{} is missing: build it with `cargo build --release`", binary.display());
    let mut command = Command::new(binary);
    let address = free_address();
    command.args(["serve", "--address", &address.to_string(), "--data-dir"]).arg(folder.join("data"));
    command.env_remove("RUST_LOG").env_remove("PORT");
    command.stderr(File::create(folder.join("log")).expect("the folder can be written to"));
    start(command, address)
}

/// What is built beside this bench.
fn beside(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a program knows its path");
    this.parent().and_then(Path::parent).expect("benches are built into a folder").join(name)
}

/// The server that does nothing.
pub(crate) fn empty() -> Server {
    let address = free_address();
    let mut command = Command::new(env!("CARGO_BIN_EXE_empty-server"));
    command.arg(address.to_string());
    start(command, address)
}

/// Redis, which writes and syncs its log before it answers.
pub(crate) fn redis(folder: &Path) -> Server {
    let address = free_address();
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--dir"]).arg(folder);
    command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]).stdout(Stdio::null());
    start(command, address)
}

/// NATS with JetStream.
pub(crate) fn nats(folder: &Path) -> Server {
    let address = free_address();
    let mut command = Command::new("nats-server");
    command.args(["--addr", "127.0.0.1", "--port", &address.port().to_string(), "-js", "-sd"]).arg(folder).stderr(Stdio::null());
    start(command, address)
}

/// Whether there is such a program.
pub(crate) fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a socket has an address")
}

fn start(mut command: Command, address: SocketAddr) -> Server {
    let process = command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut server = Server { process, address };
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        let ended = server.process.try_wait().expect("a child");
        assert!(ended.is_none() && began.elapsed() < START, "{command:?} does not listen: {ended:?}");
        thread::sleep(Duration::from_millis(10));
    }
    server
}

impl Server {
    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.process.id()).into()
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(self.proc("status")).expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a running process has memory");
        line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("a number") * 1024
    }

    /// Bytes of the process that are in memory.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS")
    }

    /// The most that [`Server::memory`] ever was, or was since the last [`Server::forget_peak`].
    pub(crate) fn peak(&self) -> u64 {
        self.status("VmHWM")
    }

    pub(crate) fn forget_peak(&self) {
        std::fs::write(self.proc("clear_refs"), "5").expect("the process is our own");
    }
}
