//! The requests that the verbs make, and what may become of them.

use std::error::Error as _;
use std::time::Duration;

use anyhow::Context as _;
use headwater_core::ids::{NamespaceId, StreamId, StreamName};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Body, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::elements::NotAnArray;
use crate::args::ServerOptions;

/// How long the way to the server may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Characters of an answer that is not a success which are shown.
const SHOWN: usize = 1000;

/// Why a request had no success.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nothing was sent.
    #[error("{server} cannot be reached: {cause}")]
    Away { server: String, cause: String },
    /// Something was sent, and then there was no whole answer.
    #[error("the connection broke before the server had answered: {0}")]
    Broke(String),
    /// The server answered that it will not, or cannot.
    #[error("the server answered {status}{}{message}", if message.is_empty() { "" } else { ": " })]
    Refused { status: StatusCode, message: String },
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
            Self::Away { .. } | Self::NoStream(_) => true,
            // A server that runs out of space says so before anything is kept; behind its other errors anything may have happened.
            Self::Refused { status, .. } => !status.is_server_error() || *status == StatusCode::INSUFFICIENT_STORAGE,
            Self::Broke(_) | Self::Garbled(_) => false,
        }
    }

    /// Whether it may be otherwise in a while: the server restarts, or has too much to do.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Away { .. } | Self::Broke(_) | Self::Garbled(NotAnArray::CutOff) => true,
            Self::Refused { status, .. } => {
                status.is_server_error() || matches!(*status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
            }
            Self::NoStream(_) | Self::Garbled(_) => false,
        }
    }
}

/// What the verbs ask of the server.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    server: Url,
    namespace: NamespaceId,
    authorization: Option<HeaderValue>,
}

/// A list of names.
#[derive(Debug, Deserialize)]
struct Name {
    name: String,
}

impl Client {
    pub(super) fn new(options: &ServerOptions) -> anyhow::Result<Self> {
        // Another part of the process may have installed the same provider; that is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .redirect(Policy::none()) // The token and the events go where the user said, and nowhere else.
            .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")));
        if is_this_machine(&options.url) {
            http = http.no_proxy(); // No proxy leads to this machine, whatever the environment says.
        }
        let authorization = options.token.as_ref().map(|token| {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.0.expose())).expect("a token is printable ASCII");
            value.set_sensitive(true);
            value
        });
        let http = http.build().context("the HTTP client cannot be set up")?;
        Ok(Self { http, server: options.url.clone(), namespace: options.namespace.clone(), authorization })
    }

    pub(super) fn name_of(&self, stream: &StreamId) -> StreamName {
        StreamName { namespace: self.namespace.clone(), stream: stream.clone() }
    }

    /// The names of the namespace's streams, sorted.
    pub(super) async fn streams(&self) -> anyhow::Result<Vec<String>> {
        let answer = self.send(self.http.get(self.url(&[]))).await?;
        let names: Vec<Name> = serde_json::from_slice(&body(answer).await?).context("the list of streams cannot be read")?;
        let mut names: Vec<String> = names.into_iter().map(|name| name.name).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// What is set about a stream.
    pub(super) async fn properties(&self, stream: &str) -> anyhow::Result<Map<String, Value>> {
        let answer = self.send(self.http.get(self.url(&[stream]))).await?;
        serde_json::from_slice(&body(answer).await?).context("the properties of the stream cannot be read")
    }

    /// Makes a stream unless it is there.
    pub(super) async fn create(&self, stream: &StreamId) -> Result<(), Failure> {
        self.send(self.http.put(self.url(&[stream.as_str()]))).await.map(drop)
    }

    /// Sends a batch, once. When this returns it is durable.
    pub(super) async fn send_batch(
        &self,
        stream: &StreamId,
        content_type: &HeaderValue,
        headers: &HeaderMap,
        batch: impl Into<Body>,
    ) -> Result<(), Failure> {
        let request = self.http.post(self.url(&[stream.as_str(), "batch"])).headers(headers.clone());
        self.send(request.header(CONTENT_TYPE, content_type).body(batch)).await.map(drop)
    }

    /// Begins to read events; `None` when the window has none.
    pub(super) async fn events(&self, stream: &StreamId, window: &[(&str, &str)]) -> Result<Option<Response>, Failure> {
        let mut url = self.url(&[stream.as_str(), "events"]);
        if !window.is_empty() {
            url.query_pairs_mut().extend_pairs(window);
        }
        match self.send(self.http.get(url)).await {
            Ok(answer) if answer.status() == StatusCode::NO_CONTENT => Ok(None),
            Ok(answer) => Ok(Some(answer)),
            // An unknown stream has no other answer than the status here.
            Err(Failure::Refused { status: StatusCode::NOT_FOUND, message }) if message.is_empty() => {
                Err(Failure::NoStream(self.name_of(stream)))
            }
            Err(failure) => Err(failure),
        }
    }

    fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.server.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .expect("an http url has a path")
            .pop_if_empty()
            .extend(["v3", "namespaces", self.namespace.as_str(), "streams"])
            .extend(parts);
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let request = match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        };
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return Err(Failure::Away { server: shown(&self.server), cause: cause_of(&error) }),
            Err(error) => return Err(Failure::Broke(cause_of(&error))),
        };
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.bytes().await.unwrap_or_default(); // The status says enough where the message is lost.
        let message: String = String::from_utf8_lossy(&text).trim().chars().take(SHOWN).collect();
        Err(Failure::Refused { status, message })
    }
}

