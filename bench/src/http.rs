//! HTTP/1.1 connections that stay open, as cheap as a real client can be.

use anyhow::{Context as _, Result, bail};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Answers larger than this are not kept, only counted.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A request with its whole body.
pub(crate) type Outgoing = Request<Full<Bytes>>;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: StatusCode,
    /// Headers.
    pub(crate) headers: hyper::HeaderMap,
    /// Length of the body.
    pub(crate) bytes: u64,
    /// The body; empty where it was only counted.
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON, for a 2xx.
    ///
    /// # Errors
    /// Where it is neither.
    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        if !self.status.is_success() {
            bail!("the server answers {}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        serde_json::from_slice(&self.body).context("the answer is not JSON")
    }
}

/// One keep-alive connection; opened when first used, and again after a failure.
pub(crate) struct Connection {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// A connection to be opened.
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    /// Opens it now.
    ///
    /// # Errors
    /// Where nobody listens.
    pub(crate) async fn open(&mut self) -> Result<()> {
        let stream = TcpStream::connect(self.address).await.context("can not connect")?;
        stream.set_nodelay(true).context("can not switch off Nagle's algorithm")?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.context("can not speak HTTP")?;
        // The driver ends with the connection; what went wrong shows at the request.
        tokio::spawn(async move {
            let _ = driver.await;
        });
        self.sender = Some(sender);
        Ok(())
    }

    /// Sends and takes the answer to its end. `keep` says whether the body is wanted or only its length.
    ///
    /// # Errors
    /// Where the connection breaks; the next request opens a new one.
    pub(crate) async fn send(&mut self, request: Outgoing, keep: bool) -> Result<Answer> {
        let result = self.try_send(request, keep).await;
        if result.is_err() {
            self.sender = None;
        }
        result
    }

    async fn try_send(&mut self, request: Outgoing, keep: bool) -> Result<Answer> {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            self.open().await?;
        }
        let sender = self.sender.as_mut().context("not connected")?;
        sender.ready().await.context("the connection was closed")?;
        let response = sender.send_request(request).await.context("no answer")?;
        let (head, mut incoming) = response.into_parts();
        let (mut bytes, mut body) = (0, BytesMut::new());
        while let Some(frame) = incoming.frame().await {
            if let Ok(data) = frame.context("the answer breaks off")?.into_data() {
                bytes += data.len() as u64;
                if keep && body.len() + data.len() <= BODY_BYTES_MAX {
                    body.extend_from_slice(&data);
                }
            }
        }
        Ok(Answer { status: head.status, headers: head.headers, bytes, body: body.freeze() })
    }
}

/// A request without a body.
///
/// # Errors
/// Where path or token can not be part of a request.
pub(crate) fn get(address: SocketAddr, path: &str, token: Option<&str>) -> Result<Outgoing> {
    finish(Request::builder().method(Method::GET).uri(path), address, token, Bytes::new())
}

/// A request with a JSON body.
///
/// # Errors
/// Where path or token can not be part of a request.
pub(crate) fn post(address: SocketAddr, path: &str, token: Option<&str>, json: Vec<u8>) -> Result<Outgoing> {
    let builder = Request::builder().method(Method::POST).uri(path).header(CONTENT_TYPE, "application/json");
    finish(builder, address, token, json.into())
}

/// A request begun elsewhere, with what every request needs.
///
/// # Errors
/// Where something in it can not be part of a request.
pub(crate) fn finish(
    builder: hyper::http::request::Builder,
    address: SocketAddr,
    token: Option<&str>,
    body: Bytes,
) -> Result<Outgoing> {
    let mut builder = builder.header(HOST, address.to_string());
    if let Some(token) = token {
        builder = builder.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    builder.body(Full::new(body)).context("can not make a request")
}
