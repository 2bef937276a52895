//! Every route of the API against every role: who may do what, in one table.

use crate::harness::app_test;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a role may expect: refused for want of a session (401), not there for it (404), or let through to the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum May {
    Refused,
    Hidden,
    Pass,
}
use May::{Hidden, Pass, Refused};

/// Method, path, then: nobody, an anonymous viewer, another account, the owner.
#[rustfmt::skip]
const TABLE: &[(&str, &str, [May; 4])] = &[
    ("POST",    "/api/v1/accounts",                  [Pass, Pass, Pass, Pass]),
    ("POST",    "/api/v1/accounts/recovery",         [Pass, Pass, Pass, Pass]),
    ("GET",     "/api/v1/accounts/{handle}",         [Pass, Pass, Pass, Pass]),
    ("PUT",     "/api/v1/accounts/{handle}/follow",  [Refused, Refused, Pass, Pass]),
    ("DELETE",  "/api/v1/accounts/{handle}/follow",  [Refused, Refused, Pass, Pass]),
    ("GET",     "/api/v1/accounts/{handle}/videos",  [Pass, Pass, Pass, Pass]),
    ("GET",     "/api/v1/config",                    [Pass, Pass, Pass, Pass]),
    ("GET",     "/api/v1/drafts",                    [Refused, Refused, Pass, Pass]),
    ("POST",    "/api/v1/drafts",                    [Refused, Refused, Pass, Pass]),
    ("GET",     "/api/v1/drafts/{id}",               [Refused, Refused, Hidden, Hidden]),
    ("PUT",     "/api/v1/drafts/{id}",               [Refused, Refused, Hidden, Hidden]),
    ("DELETE",  "/api/v1/drafts/{id}",               [Refused, Refused, Hidden, Hidden]),
    ("POST",    "/api/v1/drafts/{id}/publish",       [Refused, Refused, Hidden, Hidden]),
    ("GET",     "/api/v1/drafts/{id}/sources/{upload}", [Refused, Refused, Hidden, Hidden]),
    ("POST",    "/api/v1/events",                    [Refused, Pass, Pass, Pass]),
    ("GET",     "/api/v1/feeds/for-you",             [Pass, Pass, Pass, Pass]),
    ("GET",     "/api/v1/feeds/following",           [Refused, Refused, Pass, Pass]),
    ("GET",     "/api/v1/feeds/latest",              [Pass, Pass, Pass, Pass]),
    ("GET",     "/api/v1/feeds/popular",             [Pass, Pass, Pass, Pass]),
    ("GET",     "/api/v1/impressions/{id}/receipt",  [Refused, Hidden, Hidden, Hidden]),
    ("GET",     "/api/v1/impressions/{id}/why",      [Refused, Hidden, Hidden, Hidden]),
    ("GET",     "/api/v1/me",                        [Refused, Refused, Pass, Pass]),
    ("DELETE",  "/api/v1/me",                        [Refused, Refused, Pass, Pass]),
    ("PUT",     "/api/v1/me/password",               [Refused, Refused, Pass, Pass]),
    ("GET",     "/api/v1/me/sources/{sha256}",       [Refused, Refused, Hidden, Hidden]),
    ("PUT",     "/api/v1/not-interested",            [Refused, Pass, Pass, Pass]),
    ("DELETE",  "/api/v1/not-interested",            [Refused, Pass, Pass, Pass]),
    ("GET",     "/api/v1/receipts/key",              [Pass, Pass, Pass, Pass]),
    ("GET",     "/api/v1/sessions",                  [Refused, Refused, Pass, Pass]),
    ("POST",    "/api/v1/sessions",                  [Pass, Pass, Pass, Pass]),
    ("GET",     "/api/v1/sessions/current",          [Pass, Pass, Pass, Pass]),
    ("GET",     "/api/v1/sounds",                    [Pass, Pass, Pass, Pass]),
    ("POST",    "/api/v1/sounds",                    [Refused, Refused, Pass, Pass]),
    ("GET",     "/api/v1/sounds/saved",              [Refused, Refused, Pass, Pass]),
    ("GET",     "/api/v1/sounds/{id}",               [Pass, Pass, Pass, Pass]),
    ("PATCH",   "/api/v1/sounds/{id}",               [Refused, Refused, Hidden, Pass]),
    ("GET",     "/api/v1/sounds/{id}/videos",        [Pass, Pass, Pass, Pass]),
    ("PUT",     "/api/v1/sounds/{id}/save",          [Refused, Refused, Pass, Pass]),
    ("DELETE",  "/api/v1/sounds/{id}/save",          [Refused, Refused, Pass, Pass]),
    ("GET",     "/api/v1/taste",                     [Refused, Pass, Pass, Pass]),
    ("DELETE",  "/api/v1/taste",                     [Refused, Pass, Pass, Pass]),
    ("GET",     "/api/v1/taste/export",              [Refused, Pass, Pass, Pass]),
    ("POST",    "/api/v1/taste/import",              [Refused, Pass, Pass, Pass]),
    ("PUT",     "/api/v1/taste/learning",            [Refused, Pass, Pass, Pass]),
    ("PUT",     "/api/v1/taste/subjects",            [Refused, Pass, Pass, Pass]),
    ("GET",     "/api/v1/studio",                    [Pass, Pass, Pass, Pass]),
    ("GET",     "/api/v1/studio/fonts/{file}",       [Hidden, Hidden, Hidden, Hidden]),
    ("POST",    "/api/v1/studio/text",               [Refused, Refused, Pass, Pass]),
    ("POST",    "/api/v1/uploads",                   [Refused, Refused, Pass, Pass]),
    ("OPTIONS", "/api/v1/uploads",                   [Pass, Pass, Pass, Pass]),
    ("HEAD",    "/api/v1/uploads/{id}",              [Refused, Refused, Hidden, Hidden]),
    ("PATCH",   "/api/v1/uploads/{id}",              [Refused, Refused, Hidden, Hidden]),
    ("POST",    "/api/v1/uploads/{id}",              [Refused, Refused, Hidden, Hidden]),
    ("POST",    "/api/v1/videos",                    [Refused, Refused, Pass, Pass]),
    ("GET",     "/api/v1/videos/{id}",               [Pass, Pass, Pass, Pass]),
    ("PATCH",   "/api/v1/videos/{id}",               [Refused, Refused, Hidden, Pass]),
    ("GET",     "/api/v1/videos/{id}/captions/{language}", [Pass, Pass, Pass, Pass]),
    ("PUT",     "/api/v1/videos/{id}/captions/{language}", [Refused, Refused, Hidden, Pass]),
    ("DELETE",  "/api/v1/videos/{id}/captions/{language}", [Refused, Refused, Hidden, Pass]),
    ("GET",     "/api/v1/videos/{id}/history",       [Refused, Refused, Hidden, Pass]),
    ("GET",     "/api/v1/videos/{id}/progress",      [Refused, Refused, Hidden, Pass]),
    ("POST",    "/api/v1/videos/{id}/edit",          [Refused, Refused, Hidden, Pass]),
    ("GET",     "/api/v1/videos/{id}/edit",          [Refused, Refused, Hidden, Pass]),
    ("PUT",     "/api/v1/videos/{id}/edit",          [Refused, Refused, Hidden, Pass]),
    ("DELETE",  "/api/v1/videos/{id}/edit",          [Refused, Refused, Hidden, Pass]),
    ("PUT",     "/api/v1/videos/{id}/like",          [Refused, Pass, Pass, Pass]),
    ("DELETE",  "/api/v1/videos/{id}/like",          [Refused, Pass, Pass, Pass]),
    ("GET",     "/api/v1/videos/{id}/reach",         [Refused, Refused, Hidden, Pass]),
    ("POST",    "/api/v1/viewers",                   [Pass, Pass, Pass, Pass]),
    ("GET",     "/healthz",                          [Pass, Pass, Pass, Pass]),
    ("GET",     "/readyz",                           [Pass, Pass, Pass, Pass]),
    ("GET",     "/metrics",                          [Pass, Pass, Pass, Pass]),
    // What ends something comes last, since what is above needs it.
    ("DELETE",  "/api/v1/uploads/{id}",              [Refused, Refused, Hidden, Hidden]),
    ("DELETE",  "/api/v1/videos/{id}",               [Refused, Refused, Hidden, Pass]),
    ("DELETE",  "/api/v1/sessions/current",          [Refused, Pass, Pass, Pass]),
    ("DELETE",  "/api/v1/sessions",                  [Refused, Refused, Pass, Pass]),
];

