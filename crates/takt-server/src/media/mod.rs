//! Media: renditions and stills by byte range. A directory's files leave from the page cache without being copied; what is
//! asked for of a bucket is kept in memory.
//!
//! Objects are named by their content, so an address never changes its bytes: strong entity tags, immutable caching and a
//! cache without staleness follow. The one thing that ends an object is the deletion of its video.
//!
//! Invariant: serving media asks no database. With the store away, what is in memory is still served.

mod local;
pub(crate) mod mapped;
mod range;
pub mod routes;

use self::mapped::Mapped;
use crate::error::{Error, Result};
use crate::state::State;
use axum::body::Bytes;
use moka::future::Cache;
use std::fmt;
use std::fs::File;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use takt_core::VideoId;
use takt_store::{BlobError, BlobKey};

/// Objects of a bucket up to this size are held whole in memory.
const WHOLE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// What a cached object costs beside its bytes.
const OVERHEAD_BYTES: u32 = 256;
/// Files kept open.
const OPEN_FILES_MAX: u64 = 256;
/// Objects of a bucket whose size is remembered.
const KNOWN_MAX: u64 = 50_000;
/// A file nobody asks for is closed after so long.
const IDLE: Duration = Duration::from_secs(60);
/// How long a deleted video is remembered, against loads that were under way while it was deleted.
const GONE: Duration = Duration::from_secs(3600);
const GONE_MAX: u64 = 100_000;

/// What a media file is, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A rendition.
    Mp4,
    /// A still.
    Jpeg,
    /// A still.
    Webp,
    /// A sound.
    M4a,
}

/// The name of a media file within its video: the SHA-256 of its bytes and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileName {
    sha256: [u8; 32],
    kind: Kind,
}

impl FromStr for FileName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (hash, extension) = text.split_once('.').ok_or(())?;
        let kind = match extension {
            "mp4" => Kind::Mp4,
            "jpg" => Kind::Jpeg,
            "webp" => Kind::Webp,
            "m4a" => Kind::M4a,
            _ => return Err(()),
        };
        // One name for one thing: capitals would be a second.
        if hash.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(());
        }
        let mut sha256 = [0; 32];
        hex::decode_to_slice(hash, &mut sha256).map_err(|_| ())?;
        Ok(Self { sha256, kind })
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extension = match self.kind {
            Kind::Mp4 => "mp4",
            Kind::Jpeg => "jpg",
            Kind::Webp => "webp",
            Kind::M4a => "m4a",
        };
        write!(f, "{}.{extension}", hex::encode(self.sha256))
    }
}

impl FileName {
    /// The strong entity tag: the bytes' hash.
    fn etag(&self) -> String {
        format!("\"{}\"", hex::encode(self.sha256))
    }
}

impl Kind {
    fn content_type(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::M4a => "audio/mp4",
        }
    }
}

type Key = (VideoId, FileName);

/// Where an object's bytes are.
#[derive(Clone)]
enum Object {
    /// In a file of the directory.
    Local(Mapped),
    /// In a bucket, so many bytes.
    Remote(u64),
    /// In memory.
    Whole(Bytes),
}

impl Object {
    fn bytes_total(&self) -> u64 {
        match self {
            Self::Local(file) => file.len() as u64,
            Self::Remote(bytes_total) => *bytes_total,
            Self::Whole(bytes) => bytes.len() as u64,
        }
    }
}

/// Why an object could not be loaded; shared by all who waited for the same load.
#[derive(Debug)]
enum LoadError {
    Missing,
    Away(String),
}

impl From<BlobError> for LoadError {
    fn from(error: BlobError) -> Self {
        if error.is_not_found() { Self::Missing } else { Self::Away(error.to_string()) }
    }
}

impl From<std::io::Error> for LoadError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::NotFound {
            Self::Missing
        } else {
            Self::Away(error.to_string())
        }
    }
}

/// Open files, and a bucket's media in memory, most asked for first. Many requests for the same missing object are one
/// load.
pub struct MediaCache {
    whole: Cache<Key, Bytes>,
    /// Never [`Object::Whole`].
    stored: Cache<Key, Object>,
    gone: Cache<VideoId, ()>,
    whole_bytes_max: u64,
}