async fn body(answer: Response) -> Result<bytes::Bytes, Failure> {
    answer.bytes().await.map_err(|error| Failure::Broke(cause_of(&error)))
}

/// The innermost cause: what is around it says which library noticed.
pub(super) fn cause_of(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match error.source() {
        Some(_) => cause.to_string(),
        None => error.to_string(),
    }
}

/// A URL without what may be secret in it.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only where a URL has no host, and then it has none of these either.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.set_query(None);
    url.to_string()
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str) -> Client {
        let namespace = NamespaceId::try_from("default").unwrap();
        Client::new(&ServerOptions { url: Url::parse(url).unwrap(), token: None, namespace }).unwrap()
    }

    #[test]
    fn a_server_may_answer_below_a_path() {
        for (server, wanted) in [
            ("http://h:1", "http://h:1/v3/namespaces/default/streams/s/batch"),
            ("http://h:1/", "http://h:1/v3/namespaces/default/streams/s/batch"),
            ("https://h/stage/", "https://h/stage/v3/namespaces/default/streams/s/batch"),
            ("https://h/stage?x=y#z", "https://h/stage/v3/namespaces/default/streams/s/batch"),
        ] {
            assert_eq!(client(server).url(&["s", "batch"]).as_str(), wanted);
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(shown(&Url::parse("https://me:secret@h:1/stage?key=secret").unwrap()), "https://h:1/stage");
    }

    #[test]
    fn this_machine_is_told_by_its_names() {
        for (url, local) in [
            ("http://127.0.0.1:9999", true),
            ("http://127.8.8.8", true),
            ("http://localhost", true),
            ("http://[::1]:80", true),
            ("http://10.0.0.1", false),
            ("https://localhost.example.org", false),
        ] {
            assert_eq!(is_this_machine(&Url::parse(url).unwrap()), local, "{url}");
        }
    }

    #[test]
    fn only_what_was_surely_refused_has_changed_nothing() {
        let refused = |status| Failure::Refused { status, message: String::new() };
        for status in
            [StatusCode::NOT_FOUND, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::INSUFFICIENT_STORAGE, StatusCode::TEMPORARY_REDIRECT]
        {
            assert!(refused(status).changed_nothing(), "{status}");
        }
        for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE] {
            assert!(!refused(status).changed_nothing() && refused(status).may_pass(), "{status}");
        }
        assert!(!Failure::Broke(String::new()).changed_nothing());
        assert!(Failure::Away { server: String::new(), cause: String::new() }.changed_nothing());
    }
}