app_test! {
    async fn every_route_knows_every_role(app: TestApp) {
        app.sign_up("owner").await;
        app.sign_up("other").await;
        let video = app.publish("owner", "mine").await.to_string();
        let sound = sound_of(app, "owner").await;
        caption(app, &video).await;
        let none = "01890a5d-ac96-774b-bcce-b302099a8057";
        for (method, path, expected) in TABLE {
            for (role, may) in ["nobody", "viewer", "other", "owner"].into_iter().zip(expected) {
                // A fresh session each time: some routes close it.
                let token = match role {
                    "nobody" => None,
                    "viewer" => Some(app.viewer().await),
                    handle => Some(sign_in(app, handle).await),
                };
                let id = match path.split('/').nth(3) {
                    Some("uploads") => none,
                    Some("sounds") => &sound,
                    _ => &video,
                };
                let filled = path.replace("{id}", id).replace("{handle}", "owner").replace("{language}", "en").replace("{sha256}", &"0".repeat(64));
                let status = app.request(request(method, &filled, token.as_deref())).await.status.as_u16();
                let found = match status {
                    401 => Refused,
                    404 => Hidden,
                    _ => Pass,
                };
                assert!(status < 500, "{method} {path} as {role}: {status}");
                assert_eq!(found, *may, "{method} {path} as {role}: {status}");
            }
        }
    }
}

