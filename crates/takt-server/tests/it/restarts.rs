//! A cell that is stopped at any point goes on where it was.

use crate::harness::TestApp;
use crate::studio::{append, begin, clip, files_with, finished, large_clip, post_video, tus, when};
use axum::body::Body;
use serde_json::json;
use takt_core::{Clock, Timestamp};
use takt_server::App;
use takt_server::config::Config;
use tempfile::TempDir;

async fn start(dir: TempDir, clock: Clock) -> TestApp {
    let mut config = Config::default();
    config.data.dir = dir.path().join("data");
    config.account.argon2_memory_kib = 8;
    config.account.argon2_passes = 1;
    let app = App::start(config, clock.clone()).await.unwrap();
    TestApp { router: app.router(), app, clock, dir }
}

async fn restart(app: TestApp) -> TestApp {
    let TestApp { app, clock, router, dir } = app;
    drop(router);
    app.close().await;
    start(dir, clock).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_and_jobs_go_on_after_a_restart() {
    let clock = Clock::fixed(Timestamp::from_millis(1_767_225_600_000));
    let app = start(tempfile::tempdir().unwrap(), clock).await;
    let token = app.sign_up("ada").await;
    let path = begin(&app, &token, clip().len()).await;
    append(&app, &token, &path, 0, clip()[..1000].to_vec()).await.expect(204);

    let app = restart(app).await;
    let answer = tus(&app, "HEAD", &path, &token, &[], Body::empty()).await.expect(200);
    assert_eq!(answer.headers["upload-offset"], "1000");
    append(&app, &token, &path, 1000, clip()[1000..].to_vec()).await.expect(204);
    let large = post_video(&app, &token, large_clip(), "in the middle").await;
    when(&app, &token, &large, |video| video["progress"]["stage"] == "first_rendition").await;

    // Stopped in the middle of an encode: the job is given back at once, with the attempt.
    let app = restart(app).await;
    let video = finished(&app, &token, &large).await;
    assert_eq!(video["status"], "ready", "{video}");
    let body = json!({"upload_id": path.rsplit('/').next().unwrap(), "caption": ""});
    let small = app.send("POST", "/api/v1/videos", Some(&token), Some(body)).await.expect(202).json();
    let small = small["video"]["id"].as_str().unwrap();
    when(&app, &token, small, |video| video["status"] == "ready").await;

    // Stopped while further renditions are made or waited for.
    let app = restart(app).await;
    finished(&app, &token, small).await;
    let state = app.app.state();
    let sql = "SELECT COUNT(*) FROM job WHERE kind IN ('process', 'renditions', 'sound')";
    while state.db.one::<(i64,)>(sql, takt_store::Args::new()).await.unwrap().0 > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(state.jobs.counts(&state.db).await.unwrap().parked, 0);
    assert!(files_with(&app.dir.path().join("data/work"), "").is_empty());
    assert!(files_with(&app.dir.path().join("data/uploads"), "").is_empty());
    let page = app.get("/api/v1/feeds/latest", &token).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    app.app.close().await;
}
