//! A disk that fills up under a running server: refusals that can be tried again, viewers who go on watching, and recovery
//! as soon as there is room.

use crate::harness::{PASSWORD, Server, clip, fill};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use takt_core::{Clock, EventId};

const DISK_MIB: u32 = 96;
const WAIT: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(100);
/// More than what the stores may still write into room they have taken already.
const WRITES_MAX: usize = 5_000;

struct Cell<'a> {
    client: Client,
    server: &'a Server,
    token: String,
}

impl Cell<'_> {
    async fn send(&self, method: Method, path: &str, body: Value) -> Response {
        let request = self.client.request(method, format!("{}{path}", self.server.url()));
        request.bearer_auth(&self.token).json(&body).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.send(Method::GET, path, Value::Null).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    async fn create_upload(&self, bytes: usize) -> Response {
        let request = self.client.post(format!("{}/api/v1/uploads", self.server.url()));
        let request = request.bearer_auth(&self.token).header("tus-resumable", "1.0.0");
        request.header("upload-length", bytes).send().await.unwrap()
    }

    async fn send_bytes(&self, location: &str, offset: usize, bytes: &[u8]) -> Response {
        let request = self.client.patch(format!("{}{location}", self.server.url())).bearer_auth(&self.token);
        let request = request.header("tus-resumable", "1.0.0").header("upload-offset", offset);
        let request = request.header("content-type", "application/offset+octet-stream");
        request.body(bytes.to_vec()).send().await.unwrap()
    }

    async fn offset(&self, location: &str) -> usize {
        let request = self.client.head(format!("{}{location}", self.server.url())).bearer_auth(&self.token);
        let answer = request.header("tus-resumable", "1.0.0").send().await.unwrap();
        answer.headers()["upload-offset"].to_str().unwrap().parse().unwrap()
    }

    /// Uploads a clip, publishes it and waits until it can be watched; answers its id.
    async fn publish(&self, bytes: &[u8]) -> String {
        let created = self.create_upload(bytes.len()).await;
        let location = created.headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(self.send_bytes(&location, 0, bytes).await.status(), StatusCode::NO_CONTENT);
        let body = json!({"upload_id": location.rsplit('/').next().unwrap(), "caption": "a clip"});
        let answer: Value = self.send(Method::POST, "/api/v1/videos", body).await.json().await.unwrap();
        let id = answer["video"]["id"].as_str().unwrap().to_owned();
        let ready = async {
            while self.get(&format!("/api/v1/videos/{id}")).await["video"]["status"] != "ready" {
                tokio::time::sleep(STEP).await;
            }
        };
        tokio::time::timeout(WAIT, ready).await.expect("it does not get ready");
        id
    }

    async fn report(&self, video: &str) -> (Value, Response) {
        let clock = Clock::system();
        let event = json!({"id": EventId::mint(&clock), "type": "watch", "video_id": video, "watch_ms": 500,
            "at": clock.now()});
        let answer = self.send(Method::POST, "/api/v1/events", json!({"events": [event]})).await;
        (event, answer)
    }
}

/// Refused for now, with a time to come back.
async fn away(answer: Response) {
    let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(retry_after.expect("it says when").parse::<u64>().unwrap() >= 1);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "unavailable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_and_serves_on() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (data, clips) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = [("TAKT_LIMITS__REQUESTS_PER_SECOND", "0"), ("TAKT_LIMITS__EVENTS_PER_SECOND", "0")];
    let Some(server) = Server::start_on_small_disk(data.path(), DISK_MIB, &settings) else {
        eprintln!("SKIPPED: this machine lets nobody mount a file system of their own");
        return;
    };
    clip(&clips.path().join("clip.mp4"), 0);
    let bytes = std::fs::read(clips.path().join("clip.mp4")).unwrap();
    let client = Client::builder().timeout(WAIT).build().unwrap();
    let account = json!({"handle": "ada", "password": PASSWORD});
    let created =
        client.post(format!("{}/api/v1/accounts", server.url())).json(&account).send().await.unwrap();
    let created: Value = created.json().await.unwrap();
    let cell = Cell { client, server: &server, token: created["token"].as_str().unwrap().to_owned() };
    let video = cell.publish(&bytes).await;
    let upload = cell.create_upload(4 << 20).await.headers()["location"].to_str().unwrap().to_owned();

    let filler = server.seen_by_it(data.path()).join("filler");
    fill(&filler);
    let mut reported = Vec::new();
    let refused = loop {
        assert!(reported.len() < WRITES_MAX, "the disk is full and events are still taken");
        let (event, answer) = cell.report(&video).await;
        if answer.status() != StatusCode::ACCEPTED {
            break answer;
        }
        reported.push(event);
    };
    away(refused).await;
    away(cell.send_bytes(&upload, 0, &vec![7; 4 << 20]).await).await;
    // What needs no room goes on.
    let watched = cell.get(&format!("/api/v1/videos/{video}")).await;
    let rendition = watched["video"]["renditions"][0]["url"].as_str().unwrap();
    let media = cell.client.get(format!("{}{rendition}", server.url())).send().await.unwrap();
    assert_eq!(media.status(), StatusCode::OK);
    assert!(!media.bytes().await.unwrap().is_empty());
    assert_eq!(cell.get("/api/v1/feeds/latest").await["items"].as_array().unwrap().len(), 1);
    assert_eq!(cell.send(Method::GET, "/healthz", Value::Null).await.status(), StatusCode::OK);

    std::fs::remove_file(&filler).unwrap();
    let recovered = async {
        while cell.report(&video).await.1.status() != StatusCode::ACCEPTED {
            tokio::time::sleep(STEP).await;
        }
    };
    tokio::time::timeout(WAIT, recovered).await.expect("it does not recover by itself");
    let offset = cell.offset(&upload).await;
    let rest = cell.send_bytes(&upload, offset, &vec![7; (4 << 20) - offset]).await;
    assert_eq!(rest.status(), StatusCode::NO_CONTENT);
    for events in reported.chunks(500) {
        let again = cell.send(Method::POST, "/api/v1/events", json!({"events": events})).await;
        let counted: Value = again.json().await.unwrap();
        assert_eq!(counted["duplicate"], events.len(), "acknowledged events are missing: {counted}");
    }
    cell.publish(&bytes).await;
    assert_eq!(server.signal("TERM"), Some(0));
}
