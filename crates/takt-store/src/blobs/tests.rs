//! Both stores, by the same tests. S3 is a real server at `TAKT_TEST_S3` (its address), if the environment has one.

use super::*;
use crate::test_support::required;
use futures::TryStreamExt as _;
use takt_core::Clock;

fn video() -> VideoId {
    VideoId::mint(&Clock::system())
}

fn directory() -> (tempfile::TempDir, Blobs) {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&BlobsConfig::Directory(dir.path().join("media"))).unwrap();
    (dir, blobs)
}

fn s3_at(endpoint: &str, bucket: &str) -> Blobs {
    // Installing it twice is an error that does not matter.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = BlobsConfig::S3 {
        bucket: bucket.to_owned(),
        endpoint: Some(endpoint.to_owned()),
        region: "us-east-1".to_owned(),
        access_key: Some("test-key".to_owned()),
        secret_key: Some("test-secret".to_owned()),
    };
    assert!(!format!("{config:?}").contains("test-secret"));
    Blobs::open(&config).unwrap()
}

async fn s3() -> Option<Blobs> {
    let endpoint = required("TAKT_TEST_S3")?;
    let bucket = format!("takt-test-{}", video());
    let blobs = s3_at(&endpoint, &bucket);
    assert!(blobs.ping().await.unwrap_err().is_unavailable(), "there is no bucket yet");
    reqwest::Client::new()
        .put(format!("{endpoint}/{bucket}"))
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    Some(blobs)
}

fn content(bytes: usize) -> Bytes {
    (0..bytes).map(|i| (i * 7 + i / 251) as u8).collect()
}

async fn whole_life(blobs: &Blobs) {
    blobs.ping().await.unwrap();
    let (mine, other) = (video(), video());
    let dir = tempfile::tempdir().unwrap();
    let key = BlobKey::media(mine, "540p.mp4").unwrap();
    assert_eq!(blobs.head(&key).await.unwrap(), None);
    assert!(blobs.get_bytes(&key).await.unwrap_err().is_not_found());
    assert!(blobs.get_range(&key, 0..5).await.unwrap_err().is_not_found());
    assert!(blobs.fetch_to(&key, &dir.path().join("x")).await.unwrap_err().is_not_found());

    for bytes in [0, 1, 5 << 20, (8 << 20) - 1, 8 << 20, (20 << 20) + 3] {
        let content = content(bytes);
        let file = dir.path().join("file");
        std::fs::write(&file, &content).unwrap();
        blobs.put_file(&key, &file).await.unwrap();
        assert_eq!(blobs.head(&key).await.unwrap(), Some(BlobMeta { bytes: bytes as u64 }));
        assert!(blobs.get_bytes(&key).await.unwrap() == content, "{bytes} bytes");
        let copy = dir.path().join("copy");
        blobs.fetch_to(&key, &copy).await.unwrap();
        assert!(std::fs::read(copy).unwrap() == content, "{bytes} bytes");
        let end = bytes as u64;
        let streamed: Vec<Bytes> = blobs.get_stream(&key, 0..end).try_collect().await.unwrap();
        assert!(streamed.concat() == content, "{bytes} bytes");
        assert!(blobs.get_stream(&key, 0..end + 1).try_collect::<Vec<_>>().await.is_err());
    }
    ranges(blobs, mine).await;

    let source = BlobKey::source(mine);
    blobs.put_bytes(&source, content(10)).await.unwrap();
    blobs.put_bytes(&source, content(11)).await.unwrap();
    let kept = BlobKey::media(other, "540p.mp4").unwrap();
    blobs.put_bytes(&kept, content(3)).await.unwrap();
    let names: Vec<(String, u64)> = blobs
        .list_video(mine)
        .await
        .unwrap()
        .into_iter()
        .map(|(key, meta)| (key.to_string(), meta.bytes))
        .collect();
    let named = |file: &str, bytes| (format!("media/{mine}/{file}"), bytes);
    let expected = [named("540p.mp4", (20 << 20) + 3), named("poster.jpg", 100), (source.to_string(), 11)];
    assert_eq!(names, expected);

    blobs.delete(&key).await.unwrap();
    blobs.delete(&key).await.unwrap();
    assert_eq!(blobs.head(&key).await.unwrap(), None);
    blobs.delete_video(mine).await.unwrap();
    blobs.delete_video(mine).await.unwrap();
    assert_eq!(blobs.list_video(mine).await.unwrap(), []);
    assert_eq!(blobs.head(&kept).await.unwrap(), Some(BlobMeta { bytes: 3 }));
}

