//! Objects: source files and what is played, in a directory or in any S3.
//!
//! Keys have types ([`BlobKey`]); nobody puts paths together. Objects are written once: putting a key again replaces
//! the whole object, and a reader sees the old or the new one, never a mixture.
//!
//! Invariant: what `put` acknowledged is durable. In a directory the file, its name and the directories above are
//! synced; S3 promises it by protocol.

mod directory;
mod s3;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use directory::Directory;
use futures::stream::{BoxStream, StreamExt as _};
use s3::S3;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use takt_core::VideoId;

/// What a stream reads at once.
const CHUNK_BYTES: u64 = 1 << 20;
const FILE_NAME_BYTES_MAX: usize = 128;

/// Where objects are.
#[derive(Clone)]
pub enum BlobsConfig {
    /// In files below this directory, which is made when absent.
    Directory(PathBuf),
    /// In a bucket, which must exist.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// `https://host[:port]` of a server other than Amazon's; addressed by path, not by host name. `http://` is allowed.
        endpoint: Option<String>,
        /// Its region; servers other than Amazon's mostly want `us-east-1`.
        region: String,
        /// The access key. Without one, what the environment gives (`AWS_ACCESS_KEY_ID`, instance roles).
        access_key: Option<String>,
        /// The secret of the access key.
        secret_key: Option<String>,
    },
}

impl fmt::Debug for BlobsConfig {
    /// Without keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => f.debug_tuple("Directory").field(path).finish(),
            Self::S3 { bucket, endpoint, region, .. } => {
                let mut s3 = f.debug_struct("S3");
                s3.field("bucket", bucket)
                    .field("endpoint", endpoint)
                    .field("region", region)
                    .finish_non_exhaustive()
            }
        }
    }
}

/// The name of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(String);

impl BlobKey {
    /// The source file of a video, as uploaded: `sources/<video>`.
    pub fn source(video: VideoId) -> Self {
        Self(format!("sources/{video}"))
    }

    /// A file that is played or shown: `media/<video>/<file>`.
    ///
    /// # Errors
    /// [`BlobError::Other`] unless `file` has 1 to 128 characters of `a-z`, `0-9`, `.`, `_` and `-`, the first of them
    /// no dot.
    pub fn media(video: VideoId, file: &str) -> Result<Self, BlobError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
        if file.is_empty()
            || file.len() > FILE_NAME_BYTES_MAX
            || file.starts_with('.')
            || !file.bytes().all(plain)
        {
            return Err(BlobError::Other(format!("not a media file's name: {file:?}")));
        }
        Ok(Self(format!("media/{video}/{file}")))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part of the key.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known of an object without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobMeta {
    /// Its size.
    pub bytes: u64,
}

/// What can go wrong with an object.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BlobError {
    /// The store cannot be reached, or cannot store: disk full, I/O error, S3 away. Try again later; answer 503.
    #[error("media store unavailable: {0}")]
    Unavailable(String),
    /// There is no such object.
    #[error("no object {0}")]
    NotFound(String),
    /// A mistake in a call or in the configuration.
    #[error("{0}")]
    Other(String),
}

impl BlobError {
    /// Whether the same call may succeed later without anybody changing it.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
    /// Whether the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }
}

/// The object store. Cheap to clone.
#[derive(Clone)]
pub struct Blobs(Arc<Kind>);

enum Kind {
    Directory(Directory),
    S3(S3),
}

impl Blobs {
    /// Opens the store. A directory is made and cleared of what crashes left half written; S3 is not contacted yet
    /// ([`Blobs::ping`] does).
    ///
    /// # Errors
    /// For S3, [`BlobError::Other`] unless the process has a TLS provider: `main` calls
    /// `rustls::crypto::ring::default_provider().install_default()` first.
    pub fn open(config: &BlobsConfig) -> Result<Self, BlobError> {
        let kind = match config {
            BlobsConfig::Directory(root) => Kind::Directory(Directory::open(root)?),
            BlobsConfig::S3 { bucket, endpoint, region, access_key, secret_key } => {
                let keys = access_key.as_deref().zip(secret_key.as_deref());
                Kind::S3(S3::open(bucket, endpoint.as_deref(), region, keys)?)
            }
        };
        Ok(Self(Arc::new(kind)))
    }

    /// Stores a copy of the file at `path`.
    pub async fn put_file(&self, key: &BlobKey, path: &Path) -> Result<(), BlobError> {
        match &*self.0 {
            Kind::Directory(directory) => directory.put_file(key, path).await,
            Kind::S3(s3) => s3.put_file(key, path).await,
        }
    }

