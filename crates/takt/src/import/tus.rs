//! Sending a file by tus 1.0.0 (<https://tus.io/protocols/resumable-upload>): creation, then pieces from wherever
//! the server says it stands.

use super::client::{Attempt, Client, ClientError, NotNow, Refusal, Result, attempt};
use super::resume::Resume;
use super::retry::Backoff;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode, Url};
use std::io::SeekFrom;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// One request carries at most this much, because proxies have limits of their own.
const PIECE_BYTES_MAX: u64 = 64 * 1024 * 1024;
const READ_BYTES: usize = 256 * 1024;
/// How often an upload that the server has forgotten is begun anew.
const CREATIONS_MAX: u32 = 3;

/// A file to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// Where it is.
    pub(crate) path: &'a Path,
    /// Its length when it was hashed.
    pub(crate) bytes: u64,
    /// SHA-256 in hexadecimal.
    pub(crate) sha256: &'a str,
}

/// Sends the file, going on where an earlier run stopped, and returns the upload's id.
/// `on_offset` hears how many bytes have left this machine.
///
/// # Errors
/// Where the server refuses or stays away, or the file cannot be read.
pub(crate) async fn upload(
    client: &Client,
    source: Source<'_>,
    resume: &Resume,
    on_offset: &(impl Fn(u64) + Clone + Send + Sync + 'static),
) -> Result<String> {
    let mut url = resume.find(source.sha256).filter(|url| is_same_server(client, url));
    for _ in 0..CREATIONS_MAX {
        let current = match url.take() {
            Some(url) => url,
            None => create(client, source, resume).await?,
        };
        match send(client, source, &current, on_offset).await {
            Ok(()) => return upload_id(&current),
            // Expired, or ended by another client: the server knows nothing of it any more.
            Err(ClientError::Refused(refusal)) if is_gone(refusal.status) => resume.forget(source.sha256),
            Err(error) => return Err(error),
        }
    }
    Err(ClientError::Unreachable("the server loses the upload again and again".into()))
}

fn is_gone(status: StatusCode) -> bool {
    status == StatusCode::NOT_FOUND || status == StatusCode::GONE
}

async fn create(client: &Client, source: Source<'_>, resume: &Resume) -> Result<Url> {
    let name = source.path.file_name().unwrap_or_default().to_string_lossy();
    let metadata = format!("filename {}", STANDARD.encode(name.as_bytes()));
    let answer = client
        .send(|| {
            tus(client, Method::POST, client.url("/api/v1/uploads"))
                .header(UPLOAD_LENGTH, source.bytes)
                .header(UPLOAD_METADATA, &metadata)
        })
        .await?;
    let location = answer.headers().get(LOCATION).and_then(|v| v.to_str().ok());
    let url = location
        .and_then(|location| answer.url().join(location).ok())
        .ok_or_else(|| ClientError::Unreachable("the server did not say where to upload to".into()))?;
    if !is_same_server(client, &url) {
        // The token must not travel there.
        return Err(ClientError::Unreachable(format!("the server names an upload address elsewhere: {url}")));
    }
    resume.note(source.sha256, &url).map_err(|error| ClientError::Local(format!("{error:#}")))?;
    Ok(url)
}

fn is_same_server(client: &Client, url: &Url) -> bool {
    client.url("/").origin() == url.origin()
}

fn upload_id(url: &Url) -> Result<String> {
    let last = url.path_segments().and_then(|mut segments| segments.next_back()).filter(|id| !id.is_empty());
    last.map(str::to_owned)
        .ok_or_else(|| ClientError::Unreachable(format!("the upload address {url} names no upload")))
}

/// Brings the upload at `url` to its full length.
async fn send(
    client: &Client,
    source: Source<'_>,
    url: &Url,
    on_offset: &(impl Fn(u64) + Clone + Send + Sync + 'static),
) -> Result<()> {
    let mut offset = ask_offset(client, source, url).await?;
    let mut backoff = Backoff::default();
    while offset < source.bytes {
        on_offset(offset);
        let failed = match attempt(piece(client, source, url, offset, on_offset.clone()).await?).await {
            Attempt::Answer(answer) => {
                offset = offset_of(&answer, source)?;
                backoff.reset();
                continue;
            }
            // Another offset than we thought: ask.
            Attempt::Refused(ClientError::Refused(Refusal { status: StatusCode::CONFLICT, .. })) => {
                NotNow { reason: "the server stands elsewhere in the file".into(), retry_after: None }
            }
            Attempt::Refused(error) => return Err(error),
            Attempt::NotNow(failed) => {
                check_length(source).await?;
                failed
            }
        };
        let Some(delay) = backoff.next(failed.retry_after) else {
            return Err(ClientError::Unreachable(failed.reason));
        };
        tokio::time::sleep(delay).await;
        let stands = ask_offset(client, source, url).await?;
        if stands > offset {
            backoff.reset();
        }
        offset = stands;
    }
    on_offset(offset);
    Ok(())
}

async fn ask_offset(client: &Client, source: Source<'_>, url: &Url) -> Result<u64> {
    let answer = client.send(|| tus(client, Method::HEAD, url.clone())).await?;
    offset_of(&answer, source)
}

fn offset_of(answer: &Response, source: Source<'_>) -> Result<u64> {
    let offset = number(answer.headers(), &UPLOAD_OFFSET)
        .ok_or_else(|| ClientError::Unreachable("the server did not say how much it has".into()))?;
    if offset > source.bytes {
        return Err(ClientError::Unreachable("the server claims to have more than was sent".into()));
    }
    Ok(offset)
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// One request with the bytes from `offset` on.
async fn piece(
    client: &Client,
    source: Source<'_>,
    url: &Url,
    offset: u64,
    on_offset: impl Fn(u64) + Send + Sync + 'static,
) -> Result<RequestBuilder> {
    let bytes = (source.bytes - offset).min(PIECE_BYTES_MAX);
    let local = |error: std::io::Error| ClientError::Local(format!("can not read the file: {error}"));
    let mut file = tokio::fs::File::open(source.path).await.map_err(local)?;
    file.seek(SeekFrom::Start(offset)).await.map_err(local)?;
    let mut sent = offset;
    let reader = ReaderStream::with_capacity(file.take(bytes), READ_BYTES);
    let counted = futures::StreamExt::inspect(reader, move |part| {
        sent += part.as_ref().map_or(0, |part| part.len() as u64);
        on_offset(sent);
    });
    Ok(tus(client, Method::PATCH, url.clone())
        .header(UPLOAD_OFFSET, offset)
        .header(CONTENT_LENGTH, bytes)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/offset+octet-stream"))
        .body(Body::wrap_stream(counted)))
}

/// A file that shrank can not be sent in full, and trying again does not help.
async fn check_length(source: Source<'_>) -> Result<()> {
    match tokio::fs::metadata(source.path).await {
        Ok(meta) if meta.len() == source.bytes => Ok(()),
        Ok(_) => Err(ClientError::Local("the file changed while it was sent".into())),
        Err(error) => Err(ClientError::Local(format!("can not read the file: {error}"))),
    }
}

fn tus(client: &Client, method: Method, url: Url) -> RequestBuilder {
    client.request(method, url).header(TUS_RESUMABLE, "1.0.0")
}
