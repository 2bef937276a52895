//! Objects in S3, or in a server that speaks its protocol.

use super::{BlobError, BlobKey, BlobMeta, io, out_of};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as ObjectPath;
use object_store::signer::Signer as _;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore as _, ObjectStoreExt as _, RetryConfig, WriteMultipart,
};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;
use takt_core::VideoId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Larger files are sent in parts of this size. S3 demands at least 5 MiB.
const PART_BYTES: usize = 8 << 20;
/// Parts under way at once, of one file.
const PARTS_MAX: usize = 3;
/// What a download fetches at once.
const FETCH_BYTES: u64 = 8 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Nothing came for so long: the server is gone.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(4);
/// One request, a part of a file included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const RETRIES_MAX: usize = 2;
/// After so long nothing is tried again.
const RETRY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct S3 {
    store: AmazonS3,
}

impl S3 {
    pub(super) fn open(
        bucket: &str,
        endpoint: Option<&str>,
        region: &str,
        keys: Option<(&str, &str)>,
    ) -> Result<Self, BlobError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(BlobError::Other("S3 needs a TLS provider: main must install one first".to_owned()));
        }
        let client = ClientOptions::new()
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_read_timeout(SILENCE_TIMEOUT)
            .with_timeout(REQUEST_TIMEOUT);
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            ..BackoffConfig::default()
        };
        let retry = RetryConfig { backoff, max_retries: RETRIES_MAX, retry_timeout: RETRY_TIMEOUT };
        let mut builder = match keys {
            Some((id, secret)) => {
                AmazonS3Builder::new().with_access_key_id(id).with_secret_access_key(secret)
            }
            None => AmazonS3Builder::from_env(),
        };
        builder = builder
            .with_bucket_name(bucket)
            .with_region(region)
            .with_client_options(client)
            .with_retry(retry);
        if let Some(endpoint) = endpoint {
            builder = builder
                .with_endpoint(endpoint.trim_end_matches('/'))
                .with_allow_http(endpoint.starts_with("http://"))
                .with_virtual_hosted_style_request(false);
        }
        let store =
            builder.build().map_err(|error| BlobError::Other(format!("S3 is not configured: {error}")))?;
        Ok(Self { store })
    }

    pub(super) async fn put_file(&self, key: &BlobKey, source: &Path) -> Result<(), BlobError> {
        let failed = |error: std::io::Error| io("cannot read", source, &error);
        let mut file = tokio::fs::File::open(source).await.map_err(failed)?;
        let mut part = read_part(&mut file).await.map_err(failed)?;
        if part.len() < PART_BYTES {
            return self.put_bytes(key, part).await;
        }
        let upload = self.store.put_multipart(&path(key)).await.map_err(|error| sort(key, &error))?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let sent = async {
            while !part.is_empty() {
                upload.wait_for_capacity(PARTS_MAX).await.map_err(|error| sort(key, &error))?;
                upload.put(part);
                part = read_part(&mut file).await.map_err(failed)?;
            }
            Ok(())
        };
        match sent.await {
            Ok(()) => upload.finish().await.map(|_| ()).map_err(|error| sort(key, &error)),
            Err(error) => {
                // When this fails too, the bucket's own rule for unfinished uploads has to clear up.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }

    pub(super) async fn put_bytes(&self, key: &BlobKey, bytes: Bytes) -> Result<(), BlobError> {
        self.store.put(&path(key), bytes.into()).await.map(|_| ()).map_err(|error| sort(key, &error))
    }

    pub(super) async fn head(&self, key: &BlobKey) -> Result<BlobMeta, BlobError> {
        let meta = self.store.head(&path(key)).await.map_err(|error| sort(key, &error))?;
        Ok(BlobMeta { bytes: meta.size })
    }

    pub(super) async fn get_bytes(&self, key: &BlobKey) -> Result<Bytes, BlobError> {
        let found = self.store.get(&path(key)).await.map_err(|error| sort(key, &error))?;
        found.bytes().await.map_err(|error| sort(key, &error))
    }

    pub(super) async fn get_range(&self, key: &BlobKey, range: Range<u64>) -> Result<Bytes, BlobError> {
        match self.store.get_range(&path(key), range.clone()).await {
            Ok(bytes) => Ok(bytes),
            Err(error) => match sort(key, &error) {
                // S3 has no other word for a range behind the end; so ask how long the object is.
                BlobError::Unavailable(_) | BlobError::Other(_)
                    if self.head(key).await.is_ok_and(|meta| meta.bytes <= range.start) =>
                {
                    Err(out_of(key, &range))
                }
                error => Err(error),
            },
        }
    }

    pub(super) async fn fetch_to(&self, key: &BlobKey, target: &Path) -> Result<(), BlobError> {
        let length = self.head(key).await?.bytes;
        let failed = |error: std::io::Error| io("cannot write", target, &error);
        let mut file = tokio::fs::File::create(target).await.map_err(failed)?;
        let mut at = 0;
        while at < length {
            let bytes = self.get_range(key, at..length.min(at + FETCH_BYTES)).await?;
            file.write_all(&bytes).await.map_err(failed)?;
            at += bytes.len() as u64;
        }
        file.flush().await.map_err(failed)
    }

    pub(super) async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        match self.store.delete(&path(key)).await.map_err(|error| sort(key, &error)) {
            Err(BlobError::NotFound(_)) => Ok(()),
            result => result,
        }
    }

    pub(super) async fn delete_video(&self, video: VideoId) -> Result<(), BlobError> {
        let found = self.list_video(video).await?;
        let paths = futures::stream::iter(found.into_iter().map(|(key, _)| Ok(path(&key)))).boxed();
        let source = BlobKey::source(video);
        let gone = self.store.delete_stream(paths).try_for_each(|_| std::future::ready(Ok(()))).await;
        match gone.map_err(|error| sort(&source, &error)) {
            Err(BlobError::NotFound(_)) => Ok(()),
            result => result,
        }
    }

    pub(super) async fn list_video(&self, video: VideoId) -> Result<Vec<(BlobKey, BlobMeta)>, BlobError> {
        let source = BlobKey::source(video);
        let mut found = Vec::new();
        match self.head(&source).await {
            Ok(meta) => found.push((source.clone(), meta)),
            Err(BlobError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        let folder = ObjectPath::from(format!("media/{video}"));
        let mut objects = self.store.list(Some(&folder));
        while let Some(object) = objects.try_next().await.map_err(|error| sort(&source, &error))? {
            // What does not have the form of a key is none of ours.
            let name = object.location.filename().unwrap_or_default();
            if let Ok(key) = BlobKey::media(video, name) {
                found.push((key, BlobMeta { bytes: object.size }));
            }
        }
        Ok(found)
    }

    pub(super) async fn signed_url(&self, key: &BlobKey, ttl: Duration) -> Result<String, BlobError> {
        let url = self.store.signed_url("GET".parse().map_err(|_| never())?, &path(key), ttl).await;
        url.map(String::from).map_err(|error| sort(key, &error))
    }

    pub(super) async fn ping(&self) -> Result<(), BlobError> {
        let nowhere = ObjectPath::from("ping");
        match self.store.list(Some(&nowhere)).try_next().await {
            Ok(_) => Ok(()),
            // Of the whole bucket, not of an object.
            Err(object_store::Error::NotFound { .. }) => {
                Err(BlobError::Unavailable("S3 has no such bucket".to_owned()))
            }
            Err(error) => Err(sort(&BlobKey("bucket".to_owned()), &error)),
        }
    }
}

fn never() -> BlobError {
    BlobError::Other("GET is not a method".to_owned())
}

/// The next part of the file, empty at its end.
async fn read_part(file: &mut tokio::fs::File) -> std::io::Result<Bytes> {
    let mut part = BytesMut::with_capacity(PART_BYTES);
    let mut rest = file.take(PART_BYTES as u64);
    while rest.read_buf(&mut part).await? > 0 && part.len() < PART_BYTES {}
    Ok(part.freeze())
}

fn path(key: &BlobKey) -> ObjectPath {
    ObjectPath::from(key.as_str())
}

fn sort(key: &BlobKey, error: &object_store::Error) -> BlobError {
    use object_store::Error as E;
    match error {
        E::NotFound { .. } => BlobError::NotFound(key.to_string()),
        E::Generic { .. } | E::JoinError { .. } => BlobError::Unavailable(chain(error)),
        _ => BlobError::Other(chain(error)),
    }
}

/// The outermost error's text alone often lacks the cause.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
