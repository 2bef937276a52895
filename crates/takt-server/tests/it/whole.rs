//! Videos that were uploaded whole are edited like any other: what their drafts begin with, and what comes of them.

use crate::harness::{Answer, TestApp, app_test};
use crate::replacements::{path, replace, replaced, save};
use crate::studio::{clip, files_with, finished, melody_clip, post_video, quiet, upload, when};
use serde_json::{Value, json};
use std::process::Command;

async fn edit_again(app: &TestApp, token: &str, video: &Value) -> Answer {
    app.send("POST", &format!("{}/edit", path(video)), Some(token), None).await
}

async fn draft_of(app: &TestApp, token: &str, video: &Value) -> Value {
    edit_again(app, token, video).await.expect(201).json()["draft"].clone()
}

fn only_segment(draft: &Value) -> &Value {
    let [segment] = draft["edit"]["segments"].as_array().unwrap().as_slice() else { panic!("{draft}") };
    segment
}

/// The bytes that a draft's one segment is taken from.
async fn source_of(app: &TestApp, token: &str, draft: &Value) -> Vec<u8> {
    let (draft, upload) = (draft["id"].as_str().unwrap(), only_segment(draft)["source"].as_str().unwrap());
    let path = format!("/api/v1/drafts/{draft}/sources/{upload}");
    app.send("GET", &path, Some(token), None).await.expect(200).bytes.to_vec()
}

