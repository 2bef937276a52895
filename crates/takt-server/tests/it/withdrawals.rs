//! What becomes of duets and stitches when the video they are made with is withdrawn or deleted.

use crate::drafts::{draft, edit, published};
use crate::harness::{TestApp, app_test};
use crate::studio::{finished, melody_clip, post_video, quiet, upload, when};
use serde_json::{Value, json};
use std::process::Command;

const RED: &str = "color=red:size=360x640:rate=30:duration=9";
const BLUE: &str = "color=blue:size=360x640:rate=30:duration=9";

/// How red the left half of a video's first rendition is on average, 0 to 255.
async fn redness(app: &TestApp, token: &str, video: &Value) -> u8 {
    let url = video["renditions"][0]["url"].as_str().unwrap();
    let bytes = app.send("GET", url, Some(token), None).await.expect(200).bytes;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rendition.mp4");
    std::fs::write(&file, bytes).unwrap();
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-ss", "0.2", "-i"]).arg(&file);
    ffmpeg.args([
        "-vf",
        "crop=iw/2:ih:0:0,scale=1:1",
        "-frames:v",
        "1",
        "-pix_fmt",
        "rgb24",
        "-f",
        "rawvideo",
        "-",
    ]);
    ffmpeg.output().unwrap().stdout[0]
}

/// Red video of ada's, and a duet of bob's with it: red on the left, blue on the right.
async fn duet(app: &TestApp, ada: &str, bob: &str) -> (Value, Value) {
    let original = post_video(app, ada, &melody_clip(RED, 21, "anull", "96k"), "original").await;
    let original = finished(app, ada, &original).await;
    let take = upload(app, bob, &melody_clip(BLUE, 22, "anull", "96k")).await;
    let mut list = edit(&take);
    list["look"] = json!("none");
    list["layout"] = json!({"kind": "side_by_side", "video": original["id"], "place": "left"});
    let made = published(app, bob, &draft(app, bob, &list).await).await;
    quiet(app).await;
    (original, made)
}

fn path(video: &Value) -> String {
    format!("/api/v1/videos/{}", video["id"].as_str().unwrap())
}

async fn again(app: &TestApp, token: &str, video: &Value) -> Value {
    let is_made = |video: &Value| {
        video["part_withdrawn"] == true && video["status"] != "processing" && video.get("progress").is_none()
    };
    when(app, token, video["id"].as_str().unwrap(), is_made).await
}

async fn revoked(app: &TestApp) {
    for _ in 0..600 {
        let sql = "SELECT COUNT(*) FROM job WHERE kind = 'reuse_revoke'";
        let (open,): (i64,) = app.app.state().db.one(sql, takt_store::Args::new()).await.unwrap();
        if open == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the job stays: {:?}", app.app.state().jobs.counts(&app.app.state().db).await);
}

app_test! {
    async fn a_withdrawn_half_is_kept_or_taken_out_as_its_creator_wishes(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let (original, made) = duet(app, &ada, &bob).await;
        assert!(redness(app, &bob, &made).await > 150);
        let change = async |change: Value| app.send("PATCH", &path(&original), Some(&ada), Some(change)).await.expect(200);

        // Keeping is the default.
        change(json!({"reuse_consent": "nobody"})).await;
        revoked(app).await;
        let kept = app.get(&path(&made), &bob).await["video"].clone();
        assert_eq!((&kept["renditions"], kept.get("part_withdrawn")), (&made["renditions"], None));
        // Whoever may still use it keeps it as well.
        change(json!({"reuse_consent": "everyone", "reuse_on_revoke": "mute"})).await;
        revoked(app).await;
        assert_eq!(app.get(&path(&made), &bob).await["video"]["renditions"], made["renditions"]);

        app.clock.advance_ms(3_600_000);
        change(json!({"reuse_consent": "nobody"})).await;
        let left = again(app, &bob, &made).await;
        assert_eq!(left["status"], "ready", "{left}");
        assert!(redness(app, &bob, &left).await < 60);
        let gone = made["renditions"][0]["url"].as_str().unwrap();
        app.send("GET", gone, Some(&bob), None).await.expect(404);
        for stays in ["caption", "created_at", "published_at", "duration_ms", "lineage"] {
            assert_eq!(left[stays], made[stays], "{stays}");
        }
        assert_ne!(left["sound"]["id"], made["sound"]["id"], "the sound had both voices");
        quiet(app).await;
        let viewer = app.viewer().await;
        let page = app.get("/api/v1/feeds/for-you?limit=10", &viewer).await;
        let served = page["items"].as_array().unwrap().iter().any(|item| item["video"]["id"] == made["id"]);
        assert!(served, "it is in the feed again: {page}");

        // Consent that comes back changes nothing that is made.
        change(json!({"reuse_consent": "everyone"})).await;
        revoked(app).await;
        assert_eq!(app.get(&path(&made), &bob).await["video"]["renditions"], left["renditions"]);
    }
}

app_test! {
    async fn a_deleted_original_takes_its_part_along_if_its_creator_wished_so(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let original = post_video(app, &ada, &melody_clip(RED, 23, "anull", "96k"), "original").await;
        let original = finished(app, &ada, &original).await;
        let take = upload(app, &bob, &melody_clip(BLUE, 24, "anull", "96k")).await;
        let mut list = edit(&take);
        list["look"] = json!("none");
        let part = json!({"video": original["id"], "start_ms": 0, "end_ms": 1000});
        list["segments"].as_array_mut().unwrap().insert(0, part);
        let made = published(app, &bob, &draft(app, &bob, &list).await).await;
        quiet(app).await;
        assert!(redness(app, &bob, &made).await > 150);
        let change = json!({"reuse_on_revoke": "mute"});
        app.send("PATCH", &path(&original), Some(&ada), Some(change)).await.expect(200);
        app.send("DELETE", &path(&original), Some(&ada), None).await.expect(204);
        let left = again(app, &bob, &made).await;
        assert_eq!(left["status"], "ready", "{left}");
        assert!(redness(app, &bob, &left).await < 60);
        let length = |video: &Value| video["duration_ms"].as_i64().unwrap();
        assert!((length(&made) - length(&left) - 1000).abs() <= 70, "{made} {left}");
        assert_eq!((&left["lineage"]["video_id"], &left["lineage"]["creator"]["handle"]), (&Value::Null, &json!("ada")));
    }
}
