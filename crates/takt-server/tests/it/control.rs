//! What viewers ask of their feed, and that the next page obeys.

use crate::harness::{TestApp, app_test};
use serde_json::{Value, json};
use std::collections::HashSet;

pub async fn catalogue(app: &TestApp, count: usize) {
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

fn with(page: &Value, text: &str) -> usize {
    let items = page["items"].as_array().unwrap().iter();
    items.filter(|item| item["video"]["caption"].as_str().unwrap().contains(text)).count()
}

fn by(page: &Value, handle: &str) -> usize {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["video"]["creator"]["handle"] == handle)
        .count()
}

async fn put(app: &TestApp, token: &str, path: &str, body: Value) {
    app.send("PUT", path, Some(token), Some(body)).await.expect(204);
}

const NEXT: &str = "/api/v1/feeds/for-you?limit=10";
const NOT_INTERESTED: &str = "/api/v1/not-interested";

app_test! {
    async fn what_is_turned_down_does_not_come_until_it_is_taken_back(app: TestApp) {
        catalogue(app, 40).await;
        let cases = [
            (json!({"kind": "tag", "label": "#Baking"}), "#baking"),
            (json!({"kind": "creator", "label": "ben"}), "river"),
        ];
        for (subject, text) in cases {
            let viewer = app.viewer().await;
            for _ in 0..2 {
                put(app, &viewer, NOT_INTERESTED, subject.clone()).await;
            }
            let mut seen = 0;
            for _ in 0..3 {
                let page = app.get(NEXT, &viewer).await;
                assert_eq!(with(&page, text), 0, "{subject}");
                seen += ids(&page).len();
            }
            assert!(seen >= 20, "{seen}");
            let taste = app.get("/api/v1/taste", &viewer).await;
            assert_eq!(taste["not_interested"][0]["kind"], subject["kind"]);
            assert_eq!(taste["not_interested"].as_array().unwrap().len(), 1);
            for _ in 0..2 {
                app.send("DELETE", NOT_INTERESTED, Some(&viewer), Some(subject.clone())).await.expect(204);
            }
            assert_eq!(app.get("/api/v1/taste", &viewer).await["not_interested"], json!([]));
            assert!(with(&app.get("/api/v1/feeds/for-you?limit=30", &viewer).await, text) > 0, "{subject}");
        }
        let viewer = app.viewer().await;
        let first = app.get("/api/v1/feeds/latest?limit=1", &viewer).await["items"][0]["video"]["id"].clone();
        let subject = json!({"kind": "video", "id": first});
        put(app, &viewer, NOT_INTERESTED, subject.clone()).await;
        let all = ids(&app.get("/api/v1/feeds/for-you?limit=30", &viewer).await);
        let rest = ids(&app.get("/api/v1/feeds/for-you?limit=30", &viewer).await);
        assert!(!all.iter().chain(&rest).any(|id| *id == first));
        assert!(app.get("/api/v1/taste", &viewer).await["not_interested"][0]["label"].is_string());
        app.send("DELETE", NOT_INTERESTED, Some(&viewer), Some(subject)).await.expect(204);
        let again = ids(&app.get("/api/v1/feeds/for-you?limit=1", &viewer).await);
        assert_eq!(again, [first.as_str().unwrap()], "it was never shown, so it may come");
    }
}

app_test! {
    async fn wishes_are_felt_by_the_next_page_and_shown(app: TestApp) {
        catalogue(app, 80).await;
        let viewer = app.viewer().await;
        let wish = async |wish: &str| {
            put(app, &viewer, "/api/v1/taste/subjects", json!({"kind": "tag", "label": "fishing", "wish": wish})).await;
        };
        wish("more").await;
        let more = with(&app.get(NEXT, &viewer).await, "#fishing");
        let taste = app.get("/api/v1/taste", &viewer).await;
        assert_eq!(taste["subjects"][0], json!({"kind": "tag", "label": "fishing", "leaning": 0, "pinned": "more"}));
        wish("less").await;
        let less = with(&app.get(NEXT, &viewer).await, "#fishing");
        // Two creators fish, and no creator gets more than three of ten.
        assert!(more >= 6 && less <= 4, "{more} and {less} of 10");
        wish("neutral").await;
        assert_eq!(app.get("/api/v1/taste", &viewer).await["subjects"], json!([]));
        // Taking a wish back leaves what was learned; forgetting does not.
        let page = app.get("/api/v1/feeds/latest?limit=30", &viewer).await;
        let fishing = |item: &&Value| item["video"]["caption"].as_str().unwrap().contains("#fishing");
        for item in page["items"].as_array().unwrap().iter().filter(fishing) {
            app.report(&viewer, "watch", item, Some(10_000)).await.expect(202);
        }
        let holds = async || {
            let taste = app.get("/api/v1/taste", &viewer).await;
            taste["subjects"].as_array().unwrap().iter().any(|subject| subject["label"] == "fishing")
        };
        for (said, held) in [("neutral", true), ("more", true), ("forget", false)] {
            wish(said).await;
            assert_eq!(holds().await, held, "{said}");
        }
    }
}

