//! Signing up, in and out, and the ways back in.

use crate::harness::app_test;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;

app_test! {
    async fn an_account_signs_up_in_and_out(app: TestApp) {
        let body = json!({"handle": "Ada", "password": "correct horse"});
        let answer = app.send("POST", "/api/v1/accounts", None, Some(body)).await.expect(201);
        let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.starts_with("__Host-takt=") && cookie.contains("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
        assert!(cookie.ends_with("; Secure"), "{cookie}");
        let json = answer.json();
        assert_eq!(json["account"]["handle"], "ada");
        assert_eq!(json["recovery_codes"].as_array().unwrap().len(), 8);
        let token = json["token"].as_str().unwrap();
        assert_eq!(app.get("/api/v1/me", token).await["account"]["id"], json["account"]["id"]);

        let again = json!({"handle": "ada", "password": "other password"});
        let problem = app.send("POST", "/api/v1/accounts", None, Some(again)).await.problem(409, "handle_taken");
        assert_eq!(problem["field"], "handle");

        let wrong = json!({"handle": "ada", "password": "wrong password"});
        app.send("POST", "/api/v1/sessions", None, Some(wrong)).await.problem(401, "wrong_credentials");
        let unknown = json!({"handle": "bob", "password": "wrong password"});
        app.send("POST", "/api/v1/sessions", None, Some(unknown)).await.problem(401, "wrong_credentials");
        let right = json!({"handle": "ada", "password": "correct horse"});
        let second = app.send("POST", "/api/v1/sessions", None, Some(right)).await.expect(201).json();
        let second = second["token"].as_str().unwrap();

        app.send("DELETE", "/api/v1/sessions/current", Some(second), None).await.expect(204);
        app.send("GET", "/api/v1/me", Some(second), None).await.problem(401, "unauthenticated");
        assert_eq!(app.get("/api/v1/sessions", token).await["sessions"].as_array().unwrap().len(), 1);
        app.send("DELETE", "/api/v1/sessions", Some(token), None).await.expect(204);
        app.send("GET", "/api/v1/me", Some(token), None).await.problem(401, "unauthenticated");
    }
}

app_test! {
    async fn a_recovery_code_works_once(app: TestApp) {
        let body = json!({"handle": "ada", "password": "correct horse"});
        let new = app.send("POST", "/api/v1/accounts", None, Some(body)).await.expect(201).json();
        let code = new["recovery_codes"][3].as_str().unwrap().to_lowercase();
        let recovery = json!({"handle": "ada", "recovery_code": code, "password": "new password"});
        let answer = app.send("POST", "/api/v1/accounts/recovery", None, Some(recovery.clone())).await.expect(201);
        app.get("/api/v1/me", answer.json()["token"].as_str().unwrap()).await;
        app.send("GET", "/api/v1/me", new["token"].as_str(), None).await.expect(401);
        app.send("POST", "/api/v1/accounts/recovery", None, Some(recovery)).await.problem(401, "wrong_recovery_code");
        let old = json!({"handle": "ada", "password": "correct horse"});
        app.send("POST", "/api/v1/sessions", None, Some(old)).await.expect(401);
        let new = json!({"handle": "ada", "password": "new password"});
        app.send("POST", "/api/v1/sessions", None, Some(new)).await.expect(201);
    }
}

app_test! {
    async fn guessing_passwords_is_slowed_down(app: TestApp) {
        app.sign_up("ada").await;
        let guess = || json!({"handle": "ada", "password": "wrong password"});
        let mut refused = None;
        for _ in 0..20 {
            let answer = app.send("POST", "/api/v1/sessions", None, Some(guess())).await;
            if answer.status.as_u16() == 429 {
                refused = Some(answer);
                break;
            }
        }
        let refused = refused.expect("20 tries in a row are too many");
        assert!(refused.headers[header::RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap() >= 1);
        refused.problem(429, "too_many_requests");
    }
}

app_test! {
    async fn a_password_change_closes_other_sessions(app: TestApp) {
        let first = app.sign_up("ada").await;
        let body = json!({"handle": "ada", "password": "correct horse"});
        let second = app.send("POST", "/api/v1/sessions", None, Some(body)).await.expect(201).json();
        let change = json!({"current_password": "wrong horse!", "password": "battery staple"});
        let answer = app.send("PUT", "/api/v1/me/password", Some(&first), Some(change)).await;
        assert_eq!(answer.problem(403, "wrong_password")["field"], "current_password");
        let change = json!({"current_password": "correct horse", "password": "battery staple"});
        app.send("PUT", "/api/v1/me/password", Some(&first), Some(change)).await.expect(204);
        app.get("/api/v1/me", &first).await;
        app.send("GET", "/api/v1/me", second["token"].as_str(), None).await.expect(401);
    }
}

app_test! {
    async fn another_site_can_not_write_in_a_browsers_name(app: TestApp) {
        let answer = app.send("GET", "/api/v1/sessions/current", None, None).await.expect(200);
        let cookie = answer.cookie().unwrap();
        let sign_out = |site: &str| {
            let request = Request::builder().method("DELETE").uri("/api/v1/sessions/current");
            let request = request.header(header::COOKIE, &cookie).header("sec-fetch-site", site);
            request.body(Body::empty()).unwrap()
        };
        app.request(sign_out("cross-site")).await.problem(403, "cross_site");
        app.request(sign_out("same-origin")).await.expect(204);
    }
}

app_test! {
    async fn a_deleted_account_is_gone(app: TestApp) {
        let token = app.sign_up("ada").await;
        let video = app.publish("ada", "hello #world").await;
        let wrong = json!({"password": "wrong horse!"});
        app.send("DELETE", "/api/v1/me", Some(&token), Some(wrong)).await.problem(403, "wrong_password");
        let right = json!({"password": "correct horse"});
        app.send("DELETE", "/api/v1/me", Some(&token), Some(right)).await.expect(204);
        app.send("GET", "/api/v1/me", Some(&token), None).await.expect(401);
        app.send("GET", "/api/v1/accounts/ada", None, None).await.problem(404, "not_found");
        app.send("GET", &format!("/api/v1/videos/{video}"), None, None).await.problem(404, "not_found");
        let viewer = app.viewer().await;
        assert_eq!(app.get("/api/v1/feeds/for-you", &viewer).await["items"], json!([]));
        app.sign_up("ada").await;
    }
}
