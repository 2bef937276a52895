//! Sounds: heard, recognised, lent, withdrawn, uploaded alone; and videos that are copies of others.

use crate::harness::{TestApp, app_test};
use crate::studio::{files_with, finished, melody, melody_clip, post_video, quiet, settled, upload, when};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

const PICTURE: &str = "testsrc2=size=360x640:rate=30:duration=9";
const OTHER_PICTURE: &str = "mandelbrot=size=360x640:rate=30:end_pts=100";

/// The answer to a GET once `reached` holds of it. There is a limit so that a test that hangs says where.
async fn until(app: &TestApp, path: &str, token: &str, reached: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..600 {
        let answer = app.get(path, token).await;
        if reached(&answer) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path}: {}", app.get(path, token).await);
}

/// Posts a video, waits until all is made of it and heard, and answers it.
async fn publish(app: &TestApp, token: &str, clip: &[u8]) -> Value {
    // Ids of one millisecond are in no order.
    app.clock.advance_ms(1_000);
    let id = post_video(app, token, clip, "").await;
    finished(app, token, &id).await;
    quiet(app).await;
    app.get(&format!("/api/v1/videos/{id}"), token).await["video"].clone()
}

fn sound_path(video: &Value) -> String {
    format!("/api/v1/sounds/{}", video["sound"]["id"].as_str().unwrap())
}

async fn change(app: &TestApp, token: &str, path: &str, body: Value) -> Value {
    app.send("PATCH", path, Some(token), Some(body)).await.expect(200).json()["sound"].clone()
}

/// Whether a media file has a sound stream, as FFmpeg sees it.
fn has_sound(bytes: &[u8]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file.mp4");
    std::fs::write(&file, bytes).unwrap();
    let probe = ["-v", "error", "-select_streams", "a", "-show_entries", "stream=codec_name", "-of", "csv"];
    let output = Command::new("ffprobe").args(probe).arg(&file).output().unwrap();
    assert!(output.status.success());
    !output.stdout.trim_ascii().is_empty()
}

app_test! {
    async fn one_sound_is_one_page_however_it_is_cut_and_encoded(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let first = publish(app, &ada, &melody_clip(PICTURE, 1, "anull", "128k")).await;
        let cut = melody_clip(OTHER_PICTURE, 1, "atrim=start=3,asetpts=PTS-STARTPTS,volume=0.5", "64k");
        let second = publish(app, &bob, &cut).await;
        let third = publish(app, &bob, &melody_clip(OTHER_PICTURE, 2, "anull", "128k")).await;
        assert_eq!(second["sound"]["id"], first["sound"]["id"]);
        assert_eq!(second["sound"]["title"], "original sound by @ada");
        let starts = |video: &Value| video["sound"]["start_ms"].as_i64().unwrap();
        assert!(starts(&first) == 0 && (starts(&second) - 3_000).abs() <= 25, "{first} {second}");
        assert_ne!(third["sound"]["id"], first["sound"]["id"]);

        let sound = app.get(&sound_path(&first), &bob).await["sound"].clone();
        assert_eq!((&sound["video_count"], &sound["original_video_id"]), (&json!(2), &first["id"]));
        assert_eq!((&sound["may_use"], &sound["consent"], &sound["saved"]), (&json!(true), &json!("everyone"), &json!(false)));
        assert!((8_500..9_600).contains(&sound["duration_ms"].as_u64().unwrap()), "{sound}");
        assert!((85..97).contains(&sound["peaks"].as_array().unwrap().len()), "{sound}");
        let audio = app.send("GET", sound["audio_url"].as_str().unwrap(), None, None).await.expect(200);
        assert_eq!(audio.headers["content-type"], "audio/mp4");
        assert!(has_sound(&audio.bytes));

        let page = app.get(&format!("{}/videos?limit=1", sound_path(&first)), &bob).await;
        assert_eq!(page["videos"][0]["id"], second["id"]);
        let rest = format!("{}/videos?cursor={}", sound_path(&first), page["cursor"].as_str().unwrap());
        let rest = app.get(&rest, &bob).await;
        assert_eq!(rest["videos"].as_array().unwrap().len(), 1);
        assert_eq!(rest["videos"][0]["id"], first["id"]);

        // The recommender goes by the same id: who turns the sound down gets neither.
        let viewer = app.viewer().await;
        let body = json!({"kind": "sound", "id": first["sound"]["id"]});
        app.send("PUT", "/api/v1/not-interested", Some(&viewer), Some(body)).await.expect(204);
        let page = app.get("/api/v1/feeds/for-you", &viewer).await;
        let ids: Vec<&Value> = page["items"].as_array().unwrap().iter().map(|item| &item["video"]["id"]).collect();
        assert_eq!(ids, [&third["id"]]);
    }
}

