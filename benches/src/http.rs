//! As much of an HTTP client as is needed, and no more, so that it takes little of the machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// A connection, used for one request after another.
pub struct Client {
    connection: BufReader<TcpStream>,
    content_type: &'static str,
}

impl Client {
    /// A connection to a server.
    pub fn connect(address: SocketAddr) -> Self {
        let connection = TcpStream::connect(address).expect("the server listens");
        connection.set_nodelay(true).expect("a socket");
        Self { connection: BufReader::with_capacity(64 << 10, connection), content_type: "text/plain" }
    }

    /// The same connection for bodies that are JSON.
    pub fn with_json(self) -> Self {
        Self { content_type: "application/json", ..self }
    }

    /// Sends a request and gives the body of its answer, which must be a success.
    pub fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        self.send(method, path, body, 1)
    }

    /// The same with a body that is `times` repetitions of a piece.
    pub fn send(&mut self, method: &str, path: &str, piece: &[u8], times: usize) -> Vec<u8> {
        let length = piece.len() * times;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {}\r\ncontent-length: {length}\r\n\r\n",
            self.content_type
        );
        let mut socket = self.connection.get_ref();
        socket.write_all(head.as_bytes()).expect("the server reads");
        for _ in 0..times {
            socket.write_all(piece).expect("the server reads");
        }
        self.answer(method, path)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.connection.read_line(&mut line).expect("the server answers");
        line.truncate(line.trim_end().len());
        line
    }

    fn answer(&mut self, method: &str, path: &str) -> Vec<u8> {
        let status = self.line();
        let (mut length, mut chunked) = (0, false);
        loop {
            let header = self.line().to_ascii_lowercase();
            match header.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().expect("a length"),
                Some(("transfer-encoding", value)) => chunked = value == "chunked",
                Some(_) => {}
                None => break,
            }
        }
        let mut body = Vec::new();
        if chunked {
            while self.chunk(&mut body) {}
        } else {
            self.take(length, &mut body);
        }
        assert!(status.starts_with("HTTP/1.1 2"), "{method} {path}: {status}: {}", String::from_utf8_lossy(&body));
        body
    }

    fn take(&mut self, length: usize, body: &mut Vec<u8>) {
        let taken = (&mut self.connection).take(length as u64).read_to_end(body).expect("the server answers");
        assert_eq!(taken, length, "the answer breaks off");
    }

    /// Answers whether there are more.
    fn chunk(&mut self, body: &mut Vec<u8>) -> bool {
        let length = usize::from_str_radix(&self.line(), 16).expect("the length of a chunk");
        self.take(length, body);
        self.line();
        length > 0
    }
}

/// Counts the bytes of an answer, and does nothing else with them.
pub fn count(address: SocketAddr, path: &str) -> u64 {
    let mut socket = TcpStream::connect(address).expect("the server listens");
    write!(socket, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("the server reads");
    let (mut buffer, mut bytes) = (vec![0; 1 << 20], 0);
    loop {
        match socket.read(&mut buffer).expect("the server answers") {
            0 => return bytes,
            read => {
                assert!(bytes > 0 || buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..read]));
                bytes += read as u64;
            }
        }
    }
}