app_test! {
    async fn a_paused_recommender_notes_what_was_seen_and_nothing_else(app: TestApp) {
        catalogue(app, 40).await;
        let viewer = app.viewer().await;
        let path = "/api/v1/taste/learning";
        put(app, &viewer, path, json!({"learning": false})).await;
        let page = app.get(NEXT, &viewer).await;
        for item in page["items"].as_array().unwrap() {
            app.report(&viewer, "watch", item, Some(10_000)).await.expect(202);
            app.report(&viewer, "like", item, None).await.expect(202);
        }
        let taste = app.get("/api/v1/taste", &viewer).await;
        assert_eq!(taste, json!({"learning": false, "subjects": [], "not_interested": [], "seen_count": 10}));
        let next = app.get(NEXT, &viewer).await;
        assert!(ids(&page).iter().all(|id| !ids(&next).contains(id)));
        put(app, &viewer, path, json!({"learning": true})).await;
        app.report(&viewer, "watch", &next["items"][0], Some(10_000)).await.expect(202);
        assert_ne!(app.get("/api/v1/taste", &viewer).await["subjects"], json!([]));
    }
}

app_test! {
    async fn starting_over_forgets_the_taste_and_repeats_nothing(app: TestApp) {
        catalogue(app, 40).await;
        let viewer = app.viewer().await;
        let page = app.get(NEXT, &viewer).await;
        for item in page["items"].as_array().unwrap() {
            app.report(&viewer, "watch", item, Some(10_000)).await.expect(202);
        }
        put(app, &viewer, NOT_INTERESTED, json!({"kind": "tag", "label": "fishing"})).await;
        assert_ne!(app.get("/api/v1/taste", &viewer).await["subjects"], json!([]));
        app.send("DELETE", "/api/v1/taste", Some(&viewer), None).await.expect(204);
        let taste = app.get("/api/v1/taste", &viewer).await;
        assert_eq!((&taste["subjects"], &taste["seen_count"]), (&json!([]), &json!(10)));
        assert_eq!(taste["not_interested"].as_array().unwrap().len(), 1);
        let next = app.get(NEXT, &viewer).await;
        assert!(ids(&page).iter().all(|id| !ids(&next).contains(id)));
        assert_eq!(with(&next, "#fishing"), 0);
    }
}

app_test! {
    async fn a_taste_can_be_taken_along(app: TestApp) {
        catalogue(app, 40).await;
        let viewer = app.sign_up("eve").await;
        let page = app.get(NEXT, &viewer).await;
        for item in page["items"].as_array().unwrap() {
            let liked = item["video"]["caption"].as_str().unwrap().contains("#baking");
            app.report(&viewer, "watch", item, Some(if liked { 10_000 } else { 300 })).await.expect(202);
        }
        put(app, &viewer, NOT_INTERESTED, json!({"kind": "creator", "label": "dan"})).await;
        put(app, &viewer, "/api/v1/taste/subjects", json!({"kind": "word", "label": "cake", "wish": "more"})).await;
        app.send("PUT", "/api/v1/accounts/ann/follow", Some(&viewer), None).await.expect(204);
        let file = app.get("/api/v1/taste/export", &viewer).await;
        assert_eq!((&file["format"], &file["version"]), (&json!("takt-taste"), &json!(1)));

        let other = app.sign_up("fay").await;
        for _ in 0..2 {
            app.send("POST", "/api/v1/taste/import", Some(&other), Some(file.clone())).await.expect(204);
        }
        let taste = app.get("/api/v1/taste", &other).await;
        assert_eq!(taste["not_interested"][0]["label"], "dan");
        assert_eq!(taste["subjects"][0]["pinned"], "more");
        let leaning = |taste: &Value, label: &str| {
            let of = taste["subjects"].as_array().unwrap().iter().find(|one| one["label"] == label).cloned();
            of.unwrap()["leaning"].as_i64().unwrap()
        };
        assert!(leaning(&taste, "baking") > 300_000 && leaning(&taste, "fishing") < -300_000, "{taste}");
        let following = app.get("/api/v1/feeds/following", &other).await;
        assert_eq!(by(&following, "ann"), 10);
        let next = app.get(NEXT, &other).await;
        assert!(with(&next, "#baking") >= 7, "{}", with(&next, "#baking"));

        let import = async |change: fn(&mut Value)| {
            let mut file = file.clone();
            change(&mut file);
            app.send("POST", "/api/v1/taste/import", Some(&other), Some(file)).await.problem(422, "invalid_field")
        };
        assert_eq!(import(|file| file["version"] = json!(2)).await["field"], "version");
        assert_eq!(import(|file| file["format"] = json!("x")).await["field"], "format");
        let field = import(|file| file["subjects"][0]["leaning"] = json!(1_000_001)).await["field"].clone();
        assert_eq!(field, "subjects[0].leaning");
        let many = |file: &mut Value| file["subjects"] = vec![file["subjects"][0].clone(); 513].into();
        assert_eq!(import(many).await["field"], "subjects");
    }
}

