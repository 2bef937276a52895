//! kill -9 and a full disk while an edit is rendered and a sound is listened to: both get done all the same.

use crate::harness::{PASSWORD, Server, clip, fill, run, takt};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const KILLS: u64 = 4;
/// Kills come later and later, so that some of them meet every step.
const KILL_STEP: Duration = Duration::from_millis(400);
/// Kills that must have met unfinished work; the work takes several seconds.
const KILLS_MET_MIN: u64 = 2;
const DISK_MIB: u32 = 96;
/// Long enough for more tries than a job has.
const FULL_FOR: Duration = Duration::from_secs(6);
const DONE_WITHIN: Duration = Duration::from_secs(180);
const STEP: Duration = Duration::from_millis(200);
const NO_LIMITS: [(&str, &str); 2] =
    [("TAKT_LIMITS__REQUESTS_PER_SECOND", "0"), ("TAKT_LIMITS__EVENTS_PER_SECOND", "0")];

/// Somebody with an account on a server that may come and go.
pub struct Creator {
    client: Client,
    pub url: String,
    token: String,
}

/// What is worked on: an edited video and a sound.
struct Work {
    video: String,
    sound: String,
}

impl Creator {
    pub async fn sign_up(server: &Server) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let mut creator = Self { client, url: server.url(), token: String::new() };
        let account = json!({"handle": "ada", "password": PASSWORD});
        let made = creator.post("/api/v1/accounts", account).await;
        made["token"].as_str().unwrap().clone_into(&mut creator.token);
        creator
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        let request = if self.token.is_empty() { request } else { request.bearer_auth(&self.token) };
        request.header("tus-resumable", "1.0.0")
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.request(Method::POST, path).json(&body).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    pub async fn upload(&self, bytes: Vec<u8>) -> String {
        let create = self.request(Method::POST, "/api/v1/uploads").header("upload-length", bytes.len());
        let location = create.send().await.unwrap().headers()["location"].to_str().unwrap().to_owned();
        let patch = self.request(Method::PATCH, &location).header("upload-offset", 0);
        let patch = patch.header("content-type", "application/offset+octet-stream").body(bytes);
        assert_eq!(patch.send().await.unwrap().status(), StatusCode::NO_CONTENT);
        location.rsplit('/').next().unwrap().to_owned()
    }

    /// Publishes an edit that takes seconds to render, and a sound that takes seconds to listen to.
    async fn begin(&self) -> Work {
        let dir = tempfile::tempdir().unwrap();
        let (picture, sound) = (dir.path().join("clip.mp4"), dir.path().join("sound.m4a"));
        clip(&picture, 40);
        melody(&sound);
        let source = self.upload(std::fs::read(&picture).unwrap()).await;
        let upload_id = self.upload(std::fs::read(&sound).unwrap()).await;
        let segment = json!({"source": source, "start_ms": 0, "end_ms": 1900, "speed": 0.5, "reverse": true});
        let edit = json!({"version": 1, "canvas": {"width": 720, "height": 1280}, "look": "warm",
            "segments": [segment, segment, segment, segment]});
        let draft = self.post("/api/v1/drafts", json!({"edit": edit, "title": "slow"})).await;
        let path = format!("/api/v1/drafts/{}/publish", draft["draft"]["id"].as_str().unwrap());
        let video = self.post(&path, json!({"caption": "slowly"})).await;
        let sound = self.post("/api/v1/sounds", json!({"upload_id": upload_id, "title": "A melody"})).await;
        Work {
            video: video["video"]["id"].as_str().unwrap().to_owned(),
            sound: sound["sound"]["id"].as_str().unwrap().to_owned(),
        }
    }

    async fn video(&self, work: &Work) -> Value {
        self.get(&format!("/api/v1/videos/{}", work.video)).await["video"].take()
    }

    async fn sound(&self, work: &Work) -> Value {
        self.get(&format!("/api/v1/sounds/{}", work.sound)).await["sound"].take()
    }

    /// Neither has failed; whether there is anything left to do.
    async fn goes_on(&self, work: &Work) -> bool {
        let (video, sound) = (self.video(work).await, self.sound(work).await);
        assert_ne!(video["status"], "failed", "{video}");
        assert_ne!(sound["status"], "failed", "{sound}");
        video["status"] == "processing" || sound["status"] == "processing"
    }

