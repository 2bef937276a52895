//! For You and Latest, and what reported events do to them.

use crate::harness::{TestApp, app_test};
use serde_json::{Value, json};
use std::collections::HashSet;
use takt_core::{Clock, EventId};

async fn catalogue(app: &TestApp, count: usize) {
    for creator in ["ann", "ben", "cat", "dan"] {
        app.sign_up(creator).await;
    }
    for n in 0..count {
        let (creator, caption) = match n % 4 {
            0 => ("ann", "baking bread #baking"),
            1 => ("ben", "river fishing #fishing"),
            2 => ("cat", "more bread and cake #baking"),
            _ => ("dan", "a big trout #fishing"),
        };
        app.publish(creator, caption).await;
    }
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|i| i["video"]["id"].as_str().unwrap().to_owned()).collect()
}

app_test! {
    async fn no_video_comes_twice(app: TestApp) {
        catalogue(app, 24).await;
        let viewer = app.viewer().await;
        let mut seen = HashSet::new();
        for _ in 0..12 {
            let page = app.get("/api/v1/feeds/for-you?limit=3", &viewer).await;
            assert!(page["position"].as_u64().unwrap() >= 24);
            for item in page["items"].as_array().unwrap() {
                app.report(&viewer, "impression", item, None).await.expect(202);
            }
            for id in ids(&page) {
                assert!(seen.insert(id), "a video came twice");
            }
        }
        assert_eq!(seen.len(), 24);
    }
}

app_test! {
    async fn what_was_never_shown_comes_again_when_nothing_else_is_left(app: TestApp) {
        catalogue(app, 8).await;
        let viewer = app.viewer().await;
        let mut pages = Vec::new();
        for _ in 0..4 {
            pages.push(app.get("/api/v1/feeds/for-you?limit=4", &viewer).await);
            app.clock.advance_ms(1_000);
        }
        let first: HashSet<_> = ids(&pages[0]).into_iter().chain(ids(&pages[1])).collect();
        assert_eq!(first.len(), 8);
        assert_eq!(ids(&pages[2]), ids(&pages[0]), "what has waited longest comes first");
        app.report(&viewer, "impression", &pages[1]["items"][0], None).await.expect(202);
        let rest = ids(&app.get("/api/v1/feeds/for-you?limit=10", &viewer).await);
        assert_eq!(rest.len(), 7);
        assert!(!rest.contains(&ids(&pages[1])[0]), "what was shown never comes again");
    }
}

app_test! {
    async fn opposite_tastes_see_different_pages_within_15_swipes(app: TestApp) {
        catalogue(app, 80).await;
        for (liked, other) in [("#baking", "#fishing"), ("#fishing", "#baking")] {
            let viewer = app.viewer().await;
            let caption = |item: &Value| item["video"]["caption"].as_str().unwrap().to_owned();
            for _ in 0..15 {
                let page = app.get("/api/v1/feeds/for-you?limit=1", &viewer).await;
                let item = &page["items"][0];
                let watch_ms = if caption(item).contains(liked) { 10_000 } else { 400 };
                app.report(&viewer, "impression", item, None).await.expect(202);
                app.report(&viewer, "watch", item, Some(watch_ms)).await.expect(202);
            }
            let page = app.get("/api/v1/feeds/for-you?limit=10", &viewer).await;
            let items = page["items"].as_array().unwrap();
            let hits = items.iter().filter(|item| caption(item).contains(liked)).count();
            assert_eq!(items.len(), 10);
            assert!(hits >= 7, "{hits} of 10 are {liked}, not {other}");
        }
    }
}

app_test! {
    async fn an_event_told_twice_counts_once(app: TestApp) {
        catalogue(app, 4).await;
        let viewer = app.viewer().await;
        let item = app.get("/api/v1/feeds/for-you?limit=1", &viewer).await["items"][0].clone();
        let event = json!({
            "id": EventId::mint(&Clock::system()), "type": "watch", "video_id": item["video"]["id"],
            "impression_id": item["impression_id"], "watch_ms": 9_000, "loops": 0, "at": "2026-01-01T00:00:00Z",
        });
        let send = async |events: Value| app.send("POST", "/api/v1/events", Some(&viewer), Some(events)).await;
        let first = send(json!({"events": [event, event]})).await.expect(202).json();
        assert_eq!(first, json!({"accepted": 1, "duplicate": 1, "ignored": 0}));
        let second = send(json!({"events": [event]})).await.expect(202).json();
        assert_eq!(second, json!({"accepted": 0, "duplicate": 1, "ignored": 0}));
        // Another viewer's event of the same id is another event.
        let other = app.viewer().await;
        let answer = app.send("POST", "/api/v1/events", Some(&other), Some(json!({"events": [event]}))).await;
        assert_eq!(answer.expect(202).json()["accepted"], 1);
        let unknown = json!({"events": [{"id": EventId::mint(&Clock::system()), "type": "like",
            "video_id": EventId::mint(&Clock::system()), "at": "2026-01-01T00:00:00Z"}]});
        assert_eq!(send(unknown).await.expect(202).json()["ignored"], 1);
    }
}

