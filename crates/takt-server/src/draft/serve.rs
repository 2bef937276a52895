//! The bytes of a draft's uploads, for going on with it on another device.

use super::{routes, store, stored};
use crate::error::{Error, Result};
use crate::state::State;
use crate::upload;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::io::SeekFrom;
use std::ops::Range;
use takt_core::{AccountId, DraftId, UploadId};
use takt_media::edit::uploads;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

/// An upload to be read, and how long it is.
pub(super) struct Source {
    file: File,
    bytes_total: u64,
}

/// The upload, if the account's draft names it.
pub(super) async fn open(
    state: &State,
    account: AccountId,
    draft: DraftId,
    upload: UploadId,
) -> Result<Source> {
    let row = store::by_id(&state.db, account, draft).await?.ok_or_else(|| Error::not_found("draft"))?;
    if !uploads(stored(row.edit)?.list()).contains(&upload) {
        return Err(Error::not_found("upload"));
    }
    let file = match File::open(upload::path(state, upload)).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Error::not_found("upload")),
        opened => opened?,
    };
    let bytes_total = file.metadata().await?.len();
    Ok(Source { file, bytes_total })
}

/// The whole of it, or the one range of bytes that was asked for (RFC 9110, section 14).
pub(super) async fn answer(source: Source, headers: &HeaderMap) -> Result<Response> {
    let Source { mut file, bytes_total } = source;
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).and_then(one_range);
    let (status, range) = match asked.map(|asked| within(asked, bytes_total)) {
        None => (StatusCode::OK, 0..bytes_total),
        Some(Some(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(None) => return Ok(unsatisfiable(bytes_total)),
    };
    file.seek(SeekFrom::Start(range.start)).await?;
    let length = range.end - range.start;
    let mut response = Response::new(Body::from_stream(ReaderStream::new(file.take(length))));
    *response.status_mut() = status;
    let set = response.headers_mut();
    // Never shown as a page of ours, whatever the bytes say they are.
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    set.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    set.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(said) =
            HeaderValue::try_from(format!("bytes {}-{}/{bytes_total}", range.start, range.end - 1))
    {
        set.insert(header::CONTENT_RANGE, said);
    }
    Ok(response)
}

/// First and last byte as asked for; `None` in a first place counts from the end.
type Asked = (Option<u64>, Option<u64>);

/// A single range; anything else is answered with the whole, as a server may.
fn one_range(text: &str) -> Option<Asked> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| if text.is_empty() { Some(None) } else { text.parse::<u64>().ok().map(Some) };
    let asked = (number(first.trim())?, number(last.trim())?);
    (asked != (None, None)).then_some(asked)
}

/// The bytes meant; `None` when there are none.
fn within(asked: Asked, bytes_total: u64) -> Option<Range<u64>> {
    let range = match asked {
        (Some(first), last) => {
            first..last.map_or(bytes_total, |last| last.saturating_add(1).min(bytes_total))
        }
        (None, last) => bytes_total.saturating_sub(last.unwrap_or(0))..bytes_total,
    };
    (range.start < range.end).then_some(range)
}

fn unsatisfiable(bytes_total: u64) -> Response {
    let mut response = (StatusCode::RANGE_NOT_SATISFIABLE, routes::nothing()).into_response();
    if let Ok(said) = HeaderValue::try_from(format!("bytes */{bytes_total}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, said);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_rfc_9110() {
        let read = |text| one_range(text).map(|asked| within(asked, 100));
        assert_eq!(read("bytes=0-9"), Some(Some(0..10)));
        assert_eq!(read("bytes=90-"), Some(Some(90..100)));
        assert_eq!(read("bytes=90-1000"), Some(Some(90..100)));
        assert_eq!(read("bytes=-10"), Some(Some(90..100)));
        assert_eq!(read("bytes=-1000"), Some(Some(0..100)));
        assert_eq!(read("bytes=100-"), Some(None));
        assert_eq!(read("bytes=-0"), Some(None));
        assert_eq!(read("bytes=9-0"), Some(None));
        for whole in ["bytes=-", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=18446744073709551616-"] {
            assert_eq!(read(whole), None, "{whole}");
        }
        assert_eq!(read("bytes=0-18446744073709551615"), Some(Some(0..100)));
    }
}
