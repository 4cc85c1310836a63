//! Amazon's services behind the ports: documents, files and chunks in S3, the task queue in SQS, event logs in Kinesis and S3.
//!
//! Everything is configured by the ordinary AWS environment (`AWS_REGION`, `AWS_PROFILE`, credentials, `AWS_ENDPOINT_URL`, …), with
//! an endpoint of one's own for LocalStack and other services that speak the same protocols. Throttling, failures of the
//! service and time-outs are tried again by the SDK, with pauses that grow and are drawn at random.
//!
//! | object or message | holds |
//! |---|---|
//! | `documents/KEY` | a document, and behind it a line that no other write has ([`S3Documents`]) |
//! | `documents/files/NAME` | which pieces make up a file ([`S3Files`]) |
//! | `files/ID/PIECE` | a piece of a file; never changed once written |
//! | `chunks/KEY` | a chunk ([`S3Chunks`]) |
//! | `documents/logs/LOG`, `documents/log-shards/…`, `events/…` | event logs ([`KinesisEventLog`]) |
//! | `shared/…` | a growing file as it was when somebody asked for its address; may be removed after a day |
//! | a message of the queue | a step message and the moment it is due ([`SqsTaskQueue`]) |
//! | a record of the stream | what happens to an event log, written ahead |

mod chunks;
mod deployment;
mod documents;
mod event_log;
mod files;
mod provision;
mod queue;

#[cfg(test)]
pub(crate) mod faults;
#[cfg(test)]
pub(crate) mod test_endpoint;
#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls;
use headwater_core::ports::{Entropy as _, PortError};
use tokio::sync::OnceCell;

pub use chunks::S3Chunks;
pub use deployment::{Deployment, Misconfigured, variable};
pub use documents::S3Documents;
pub use event_log::{Flushed, Flusher, KinesisEventLog, ShardPoller, WalRecord};
pub use files::S3Files;
pub use provision::provision;
pub use queue::SqsTaskQueue;

use crate::OsEntropy;

/// Clients of Amazon's services, made when they are first wanted and then shared: one pool of connections, one set of
/// credentials.
#[derive(Debug, Default)]
pub struct Aws {
    endpoint_url: Option<String>,
    clients: OnceCell<Clients>,
}

/// The clients.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Documents, files, event logs, the target `s3`.
    pub s3: aws_sdk_s3::Client,
    /// The task queue, the target `sqs`.
    pub sqs: aws_sdk_sqs::Client,
    /// Event logs, the target `kinesis`.
    pub kinesis: aws_sdk_kinesis::Client,
}

impl Aws {
    /// Clients for the services of the environment's account, or of another endpoint.
    #[must_use]
    pub fn new(endpoint_url: Option<String>) -> Self {
        Self { endpoint_url, clients: OnceCell::new() }
    }

    /// The clients.
    pub async fn clients(&self) -> &Clients {
        self.clients.get_or_init(async || Clients::new(&configuration(self.endpoint_url.as_deref(), SILENCE).await)).await
    }
}

impl Clients {
    /// Clients of this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        // The bucket stands in the path wherever the endpoint is not Amazon's own: others rarely have a name for each bucket.
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(config.endpoint_url().is_some()).build();
        Self { s3: aws_sdk_s3::Client::from_conf(s3), sqs: aws_sdk_sqs::Client::new(config), kinesis: aws_sdk_kinesis::Client::new(config) }
    }
}

/// How long a service may keep silent before a request is sent again, the time to send the request included: 16 MB in a minute
/// are 2 Mbit/s.
const SILENCE: Duration = Duration::from_secs(60);

async fn configuration(endpoint_url: Option<&str>, silence: Duration) -> SdkConfig {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).read_timeout(silence).build();
    let mut loader =
        aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http).timeout_config(timeouts).retry_config(retries());
    if let Some(url) = endpoint_url {
        loader = loader.endpoint_url(url);
        if std::env::var_os("AWS_REGION").is_none() && std::env::var_os("AWS_DEFAULT_REGION").is_none() {
            loader = loader.region(Region::from_static("us-east-1")); // What such services take for granted.
        }
    }
    loader.load().await
}

/// Six attempts with pauses of 100 ms, doubled each time up to 3 s, each multiplied by a random number below 1.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(6).with_initial_backoff(Duration::from_millis(100)).with_max_backoff(Duration::from_secs(3))
}

/// A pause before attempt `attempt` + 1, for what the SDK does not try again by itself: doubled each time, and drawn at random
/// between half and all of that, so that many who were refused together do not come back together.
pub(crate) fn pause(attempt: u32) -> Duration {
    let whole = Duration::from_millis(100) * 2u32.pow(attempt.min(5));
    whole / 2 + whole.mul_f64((OsEntropy.draw() >> 11) as f64 / (1u64 << 53) as f64) / 2
}

/// A failure of the service, with all that it says for the log.
#[expect(clippy::needless_pass_by_value, reason = "an error that is turned into another")]
fn unavailable<E, R>(operation: &'static str, error: SdkError<E, R>) -> PortError
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    PortError::unavailable(operation, said(&error))
}

/// All that an error and its causes say.
pub(crate) fn said(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |all, cause| format!("{all}: {cause}"))
}

/// The code that a service gives its refusal, such as `NoSuchKey`; empty when it did not answer.
pub(crate) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    error.code().unwrap_or_default()
}

/// Whether the object that a request named is not there. A missing bucket is another matter.
pub(crate) fn is_missing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    matches!(code(error), "NoSuchKey" | "NotFound" | "404")
}