    /// Stores `bytes`.
    pub async fn put_bytes(&self, key: &BlobKey, bytes: Bytes) -> Result<(), BlobError> {
        match &*self.0 {
            Kind::Directory(directory) => directory.put_bytes(key, bytes).await,
            Kind::S3(s3) => s3.put_bytes(key, bytes).await,
        }
    }

    /// What is known of the object; `None` when there is none.
    pub async fn head(&self, key: &BlobKey) -> Result<Option<BlobMeta>, BlobError> {
        let head = match &*self.0 {
            Kind::Directory(directory) => directory.head(key).await,
            Kind::S3(s3) => s3.head(key).await,
        };
        match head {
            Ok(meta) => Ok(Some(meta)),
            Err(BlobError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The whole object, in memory.
    pub async fn get_bytes(&self, key: &BlobKey) -> Result<Bytes, BlobError> {
        match &*self.0 {
            Kind::Directory(directory) => directory.get_range(key, directory::WHOLE).await,
            Kind::S3(s3) => s3.get_bytes(key).await,
        }
    }

    /// A part of the object, in memory; shorter when the object ends before it.
    ///
    /// # Errors
    /// [`BlobError::Other`] when it begins behind the object's end or is empty.
    pub async fn get_range(&self, key: &BlobKey, range: Range<u64>) -> Result<Bytes, BlobError> {
        if range.is_empty() {
            return Err(out_of(key, &range));
        }
        match &*self.0 {
            Kind::Directory(directory) => directory.get_range(key, range).await,
            Kind::S3(s3) => s3.get_range(key, range).await,
        }
    }

    /// A part of the object, a mebibyte at a time, so that a slow reader holds neither memory nor a connection.
    /// Ends with an error when the object is shorter than the range.
    pub fn get_stream(
        &self,
        key: &BlobKey,
        range: Range<u64>,
    ) -> BoxStream<'static, Result<Bytes, BlobError>> {
        let (blobs, key) = (self.clone(), key.clone());
        futures::stream::try_unfold(range.start, move |at| {
            let (blobs, key, end) = (blobs.clone(), key.clone(), range.end);
            async move {
                if at >= end {
                    return Ok(None);
                }
                let bytes = blobs.get_range(&key, at..end.min(at + CHUNK_BYTES)).await?;
                let next = at + bytes.len() as u64;
                Ok(Some((bytes, next)))
            }
        })
        .boxed()
    }

    /// Copies the object into the file at `path`, replacing it. For scratch files: the copy is not synced.
    pub async fn fetch_to(&self, key: &BlobKey, path: &Path) -> Result<(), BlobError> {
        match &*self.0 {
            Kind::Directory(directory) => directory.fetch_to(key, path).await,
            Kind::S3(s3) => s3.fetch_to(key, path).await,
        }
    }

    /// Removes the object. It is no error when there is none.
    pub async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        match &*self.0 {
            Kind::Directory(directory) => directory.delete(key).await,
            Kind::S3(s3) => s3.delete(key).await,
        }
    }

    /// Removes everything of a video: its source and all its media. Call it again after an error.
    pub async fn delete_video(&self, video: VideoId) -> Result<(), BlobError> {
        match &*self.0 {
            Kind::Directory(directory) => directory.delete_video(video).await,
            Kind::S3(s3) => s3.delete_video(video).await,
        }
    }

    /// Everything there is of a video, ordered by key.
    pub async fn list_video(&self, video: VideoId) -> Result<Vec<(BlobKey, BlobMeta)>, BlobError> {
        let mut found = match &*self.0 {
            Kind::Directory(directory) => directory.list_video(video).await?,
            Kind::S3(s3) => s3.list_video(video).await?,
        };
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }

    /// Where the object's file is or would be, if the store is a directory. Read it, never write it.
    pub fn local_path(&self, key: &BlobKey) -> Option<PathBuf> {
        match &*self.0 {
            Kind::Directory(directory) => Some(directory.path(key)),
            Kind::S3(_) => None,
        }
    }

    /// An address at which anybody can read the object for so long; `None` if the store is a directory.
    pub async fn signed_url(&self, key: &BlobKey, ttl: Duration) -> Result<Option<String>, BlobError> {
        match &*self.0 {
            Kind::Directory(_) => Ok(None),
            Kind::S3(s3) => s3.signed_url(key, ttl).await.map(Some),
        }
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), BlobError> {
        match &*self.0 {
            Kind::Directory(directory) => directory.ping().await,
            Kind::S3(s3) => s3.ping().await,
        }
    }
}

fn out_of(key: &BlobKey, range: &Range<u64>) -> BlobError {
    BlobError::Other(format!("the object {key} has no bytes {} to {}", range.start, range.end))
}

/// A failure of the local file system.
fn io(doing: &str, path: &Path, error: &std::io::Error) -> BlobError {
    BlobError::Unavailable(format!("{doing} {}: {error}", path.display()))
}