app_test! {
    async fn following_counts_once_shows_at_once_and_ends(app: TestApp) {
        catalogue(app, 40).await;
        let viewer = app.sign_up("eve").await;
        let (path, profile) = ("/api/v1/accounts/ann/follow", "/api/v1/accounts/ann");
        assert_eq!(app.get(profile, &viewer).await["followed"], false);
        for _ in 0..2 {
            app.send("PUT", path, Some(&viewer), None).await.expect(204);
        }
        let shown = app.get(profile, &viewer).await;
        assert_eq!((&shown["followed"], &shown["counts"]["followers"]), (&json!(true), &json!(1)));
        assert_eq!(app.get("/api/v1/accounts/eve", &viewer).await["counts"]["following"], 1);
        // Feeds say it with each video, so that nobody asks creator by creator.
        let page = app.get("/api/v1/feeds/latest?limit=30", &viewer).await;
        for item in page["items"].as_array().unwrap() {
            let creator = &item["video"]["creator"];
            assert_eq!(creator["followed"], creator["handle"] == "ann", "{creator}");
        }
        let page = app.send("GET", "/api/v1/feeds/popular", None, None).await.expect(200).json();
        assert_eq!(page["items"][0]["video"]["creator"].get("followed"), None);
        assert_eq!(app.send("GET", profile, None, None).await.expect(200).json().get("followed"), None);
        app.send("PUT", "/api/v1/accounts/eve/follow", Some(&viewer), None).await.problem(422, "own_account");
        app.send("PUT", "/api/v1/accounts/nobody/follow", Some(&viewer), None).await.problem(404, "not_found");

        let (mut path_next, mut all) = ("/api/v1/feeds/following?limit=4".to_owned(), Vec::new());
        loop {
            let page = app.get(&path_next, &viewer).await;
            assert_eq!(by(&page, "ann"), ids(&page).len());
            all.extend(ids(&page));
            let Some(cursor) = page["cursor"].as_str() else { break };
            path_next = format!("/api/v1/feeds/following?limit=4&cursor={cursor}");
        }
        let mut sorted = all.clone();
        sorted.sort();
        sorted.reverse();
        assert_eq!((all.len(), &all), (10, &sorted));

        let page = app.get(NEXT, &viewer).await;
        assert!(by(&page, "ann") >= 2, "{}", by(&page, "ann"));
        for _ in 0..2 {
            app.send("DELETE", path, Some(&viewer), None).await.expect(204);
        }
        assert_eq!(app.get(profile, &viewer).await["counts"]["followers"], 0);
        assert_eq!(ids(&app.get("/api/v1/feeds/following", &viewer).await).len(), 0);
    }
}

app_test! {
    async fn a_deleted_account_leaves_no_follow(app: TestApp) {
        catalogue(app, 8).await;
        let viewer = app.sign_up("eve").await;
        for handle in ["ann", "ben"] {
            app.send("PUT", &format!("/api/v1/accounts/{handle}/follow"), Some(&viewer), None).await.expect(204);
        }
        let ann = app.send("POST", "/api/v1/sessions", None, Some(json!({"handle": "ann", "password": "correct horse"})))
            .await.expect(201).json();
        let ann = ann["token"].as_str().unwrap().to_owned();
        app.send("PUT", "/api/v1/accounts/eve/follow", Some(&ann), None).await.expect(204);
        for token in [&viewer, &ann] {
            app.send("DELETE", "/api/v1/me", Some(token), Some(json!({"password": "correct horse"}))).await.expect(204);
        }
        let rows: Vec<(i64,)> =
            app.app.state().db.all("SELECT at_ms FROM follow", takt_store::args![]).await.unwrap();
        assert_eq!(rows, []);
    }
}

