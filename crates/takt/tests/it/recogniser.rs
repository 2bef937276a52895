//! kill -9 and a full disk while a program of the operator's writes captions: they get written all the same, once.

use crate::harness::{Server, clip, fill, run, takt};
use crate::studio::Creator;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Listens for four seconds, with files of its own meanwhile.
const LISTENS: &str = r#"#!/bin/sh
head -c 2000000 /dev/zero >scratch || exit 1
sleep 4
cp scratch again || exit 1
echo WEBVTT
echo "Language: en"
echo
echo "00:00.000 --> 00:01.000"
head -c 4 "$1"
"#;
/// More than the failures of its own that a job may have.
const KILLS: u32 = 7;
const KILL_STEP: Duration = Duration::from_millis(250);
const DISK_MIB: u32 = 96;
/// Long enough for more tries than a job has.
const FULL_FOR: Duration = Duration::from_secs(8);
const DONE_WITHIN: Duration = Duration::from_secs(180);
const STEP: Duration = Duration::from_millis(100);

/// The program, and the settings with which it is used; none may fail by itself.
fn listening(home: &Path) -> (PathBuf, Vec<(&'static str, String)>) {
    let program = home.join("listen");
    std::fs::write(&program, LISTENS).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = vec![
        ("TAKT_LIMITS__REQUESTS_PER_SECOND", "0".to_owned()),
        ("TAKT_PROCESSING__ATTEMPTS_MAX", "1".to_owned()),
        ("TAKT_CAPTIONS__COMMAND", program.display().to_string()),
    ];
    (program, settings)
}

/// Whether the program runs anywhere.
fn runs(program: &Path) -> bool {
    let name = program.as_os_str().as_encoded_bytes();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .any(|command| command.split(|byte| *byte == 0).any(|argument| argument == name))
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(STEP).await;
        }
    };
    tokio::time::timeout(DONE_WITHIN, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// Publishes a clip with a tone and waits until it plays; answers where it is.
async fn publish(creator: &Creator, hue: u32) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clip.mp4");
    clip(&path, hue);
    let upload_id = creator.upload(std::fs::read(&path).unwrap()).await;
    let made = creator.post("/api/v1/videos", json!({"upload_id": upload_id, "caption": "a tone"})).await;
    let video = format!("/api/v1/videos/{}", made["video"]["id"].as_str().unwrap());
    until("a video that plays", async || creator.get(&video).await["video"]["status"] == "ready").await;
    video
}

/// The sizes of all renditions of a video, once all are made.
async fn sizes(creator: &Creator, video: &str) -> Vec<(Value, Value)> {
    until("all renditions", async || creator.get(video).await["video"]["progress"].is_null()).await;
    let video = creator.get(video).await["video"].take();
    let renditions = video["renditions"].as_array().unwrap();
    renditions.iter().map(|one| (one["height"].clone(), one["codec"].clone())).collect()
}

async fn captions(creator: &Creator, video: &str) -> Vec<Value> {
    creator.get(video).await["video"]["captions"].as_array().unwrap().clone()
}

/// They get there, whole and once.
async fn written(creator: &Creator, video: &str) {
    until("captions", async || !captions(creator, video).await.is_empty()).await;
    let captions = captions(creator, video).await;
    assert_eq!(captions.len(), 1, "{captions:?}");
    assert_eq!((&captions[0]["language"], &captions[0]["automatic"]), (&"en".into(), &true.into()));
    let file = creator.request(reqwest::Method::GET, captions[0]["url"].as_str().unwrap());
    let text = file.send().await.unwrap().text().await.unwrap();
    assert_eq!(text, "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nRIFF\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_captions_are_written() {
    let (data, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (program, settings) = listening(home.path());
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let start = || Server::start_with(data.path(), "127.0.0.1:0", &settings);
    let mut server = start();
    let mut creator = Creator::sign_up(&server).await;
    let video = publish(&creator, 80).await;
    for round in 0..KILLS {
        until("the program at work", async || runs(&program)).await;
        tokio::time::sleep(KILL_STEP * round).await;
        assert!(captions(&creator, &video).await.is_empty(), "it was done before it was killed");
        tokio::task::spawn_blocking(move || server.signal("KILL")).await.unwrap();
        // It goes with the server that started it.
        until("the program's end", async || !runs(&program)).await;
        server = start();
        creator.url = server.url();
    }
    written(&creator, &video).await;
    assert_eq!(server.signal("TERM"), Some(0));
    let (out, err, code) = run(takt().args(["verify", "--data"]).arg(data.path()));
    assert_eq!(code, 0, "{out}{err}");
    let left: Vec<_> = std::fs::read_dir(data.path().join("work")).unwrap().flatten().collect();
    assert!(left.is_empty(), "work folders are left behind: {left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_while_captions_are_written() {
    let (data, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (program, settings) = listening(home.path());
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let Some(server) = Server::start_on_small_disk(data.path(), DISK_MIB, &settings) else {
        eprintln!("SKIPPED: this machine lets nobody mount a file system of their own");
        return;
    };
    let creator = Creator::sign_up(&server).await;
    let other = publish(&creator, 160).await;
    written(&creator, &other).await;
    let video = publish(&creator, 80).await;
    until("the program at work", async || runs(&program)).await;
    let filler = server.seen_by_it(data.path()).join("filler");
    fill(&filler);
    assert!(captions(&creator, &video).await.is_empty(), "it was done before the disk was full");
    tokio::time::sleep(FULL_FOR).await;
    assert!(captions(&creator, &video).await.is_empty(), "it got done on a full disk");
    std::fs::remove_file(&filler).unwrap();
    written(&creator, &video).await;
    // What else was made meanwhile is not given up for the disk's sake.
    assert_eq!(sizes(&creator, &video).await, sizes(&creator, &other).await);
    assert_eq!(server.signal("TERM"), Some(0));
}
