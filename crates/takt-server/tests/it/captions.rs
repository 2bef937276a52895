//! Captions: sent, refused by cue and rule, shown, removed, and written by a program of the operator's.

use crate::harness::{Answer, TestApp, app_test};
use crate::studio::{clip, finished, post_video};
use axum::body::Body;
use axum::http::{Request, header};
use takt_core::VideoId;
use takt_store::args;

const FILE: &str =
    "WEBVTT\nKind: captions\n\nintro\n00:01.000 --> 00:02.500 align:start\n<v Ada>Hello &amp; welcome</v>\n";

async fn put(app: &TestApp, token: &str, video: &str, language: &str, file: &str) -> Answer {
    let request = Request::builder()
        .method("PUT")
        .uri(format!("/api/v1/videos/{video}/captions/{language}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "text/vtt; charset=utf-8");
    app.request(request.body(Body::from(file.to_owned())).unwrap()).await
}

app_test! {
    async fn captions_are_written_anew_listed_and_removed(app: TestApp) {
        let token = app.sign_up("ada").await;
        let stranger = app.viewer().await;
        let video = app.publish("ada", "spoken").await.to_string();
        let path = format!("/api/v1/videos/{video}");
        assert_eq!(app.get(&path, &stranger).await["video"]["captions"], serde_json::json!([]));

        put(app, &token, &video, "en", FILE).await.expect(204);
        put(app, &token, &video, "DE-at", &FILE.replace("Hello", "Servus")).await.expect(204);
        let captions = app.get(&path, &stranger).await["video"]["captions"].clone();
        assert_eq!(captions[0]["language"], "de-at");
        assert_eq!((&captions[1]["language"], &captions[1]["automatic"]), (&"en".into(), &false.into()));

        let url = captions[1]["url"].as_str().unwrap();
        let answer = app.send("GET", url, Some(&stranger), None).await.expect(200);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "text/vtt; charset=utf-8");
        let written = "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<v Ada>Hello &amp; welcome</v>\n";
        assert_eq!(String::from_utf8(answer.bytes).unwrap(), written);

        // Another text has another address, and the words can be searched later.
        app.clock.advance_ms(1_000);
        put(app, &token, &video, "en", &FILE.replace("Hello", "GOOD day")).await.expect(204);
        assert_ne!(app.get(&path, &stranger).await["video"]["captions"][1]["url"], url);
        let sql = "SELECT plain FROM video_captions WHERE video_id = $1 AND language = 'en'";
        let (plain,): (String,) =
            app.app.state().db.one(sql, args![video.parse::<VideoId>().unwrap()]).await.unwrap();
        assert_eq!(plain, "good day & welcome");

        let english = format!("{path}/captions/en");
        app.send("DELETE", &english, Some(&token), None).await.expect(204);
        app.send("DELETE", &english, Some(&token), None).await.expect(204);
        app.send("GET", &english, Some(&token), None).await.problem(404, "not_found");
        assert_eq!(app.get(&path, &stranger).await["video"]["captions"].as_array().unwrap().len(), 1);

        let history = app.get(&format!("{path}/history"), &token).await;
        let said: Vec<_> = history["changes"].as_array().unwrap().iter().map(|change| change["after"].as_str().unwrap()).collect();
        assert_eq!(said, ["en removed", "en changed", "de-at added", "en added"]);

        app.send("DELETE", &path, Some(&token), None).await.expect(204);
        let left: (i64,) = app.app.state().db.one("SELECT (SELECT COUNT(*) FROM video_captions) + (SELECT COUNT(*) FROM video_change)", args![]).await.unwrap();
        assert_eq!(left.0, 0, "nothing is left of a deleted video's captions and history");
    }
}

app_test! {
    async fn refusals_name_the_cue_and_the_rule(app: TestApp) {
        let token = app.sign_up("ada").await;
        let video = app.publish("ada", "spoken").await.to_string();
        let cue = |times: &str, text: &str| format!("WEBVTT\n\n00:00.000 --> 00:00.500\nfirst\n\n{times}\n{text}\n");
        for (file, field, rule) in [
            ("hello".to_owned(), "captions", "the file must begin with the line WEBVTT"),
            (cue("00:00.400 --> 00:02.000", "x"), "captions.cues[1].start", "cue 2: must not begin before the cue before it ends"),
            (cue("00:10.000 --> 00:12.000", "x"), "captions.cues[1].start", "cue 2: must begin before the video ends, at 00:00:10.000"),
            (cue("00:02.000 --> 00:01.000", "x"), "captions.cues[1].end", "cue 2: must be after its start"),
            (cue("00:02.000 --> 99999999999999999999:00:00.000", "x"), "captions.cues[1].end", "cue 2: must be a time such as 00:01.000 or 0:00:01.000"),
            (cue("00:01.000 --> 00:02.000", "<script>x</script>"), "captions.cues[1].text", "cue 2: must not have the mark <script>; <b>, <i>, <u> and <v NAME> are understood"),
            (cue("00:01.000 --> 00:02.000", "a\u{1b}[2J"), "captions.cues[1].text", "cue 2: must not have the control character U+001B"),
        ] {
            let problem = put(app, &token, &video, "en", &file).await.problem(422, "invalid_field");
            assert_eq!((problem["field"].as_str(), problem["detail"].as_str()), (Some(field), Some(rule)));
        }
        let path = format!("/api/v1/videos/{video}/captions/en");
        app.send("PUT", &path, Some(&token), Some(serde_json::json!({}))).await.problem(415, "not_vtt");
        put(app, &token, &video, "no_language", FILE).await.problem(404, "not_found");
        put(app, &token, &video, "en", &"x".repeat(300 * 1024)).await.problem(413, "body_too_large");
        put(app, &app.sign_up("eve").await, &video, "en", FILE).await.problem(404, "not_found");
        app.send("GET", &path, Some(&token), None).await.problem(404, "not_found");
    }
}

app_test! {
    async fn one_video_has_a_bounded_number_of_languages(app: TestApp) {
        let token = app.sign_up("ada").await;
        let video = app.publish("ada", "spoken").await.to_string();
        for number in 0..24_u8 {
            put(app, &token, &video, &format!("a{}", char::from(b'a' + number)), FILE).await.expect(204);
        }
        put(app, &token, &video, "zz", FILE).await.problem(409, "too_many_captions");
        put(app, &token, &video, "aa", FILE).await.expect(204);
    }
}

/// A stand-in for a recogniser: says what it was given, in the form that recognisers have.
const RECOGNISER: &str = r#"#!/bin/sh
echo WEBVTT
echo "Language: en"
echo
echo "00:00.000 --> 00:01.000"
echo "$(head -c 4 "$1") $2 $(cat "$3") <i>so</i>"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_of_the_operators_writes_captions_in_the_sandbox() {
    use std::os::unix::fs::PermissionsExt as _;
    let tools = tempfile::tempdir().unwrap();
    let (program, model) = (tools.path().join("bin").join("listen"), tools.path().join("model"));
    std::fs::create_dir(tools.path().join("bin")).unwrap();
    std::fs::write(&program, RECOGNISER).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(&model, "model").unwrap();
    let arguments = ["{sound}".to_owned(), "{language}".to_owned(), model.display().to_string()];
    let configure = |config: &mut takt_server::config::Config| {
        config.captions.command = Some(program.clone());
        config.captions.arguments = arguments.to_vec();
        config.captions.files = vec![model.clone()];
    };
    crate::harness::run_with(crate::harness::Database::Sqlite, configure, async |app| {
        let token = app.sign_up("ada").await;
        let video = post_video(app, &token, clip(), "spoken").await;
        finished(app, &token, &video).await;
        let made = crate::studio::when(app, &token, &video, |video| video["captions"][0].is_object()).await;
        assert_eq!(
            (&made["captions"][0]["language"], &made["captions"][0]["automatic"]),
            (&"en".into(), &true.into())
        );
        let url = made["captions"][0]["url"].as_str().unwrap();
        let file = app.send("GET", url, Some(&token), None).await.expect(200);
        let written = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nRIFF auto model <i>so</i>\n";
        assert_eq!(String::from_utf8(file.bytes).unwrap(), written);

        // Once somebody has looked it over it is theirs, even unchanged.
        put(app, &token, &video, "en", written).await.expect(204);
        assert_eq!(
            app.get(&format!("/api/v1/videos/{video}"), &token).await["video"]["captions"][0]["automatic"],
            false
        );
    })
    .await;
}
