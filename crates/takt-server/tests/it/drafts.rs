//! Drafts: kept, changed from two devices, published, edited again; and that consent is asked each time.

use crate::harness::{Answer, TestApp, app_test};
use crate::studio::{clip, files_with, finished, large_clip, melody_clip, post_video, settled, tus, upload};
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

/// A list that shows a part of an upload under a text.
pub(crate) fn edit(upload: &str) -> Value {
    json!({
        "version": 1,
        "canvas": {"width": 360, "height": 640},
        "segments": [
            {"source": upload, "start_ms": 500, "end_ms": 1500},
            {"source": upload, "start_ms": 0, "end_ms": 500, "speed": 0.5, "reverse": true},
        ],
        "texts": [{"text": "hello", "from_ms": 0, "to_ms": 1000, "x": 0.5, "y": 0.2, "size": 0.06}],
        "look": "warm",
        "poster_ms": 1200,
    })
}

async fn create(app: &TestApp, token: &str, edit: &Value) -> Answer {
    app.send("POST", "/api/v1/drafts", Some(token), Some(json!({"edit": edit, "title": "my take"}))).await
}

pub(crate) async fn draft(app: &TestApp, token: &str, edit: &Value) -> String {
    let answer = create(app, token, edit).await.expect(201).json();
    answer["draft"]["id"].as_str().unwrap().to_owned()
}

async fn publish(app: &TestApp, token: &str, draft: &str, body: Value) -> Answer {
    app.send("POST", &format!("/api/v1/drafts/{draft}/publish"), Some(token), Some(body)).await
}

/// Publishes and waits until all is made.
pub(crate) async fn published(app: &TestApp, token: &str, draft: &str) -> Value {
    let answer = publish(app, token, draft, json!({"caption": "done"})).await.expect(202).json();
    assert_eq!(answer["video"]["status"], "processing");
    let video = finished(app, token, answer["video"]["id"].as_str().unwrap()).await;
    assert_eq!(video["status"], "ready", "{video}");
    video
}

async fn set_reuse(app: &TestApp, video: &Value, consent: &str) {
    let id: takt_core::VideoId = video["id"].as_str().unwrap().parse().unwrap();
    let sql = "UPDATE video SET reuse_consent = $2 WHERE id = $1";
    app.app.state().db.exec(sql, takt_store::args![id, consent]).await.unwrap();
}

app_test! {
    async fn a_draft_is_kept_changed_and_deleted(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let take = upload(app, &ada, clip()).await;
        let made = create(app, &ada, &edit(&take)).await.expect(201).json()["draft"].clone();
        assert_eq!((&made["revision"], &made["title"]), (&json!(1), &json!("my take")));
        assert_eq!(made["edit"]["segments"][0]["speed"], 1.0);
        let path = format!("/api/v1/drafts/{}", made["id"].as_str().unwrap());
        assert_eq!(app.get(&path, &ada).await["draft"], made);
        assert_eq!(app.get("/api/v1/drafts", &ada).await["items"], json!([made]));
        assert_eq!(app.get("/api/v1/drafts", &bob).await["items"], json!([]));

        app.clock.advance_ms(5_000);
        let mut later = edit(&take);
        later["look"] = json!("mono");
        let change = json!({"edit": later, "revision": 1});
        let changed = app.send("PUT", &path, Some(&ada), Some(change.clone())).await.expect(200).json();
        assert_eq!((&changed["draft"]["revision"], &changed["draft"]["title"]), (&json!(2), &json!("my take")));
        // The other device still has the first revision.
        let stale = app.send("PUT", &path, Some(&ada), Some(change)).await.problem(409, "stale_revision");
        assert_eq!(stale["draft"], changed["draft"]);

        for (method, body) in [("GET", None), ("PUT", Some(json!({}))), ("DELETE", None)] {
            app.send(method, &path, Some(&bob), body).await.problem(404, "not_found");
        }
        publish(app, &bob, made["id"].as_str().unwrap(), json!({"caption": ""})).await.problem(404, "not_found");
        app.send("DELETE", &path, Some(&ada), None).await.expect(204);
        app.send("GET", &path, Some(&ada), None).await.problem(404, "not_found");
        // Nothing else names the take.
        assert_eq!(files_with(&app.dir.path().join("data/uploads"), &take), Vec::<String>::new());
    }
}