app_test! {
    async fn likes_are_idempotent_and_follow_into_an_account(app: TestApp) {
        catalogue(app, 4).await;
        let viewer = app.viewer().await;
        let item = app.get("/api/v1/feeds/for-you?limit=1", &viewer).await["items"][0].clone();
        let video = item["video"]["id"].as_str().unwrap();
        let (like, show) = (format!("/api/v1/videos/{video}/like"), format!("/api/v1/videos/{video}"));
        for _ in 0..2 {
            app.send("PUT", &like, Some(&viewer), None).await.expect(204);
        }
        let shown = app.get(&show, &viewer).await;
        assert_eq!((&shown["video"]["counts"]["likes"], &shown["video"]["liked"]), (&json!(1), &json!(true)));

        // Signing up keeps what was learned, and who liked what.
        let body = json!({"handle": "eve", "password": "correct horse"});
        let account = app.send("POST", "/api/v1/accounts", Some(&viewer), Some(body.clone())).await.expect(201).json();
        let account = account["token"].as_str().unwrap();
        assert_eq!(app.get(&show, account).await["video"]["liked"], true);
        let page = app.get("/api/v1/feeds/for-you?limit=10", account).await;
        assert!(!ids(&page).contains(&video.to_owned()));

        // So does signing in: both liked it, which counts once.
        let second = app.viewer().await;
        app.send("PUT", &like, Some(&second), None).await.expect(204);
        assert_eq!(app.get(&show, &second).await["video"]["counts"]["likes"], 2);
        let signed_in = app.send("POST", "/api/v1/sessions", Some(&second), Some(body)).await.expect(201).json();
        let signed_in = signed_in["token"].as_str().unwrap();
        assert_eq!(app.get(&show, signed_in).await["video"]["counts"]["likes"], 1);
        for _ in 0..2 {
            app.send("DELETE", &like, Some(signed_in), None).await.expect(204);
        }
        let shown = app.get(&show, signed_in).await;
        assert_eq!((&shown["video"]["counts"]["likes"], &shown["video"]["liked"]), (&json!(0), &json!(false)));
    }
}

app_test! {
    async fn latest_goes_back_page_by_page(app: TestApp) {
        catalogue(app, 7).await;
        let (mut path, mut all) = ("/api/v1/feeds/latest?limit=3".to_owned(), Vec::new());
        loop {
            let page = app.send("GET", &path, None, None).await.expect(200).json();
            all.extend(ids(&page));
            let Some(cursor) = page["cursor"].as_str() else { break };
            path = format!("/api/v1/feeds/latest?limit=3&cursor={cursor}");
        }
        let mut sorted = all.clone();
        sorted.sort();
        sorted.reverse();
        assert_eq!((all.len(), &all), (7, &sorted));
    }
}

app_test! {
    async fn a_browser_without_a_session_gets_a_feed_and_a_cookie(app: TestApp) {
        catalogue(app, 4).await;
        let answer = app.send("GET", "/api/v1/feeds/for-you?limit=2", None, None).await.expect(200);
        assert!(answer.cookie().unwrap().starts_with("__Host-takt="));
        assert_eq!(ids(&answer.json()).len(), 2);
    }
}

app_test! {
    async fn a_late_report_about_a_deleted_video_leaves_no_row(app: TestApp) {
        catalogue(app, 4).await;
        let viewer = app.viewer().await;
        let item = app.get("/api/v1/feeds/for-you?limit=1", &viewer).await["items"][0].clone();
        let video: takt_core::VideoId = item["video"]["id"].as_str().unwrap().parse().unwrap();
        let state = app.app.state();
        // Gone from SQL, while the recommender has not heard of it yet: the moment in which a report can slip through.
        state.db.exec("DELETE FROM video WHERE id = $1", takt_store::args![video]).await.unwrap();
        app.report(&viewer, "watch", &item, Some(9_000)).await.expect(202);
        let position = state.feed.status().log_position;
        state.feed.wait_projected(position).await;
        let rows: Vec<(i64,)> =
            state.db.all("SELECT views FROM video_count WHERE video_id = $1", takt_store::args![video]).await.unwrap();
        assert_eq!(rows, []);
    }
}
