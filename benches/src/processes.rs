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
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Headwater on the data folder `folder`.
pub fn headwater(folder: &Path) -> Server {
    headwater_with(folder, &[])
}

/// The same with further arguments of `headwater serve`.
pub fn headwater_with(folder: &Path, arguments: &[&str]) -> Server {
    let binary = std::env::var_os("HEADWATER_BIN").map_or_else(|| beside("headwater"), PathBuf::from);
    assert!(binary.exists(), "{} is missing: build it with `cargo build --release`", binary.display());
    let mut command = Command::new(binary);
    let address = free_address();
    command.args(["serve", "--address", &address.to_string(), "--data-dir"]).arg(folder.join("data")).args(arguments);
    command.env_remove("RUST_LOG").env_remove("PORT");
    command.stderr(File::create(folder.join("log")).expect("the folder can be written to"));
    start(command, address)
}

/// What is built beside this bench.
fn beside(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a program knows its path");
    this.parent().and_then(Path::parent).expect("benches are built into a folder").join(name)
}

/// The server that does nothing, which is this program.
pub fn empty(program: &str) -> Server {
    let address = free_address();
    let mut command = Command::new(program);
    command.arg(address.to_string());
    start(command, address)
}

/// Redis, which writes and syncs its log before it answers.
pub fn redis(folder: &Path) -> Server {
    let address = free_address();
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--dir"]).arg(folder);
    command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]).stdout(Stdio::null());
    start(command, address)
}

/// NATS with JetStream.
pub fn nats(folder: &Path) -> Server {
    let address = free_address();
    let mut command = Command::new("nats-server");
    command.args(["--addr", "127.0.0.1", "--port", &address.port().to_string(), "-js", "-sd"]).arg(folder).stderr(Stdio::null());
    start(command, address)
}

/// Whether there is such a program.
pub fn is_installed(program: &str) -> bool {
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

    /// Seconds of processor time that the process has taken.
    pub fn processor(&self) -> f64 {
        processor(&self.proc("stat"))
    }

    /// Bytes that the process had the disk write.
    pub fn written(&self) -> u64 {
        let io = std::fs::read_to_string(self.proc("io")).expect("the process is our own");
        let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).expect("Linux counts them");
        line.parse().expect("a number")
    }

    /// Bytes of the process that are in memory.
    pub fn memory(&self) -> u64 {
        status(&self.proc("status"), "VmRSS")
    }

    /// The most that [`Server::memory`] ever was, or was since the last [`Server::forget_peak`].
    pub fn peak(&self) -> u64 {
        status(&self.proc("status"), "VmHWM")
    }

    /// Has [`Server::peak`] count from now on.
    pub fn forget_peak(&self) {
        std::fs::write(self.proc("clear_refs"), "5").expect("the process is our own");
    }
}

/// Seconds of processor time that this process has taken.
pub fn own_processor() -> f64 {
    processor("/proc/self/stat".as_ref())
}

fn processor(stat: &Path) -> f64 {
    let stat = std::fs::read_to_string(stat).expect("Linux");
    // Behind the name, which stands in parentheses and may hold anything, the twelfth and thirteenth column are ticks of a hundredth.
    let columns: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    columns[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}

/// Bytes of this process that are in memory.
pub fn own_memory() -> u64 {
    status("/proc/self/status".as_ref(), "VmRSS")
}

/// The most that [`own_memory`] was since the last [`forget_own_peak`].
pub fn own_peak() -> u64 {
    status("/proc/self/status".as_ref(), "VmHWM")
}

/// Has [`own_peak`] count from now on.
pub fn forget_own_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("the process is our own");
}

fn status(file: &Path, name: &str) -> u64 {
    let status = std::fs::read_to_string(file).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a running process has memory");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("a number") * 1024
}
