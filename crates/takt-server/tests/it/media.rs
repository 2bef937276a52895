//! Media by byte range: RFC 9110 sections 13 and 14 against the whole cell.

use crate::harness::{Answer, TestApp, app_test};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use sha2::{Digest, Sha256};
use takt_core::VideoId;
use takt_store::BlobKey;

async fn put(app: &TestApp, bytes: Vec<u8>) -> String {
    let video = VideoId::mint(&app.clock);
    let file = format!("{}.mp4", hex::encode(Sha256::digest(&bytes)));
    let key = BlobKey::media(video, &file).unwrap();
    app.app.state().blobs.put_bytes(&key, Bytes::from(bytes)).await.unwrap();
    format!("/media/{video}/{file}")
}

async fn ask(app: &TestApp, method: Method, url: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.request(request.body(Body::empty()).unwrap()).await
}

fn noise(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

app_test! {
    async fn ranges_of_small_and_large_files_are_exact(app: TestApp) {
        // Held in memory, and too large for that.
        for bytes in [noise(1_000_003), noise(9 * 1024 * 1024 + 1)] {
            let total = bytes.len();
            let url = put(app, bytes.clone()).await;
            let whole = ask(app, Method::GET, &url, &[]).await.expect(200);
            assert!(whole.bytes == bytes);
            assert_eq!(whole.headers["content-length"], total.to_string());
            assert_eq!(whole.headers["cache-control"], "public, max-age=31536000, immutable");
            assert_eq!(whole.headers["accept-ranges"], "bytes");
            assert_eq!(whole.headers["x-content-type-options"], "nosniff");
            let etag = whole.headers["etag"].to_str().unwrap().to_owned();
            for (range, from, to) in [
                ("bytes=0-0".to_owned(), 0, 1),
                ("bytes=1000-200999".to_owned(), 1000, 201_000),
                (format!("bytes={}-", total - 7), total - 7, total),
                ("bytes=-100000".to_owned(), total - 100_000, total),
                ("bytes=5-99999999999".to_owned(), 5, total),
            ] {
                let part = ask(app, Method::GET, &url, &[("range", &range)]).await.expect(206);
                assert!(part.bytes == bytes[from..to], "{range}");
                assert_eq!(part.headers["content-range"], format!("bytes {from}-{}/{total}", to - 1));
                assert_eq!(part.headers["content-length"], (to - from).to_string());
                assert_eq!(part.headers["etag"], etag);
            }
            let beyond = format!("bytes={total}-");
            let refused = ask(app, Method::GET, &url, &[("range", &beyond)]).await;
            assert_eq!(refused.headers["content-range"], format!("bytes */{total}"));
            refused.problem(416, "range_not_satisfiable");
            let several = ask(app, Method::GET, &url, &[("range", "bytes=0-1,5-6")]).await.expect(200);
            assert_eq!(several.bytes.len(), total);
            let head = ask(app, Method::HEAD, &url, &[("range", "bytes=0-1")]).await.expect(200);
            assert_eq!(head.headers["content-length"], total.to_string());
            assert!(head.bytes.is_empty());
            let known = ask(app, Method::GET, &url, &[("if-none-match", &etag)]).await.expect(304);
            assert!(known.bytes.is_empty() && known.headers["etag"] == etag.as_str());
            let stale = [("if-range", "\"other\""), ("range", "bytes=0-1")];
            ask(app, Method::GET, &url, &stale).await.expect(200);
        }
    }
}

app_test! {
    async fn only_media_files_are_found(app: TestApp) {
        let url = put(app, noise(100)).await;
        let video = url.split('/').nth(2).unwrap();
        std::fs::create_dir_all(app.dir.path().join("data/media/media").join(video)).unwrap();
        for path in [
            url.replace(".mp4", ".jpg"),
            url.replace(".mp4", ".html"),
            url.to_uppercase().replace("/MEDIA", "/media"),
            format!("/media/{video}/..%2f..%2fsources%2f{video}"),
            format!("/media/{video}/"),
            "/media/x/y".to_owned(),
            format!("/media/{video}/{}.mp4", "0".repeat(64)),
        ] {
            ask(app, Method::GET, &path, &[]).await.problem(404, "not_found");
        }
        ask(app, Method::POST, &url, &[]).await.problem(405, "method_not_allowed");
    }
}

app_test! {
    async fn what_is_in_memory_outlives_its_store(app: TestApp) {
        let (held, other) = (put(app, noise(5000)).await, put(app, noise(6000)).await);
        for _ in 0..6 {
            ask(app, Method::GET, &held, &[]).await.expect(200);
        }
        // The store is away: its directory turned into something that can not be read.
        let media = app.dir.path().join("data/media");
        let away = app.dir.path().join("away");
        std::fs::rename(&media, &away).unwrap();
        std::fs::write(&media, b"").unwrap();
        assert_eq!(ask(app, Method::GET, &held, &[]).await.expect(200).bytes.len(), 5000);
        let answer = ask(app, Method::GET, &other, &[]).await;
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
        answer.problem(503, "unavailable");
        std::fs::remove_file(&media).unwrap();
        std::fs::rename(&away, &media).unwrap();
        ask(app, Method::GET, &other, &[]).await.expect(200);
    }
}
