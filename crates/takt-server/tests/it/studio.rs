//! What tests about videos share: clips made by FFmpeg, uploads by tus, waiting for what comes of them.

use crate::harness::{Answer, TestApp};
use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// A tus request; `headers` are added, `token` goes as Bearer.
pub(crate) async fn tus(
    app: &TestApp,
    method: &str,
    path: &str,
    token: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(path)
        .header("tus-resumable", "1.0.0")
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.request(request.body(body.into()).unwrap()).await
}

/// Begins an upload and answers its address.
pub(crate) async fn begin(app: &TestApp, token: &str, bytes_total: usize) -> String {
    let length = bytes_total.to_string();
    let answer =
        tus(app, "POST", "/api/v1/uploads", token, &[("upload-length", &length)], Body::empty()).await;
    answer.expect(201).headers[header::LOCATION].to_str().unwrap().to_owned()
}

/// Sends bytes at an offset.
pub(crate) async fn append(
    app: &TestApp,
    token: &str,
    path: &str,
    offset: usize,
    body: impl Into<Body>,
) -> Answer {
    let offset = offset.to_string();
    let headers = [("upload-offset", offset.as_str()), ("content-type", "application/offset+octet-stream")];
    tus(app, "PATCH", path, token, &headers, body).await
}

/// Uploads bytes and answers the upload's id.
pub(crate) async fn upload(app: &TestApp, token: &str, bytes: &[u8]) -> String {
    let path = begin(app, token, bytes.len()).await;
    append(app, token, &path, 0, bytes.to_vec()).await.expect(204);
    path.rsplit('/').next().unwrap().to_owned()
}

/// Uploads bytes, asks for a video of them, and answers its id.
pub(crate) async fn post_video(app: &TestApp, token: &str, bytes: &[u8], caption: &str) -> String {
    let upload = upload(app, token, bytes).await;
    let body = json!({"upload_id": upload, "caption": caption});
    let answer = app.send("POST", "/api/v1/videos", Some(token), Some(body)).await.expect(202).json();
    assert_eq!(answer["video"]["status"], "processing");
    answer["video"]["id"].as_str().unwrap().to_owned()
}

/// The video once `reached` holds of it. There is a limit so that a test that hangs says where.
pub(crate) async fn when(app: &TestApp, token: &str, video: &str, reached: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/api/v1/videos/{video}");
    for _ in 0..1800 {
        let answer = app.get(&path, token).await;
        if reached(&answer["video"]) {
            return answer["video"].clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{}", app.get(&path, token).await);
}

/// The video once it is ready or failed.
pub(crate) async fn settled(app: &TestApp, token: &str, video: &str) -> Value {
    when(app, token, video, |video| video["status"] != "processing").await
}

/// The video once nothing more is under way.
pub(crate) async fn finished(app: &TestApp, token: &str, video: &str) -> Value {
    when(app, token, video, |video| video["status"] != "processing" && video.get("progress").is_none()).await
}

/// Waits until videos are listened to and the recommender knows what came of it.
pub(crate) async fn quiet(app: &TestApp) {
    let state = app.app.state();
    for _ in 0..1800 {
        let sql = "SELECT COUNT(*) FROM job WHERE kind LIKE 'sound%' OR kind = 'describe'";
        let (open,): (i64,) = state.db.one(sql, takt_store::Args::new()).await.unwrap();
        if open == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("jobs stay: {:?}", state.jobs.counts(&state.db).await);
}

/// A clip of two seconds that is published as it is, with a sound.
pub(crate) fn clip() -> &'static [u8] {
    static CLIP: OnceLock<Vec<u8>> = OnceLock::new();
    CLIP.get_or_init(|| make(&["testsrc2=size=360x640:rate=30:duration=2"], "libx264"))
}

/// Another picture to the same sound, to the bit.
pub(crate) fn clip_with_same_sound() -> &'static [u8] {
    static CLIP: OnceLock<Vec<u8>> = OnceLock::new();
    CLIP.get_or_init(|| make(&["smptebars=size=360x640:rate=30:duration=2"], "libx264"))
}

/// A clip that must be encoded: too large a picture.
pub(crate) fn large_clip() -> &'static [u8] {
    static CLIP: OnceLock<Vec<u8>> = OnceLock::new();
    CLIP.get_or_init(|| make(&["testsrc2=size=1080x1920:rate=30:duration=4"], "libx264"))
}

fn make(picture: &[&str], codec: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("clip.mp4");
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", picture[0]]);
    command.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2"]);
    command.args([
        "-c:v",
        codec,
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-g",
        "30",
        "-profile:v",
        "baseline",
    ]);
    command.args(["-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart"]).arg(&out);
    assert!(command.status().expect("ffmpeg is installed").success());
    std::fs::read(out).unwrap()
}

/// A WAV file of plucked notes at uneven times, another melody for each seed.
pub(crate) fn melody(seed: u32, seconds: usize) -> Vec<u8> {
    const RATE: usize = 24_000;
    let mut state = seed.wrapping_mul(7_919).wrapping_add(17);
    let mut chance = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let mut samples = vec![0.0_f32; seconds * RATE];
    let mut at = 0;
    while at < samples.len() {
        let pitch = 110.0 * 2.0_f32.powf((chance() * 36.0).floor() / 12.0);
        let step = pitch * std::f32::consts::TAU / RATE as f32;
        for n in 0..16_000.min(samples.len() - at) {
            let decay = (-(n as f32) / 5_000.0).exp();
            let waves: f32 = (1..6).map(|wave| (n as f32 * step * wave as f32).sin() / wave as f32).sum();
            samples[at + n] += 0.2 * decay * waves;
        }
        at += 2_600 + (chance() * 6_500.0) as usize;
    }
    let data = samples.iter().flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_000.0) as i16).to_le_bytes());
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    bytes.extend([RATE as u32, RATE as u32 * 2].iter().flat_map(|rate| rate.to_le_bytes()));
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((samples.len() as u32 * 2).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// A clip that is published as it is: `picture` (a source of FFmpeg's) to the melody, cut and changed by `sound`.
pub(crate) fn melody_clip(picture: &str, seed: u32, sound: &str, bit_rate: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (wav, out) = (dir.path().join("melody.wav"), dir.path().join("clip.mp4"));
    std::fs::write(&wav, melody(seed, 12)).unwrap();
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", picture, "-i"]).arg(&wav);
    command.args([
        "-filter:a",
        sound,
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-g",
        "30",
    ]);
    command.args(["-c:a", "aac", "-b:a", bit_rate, "-ar", "48000", "-shortest", "-movflags", "+faststart"]);
    assert!(command.arg(&out).status().expect("ffmpeg is installed").success());
    std::fs::read(out).unwrap()
}

/// Files below a folder whose path holds `part`.
pub(crate) fn files_with(dir: &Path, part: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, part));
        } else if path.display().to_string().contains(part) {
            found.push(path.display().to_string());
        }
    }
    found
}
