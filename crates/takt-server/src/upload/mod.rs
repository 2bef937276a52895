//! Uploads: resumable transfers of source files, by the tus protocol 1.0.0 (core, creation, expiration, termination).
//!
//! A row says what was announced, a file in `data.dir/uploads` holds what arrived; its length is the offset.
//! A video is made of an upload once. From then on the file belongs to the video's processing, which removes it.
//!
//! Invariant: an offset that was answered is on disk and synced.

mod headers;
mod receive;
pub mod routes;
mod store;

use crate::error::{Error, Result};
use crate::state::State;
use axum::body::Body;
use axum::http::StatusCode;
use receive::{Target, Turn};
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::{NewUpload, UploadRow};
use takt_core::{AccountId, Timestamp, UploadId, VideoId};
use takt_store::{Db, Tx};

const HOUR_MS: i64 = 3_600_000;
/// Rows looked at in one statement while purging.
const PURGE_ROWS: i64 = 500;
/// A file without a row is an orphan once it is this old; younger ones may be about to get theirs.
const ORPHAN_AGE: Duration = Duration::from_secs(3600);

/// An upload as its owner sees it.
pub(crate) struct Upload {
    pub(crate) id: UploadId,
    pub(crate) offset: u64,
    pub(crate) bytes_total: u64,
    metadata: String,
    expires: Timestamp,
    /// The video made of it.
    pub(crate) video: Option<VideoId>,
}

fn dir(state: &State) -> PathBuf {
    state.config.data.dir.join("uploads")
}

/// Where the bytes of an upload are until its video is processed.
pub(crate) fn path(state: &State, upload: UploadId) -> PathBuf {
    dir(state).join(upload.to_string())
}

/// Begins an upload.
async fn create(state: &State, account: AccountId, bytes_total: u64, metadata: &str) -> Result<Upload> {
    check_size(state, bytes_total)?;
    let now = state.clock.now();
    if store::count_open(&state.db, account, now).await? >= u64::from(state.config.video.uploads_open_max) {
        let message = "too many unfinished uploads; finish or delete some first";
        return Err(Error::refused(StatusCode::TOO_MANY_REQUESTS, "too_many_uploads", message));
    }
    let id = UploadId::mint(&state.clock);
    let expires = now.plus_ms(i64::from(state.config.video.upload_expiry_h) * HOUR_MS);
    // The file first: a file without a row is swept up, a row without a file would be a broken promise.
    make_file(dir(state), id).await?;
    store::insert(&state.db, NewUpload { id, account, bytes_total, metadata, now, expires }).await?;
    Ok(Upload { id, offset: 0, bytes_total, metadata: metadata.to_owned(), expires, video: None })
}

fn check_size(state: &State, bytes_total: u64) -> Result<()> {
    if bytes_total == 0 {
        return Err(Error::Refused {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            code: "empty_file",
            message: "this file is empty".into(),
            field: Some(headers::UPLOAD_LENGTH.to_owned()),
        });
    }
    let limit = state.config.video.bytes_max;
    if bytes_total > limit {
        let megabytes = limit / 1_000_000;
        return Err(Error::Refused {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            code: "too_big",
            message: format!("this file is too big; up to {megabytes} MB ({limit} bytes) are taken").into(),
            field: Some(headers::UPLOAD_LENGTH.to_owned()),
        });
    }
    Ok(())
}

async fn make_file(dir: PathBuf, upload: UploadId) -> Result<()> {
    blocking(move || {
        std::fs::create_dir_all(&dir)?;
        std::fs::File::create_new(dir.join(upload.to_string()))?.sync_all()?;
        // The name, too, must outlive a power cut.
        std::fs::File::open(&dir)?.sync_all()
    })
    .await
}

/// The account's upload. Another's is not found; one past its time is gone.
pub(crate) async fn find(state: &State, account: AccountId, upload: UploadId) -> Result<Upload> {
    let row = store::by_id(&state.db, upload).await?.filter(|row| row.account_id == account);
    let row = row.ok_or_else(|| Error::not_found("upload"))?;
    if row.video_id.is_none() && row.expires_ms <= state.clock.now() {
        return Err(Error::refused(
            StatusCode::GONE,
            "upload_expired",
            "this upload has expired; begin anew",
        ));
    }
    let offset = offset_of(state, &row).await?;
    Ok(Upload {
        id: row.id,
        offset,
        bytes_total: row.bytes_total,
        metadata: row.metadata,
        expires: row.expires_ms,
        video: row.video_id,
    })
}