app_test! {
    async fn a_sound_is_used_by_those_its_owner_lets(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let original = publish(app, &ada, &melody_clip(PICTURE, 3, "anull", "128k")).await;
        let path = sound_path(&original);
        let used = upload(app, &bob, &melody_clip(OTHER_PICTURE, 3, "anull", "96k")).await;
        let body = json!({"upload_id": used, "caption": "", "sound_id": original["sound"]["id"], "sound_start_ms": 250});
        let post = async || app.send("POST", "/api/v1/videos", Some(&bob), Some(body.clone())).await;
        for (consent, follows, may) in
            [("nobody", true, false), ("followers", false, false), ("nobody", false, false), ("followers", true, true)]
        {
            let method = if follows { "PUT" } else { "DELETE" };
            app.send(method, "/api/v1/accounts/ada/follow", Some(&bob), None).await.expect(204);
            change(app, &ada, &path, json!({"consent": consent})).await;
            assert_eq!(app.get(&path, &bob).await["sound"]["may_use"], may, "{consent} {follows}");
            assert_eq!(app.get(&path, &ada).await["sound"]["may_use"], true);
            let listed = app.get("/api/v1/sounds", &bob).await["items"].as_array().unwrap().len();
            assert_eq!(listed, usize::from(consent != "nobody"));
            if may {
                let video = post().await.expect(202).json()["video"].clone();
                assert_eq!((&video["sound"]["id"], &video["sound"]["start_ms"]), (&original["sound"]["id"], &json!(250)));
                assert_eq!(post().await.expect(202).json()["video"]["id"], video["id"]);
                settled(app, &bob, video["id"].as_str().unwrap()).await;
            } else {
                post().await.problem(409, "sound_consent");
            }
        }
        app.send("PATCH", &path, Some(&bob), Some(json!({"consent": "everyone"}))).await.problem(404, "not_found");
    }
}

app_test! {
    async fn a_withdrawn_sound_stays_or_falls_silent_as_its_owner_chose(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let original = publish(app, &ada, &melody_clip(PICTURE, 4, "anull", "128k")).await;
        let path = sound_path(&original);
        let used = upload(app, &bob, &melody_clip(OTHER_PICTURE, 4, "anull", "96k")).await;
        let body = json!({"upload_id": used, "caption": "", "sound_id": original["sound"]["id"]});
        let made = app.send("POST", "/api/v1/videos", Some(&bob), Some(body)).await.expect(202).json();
        let picked = made["video"]["id"].as_str().unwrap().to_owned();
        finished(app, &bob, &picked).await;
        // This one was recognised, not picked: nobody can take its sound.
        let recognised = publish(app, &bob, &melody_clip("smptebars=size=360x640:rate=30:duration=9", 4, "anull", "64k")).await;
        assert_eq!(recognised["sound"]["id"], original["sound"]["id"]);

        let picked_path = format!("/api/v1/videos/{picked}");
        change(app, &ada, &path, json!({"consent": "nobody"})).await;
        quiet(app).await;
        let kept = app.get(&picked_path, &bob).await["video"].clone();
        assert!(kept.get("muted").is_none(), "{kept}");
        let old_url = kept["renditions"][0]["url"].as_str().unwrap().to_owned();
        assert!(has_sound(&app.send("GET", &old_url, None, None).await.expect(200).bytes));

        let sound = change(app, &ada, &path, json!({"on_revoke": "mute"})).await;
        assert_eq!(sound["on_revoke"], "mute");
        let muted = when(app, &bob, &picked, |video| video["muted"] == true).await;
        quiet(app).await;
        assert_eq!(muted["sound"]["title"], "original sound by @ada", "the credit stays");
        for rendition in app.get(&picked_path, &bob).await["video"]["renditions"].as_array().unwrap() {
            let played = app.send("GET", rendition["url"].as_str().unwrap(), None, None).await.expect(200);
            assert!(!has_sound(&played.bytes));
            assert_eq!(played.bytes.len() as u64, rendition["bytes"]);
        }
        app.send("GET", &old_url, None, None).await.problem(404, "not_found");
        for (id, token) in [(&original["id"], &ada), (&recognised["id"], &bob)] {
            let untouched = app.get(&format!("/api/v1/videos/{}", id.as_str().unwrap()), token).await;
            assert!(untouched["video"].get("muted").is_none(), "{untouched}");
        }
    }
}

