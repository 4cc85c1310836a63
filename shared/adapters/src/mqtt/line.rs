//! A connection that carries packets.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::packet::{self, Connect, Incoming, Malformed};

/// How long a connection may take to be made: address, TCP, TLS and the answer to the first packet, each.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes that a quiet connection keeps for what may come: thousands of devices have one each.
const INBOX: usize = 256;

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error("cannot be reached: {0}")]
    Unreachable(io::Error),
    #[error("did not answer in time")]
    Silent,
    #[error("broke off the connection")]
    Broken,
    /// By the code of the standard.
    #[error("refused the connection: {}", reason(*.0))]
    Refused(u8),
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl LineError {
    /// Whether the other side does not take these credentials.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(4 | 5))
    }
}

fn reason(code: u8) -> &'static str {
    match code {
        1 => "it does not speak MQTT 3.1.1",
        2 => "it does not take the client's name",
        3 => "it is not available",
        4 => "user or password are wrong",
        5 => "it is not allowed",
        _ => "for a reason that is none of the standard's",
    }
}

/// Where to connect.
#[derive(Debug, Clone)]
pub(crate) struct Port {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// With TLS, if there is some.
    pub(crate) tls: Option<Trust>,
}

/// Whom to believe: the system's authorities, and those of a file.
#[derive(Clone)]
pub(crate) struct Trust(Arc<ClientConfig>);

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trust")
    }
}

impl Trust {
    /// The system's authorities, and those of this PEM text.
    pub(crate) fn new(extra: Option<&[u8]>) -> Result<Self, String> {
        let extra = certificates(extra.unwrap_or_default())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, Arc::clone(&provider))
            .map_err(|error| format!("no authorities can be had to check certificates against: {error}"))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the suites of all versions")
            .dangerous() // A verifier of one's own; this one checks all that the default one does.
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

/// The certificates of a PEM text.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| format!("is not a PEM file of certificates: {error}"))
}

/// A connection that a server has accepted.
#[derive(Debug)]
pub(crate) struct Line {
    stream: Stream,
    inbox: BytesMut,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Line {
    /// Connects, and introduces itself.
    pub(crate) async fn open(port: &Port, connect: &Connect<'_>) -> Result<Self, LineError> {
        let stream = within(TcpStream::connect((port.host.as_str(), port.port))).await?.map_err(LineError::Unreachable)?;
        let _ = stream.set_nodelay(true); // Only a matter of speed.
        let stream = match &port.tls {
            None => Stream::Plain(stream),
            Some(Trust(config)) => {
                let name = ServerName::try_from(port.host.clone()).map_err(|error| LineError::Unreachable(io::Error::other(error)))?;
                let connecting = TlsConnector::from(Arc::clone(config)).connect(name, stream);
                Stream::Tls(Box::new(within(connecting).await?.map_err(LineError::Unreachable)?))
            }
        };
        let mut line = Self { stream, inbox: BytesMut::new() };
        let mut first = BytesMut::new();
        connect.put(&mut first);
        line.send(&first).await?;
        match within(line.next()).await?? {
            Incoming::Connected(0) => Ok(line),
            Incoming::Connected(code) => Err(LineError::Refused(code)),
            _ => Err(LineError::Broken),
        }
    }

    /// Writes packets.
    pub(crate) async fn send(&mut self, packets: &[u8]) -> Result<(), LineError> {
        let writing = async {
            self.stream.write_all(packets).await?;
            self.stream.flush().await
        };
        within(writing).await?.map_err(|_| LineError::Broken)
    }

    /// The next packet. A wait that is given up loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Incoming, LineError> {
        loop {
            if let Some(incoming) = packet::take(&mut self.inbox)? {
                if self.inbox.is_empty() {
                    self.inbox = BytesMut::new();
                }
                return Ok(incoming);
            }
            if self.inbox.capacity() == self.inbox.len() {
                self.inbox.reserve(INBOX);
            }
            match self.stream.read_buf(&mut self.inbox).await {
                Ok(0) | Err(_) => return Err(LineError::Broken),
                Ok(_) => {}
            }
        }
    }

    /// Says good-bye, as far as anybody listens.
    pub(crate) async fn close(mut self) {
        let mut last = BytesMut::new();
        packet::disconnect(&mut last);
        if self.send(&last).await.is_ok() {
            let _ = timeout(Duration::from_secs(1), self.stream.shutdown()).await;
        }
    }
}

async fn within<T>(work: impl Future<Output = T>) -> Result<T, LineError> {
    timeout(PATIENCE, work).await.map_err(|_| LineError::Silent)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
