//! The requests that the verbs make, and what may become of them.

use anyhow::Context as _;
use headwater_core::ids::{NamespaceId, StreamId, StreamName};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::elements::NotAnArray;
use crate::args::Streams;
use crate::remote::{Remote, RequestError, body};

/// Why a request had no success.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There is no answer, or one that is no success.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// There is no such stream.
    #[error("{0} was not found")]
    NoStream(StreamName),
    /// The answer is not what it should be.
    #[error(transparent)]
    Garbled(#[from] NotAnArray),
}

impl Failure {
    /// Whether nothing was changed by the request.
    pub(super) fn changed_nothing(&self) -> bool {
        match self {
            Self::Request(error) => error.changed_nothing(),
            Self::NoStream(_) => true,
            Self::Garbled(_) => false,
        }
    }

    /// Whether it may be otherwise in a while: the server restarts, or has too much to do.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Request(error) => error.may_pass(),
            Self::Garbled(error) => matches!(error, NotAnArray::CutOff),
            Self::NoStream(_) => false,
        }
    }
}

/// What the verbs ask of the server.
#[derive(Debug)]
pub(super) struct Client {
    remote: Remote,
    namespace: NamespaceId,
}

/// A list of names.
#[derive(Debug, Deserialize)]
struct Name {
    name: String,
}

impl Client {
    pub(super) fn new(options: &Streams) -> anyhow::Result<Self> {
        Ok(Self { remote: Remote::new(&options.server)?, namespace: options.namespace.clone() })
    }

    pub(super) fn name_of(&self, stream: &StreamId) -> StreamName {
        StreamName { namespace: self.namespace.clone(), stream: stream.clone() }
    }

    /// The names of the namespace's streams, sorted.
    pub(super) async fn streams(&self) -> anyhow::Result<Vec<String>> {
        let answer = self.get(self.url(&[])).await?;
        let names: Vec<Name> = serde_json::from_slice(&body(answer).await?).context("the list of streams cannot be read")?;
        let mut names: Vec<String> = names.into_iter().map(|name| name.name).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// What is set about a stream.
    pub(super) async fn properties(&self, stream: &str) -> anyhow::Result<Map<String, Value>> {
        let answer = self.get(self.url(&[stream])).await?;
        serde_json::from_slice(&body(answer).await?).context("the properties of the stream cannot be read")
    }

    /// Makes a stream unless it is there.
    pub(super) async fn create(&self, stream: &StreamId) -> Result<(), Failure> {
        let request = self.remote.request(Method::PUT, self.url(&[stream.as_str()]));
        self.remote.send(request).await?;
        Ok(())
    }

    /// Sends a batch, once. When this returns it is durable.
    pub(super) async fn send_batch(
        &self,
        stream: &StreamId,
        content_type: &HeaderValue,
        headers: &HeaderMap,
        batch: impl Into<Body>,
    ) -> Result<(), Failure> {
        let request = self.remote.request(Method::POST, self.url(&[stream.as_str(), "batch"])).headers(headers.clone());
        self.remote.send(request.header(CONTENT_TYPE, content_type).body(batch)).await?;
        Ok(())
    }

    /// Begins to read events; `None` when the window has none.
    pub(super) async fn events(&self, stream: &StreamId, window: &[(&str, &str)]) -> Result<Option<Response>, Failure> {
        let mut url = self.url(&[stream.as_str(), "events"]);
        if !window.is_empty() {
            url.query_pairs_mut().extend_pairs(window);
        }
        match self.get(url).await {
            Ok(answer) if answer.status() == StatusCode::NO_CONTENT => Ok(None),
            Ok(answer) => Ok(Some(answer)),
            // An unknown stream has no other answer than the status here.
            Err(RequestError::Refused { status: StatusCode::NOT_FOUND, message }) if message.is_empty() => {
                Err(Failure::NoStream(self.name_of(stream)))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn url(&self, parts: &[&str]) -> Url {
        self.remote.url(&[&["v3", "namespaces", self.namespace.as_str(), "streams"], parts].concat())
    }

    async fn get(&self, url: Url) -> Result<Response, RequestError> {
        self.remote.send(self.remote.request(Method::GET, url)).await
    }
}
