//! Stores that go away and come back: 503 with `Retry-After` meanwhile, and nothing to do afterwards.

use crate::harness::{Answer, Schema, TestApp};
use axum::http::header;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use takt_core::{Clock, Timestamp};
use takt_server::App;
use takt_server::config::Config;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A line to a server that can be cut and mended.
struct Line {
    address: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Line {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, seen) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut seen = seen.clone();
                if !*seen.borrow() {
                    continue;
                }
                tokio::spawn(async move {
                    let Ok(mut upstream) = TcpStream::connect(server).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {}
                        _ = seen.wait_for(|whole| !*whole) => {}
                    }
                });
            }
        });
        Self { address, whole }
    }

    fn cut(&self) {
        self.whole.send_replace(false);
    }

    fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn start(mut config: Config) -> TestApp {
    let dir = tempfile::tempdir().unwrap();
    config.data.dir = dir.path().join("data");
    config.account.argon2_memory_kib = 8;
    config.account.argon2_passes = 1;
    let clock = Clock::fixed(Timestamp::from_millis(1_767_225_600_000));
    let app = App::start(config, clock.clone()).await.unwrap();
    TestApp { router: app.router(), app, clock, dir }
}

#[track_caller]
fn away(answer: Answer) {
    let retry_after = answer.headers.get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    answer.problem(503, "unavailable");
    assert!(retry_after.unwrap().parse::<u64>().unwrap() >= 1);
}

/// Asks again until the answer is 200: recovery is the server's own doing, but it takes a moment.
async fn recovered(app: &TestApp, path: &str, token: Option<&str>) {
    let recovered = async {
        while app.send("GET", path, token, None).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), recovered).await.expect("it does not recover by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_goes_and_comes_back() {
    let Some(schema) = Schema::create().await else { return };
    let server = schema.address();
    let line = Line::to(server).await;
    let mut config = Config::default();
    config.data.database_url = Some(schema.url().replace(&server.to_string(), &line.address.to_string()));
    let app = start(config).await;
    let token = app.sign_up("ada").await;
    let video = app.publish("ada", "still there").await;
    app.get("/readyz", &token).await;

    line.cut();
    away(app.send("GET", "/api/v1/me", Some(&token), None).await);
    away(app.send("GET", "/api/v1/feeds/for-you", Some(&token), None).await);
    away(app.send("GET", "/api/v1/feeds/latest", None, None).await);
    let new = json!({"handle": "bob", "password": "correct horse"});
    away(app.send("POST", "/api/v1/accounts", None, Some(new.clone())).await);
    app.send("GET", "/readyz", None, None).await.expect(503);
    app.send("GET", "/healthz", None, None).await.expect(200);
    app.send("GET", "/", None, None).await.expect(200);

    line.mend();
    recovered(&app, "/readyz", None).await;
    recovered(&app, "/api/v1/me", Some(&token)).await;
    app.send("POST", "/api/v1/accounts", None, Some(new)).await.expect(201);
    // What is projected from the log follows, too.
    app.send("PUT", &format!("/api/v1/videos/{video}/like"), Some(&token), None).await.expect(204);
    assert_eq!(app.get(&format!("/api/v1/videos/{video}"), &token).await["video"]["counts"]["likes"], 1);
    app.app.close().await;
    schema.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_away_leaves_the_rest_running() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut config = Config::default();
    config.media.s3_bucket = Some("takt".into());
    config.media.s3_endpoint = Some(format!("http://{nobody}"));
    config.media.s3_access_key = Some("key".into());
    config.media.s3_secret_key = Some("secret".into());
    let app = start(config).await;
    let token = app.sign_up("ada").await;
    let video = app.publish("ada", "elsewhere").await;
    away(app.send("GET", &format!("/media/{video}/{}.mp4", "0".repeat(64)), None, None).await);
    app.send("GET", "/readyz", None, None).await.expect(503);
    assert_eq!(app.get("/api/v1/feeds/latest", &token).await["items"].as_array().unwrap().len(), 1);
    let page = app.get("/api/v1/feeds/latest", &token).await;
    app.report(&token, "watch", &page["items"][0], Some(2_000)).await.expect(202);
    app.app.close().await;
}