app_test! {
    async fn lists_are_refused_by_field(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let take = upload(app, &ada, clip()).await;
        let refused = async |token: &str, pointer: &str, value: Value, status: u16, code: &str, field: &str| {
            let mut list = edit(&take);
            *list.pointer_mut(pointer).unwrap() = value;
            let problem = create(app, token, &list).await.problem(status, code);
            assert_eq!(problem["field"], field, "{problem}");
        };
        refused(&ada, "/segments/1/speed", json!(9), 422, "invalid_field", "edit.segments[1].speed").await;
        refused(&ada, "/texts/0/text", json!("a\u{0}b"), 422, "invalid_field", "edit.texts[0].text").await;
        refused(&ada, "/look", json!("movie=x"), 422, "invalid_field", "edit.look").await;
        refused(&ada, "/version", json!(2), 422, "invalid_field", "edit.version").await;
        // Another's upload is not there.
        refused(&bob, "/look", json!("none"), 404, "not_found", "edit.segments[0].source").await;
        let half = crate::studio::begin(app, &ada, 1000).await;
        let half = half.rsplit('/').next().unwrap();
        refused(&ada, "/segments/1/source", json!(half), 409, "upload_incomplete", "edit.segments[1].source").await;
        let none = app.send("POST", "/api/v1/drafts", Some(&ada), Some(json!({"edit": null}))).await;
        none.problem(422, "invalid_field");
    }
}

app_test! {
    async fn what_a_draft_names_outlives_its_expiry(app: TestApp) {
        let ada = app.sign_up("ada").await;
        let take = upload(app, &ada, clip()).await;
        let draft = draft(app, &ada, &edit(&take)).await;
        app.clock.advance_ms(400 * 24 * 3_600_000);
        takt_server::upload::purge_expired(app.app.state()).await.unwrap();
        let token = sign_in(app, "ada").await;
        let path = format!("/api/v1/drafts/{draft}");
        let revision = json!({"edit": edit(&take), "revision": 1});
        app.send("PUT", &path, Some(&token), Some(revision)).await.expect(200);
        // It is neither another video's nor deleted from under the draft.
        let body = json!({"upload_id": take, "caption": ""});
        app.send("POST", "/api/v1/videos", Some(&token), Some(body)).await.expect(410);
        let gone = tus(app, "DELETE", &format!("/api/v1/uploads/{take}"), &token, &[], Body::empty()).await;
        assert!(gone.status.is_client_error());

        // The bytes for another device, whole and in part.
        let source = format!("{path}/sources/{take}");
        let whole = app.send("GET", &source, Some(&token), None).await.expect(200);
        assert_eq!(whole.bytes, clip());
        let request = Request::get(&source).header(header::AUTHORIZATION, format!("Bearer {token}"));
        let part = app.request(request.header("range", "bytes=10-19").body(Body::empty()).unwrap()).await.expect(206);
        assert_eq!(part.bytes, clip()[10..20]);
        assert_eq!(part.headers["content-range"], format!("bytes 10-19/{}", clip().len()));
        let other = format!("{path}/sources/01890a5d-ac96-774b-bcce-b302099a8057");
        app.send("GET", &other, Some(&token), None).await.problem(404, "not_found");
    }
}

async fn sign_in(app: &TestApp, handle: &str) -> String {
    let body = json!({"handle": handle, "password": "correct horse"});
    let answer = app.send("POST", "/api/v1/sessions", None, Some(body)).await;
    assert!(answer.status.is_success());
    answer.json()["token"].as_str().unwrap().to_owned()
}

app_test! {
    async fn a_draft_becomes_a_video_and_is_edited_again(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let take = upload(app, &ada, large_clip()).await;
        let draft = draft(app, &ada, &edit(&take)).await;
        let video = published(app, &ada, &draft).await;
        assert_eq!((&video["width"], &video["height"]), (&json!(360), &json!(640)));
        let duration = video["duration_ms"].as_i64().unwrap();
        assert!((duration - 2_000).abs() < 80, "{duration}");
        assert_eq!((&video["caption"], &video["consents"]["reuse"]), (&json!("done"), &json!("everyone")));
        assert_eq!(video.get("lineage"), None);
        // Done with, and the same request again finds nothing to publish.
        assert_eq!(app.get("/api/v1/drafts", &ada).await["items"], json!([]));

        let path = format!("/api/v1/videos/{}/edit", video["id"].as_str().unwrap());
        app.send("POST", &path, Some(&bob), None).await.problem(404, "not_found");
        let again = app.send("POST", &path, Some(&ada), None).await.expect(201).json()["draft"].clone();
        assert_eq!(again["edit"]["segments"][0]["source"], take);
        let second = published(app, &ada, again["id"].as_str().unwrap()).await;
        assert_ne!(second["id"], video["id"]);

        // The take is there as long as one of the two is.
        let uploads = app.dir.path().join("data/uploads");
        for (id, left) in [(&video["id"], 1), (&second["id"], 0)] {
            let path = format!("/api/v1/videos/{}", id.as_str().unwrap());
            app.send("DELETE", &path, Some(&ada), None).await.expect(204);
            assert_eq!(files_with(&uploads, &take).len(), left);
        }
    }
}