async fn uploaded(app: &TestApp, token: &str, bytes: &[u8], more: Value) -> Value {
    let mut body = json!({"upload_id": upload(app, token, bytes).await, "caption": "as\nit came"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = app.send("POST", "/api/v1/videos", Some(token), Some(body)).await.expect(202).json();
    let video = finished(app, token, made["video"]["id"].as_str().unwrap()).await;
    assert_eq!(video["status"], "ready", "{video}");
    quiet(app).await;
    video
}

/// The largest file that is served of a video.
async fn served(app: &TestApp, video: &Value) -> Vec<u8> {
    let renditions = video["renditions"].as_array().unwrap();
    let best = renditions.iter().max_by_key(|one| one["height"].as_u64()).unwrap();
    app.send("GET", best["url"].as_str().unwrap(), None, None).await.expect(200).bytes.to_vec()
}

/// A clip in another container than browsers take, or another codec.
fn foreign_clip(codec: &str, name: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join(name);
    let mut command = Command::new("ffmpeg");
    command.args([
        "-nostdin",
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=640x360:rate=30:duration=2",
    ]);
    command.args([
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:duration=2",
        "-c:v",
        codec,
        "-pix_fmt",
        "yuv420p",
    ]);
    assert!(command.args(["-c:a", "aac"]).arg(&out).status().expect("ffmpeg is installed").success());
    std::fs::read(out).unwrap()
}

app_test! {
    async fn a_video_that_was_uploaded_whole_is_edited_from_what_was_uploaded(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let video = uploaded(app, &ada, clip(), json!({"poster_ms": 700})).await;
        edit_again(app, &bob, &video).await.problem(404, "not_found");
        let draft = draft_of(app, &ada, &video).await;
        assert_eq!((&draft["edit_of"], &draft["title"]), (&video["id"], &json!("asit came")));
        assert_eq!(draft["edit"]["canvas"], json!({"width": 360, "height": 640}));
        assert_eq!((&draft["edit"]["poster_ms"], &draft["edit"]["sound"]), (&json!(700), &Value::Null));
        let segment = only_segment(&draft).clone();
        let length = segment["end_ms"].as_i64().unwrap() - segment["start_ms"].as_i64().unwrap();
        assert!(segment["start_ms"] == 0 && (length - 2_000).abs() < 60, "{segment}");
        assert_eq!(source_of(app, &ada, &draft).await, clip());

        // However often: one copy, which outlives the draft.
        let again = draft_of(app, &ada, &video).await;
        assert_eq!(only_segment(&again), &segment);
        let uploads = app.dir.path().join("data/uploads");
        let copies = || files_with(&uploads, segment["source"].as_str().unwrap()).len();
        assert_eq!(copies(), 1);
        for draft in [&draft, &again] {
            let path = format!("/api/v1/drafts/{}", draft["id"].as_str().unwrap());
            app.send("DELETE", &path, Some(&ada), None).await.expect(204);
        }
        assert_eq!(copies(), 1);

        let draft = draft_of(app, &ada, &video).await;
        let mut trimmed = draft["edit"].clone();
        trimmed["segments"][0]["end_ms"] = json!(1_000);
        save(app, &ada, &draft, &trimmed, 1).await;
        replace(app, &ada, &video, draft["id"].as_str().unwrap()).await.expect(202);
        assert_eq!(replaced(app, &ada, &video).await, Value::Null);
        let after = finished(app, &ada, video["id"].as_str().unwrap()).await;
        assert!((after["duration_ms"].as_i64().unwrap() - 1_000).abs() < 80, "{after}");
        assert_eq!((&after["caption"], &after["width"]), (&video["caption"], &json!(360)));
        // What was cut away is there for the next edit, and gone with the video.
        let longer = draft_of(app, &ada, &after).await;
        assert_eq!(only_segment(&longer)["end_ms"], 1_000);
        assert_eq!(source_of(app, &ada, &longer).await, clip());
        let path_of_draft = format!("/api/v1/drafts/{}", longer["id"].as_str().unwrap());
        app.send("DELETE", &path_of_draft, Some(&ada), None).await.expect(204);
        quiet(app).await;
        app.send("DELETE", &path(&video), Some(&ada), None).await.expect(204);
        assert_eq!(copies(), 0);
    }
}

app_test! {
    async fn an_upload_that_is_gone_or_that_browsers_do_not_play_is_edited_from_what_is_served(app: TestApp) {
        let ada = app.sign_up("ada").await;
        let gone = uploaded(app, &ada, &melody_clip("testsrc2=size=360x640:rate=30:duration=3", 5, "anull", "96k"), json!({})).await;
        let source = takt_store::BlobKey::source(gone["id"].as_str().unwrap().parse().unwrap());
        app.app.state().blobs.delete(&source).await.unwrap();
        for video in [
            gone,
            uploaded(app, &ada, &foreign_clip("mpeg4", "clip.mp4"), json!({})).await,
            uploaded(app, &ada, &foreign_clip("libx264", "clip.mkv"), json!({})).await,
        ] {
            let draft = draft_of(app, &ada, &video).await;
            assert!(source_of(app, &ada, &draft).await == served(app, &video).await);
            assert_eq!(only_segment(&draft)["end_ms"], video["duration_ms"]);
            assert_eq!(
                (&draft["edit"]["canvas"]["width"], &draft["edit"]["canvas"]["height"]),
                (&video["width"], &video["height"])
            );
            replace(app, &ada, &video, draft["id"].as_str().unwrap()).await.expect(202);
            assert_eq!(replaced(app, &ada, &video).await, Value::Null);
            finished(app, &ada, video["id"].as_str().unwrap()).await;
            quiet(app).await;
        }
    }
}

app_test! {
    async fn a_sound_that_was_picked_stays_the_sound_and_a_withdrawn_one_does_not_come_back(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let picture = "testsrc2=size=360x640:rate=30:duration=9";
        let original = uploaded(app, &ada, &melody_clip(picture, 6, "anull", "128k"), json!({})).await;
        let picked = json!({"sound_id": original["sound"]["id"], "sound_start_ms": 250});
        let clip = melody_clip("smptebars=size=360x640:rate=30:duration=9", 6, "anull", "96k");
        let first = uploaded(app, &bob, &clip, picked.clone()).await;
        let draft = draft_of(app, &bob, &first).await;
        let backing = json!({"sound": original["sound"]["id"], "start_ms": 250, "volume": 0.0, "lead_ms": 0});
        assert_eq!(draft["edit"]["sound"], backing);
        replace(app, &bob, &first, draft["id"].as_str().unwrap()).await.expect(202);
        assert_eq!(replaced(app, &bob, &first).await, Value::Null);
        let after = finished(app, &bob, first["id"].as_str().unwrap()).await;
        assert_eq!(after["sound"], first["sound"]);

        let clip = melody_clip("smptehdbars=size=360x640:rate=30:duration=9", 6, "anull", "96k");
        let second = uploaded(app, &bob, &clip, picked).await;
        let sound = format!("/api/v1/sounds/{}", original["sound"]["id"].as_str().unwrap());
        let withdrawn = json!({"consent": "nobody", "on_revoke": "mute"});
        app.send("PATCH", &sound, Some(&ada), Some(withdrawn)).await.expect(200);
        let muted = when(app, &bob, second["id"].as_str().unwrap(), |video| video["muted"] == true).await;
        quiet(app).await;
        let draft = draft_of(app, &bob, &muted).await;
        assert_eq!(draft["edit"]["sound"], Value::Null);
        assert!(source_of(app, &bob, &draft).await == served(app, &muted).await, "the silent file");
        // The one whose list names the sound has to wait for its owner.
        edit_again(app, &bob, &first).await.problem(409, "sound_consent");
    }
}

app_test! {
    async fn a_video_that_is_not_made_can_not_be_edited(app: TestApp) {
        let ada = app.sign_up("ada").await;
        let broken = post_video(app, &ada, b"not a video at all, only some bytes", "broken").await;
        let broken = when(app, &ada, &broken, |video| video["status"] == "failed").await;
        edit_again(app, &ada, &broken).await.problem(409, "video_not_made");
    }
}