app_test! {
    async fn a_sound_can_be_uploaded_alone_found_and_saved(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let id = upload(app, &ada, &melody(5, 12)).await;
        let body = json!({"upload_id": id, "title": "Rain 100% on_tin", "licence": "cc_by", "credit": "Ada L."});
        let post = async |token: &str, body: &Value| {
            app.send("POST", "/api/v1/sounds", Some(token), Some(body.clone())).await
        };
        let made = post(&ada, &body).await.expect(202).json()["sound"].clone();
        assert_eq!((&made["status"], &made["audio_url"]), (&json!("processing"), &Value::Null));
        assert_eq!(post(&ada, &body).await.expect(202).json()["sound"]["id"], made["id"]);
        let path = format!("/api/v1/sounds/{}", made["id"].as_str().unwrap());
        let sound = until(app, &path, &ada, |answer| answer["sound"]["status"] != "processing").await["sound"].clone();
        assert_eq!((&sound["status"], &sound["licence"]), (&json!("ready"), &json!("cc_by")), "{sound}");
        assert!((11_900..12_200).contains(&sound["duration_ms"].as_u64().unwrap()), "{sound}");
        let audio = app.send("GET", sound["audio_url"].as_str().unwrap(), None, None).await.expect(200);
        assert!(has_sound(&audio.bytes));

        for (query, count) in [("", 1), ("rain%20100%25", 1), ("N_TI", 1), ("ADA", 1), ("nothing", 0), ("1%25_on", 0)] {
            let found = app.get(&format!("/api/v1/sounds?query={query}"), &bob).await;
            assert_eq!(found["items"].as_array().unwrap().len(), count, "{query}");
        }
        for _ in 0..2 {
            app.send("PUT", &format!("{path}/save"), Some(&bob), None).await.expect(204);
        }
        assert_eq!(app.get("/api/v1/sounds/saved", &bob).await["items"][0]["saved"], true);
        assert_eq!(app.get("/api/v1/sounds/saved", &ada).await["items"], json!([]));
        app.send("DELETE", &format!("{path}/save"), Some(&bob), None).await.expect(204);
        assert_eq!(app.get("/api/v1/sounds/saved", &bob).await["items"], json!([]));
        change(app, &ada, &path, json!({"title": "Drops"})).await;
        assert_eq!(app.get("/api/v1/sounds?query=drops", &bob).await["items"].as_array().unwrap().len(), 1);

        for (bad, field) in [
            (json!({"title": ""}), "title"),
            (json!({"title": "x".repeat(81)}), "title"),
            (json!({"title": "x", "licence": "cc_by"}), "credit"),
            (json!({"title": "x", "consent": "friends"}), "consent"),
        ] {
            let mut bad = bad.clone();
            bad["upload_id"] = id.clone().into();
            if !field.is_empty() {
                assert_eq!(post(&ada, &bad).await.problem(422, "invalid_field")["field"], field, "{bad}");
            }
        }
        post(&bob, &body).await.problem(404, "not_found");
    }
}

app_test! {
    async fn what_can_not_be_heard_fails_with_its_reason(app: TestApp) {
        let token = app.sign_up("ada").await;
        let silence = {
            let mut wav = melody(6, 3);
            wav[44..].fill(0);
            wav
        };
        for (bytes, code) in [
            (b"just a letter to my aunt".to_vec(), "not_a_sound"),
            (melody(6, 3)[..40].to_vec(), "not_a_sound"),
            (silence, "silent"),
            (melody(6, 1)[..44 + 9_600].to_vec(), "too_short"),
            (melody(7, 8), ""),
            (melody(7, 6), "sound_exists"),
        ] {
            let id = upload(app, &token, &bytes).await;
            let body = json!({"upload_id": id, "title": "a sound"});
            let made = app.send("POST", "/api/v1/sounds", Some(&token), Some(body)).await.expect(202).json();
            let path = format!("/api/v1/sounds/{}", made["sound"]["id"].as_str().unwrap());
            let ended = until(app, &path, &token, |answer| answer["sound"]["status"] != "processing").await;
            if code.is_empty() {
                assert_eq!(ended["sound"]["status"], "ready", "{ended}");
                continue;
            }
            assert_eq!(ended["sound"]["failure"]["code"], code, "{ended}");
            let viewer = app.viewer().await;
            app.send("GET", &path, Some(&viewer), None).await.problem(404, "not_found");
        }
        assert!(files_with(&app.dir.path().join("data/uploads"), "").is_empty());
    }
}