app_test! {
    async fn publishing_twice_is_publishing_once(app: TestApp) {
        let ada = app.sign_up("ada").await;
        let take = upload(app, &ada, clip()).await;
        let draft = draft(app, &ada, &edit(&take)).await;
        let later = takt_core::Timestamp::from_millis(app.clock.now().millis() + 3_600_000);
        let body = json!({"caption": "later", "publish_at": later, "alt_text": "a test picture", "reuse_consent": "nobody"});
        let first = publish(app, &ada, &draft, body.clone()).await.expect(202).json();
        let second = publish(app, &ada, &draft, body).await.expect(202).json();
        assert_eq!(first["video"]["id"], second["video"]["id"]);
        assert_eq!(second["video"]["alt_text"], "a test picture");
        assert_eq!(second["video"]["consents"]["reuse"], "nobody");
        assert_eq!(app.get("/api/v1/drafts", &ada).await["items"], json!([]));
        let far = takt_core::Timestamp::from_millis(app.clock.now().millis() + 400 * 86_400_000);
        let take = upload(app, &ada, clip()).await;
        let other = self::draft(app, &ada, &edit(&take)).await;
        let refused = publish(app, &ada, &other, json!({"caption": "", "publish_at": far})).await;
        assert_eq!(refused.problem(422, "invalid_field")["field"], "publish_at");
    }
}

app_test! {
    async fn a_list_beyond_its_sources_fails_with_a_sentence_and_can_be_mended(app: TestApp) {
        let ada = app.sign_up("ada").await;
        let take = upload(app, &ada, clip()).await;
        let mut list = edit(&take);
        list["segments"][0]["end_ms"] = json!(9_000);
        let draft = draft(app, &ada, &list).await;
        let video = publish(app, &ada, &draft, json!({"caption": ""})).await.expect(202).json()["video"].clone();
        let video = settled(app, &ada, video["id"].as_str().unwrap()).await;
        assert_eq!(video["failure"]["code"], "edit_beyond_source");
        let message = video["failure"]["message"].as_str().unwrap();
        assert!(message.contains("segments[0].end_ms must be 20"), "{message}");
        // It is among the drafts again, and once mended it is published.
        let listed = app.get("/api/v1/drafts", &ada).await;
        assert_eq!(listed["items"][0]["id"], draft);
        let mended = json!({"edit": edit(&take), "revision": 1});
        app.send("PUT", &format!("/api/v1/drafts/{draft}"), Some(&ada), Some(mended)).await.expect(200);
        published(app, &ada, &draft).await;
    }
}

app_test! {
    async fn duets_and_stitches_ask_and_credit(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let theirs = post_video(app, &ada, clip(), "original").await;
        let theirs = finished(app, &ada, &theirs).await;
        let take = upload(app, &bob, large_clip()).await;
        let mut duet = edit(&take);
        duet["layout"] = json!({"kind": "side_by_side", "video": theirs["id"], "place": "left", "volume": 0.5});
        let mut stitch = edit(&take);
        let part = json!({"video": theirs["id"], "start_ms": 0, "end_ms": 1000});
        stitch["segments"].as_array_mut().unwrap().insert(0, part);

        set_reuse(app, &theirs, "nobody").await;
        create(app, &bob, &duet).await.problem(409, "video_consent");
        create(app, &bob, &stitch).await.problem(409, "video_consent");
        set_reuse(app, &theirs, "followers").await;
        create(app, &bob, &duet).await.problem(409, "video_consent");
        set_reuse(app, &theirs, "everyone").await;
        let (duet, stitch) = (draft(app, &bob, &duet).await, draft(app, &bob, &stitch).await);
        // Withdrawn after the draft was made: asked again at publication.
        set_reuse(app, &theirs, "nobody").await;
        publish(app, &bob, &duet, json!({"caption": ""})).await.problem(409, "video_consent");
        set_reuse(app, &theirs, "everyone").await;

        let made = published(app, &bob, &duet).await;
        assert_eq!(made["lineage"]["kind"], "duet");
        assert_eq!((&made["lineage"]["video_id"], &made["lineage"]["creator"]["handle"]), (&theirs["id"], &json!("ada")));
        assert_eq!(published(app, &bob, &stitch).await["lineage"]["kind"], "stitch");
        // The credit stays when the original goes.
        let path = format!("/api/v1/videos/{}", theirs["id"].as_str().unwrap());
        app.send("DELETE", &path, Some(&ada), None).await.expect(204);
        let kept = app.get(&format!("/api/v1/videos/{}", made["id"].as_str().unwrap()), &bob).await["video"].clone();
        assert_eq!((&kept["lineage"]["video_id"], &kept["lineage"]["creator"]["handle"]), (&Value::Null, &json!("ada")));
    }
}

