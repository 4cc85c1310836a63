//! A database that misbehaves on demand, by itself or as a door before a real one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::read::GzDecoder;

use crate::http::try_send;
use crate::load_tests_client::{Point, points_in};

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    raw: Vec<u8>,
    /// The body, unpacked.
    pub(crate) text: String,
    /// Microseconds since 1970.
    pub(crate) at: i64,
}

impl Asked {
    pub(crate) fn is_write(&self) -> bool {
        self.line.starts_with("POST /write?") || self.line.starts_with("POST /api/v2/write?")
    }

    pub(crate) fn points(&self) -> Vec<Point> {
        points_in(&self.text)
    }
}

/// What is done about a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// The points are kept.
    Kept,
    /// A status, headers that end in a line break each, and a body.
    Status(u16, &'static str, String),
    /// The connection is cut.
    Cut,
    /// The real database is asked, and its answer passed on after a while.
    Passed(Duration),
    /// The real database is asked, but the connection is cut where its answer should be.
    PassedAndCut,
}

/// A refusal without further words.
pub(crate) fn status(code: u16) -> Reply {
    Reply::Status(code, "", String::new())
}

type Rule = Arc<dyn Fn(&Asked, usize) -> Reply + Send + Sync>;

struct Inside {
    rule: Rule,
    real: Option<SocketAddr>,
    /// What was answered with success by the rule itself.
    kept: Mutex<Vec<Asked>>,
    asked: Mutex<Vec<Asked>>,
    shut: AtomicBool,
}

/// A server that does to each request what a rule says, which also gets the number of the request.
#[derive(Clone)]
pub(crate) struct Fake {
    address: SocketAddr,
    inside: Arc<Inside>,
}

impl Fake {
    pub(crate) fn new(rule: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(rule))
    }

    /// A door before the database at this address.
    pub(crate) fn before(real: &str, rule: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let real = real.trim_start_matches("http://").parse().expect("an address and a port");
        Self::start(Some(real), Arc::new(rule))
    }

    fn start(real: Option<SocketAddr>, rule: Rule) -> Self {
        let listener = TcpListener::bind(crate::waiting::free_loopback()).expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let inside = Arc::new(Inside { rule, real, kept: Mutex::default(), asked: Mutex::default(), shut: AtomicBool::new(false) });
        let fake = Self { address, inside };
        let accepting = fake.clone();
        std::thread::spawn(move || accepting.accept(listener));
        fake
    }

    /// Connections are refused from now on, or no longer.
    pub(crate) fn shut(&self, shut: bool) {
        self.inside.shut.store(shut, Ordering::Relaxed);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests that were read.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inside.asked.lock().expect("no thread panics with it").clone()
    }

    /// The points that are kept: one that was kept before is replaced.
    pub(crate) fn points(&self) -> Vec<Point> {
        let kept = self.inside.kept.lock().expect("no thread panics with it");
        let mut points: Vec<Point> = Vec::new();
        for point in kept.iter().flat_map(Asked::points) {
            let same = |other: &Point| (&other.measurement, &other.tags, other.nanos) == (&point.measurement, &point.tags, point.nanos);
            points.retain(|other| !same(other));
            points.push(point);
        }
        points
    }

    pub(crate) fn points_of(&self, measurement: &str, run: &str) -> Vec<Point> {
        self.points().into_iter().filter(|point| point.is_of(measurement, run)).collect()
    }

    fn accept(&self, listener: TcpListener) {
        let mut listener = Some(listener);
        loop {
            match (&listener, self.inside.shut.load(Ordering::Relaxed)) {
                (_, true) => listener = None,
                (None, false) => listener = TcpListener::bind(self.address).ok(),
                (Some(open), false) => {
                    open.set_nonblocking(true).expect("sockets can be asked without waiting");
                    while let Ok((stream, _)) = open.accept() {
                        let fake = self.clone();
                        std::thread::spawn(move || {
                            stream.set_nonblocking(false).ok()?;
                            fake.converse(&stream)
                        });
                    }
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// One request, one answer, and the end of the connection.
    fn converse(&self, mut stream: &TcpStream) -> Option<()> {
        let asked = read(stream)?;
        let number = {
            let mut all = self.inside.asked.lock().expect("no thread panics with it");
            all.push(asked.clone());
            all.len() - 1
        };
        let (status, headers, body) = match (self.inside.rule)(&asked, number) {
            Reply::Kept => {
                self.inside.kept.lock().expect("no thread panics with it").push(asked);
                (204, "", Vec::new())
            }
            Reply::Status(status, headers, body) => (status, headers, body.into_bytes()),
            Reply::Cut => return None,
            Reply::PassedAndCut => {
                self.pass(&asked)?;
                return None;
            }
            Reply::Passed(after) => {
                let (status, body) = self.pass(&asked)?;
                std::thread::sleep(after);
                (status, "content-type: application/json\r\n", body)
            }
        };
        if self.inside.shut.load(Ordering::Relaxed) {
            return None;
        }
        let length = if status == 204 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let mut answer = format!("HTTP/1.1 {status} Said\r\n{headers}{length}connection: close\r\n\r\n").into_bytes();
        answer.extend(body);
        stream.write_all(&answer).ok()
    }

    fn pass(&self, asked: &Asked) -> Option<(u16, Vec<u8>)> {
        let (method, rest) = asked.line.split_once(' ')?;
        let path = rest.split(' ').next()?;
        let headers: Vec<(&str, &str)> = asked.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = try_send(self.inside.real.expect("there is a real one"), method, path, &headers, &asked.raw)?;
        Some((answer.status, answer.body))
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let at = crate::load_tests_client::now();
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let (mut reader, mut line, mut headers) = (BufReader::new(stream), String::new(), Vec::new());
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let (mut length, mut is_packed) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        match name.as_str() {
            "content-length" => length = value.parse().ok()?,
            "content-encoding" => is_packed = value == "gzip",
            _ => {}
        }
        if !matches!(name.as_str(), "host" | "connection") {
            headers.push((name, value));
        }
    }
    let mut raw = vec![0; length];
    reader.read_exact(&mut raw).ok()?;
    let mut text = String::new();
    match is_packed {
        true => GzDecoder::new(raw.as_slice()).read_to_string(&mut text).ok()?,
        false => raw.as_slice().read_to_string(&mut text).ok()?,
    };
    Some(Asked { line: line.trim_end().to_owned(), headers, raw, text, at })
}
