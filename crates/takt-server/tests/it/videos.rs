//! From an upload to a video that plays, with a real FFmpeg; and what its creator does with it afterwards.

use crate::harness::{TestApp, app_test};
use crate::studio::{
    begin, clip, clip_with_same_sound, files_with, finished, large_clip, post_video, quiet, settled, upload,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

app_test! {
    async fn a_video_plays_and_is_in_the_feeds(app: TestApp) {
        let token = app.sign_up("ada").await;
        let id = post_video(app, &token, clip(), "Hello #World").await;
        let video = settled(app, &token, &id).await;
        assert_eq!(video["status"], "ready", "{video}");
        assert_eq!(video["caption"], "Hello #World");
        assert_eq!(video["creator"]["handle"], "ada");
        assert_eq!((&video["width"], &video["height"]), (&json!(360), &json!(640)));
        assert!((1900..2200).contains(&video["duration_ms"].as_u64().unwrap()), "{video}");
        assert_eq!(video["counts"], json!({"likes": 0, "views": 0, "shares": 0}));
        assert_eq!(video["liked"], false);
        assert!(video["sound"]["title"].as_str().unwrap().contains("@ada"));
        assert!(video["thumbhash"].as_str().unwrap().len() > 20);
        let rendition = &video["renditions"][0];
        assert!(rendition["codec"].as_str().unwrap().starts_with("avc1."), "{rendition}");

        // The address holds the bytes' hash.
        let url = rendition["url"].as_str().unwrap();
        let played = app.send("GET", url, None, None).await.expect(200);
        assert_eq!(played.headers["content-type"], "video/mp4");
        assert_eq!(played.bytes.len() as u64, rendition["bytes"]);
        assert!(url.ends_with(&format!("/{}.mp4", hex::encode(Sha256::digest(&played.bytes)))));
        for still in ["poster_url", "first_frame_url"] {
            let still = app.send("GET", video[still].as_str().unwrap(), None, None).await.expect(200);
            assert_eq!(still.headers["content-type"], "image/jpeg");
            assert!(still.bytes.starts_with(b"\xff\xd8"));
        }

        finished(app, &token, &id).await;
        let viewer = app.viewer().await;
        for feed in ["for-you", "latest"] {
            let page = app.get(&format!("/api/v1/feeds/{feed}"), &viewer).await;
            assert_eq!(page["items"][0]["video"]["id"], id.as_str(), "{feed}: {page}");
        }
        // The source is archived, the upload's file and the work folders are gone.
        assert_eq!(files_with(&app.dir.path().join("data/media"), &format!("sources/{id}")).len(), 1);
        assert!(files_with(&app.dir.path().join("data/uploads"), "").is_empty());
        quiet(app).await;
        assert!(files_with(&app.dir.path().join("data/work"), "").is_empty());
    }
}

app_test! {
    async fn a_large_upload_gets_more_than_one_rendition(app: TestApp) {
        let token = app.sign_up("ada").await;
        let id = post_video(app, &token, large_clip(), "").await;
        let video = settled(app, &token, &id).await;
        assert_eq!(video["status"], "ready", "{video}");
        let first = video["renditions"][0].clone();
        assert_eq!(first["width"], 540, "{video}");
        let video = finished(app, &token, &id).await;
        let widths: Vec<u64> =
            video["renditions"].as_array().unwrap().iter().map(|r| r["width"].as_u64().unwrap()).collect();
        assert_eq!(widths, [540, 720, 360], "{video}");
        assert_eq!(video["renditions"][0], first, "what plays goes on playing");
    }
}

app_test! {
    async fn a_request_repeated_makes_one_video(app: TestApp) {
        let token = app.sign_up("ada").await;
        let upload_id = upload(app, &token, clip()).await;
        let body = json!({"upload_id": upload_id, "caption": "once", "language": "de"});
        let post = async |body: Value| app.send("POST", "/api/v1/videos", Some(&token), Some(body)).await;
        let (first, second) = tokio::join!(post(body.clone()), post(body.clone()));
        let id = first.expect(202).json()["video"]["id"].clone();
        assert_eq!(second.expect(202).json()["video"]["id"], id);
        let mut other = body.clone();
        other["caption"] = "twice".into();
        post(other).await.problem(409, "upload_used");

        let half = begin(app, &token, 10).await;
        let half = half.rsplit('/').next().unwrap();
        post(json!({"upload_id": half, "caption": ""})).await.problem(409, "upload_incomplete");
        let bob = app.sign_up("bob").await;
        let stolen = app.send("POST", "/api/v1/videos", Some(&bob), Some(body)).await;
        stolen.problem(404, "not_found");
        let bad = json!({"upload_id": upload_id, "caption": "x".repeat(501)});
        assert_eq!(post(bad).await.problem(422, "invalid_field")["field"], "caption");
        let bad = json!({"upload_id": upload_id, "caption": "", "title": ""});
        post(bad).await.problem(422, "invalid_field");
        settled(app, &token, id.as_str().unwrap()).await;
    }
}

app_test! {
    async fn what_can_not_be_played_fails_with_its_reason(app: TestApp) {
        let token = app.sign_up("ada").await;
        let mut cut = clip().to_vec();
        cut.truncate(200);
        let playlist = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n".to_vec();
        let script = b"ffconcat version 1.0\nfile '/etc/passwd'\n".to_vec();
        for (bytes, codes) in [
            (b"just a letter to my aunt".to_vec(), ["not_a_video", "unsupported_format"]),
            (playlist, ["not_a_video", "unsupported_format"]),
            (script, ["not_a_video", "unsupported_format"]),
            (cut, ["truncated", "broken_video"]),
        ] {
            let id = post_video(app, &token, &bytes, "").await;
            let video = settled(app, &token, &id).await;
            assert_eq!(video["status"], "failed", "{video}");
            let code = video["failure"]["code"].as_str().unwrap();
            assert!(codes.contains(&code), "{video}");
            assert!(video["failure"]["message"].as_str().unwrap().ends_with('.'), "{video}");
            // Its creator sees it; to everybody else it is not there.
            let bob = app.viewer().await;
            app.send("GET", &format!("/api/v1/videos/{id}"), Some(&bob), None).await.problem(404, "not_found");
            app.send("PUT", &format!("/api/v1/videos/{id}/like"), Some(&bob), None).await.problem(404, "not_found");
            app.send("DELETE", &format!("/api/v1/videos/{id}"), Some(&token), None).await.expect(204);
        }
        assert!(files_with(&app.dir.path().join("data/uploads"), "").is_empty());
    }
}

app_test! {
    async fn a_deleted_video_leaves_nothing(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let id = post_video(app, &ada, clip(), "gone soon").await;
        let video = settled(app, &ada, &id).await;
        let path = format!("/api/v1/videos/{id}");
        app.send("PUT", &format!("{path}/like"), Some(&bob), None).await.expect(204);
        let media: Vec<&str> = vec![
            video["renditions"][0]["url"].as_str().unwrap(),
            video["poster_url"].as_str().unwrap(),
        ];
        for url in &media {
            app.send("GET", url, None, None).await.expect(200);
        }
        app.send("DELETE", &path, Some(&bob), None).await.problem(404, "not_found");
        app.send("DELETE", &path, Some(&ada), None).await.expect(204);
        for url in &media {
            app.send("GET", url, None, None).await.problem(404, "not_found");
        }
        app.send("GET", &path, Some(&ada), None).await.problem(404, "not_found");
        app.send("DELETE", &path, Some(&ada), None).await.problem(404, "not_found");
        assert!(files_with(&app.dir.path().join("data/media"), &id).is_empty());
        for feed in ["for-you", "latest"] {
            let page = app.get(&format!("/api/v1/feeds/{feed}"), &bob).await;
            assert_eq!(page["items"], json!([]), "{feed}");
        }
        let state = app.app.state();
        for sql in [
            "SELECT COUNT(*) FROM video", "SELECT COUNT(*) FROM rendition", "SELECT COUNT(*) FROM sound",
            "SELECT COUNT(*) FROM video_like", "SELECT COUNT(*) FROM video_count", "SELECT COUNT(*) FROM upload",
        ] {
            let (count,): (i64,) = state.db.one(sql, takt_store::Args::new()).await.unwrap();
            assert_eq!(count, 0, "{sql}");
        }
    }
}

app_test! {
    async fn deleting_while_it_is_processed_stops_the_work(app: TestApp) {
        let token = app.sign_up("ada").await;
        let id = post_video(app, &token, large_clip(), "").await;
        crate::studio::when(app, &token, &id, |video| video["progress"]["stage"] != "queued").await;
        app.send("DELETE", &format!("/api/v1/videos/{id}"), Some(&token), None).await.expect(204);
        // The erase job runs once more later, for what was being made at that moment.
        app.clock.advance_ms(61_000);
        app.app.state().jobs.wake();
        let state = app.app.state();
        loop {
            let counts = state.jobs.counts(&state.db).await.unwrap();
            assert_eq!(counts.parked, 0);
            if counts.ready + counts.running == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        for folder in ["media", "uploads", "work"] {
            assert!(files_with(&app.dir.path().join("data").join(folder), "").is_empty(), "{folder}");
        }
    }
}

app_test! {
    async fn videos_with_the_same_packets_share_a_sound(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let first = post_video(app, &ada, clip(), "").await;
        settled(app, &ada, &first).await;
        let second = post_video(app, &bob, clip_with_same_sound(), "").await;
        let video = settled(app, &bob, &second).await;
        assert_eq!(video["sound"]["video_id"], first.as_str(), "{video}");
        app.send("DELETE", &format!("/api/v1/videos/{first}"), Some(&ada), None).await.expect(204);
        // The credit stays when the original goes.
        let left = app.get(&format!("/api/v1/videos/{second}"), &bob).await;
        assert_eq!(left["video"]["sound"]["id"], video["sound"]["id"]);
        assert!(left["video"]["sound"].get("video_id").is_none());
        assert!(left["video"]["sound"]["title"].as_str().unwrap().contains("@ada"));
        // With the last video that has it the sound goes as well.
        app.send("DELETE", &format!("/api/v1/videos/{second}"), Some(&bob), None).await.expect(204);
        let path = format!("/api/v1/sounds/{}", video["sound"]["id"].as_str().unwrap());
        app.send("GET", &path, Some(&bob), None).await.problem(404, "not_found");
    }
}

app_test! {
    async fn a_creator_changes_what_is_said_and_shown(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let id = post_video(app, &ada, clip(), "before").await;
        let before = finished(app, &ada, &id).await;
        let path = format!("/api/v1/videos/{id}");
        let change = async |body: Value| app.send("PATCH", &path, Some(&ada), Some(body)).await;
        let after = change(json!({"caption": "after", "language": "de"})).await.expect(200).json();
        assert_eq!((&after["video"]["caption"], &after["video"]["language"]), (&json!("after"), &json!("de")));
        let after = change(json!({"ai_generated": true})).await.expect(200).json();
        assert_eq!((&after["video"]["caption"], &after["video"]["language"]), (&json!("after"), &json!("de")));
        assert_eq!(after["video"]["ai_generated"], true);
        let after = change(json!({"language": null})).await.expect(200).json();
        assert!(after["video"].get("language").is_none());
        change(json!({"poster_ms": 1500})).await.expect(200);
        let after =
            crate::studio::when(app, &ada, &id, |video| video["poster_url"] != before["poster_url"]).await;
        assert_eq!(after["first_frame_url"], before["first_frame_url"]);
        app.send("GET", after["poster_url"].as_str().unwrap(), None, None).await.expect(200);
        assert_eq!(change(json!({"language": "x"})).await.problem(422, "invalid_field")["field"], "language");
        change(json!({"status": "ready"})).await.problem(422, "invalid_field");
        let theft = app.send("PATCH", &path, Some(&bob), Some(json!({"caption": "mine"}))).await;
        theft.problem(404, "not_found");
    }
}

app_test! {
    async fn liking_twice_is_liking_once(app: TestApp) {
        let (ada, viewer) = (app.sign_up("ada").await, app.viewer().await);
        let id = app.publish("ada", "likeable").await;
        let path = format!("/api/v1/videos/{id}");
        for _ in 0..2 {
            app.send("PUT", &format!("{path}/like"), Some(&viewer), None).await.expect(204);
        }
        let seen = app.get(&path, &viewer).await;
        assert_eq!((&seen["video"]["counts"]["likes"], &seen["video"]["liked"]), (&json!(1), &json!(true)));
        assert_eq!(app.get(&path, &ada).await["video"]["liked"], false);
        for _ in 0..2 {
            app.send("DELETE", &format!("{path}/like"), Some(&viewer), None).await.expect(204);
        }
        assert_eq!(app.get(&path, &viewer).await["video"]["counts"]["likes"], 0);
        let nobody = "/api/v1/videos/01890a5d-ac96-774b-bcce-b302099a8057/like";
        app.send("PUT", nobody, Some(&viewer), None).await.problem(404, "not_found");
        app.send("PUT", &format!("{path}/like"), None, None).await.problem(401, "unauthenticated");
    }
}

app_test! {
    async fn a_grid_is_paged_and_drafts_are_its_owners(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let mut published = Vec::new();
        for n in 0..5 {
            published.insert(0, app.publish("ada", &format!("number {n}")).await.to_string());
        }
        let mut walked = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = app.get(&format!("/api/v1/accounts/ada/videos?limit=2{cursor}"), &bob).await;
            walked.extend(page["videos"].as_array().unwrap().iter().map(|v| v["id"].as_str().unwrap().to_owned()));
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(walked, published);
        app.clock.advance_ms(1000);
        let failed = post_video(app, &ada, b"no video at all", "").await;
        settled(app, &ada, &failed).await;
        let count = async |token: &str| {
            let page = app.get("/api/v1/accounts/ada/videos", token).await;
            page["videos"].as_array().unwrap().len()
        };
        assert_eq!((count(&ada).await, count(&bob).await), (6, 5));
        app.send("GET", "/api/v1/accounts/nobody/videos", None, None).await.problem(404, "not_found");
        app.send("GET", "/api/v1/accounts/ada/videos?cursor=x", None, None).await.problem(422, "invalid_field");
    }
}

app_test! {
    async fn a_file_is_recognised_by_its_hash(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let path = format!("/api/v1/me/sources/{}", hex::encode(Sha256::digest(clip())));
        app.send("GET", &path, Some(&ada), None).await.problem(404, "not_found");
        let id = post_video(app, &ada, clip(), "").await;
        // At once, while it waits: an import that starts anew must not upload it again.
        assert_eq!(app.get(&path, &ada).await["video"]["id"], id.as_str());
        app.send("GET", &path, Some(&bob), None).await.problem(404, "not_found");
        let junk = b"this is no video";
        let failed = post_video(app, &ada, junk, "").await;
        settled(app, &ada, &failed).await;
        let path = format!("/api/v1/me/sources/{}", hex::encode(Sha256::digest(junk)));
        app.send("GET", &path, Some(&ada), None).await.problem(404, "not_found");
        settled(app, &ada, &id).await;
    }
}

app_test! {
    async fn progress_is_told_as_it_happens(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let id = post_video(app, &ada, large_clip(), "").await;
        let path = format!("/api/v1/videos/{id}/progress");
        app.send("GET", &path, Some(&bob), None).await.problem(404, "not_found");
        let answer = app.send("GET", &path, Some(&ada), None).await.expect(200);
        assert_eq!(answer.headers["content-type"], "text/event-stream");
        let text = String::from_utf8(answer.bytes).unwrap();
        let events: Vec<Value> = text
            .split("\n\n")
            .filter(|event| event.starts_with("event: progress"))
            .map(|event| serde_json::from_str(event.split_once("data: ").unwrap().1).unwrap())
            .collect();
        assert!(events.len() >= 3, "{text}");
        let percents: Vec<u64> = events.iter().filter_map(|event| event["progress"]["percent"].as_u64()).collect();
        assert!(percents.is_sorted(), "{percents:?}");
        let last = events.last().unwrap();
        assert_eq!((&last["status"], &last["video"]["id"]), (&json!("ready"), &json!(id)));
        assert!(events[..events.len() - 1].iter().all(|event| event["status"] == "processing"));
    }
}

/// Without which a page of a feed would cost a statement for each video.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_costs_as_many_statements_as_one_video() {
    crate::harness::run(crate::harness::Database::Sqlite, async |app: &TestApp| {
        app.sign_up("ada").await;
        let mut ids = Vec::new();
        for n in 0..40 {
            ids.push(app.publish("ada", &format!("number {n}")).await);
        }
        let viewer = takt_core::ViewerId::mint(&app.clock);
        for count in [1, 7, 40] {
            let asked = takt_server::video::bodies(app.app.state(), &ids[..count], Some(viewer));
            let (bodies, statements) = takt_store::count_statements(asked).await;
            let bodies = bodies.unwrap();
            // Videos, renditions, captions, likes, follows.
            assert_eq!(statements, 5);
            assert_eq!(bodies.iter().map(|body| body.id).collect::<Vec<_>>(), ids[..count]);
        }
    })
    .await;
}
