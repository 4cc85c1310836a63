//! Requests of the tables API: tables are made, filled and read, with little memory where there is much in them.

use std::f64::consts::TAU;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::api_client::Api;
use crate::http::Answer;
use crate::streams_client::{connect, read_head};
use crate::waiting::seconds;

/// Samples as bytes.
pub(crate) const OCTETS: &str = "application/octet-stream";

/// One element a line.
pub(crate) const LINES: &str = "application/x-ndjson";

/// The path of a table, whatever its name.
pub(crate) fn at(table: &str) -> String {
    format!("/table/{}", utf8_percent_encode(table, NON_ALPHANUMERIC))
}

/// A table of samples.
pub(crate) fn samples_at(rate: u32) -> Value {
    json!({"element": "sample", "sampleRate": rate})
}

pub(crate) fn octets(samples: impl IntoIterator<Item = f64>) -> Vec<u8> {
    samples.into_iter().flat_map(f64::to_le_bytes).collect()
}

/// Nanoseconds from the beginning of a table to this sample.
pub(crate) fn marker(index: u64, rate: u32) -> i64 {
    i64::try_from(u128::from(index) * 1_000_000_000 / u128::from(rate)).expect("within three centuries")
}

/// The value of a source `sine` without a phase.
pub(crate) fn sine(frequency: f64, rate: u32, index: u64) -> f64 {
    // What is left of whole turns is exact for whole frequencies.
    let turns = frequency * f64::from(u32::try_from(index % u64::from(rate)).expect("a rate is small")) / f64::from(rate);
    (TAU * turns.fract()).cos()
}

/// Checks that these are the samples of a table of its first moment on: `value` says which ones. Answers how many.
#[track_caller]
pub(crate) fn count_samples(rows: impl Iterator<Item = (i64, f64)>, rate: u32, value: impl Fn(u64) -> f64) -> u64 {
    let mut count = 0;
    for (offset, sample) in rows {
        let wanted = value(count);
        assert!(offset == marker(count, rate) && (sample - wanted).abs() < 1e-9, "sample {count} is {sample} at {offset}, not {wanted}");
        count += 1;
    }
    count
}

/// An answer that is read as it comes. What is not taken waits at the server.
pub(crate) struct Coming {
    stream: BufReader<TcpStream>,
    pub(crate) status: u16,
}

impl Coming {
    pub(crate) fn open(address: SocketAddr, path: &str) -> Self {
        let mut socket = connect(address).expect("the server listens");
        // A client of HTTP/1.0 gets no chunks: the answer ends with the connection.
        socket.write_all(format!("GET {path} HTTP/1.0\r\nhost: headwater\r\n\r\n").as_bytes()).expect("the server takes a head");
        let mut stream = BufReader::with_capacity(64 << 10, socket);
        let (status, _) = read_head(&mut stream).expect("the server answers");
        Self { stream, status }
    }

    /// The lines of a table of samples: offsets and values.
    pub(crate) fn samples(self) -> impl Iterator<Item = (i64, f64)> {
        assert_eq!(self.status, 200);
        self.stream.lines().map(|line| {
            let line = line.expect("an answer breaks off");
            let parts = line.strip_prefix("{\"offset\":").and_then(|rest| rest.strip_suffix('}'));
            let parts = parts.and_then(|rest| rest.split_once(",\"value\":"));
            let row = parts.and_then(|(offset, value)| Some((offset.parse().ok()?, value.parse().ok()?)));
            row.unwrap_or_else(|| panic!("{line:?} is no sample"))
        })
    }
}

impl Read for Coming {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.stream.read(into)
    }
}

impl Api {
    /// Makes a table; its description.
    #[track_caller]
    pub(crate) fn define(&self, table: &str, definition: Value) -> Value {
        let answer = self.put(&at(table), &definition);
        assert_eq!(answer.status, 201, "{table}: {}", answer.text());
        answer.json()
    }

    pub(crate) fn append(&self, table: &str, content_type: &str, body: &[u8]) -> Answer {
        self.send("POST", &at(table), &[("content-type", content_type)], body)
    }

    /// Appends samples.
    #[track_caller]
    pub(crate) fn push(&self, table: &str, samples: impl IntoIterator<Item = f64>) {
        let body = octets(samples);
        let answer = self.append(table, OCTETS, &body);
        assert_eq!((answer.status, answer.text()), (200, json!({"appended": body.len() / 8}).to_string().as_str()), "{table}");
    }

    /// A request about a table, without a body, that must be answered so.
    #[track_caller]
    pub(crate) fn ask_table(&self, method: &str, table: &str, behind: &str, status: u16) -> Answer {
        let answer = self.send(method, &format!("{}{behind}", at(table)), &[], b"");
        assert_eq!(answer.status, status, "{method} {table}{behind}: {}", String::from_utf8_lossy(&answer.body));
        answer
    }

    #[track_caller]
    pub(crate) fn table(&self, table: &str) -> Value {
        self.ask_table("GET", table, "", 200).json()
    }

    /// How many rows a table has.
    #[track_caller]
    pub(crate) fn row_count(&self, table: &str) -> u64 {
        self.table(table)["rows"].as_u64().expect("a count")
    }

    /// Rows: offsets and values.
    #[track_caller]
    pub(crate) fn rows(&self, table: &str, query: &str) -> Vec<(i64, Value)> {
        let answer = self.ask_table("GET", table, &format!("/{query}"), 200);
        let text = answer.text();
        assert!(text.is_empty() || text.ends_with('\n'), "{table}: the last line is not whole");
        let rows = text.lines().map(|line| {
            let mut row: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            (row["offset"].as_i64().expect("an offset"), row["value"].take())
        });
        rows.collect()
    }

    /// All rows of a table.
    #[track_caller]
    pub(crate) fn all_rows(&self, table: &str) -> Vec<(i64, Value)> {
        self.rows(table, "last?interval=10000d")
    }

    /// All rows of a table of samples, as they come.
    pub(crate) fn all_samples(&self, table: &str) -> impl Iterator<Item = (i64, f64)> + use<> {
        Coming::open(self.address, &format!("{}/last?interval=10000d", at(table))).samples()
    }

    /// Waits until a table is described as wanted.
    #[track_caller]
    pub(crate) fn wait_table(&self, table: &str, what: &str, at_most: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = std::time::Instant::now();
        loop {
            let shown = self.table(table);
            if wanted(&shown) {
                return shown;
            }
            assert!(began.elapsed() < at_most, "waited {at_most:?} in vain for {what}: {shown}\n{}", self.complaints());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a table has so many rows.
    #[track_caller]
    pub(crate) fn wait_rows(&self, table: &str, count: u64) -> Value {
        self.wait_table(table, "rows", seconds(30), |shown| shown["rows"].as_u64() >= Some(count))
    }
}