app_test! {
    async fn what_was_asked_for_without_an_account_is_kept_when_signing_in(app: TestApp) {
        catalogue(app, 40).await;
        app.sign_up("eve").await;
        let viewer = app.viewer().await;
        put(app, &viewer, NOT_INTERESTED, json!({"kind": "tag", "label": "baking"})).await;
        let page = app.get(NEXT, &viewer).await;
        for item in page["items"].as_array().unwrap() {
            app.report(&viewer, "impression", item, None).await.expect(202);
        }
        let body = json!({"handle": "eve", "password": "correct horse"});
        let signed_in = app.send("POST", "/api/v1/sessions", Some(&viewer), Some(body)).await.expect(201).json();
        let signed_in = signed_in["token"].as_str().unwrap();
        let next = app.get(NEXT, signed_in).await;
        assert_eq!(with(&next, "#baking"), 0);
        assert!(ids(&page).iter().all(|id| !ids(&next).contains(id)));
        assert_eq!(app.get("/api/v1/taste", signed_in).await["not_interested"][0]["label"], "baking");
    }
}

app_test! {
    async fn popular_goes_on_without_repeats_and_without_a_profile(app: TestApp) {
        catalogue(app, 24).await;
        let viewer = app.viewer().await;
        put(app, &viewer, NOT_INTERESTED, json!({"kind": "tag", "label": "baking"})).await;
        let before = app.app.state().feed.status().log_position;
        for token in [None, Some(viewer.as_str())] {
            let (mut path, mut all) = ("/api/v1/feeds/popular?limit=5".to_owned(), Vec::new());
            loop {
                let page = app.send("GET", &path, token, None).await.expect(200).json();
                all.extend(ids(&page));
                let Some(cursor) = page["cursor"].as_str() else { break };
                path = format!("/api/v1/feeds/popular?limit=5&cursor={cursor}");
            }
            let different: HashSet<_> = all.iter().collect();
            assert_eq!((all.len(), different.len()), (24, 24), "what was turned down elsewhere makes no difference");
        }
        assert_eq!(app.app.state().feed.status().log_position, before, "nothing is noted about whoever asks");
        let item = app.get("/api/v1/feeds/popular?limit=1", &viewer).await["items"][0].clone();
        let why = format!("/api/v1/impressions/{}/why", item["impression_id"].as_str().unwrap());
        app.send("GET", &why, Some(&viewer), None).await.problem(404, "not_personalised");
        for cursor in ["x", "AAAA", "%20"] {
            let path = format!("/api/v1/feeds/popular?cursor={cursor}");
            app.send("GET", &path, None, None).await.problem(422, "invalid_field");
        }
    }
}

app_test! {
    async fn bad_subjects_are_refused_by_name(app: TestApp) {
        catalogue(app, 1).await;
        let viewer = app.viewer().await;
        let long = "x".repeat(65);
        let cases = [
            (json!({"kind": "tag"}), "label"),
            (json!({"kind": "tag", "label": "two words"}), "label"),
            (json!({"kind": "tag", "label": long}), "label"),
            (json!({"kind": "video"}), "id"),
            (json!({"kind": "video", "id": "x"}), "id"),
            (json!({"kind": "creator"}), "id"),
            (json!({"kind": "creator", "label": "!"}), "label"),
            (json!({"kind": "word", "label": "x"}), "kind"),
            (json!({"kind": "else", "label": "x"}), "kind"),
        ];
        for (body, field) in cases {
            for method in ["PUT", "DELETE"] {
                let problem = app.send(method, NOT_INTERESTED, Some(&viewer), Some(body.clone())).await;
                assert_eq!(problem.problem(422, "invalid_field")["field"], field, "{body}");
            }
        }
        let unknown = json!({"kind": "creator", "label": "nobody"});
        app.send("PUT", NOT_INTERESTED, Some(&viewer), Some(unknown)).await.problem(404, "not_found");
        let video = json!({"kind": "video", "id": "01890a5d-ac96-774b-bcce-b302099a8057", "wish": "more"});
        app.send("PUT", "/api/v1/taste/subjects", Some(&viewer), Some(video)).await.problem(422, "invalid_field");
    }
}
