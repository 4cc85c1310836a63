//! Publishes to JetStream, as little as that takes: Debian has the server, and no load generator for it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::events;

const SUBJECT: &str = "s";

/// A connection that asks and waits for the answer.
struct Client {
    connection: BufReader<TcpStream>,
    line: String,
}

impl Client {
    fn connect(address: SocketAddr, number: usize) -> Self {
        let connection = TcpStream::connect(address).expect("the server listens");
        connection.set_nodelay(true).expect("a socket");
        let mut client = Self { connection: BufReader::new(connection), line: String::new() };
        client.next_line(); // The server introduces itself.
        client.say(&format!("CONNECT {{\"verbose\":false}}\r\nSUB inbox.{number} 1\r\n"));
        client
    }

    fn say(&mut self, text: &str) {
        self.connection.get_ref().write_all(text.as_bytes()).expect("the server reads");
    }

    fn next_line(&mut self) {
        self.line.clear();
        self.connection.read_line(&mut self.line).expect("the server answers");
    }

    /// Waits for the message that answers what was said.
    fn answer(&mut self) -> String {
        loop {
            self.next_line();
            if self.line.starts_with("MSG ") {
                break;
            }
            assert!(!self.line.starts_with("-ERR"), "{}", self.line);
            if self.line.starts_with("PING") {
                self.say("PONG\r\n");
            }
        }
        let length: usize = self.line.split_whitespace().last().and_then(|length| length.parse().ok()).expect("a message has a length");
        let mut message = vec![0; length + 2];
        self.connection.read_exact(&mut message).expect("the server answers");
        String::from_utf8_lossy(&message).into_owned()
    }
}

fn publication(subject: &str, number: usize, body: &str) -> String {
    format!("PUB {subject} inbox.{number} {}\r\n{body}\r\n", body.len())
}

pub(crate) fn make_stream(address: SocketAddr) {
    let mut client = Client::connect(address, 0);
    let stream =
        format!("{{\"name\":\"S\",\"subjects\":[\"{SUBJECT}\"],\"storage\":\"file\",\"retention\":\"limits\",\"num_replicas\":1}}");
    client.say(&publication("$JS.API.STREAM.CREATE.S", 0, &stream));
    let answer = client.answer();
    assert!(!answer.contains("\"error\""), "{answer}");
}

/// Publishes from so many clients, of which each waits for the answer to one event before it sends the next. Gives events a second.
pub(crate) fn publish(address: SocketAddr, clients: usize, load: Duration) -> f64 {
    let one = move |number: usize| {
        let mut client = Client::connect(address, number);
        let publication = publication(SUBJECT, number, &events::body());
        let (began, mut count) = (Instant::now(), 0);
        while began.elapsed() < load {
            client.say(&publication);
            let answer = client.answer();
            assert!(answer.contains("\"seq\""), "{answer}");
            count += 1;
        }
        count
    };
    let all: Vec<_> = (0..clients).map(|number| thread::spawn(move || one(number))).collect();
    let count: u64 = all.into_iter().map(|client| client.join().expect("a client that got all its answers")).sum();
    count as f64 / load.as_secs_f64()
}