async fn ranges(blobs: &Blobs, video: VideoId) {
    let key = BlobKey::media(video, "poster.jpg").unwrap();
    let content = content(100);
    blobs.put_bytes(&key, content.clone()).await.unwrap();
    for (range, expected) in
        [(0..100, 0..100), (0..1, 0..1), (99..100, 99..100), (20..70, 20..70), (90..200, 90..100)]
    {
        assert_eq!(blobs.get_range(&key, range).await.unwrap(), content.slice(expected));
    }
    for range in [5..5, 100..101, 1000..1001] {
        let error = blobs.get_range(&key, range.clone()).await.unwrap_err();
        assert!(matches!(error, BlobError::Other(_)), "{range:?}: {error:?}");
    }
}

#[tokio::test]
async fn whole_life_in_a_directory() {
    let (dir, blobs) = directory();
    whole_life(&blobs).await;
    let scratch = dir.path().join("media/tmp");
    assert_eq!(std::fs::read_dir(scratch).unwrap().count(), 0, "half-written files stay");
    let key = BlobKey::media(video(), "a.mp4").unwrap();
    assert_eq!(blobs.signed_url(&key, Duration::from_secs(60)).await.unwrap(), None);
    blobs.put_bytes(&key, content(5)).await.unwrap();
    assert_eq!(std::fs::read(blobs.local_path(&key).unwrap()).unwrap(), content(5));
}

#[tokio::test]
async fn whole_life_in_s3() {
    let Some(blobs) = s3().await else { return };
    whole_life(&blobs).await;
}

#[tokio::test]
async fn signed_addresses_open_one_object_only() {
    let Some(blobs) = s3().await else { return };
    let key = BlobKey::media(video(), "a.mp4").unwrap();
    blobs.put_bytes(&key, content(1000)).await.unwrap();
    assert_eq!(blobs.local_path(&key), None);
    let url = blobs.signed_url(&key, Duration::from_secs(60)).await.unwrap().unwrap();
    assert!(!url.contains("test-secret"));
    let answer = reqwest::Client::new().get(&url).header("range", "bytes=10-19").send().await.unwrap();
    assert_eq!(answer.status(), 206);
    assert_eq!(answer.bytes().await.unwrap(), content(1000).slice(10..20));
}

#[tokio::test]
async fn an_absent_s3_is_unavailable() {
    // Nothing listens on port 1.
    let blobs = s3_at("http://127.0.0.1:1", "bucket");
    let key = BlobKey::source(video());
    assert!(blobs.ping().await.unwrap_err().is_unavailable());
    assert!(blobs.head(&key).await.unwrap_err().is_unavailable());
    assert!(blobs.put_bytes(&key, content(5)).await.unwrap_err().is_unavailable());
    assert!(blobs.get_bytes(&key).await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn a_silent_s3_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
        }
    });
    let blobs = s3_at(&format!("http://{address}"), "bucket");
    assert!(blobs.head(&BlobKey::source(video())).await.unwrap_err().is_unavailable());
    accepting.abort();
}

#[tokio::test]
async fn a_missing_directory_is_unavailable() {
    let (dir, blobs) = directory();
    std::fs::remove_dir_all(dir.path().join("media")).unwrap();
    assert!(blobs.ping().await.unwrap_err().is_unavailable());
    assert!(blobs.put_bytes(&BlobKey::source(video()), content(5)).await.unwrap_err().is_unavailable());
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(Blobs::open(&BlobsConfig::Directory(file)).is_err_and(|error| error.is_unavailable()));
}

#[tokio::test]
async fn a_failed_put_leaves_the_old_object() {
    let (dir, blobs) = directory();
    let key = BlobKey::source(video());
    blobs.put_bytes(&key, content(5)).await.unwrap();
    assert!(blobs.put_file(&key, &dir.path().join("absent")).await.is_err());
    assert_eq!(blobs.get_bytes(&key).await.unwrap(), content(5));
    assert_eq!(std::fs::read_dir(dir.path().join("media/tmp")).unwrap().count(), 0);
}

#[test]
fn keys_stay_in_their_place() {
    let video = VideoId::from_u128(1);
    assert_eq!(BlobKey::source(video).as_str(), "sources/00000000-0000-0000-0000-000000000001");
    let key = BlobKey::media(video, "h264_540p-1.mp4").unwrap();
    assert_eq!(key.as_str(), "media/00000000-0000-0000-0000-000000000001/h264_540p-1.mp4");
    assert_eq!(key.file_name(), "h264_540p-1.mp4");
    for bad in ["", ".", "..", ".a", "a/b", "../a", "A.mp4", "a b", "ä", "a\0", "a\\b", &"a".repeat(129)] {
        assert!(BlobKey::media(video, bad).is_err(), "{bad}");
    }
}
