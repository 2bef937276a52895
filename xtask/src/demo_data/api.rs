//! A client for the few calls of Takt's HTTP API that the demo makes.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;

/// Longest wait for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a call that met a rate limit or a busy server is made again.
const TRIES_MAX: u32 = 8;

/// A client, with or without somebody's token.
pub(crate) struct Api {
    agent: Agent,
    url: String,
    token: Option<String>,
}

impl Api {
    /// A client that is nobody yet.
    pub(crate) fn new(url: &str) -> Self {
        let config = Agent::config_builder()
            // A problem answer is read for its message instead of being turned into a bare status.
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_TIMEOUT))
            .build();
        Self { agent: config.into(), url: url.to_owned(), token: None }
    }

    /// The same client as the owner of a token.
    pub(crate) fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Calls `GET`.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.call("GET", path, || {
            let mut request = self.agent.get(self.address(path));
            if let Some(token) = &self.token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            request.call()
        })
    }

    /// Calls `POST` with a JSON body.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call("POST", path, || {
            let mut request = self.agent.post(self.address(path));
            if let Some(token) = &self.token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            request.send_json(body)
        })
    }

    /// Uploads a file by the tus protocol and gives back the upload's id.
    pub(crate) fn upload(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let token = self.token.as_deref().context("uploading needs a token")?;
        let path = "/api/v1/uploads";
        let created = self
            .agent
            .post(self.address(path))
            .header("authorization", format!("Bearer {token}"))
            .header("tus-resumable", "1.0.0")
            .header("upload-length", bytes.len().to_string())
            .header("upload-metadata", format!("filename {}", base64(name.as_bytes())))
            .send_empty()
            .with_context(|| format!("calling POST {path}"))?;
        let location =
            created.headers().get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
        read("POST", path, created)?;
        let location = location.context("the server created an upload without saying where")?;
        let id = location.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        let path = format!("{path}/{id}");
        let patched = self
            .agent
            .patch(self.address(&path))
            .header("authorization", format!("Bearer {token}"))
            .header("tus-resumable", "1.0.0")
            .header("upload-offset", "0")
            .header("content-type", "application/offset+octet-stream")
            .send(bytes)
            .with_context(|| format!("calling PATCH {path}"))?;
        read("PATCH", &path, patched)?;
        Ok(id)
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn call(
        &self,
        method: &str,
        path: &str,
        send: impl Fn() -> Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value> {
        for attempt in 1..=TRIES_MAX {
            let response = send().with_context(|| format!("calling {method} {path}"))?;
            let is_busy = matches!(response.status().as_u16(), 429 | 503);
            if !is_busy || attempt == TRIES_MAX {
                return read(method, path, response);
            }
            let seconds =
                response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            crate::signals::sleep(Duration::from_secs(seconds.unwrap_or(1).clamp(1, 30)))?;
        }
        bail!("{method} {path} was never answered")
    }
}

/// The answer's JSON, `Null` for an empty one, an error with the problem's words for anything but success.
fn read(method: &str, path: &str, mut response: Response<ureq::Body>) -> Result<Value> {
    let status = response.status();
    let text = response
        .body_mut()
        .read_to_string()
        .with_context(|| format!("reading the answer to {method} {path}"))?;
    if !status.is_success() {
        bail!("{method} {path} answered {status}: {}", text.trim());
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).with_context(|| format!("the answer to {method} {path} is no JSON"))
}

/// A string field of an answer, by its path.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| format!("the answer has no text at {pointer}"))
}

/// Standard base64 (RFC 4648 section 4); three lines are cheaper than a dependency.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let filled = digit <= chunk.len();
            text.push(if filled {
                char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 4648 section 10.
    #[test]
    fn base64_follows_the_rfc() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
