//! A new edit in the place of what a published video plays: what changes, what stays, and what happens where it can not be.

use crate::drafts::{draft, edit, published};
use crate::harness::{Answer, TestApp, app_test};
use crate::studio::{clip, files_with, finished, melody_clip, post_video, quiet, settled, upload};
use serde_json::{Value, json};
use std::time::Duration;

const DAY_MS: i64 = 24 * 3_600_000;

pub(crate) fn path(video: &Value) -> String {
    format!("/api/v1/videos/{}", video["id"].as_str().unwrap())
}

pub(crate) async fn replace(app: &TestApp, token: &str, video: &Value, draft: &str) -> Answer {
    app.send("PUT", &format!("{}/edit", path(video)), Some(token), Some(json!({"draft_id": draft}))).await
}

/// Waits until nothing is wanted any more, or that failed; the video plays all the while. Answers what is left.
pub(crate) async fn replaced(app: &TestApp, token: &str, video: &Value) -> Value {
    for _ in 0..1800 {
        let left = app.get(&format!("{}/edit", path(video)), token).await["replacement"].clone();
        let now = app.get(&path(video), token).await["video"].clone();
        assert_eq!(now["status"], "ready");
        let url = now["renditions"][0]["url"].as_str().unwrap();
        app.send("GET", url, Some(token), None).await.expect(200);
        if left.is_null() || left.get("failure").is_some() {
            return left;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it hangs: {:?}", app.app.state().jobs.counts(&app.app.state().db).await);
}

/// A published video of one's own, and a new draft of it.
async fn video_and_draft(app: &TestApp, token: &str) -> (Value, Value) {
    let take =
        upload(app, token, &melody_clip("testsrc2=size=360x640:rate=30:duration=4", 31, "anull", "96k"))
            .await;
    let video = published(app, token, &draft(app, token, &edit(&take)).await).await;
    quiet(app).await;
    let again = app.send("POST", &format!("{}/edit", path(&video)), Some(token), None).await;
    (video, again.expect(201).json()["draft"].clone())
}

pub(crate) async fn save(app: &TestApp, token: &str, draft: &Value, edit: &Value, revision: u32) {
    let path = format!("/api/v1/drafts/{}", draft["id"].as_str().unwrap());
    let body = json!({"edit": edit, "revision": revision});
    app.send("PUT", &path, Some(token), Some(body)).await.expect(200);
}

/// The list of a draft without its second segment, in other colours.
fn shorter(draft: &Value) -> Value {
    let mut list = draft["edit"].clone();
    list["segments"].as_array_mut().unwrap().truncate(1);
    list["look"] = json!("mono");
    list["poster_ms"] = json!(300);
    list
}

/// Waits until a worker has taken up what is wanted, or is done with it.
async fn begun(app: &TestApp) {
    while count(app, "SELECT COUNT(*) FROM job WHERE kind = 'replace' AND attempt = 0").await > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until no worker has anything to do with videos: those whose job was cancelled are found out too.
async fn idle(app: &TestApp) {
    let folders = || std::fs::read_dir(app.dir.path().join("data/work")).map_or(0, Iterator::count);
    let jobs =
        "SELECT COUNT(*) FROM job WHERE kind IN ('replace', 'renditions', 'poster', 'sound', 'describe')";
    for _ in 0..2400 {
        if folders() == 0 && count(app, jobs).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} jobs and {} folders stay", count(app, jobs).await, folders());
}

async fn withdraw(app: &TestApp, token: &str, video: &Value) -> Answer {
    app.send("DELETE", &format!("{}/edit", path(video)), Some(token), None).await
}

fn id(draft: &Value) -> &str {
    draft["id"].as_str().unwrap()
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    let (count,): (i64,) = app.app.state().db.one(sql, takt_store::Args::new()).await.unwrap();
    count
}

app_test! {
    async fn a_new_edit_takes_the_place_of_the_old_one(app: TestApp) {
        let (ada, fan) = (app.sign_up("ada").await, app.sign_up("bea").await);
        let (video, draft) = video_and_draft(app, &ada).await;
        assert_eq!(draft["edit_of"], video["id"]);
        app.send("PUT", &format!("{}/like", path(&video)), Some(&fan), None).await.expect(204);
        let change = json!({"caption": "better words", "alt_text": "a test picture", "reuse_consent": "nobody"});
        let before = app.send("PATCH", &path(&video), Some(&ada), Some(change)).await.expect(200).json()["video"].clone();
        save(app, &ada, &draft, &shorter(&draft), 1).await;
        app.clock.advance_ms(60_000);

        assert_eq!(app.get(&format!("{}/edit", path(&video)), &ada).await, json!({"replacement": null}));
        let begun = replace(app, &ada, &video, id(&draft)).await.expect(202).json();
        assert_eq!(begun["replacement"]["draft_id"], draft["id"]);
        assert_eq!(replaced(app, &ada, &video).await, Value::Null);
        let after = finished(app, &ada, id(&video)).await;
        quiet(app).await;

        for stays in ["id", "caption", "alt_text", "consents", "created_at", "published_at", "creator", "captions"] {
            assert_eq!(after[stays], before[stays], "{stays}");
        }
        for turns in ["renditions", "poster_url", "first_frame_url", "thumbhash"] {
            assert_ne!(after[turns], before[turns], "{turns}");
        }
        let length = |video: &Value| video["duration_ms"].as_i64().unwrap();
        assert!((length(&after) - 1_000).abs() < 80 && (length(&before) - 2_000).abs() < 80, "{before} {after}");
        let seen = app.get(&path(&video), &fan).await["video"].clone();
        assert_eq!((&seen["counts"]["likes"], &seen["liked"]), (&json!(1), &json!(true)));
        let history = app.get(&format!("{}/history", path(&video)), &ada).await["changes"][0].clone();
        assert_eq!(history["field"], "edit");
        assert_eq!((&history["before"], &history["after"]), (&json!(length(&before).to_string()), &json!(length(&after).to_string())));

        // The draft is done with, the video has its list, and the feed has the video once.
        assert_eq!(app.get("/api/v1/drafts", &ada).await["items"], json!([]));
        let again = app.send("POST", &format!("{}/edit", path(&video)), Some(&ada), None).await.expect(201).json();
        assert_eq!(again["draft"]["edit"]["look"], "mono");
        let viewer = app.viewer().await;
        let page = app.get("/api/v1/feeds/for-you?limit=10", &viewer).await;
        let served: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| &item["video"]["duration_ms"]).collect();
        assert_eq!(served, [&after["duration_ms"]]);

        // Whoever has the old edit before them sees it to its end; a day later its bytes are gone.
        let old = before["renditions"].as_array().unwrap().iter().chain([&before["poster_url"]]);
        let old: Vec<_> = old.map(|one| one["url"].as_str().or(one.as_str()).unwrap().to_owned()).collect();
        for url in &old {
            app.send("GET", url, Some(&fan), None).await.expect(200);
        }
        app.clock.advance_ms(DAY_MS + 60_000);
        app.app.state().jobs.wake();
        while count(app, "SELECT COUNT(*) FROM job WHERE kind = 'drop_file'").await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for url in &old {
            app.send("GET", url, Some(&fan), None).await.expect(404);
        }
        let url = after["renditions"][0]["url"].as_str().unwrap();
        app.send("GET", url, Some(&fan), None).await.expect(200);
    }
}

app_test! {
    async fn an_edit_that_can_not_be_rendered_leaves_the_video_as_it_was(app: TestApp) {
        let ada = app.sign_up("ada").await;
        let (video, draft) = video_and_draft(app, &ada).await;
        let mut wrong = shorter(&draft);
        wrong["segments"][0]["end_ms"] = json!(9_000);
        // A take that the published list does not name.
        let more = upload(app, &ada, clip()).await;
        let part = json!({"source": more, "start_ms": 0, "end_ms": 1_000});
        wrong["segments"].as_array_mut().unwrap().push(part);
        save(app, &ada, &draft, &wrong, 1).await;
        replace(app, &ada, &video, id(&draft)).await.expect(202);
        let left = replaced(app, &ada, &video).await;
        assert_eq!((&left["failure"]["code"], left.get("progress")), (&json!("edit_beyond_source"), None));
        let message = left["failure"]["message"].as_str().unwrap();
        assert!(message.contains("segments[0].end_ms must be 4"), "{message}");
        assert_eq!(app.get(&path(&video), &ada).await["video"], video);
        assert_eq!(app.get(&format!("{}/history", path(&video)), &ada).await["changes"], json!([]));
        assert_eq!(app.get("/api/v1/drafts", &ada).await["items"][0]["id"], draft["id"]);

        save(app, &ada, &draft, &shorter(&draft), 2).await;
        replace(app, &ada, &video, id(&draft)).await.expect(202);
        assert_eq!(replaced(app, &ada, &video).await, Value::Null);
        assert_ne!(finished(app, &ada, id(&video)).await["renditions"], video["renditions"]);
        // Nothing names that take any more.
        let named = "SELECT COUNT(*) FROM edit_upload";
        assert_eq!(count(app, named).await, 1);
    }
}

app_test! {
    async fn only_its_creator_replaces_a_video_and_with_what_they_may_use(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let theirs = post_video(app, &bob, clip(), "original").await;
        let theirs = finished(app, &bob, &theirs).await;
        let (video, mine) = video_and_draft(app, &ada).await;
        let take = upload(app, &bob, clip()).await;
        let others = draft(app, &bob, &edit(&take)).await;
        replace(app, &bob, &video, &others).await.problem(404, "not_found");
        replace(app, &ada, &video, &others).await.problem(404, "not_found");
        app.send("GET", &format!("{}/edit", path(&video)), Some(&bob), None).await.problem(404, "not_found");
        let none = app.send("PUT", &format!("{}/edit", path(&video)), Some(&ada), Some(json!({}))).await;
        none.problem(422, "invalid_field");

        // Withdrawn after it was put into the draft.
        let mut duet = shorter(&mine);
        duet["layout"] = json!({"kind": "side_by_side", "video": theirs["id"], "place": "left"});
        save(app, &ada, &mine, &duet, 1).await;
        let nobody = json!({"reuse_consent": "nobody"});
        app.send("PATCH", &path(&theirs), Some(&bob), Some(nobody)).await.expect(200);
        replace(app, &ada, &video, id(&mine)).await.problem(409, "video_consent");
        let everyone = json!({"reuse_consent": "everyone"});
        app.send("PATCH", &path(&theirs), Some(&bob), Some(everyone)).await.expect(200);
        replace(app, &ada, &video, id(&mine)).await.expect(202);
        assert_eq!(replaced(app, &ada, &video).await, Value::Null);
        let made = finished(app, &ada, id(&video)).await;
        assert_eq!((&made["lineage"]["kind"], &made["lineage"]["video_id"]), (&json!("duet"), &theirs["id"]));

        // One that does not play has nothing to be replaced.
        let later = takt_core::Timestamp::from_millis(app.clock.now().millis() + 3_600_000);
        let publish = format!("/api/v1/drafts/{others}/publish");
        let answer = app.send("POST", &publish, Some(&bob), Some(json!({"caption": "", "publish_at": later}))).await;
        let waiting = answer.expect(202).json()["video"].clone();
        replace(app, &bob, &waiting, &others).await.problem(409, "video_not_ready");
        // Nor can one be a part of itself.
        let mut itself = edit(&take);
        itself["layout"] = json!({"kind": "stacked", "video": theirs["id"], "place": "top"});
        let itself = draft(app, &bob, &itself).await;
        replace(app, &bob, &theirs, &itself).await.problem(409, "video_in_itself");
    }
}

app_test! {
    async fn the_latest_wish_counts(app: TestApp) {
        let ada = app.sign_up("ada").await;
        let (video, first) = video_and_draft(app, &ada).await;
        let second = app.send("POST", &format!("{}/edit", path(&video)), Some(&ada), None).await.expect(201).json()["draft"].clone();
        let mut slow = first["edit"].clone();
        slow["segments"][0]["speed"] = json!(0.5);
        save(app, &ada, &first, &slow, 1).await;
        save(app, &ada, &second, &shorter(&second), 1).await;
        replace(app, &ada, &video, id(&first)).await.expect(202);
        begun(app).await;
        replace(app, &ada, &video, id(&second)).await.expect(202);
        assert_eq!(replace(app, &ada, &video, id(&second)).await.expect(202).json()["replacement"]["draft_id"], second["id"]);
        assert_eq!(replaced(app, &ada, &video).await, Value::Null);
        let made = finished(app, &ada, id(&video)).await;
        assert!((made["duration_ms"].as_i64().unwrap() - 1_000).abs() < 80, "{made}");
        // The first draft is left, unless it was played before the second was wished for.
        let changes = app.get(&format!("{}/history", path(&video)), &ada).await["changes"].clone();
        let left = if changes.as_array().unwrap().len() == 1 { vec![&first["id"]] } else { vec![] };
        let drafts = app.get("/api/v1/drafts", &ada).await;
        let drafts: Vec<_> = drafts["items"].as_array().unwrap().iter().map(|draft| &draft["id"]).collect();
        assert_eq!(drafts, left, "{changes}");
    }
}

app_test! {
    async fn a_video_that_is_deleted_while_it_is_replaced_is_gone(app: TestApp) {
        let ada = app.sign_up("ada").await;
        let (video, draft) = video_and_draft(app, &ada).await;
        save(app, &ada, &draft, &shorter(&draft), 1).await;
        replace(app, &ada, &video, id(&draft)).await.expect(202);
        tokio::time::sleep(Duration::from_millis(200)).await;
        app.send("DELETE", &path(&video), Some(&ada), None).await.expect(204);
        assert_eq!(count(app, "SELECT COUNT(*) FROM video_replacement").await, 0);
        assert_eq!(count(app, "SELECT COUNT(*) FROM job WHERE kind = 'replace'").await, 0);
        // What was being written when it was stopped goes with the second erasure.
        app.clock.advance_ms(61_000);
        app.app.state().jobs.wake();
        while count(app, "SELECT COUNT(*) FROM job WHERE kind = 'erase'").await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let data = app.dir.path().join("data");
        assert_eq!(files_with(&data.join("media"), id(&video)), Vec::<String>::new());
        // The draft is there as before, and becomes a video of its own.
        let made = published(app, &ada, id(&draft)).await;
        assert_eq!(settled(app, &ada, id(&made)).await["status"], "ready");
    }
}

app_test! {
    async fn an_edit_that_is_withdrawn_is_not_played(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let (video, draft) = video_and_draft(app, &ada).await;
        withdraw(app, &ada, &video).await.expect(204);
        let mut slow = draft["edit"].clone();
        slow["segments"][0]["speed"] = json!(0.3);
        // A take that the published list does not name.
        let more = upload(app, &ada, clip()).await;
        slow["segments"].as_array_mut().unwrap().push(json!({"source": more, "start_ms": 0, "end_ms": 1_000}));
        save(app, &ada, &draft, &slow, 1).await;
        // At whatever moment of the work: it plays what it played when this was answered.
        let mut shown = video.clone();
        for wait_ms in [0, 150, 600, 1_500] {
            let asked = replace(app, &ada, &video, id(&draft)).await;
            if asked.status == 404 {
                // One was made before it was withdrawn, so the draft is done with.
                break;
            }
            asked.expect(202);
            withdraw(app, &bob, &video).await.problem(404, "not_found");
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            withdraw(app, &ada, &video).await.expect(204);
            let now = app.get(&path(&video), &ada).await["video"].clone();
            assert_eq!(app.get(&format!("{}/edit", path(&video)), &ada).await, json!({"replacement": null}));
            withdraw(app, &ada, &video).await.expect(204);
            idle(app).await;
            shown = finished(app, &ada, id(&video)).await;
            assert_eq!((&shown["duration_ms"], &shown["poster_url"]), (&now["duration_ms"], &now["poster_url"]));
            for file in [&shown["renditions"][0]["url"], &shown["poster_url"], &shown["first_frame_url"]] {
                app.send("GET", file.as_str().unwrap(), None, None).await.expect(200);
            }
        }
        // Nothing names the other take but the draft, which is kept and can be wished for again.
        if app.get("/api/v1/drafts", &ada).await["items"] != json!([]) {
            assert_eq!(shown, video);
            assert_eq!(app.get(&format!("{}/history", path(&video)), &ada).await["changes"], json!([]));
            assert_eq!(app.get("/api/v1/drafts", &ada).await["items"][0]["id"], draft["id"]);
            assert_eq!(count(app, "SELECT COUNT(*) FROM edit_upload").await, 3);
            save(app, &ada, &draft, &shorter(&draft), 2).await;
            replace(app, &ada, &video, id(&draft)).await.expect(202);
            assert_eq!(replaced(app, &ada, &video).await, Value::Null);
        }
        idle(app).await;
    }
}

app_test! {
    async fn the_notice_of_an_edit_that_failed_is_dismissed(app: TestApp) {
        let ada = app.sign_up("ada").await;
        let (video, draft) = video_and_draft(app, &ada).await;
        let mut wrong = shorter(&draft);
        wrong["segments"][0]["end_ms"] = json!(9_000);
        save(app, &ada, &draft, &wrong, 1).await;
        replace(app, &ada, &video, id(&draft)).await.expect(202);
        assert_eq!(replaced(app, &ada, &video).await["failure"]["code"], "edit_beyond_source");
        withdraw(app, &ada, &video).await.expect(204);
        assert_eq!(app.get(&format!("{}/edit", path(&video)), &ada).await, json!({"replacement": null}));
        assert_eq!(app.get(&path(&video), &ada).await["video"], video);
        assert_eq!(app.get("/api/v1/drafts", &ada).await["items"][0]["id"], draft["id"]);
    }
}

/// Where the poster is taken; the one that is served is what is taken there.
async fn poster_ms(app: &TestApp, token: &str, video: &Value) -> i64 {
    idle(app).await;
    let (at_ms,): (i64,) = app
        .app
        .state()
        .db
        .one(
            "SELECT poster_ms FROM video WHERE id = $1",
            takt_store::args![id(video).parse::<takt_core::VideoId>().unwrap()],
        )
        .await
        .unwrap();
    let served = app.get(&path(video), token).await["video"]["poster_url"].clone();
    choose_poster(app, token, video, at_ms + 400).await;
    assert_ne!(app.get(&path(video), token).await["video"]["poster_url"], served);
    choose_poster(app, token, video, at_ms).await;
    assert_eq!(app.get(&path(video), token).await["video"]["poster_url"], served);
    at_ms
}

async fn choose_poster(app: &TestApp, token: &str, video: &Value, at_ms: i64) {
    app.send("PATCH", &path(video), Some(token), Some(json!({"poster_ms": at_ms}))).await.expect(200);
    idle(app).await;
}

app_test! {
    async fn a_poster_stays_the_picture_it_is_unless_the_editor_chose_another(app: TestApp) {
        let ada = app.sign_up("ada").await;
        let (video, draft) = video_and_draft(app, &ada).await;
        let again = async || {
            let answer = app.send("POST", &format!("{}/edit", path(&video)), Some(&ada), None).await;
            answer.expect(201).json()["draft"].clone()
        };
        let turned = async |draft: &Value, list: &Value| {
            save(app, &ada, draft, list, 1).await;
            replace(app, &ada, &video, id(draft)).await.expect(202);
            assert_eq!(replaced(app, &ada, &video).await, Value::Null);
            poster_ms(app, &ada, &video).await
        };
        // Chosen after the draft was begun: the picture at 0.8 s of the take, which is earlier in what is cut at its head.
        choose_poster(app, &ada, &video, 300).await;
        let mut list = draft["edit"].clone();
        list["segments"][0]["start_ms"] = json!(700);
        assert_eq!(turned(&draft, &list).await, 100);

        let draft = again().await;
        assert_eq!(draft["edit"]["poster_ms"], 100);
        let mut list = draft["edit"].clone();
        list["poster_ms"] = json!(600);
        assert_eq!(turned(&draft, &list).await, 600);

        // That picture is cut away.
        let draft = again().await;
        let mut list = draft["edit"].clone();
        list["segments"] = json!([list["segments"][1], list["segments"][0]]);
        list["segments"][1]["end_ms"] = json!(1_200);
        assert_eq!(turned(&draft, &list).await, 600);

        // Chosen in the editor, and then another one while it is made.
        let draft = again().await;
        let mut list = draft["edit"].clone();
        (list["poster_ms"], list["look"]) = (json!(200), json!("cool"));
        save(app, &ada, &draft, &list, 1).await;
        replace(app, &ada, &video, id(&draft)).await.expect(202);
        app.send("PATCH", &path(&video), Some(&ada), Some(json!({"poster_ms": 800}))).await.expect(200);
        assert_eq!(replaced(app, &ada, &video).await, Value::Null);
        assert_eq!(poster_ms(app, &ada, &video).await, 800);
    }
}