impl MediaCache {
    /// A cache of `bytes`; 0 holds none.
    pub fn new(bytes: u64) -> Self {
        let weigh = |_: &Key, bytes: &Bytes| {
            u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_add(OVERHEAD_BYTES)
        };
        // Weighed so that few open files and many sizes fit alike.
        let cost = |_: &Key, object: &Object| match object {
            Object::Local(_) => (KNOWN_MAX / OPEN_FILES_MAX) as u32,
            _ => 1,
        };
        Self {
            whole: Cache::builder().max_capacity(bytes).weigher(weigh).build(),
            stored: Cache::builder().max_capacity(KNOWN_MAX).weigher(cost).time_to_idle(IDLE).build(),
            gone: Cache::builder().max_capacity(GONE_MAX).time_to_live(GONE).build(),
            // An eighth at most, so that one object does not push out all others.
            whole_bytes_max: WHOLE_BYTES_MAX.min(bytes / 8),
        }
    }

    /// Forgets everything of a deleted video, and keeps loads under way from bringing it back.
    pub async fn forget(&self, video: VideoId, files: impl IntoIterator<Item = String>) {
        self.gone.insert(video, ()).await;
        for file in files {
            self.drop_file(video, &file).await;
        }
    }

    fn is_gone(&self, video: VideoId) -> bool {
        self.gone.contains_key(&video)
    }

    /// Forgets one file.
    pub async fn drop_file(&self, video: VideoId, file: &str) {
        if let Ok(file) = file.parse() {
            self.whole.invalidate(&(video, file)).await;
            self.stored.invalidate(&(video, file)).await;
        }
    }
}

/// The object from memory, or where to read it.
async fn object(state: &State, video: VideoId, file: FileName) -> Result<Object> {
    let cache = &state.media_cache;
    let key = (video, file);
    let object = match cache.whole.get(&key).await {
        Some(bytes) => Object::Whole(bytes),
        None => find(state, key).await.map_err(|error| match &*error {
            LoadError::Missing => Error::not_found("media file"),
            LoadError::Away(reason) => Error::Unavailable(reason.clone()),
        })?,
    };
    if cache.is_gone(video) {
        cache.drop_file(video, &file.to_string()).await;
        return Err(Error::not_found("media file"));
    }
    Ok(object)
}

async fn find(state: &State, key: Key) -> Result<Object, Arc<LoadError>> {
    let cache = &state.media_cache;
    let stored = match cache.stored.get(&key).await {
        Some(stored) => stored,
        None => cache.stored.try_get_with(key, look_up(state, key)).await?,
    };
    match stored {
        // A bucket is far, so what it gives is kept at once.
        Object::Remote(bytes_total) if bytes_total <= cache.whole_bytes_max => {
            Ok(Object::Whole(cache.whole.try_get_with(key, load(state, key)).await?))
        }
        stored => Ok(stored),
    }
}

async fn look_up(state: &State, (video, file): Key) -> Result<Object, LoadError> {
    let blob = BlobKey::media(video, &file.to_string())?;
    let Some(path) = state.blobs.local_path(&blob) else {
        return Ok(Object::Remote(state.blobs.head(&blob).await?.ok_or(LoadError::Missing)?.bytes));
    };
    let open = tokio::task::spawn_blocking(move || Mapped::new(File::open(path)?));
    Ok(Object::Local(open.await.map_err(|error| LoadError::Away(error.to_string()))??))
}

async fn load(state: &State, (video, file): Key) -> Result<Bytes, LoadError> {
    metrics::counter!("takt_media_cache_loads_total").increment(1);
    Ok(state.blobs.get_bytes(&BlobKey::media(video, &file.to_string())?).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_have_one_form() {
        let name = format!("{}.mp4", "0a".repeat(32));
        assert_eq!(name.parse::<FileName>().map(|file| file.to_string()), Ok(name.clone()));
        for bad in [
            String::new(),
            ".mp4".into(),
            "0a.mp4".into(),
            name.to_uppercase(),
            name.replace("0a0a", "0A0a"),
            name.replace(".mp4", ".html"),
            name.replace(".mp4", ".mp4.html"),
            format!("../{name}"),
            format!("{name}/"),
            format!("{}é.mp4", "0".repeat(62)),
        ] {
            assert!(bad.parse::<FileName>().is_err(), "{bad}");
        }
    }
}
