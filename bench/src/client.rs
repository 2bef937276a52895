//! A creator who uploads.

use crate::http::{self, Answer, Connection};
use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// A signed-in creator with one connection.
pub(crate) struct Client {
    address: SocketAddr,
    connection: Connection,
    token: String,
}

impl Client {
    /// Signs up.
    ///
    /// # Errors
    /// Where the server refuses.
    pub(crate) async fn sign_up(address: SocketAddr, handle: &str) -> Result<Self> {
        let mut client = Self { address, connection: Connection::new(address), token: String::new() };
        let body = json!({ "handle": handle, "password": "only for a benchmark" });
        let request = http::post(address, "/api/v1/accounts", None, body.to_string().into_bytes())?;
        let answer = client.connection.send(request, true).await?.json()?;
        client.token = answer["token"].as_str().context("no token")?.to_owned();
        Ok(client)
    }

    /// Sends a file by tus and answers the upload's id.
    ///
    /// # Errors
    /// Where the server refuses.
    pub(crate) async fn upload(&mut self, bytes: &[u8]) -> Result<String> {
        let create = Request::post("/api/v1/uploads")
            .header("tus-resumable", "1.0.0")
            .header("upload-length", bytes.len())
            .header("upload-metadata", "filename YmVuY2gubXA0");
        let answer = self.send(create, Bytes::new()).await?;
        ensure!(answer.status.as_u16() == 201, "no upload: {}", answer.status);
        let location = answer.headers.get("location").and_then(|v| v.to_str().ok()).context("no location")?;
        let id = location.rsplit('/').next().context("no upload id")?.to_owned();
        let patch = Request::patch(format!("/api/v1/uploads/{id}"))
            .header("tus-resumable", "1.0.0")
            .header("upload-offset", "0")
            .header(CONTENT_TYPE, "application/offset+octet-stream");
        let answer = self.send(patch, Bytes::copy_from_slice(bytes)).await?;
        ensure!(answer.status.as_u16() == 204, "not uploaded: {}", answer.status);
        Ok(id)
    }

    /// Makes a video of an upload and answers its id.
    ///
    /// # Errors
    /// Where the server refuses.
    pub(crate) async fn publish(&mut self, upload: &str, caption: &str) -> Result<String> {
        let body = json!({ "upload_id": upload, "caption": caption }).to_string();
        let request = http::post(self.address, "/api/v1/videos", Some(&self.token), body.into_bytes())?;
        let answer = self.connection.send(request, true).await?.json()?;
        Ok(answer["video"]["id"].as_str().context("no video id")?.to_owned())
    }

    /// The video as its creator sees it.
    ///
    /// # Errors
    /// Where the server refuses.
    pub(crate) async fn video(&mut self, id: &str) -> Result<Value> {
        let request = http::get(self.address, &format!("/api/v1/videos/{id}"), Some(&self.token))?;
        let mut answer = self.connection.send(request, true).await?.json()?;
        Ok(answer["video"].take())
    }

    async fn send(&mut self, request: hyper::http::request::Builder, body: Bytes) -> Result<Answer> {
        let request = http::finish(request, self.address, Some(&self.token), body)?;
        self.connection.send(request, true).await
    }
}
