use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method and address.
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    /// As many bytes as `Content-Length` says, unpacked.
    pub(crate) body: String,
}

/// What happens to a request.
pub(crate) enum Reply {
    /// These bytes, then the end of the connection.
    Bytes(String),
    /// Nothing, for ever.
    Silence,
}

/// An answer with a status, headers that end in a line break each, and a body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Reply {
    Reply::Bytes(format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()))
}

/// A server that does to each request what a rule says, which also gets the number of the request.
pub(crate) struct Fake {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    pub(crate) async fn new(rule: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, rule): (Arc<Mutex<Vec<Seen>>>, _) = (Arc::default(), Arc::new(rule));
        let noted = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (noted, rule) = (Arc::clone(&noted), Arc::clone(&rule));
                tokio::spawn(async move {
                    let mut stream = stream;
                    let Some(request) = read(&mut stream).await else { return };
                    let number = {
                        let mut noted = noted.lock().unwrap();
                        noted.push(request.clone());
                        noted.len() - 1
                    };
                    match rule(&request, number) {
                        Reply::Bytes(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
                        Reply::Silence => std::future::pending().await,
                    }
                    stream.shutdown().await.unwrap();
                });
            }
        });
        Self { url, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Reads a request whole; nothing, where the connection ends before.
async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let (line, headers) = text.split_once("\r\n").unwrap();
    let headers: BTreeMap<String, String> =
        headers.lines().filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let mut body = bytes.split_off(head + 4);
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    assert_eq!(body.len(), length, "nothing follows the body");
    let mut plain = String::new();
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        flate2::read::GzDecoder::new(&*body).read_to_string(&mut plain).unwrap();
    } else {
        plain = String::from_utf8(body).unwrap();
    }
    Some(Seen { line: line.trim_end_matches(" HTTP/1.1").to_owned(), headers, body: plain })
}
