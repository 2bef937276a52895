//! Media: renditions and stills by byte range, from memory where they are asked for often.
//!
//! Objects are named by their content, so an address never changes its bytes: strong entity tags, immutable caching and a
//! cache without staleness follow. The one thing that ends an object is the deletion of its video.
//!
//! Invariant: serving media asks no database. With the store away, what is in memory is still served.

mod range;
pub mod routes;

use crate::error::{Error, Result};
use crate::state::State;
use axum::body::Bytes;
use moka::future::Cache;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use takt_core::VideoId;
use takt_store::{BlobError, BlobKey};

/// Objects up to this size are held whole in memory and served without copying.
const WHOLE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// What a cached entry costs beside its bytes.
const ENTRY_OVERHEAD_BYTES: u32 = 256;
/// How long a deleted video is remembered, against loads that were under way while it was deleted.
const GONE_S: u64 = 3600;
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
        }
    }
}

type Key = (VideoId, FileName);

/// An object as the cache knows it.
#[derive(Clone)]
enum Object {
    /// Small enough to be held.
    Whole(Bytes),
    /// Too large: only its size is held.
    Large { bytes_total: u64 },
}

impl Object {
    fn bytes_total(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Large { bytes_total } => *bytes_total,
        }
    }
}

/// Why an object could not be loaded; shared by all who waited for the same load.
#[derive(Debug)]
enum LoadError {
    Missing,
    Away(String),
}

/// Media in memory, most asked for first. Many requests for the same missing object are one load.
pub struct MediaCache {
    objects: Cache<Key, Object>,
    gone: Cache<VideoId, ()>,
    whole_bytes_max: u64,
}

impl MediaCache {
    /// A cache of `bytes`; 0 holds sizes only.
    pub fn new(bytes: u64) -> Self {
        let weigh = |_: &Key, object: &Object| match object {
            Object::Whole(bytes) => {
                u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_add(ENTRY_OVERHEAD_BYTES)
            }
            Object::Large { .. } => ENTRY_OVERHEAD_BYTES,
        };
        // Sizes are always worth keeping: each saves a question to the store.
        let capacity = bytes.max(u64::from(ENTRY_OVERHEAD_BYTES) * 4096);
        Self {
            objects: Cache::builder().max_capacity(capacity).weigher(weigh).build(),
            gone: Cache::builder().max_capacity(GONE_MAX).time_to_live(Duration::from_secs(GONE_S)).build(),
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
            self.objects.invalidate(&(video, file)).await;
        }
    }
}

/// The object from memory or, once for all who ask, from the store.
async fn object(state: &State, video: VideoId, file: FileName) -> Result<Object> {
    let cache = &state.media_cache;
    let key = (video, file);
    let object = match cache.objects.get(&key).await {
        Some(object) => object,
        None => {
            let loaded = cache.objects.try_get_with(key, load(state, video, file)).await;
            loaded.map_err(|error: Arc<LoadError>| match &*error {
                LoadError::Missing => Error::not_found("media file"),
                LoadError::Away(reason) => Error::Unavailable(reason.clone()),
            })?
        }
    };
    if cache.is_gone(video) {
        cache.objects.invalidate(&key).await;
        return Err(Error::not_found("media file"));
    }
    Ok(object)
}

async fn load(state: &State, video: VideoId, file: FileName) -> Result<Object, LoadError> {
    let away = |error: BlobError| {
        if error.is_not_found() { LoadError::Missing } else { LoadError::Away(error.to_string()) }
    };
    let blob = BlobKey::media(video, &file.to_string()).map_err(away)?;
    let bytes_total = state.blobs.head(&blob).await.map_err(away)?.ok_or(LoadError::Missing)?.bytes;
    if bytes_total > state.media_cache.whole_bytes_max {
        return Ok(Object::Large { bytes_total });
    }
    metrics::counter!("takt_media_cache_loads_total").increment(1);
    let bytes = state.blobs.get_bytes(&blob).await.map_err(away)?;
    Ok(Object::Whole(bytes))
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
