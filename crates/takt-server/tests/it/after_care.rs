//! What a creator does for a video that is published: changes with their history, and leaving the lists.

use crate::harness::{TestApp, app_test};
use crate::studio::quiet;
use serde_json::{Value, json};

async fn patch(app: &TestApp, token: &str, video: &str, change: Value) -> Value {
    let path = format!("/api/v1/videos/{video}");
    app.send("PATCH", &path, Some(token), Some(change)).await.expect(200).json()["video"].clone()
}

/// The ids in a list of videos or of feed items.
fn ids(list: &Value) -> Vec<&str> {
    let items = list["videos"].as_array().or(list["items"].as_array()).unwrap();
    items.iter().map(|item| item["video"]["id"].as_str().or(item["id"].as_str()).unwrap()).collect()
}

app_test! {
    async fn everything_said_of_a_video_can_be_changed_and_is_remembered(app: TestApp) {
        let token = app.sign_up("ada").await;
        let video = app.publish("ada", "first words").await.to_string();
        let changed = patch(app, &token, &video, json!({
            "caption": "second words", "language": "de", "ai_generated": true, "alt_text": "a hand\nwaves",
            "sound_consent": "followers", "reuse_consent": "nobody", "reuse_on_revoke": "mute",
        })).await;
        assert_eq!(changed["caption"], "second words");
        assert_eq!(changed["alt_text"], "a hand\nwaves");
        assert_eq!(changed["consents"], json!({"sound": "followers", "reuse": "nobody", "reuse_on_revoke": "mute"}));
        app.clock.advance_ms(60_000);
        // What stays the same is no change.
        patch(app, &token, &video, json!({"language": null, "caption": "second words"})).await;

        let history = app.get(&format!("/api/v1/videos/{video}/history"), &token).await;
        let told: Vec<_> = history["changes"].as_array().unwrap().iter()
            .map(|c| format!("{}: {} -> {}", c["field"].as_str().unwrap(), c["before"].as_str().unwrap(), c["after"].as_str().unwrap()))
            .collect();
        assert_eq!(told, [
            "language: de -> ",
            "reuse_on_revoke: keep -> mute",
            "reuse_consent: everyone -> nobody",
            "sound_consent: everyone -> followers",
            "alt_text:  -> a hand\nwaves",
            "ai_generated: false -> true",
            "language:  -> de",
            "caption: first words -> second words",
        ]);
        assert_eq!(history["changes"][0]["at"], "2026-01-01T00:01:01.000Z");

        let path = format!("/api/v1/videos/{video}");
        let long = json!({"alt_text": "x".repeat(1_001)});
        let problem = app.send("PATCH", &path, Some(&token), Some(long)).await.problem(422, "invalid_field");
        assert_eq!(problem["field"], "alt_text");
        let unknown = json!({"reuse_consent": "friends"});
        let problem = app.send("PATCH", &path, Some(&token), Some(unknown)).await.problem(422, "invalid_field");
        assert_eq!(problem["field"], "reuse_consent");
    }
}

app_test! {
    async fn the_history_is_bounded(app: TestApp) {
        let token = app.sign_up("ada").await;
        let video = app.publish("ada", "words").await.to_string();
        for number in 0..205 {
            patch(app, &token, &video, json!({"alt_text": number.to_string()})).await;
        }
        let history = app.get(&format!("/api/v1/videos/{video}/history"), &token).await;
        let changes = history["changes"].as_array().unwrap();
        assert_eq!((changes.len(), &changes[0]["after"]), (200, &"204".into()));
    }
}

app_test! {
    async fn an_unlisted_video_is_reached_by_its_link_alone(app: TestApp) {
        let token = app.sign_up("ada").await;
        let fan = app.sign_up("bea").await;
        app.send("PUT", "/api/v1/accounts/ada/follow", Some(&fan), None).await.expect(204);
        let shown = app.publish("ada", "shown").await.to_string();
        let video = app.publish("ada", "hidden").await.to_string();
        let lists = [
            "/api/v1/feeds/for-you?limit=10", "/api/v1/feeds/latest", "/api/v1/feeds/popular", "/api/v1/feeds/following",
            "/api/v1/accounts/ada/videos",
        ];
        for list in lists {
            // A fresh viewer each time, but for the feed of those one follows.
            let viewer = if list.ends_with("following") { fan.clone() } else { app.viewer().await };
            assert!(ids(&app.get(list, &viewer).await).contains(&video.as_str()), "{list} before");
        }

        assert_eq!(patch(app, &token, &video, json!({"unlisted": true})).await["unlisted"], true);
        quiet(app).await;
        for list in lists {
            let viewer = if list.ends_with("following") { fan.clone() } else { app.viewer().await };
            assert_eq!(ids(&app.get(list, &viewer).await), [shown.as_str()], "{list} while it is unlisted");
        }
        let viewer = app.viewer().await;
        let link = app.get(&format!("/api/v1/videos/{video}"), &viewer).await;
        assert_eq!((&link["video"]["caption"], &link["video"]["unlisted"]), (&"hidden".into(), &true.into()));
        app.send("PUT", &format!("/api/v1/videos/{video}/like"), Some(&viewer), None).await.expect(204);
        assert_eq!(ids(&app.get("/api/v1/accounts/ada/videos", &token).await), [&video, &shown]);
        assert_eq!(app.get("/api/v1/accounts/ada", &viewer).await["counts"]["videos"], 1);

        patch(app, &token, &video, json!({"unlisted": false})).await;
        quiet(app).await;
        for list in lists {
            let viewer = if list.ends_with("following") { fan.clone() } else { app.viewer().await };
            assert!(ids(&app.get(list, &viewer).await).contains(&video.as_str()), "{list} after");
        }
    }
}
