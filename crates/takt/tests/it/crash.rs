//! kill -9 at random moments of upload, processing and event intake: what was acknowledged is there afterwards.

use crate::harness::{PASSWORD, Server, clip, run, takt};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use takt_core::{Clock, EventId};

const KILLS: usize = 20;
const CLIPS: u32 = 3;
/// Further uploads of a round stay unpublished, so that processing them all takes bounded time.
const VIDEOS_PER_ROUND: usize = 3;
const EVENTS_PER_BATCH: usize = 5;
/// How long the last start may take to finish what the killed ones began.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);

/// What the server has acknowledged.
#[derive(Default)]
struct Ledger {
    /// By address: bytes acknowledged, and the file they are of.
    uploads: BTreeMap<String, (usize, usize)>,
    /// By id: the file it was made from.
    videos: BTreeMap<String, usize>,
    events: Vec<Value>,
}

struct Cell<'a> {
    client: &'a Client,
    url: String,
    token: String,
}

/// Why a client stopped: the server is gone.
struct Gone;

impl From<reqwest::Error> for Gone {
    fn from(_: reqwest::Error) -> Self {
        Self
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (data, videos) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let clips: Vec<Vec<u8>> =
        (0..CLIPS).map(|n| make_clip(&videos.path().join(format!("{n}.mp4")), n)).collect();
    let client = Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let mut ledger = Ledger::default();
    let mut token = String::new();
    for round in 0..KILLS {
        let server = start(data.path());
        if token.is_empty() {
            token = sign_up(&client, &server).await;
        }
        let cell = Cell { client: &client, url: server.url(), token: token.clone() };
        check(&cell, &ledger).await;
        if round == 0 {
            // One video to report about; the others may not get ready before the last start.
            let first = upload(&cell, &clips[0], &mut Ledger::default(), 0).await;
            ledger.videos.insert(first.ok().expect("nobody kills it yet"), 0);
            settle(&cell, &ledger).await;
        }
        let moment = Duration::from_millis(random(1_200));
        let (mut uploads, mut events) = (Ledger::default(), Ledger::default());
        let known: Vec<String> = ledger.videos.keys().cloned().collect();
        let client = async {
            tokio::join!(upload_clips(&cell, &clips, &mut uploads), report(&cell, &known, &mut events))
        };
        let killer = async {
            tokio::time::sleep(moment).await;
            tokio::task::spawn_blocking(move || server.signal("KILL")).await.unwrap();
        };
        let _ = tokio::join!(client, killer);
        eprintln!(
            "round {round}: killed after {moment:?}; {} uploads, {} videos, {} events acknowledged",
            uploads.uploads.len(),
            uploads.videos.len(),
            events.events.len()
        );
        ledger.uploads.extend(uploads.uploads);
        ledger.videos.extend(uploads.videos);
        ledger.events.extend(events.events);
    }
    assert!(!ledger.videos.is_empty() && !ledger.events.is_empty(), "the load never got through");
    let server = start(data.path());
    let cell = Cell { client: &client, url: server.url(), token };
    check(&cell, &ledger).await;
    settle(&cell, &ledger).await;
    assert_eq!(server.signal("TERM"), Some(0));
    let (out, err, code) = run(takt().args(["verify", "--data"]).arg(data.path()));
    assert_eq!(code, 0, "{out}{err}");
    let left: Vec<_> = std::fs::read_dir(data.path().join("work")).unwrap().flatten().collect();
    assert!(left.is_empty(), "work folders are left behind: {left:?}");
}

fn start(data: &Path) -> Server {
    // Being killed is not the video's fault, and nobody here is slowed down.
    let settings = [
        ("TAKT_PROCESSING__ATTEMPTS_MAX", "50"),
        ("TAKT_LIMITS__REQUESTS_PER_SECOND", "0"),
        ("TAKT_LIMITS__EVENTS_PER_SECOND", "0"),
        ("TAKT_VIDEO__UPLOADS_OPEN_MAX", "100000"),
    ];
    Server::start_with(data, "127.0.0.1:0", &settings)
}

fn make_clip(path: &Path, n: u32) -> Vec<u8> {
    clip(path, n * 60);
    std::fs::read(path).unwrap()
}

fn random(below: u64) -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    u64::from_le_bytes(bytes) % below
}

async fn sign_up(client: &Client, server: &Server) -> String {
    let body = json!({"handle": "ada", "password": PASSWORD});
    let answer = client.post(format!("{}/api/v1/accounts", server.url())).json(&body).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
}

impl Cell<'_> {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .header("tus-resumable", "1.0.0")
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response, Gone> {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        Ok(request.send().await?)
    }

    async fn json(&self, path: &str) -> Value {
        let Ok(answer) = self.send(Method::GET, path, None).await else { panic!("{path}: no answer") };
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }
}

/// Uploads clips and makes videos of some until the server is gone.
async fn upload_clips(cell: &Cell<'_>, clips: &[Vec<u8>], ledger: &mut Ledger) -> Result<(), Gone> {
    for (uploaded, file) in (0..clips.len()).cycle().enumerate() {
        if uploaded < VIDEOS_PER_ROUND {
            let video = upload(cell, &clips[file], ledger, file).await?;
            ledger.videos.insert(video, file);
        } else {
            send_bytes(cell, &clips[file], ledger, file).await?;
        }
    }
    Ok(())
}

