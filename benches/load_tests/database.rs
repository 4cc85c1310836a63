//! A database that keeps of each point only whose it is, its time, and when it came.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::read::GzDecoder;

/// A point that came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// The number of its run, in the order in which runs were seen first.
    pub(crate) run: u32,
    /// The point's time, in nanoseconds since 1970.
    pub(crate) stamp: i64,
    /// When its batch had come whole, in nanoseconds since 1970.
    pub(crate) at: i64,
}

/// What was kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    runs: HashMap<String, u32>,
    /// Heartbeats at ticks. First points of runs, whose nanoseconds are odd, are not among them.
    pub(crate) beats: Vec<Arrival>,
    pub(crate) results: Vec<Arrival>,
}

/// The database. It listens until the program ends.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    refuses: AtomicBool,
    kept: Mutex<Kept>,
    /// Batches that were answered and not read yet.
    unread: AtomicI64,
    /// Bytes as they came, and requests that were answered with success.
    bytes: AtomicU64,
    requests: AtomicU64,
}

/// A batch as it came.
struct Batch {
    at: i64,
    packed: bool,
    body: Vec<u8>,
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    i64::try_from(since.as_nanos()).expect("it is before 2262")
}

impl Database {
    /// A database that takes everything.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a socket has an address");
        let shared = Arc::new(Shared::default());
        let (batches, unread) = channel::<Batch>();
        let reader = Arc::clone(&shared);
        thread::spawn(move || {
            for batch in unread {
                reader.read(&batch);
                reader.unread.fetch_sub(1, Ordering::SeqCst);
            }
        });
        let server = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (shared, batches) = (Arc::clone(&server), batches.clone());
                thread::spawn(move || shared.serve(connection, &batches));
            }
        });
        Self { address, shared }
    }

    /// From now on it has no time for anybody, or has.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.shared.refuses.store(refuses, Ordering::SeqCst);
    }

    /// What was kept, once everything that was answered is read.
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        while self.shared.unread.load(Ordering::SeqCst) > 0 {
            thread::sleep(Duration::from_millis(5));
        }
        self.shared.kept.lock().expect("no thread panics")
    }

    /// Requests that were answered with success, and their bytes.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        (self.shared.requests.load(Ordering::SeqCst), self.shared.bytes.load(Ordering::SeqCst))
    }
}

impl Shared {
    fn serve(&self, connection: TcpStream, batches: &Sender<Batch>) {
        connection.set_nodelay(true).expect("a socket");
        let mut connection = BufReader::with_capacity(64 << 10, connection);
        while let Some((packed, body)) = request(&mut connection) {
            let at = now();
            let refused = self.refuses.load(Ordering::SeqCst);
            if !refused {
                self.unread.fetch_add(1, Ordering::SeqCst);
                self.requests.fetch_add(1, Ordering::SeqCst);
                self.bytes.fetch_add(body.len() as u64, Ordering::SeqCst);
            }
            let answer: &[u8] = match refused {
                true => b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
                false => b"HTTP/1.1 204 No Content\r\n\r\n",
            };
            if connection.get_ref().write_all(answer).is_err() {
                return;
            }
            if !refused {
                batches.send(Batch { at, packed, body }).expect("somebody reads batches");
            }
        }
    }

    fn read(&self, batch: &Batch) {
        let mut text = String::new();
        if batch.packed {
            GzDecoder::new(&*batch.body).read_to_string(&mut text).expect("it was packed");
        } else {
            text.push_str(std::str::from_utf8(&batch.body).expect("points are text"));
        }
        let mut kept = self.kept.lock().expect("no thread panics");
        for line in text.lines() {
            let stamp: i64 = line.rsplit(' ').next().and_then(|stamp| stamp.parse().ok()).expect("points have times");
            let (beat, result) = (line.starts_with("load_testing,"), line.starts_with("load_testing_result"));
            if !(result || beat && stamp % 2 == 0) {
                continue;
            }
            let uuid = line.rsplit_once("run=\"").and_then(|(_, rest)| rest.split('"').next()).expect("points name their run");
            let next = u32::try_from(kept.runs.len()).expect("few runs");
            let run = match kept.runs.get(uuid) {
                Some(run) => *run,
                None => *kept.runs.entry(uuid.to_owned()).or_insert(next),
            };
            let arrival = Arrival { run, stamp, at: batch.at };
            if beat { kept.beats.push(arrival) } else { kept.results.push(arrival) }
        }
    }
}

/// Whether the body is packed, and the body; nothing when nobody asks any more.
fn request(connection: &mut BufReader<TcpStream>) -> Option<(bool, Vec<u8>)> {
    let (mut line, mut length, mut packed) = (String::new(), 0, false);
    loop {
        line.clear();
        if connection.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let header = line.trim_end().to_ascii_lowercase();
        match header.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().ok()?,
            Some(("content-encoding", value)) => packed = value == "gzip",
            _ if header.is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).ok()?;
    Some((packed, body))
}