async fn offset_of(state: &State, row: &UploadRow) -> Result<u64> {
    // Processing removes the file of a used upload, all of which had arrived.
    if row.video_id.is_some() {
        return Ok(row.bytes_total);
    }
    match tokio::fs::metadata(path(state, row.id)).await {
        Ok(file) => Ok(file.len().min(row.bytes_total)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            tracing::error!(upload.id = %row.id, "the file of an upload is missing");
            Err(Error::not_found("upload"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The upload at rest: a connection that may still be writing it is ended first, so that the offset stays true.
///
/// Callers have found that the upload is the account's.
async fn find_at_rest(state: &State, account: AccountId, upload: UploadId) -> Result<Upload> {
    let _turn = Turn::take(upload).await?;
    find(state, account, upload).await
}

/// What a request wants to append.
struct Append {
    offset: u64,
    content_length: Option<u64>,
    body: Body,
}

/// Appends the body's bytes and says how many bytes there are then. With an error comes what is left of the body.
///
/// Callers have found that the upload is the account's: nobody else may end a connection.
async fn append(
    state: &State,
    account: AccountId,
    id: UploadId,
    append: Append,
) -> Result<Upload, (Error, Body)> {
    let Append { offset, content_length, body } = append;
    let (turn, mut upload) = match begin_append(state, account, id, offset, content_length).await {
        Ok(begun) => begun,
        Err(error) => return Err((error, body)),
    };
    if upload.video.is_some() {
        return Ok(upload);
    }
    let target = Target { path: path(state, id), offset, bytes_total: upload.bytes_total };
    let received = receive::receive(turn, target, body).await.map_err(|error| (error, Body::empty()))?;
    metrics::counter!("takt_upload_bytes_total").increment(received.offset.saturating_sub(offset));
    upload.offset = received.offset;
    match received.broken {
        Some(error) => Err((error, received.rest)),
        None => Ok(upload),
    }
}

async fn begin_append(
    state: &State,
    account: AccountId,
    id: UploadId,
    offset: u64,
    content_length: Option<u64>,
) -> Result<(Turn, Upload)> {
    let turn = Turn::take(id).await?;
    let upload = find(state, account, id).await?;
    if offset != upload.offset {
        let message = format!("{} bytes have arrived, the request goes on at {offset}", upload.offset);
        return Err(Error::refused(StatusCode::CONFLICT, "wrong_offset", message));
    }
    if content_length.is_some_and(|length| length > upload.bytes_total - offset) {
        return Err(receive::beyond_length());
    }
    Ok((turn, upload))
}

/// Ends an upload of which no video was made.
async fn terminate(state: &State, account: AccountId, id: UploadId) -> Result<()> {
    let upload = find(state, account, id).await?;
    let used = || {
        let message = "a video or a draft was made of this upload; delete that";
        Error::refused(StatusCode::CONFLICT, "upload_used", message)
    };
    if upload.video.is_some() {
        return Err(used());
    }
    let _turn = Turn::take(id).await?;
    if !store::delete_unused(&state.db, id).await? {
        return Err(used());
    }
    remove_file(state, id).await
}

/// Marks the upload as used by `video`, within the transaction that makes the video; false when it already was.
pub(crate) async fn mark_used(tx: &mut Tx, upload: UploadId, video: VideoId) -> Result<bool> {
    store::mark_used(tx, upload, video).await
}

/// Refuses unless an edit of the account may name the upload: it is complete, and its bytes are its own.
pub(crate) async fn require_source(state: &State, account: AccountId, upload: UploadId) -> Result<()> {
    let row = store::by_id(&state.db, upload).await?.filter(|row| row.account_id == account);
    let row = row.ok_or_else(|| Error::not_found("upload"))?;
    let refuse = |code, message: &'static str| Err(Error::refused(StatusCode::CONFLICT, code, message));
    if row.video_id.is_some() {
        return refuse("upload_used", "a video was made of this upload; upload the file again");
    }
    let named = store::is_named(&state.db, upload).await?;
    if !named && row.expires_ms <= state.clock.now() {
        return refuse("upload_expired", "this upload has expired; begin anew");
    }
    if offset_of(state, &row).await? != row.bytes_total {
        return refuse("upload_incomplete", "not all of this upload has arrived; finish it");
    }
    Ok(())
}

/// Takes a file made by the server into the uploads, where nobody knows it until [`insert_made`] says whose it is.
pub(crate) async fn take_in(state: &State, file: PathBuf) -> Result<(UploadId, u64)> {
    let id = UploadId::mint(&state.clock);
    let (dir, to) = (dir(state), path(state, id));
    let bytes = blocking(move || {
        let made = std::fs::File::open(&file)?;
        made.sync_all()?;
        std::fs::rename(&file, &to)?;
        std::fs::File::open(&dir)?.sync_all()?;
        Ok(made.metadata()?.len())
    })
    .await?;
    Ok((id, bytes))
}

/// Says whose a file taken in is, and which video is made of it; of none, edits may name it.
pub(crate) async fn insert_made(
    state: &State,
    tx: &mut Tx,
    account: AccountId,
    (id, bytes_total): (UploadId, u64),
    video: Option<VideoId>,
) -> Result<()> {
    let now = state.clock.now();
    let expires = now.plus_ms(i64::from(state.config.video.upload_expiry_h) * HOUR_MS);
    let new = NewUpload { id, account, bytes_total, metadata: "", now, expires };
    store::insert_made(tx, new, video).await
}

/// A file was taken in for the video.
pub(crate) async fn is_made(state: &State, account: AccountId, video: VideoId) -> Result<bool> {
    Ok(!store::ids_of_video(&state.db, account, video).await?.is_empty())
}

/// Removes those of `uploads` that no edit names any more.
pub(crate) async fn release(state: &State, uploads: &[UploadId]) -> Result<()> {
    for upload in uploads {
        let _turn = Turn::take(*upload).await?;
        if store::delete_unused(&state.db, *upload).await? {
            remove_file(state, *upload).await?;
        }
    }
    Ok(())
}

/// Removes the bytes of an upload, if they are still there.
pub(crate) async fn remove_file(state: &State, upload: UploadId) -> Result<()> {
    match tokio::fs::remove_file(path(state, upload)).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Removes the upload a video was made of, bytes and row.
pub(crate) async fn delete_of_video(state: &State, account: AccountId, video: VideoId) -> Result<()> {
    for upload in store::ids_of_video(&state.db, account, video).await? {
        remove_file(state, upload).await?;
        store::delete(&state.db, upload).await?;
    }
    Ok(())
}

/// Removes every upload of the account.
pub async fn delete_all(state: &State, account: AccountId) -> Result<()> {
    for upload in store::ids_of(&state.db, account).await? {
        let _turn = Turn::take(upload).await?;
        remove_file(state, upload).await?;
        store::delete(&state.db, upload).await?;
    }
    Ok(())
}

/// Removes uploads past their time and files nobody knows; called now and then. Says how many went.
///
/// What a video that is still to be processed or archived needs is kept, however old.
pub async fn purge_expired(state: &State) -> Result<u64> {
    let mut purged = 0;
    let mut after = UploadId::from_u128(0);
    loop {
        let rows = store::expired(&state.db, state.clock.now(), after, PURGE_ROWS).await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        for row in rows {
            purged += u64::from(purge(state, row).await?);
        }
    }
    Ok(purged + sweep_orphans(&state.db, dir(state)).await?)
}

async fn purge(state: &State, row: store::ExpiredRow) -> Result<bool> {
    let in_use = matches!(row.video_status.as_deref(), Some("processing" | "ready"));
    if in_use && tokio::fs::try_exists(path(state, row.id)).await? {
        return Ok(false);
    }
    let _turn = Turn::take(row.id).await?;
    if row.video_id.is_none() {
        if !store::delete_unused(&state.db, row.id).await? {
            return Ok(false);
        }
        remove_file(state, row.id).await?;
    } else {
        remove_file(state, row.id).await?;
        store::delete(&state.db, row.id).await?;
    }
    Ok(true)
}

async fn sweep_orphans(db: &Db, dir: PathBuf) -> Result<u64> {
    let mut swept = 0;
    let old = {
        let dir = dir.clone();
        blocking(move || old_files(&dir)).await?
    };
    for uploads in old.chunks(200) {
        let known = store::known(db, uploads).await?;
        for upload in uploads.iter().filter(|upload| !known.contains(upload)) {
            tokio::fs::remove_file(dir.join(upload.to_string())).await?;
            swept += 1;
        }
    }
    Ok(swept)
}

/// Files named like uploads that nobody has written to for a while.
fn old_files(dir: &Path) -> std::io::Result<Vec<UploadId>> {
    let mut old = Vec::new();
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(old),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Some(upload) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // The file system's own clock on both sides; Takt's may be a test's.
        if entry.metadata()?.modified()?.elapsed().is_ok_and(|age| age > ORPHAN_AGE) {
            old.push(upload);
        }
    }
    Ok(old)
}

/// Runs file work on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| Error::Internal(format!("a file thread failed: {error}")))??)
}