/// Uploads a clip and makes a video of it; answers the video's id.
async fn upload(cell: &Cell<'_>, bytes: &[u8], ledger: &mut Ledger, file: usize) -> Result<String, Gone> {
    let location = send_bytes(cell, bytes, ledger, file).await?;
    let id = location.rsplit('/').next().unwrap();
    let body = json!({"upload_id": id, "caption": "a #clip"});
    let answer = cell.send(Method::POST, "/api/v1/videos", Some(&body)).await?;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    // Taken: from here on the upload is the video's, whether or not the answer's body still gets through.
    ledger.uploads.remove(&location);
    let video = answer.json::<Value>().await?;
    Ok(video["video"]["id"].as_str().unwrap().to_owned())
}

/// Uploads a clip in three pieces; answers the upload's address.
async fn send_bytes(cell: &Cell<'_>, bytes: &[u8], ledger: &mut Ledger, file: usize) -> Result<String, Gone> {
    let create = cell.request(Method::POST, "/api/v1/uploads").header("upload-length", bytes.len());
    let created = create.send().await?;
    assert_eq!(created.status(), StatusCode::CREATED);
    let location = created.headers()["location"].to_str().unwrap().to_owned();
    ledger.uploads.insert(location.clone(), (0, file));
    let piece = bytes.len().div_ceil(3);
    for (n, part) in bytes.chunks(piece).enumerate() {
        let patch = cell.request(Method::PATCH, &location).header("upload-offset", n * piece);
        let patch = patch.header("content-type", "application/offset+octet-stream").body(part.to_vec());
        let answer = patch.send().await?;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        ledger.uploads.insert(location.clone(), (n * piece + part.len(), file));
    }
    Ok(location)
}

/// Reports watching of known videos until the server is gone.
async fn report(cell: &Cell<'_>, videos: &[String], ledger: &mut Ledger) -> Result<(), Gone> {
    let clock = Clock::system();
    while !videos.is_empty() {
        let event = |n: usize| {
            let video = &videos[usize::try_from(random(videos.len() as u64)).unwrap_or(0)];
            json!({"id": EventId::mint(&clock), "type": "watch", "video_id": video, "watch_ms": 100 * n, "at": clock.now()})
        };
        let events: Vec<Value> = (0..EVENTS_PER_BATCH).map(event).collect();
        let answer = cell.send(Method::POST, "/api/v1/events", Some(&json!({"events": events}))).await?;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let counted = answer.json::<Value>().await?;
        // Videos still in processing are not in the catalogue, so what is said about them is not kept.
        if counted["accepted"] == EVENTS_PER_BATCH {
            ledger.events.extend(events);
        }
    }
    Ok(())
}

/// Everything acknowledged so far is there.
async fn check(cell: &Cell<'_>, ledger: &Ledger) {
    assert_eq!(cell.json("/api/v1/me").await["account"]["handle"], "ada");
    for (location, (acknowledged, _)) in &ledger.uploads {
        let Ok(answer) = cell.send(Method::HEAD, location, None).await else {
            panic!("{location}: no answer")
        };
        assert_eq!(answer.status(), StatusCode::OK, "{location}");
        let offset: usize = answer.headers()["upload-offset"].to_str().unwrap().parse().unwrap();
        assert!(
            offset >= *acknowledged,
            "{location}: {acknowledged} bytes were acknowledged, {offset} are there"
        );
    }
    for video in ledger.videos.keys() {
        let status = cell.json(&format!("/api/v1/videos/{video}")).await["video"]["status"].clone();
        assert_ne!(status, "failed", "{video}");
    }
    for events in ledger.events.chunks(500) {
        let again = cell.send(Method::POST, "/api/v1/events", Some(&json!({"events": events}))).await;
        let Ok(answer) = again else { panic!("events: no answer") };
        let counted: Value = answer.json().await.unwrap();
        assert_eq!(counted["duplicate"], events.len(), "acknowledged events are missing: {counted}");
    }
}

/// Every video becomes ready, whole, and is made from the very bytes that were sent.
async fn settle(cell: &Cell<'_>, ledger: &Ledger) {
    let settled = async {
        for video in ledger.videos.keys() {
            let path = format!("/api/v1/videos/{video}");
            let ready = loop {
                let body = cell.json(&path).await["video"].take();
                match body["status"].as_str().unwrap() {
                    "processing" => tokio::time::sleep(Duration::from_millis(200)).await,
                    "ready" => break body,
                    other => panic!("{video} is {other}: {body}"),
                }
            };
            let rendition = &ready["renditions"][0];
            let url = rendition["url"].as_str().unwrap();
            let Ok(answer) = cell.send(Method::GET, url, None).await else { panic!("{url}: no answer") };
            let bytes = answer.bytes().await.unwrap();
            assert_eq!(bytes.len() as u64, rendition["bytes"].as_u64().unwrap());
            assert!(url.contains(&hex::encode(Sha256::digest(&bytes))), "{url} holds other bytes");
        }
    };
    tokio::time::timeout(SETTLED_WITHIN, settled).await.expect("a video hangs in processing");
}
