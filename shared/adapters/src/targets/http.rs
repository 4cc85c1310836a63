use std::time::Duration;

use async_trait::async_trait;
use headwater_core::ports::{Batch, Committed, Owner, Sink, SinkError};
use headwater_core::secret::Secret;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, StatusCode, Url};

/// Names a batch by its task, the number of its first record and its length: a receiver that sees one twice after a crash can
/// tell. In real time a batch that is sent again may have grown, and is then another one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Posts each batch as newline-delimited JSON. A batch that was answered with 2xx is durable.
#[derive(Debug)]
pub(super) struct HttpSink {
    client: Client,
    url: Url,
    headers: HeaderMap,
    task: String,
    durable: Committed,
}

/// The client of all HTTP targets, and of whatever else calls out.
///
/// # Panics
/// When the machine's TLS set-up is broken beyond use.
pub(crate) fn client() -> Client {
    client_trusting(None).expect("without a file there is nothing wrong with it")
}

/// The same, trusting the authorities of a PEM text, too.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn client_trusting(authorities: Option<&[u8]>) -> Result<Client, String> {
    // Another part of the process may have installed the same provider; that is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authorities = Certificate::from_pem_bundle(authorities.unwrap_or_default());
    let client = Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(30))
        // InfluxDB 1 repeats the line that it refuses in a header, with any control characters that are in it. What matters is the rest.
        .http1_ignore_invalid_headers_in_responses(true)
        .redirect(reqwest::redirect::Policy::none()) // Where records go is what the user said, and what the allow-list saw.
        .tls_certs_merge(authorities.map_err(|error| format!("is not a PEM file of certificates: {error}"))?)
        .build();
    Ok(client.expect("a client of constant settings"))
}

impl HttpSink {
    pub(super) fn open(
        client: Client,
        url: &str,
        headers: &[(String, Secret)],
        owner: &Owner,
        committed: Committed,
    ) -> Result<Self, SinkError> {
        let url = Url::parse(url).map_err(|error| SinkError::Fatal(format!("the url cannot be read: {error}")))?;
        let mut map = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))]);
        for (name, value) in headers {
            let header = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value.expose()).ok());
            let (name, mut value) = header.ok_or_else(|| SinkError::Fatal(format!("the header {name:?} cannot be sent")))?;
            value.set_sensitive(true);
            map.insert(name, value);
        }
        Ok(Self { client, url, headers: map, task: owner.0.clone(), durable: committed })
    }
}

/// Whether an answer is one that another try may better.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS)
}

#[async_trait]
impl Sink for HttpSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let host = self.url.host_str().unwrap_or_default();
        let key = format!("{}-{}-{}", self.task, self.durable.records, batch.len());
        let request =
            self.client.post(self.url.clone()).headers(self.headers.clone()).header(IDEMPOTENCY_KEY, key).body(batch.text.clone());
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let what = if error.is_connect() {
                    "cannot be reached"
                } else if error.is_timeout() {
                    "did not answer in time"
                } else {
                    "broke off the connection"
                };
                tracing::debug!(error = &error as &dyn std::error::Error, host, "a batch was not taken");
                return Err(SinkError::Retry(format!("{host} {what}")));
            }
        };
        let status = answer.status();
        if status.is_success() {
            self.durable.records += batch.len() as u64;
            self.durable.bytes += batch.text.len() as u64;
            return Ok(());
        }
        let text = format!("{host} answered {status}");
        Err(if may_pass(status) { SinkError::Retry(text) } else { SinkError::Fatal(text) })
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn committed(&self) -> Committed {
        self.durable
    }
}
