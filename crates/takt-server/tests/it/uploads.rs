//! The tus protocol, by its own words: <https://tus.io/protocols/resumable-upload>, version 1.0.0.

use crate::harness::app_test;
use crate::studio::{append, begin, tus};
use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use futures::stream;

app_test! {
    async fn an_upload_goes_on_where_it_stopped(app: TestApp) {
        let token = app.sign_up("ada").await;
        let path = begin(app, &token, 10).await;
        let answer = append(app, &token, &path, 0, "abcd").await.expect(204);
        assert_eq!(answer.headers["upload-offset"], "4");
        assert_eq!(answer.headers["tus-resumable"], "1.0.0");
        assert_eq!(answer.headers["upload-expires"], "Fri, 02 Jan 2026 00:00:00 GMT");

        // The connection breaks: what came is kept, and the client finds out where it stands.
        let broken = stream::iter([Ok(Bytes::from_static(b"efg")), Err(std::io::Error::other("gone"))]);
        append(app, &token, &path, 4, Body::from_stream(broken)).await.problem(400, "broken_body");
        let answer = tus(app, "HEAD", &path, &token, &[], Body::empty()).await.expect(200);
        assert_eq!(answer.headers["upload-offset"], "7");
        assert_eq!(answer.headers["upload-length"], "10");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");

        append(app, &token, &path, 4, "efghij").await.problem(409, "wrong_offset");
        append(app, &token, &path, 7, "hijk").await.problem(413, "beyond_length");
        append(app, &token, &path, 7, "hij").await.expect(204);
        let id = path.rsplit('/').next().unwrap();
        let file = app.dir.path().join("data/uploads").join(id);
        assert_eq!(std::fs::read(file).unwrap(), b"abcdefghij");
    }
}

app_test! {
    async fn a_newer_connection_takes_over(app: TestApp) {
        let token = app.sign_up("ada").await;
        let path = begin(app, &token, 6).await;
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
        let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
        let request = Request::patch(&path)
            .header("tus-resumable", "1.0.0")
            .header("upload-offset", "0")
            .header("content-type", "application/offset+octet-stream")
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.body(body).unwrap();
        let router = app.router.clone();
        let hanging = tokio::spawn(tower::ServiceExt::oneshot(router, request));
        sender.send(Ok(Bytes::from_static(b"abc"))).await.unwrap();
        let file = app.dir.path().join("data").join("uploads").join(path.rsplit('/').next().unwrap());
        while std::fs::metadata(&file).unwrap().len() < 3 {
            tokio::task::yield_now().await;
        }
        let answer = tus(app, "HEAD", &path, &token, &[], Body::empty()).await.expect(200);
        assert_eq!(answer.headers["upload-offset"], "3");
        assert_eq!(hanging.await.unwrap().unwrap().status(), 423);
        append(app, &token, &path, 3, "def").await.expect(204);
        assert_eq!(std::fs::read(&file).unwrap(), b"abcdef");
    }
}

app_test! {
    async fn the_server_says_what_it_takes(app: TestApp) {
        let answer = app.send("OPTIONS", "/api/v1/uploads", None, None).await.expect(204);
        assert_eq!(answer.headers["tus-version"], "1.0.0");
        assert_eq!(answer.headers["tus-extension"], "creation,expiration,termination");
        assert_eq!(answer.headers["tus-max-size"], "536870912");

        let token = app.sign_up("ada").await;
        let answer = app.send("POST", "/api/v1/uploads", Some(&token), None).await;
        assert_eq!(answer.headers["tus-version"], "1.0.0");
        answer.problem(412, "tus_version");
        let create = async |headers: &[(&str, &str)]| {
            tus(app, "POST", "/api/v1/uploads", &token, headers, Body::empty()).await
        };
        create(&[]).await.problem(400, "invalid_header");
        create(&[("upload-defer-length", "1")]).await.problem(400, "invalid_header");
        create(&[("upload-length", "-5")]).await.problem(400, "invalid_header");
        create(&[("upload-length", "5"), ("upload-metadata", "name %")]).await.problem(400, "invalid_header");
        create(&[("upload-length", "0")]).await.problem(422, "empty_file");
        let problem = create(&[("upload-length", "536870913")]).await.problem(413, "too_big");
        assert!(problem["detail"].as_str().unwrap().contains("536 MB"), "{problem}");
        create(&[("upload-length", "99999999999999999999999")]).await.problem(413, "too_big");
        let anonymous = app.viewer().await;
        tus(app, "POST", "/api/v1/uploads", &anonymous, &[("upload-length", "5")], Body::empty())
            .await
            .problem(401, "unauthenticated");
    }
}

app_test! {
    async fn uploads_are_their_owners_alone(app: TestApp) {
        let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
        let path = begin(app, &ada, 3).await;
        tus(app, "HEAD", &path, &bob, &[], Body::empty()).await.expect(404);
        append(app, &bob, &path, 0, "abc").await.problem(404, "not_found");
        tus(app, "DELETE", &path, &bob, &[], Body::empty()).await.problem(404, "not_found");
        let plain = [("upload-offset", "0"), ("content-type", "text/plain")];
        tus(app, "PATCH", &path, &ada, &plain, "abc").await.problem(415, "not_upload_bytes");
        for nonsense in ["/api/v1/uploads/x", "/api/v1/uploads/01890a5d-ac96-774b-bcce-b302099a8057"] {
            tus(app, "HEAD", nonsense, &ada, &[], Body::empty()).await.expect(404);
        }
    }
}

app_test! {
    async fn an_upload_ends_on_request_or_with_its_time(app: TestApp) {
        let token = app.sign_up("ada").await;
        let file = |path: &str| app.dir.path().join("data/uploads").join(path.rsplit('/').next().unwrap());
        let given_up = begin(app, &token, 3).await;
        tus(app, "POST", &given_up, &token, &[("x-http-method-override", "DELETE")], Body::empty()).await.expect(204);
        tus(app, "HEAD", &given_up, &token, &[], Body::empty()).await.expect(404);
        assert!(!file(&given_up).exists());

        let forgotten = begin(app, &token, 3).await;
        app.clock.advance_ms(25 * 3_600_000);
        tus(app, "HEAD", &forgotten, &token, &[], Body::empty()).await.expect(410);
        append(app, &token, &forgotten, 0, "abc").await.problem(410, "upload_expired");
        let young = begin(app, &token, 3).await;
        let stray = file("01890a5d-ac96-774b-bcce-b302099a8057");
        std::fs::write(&stray, b"nobody's").unwrap();
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        std::fs::File::options().write(true).open(&stray).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(takt_server::upload::purge_expired(app.app.state()).await.unwrap(), 2);
        assert!(!file(&forgotten).exists() && !stray.exists() && file(&young).exists());
        tus(app, "HEAD", &forgotten, &token, &[], Body::empty()).await.expect(404);
    }
}

app_test! {
    async fn open_uploads_have_a_limit(app: TestApp) {
        let token = app.sign_up("ada").await;
        for _ in 0..200 {
            begin(app, &token, 3).await;
        }
        tus(app, "POST", "/api/v1/uploads", &token, &[("upload-length", "3")], Body::empty())
            .await
            .problem(429, "too_many_uploads");
    }
}