/// A request that is right in form, so that only who asks decides.
fn request(method: &str, path: &str, token: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if path.starts_with("/api/v1/uploads") {
        let headers = [("tus-resumable", "1.0.0"), ("upload-length", "10"), ("upload-offset", "0")];
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.header("x-http-method-override", "DELETE");
        return request
            .header(header::CONTENT_TYPE, "application/offset+octet-stream")
            .body(Body::empty())
            .unwrap();
    }
    request.header(header::CONTENT_TYPE, "application/json").body(Body::from("{}")).unwrap()
}

/// A sound of the account's, put there without a file.
async fn sound_of(app: &crate::harness::TestApp, handle: &str) -> String {
    let sound = takt_core::SoundId::mint(&app.clock);
    let sql = "INSERT INTO sound (id, account_id, from_video, status, title, credit, licence, search_text, consent, \
                                  on_revoke, duration_ms, created_ms) \
               SELECT $1, id, FALSE, 'ready', 'a sound', '', 'cc0', 'a sound', 'everyone', 'keep', 1000, 0 \
               FROM account WHERE handle = $2";
    app.app.state().db.exec(sql, takt_store::args![sound, handle]).await.unwrap();
    sound.to_string()
}

/// English captions of a video.
async fn caption(app: &crate::harness::TestApp, video: &str) {
    let video: takt_core::VideoId = video.parse().unwrap();
    let sql = "INSERT INTO video_captions (video_id, language, vtt, plain, automatic, updated_ms) \
               VALUES ($1, 'en', 'WEBVTT', '', FALSE, 0)";
    app.app.state().db.exec(sql, takt_store::args![video]).await.unwrap();
}

async fn sign_in(app: &crate::harness::TestApp, handle: &str) -> String {
    app.clock.advance_ms(60_000);
    let state = app.app.state();
    let (account, viewer): (takt_core::AccountId, takt_core::ViewerId) = state
        .db
        .one("SELECT id, viewer_id FROM account WHERE handle = $1", takt_store::args![handle])
        .await
        .unwrap();
    let opened = state
        .db
        .write(async |tx: &mut takt_store::Tx| {
            takt_server::session::open(tx, state, viewer, Some(account), "test").await
        })
        .await;
    opened.unwrap().1.reveal().to_owned()
}

#[test]
fn the_table_has_every_route() {
    let document: Value = serde_json::from_str(&takt_server::openapi()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let tabled: BTreeSet<_> = TABLE.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let missing: Vec<_> = documented.difference(&tabled).collect();
    assert!(missing.is_empty(), "add to the table: {missing:?}");
}