app_test! {
    async fn a_draft_with_a_library_sound_asks_its_owner(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let original = melody_clip("testsrc2=size=360x640:rate=30:duration=9", 11, "anull", "128k");
        let original = post_video(app, &ada, &original, "").await;
        let sound = finished(app, &ada, &original).await["sound"]["id"].clone();
        let take = upload(app, &bob, clip()).await;
        let mut list = edit(&take);
        list["sound"] = json!({"sound": sound, "start_ms": 1000, "volume": 1.0, "lead_ms": 20});
        let draft = draft(app, &bob, &list).await;
        let path = format!("/api/v1/sounds/{}", sound.as_str().unwrap());
        let consent = async |consent: &str| {
            app.send("PATCH", &path, Some(&ada), Some(json!({"consent": consent}))).await.expect(200);
        };
        consent("nobody").await;
        publish(app, &bob, &draft, json!({"caption": ""})).await.problem(409, "sound_consent");
        consent("everyone").await;
        let made = published(app, &bob, &draft).await;
        assert_eq!((&made["sound"]["id"], &made["sound"]["start_ms"]), (&sound, &json!(980)));
    }
}

app_test! {
    async fn the_studio_says_how_edits_are_rendered(app: TestApp) {
        let studio = app.send("GET", "/api/v1/studio", None, None).await.expect(200).json();
        assert_eq!(studio["limits"]["segments"], 60);
        assert_eq!(studio["looks"]["mono"].as_array().unwrap().len(), 20);
        for font in studio["fonts"].as_array().unwrap() {
            let answer = app.send("GET", font["url"].as_str().unwrap(), None, None).await.expect(200);
            assert_eq!(answer.headers["content-type"], "font/ttf");
            assert!(answer.bytes.len() > 10_000);
        }
        app.send("GET", "/api/v1/studio/fonts/x.ttf", None, None).await.problem(404, "not_found");
        let ada = app.sign_up("ada").await;
        let text = edit("x")["texts"][0].clone();
        let body = json!({"canvas": {"width": 360, "height": 640}, "text": text});
        let painted = app.send("POST", "/api/v1/studio/text", Some(&ada), Some(body.clone())).await.expect(200);
        assert!(painted.bytes.starts_with(b"\x89PNG"));
        let top: i32 = painted.headers["takt-y"].to_str().unwrap().parse().unwrap();
        assert!((90..140).contains(&top), "{top}");
        let mut wrong = body;
        wrong["text"]["size"] = json!(5);
        let problem = app.send("POST", "/api/v1/studio/text", Some(&ada), Some(wrong)).await;
        assert_eq!(problem.problem(422, "invalid_field")["field"], "text.size");
    }
}

app_test! {
    async fn an_account_takes_its_drafts_with_it(app: TestApp) {
        let ada = app.sign_up("ada").await;
        let take = upload(app, &ada, clip()).await;
        draft(app, &ada, &edit(&take)).await;
        let body = json!({"password": "correct horse"});
        app.send("DELETE", "/api/v1/me", Some(&ada), Some(body)).await.expect(204);
        let state = app.app.state();
        for table in ["draft", "edit_upload", "upload"] {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            let rows: Vec<(i64,)> = state.db.all_dyn(sql, takt_store::Args::new()).await.unwrap();
            assert_eq!(rows, [(0,)], "{table}");
        }
    }
}
