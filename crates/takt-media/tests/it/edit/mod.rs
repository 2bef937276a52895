//! Edit lists rendered by the real FFmpeg: what comes out is looked at and listened to.

mod picture;
mod shared;
mod sound;
mod time;
mod trim;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use takt_core::{UploadId, VideoId};
use takt_media::edit::{self, Clip, Edit, Files, RenderJob};
use takt_media::{Error, Failure, Limits};
use tempfile::TempDir;

use crate::harness::{Picture, ffmpeg, probe, runtime, tools};

/// Ids by number, so that lists can be written.
fn id(number: u128) -> String {
    UploadId::from_u128(number).to_string()
}

/// A folder with sources and the job's folder.
struct Studio {
    dir: TempDir,
    files: Files,
}

/// What a rendering gave.
struct Rendered {
    path: PathBuf,
    copied: bool,
    size: (u32, u32),
    _dir: TempDir,
}

impl Studio {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("job")).unwrap();
        Self { dir, files: Files::default() }
    }

    fn make(&self, args: &str, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        ffmpeg(&format!("{args} {}", path.display()));
        path
    }

    /// Adds an upload with the id of `number`.
    fn upload(mut self, number: u128, args: &str, name: &str) -> Self {
        let path = self.make(args, name);
        self.files.clips.insert(Clip::Upload(UploadId::from_u128(number)), path);
        self
    }

    /// Adds another's video with the id of `number`.
    fn video(mut self, number: u128, args: &str, name: &str) -> Self {
        let path = self.make(args, name);
        self.files.clips.insert(Clip::Video(VideoId::from_u128(number)), path);
        self
    }

    fn voice(mut self, number: u128, args: &str, name: &str) -> Self {
        let path = self.make(args, name);
        self.files.voices.insert(UploadId::from_u128(number), path);
        self
    }

    fn sound(mut self, args: &str, name: &str) -> Self {
        self.files.sound = Some(self.make(args, name));
        self
    }

    fn try_render(self, list: Value) -> Result<Rendered, Error> {
        let edit = parse(list);
        // Only what the list names is handed over, as the server does it.
        let wanted = edit::clips(edit.list());
        let mut files = self.files.clone();
        files.clips.retain(|clip, _| wanted.contains(clip));
        files.voices = edit
            .list()
            .voice_over
            .iter()
            .filter_map(|voice| Some((voice.source, self.files.voices.get(&voice.source)?.clone())))
            .collect::<BTreeMap<_, _>>();
        let (dir, limits) = (self.dir.path().join("job"), Limits::default());
        let job = RenderJob { tools: tools(), limits: &limits, dir: &dir, files: &files };
        let mut told = Vec::new();
        let made = runtime().block_on(edit::render(&job, &edit, |done| told.push(done)))?;
        assert!(told.is_sorted() && told.last() == Some(&1.0), "{told:?}");
        let canvas = edit.list().canvas;
        let size = (canvas.width, canvas.height);
        Ok(Rendered { path: made.path, copied: made.copied, size, _dir: self.dir })
    }

    #[track_caller]
    fn render(self, list: Value) -> Rendered {
        self.try_render(list).unwrap()
    }
}

impl Rendered {
    fn frame(&self, seconds: f64) -> Picture {
        Picture::of(&self.path, seconds, self.size)
    }

    #[track_caller]
    fn check_colour(&self, seconds: f64, (across, down): (f64, f64), colour: [u8; 3]) {
        let found = self.frame(seconds).at(across, down);
        let near = found.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 14);
        assert!(near, "{found:?} is not {colour:?} at {seconds} s, {across} {down}");
    }

    fn duration(&self) -> f64 {
        video_seconds(&self.path)
    }
}

fn video_seconds(path: &Path) -> f64 {
    probe(path, "stream=duration")[0].parse().unwrap()
}

#[track_caller]
fn parse(list: Value) -> Edit {
    edit::parse(list).unwrap()
}

/// A list of segments and whatever else is given.
fn list(segments: Value, rest: Value) -> Value {
    let mut list = json!({"version": 1, "canvas": {"width": 240, "height": 426}, "segments": segments});
    for (name, value) in rest.as_object().unwrap() {
        list[name] = value.clone();
    }
    list
}

fn segment(number: u128, start_ms: u32, end_ms: u32) -> Value {
    json!({"source": id(number), "start_ms": start_ms, "end_ms": end_ms})
}

const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";

/// A source of one colour, silent.
fn plain(colour: &str, seconds: u32) -> String {
    format!("-f lavfi -i color=c={colour}:s=240x426:r=30:d={seconds} {X264} -g 15")
}

/// A source whose colour is red in the first second, green in the second, blue in the third, white in the fourth.
fn rainbow() -> String {
    let part = |colour: &str| format!("-f lavfi -i color=c={colour}:s=240x426:r=30:d=1");
    format!(
        "{} {} {} {} -filter_complex [0][1][2][3]concat=n=4 {X264} -g 15",
        part("red"),
        part("0x00FF00"),
        part("blue"),
        part("white")
    )
}

/// A picture of one colour and a tone whose pitch is `hertz`.
fn tone(colour: &str, hertz: u32, seconds: u32) -> String {
    format!(
        "-f lavfi -i color=c={colour}:s=240x426:r=30:d={seconds} -f lavfi -i sine=f={hertz}:d={seconds}:r=48000 \
         {X264} -g 15 -c:a aac"
    )
}

#[test]
fn lists_that_ask_for_more_than_there_is_are_refused_by_field() {
    let failed = |segments: Value, rest: Value| {
        let studio =
            Studio::new().upload(1, &plain("red", 3), "a.mp4").voice(2, "-f lavfi -i sine=d=1", "voice.wav");
        match studio.sound("-f lavfi -i sine=d=2", "sound.m4a").try_render(list(segments, rest)) {
            Err(Error::Rejected(Failure::EditBeyondSource { path, rule })) => format!("{path} {rule}"),
            Err(error) => panic!("{error}"),
            Ok(_) => "rendered".into(),
        }
    };
    assert_eq!(failed(json!([segment(1, 0, 3600)]), json!({})), "segments[0].end_ms must be 3000 at most");
    let late = json!({"sound": {"sound": id(9), "start_ms": 5000}});
    assert!(failed(json!([segment(1, 0, 2000)]), late).starts_with("sound.start_ms must be 20"));
    let voice = json!([{"source": id(2), "at_ms": 0, "start_ms": 0, "end_ms": 1500}]);
    assert!(
        failed(json!([segment(1, 0, 2000)]), json!({"voice_over": voice}))
            .starts_with("voice_over[0].end_ms must be 10")
    );
}
