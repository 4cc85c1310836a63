//! What load tests of these tests are about: a shop that counts its visitors.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How often something was asked for, by method and path.
type Visits = BTreeMap<String, i64>;

/// An HTTP server of a test's own. What is called `/sold-out` is not found; anything else is there.
pub(crate) struct Shop {
    address: SocketAddr,
    visits: Arc<Mutex<Visits>>,
}

impl Shop {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let shop = Self { address: listener.local_addr().expect("it is bound"), visits: Arc::default() };
        let visits = Arc::clone(&shop.visits);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let visits = Arc::clone(&visits);
                std::thread::spawn(move || while serve(&stream, &visits).is_some() {});
            }
        });
        shop
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often this was asked for, like `GET /`.
    pub(crate) fn visits(&self, request: &str) -> i64 {
        self.visits.lock().expect("no thread panics with it").get(request).copied().unwrap_or(0)
    }

    /// All that was asked for.
    pub(crate) fn all_visits(&self) -> i64 {
        self.visits.lock().expect("no thread panics with it").values().sum()
    }
}

/// Answers one request of a connection; `None` when there are no more.
fn serve(stream: &TcpStream, visits: &Mutex<Visits>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut words = line.split(' ');
    let request = format!("{} {}", words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = if request.ends_with("/sold-out") { "404 Not Found" } else { "200 OK" };
    *visits.lock().expect("no thread panics with it").entry(request).or_default() += 1;
    // In one piece, so that no part of it waits for an acknowledgement.
    let mut stream = stream;
    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 7\r\n\r\nwelcome").as_bytes()).ok()
}
