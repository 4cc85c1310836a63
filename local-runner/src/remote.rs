//! A server that a command speaks with, over its HTTP API.

use std::error::Error as _;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};

use crate::args::ServerOptions;

/// How long the way to the server may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Characters of an answer that is not a success which are shown.
const SHOWN: usize = 1000;

/// Why a request had no success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// Nothing was sent.
    #[error("{server} cannot be reached: {cause}")]
    Away {
        /// Where it should be.
        server: String,
        /// The innermost cause.
        cause: String,
    },
    /// Something was sent, and then there was no whole answer.
    #[error("the connection broke before the server had answered: {0}")]
    Broke(String),
    /// The server answered that it will not, or cannot.
    #[error("the server answered {status}{}{message}", if message.is_empty() { "" } else { ": " })]
    Refused {
        /// The status.
        status: StatusCode,
        /// The beginning of the body.
        message: String,
    },
}

impl RequestError {
    /// Whether nothing was changed by the request.
    pub(crate) fn changed_nothing(&self) -> bool {
        match self {
            Self::Away { .. } => true,
            // A server that runs out of space says so before anything is kept; behind its other errors anything may have happened.
            Self::Refused { status, .. } => !status.is_server_error() || *status == StatusCode::INSUFFICIENT_STORAGE,
            Self::Broke(_) => false,
        }
    }

    /// Whether it may be otherwise in a while: the server restarts, or has too much to do.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Away { .. } | Self::Broke(_) => true,
            Self::Refused { status, .. } => {
                status.is_server_error() || matches!(*status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
            }
        }
    }
}

/// A server, and what it lets us in with.
#[derive(Debug)]
pub(crate) struct Remote {
    http: Client,
    server: Url,
    authorization: Option<HeaderValue>,
}

impl Remote {
    pub(crate) fn new(options: &ServerOptions) -> anyhow::Result<Self> {
        // Another part of the process may have installed the same provider; that is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .redirect(Policy::none()) // The token and what is sent go where the user said, and nowhere else.
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
        Ok(Self { http, server: options.url.clone(), authorization })
    }

    /// The address of a path, given in parts, below the server's own.
    pub(crate) fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.server.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut().expect("an http url has a path").pop_if_empty().extend(parts);
        url
    }

    /// The server's address without what may be secret in it.
    pub(crate) fn name(&self) -> String {
        shown(&self.server)
    }

    /// A request that [`Remote::send`] sends.
    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request, once.
    ///
    /// # Errors
    /// When there is no answer, or one that is no success.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, RequestError> {
        let request = match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        };
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return Err(RequestError::Away { server: self.name(), cause: cause_of(&error) }),
            Err(error) => return Err(RequestError::Broke(cause_of(&error))),
        };
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.bytes().await.unwrap_or_default(); // The status says enough where the message is lost.
        let message: String = String::from_utf8_lossy(&text).trim().chars().take(SHOWN).collect();
        Err(RequestError::Refused { status, message })
    }
}

/// All of an answer.
///
/// # Errors
/// When the connection breaks before its end.
pub(crate) async fn body(answer: Response) -> Result<bytes::Bytes, RequestError> {
    answer.bytes().await.map_err(|error| RequestError::Broke(cause_of(&error)))
}

/// The innermost cause: what is around it says which library noticed.
pub(crate) fn cause_of(error: &reqwest::Error) -> String {
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

    fn remote(url: &str) -> Remote {
        Remote::new(&ServerOptions { url: Url::parse(url).unwrap(), token: None }).unwrap()
    }

    #[test]
    fn a_server_may_answer_below_a_path() {
        for (server, wanted) in [
            ("http://h:1", "http://h:1/live"),
            ("http://h:1/", "http://h:1/live"),
            ("https://h/stage/", "https://h/stage/live"),
            ("https://h/stage?x=y#z", "https://h/stage/live"),
        ] {
            assert_eq!(remote(server).url(&["live"]).as_str(), wanted);
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
        let refused = |status| RequestError::Refused { status, message: String::new() };
        for status in
            [StatusCode::NOT_FOUND, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::INSUFFICIENT_STORAGE, StatusCode::TEMPORARY_REDIRECT]
        {
            assert!(refused(status).changed_nothing(), "{status}");
        }
        for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE] {
            assert!(!refused(status).changed_nothing() && refused(status).may_pass(), "{status}");
        }
        assert!(!RequestError::Broke(String::new()).changed_nothing());
        assert!(RequestError::Away { server: String::new(), cause: String::new() }.changed_nothing());
    }
}
