//! The targets: one [`Sink`] per kind, opened by [`TargetSet`].
//!
//! `file` writes through the [`Files`] port and so to whatever keeps the host's files; `kafka` stands behind the cargo feature
//! of that name, since its client is a C library.

mod file;
mod http;
#[cfg(feature = "kafka")]
mod kafka;
mod outbound;
mod stdout;

use std::sync::Arc;

use async_trait::async_trait;
use headwater_core::mistakes::Mistake;
use headwater_core::ports::{Committed, Files, Owner, PortError, Sink, SinkError, Targets};
use headwater_core::targets::Target;

#[cfg(all(test, feature = "aws"))]
pub(crate) use http::client as http_client;
pub use outbound::OutboundHosts;

/// Every target that this build can write to.
#[derive(Debug, Clone)]
pub struct TargetSet {
    files: Arc<dyn Files>,
    http: reqwest::Client,
    outbound: OutboundHosts,
}

impl TargetSet {
    /// Targets over the host's files, calling out only to hosts that `outbound` allows.
    #[must_use]
    pub fn new(files: Arc<dyn Files>, outbound: OutboundHosts) -> Self {
        Self { files, http: http::client(), outbound }
    }
}

#[async_trait]
impl Targets for TargetSet {
    fn supports(&self, target: &Target) -> Result<(), Mistake> {
        match target {
            Target::Stdout | Target::File { .. } => Ok(()),
            Target::Http { url, .. } => self.outbound.check_url(url).map_err(|refused| Mistake::new("target.url", refused)),
            Target::Kafka(_) if cfg!(feature = "kafka") => Ok(()),
            Target::Kafka(_) => Err(Mistake::new("target.type", "this program was built without the feature kafka")),
        }
    }

    async fn prepare(&self, target: &Target, owner: &Owner) -> Result<(), SinkError> {
        match target {
            Target::File { name } => self.files.create(name, owner).await.map_err(|error| file::trouble(name, &error)),
            Target::Stdout | Target::Kafka(_) | Target::Http { .. } => Ok(()),
        }
    }

    async fn open(&self, target: &Target, owner: &Owner, committed: Committed) -> Result<Box<dyn Sink>, SinkError> {
        Ok(match target {
            Target::Stdout => Box::new(stdout::StdoutSink::new(committed)),
            Target::File { name } => Box::new(file::FileSink::open(self.files.as_ref(), name, owner, committed).await?),
            Target::Http { url, headers } => Box::new(http::HttpSink::open(self.http.clone(), url, headers, owner, committed)?),
            #[cfg(feature = "kafka")]
            Target::Kafka(target) => Box::new(kafka::KafkaSink::open(target, committed)?),
            #[cfg(not(feature = "kafka"))]
            Target::Kafka(_) => return Err(SinkError::Fatal("this program was built without the feature kafka".to_owned())),
        })
    }
}

/// A store's failure in words for users; its insides go to the log.
fn log_and_hide(what: &str, error: &PortError) {
    tracing::warn!(error = error as &dyn std::error::Error, "{what} failed");
}