app_test! {
    async fn an_account_that_goes_leaves_no_name_on_its_sounds(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let original = publish(app, &ada, &melody_clip(PICTURE, 8, "anull", "128k")).await;
        let own = upload(app, &ada, &melody(9, 5)).await;
        let body = json!({"upload_id": own, "title": "Ada's hum"});
        app.send("POST", "/api/v1/sounds", Some(&ada), Some(body)).await.expect(202);
        publish(app, &bob, &melody_clip(OTHER_PICTURE, 8, "anull", "96k")).await;
        let body = json!({"password": "correct horse"});
        app.send("DELETE", "/api/v1/me", Some(&ada), Some(body)).await.expect(204);
        let sound = app.get(&sound_path(&original), &bob).await["sound"].clone();
        assert_eq!((&sound["creator"], &sound["title"]), (&Value::Null, &json!("original sound")));
        assert_eq!((&sound["consent"], &sound["may_use"]), (&json!("nobody"), &json!(false)));
        let state = app.app.state();
        let (left,): (i64,) = state.db.one("SELECT COUNT(*) FROM sound", takt_store::Args::new()).await.unwrap();
        assert_eq!(left, 1, "the sound that nobody used is gone");
    }
}

app_test! {
    async fn a_copy_is_linked_to_its_original_and_its_creator_told(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let original = publish(app, &ada, &melody_clip(OTHER_PICTURE, 10, "anull", "128k")).await;
        let mirrored = format!("{OTHER_PICTURE},crop=340:604,scale=360:640,hflip");
        let copy = publish(app, &bob, &melody_clip(&mirrored, 10, "anull", "64k")).await;
        assert_eq!(copy["duplicate_of"], original["id"], "{copy}");
        let path = format!("/api/v1/videos/{}", copy["id"].as_str().unwrap());
        assert!(app.get(&path, &ada).await["video"].get("duplicate_of").is_none(), "only its creator is told");
        // Whoever gets one of them does not get the other, whatever the page.
        let viewer = app.viewer().await;
        let mut met = Vec::new();
        for _ in 0..3 {
            let page = app.get("/api/v1/feeds/for-you?limit=10", &viewer).await;
            met.extend(page["items"].as_array().unwrap().iter().map(|item| item["video"]["id"].clone()));
        }
        let both = [&original["id"], &copy["id"]];
        assert_eq!(both.into_iter().filter(|id| met.contains(id)).count(), 1, "{met:?}");
        // Another picture to the same sound is another video, and so is another sound to the same picture.
        let other = publish(app, &bob, &melody_clip(PICTURE, 10, "anull", "64k")).await;
        assert!(other.get("duplicate_of").is_none(), "{other}");
        let dubbed = publish(app, &bob, &melody_clip(OTHER_PICTURE, 11, "anull", "64k")).await;
        assert!(dubbed.get("duplicate_of").is_none(), "{dubbed}");
        app.send("DELETE", &format!("/api/v1/videos/{}", original["id"].as_str().unwrap()), Some(&ada), None).await.expect(204);
        assert!(app.get(&path, &bob).await["video"].get("duplicate_of").is_none());
    }
}

/// On SQLite alone: nothing about it asks the database anything special.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_cell_begins_with_sounds_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = takt_server::config::Config::default();
    config.data.dir = dir.path().join("data");
    let clock = takt_core::Clock::system();
    let app = takt_server::App::start(config, clock.clone()).await.unwrap();
    let test = TestApp { router: app.router(), app, clock, dir };
    let token = test.viewer().await;
    let all =
        until(&test, "/api/v1/sounds", &token, |answer| answer["items"].as_array().unwrap().len() == 6).await;
    let mut tempos = std::collections::BTreeMap::new();
    for sound in all["items"].as_array().unwrap() {
        assert_eq!(
            (&sound["licence"], &sound["creator"], &sound["consent"]),
            (&json!("cc0"), &Value::Null, &json!("everyone"))
        );
        tempos.insert(sound["title"].as_str().unwrap(), sound["tempo"]["bpm"].as_f64());
    }
    let near = |title: &str, bpm: f64| tempos[title].is_some_and(|found| (found - bpm).abs() < 2.0);
    assert!(near("Morning Steps", 120.0) && near("Night Train", 128.0), "{tempos:?}");
    assert_eq!(tempos["Still Water"], None);
    test.app.close().await;
}
