//! Requests of the streams API: many on one connection, bodies and answers of any length with little memory.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::api_client::Api;
use crate::http::Answer;
use crate::waiting::{seconds, wait_for};

/// The path of a stream of the default namespace.
pub(crate) fn at(stream: &str) -> String {
    format!("/v3/namespaces/default/streams/{stream}")
}

/// An event as it is read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) timestamp: i64,
    pub(crate) headers: Value,
    pub(crate) body: String,
}

pub(crate) fn connect(address: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(seconds(60))).expect("a time limit can be set");
    stream.set_nodelay(true).expect("a socket can be told so");
    Some(stream)
}

/// A connection for many requests, one after the other. All of it answers `None` once the server is gone.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Option<Self> {
        Some(Self { stream: BufReader::new(connect(address)?) })
    }

    /// Posts a body; the status of the answer.
    pub(crate) fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<u16> {
        let mut request = format!("POST {path} HTTP/1.1\r\nhost: headwater\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
        let mut request = format!("{request}\r\n").into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request).ok()?;
        let (status, length) = read_head(&mut self.stream)?;
        std::io::copy(&mut (&mut self.stream).take(length), &mut std::io::sink()).ok()?;
        Some(status)
    }
}

/// An answer's status, and the length of the body that follows as far as the head says.
pub(crate) fn read_head(stream: &mut BufReader<TcpStream>) -> Option<(u16, u64)> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line == "\r\n" {
            return Some((status, length));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a length is a number");
        }
    }
}

/// A body on its way in, chunk by chunk.
pub(crate) struct Upload {
    stream: BufReader<TcpStream>,
}

impl Upload {
    /// A batch for a stream.
    pub(crate) fn begin(address: SocketAddr, stream: &str, content_type: &str) -> Self {
        Self::to(address, &format!("{}/batch", at(stream)), content_type)
    }

    /// A body that is posted to this path.
    pub(crate) fn to(address: SocketAddr, path: &str, content_type: &str) -> Self {
        let mut socket = connect(address).expect("the server listens");
        let head = format!("POST {path} HTTP/1.1\r\nhost: headwater\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n");
        socket.write_all(head.as_bytes()).expect("the server takes a head");
        Self { stream: BufReader::new(socket) }
    }

    /// Whether the server still takes what is sent.
    pub(crate) fn send(&mut self, chunk: &[u8]) -> bool {
        let socket = self.stream.get_mut();
        let sent = write!(socket, "{:x}\r\n", chunk.len()).and_then(|()| socket.write_all(chunk)).and_then(|()| socket.write_all(b"\r\n"));
        sent.is_ok()
    }

    /// Says that this was all. The answer's status.
    pub(crate) fn finish(mut self) -> Option<u16> {
        self.stream.get_mut().write_all(b"0\r\n\r\n").ok()?;
        read_head(&mut self.stream).map(|(status, _)| status)
    }
}

/// A read, event by event. What it does not take waits at the server.
pub(crate) struct Reading {
    stream: BufReader<TcpStream>,
    pub(crate) status: u16,
    begun: bool,
}

impl Reading {
    /// Opens a read; `query` is empty or begins with `?`.
    pub(crate) fn open(address: SocketAddr, stream: &str, query: &str) -> Self {
        let mut socket = connect(address).expect("the server listens");
        let path = at(stream);
        // A client of HTTP/1.0 gets no chunks: the answer ends with the connection.
        socket
            .write_all(format!("GET {path}/events{query} HTTP/1.0\r\nhost: headwater\r\n\r\n").as_bytes())
            .expect("the server takes a head");
        let mut stream = BufReader::with_capacity(64 << 10, socket);
        let (status, _) = read_head(&mut stream).expect("the server answers");
        Self { stream, status, begun: false }
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        self.stream.read_exact(&mut byte).ok()?;
        Some(byte[0])
    }

    /// The next event; `None` behind the last one.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        if self.status != 200 {
            return None;
        }
        match (self.byte().expect("an array of events breaks off"), self.begun) {
            (b'[', false) | (b',', true) => self.begun = true,
            (b']', true) => {
                self.status = 0;
                return None;
            }
            (other, _) => panic!("an array of events has {:?} where an event should begin or end", char::from(other)),
        }
        let mut text = Vec::new();
        loop {
            let read = self.stream.read_until(b'}', &mut text).expect("an event breaks off");
            assert!(read > 0, "an event breaks off");
            // A brace may also end the headers.
            if let Ok(mut event) = serde_json::from_slice::<Value>(&text) {
                let body = event["body"].as_str().expect("a body is a text").to_owned();
                return Some(Event { timestamp: event["timestamp"].as_i64().expect("a time"), headers: event["headers"].take(), body });
            }
        }
    }
}

impl Iterator for Reading {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.next_event()
    }
}

impl Api {
    /// Makes a stream with these properties.
    #[track_caller]
    pub(crate) fn make_stream(&self, stream: &str, properties: Value) {
        let answer = self.send("PUT", &at(stream), &[], properties.to_string().as_bytes());
        assert_eq!((answer.status, answer.text()), (200, ""), "{stream}");
    }

    /// A request about a stream, without a body, that must be answered so.
    #[track_caller]
    pub(crate) fn ask_stream(&self, method: &str, stream: &str, behind: &str, status: u16) -> Answer {
        let answer = self.send(method, &format!("{}{behind}", at(stream)), &[], b"");
        assert_eq!(answer.status, status, "{method} {stream}{behind}: {}", answer.text());
        answer
    }

    #[track_caller]
    pub(crate) fn batch(&self, stream: &str, content_type: &str, body: &[u8]) {
        let answer = self.send("POST", &format!("{}/batch", at(stream)), &[("content-type", content_type)], body);
        assert_eq!((answer.status, answer.text()), (200, ""));
    }

    /// All events of a stream, in order.
    pub(crate) fn events(&self, stream: &str) -> Vec<Event> {
        Reading::open(self.address, stream, "").collect()
    }

    pub(crate) fn bodies(&self, stream: &str) -> Vec<String> {
        Reading::open(self.address, stream, "").map(|event| event.body).collect()
    }

    /// Waits until a stream has so many events.
    #[track_caller]
    pub(crate) fn wait_events(&self, stream: &str, count: usize) -> Vec<Event> {
        wait_for("events", seconds(20), || Some(self.events(stream)).filter(|events| events.len() >= count))
    }
}

/// Checks that these are lines `0`, `1`, ... of a kind, in order; answers how many.
#[track_caller]
pub(crate) fn count_in_order(events: impl Iterator<Item = Event>, line: impl Fn(u64) -> String) -> u64 {
    let mut count = 0;
    for event in events {
        assert_eq!(event.body, line(count), "event {count}");
        count += 1;
    }
    count
}

/// A job into a stream, comparable with [`generated`].
pub(crate) fn clicks_into(stream: &str, records: u64) -> Value {
    json!({"name": "clicks", "target": {"type": "stream", "stream": stream}, "config_file": "clickstream/clickstream.json",
        "concurrency": 100, "time_type": crate::specs::LATER, "total_events": records, "seed": 7})
}

/// The records of such a job, as the command line makes them.
pub(crate) fn generated(records: u64) -> Vec<String> {
    let (count, start) = (records.to_string(), format!("{}T00:00:00.001", crate::specs::LATER)); // A job begins a millisecond later.
    let arguments = ["generate", "clickstream/clickstream.json", "-n", &count, "-m", "100", "-s", &start, "--seed", "7"];
    String::from_utf8(crate::program::run(&arguments).quietly()).expect("records are UTF-8").lines().map(str::to_owned).collect()
}