    /// Both get done, whole.
    async fn finish(&self, work: &Work) {
        let done = async {
            while self.goes_on(work).await {
                tokio::time::sleep(STEP).await;
            }
        };
        tokio::time::timeout(DONE_WITHIN, done).await.expect("it hangs");
        let (video, sound) = (self.video(work).await, self.sound(work).await);
        assert_eq!(video["status"], "ready", "{video}");
        assert_eq!(sound["status"], "ready", "{sound}");
        assert!(!sound["peaks"].as_array().unwrap().is_empty(), "nobody listened to it: {sound}");
        // Four times 1.9 s at half speed.
        let duration_ms = video["duration_ms"].as_i64().unwrap();
        assert!((duration_ms - 15_200).abs() < 200, "{duration_ms} ms");
        for url in [&video["renditions"][0]["url"], &sound["audio_url"]] {
            let url = url.as_str().unwrap();
            let answer = self.request(Method::GET, url).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{url}");
            let bytes = answer.bytes().await.unwrap();
            assert!(url.contains(&hex::encode(Sha256::digest(&bytes))), "{url} holds other bytes");
        }
    }
}

/// A minute of tones, no two after one another alike.
fn melody(path: &Path) {
    let tones = "aevalsrc='0.4*sin(2*PI*t*(200+40*mod(floor(t*3)*7\\,19)))':s=44100:d=60";
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", tones, "-c:a", "aac", "-y"])
        .arg(path)
        .status()
        .expect("ffmpeg is installed");
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_rendering_and_listening() {
    let data = tempfile::tempdir().unwrap();
    // Being killed is not the video's fault.
    let settings = [NO_LIMITS[0], NO_LIMITS[1], ("TAKT_PROCESSING__ATTEMPTS_MAX", "50")];
    let start = || Server::start_with(data.path(), "127.0.0.1:0", &settings);
    let mut server = start();
    let mut creator = Creator::sign_up(&server).await;
    let work = creator.begin().await;
    let mut met = 0;
    for round in 1..=KILLS {
        tokio::time::sleep(KILL_STEP * u32::try_from(round).unwrap()).await;
        met += u64::from(creator.goes_on(&work).await);
        tokio::task::spawn_blocking(move || server.signal("KILL")).await.unwrap();
        server = start();
        creator.url = server.url();
    }
    assert!(met >= KILLS_MET_MIN, "only {met} kills met unfinished work");
    creator.finish(&work).await;
    assert_eq!(server.signal("TERM"), Some(0));
    let (out, err, code) = run(takt().args(["verify", "--data"]).arg(data.path()));
    assert_eq!(code, 0, "{out}{err}");
    let left: Vec<_> = std::fs::read_dir(data.path().join("work")).unwrap().flatten().collect();
    assert!(left.is_empty(), "work folders are left behind: {left:?}");
}

/// Length of what the video plays, whose bytes are what their address says; it plays whatever happens.
async fn playing_ms(creator: &Creator, video: &str) -> i64 {
    let video = creator.get(&format!("/api/v1/videos/{video}")).await["video"].take();
    assert_eq!(video["status"], "ready", "{video}");
    for rendition in video["renditions"].as_array().unwrap() {
        let url = rendition["url"].as_str().unwrap();
        let answer = creator.request(Method::GET, url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{url}");
        let bytes = answer.bytes().await.unwrap();
        assert!(url.contains(&hex::encode(Sha256::digest(&bytes))), "{url} holds other bytes");
    }
    video["duration_ms"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_an_edit_is_replaced() {
    let data = tempfile::tempdir().unwrap();
    let settings = [NO_LIMITS[0], NO_LIMITS[1], ("TAKT_PROCESSING__ATTEMPTS_MAX", "50")];
    let start = || Server::start_with(data.path(), "127.0.0.1:0", &settings);
    let mut server = start();
    let mut creator = Creator::sign_up(&server).await;
    let picture = data.path().join("clip.mp4");
    clip(&picture, 41);
    let source = creator.upload(std::fs::read(&picture).unwrap()).await;
    let segment = json!({"source": source, "start_ms": 0, "end_ms": 1900});
    let edit = |segments: Vec<Value>| json!({"version": 1, "canvas": {"width": 720, "height": 1280}, "segments": segments});
    let draft = creator.post("/api/v1/drafts", json!({"edit": edit(vec![segment]), "title": "short"})).await;
    let path = format!("/api/v1/drafts/{}/publish", draft["draft"]["id"].as_str().unwrap());
    let video = creator.post(&path, json!({"caption": "short"})).await;
    let video = video["video"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/videos/{video}");
    let made = |video: &Value| video["status"] == "ready" && video.get("progress").is_none();
    while !made(&creator.get(&path).await["video"]) {
        tokio::time::sleep(STEP).await;
    }
    let old = playing_ms(&creator, &video).await;
    let slow = json!({"source": source, "start_ms": 0, "end_ms": 1900, "speed": 0.5, "reverse": true});
    let slow = edit(vec![slow.clone(), slow.clone(), slow]);
    let draft = creator.post("/api/v1/drafts", json!({"edit": slow, "title": "slow"})).await;
    let body = json!({"draft_id": draft["draft"]["id"]});
    let asked = creator.request(Method::PUT, &format!("{path}/edit")).json(&body).send().await.unwrap();
    assert_eq!(asked.status(), StatusCode::ACCEPTED);

    let is_new = |length: i64| (length - 11_400).abs() < 200;
    let mut met = 0;
    for round in 1..=KILLS {
        tokio::time::sleep(KILL_STEP * u32::try_from(round).unwrap()).await;
        let length = playing_ms(&creator, &video).await;
        assert!(length == old || is_new(length), "{length} ms is neither the old edit nor the new one");
        met += u64::from(length == old);
        tokio::task::spawn_blocking(move || server.signal("KILL")).await.unwrap();
        server = start();
        creator.url = server.url();
    }
    assert!(met >= KILLS_MET_MIN, "only {met} kills met unfinished work");
    let done = async {
        while !is_new(playing_ms(&creator, &video).await) {
            tokio::time::sleep(STEP).await;
        }
    };
    tokio::time::timeout(DONE_WITHIN, done).await.expect("it hangs");
    assert_eq!(server.signal("TERM"), Some(0));
    let (out, err, code) = run(takt().args(["verify", "--data"]).arg(data.path()));
    assert_eq!(code, 0, "{out}{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_an_edit_was_withdrawn() {
    let data = tempfile::tempdir().unwrap();
    let start = || Server::start_with(data.path(), "127.0.0.1:0", &NO_LIMITS);
    let mut server = start();
    let mut creator = Creator::sign_up(&server).await;
    let picture = data.path().join("clip.mp4");
    clip(&picture, 43);
    let source = creator.upload(std::fs::read(&picture).unwrap()).await;
    let segment = |speed: f64| json!({"source": source, "start_ms": 0, "end_ms": 1900, "speed": speed});
    let edit = |segments: Vec<Value>| json!({"version": 1, "canvas": {"width": 720, "height": 1280}, "segments": segments});
    let draft =
        creator.post("/api/v1/drafts", json!({"edit": edit(vec![segment(1.0)]), "title": "short"})).await;
    let path = format!("/api/v1/drafts/{}/publish", draft["draft"]["id"].as_str().unwrap());
    let video = creator.post(&path, json!({"caption": "short"})).await;
    let video = video["video"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/videos/{video}");
    let made = |video: &Value| video["status"] == "ready" && video.get("progress").is_none();
    while !made(&creator.get(&path).await["video"]) {
        tokio::time::sleep(STEP).await;
    }
    // What was answered holds, whenever the process dies: neither is an edit that was withdrawn played later, nor is one
    // that came before the withdrawal undone.
    for round in 0..KILLS {
        let draft = json!({"edit": edit(vec![segment(0.5), segment(0.4)]), "title": "slow"});
        let draft = creator.post("/api/v1/drafts", draft).await;
        let body = json!({"draft_id": draft["draft"]["id"]});
        let asked = creator.request(Method::PUT, &format!("{path}/edit")).json(&body).send().await.unwrap();
        assert_eq!(asked.status(), StatusCode::ACCEPTED);
        tokio::time::sleep(KILL_STEP * u32::try_from(round).unwrap()).await;
        let gone = creator.request(Method::DELETE, &format!("{path}/edit")).send().await.unwrap();
        assert_eq!(gone.status(), StatusCode::NO_CONTENT);
        let length = playing_ms(&creator, &video).await;
        tokio::task::spawn_blocking(move || server.signal("KILL")).await.unwrap();
        server = start();
        creator.url = server.url();
        assert_eq!(creator.get(&format!("{path}/edit")).await["replacement"], Value::Null);
        assert_eq!(playing_ms(&creator, &video).await, length);
        while !made(&creator.get(&path).await["video"]) {
            tokio::time::sleep(STEP).await;
        }
        assert_eq!(playing_ms(&creator, &video).await, length);
    }
    assert_eq!(server.signal("TERM"), Some(0));
    let (out, err, code) = run(takt().args(["verify", "--data"]).arg(data.path()));
    assert_eq!(code, 0, "{out}{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_while_rendering_and_listening() {
    let data = tempfile::tempdir().unwrap();
    // One failure of its own would be the end of a job.
    let settings = [NO_LIMITS[0], NO_LIMITS[1], ("TAKT_PROCESSING__ATTEMPTS_MAX", "1")];
    let Some(server) = Server::start_on_small_disk(data.path(), DISK_MIB, &settings) else {
        eprintln!("SKIPPED: this machine lets nobody mount a file system of their own");
        return;
    };
    let creator = Creator::sign_up(&server).await;
    let work = creator.begin().await;
    let filler = server.seen_by_it(data.path()).join("filler");
    fill(&filler);
    assert!(creator.goes_on(&work).await, "it was done before the disk was full");
    tokio::time::sleep(FULL_FOR).await;
    assert!(creator.goes_on(&work).await, "it got done on a full disk");
    std::fs::remove_file(&filler).unwrap();
    creator.finish(&work).await;
    assert_eq!(server.signal("TERM"), Some(0));
}
