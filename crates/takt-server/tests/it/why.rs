//! Why, receipts and reach.

use crate::control::catalogue;
use crate::harness::{TestApp, app_test};
use serde_json::{Value, json};
use std::collections::HashMap;
use takt_core::VideoId;
use takt_recommender::{Engine, Event, LogEntry, Policy, Subject};
use takt_server::feed::{Verifier, check_all, check_receipt};
use takt_store::EventLog;

fn micro(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

async fn watch_some(app: &TestApp, viewer: &str, pages: usize) {
    for _ in 0..pages {
        let page = app.get("/api/v1/feeds/for-you?limit=5", viewer).await;
        for item in page["items"].as_array().unwrap() {
            let liked = item["video"]["caption"].as_str().unwrap().contains("#baking");
            app.report(viewer, "impression", item, None).await.expect(202);
            app.report(viewer, "watch", item, Some(if liked { 10_000 } else { 300 })).await.expect(202);
        }
        app.clock.advance_ms(30_000);
    }
}

app_test! {
    async fn a_liked_video_that_led_to_another_is_named_and_left_out(app: TestApp) {
        catalogue(app, 80).await;
        let latest = async |viewer: &str| app.get("/api/v1/feeds/latest?limit=30", viewer).await["items"].clone();
        for _ in 0..5 {
            let other = app.viewer().await;
            let items = latest(&other).await;
            for place in [3, 20] {
                app.report(&other, "watch", &items[place], Some(10_000)).await.expect(202);
            }
        }
        let viewer = app.viewer().await;
        let items = latest(&viewer).await;
        app.report(&viewer, "watch", &items[3], Some(10_000)).await.expect(202);
        let page = app.get("/api/v1/feeds/for-you?limit=10", &viewer).await;
        let item = page["items"].as_array().unwrap().iter().find(|item| item["video"]["id"] == items[20]["video"]["id"]);
        let item = item.expect("what five others liked together is on the page");
        let path = format!("/api/v1/impressions/{}/why", item["impression_id"].as_str().unwrap());
        let why = app.get(&path, &viewer).await;
        let reason = &why["reasons"][0];
        assert_eq!((&reason["subject"]["kind"], &reason["subject"]["id"]), (&json!("video"), &items[3]["video"]["id"]));
        assert!(reason["subject"]["label"].is_string() && micro(&reason["finished"]) == 1, "{reason}");
        let evidence = why["counterfactuals"].as_array().unwrap().iter();
        let without = evidence.into_iter().find(|one| one["without"]["subject"]["kind"] == "video").unwrap();
        assert!(without["score"].as_i64().is_none_or(|score| score < micro(&why["score"])), "{without}");
    }
}

app_test! {
    async fn why_is_the_page_computed_again(app: TestApp) {
        catalogue(app, 80).await;
        let viewer = app.viewer().await;
        watch_some(app, &viewer, 4).await;
        let page = app.get("/api/v1/feeds/for-you?limit=10", &viewer).await;
        // What comes later must not change the answer.
        watch_some(app, &viewer, 2).await;
        for (place, item) in page["items"].as_array().unwrap().iter().enumerate() {
            let path = format!("/api/v1/impressions/{}/why", item["impression_id"].as_str().unwrap());
            let why = app.get(&path, &viewer).await;
            assert_eq!(why["video"]["id"], item["video"]["id"]);
            assert_eq!((&why["feed"], &why["position"]), (&json!("for_you"), &page["position"]));
            assert_eq!(why["rank"], place + 1);
            let terms = why["terms"].as_array().unwrap();
            assert_eq!(terms.iter().map(|term| micro(&term["value"])).sum::<i64>(), micro(&why["score"]));
            let counterfactuals = why["counterfactuals"].as_array().unwrap();
            let of_terms = counterfactuals.iter().filter(|one| one["without"]["kind"] == "term").count();
            assert_eq!(of_terms, terms.len());
            assert_eq!(why["policy"]["hash"], hex::encode(Policy::default().hash()));
            assert!(why["nearby"].as_array().unwrap().iter().filter(|near| near["fate"] == "ranked").count() >= 3);
            assert!(micro(&why["stages"]["ranked"]) > 0);
            if item["video"]["caption"].as_str().unwrap().contains("#baking") && why["placement"] == "ranked" {
                let reasons = why["reasons"].as_array().unwrap();
                let tag = reasons.iter().find(|reason| reason["subject"]["kind"] == "tag").unwrap();
                assert_eq!(tag["subject"]["label"], "baking");
                assert!(micro(&tag["finished"]) > 0 && micro(&tag["skipped"]) == 0, "{tag}");
                let without = counterfactuals.iter().find(|one| one["without"]["kind"] == "evidence").unwrap();
                assert!(without["score"].as_i64().unwrap() < micro(&why["score"]), "{without}");
            }
        }
        let impression = page["items"][0]["impression_id"].as_str().unwrap();
        let other = app.viewer().await;
        for path in ["why", "receipt"].map(|what| format!("/api/v1/impressions/{impression}/{what}")) {
            app.send("GET", &path, Some(&other), None).await.problem(404, "not_found");
            app.send("GET", &path, None, None).await.problem(401, "unauthenticated");
        }
        let latest = app.get("/api/v1/feeds/latest", &viewer).await;
        for id in [latest["items"][0]["impression_id"].as_str().unwrap(), "01890a5d-ac96-774b-bcce-b302099a8057"] {
            app.send("GET", &format!("/api/v1/impressions/{id}/why"), Some(&viewer), None).await.problem(404, "not_ranked");
        }
    }
}

app_test! {
    async fn without_evidence_is_a_run_of_the_log_in_which_it_was_only_seen(app: TestApp) {
        catalogue(app, 80).await;
        let viewer = app.viewer().await;
        watch_some(app, &viewer, 4).await;
        let page = app.get("/api/v1/feeds/for-you?limit=10", &viewer).await;
        let mut told = Vec::new();
        for item in page["items"].as_array().unwrap() {
            let path = format!("/api/v1/impressions/{}/why", item["impression_id"].as_str().unwrap());
            let why = app.get(&path, &viewer).await;
            for one in why["counterfactuals"].as_array().unwrap().iter().filter(|one| one["without"]["kind"] == "evidence") {
                told.push((item["video"]["id"].clone(), one.clone()));
            }
        }
        assert!(told.len() >= 10, "{}", told.len());
        app.app.state().feed.close().await;

        let log = EventLog::open(&app.dir.path().join("data/events")).unwrap();
        let entries: Vec<_> = log.read(0, 10_000).unwrap().iter().map(|e| LogEntry::decode(&e.payload).unwrap()).collect();
        let last = entries.iter().rfind(|entry| matches!(entry.event, Event::PageMade(_))).unwrap();
        let Event::PageMade(made) = &last.event else { unreachable!("it was just found") };
        let captions: HashMap<VideoId, Vec<Subject>> = {
            let mut whole = Engine::new(Policy::default());
            for (entry, position) in entries.iter().zip(1..) {
                whole.apply(position, entry).unwrap();
            }
            let ids = entries.iter().filter_map(|entry| match &entry.event {
                Event::VideoPublished { video, .. } => Some(*video),
                _ => None,
            });
            ids.map(|id| (id, whole.subjects(id))).collect()
        };
        for (video, one) in told {
            let subject = &one["without"]["subject"];
            let label = subject["label"].as_str().unwrap().to_owned();
            let wanted = match subject["kind"].as_str().unwrap() {
                "tag" => Subject::Tag(label),
                "word" => Subject::Word(label),
                _ => Subject::Creator(subject["id"].as_str().unwrap().parse().unwrap()),
            };
            let mut engine = Engine::new(Policy::default());
            for (entry, position) in entries.iter().zip(1..=made.position) {
                let seen = match entry.event {
                    Event::Watch { viewer, impression, video, .. } if captions[&video].contains(&wanted) => {
                        LogEntry { at: entry.at, event: Event::Impression { viewer, impression, video } }
                    }
                    _ => entry.clone(),
                };
                engine.apply(position, &seen).unwrap();
            }
            let actual = engine.explain(&made.request(last.at));
            let video: VideoId = video.as_str().unwrap().parse().unwrap();
            assert_eq!((&one["rank"], &one["score"]), (&json!(actual.rank(video)), &json!(actual.score(video))), "{one}");
        }
    }
}

app_test! {
    async fn a_receipt_holds_and_a_forged_one_does_not(app: TestApp) {
        catalogue(app, 40).await;
        let viewer = app.viewer().await;
        watch_some(app, &viewer, 3).await;
        let page = app.get("/api/v1/feeds/for-you?limit=10", &viewer).await;
        let path = format!("/api/v1/impressions/{}/receipt", page["items"][0]["impression_id"].as_str().unwrap());
        let answer = app.send("GET", &path, Some(&viewer), None).await.expect(200);
        let note = String::from_utf8(answer.bytes).unwrap();
        assert!(note.ends_with(&format!("{}\n", page["receipt"]["signature"].as_str().unwrap())), "{note}");
        let served: Vec<_> = page["items"].as_array().unwrap().iter().map(|i| i["video"]["id"].as_str().unwrap()).collect();
        let told: Vec<_> = note.lines().filter_map(|l| l.strip_prefix("item ")).map(|l| l.split(' ').next().unwrap()).collect();
        assert_eq!(served, told);
        let key = app.send("GET", "/api/v1/receipts/key", None, None).await.expect(200).json();
        let key: Verifier = key["key"].as_str().unwrap().parse().unwrap();
        assert!(key.open(&note).is_ok());
        assert!(key.open(&note.replacen("limit 10", "limit 11", 1)).is_err());

        app.app.state().feed.close().await;
        let data = app.dir.path().join("data");
        let policy = Policy::default();
        let checked = check_receipt(&data, &note, &key, &policy).unwrap();
        assert_eq!(checked.difference, None);
        assert!(checked.seed_revealed, "the secret is revealed at a stop");
        assert_eq!(checked.items, 10);
        let all = check_all(&data, &policy).unwrap();
        assert_eq!((all.pages, all.different, all.seeds_checked), (4, 0, 4), "{:?}", all.first);

        // A snapshot with one more video in the viewer's seen set.
        let log = EventLog::open(&data.join("events")).unwrap();
        let entries: Vec<_> = log.read(0, checked.position as usize).unwrap();
        let mut engine = Engine::new(policy.clone());
        let first: VideoId = served[0].parse().unwrap();
        for entry in &entries {
            let mut decoded = LogEntry::decode(&entry.payload).unwrap();
            if let Event::Impression { viewer, impression, .. } = decoded.event {
                decoded.event = Event::Impression { viewer, impression, video: first };
            }
            engine.apply(entry.position, &decoded).unwrap();
        }
        log.close().await;
        let snapshot = data.join(format!("recommender/{:020}.snapshot", checked.position));
        std::fs::write(&snapshot, engine.snapshot()).unwrap();
        let other = check_receipt(&data, &note, &key, &policy).unwrap();
        assert!(other.difference.as_ref().unwrap().starts_with("seen set: the snapshot"), "{:?}", other.difference);
        std::fs::remove_file(snapshot).unwrap();

        let forged = check_receipt(&data, &note.replacen("limit 10", "limit 11", 1), &key, &policy).unwrap();
        assert!(forged.difference.unwrap().starts_with("signature: "));
        let changed = takt_recommender::DEFAULT_POLICY.replace("freshness = 0.25", "freshness = 0.26");
        let changed = Policy::from_toml(&changed).unwrap();
        let other = check_receipt(&data, &note, &key, &changed).unwrap();
        assert!(other.difference.unwrap().starts_with("policy: "));
    }
}

app_test! {
    async fn reach_tells_a_creator_alone_what_became_of_their_video(app: TestApp) {
        catalogue(app, 40).await;
        let owner = app.sign_up("eve").await;
        let video = app.publish("eve", "mine #baking").await;
        let path = format!("/api/v1/videos/{video}/reach");
        let fresh = app.get(&path, &owner).await;
        assert_eq!(fresh, json!({"video_id": video, "eligible": 0, "shown": 0, "passed_over": [], "sources": []}));
        let viewer = app.viewer().await;
        let mut served = 0;
        for _ in 0..4 {
            let page = app.get("/api/v1/feeds/for-you?limit=10", &viewer).await;
            for item in page["items"].as_array().unwrap() {
                served += i64::from(item["video"]["id"] == json!(video));
                app.report(&viewer, "impression", item, None).await.expect(202);
            }
        }
        // The creator's own pages leave it out.
        app.get("/api/v1/feeds/for-you?limit=10", &owner).await;
        let reach = app.get(&path, &owner).await;
        let passed_over = reach["passed_over"].as_array().unwrap();
        let sum: i64 = passed_over.iter().map(|one| micro(&one["count"])).sum();
        assert_eq!(micro(&reach["eligible"]), micro(&reach["shown"]) + sum);
        assert_eq!((micro(&reach["shown"]), served), (1, 1));
        assert!(passed_over.contains(&json!({"reason": "own", "count": 1})), "{reach}");
        assert!(!reach["sources"].as_array().unwrap().is_empty());
        app.send("GET", &path, Some(&viewer), None).await.problem(401, "unauthenticated");
        let other = app.sign_up("fay").await;
        app.send("GET", &path, Some(&other), None).await.problem(404, "not_found");
    }
}
