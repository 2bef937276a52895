//! Media in a bucket. S3 is a real server at `TAKT_TEST_S3` (its address), if the environment has one.

use crate::harness::TestApp;
use crate::studio::{clip, clip_with_same_sound, finished, post_video, settled, when};
use axum::http::header;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use takt_core::{Clock, VideoId};
use takt_server::App;
use takt_server::config::Config;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A wire to the S3 server that can be cut.
struct Wire {
    address: String,
    cut: Arc<AtomicBool>,
}

impl Wire {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let cut = Arc::new(AtomicBool::new(false));
        let is_cut = cut.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (server, is_cut) = (server.clone(), is_cut.clone());
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(&server).await else { return };
                    let cut = async {
                        while !is_cut.load(Ordering::SeqCst) {
                            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                        }
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        () = cut => {}
                    }
                });
            }
        });
        Self { address, cut }
    }
    fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }
}

/// A cell whose media are in a new bucket, or none without a server to test with.
async fn start(redirect: bool) -> Option<(TestApp, Wire)> {
    let endpoint = takt_store::test_support::required("TAKT_TEST_S3")?;
    let server = endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let bucket = format!("takt-{}", VideoId::mint(&Clock::system()));
    let mut connection = TcpStream::connect(&server).await.unwrap();
    let request =
        format!("PUT /{bucket} HTTP/1.1\r\nhost: {server}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    // Installing it twice is an error that does not matter.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let wire = Wire::to(server).await;
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.data.dir = dir.path().join("data");
    config.account.argon2_memory_kib = 8;
    config.account.argon2_passes = 1;
    config.media.s3_bucket = Some(bucket);
    config.media.s3_endpoint = Some(wire.address.clone());
    config.media.s3_access_key = Some("test-key".into());
    config.media.s3_secret_key = Some("test-secret".into());
    config.media.s3_redirect = redirect;
    let clock = Clock::system();
    let app = App::start(config, clock.clone()).await.unwrap();
    Some((TestApp { router: app.router(), app, clock, dir }, wire))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_holds_media_and_may_go_away_for_a_while() {
    let Some((app, wire)) = start(false).await else { return };
    let token = app.sign_up("ada").await;
    let id = post_video(&app, &token, clip(), "").await;
    let video = finished(&app, &token, &id).await;
    assert_eq!(video["status"], "ready", "{video}");
    let url = video["renditions"][0]["url"].as_str().unwrap();
    let whole = app.send("GET", url, None, None).await.expect(200);
    assert_eq!(whole.bytes.len() as u64, video["renditions"][0]["bytes"]);

    wire.cut(true);
    assert!(app.send("GET", url, None, None).await.expect(200).bytes == whole.bytes, "held in memory");
    let answer = app.send("GET", video["poster_url"].as_str().unwrap(), None, None).await;
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    answer.problem(503, "unavailable");
    // What is uploaded meanwhile waits, and is published once the bucket is back.
    let waiting = post_video(&app, &token, clip_with_same_sound(), "").await;
    when(&app, &token, &waiting, |video| video["progress"]["percent"].as_u64() > Some(5)).await;
    wire.cut(false);
    let published = settled(&app, &token, &waiting).await;
    assert_eq!(published["status"], "ready", "{published}");
    app.send("GET", video["poster_url"].as_str().unwrap(), None, None).await.expect(200);

    app.send("DELETE", &format!("/api/v1/videos/{id}"), Some(&token), None).await.expect(204);
    app.send("GET", url, None, None).await.problem(404, "not_found");
    let left = app.app.state().blobs.list_video(id.parse().unwrap()).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    app.app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_may_be_sent_to_the_bucket() {
    let Some((app, wire)) = start(true).await else { return };
    let token = app.sign_up("ada").await;
    let id = post_video(&app, &token, clip(), "").await;
    let video = settled(&app, &token, &id).await;
    let url = video["renditions"][0]["url"].as_str().unwrap();
    let answer = app.send("GET", url, None, None).await.expect(307);
    let location = answer.headers[header::LOCATION].to_str().unwrap();
    assert!(location.starts_with(&wire.address) && location.contains("X-Amz-Signature="), "{location}");
    assert!(answer.headers[header::CACHE_CONTROL].to_str().unwrap().starts_with("private"));
    app.send("DELETE", &format!("/api/v1/videos/{id}"), Some(&token), None).await.expect(204);
    app.send("GET", url, None, None).await.problem(404, "not_found");
    app.app.close().await;
}
