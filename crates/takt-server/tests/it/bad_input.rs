//! Wrong requests get a problem that names the field, never a 500.

use crate::harness::app_test;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;

app_test! {
    async fn bodies_are_refused_by_field(app: TestApp) {
        let viewer = app.viewer().await;
        let post = async |path: &str, body: serde_json::Value| app.send("POST", path, Some(&viewer), Some(body)).await;
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let event = |change: serde_json::Value| {
            let mut event = json!({"id": id, "type": "watch", "video_id": id, "watch_ms": 1, "at": "2026-01-01T00:00:00Z"});
            for (key, value) in change.as_object().unwrap() {
                event[key] = value.clone();
            }
            json!({"events": [event]})
        };
        for (path, body, field) in [
            ("/api/v1/accounts", json!({"handle": "x", "password": "long enough"}), "handle"),
            ("/api/v1/accounts", json!({"handle": "ada", "password": "short"}), "password"),
            ("/api/v1/accounts", json!({"handle": "ada", "password": "x".repeat(2000)}), "password"),
            ("/api/v1/accounts", json!({"handle": 5, "password": "long enough"}), "handle"),
            ("/api/v1/events", event(json!({"id": "1"})), "events[0].id"),
            ("/api/v1/events", event(json!({"type": "boo"})), "events[0].type"),
            ("/api/v1/events", event(json!({"at": "yesterday"})), "events[0].at"),
            ("/api/v1/events", event(json!({"at": 1.0e300})), "events[0].at"),
            ("/api/v1/events", event(json!({"watch_ms": -1})), "events[0].watch_ms"),
            ("/api/v1/events", event(json!({"watch_ms": 1e300})), "events[0].watch_ms"),
            ("/api/v1/events", event(json!({"watch_ms": 99_999_999})), "events[0].watch_ms"),
            ("/api/v1/events", event(json!({"watch_ms": null})), "events[0].watch_ms"),
            ("/api/v1/events", event(json!({"type": "like"})), "events[0].watch_ms"),
        ] {
            let problem = post(path, body).await.problem(422, "invalid_field");
            assert_eq!(problem["field"], field, "{problem}");
        }
        let problem = post("/api/v1/accounts", json!({"handle": "a", "nickname": 1})).await.expect(422).json();
        assert!(problem["detail"].as_str().unwrap().len() > 10, "{problem}");
        let many: Vec<_> = (0..501).map(|_| event(json!({}))["events"][0].clone()).collect();
        assert_eq!(post("/api/v1/events", json!({"events": many})).await.problem(422, "invalid_field")["field"], "events");
    }
}

app_test! {
    async fn broken_requests_are_refused(app: TestApp) {
        let raw = async |kind: &str, body: Vec<u8>| {
            let request = Request::post("/api/v1/accounts").header(header::CONTENT_TYPE, kind);
            app.request(request.body(Body::from(body)).unwrap()).await
        };
        raw("application/json", b"{\"handle\": \"ad".to_vec()).await.problem(400, "invalid_json");
        raw("application/json", b"{\"handle\": \"\xff\xfe\"}".to_vec()).await.problem(400, "invalid_json");
        raw("application/json", b"{} {}".to_vec()).await.expect(422);
        raw("application/json", Vec::new()).await.problem(400, "invalid_json");
        raw("application/json", vec![b'['; 200_000]).await.problem(400, "invalid_json");
        raw("application/json", vec![b' '; 300_000]).await.problem(413, "body_too_large");
        raw("text/plain", b"{}".to_vec()).await.problem(415, "not_json");
        for (method, path, status, code) in [
            ("GET", "/api/v1/videos/nonsense", 404, "not_found"),
            ("GET", "/api/v1/videos/01890a5d-ac96-774b-bcce-b302099a8057", 404, "not_found"),
            ("GET", "/api/v1/accounts/..%2f..%2fetc", 404, "not_found"),
            ("GET", "/api/v1/accounts/%ff%fe", 404, "not_found"),
            ("GET", "/api/v1/nothing", 404, "not_found"),
            ("GET", "/media/../../etc/passwd", 404, "not_found"),
            ("GET", "/api/v1/feeds/for-you?limit=0", 422, "invalid_field"),
            ("GET", "/api/v1/feeds/for-you?limit=-1", 400, "invalid_query"),
            ("GET", "/api/v1/feeds/for-you?limit=99999999999999", 400, "invalid_query"),
            ("GET", "/api/v1/feeds/for-you?limt=3", 400, "invalid_query"),
            ("GET", "/api/v1/feeds/latest?cursor=zzz", 422, "invalid_field"),
            ("PATCH", "/api/v1/accounts", 405, "method_not_allowed"),
            ("POST", "/api/v1/feeds/for-you", 405, "method_not_allowed"),
        ] {
            app.send(method, path, None, None).await.problem(status, code);
        }
    }
}
