use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use headwater_core::ports::{Clock, PointStore, PointsRefused};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};

use super::InfluxDb;
use super::answers::{refused, retry_after};

/// How long an answer may take, with all that goes before it.
const ANSWER: Duration = Duration::from_secs(10);

/// Lines of fewer bytes are sent as they are: they fit into a packet anyway.
const PLAIN: usize = 1024;

/// Lines of more bytes are compressed where that holds up nobody.
const AT_ONCE: usize = 128 * 1024;

/// Most of an answer that is read. Servers repeat the line that is wrong, and say what is wrong behind it.
const READ: usize = 1024 * 1024;

/// Writes points to an InfluxDB of any version, or to what understands its `/write` or `/api/v2/write`.
///
/// What it answers with 2xx is kept. A database of version 1 that is not there is made, if we may.
#[derive(Debug)]
pub(super) struct InfluxDbWriter {
    server: InfluxDb,
    /// The world's, for answers that say when to come back.
    clock: Arc<dyn Clock>,
    place: String,
}

/// What a server said.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl InfluxDbWriter {
    /// A writer to this server.
    pub(super) fn new(server: InfluxDb, clock: Arc<dyn Clock>) -> Self {
        let place = server.place();
        Self { server, clock, place }
    }

    async fn post(&self, body: &Body) -> Result<Answer, PointsRefused> {
        let request =
            self.server.client.post(self.server.write_url()).header(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        let request = if body.packed { request.header(CONTENT_ENCODING, HeaderValue::from_static("gzip")) } else { request };
        self.ask(request.body(body.bytes.clone())).await
    }

    /// Sends a request and reads the beginning of the answer.
    async fn ask(&self, request: RequestBuilder) -> Result<Answer, PointsRefused> {
        let failed = |error: reqwest::Error| self.unanswered(error);
        let mut answer = self.server.authorised(request).timeout(ANSWER).send().await.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        // What was answered with 2xx is kept, whatever becomes of the rest of the answer.
        while body.len() < READ
            && let Some(piece) = match answer.chunk().await {
                Err(_) if status.is_success() => None,
                read => read.map_err(failed)?,
            }
        {
            body.extend_from_slice(&piece[..piece.len().min(READ - body.len())]);
        }
        Ok(Answer { status, headers, body })
    }

    /// A request that got no answer. The error may hold the address, which is not shown.
    fn unanswered(&self, error: reqwest::Error) -> PointsRefused {
        let host = self.server.authority();
        let error = error.without_url();
        tracing::debug!(error = &error as &dyn std::error::Error, host, "points were not taken");
        if error.is_builder() {
            // A token with a line feed in it, say.
            return PointsRefused::Denied(format!("{host} cannot be asked: the token or the user cannot be sent"));
        }
        let what = if error.is_timeout() {
            "did not answer in time"
        } else if error.is_connect() {
            "cannot be reached"
        } else {
            "broke off the connection"
        };
        PointsRefused::Later { why: format!("{host} {what}"), after: None }
    }

    /// Nothing, if the answer says that points are kept.
    fn judge(&self, answer: &Answer) -> Result<(), PointsRefused> {
        let host = self.server.authority();
        let kind = answer.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        match answer.status {
            // The door of something else that stands before the database.
            status if status.is_success() && kind.starts_with(b"text/html") => {
                Err(PointsRefused::Denied(format!("{host} answered {status} with a page for people, as no database does")))
            }
            status if status.is_success() => Ok(()),
            status => Err(refused(host, status, retry_after(&answer.headers, self.clock.now()), &answer.body)),
        }
    }

    /// Makes the database, of version 1.
    async fn create(&self, database: &str) -> Result<(), PointsRefused> {
        let mut url = self.server.query_url();
        url.query_pairs_mut().append_pair("q", &format!("CREATE DATABASE {}", quoted(database)));
        let answer = self.ask(self.server.client.post(url)).await?;
        let said = super::answers::complaint_of_query(&answer.body);
        match self.judge(&answer) {
            Ok(()) if said.is_empty() => {
                tracing::info!(database, host = self.server.authority(), "the database was not there and has been made");
                Ok(())
            }
            Ok(()) => Err(format!("{} answered{said}", self.server.authority())),
            Err(PointsRefused::Unfit(why) | PointsRefused::TooLarge(why) | PointsRefused::Denied(why)) => Err(why),
            Err(later) => return Err(later),
        }
        .map_err(|why| PointsRefused::Denied(format!("the {} is not there and cannot be made: {why}", self.place)))
    }
}

#[async_trait]
impl PointStore for InfluxDbWriter {
    fn place(&self) -> &str {
        &self.place
    }

    async fn write(&self, lines: Bytes) -> Result<(), PointsRefused> {
        if lines.is_empty() {
            return Ok(());
        }
        let body = Body::of(lines).await;
        let answer = self.post(&body).await?;
        if let Some(database) = self.server.creatable()
            && answer.status == StatusCode::NOT_FOUND
            && String::from_utf8_lossy(&answer.body).contains("database not found")
        {
            self.create(database).await?;
            return self.judge(&self.post(&body).await?);
        }
        self.judge(&answer)
    }
}

/// Lines as they travel.
#[derive(Debug)]
struct Body {
    bytes: Bytes,
    packed: bool,
}

impl Body {
    async fn of(lines: Bytes) -> Self {
        if lines.len() < PLAIN {
            return Self { bytes: lines, packed: false };
        }
        let packed = if lines.len() <= AT_ONCE {
            gzip(&lines)
        } else {
            let whole = lines.clone();
            tokio::task::spawn_blocking(move || gzip(&whole)).await.unwrap_or_default()
        };
        if packed.is_empty() { Self { bytes: lines, packed: false } } else { Self { bytes: packed.into(), packed: true } }
    }
}

/// Compressed quickly: lines repeat themselves so much that more effort gains little.
fn gzip(lines: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(lines.len() / 4), Compression::fast());
    encoder.write_all(lines).and_then(|()| encoder.finish()).expect("memory takes what is written")
}

/// A name as InfluxQL reads it.
fn quoted(name: &str) -> String {
    let mut text = String::from("\"");
    for character in name.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("telegraf"), "\"telegraf\"");
        assert_eq!(quoted("a\"; DROP DATABASE \"b\\\n"), r#""a\"; DROP DATABASE \"b\\\n""#);
    }

    #[tokio::test]
    async fn long_bodies_are_compressed() {
        for (length, packed) in [(PLAIN - 1, false), (PLAIN, true), (AT_ONCE + 1, true)] {
            let lines = Bytes::from(vec![b'x'; length]);
            let body = Body::of(lines.clone()).await;
            assert_eq!(body.packed, packed, "{length}");
            if packed {
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(&*body.bytes).read_to_end(&mut plain).unwrap();
                assert_eq!(plain, lines);
            }
        }
    }
}
